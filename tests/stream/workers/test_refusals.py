"""A topic of which most is refused is told, with an example and a guess, and so is the end of it."""

from __future__ import annotations

from factories import batch, click_layout, record

from operators.intake.decode import Decode, DecodeConfig
from stream.metrics.registry import Registry
from stream.metrics.reports import LocalReporter
from stream.workers.refusals import FEW, LEAST, MEMORY, Refusals

DECODE = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000))
THEIRS = b'{"txn_id":"a","model":"click","inputs":{"age":33}}'


def concerns(registry: Registry) -> list[str]:
    """Why the topic keeps the monitor from being ready."""
    return [line for line in registry.not_ready() if "refused" in line]


def test_a_refused_topic_is_not_ready_until_it_is_read_again() -> None:
    """/readyz says where, why and what may help; when most is read, it says so no more."""
    registry = Registry()
    refusals = Refusals(0, LocalReporter(registry.apply))
    refusals(DECODE(batch([THEIRS] * (LEAST - 1))))
    assert concerns(registry) == []
    refusals(DECODE(batch([THEIRS] * 2, partition=0, first=900)))
    (line,) = concerns(registry)
    assert "topic predictions: 100% of the latest records are refused" in line
    assert "the one at offset 901 of partition 0 for missing_field (neither features nor error)" in line
    assert "a map may be needed: prediction_id: txn_id, features: inputs" in line
    refusals(DECODE(batch([record()] * int(LEAST / FEW + LEAST))))
    assert concerns(registry) == []


def test_a_bad_record_now_and_then_is_nothing_to_tell() -> None:
    """Nor does a long good past hide that nothing is read any more."""
    registry = Registry()
    refusals = Refusals(0, LocalReporter(registry.apply))
    refusals(DECODE(batch([record()] * 10 * MEMORY + [THEIRS] * LEAST)))
    assert concerns(registry) == []
    for _ in range(20):
        refusals(DECODE(batch([THEIRS] * MEMORY)))
    assert len(concerns(registry)) == 1
