"""The courier's process: reads the actions topic from what is not settled, writes to the control topic."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Self

import msgspec

from operators.actions.plan import acting
from operators.records import Topic
from stream.backoff import Backoff, BackoffPolicy
from stream.config.inputs import inputs_of, matched
from stream.errors import Unreachable
from stream.metrics import catalog
from stream.metrics.reports import GaugeBlock, Increments
from stream.workers.child import Child
from stream.workers.worker import Assignment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confluent_kafka import Consumer

    from stream.config.load import Config
    from stream.metrics.registry import Registry
    from stream.metrics.reports import Reporter

_LOG = logging.getLogger("driftgauge.courier")

GROUP = "driftgauge-courier"
"""Consumer group under which it is kept what is settled: another one for each state would send everything anew."""
THREADS = 8
PAUSE = 0.2
"""Seconds between two looks at the topic while there is nothing to do."""
NUMBER = 1_000
"""Its number among the processes, far from those of the dataflow."""
STOP_SECONDS = 3.0


def is_needed(config: Config) -> bool:
    """Whether any action goes through a connector."""
    vias = [model.retrain.via for model in config.models if model.retrain is not None]
    vias += [model.canary.via for model in config.models if model.canary is not None]
    vias += [rule.via for model in config.models for rule in model.on]
    return config.actions.mode == "live" and acting(config.actions, config.models) and any(vias)


@dataclass(frozen=True)
class CourierFlow:
    """What the courier's process runs; picklable."""

    config: Config

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Carry actions until stopped."""
        del process, addresses
        # Only here, for the parent has no use for them.
        from confluent_kafka import Consumer  # noqa: PLC0415

        from stream.connectors.courier import Courier  # noqa: PLC0415
        from stream.connectors.make import connectors_of  # noqa: PLC0415
        from stream.kafka.client import consumer_properties, producer_properties  # noqa: PLC0415
        from stream.kafka.connect import wait_for_topic  # noqa: PLC0415
        from stream.kafka.control import ControlWriter  # noqa: PLC0415

        kafka, topics = self.config.kafka, self.config.topics
        properties = {**consumer_properties(kafka), "group.id": GROUP, "auto.offset.reset": "earliest"}
        for topic in (topics.actions, topics.control):
            if wait_for_topic(properties, topic, stop, lambda why: _LOG.warning("waiting: %s", why)) is None:
                return
        consumer = Consumer(properties)
        executor = ThreadPoolExecutor(THREADS, "errand")
        writer = ControlWriter(producer_properties(kafka), topics.control)

        def say(message: dict[str, Any]) -> None:
            writer.write({**message, "timestamp": dt.datetime.now(dt.UTC).isoformat()})

        def count(name: str, outcome: str) -> None:
            reporter.send(Increments(catalog.CONNECTOR_POSTS_TOTAL.name, {(name, outcome): 1.0}))

        courier = Courier(connectors_of(self.config), say, _seconds, executor, count)
        try:
            _carry(consumer, topics.actions, courier, reporter, stop, _Offsets(self.config))
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            consumer.close()


class _Offsets:
    """Tells a training which offsets hold its period, beside the times of it."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def __call__(self, step: Any) -> Any:
        """The step; of one that asks for a training with `data.offsets`, as far as the broker answers."""
        data = step.get("data")
        if step["state"] != "requested" or step["dry_run"] or not isinstance(data, dict):
            return step
        from stream.kafka.client import consumer_properties  # noqa: PLC0415 - see above
        from stream.kafka.offsets import names, offsets_between  # noqa: PLC0415 - see above

        config = self._config
        labelled = any(model.name == step["model"] and model.performance is not None for model in config.models)
        properties = {**consumer_properties(config.kafka), "error_cb": lambda _: None}
        try:
            read = inputs_of(config.topics, config.sources)
            if any(one.pattern is not None for one in read):
                read = matched(read, config.topics, names(properties))
            kinds = (Topic.PREDICTIONS, Topic.FEEDBACK)
            made, said = ([one.topic for one in read if one.holds == kind] for kind in kinds)
            since, until = (round(_seconds(data[name]) * 1e3) for name in ("from", "until"))
            offsets = offsets_between(properties, made, since, until)
            if labelled:
                offsets |= offsets_between(properties, said, since, None)
        except (Unreachable, KeyError, ValueError, TypeError) as error:
            _LOG.warning("%s goes out without offsets: %s", step["id"], error)
            return step
        return {**step, "data": {**data, "offsets": offsets}}


