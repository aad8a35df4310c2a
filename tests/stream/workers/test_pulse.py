"""The pulse: what a process waits for is no reason to expect that its dataflow moves, for it may read nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from waiting import until

from operators.join.changelog import Record
from stream.config.edges.kafka import KafkaSettings
from stream.kafka.changelog import Changelog
from stream.kafka.client import producer_properties
from stream.kafka.messages import Outgoing
from stream.kafka.sink import TopicWriter, UndeliveredError, Writing
from stream.metrics.heartbeats import Heartbeats
from stream.metrics.reports import Beat
from stream.workers.pulse import CHANGELOG, DATAFLOW, Pulse

if TYPE_CHECKING:
    from brokers import Broker

    from stream.metrics.reports import Report


class Heard:
    """A reporter that keeps the last beat."""

    def __init__(self) -> None:
        self.last: Beat | None = None

    def send(self, report: Report) -> None:
        """Keep it."""
        if isinstance(report, Beat):
            self.last = report

    def parts(self) -> dict[str, float]:
        """Each part with its age (s), as of a beat that comes after this is asked."""
        self.last = None
        until(lambda: self.last is not None)
        return {} if self.last is None else dict(self.last.ages)


def waits_in_vain(pulse: Pulse) -> None:
    """A writer waits for a broker that is not there, until it is stopped."""
    stop, waited = threading.Event(), threading.Event()

    def moved() -> None:
        keep()
        waited.set()
        stop.set()

    keep = pulse.keeper(DATAFLOW)
    properties = producer_properties(KafkaSettings(brokers="127.0.0.1:1", properties={"log_level": 0}))
    writing = Writing(properties, "t", lambda item, _: Outgoing(None, item, ()), stop)
    writer = TopicWriter(replace(writing, moved=moved))
    writer.write_batch([b"x"])
    with pytest.raises(UndeliveredError):
        writer.snapshot()
    assert waited.is_set()


def test_a_process_that_reads_nothing_is_not_expected_to_after_it_waited() -> None:
    """It has no partition: ten seconds later it was told to be not ready, and after two minutes it was killed."""
    heard = Heard()
    with Pulse(heard, 0) as pulse:
        waits_in_vain(pulse)
        assert heard.parts() == {}
        assert heard.last is not None
        beats = Heartbeats(iter([0.0, 7.0]).__next__)
        beats.hear(heard.last)
        assert [silence.part for silence in beats.silences().values()] == [""]


def test_a_process_that_reads_is_excused_while_it_waits() -> None:
    """What it reads moves on as soon as it need not wait any more."""
    heard = Heard()
    with Pulse(heard, 0) as pulse:
        pulse.mover(DATAFLOW)()
        until(lambda: heard.parts()[DATAFLOW] > 2.0)
        before = heard.parts()[DATAFLOW]
        waits_in_vain(pulse)
        assert heard.parts()[DATAFLOW] < before


def test_a_changelog_is_expected_to_move_while_it_is_read(broker: Broker) -> None:
    """And neither it nor the dataflow afterwards, in a process that has only stores."""
    topic, heard = broker.topic("changelog"), Heard()
    with Pulse(heard, 0) as pulse:
        kafka = KafkaSettings(brokers=broker.bootstrap)
        aside = partial(pulse.aside, CHANGELOG, DATAFLOW)
        log = Changelog(kafka, topic, "one", threading.Event(), aside)
        log.write(Record(1, "a", "begin", 0))
        log.settle()
        assert heard.parts() == {}
        records = log.read(1)
        assert next(records) == Record(1, "a", "begin", 0)
        assert list(heard.parts()) == [CHANGELOG]
        assert list(records) == []
        assert heard.parts() == {}
        log.close()
