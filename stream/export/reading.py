"""Reading: the records of a model in a span of a topic, as a source's map reads them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaException

from operators.formats.joined import Joiner
from operators.formats.packed import ERRORS, UnreadableError
from operators.formats.plain import PlainReader
from operators.records import UNTIMED, NoEnvelopes, Origin, RawBatch, Topic
from operators.settings.source import SourceSettings
from stream.config.inputs import inputs_of, matched, sources_of
from stream.errors import Unreachable
from stream.kafka.asking import ANSWER_SECONDS
from stream.kafka.client import MOCK
from stream.kafka.latest import looking
from stream.kafka.offsets import names
from stream.kafka.registry import registry_of
from stream.replay.lanes import Block
from stream.replay.topics import Place, TopicLane, ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from operators.formats.plain import PlainRecord
    from stream.config.load import Config
    from stream.replay.topics import Range

AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Part:
    """A topic that is read, how, and which offsets of it."""

    topic: str
    source: SourceSettings
    ranges: tuple[Range, ...]

    @property
    def count(self) -> int:
        """Offsets, which are its messages or nearly so."""
        return sum(one.end - one.begin for one in self.ranges)


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and its time (ms): its own, or that of its message."""

    record: PlainRecord
    time: int


@dataclass(slots=True)
class Faults:
    """Records that are not read: reason -> how many; other models' are no fault."""

    refused: Counter[str] = field(default_factory=Counter)


def parts_of(config: Config, holds: Topic, since: int | None, until: int | None) -> list[Part]:
    """What is to be read of predictions or of feedback: messages written in [since, until), ms; None for the ends.

    Raises:
        Unreachable: the broker does not answer.
        UsageError: there is no such topic, or no message in that time.
    """
    properties = looking(config)
    if not _knows_times(config, properties):
        since = until = None
    begin = Place() if since is None else Place(time=since)
    end = Place(latest=True) if until is None else Place(time=until)
    sources = sources_of(config.sources, config.models)
    known = sources.predictions if holds == Topic.PREDICTIONS else sources.feedback
    inputs = inputs_of(config.topics, config.sources)
    if any(one.pattern is not None for one in inputs):
        inputs = matched(inputs, config.topics, names(properties))
    return [
        Part(
            one.topic,
            SourceSettings(topic=one.topic) if one.source is None else known[one.source],
            tuple(ranges(properties, one.topic, begin, end)),
        )
        for one in inputs
        if one.holds == holds
    ]


def _knows_times(config: Config, properties: dict[str, Any]) -> bool:
    """Whether the broker can say which offset was written when: the embedded one cannot, and is read whole."""
    consumer = Consumer(properties)
    try:
        return not (consumer.list_topics(timeout=ANSWER_SECONDS).cluster_id or "").startswith(MOCK)
    except KafkaException as error:
        raise Unreachable(f"{config.kafka.brokers}: no answer: {error.args[0].str()}") from None
    finally:
        consumer.close()


def records(
    config: Config, parts: list[Part], model: str, faults: Faults, progress: Callable[[float, int], None]
) -> Iterator[Found]:
    """The records of a model, partition after partition."""
    total, before, count = max(sum(part.count for part in parts), 1), 0, 0
    schemas = registry_of(config)
    for part in parts:
        reader, joiner = PlainReader(part.source, schemas), Joiner(part.source)
        for chosen in part.ranges:
            lane = TopicLane(looking(config), part.topic, chosen)
            try:
                while lane.total and (block := lane.read(AT_ONCE)):
                    count += len(block.values)
                    yield from _of_block(reader, joiner, part.topic, block, model, faults)
                    progress((before + lane.done) / total, count)
                    if block.ended:
                        break
            finally:
                lane.close()
            before += lane.total
        last = Block((), (), NoEnvelopes(), ended=True)
        yield from _of_block(reader, joiner, part.topic, last, model, faults, last=True)


def _of_block(
    reader: PlainReader, joiner: Joiner, topic: str, block: Block, model: str, faults: Faults, *, last: bool = False
) -> Iterator[Found]:
    messages = joiner(RawBatch(Origin(topic), block.values, block.written, block.envelopes, 0), last=last)
    for number in range(len(messages.parts)):
        try:
            found = list(messages.records(reader, number))
        except ERRORS as error:
            faults.refused[error.reason.value if isinstance(error, UnreadableError) else "wrong_type"] += 1
            continue
        written = UNTIMED if messages.batch.written is None else messages.batch.written[number]
        for record in found:
            named = record.value("model")
            if record.skipped or (named is not None and str(named) != model):
                continue
            time = record.value("timestamp")
            time = written if time is None and not _is_faulty(record) else time
            if named is None or time is None or time == UNTIMED:
                faults.refused["missing_field" if named is None else "bad_timestamp"] += 1
                continue
            yield Found(record, int(time))


def _is_faulty(record: PlainRecord) -> bool:
    """Whether there is a time that is none."""
    return "timestamp" in record.fields and bool(record.fields["timestamp"].fault)