def _carry(
    consumer: Consumer, topic: str, courier: Any, reporter: Reporter, stop: threading.Event, offsets: _Offsets
) -> None:
    from confluent_kafka import OFFSET_BEGINNING, TopicPartition  # noqa: PLC0415 - see above

    parts = [TopicPartition(topic, number) for number in sorted(consumer.list_topics(topic).topics[topic].partitions)]
    known = {part.partition: part.offset for part in consumer.committed(parts, timeout=30)}
    read = {number: max(offset, 0) for number, offset in known.items()}
    consumer.assign(
        [TopicPartition(topic, number, offset if offset >= 0 else OFFSET_BEGINNING) for number, offset in known.items()]
    )
    _LOG.info("carrying actions of %s from offsets %s", topic, read)
    settled: dict[int, int] = {}
    behind = set(known)
    while not stop.is_set():
        for message in consumer.consume(100, PAUSE):
            number = message.partition() or 0
            if message.error() is not None:
                behind.discard(number)  # its end: all that is over by now is known to be
                continue
            read[number] = (message.offset() or 0) + 1
            step = _step(message.value())
            if step is not None:
                courier.take(offsets(step), message.offset() or 0, time.time(), number)
        if behind:
            continue
        courier.run(time.time())
        reporter.send(_held_up(courier))
        now = {number: courier.settled(offset, number) for number, offset in read.items()}
        if now != settled:
            settled = now
            places = [TopicPartition(topic, number, offset) for number, offset in now.items()]
            consumer.commit(offsets=places, asynchronous=False)


class _Needed(msgspec.Struct, frozen=True):
    """What a step must have, and of which types."""

    id: str
    state: str
    model: str
    action: str
    via: list[str]
    dry_run: bool
    complete_by: dt.datetime


def _step(value: bytes | None) -> Any:
    """A step; None for what is none, which is said: whoever may write the topic may write anything."""
    try:
        msgspec.json.decode(value or b"", type=_Needed)
        return msgspec.json.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _LOG.warning("a message of the actions topic is no step of an action, and is passed over: %s", error)
        return None


def _seconds(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def _held_up(courier: Any) -> GaugeBlock:
    found = courier.held_up(time.time())
    return GaugeBlock(
        "courier", catalog.CONNECTOR_HELD_UP_SECONDS.name, tuple((name,) for name in found), (*found.values(),)
    )


class CourierKeeper:
    """Keeps the courier's process running from a thread of the parent. A context manager.

    Args:
        config: of the monitor.
        registry: takes its reports.
        log_level: of its process.
        redact: takes secrets out of what it logs.
    """

    def __init__(self, config: Config, registry: Registry, log_level: str, redact: Callable[[str], str]) -> None:
        self._flow, self._registry = CourierFlow(config), registry
        self._assignment = Assignment(NUMBER, (), log_level, redact)
        self._stop = threading.Event()
        self._child: Child | None = None
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it; what is not settled is carried on after the next start."""
        self._stop.set()
        child = self._child
        if child is not None:
            child.ask_to_stop()
        self._thread.join(STOP_SECONDS)

    @property
    def pid(self) -> int:
        """Process id of the courier that was started last; 0 for none."""
        return 0 if self._child is None else self._child.pid

    def _run(self) -> None:
        backoff = Backoff(BackoffPolicy())
        while not self._stop.is_set():
            began = time.monotonic()
            self._live()
            if self._stop.is_set():
                return
            pause = backoff.after(time.monotonic() - began)
            _LOG.error("the courier of actions has ended; it starts again in %.1f s", pause)
            self._stop.wait(pause)

    def _live(self) -> None:
        try:
            child = self._child = Child(self._flow, self._assignment, self._registry.apply)
        except OSError as error:
            _LOG.error("the courier of actions could not be started: %s", error)
            return
        try:
            asked = None
            while child.exit_code is None:
                wait([child.sentinel], timeout=PAUSE)
                if self._stop.is_set():
                    asked = asked or time.monotonic()
                    child.ask_to_stop()
                    if time.monotonic() - asked > STOP_SECONDS / 2:
                        break
        finally:
            child.kill()
            child.bury()
        if child.failure is not None:
            _LOG.error("the courier of actions cannot work: %s", child.failure.message)
