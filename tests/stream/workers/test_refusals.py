"""A topic of which most is refused is told, with an example and a guess, and so is the end of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from events import Given, binary, v1
from factories import batch, click_layout, record

from operators.intake.decode import Decode, DecodeConfig
from operators.intake.halves import Halve
from operators.records import PAIRS
from operators.settings.source import Sources, SourceSettings
from stream.metrics.registry import Registry
from stream.metrics.reports import LocalReporter
from stream.workers.refusals import FEW, LEAST, MEMORY, TOMBSTONES, Refusals

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


SHOP = {
    "prediction_id": "txn_id",
    "timestamp": {"path": "event_time", "unit": "rfc3339"},
    "model": "who.model",
    "prediction": "outputs.score",
    "features": {"path": "inputs", "rename": {"cnt": "clicks"}},
}
FEATURES = {"click": [field.name for field in click_layout().features]}


def said_of(value: bytes, source: SourceSettings | None = None) -> str:
    """What is told of a topic that holds nothing else."""
    sources = {} if source is None else {0: source}
    decode = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000, {}, sources))
    given = replace(batch([value] * LEAST), source=None if source is None else 0)
    registry = Registry()
    Refusals(0, LocalReporter(registry.apply), Sources(sources), FEATURES)(decode(given))
    (line,) = concerns(registry)
    return line


def test_all_that_a_record_lacks_is_told() -> None:
    """Not the first field only: whoever mends the producer, or the map, does it once."""
    line = said_of(b'{"txn_id":"a","score":0.3,"latency_ms":"slow","inputs":{"age":33}}')
    assert "it lacks: latency_ms cannot be read at latency_ms (Expected `" in line
    assert (
        "), no model at model, no prediction at prediction, "
        "5 of 5 features (age at features.age, clicks at features.clicks, fixed at features.fixed, "
        "country at features.country, member at features.member)"
    ) in line
    assert "a map may be needed: prediction_id: txn_id, prediction: score, features: inputs" in line
    assert "`driftgauge peek predictions` shows what is understood" in line


def test_what_is_looked_for_is_told_by_the_paths_of_the_map() -> None:
    """With the feature's place in the message, whatever it is called there."""
    source = SourceSettings.model_validate({"pattern": "pred.*", "map": SHOP})
    line = said_of(b'{"txn_id":"a","event_time":12,"who":{"model":"rank"},"inputs":{"age":33,"fixed":7}}', source)
    assert "model 'rank' is none of click" in line
    assert "no prediction at outputs.score" in line
    other = said_of(b'{"txn_id":"a","event_time":"now","who":{"model":"click"},"inputs":{"age":33,"fixed":7}}', source)
    assert "timestamp cannot be read at event_time" in other
    assert "3 of 5 features (clicks at inputs.cnt, country at inputs.country, member at inputs.member)" in other


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"\x00\x00\x00\x00\x07\x02rest", "five bytes of a schema registry (schema 7): Avro or Protobuf"),
        (json.dumps({"model_name": "m", "inputs": [], "outputs": []}).encode(), "preset: inference_v2"),
    ],
    ids=["framed", "inference protocol"],
)
def test_what_is_no_record_at_all_is_guessed(value: bytes, said: str) -> None:
    """By its first bytes or its keys."""
    assert said in said_of(value)


def test_tombstones_are_told_once_and_refuse_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A compacted topic whose keys are all deleted is read."""
    registry = Registry()
    refusals = Refusals(0, LocalReporter(registry.apply))
    decode = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000))
    with caplog.at_level("INFO", "driftgauge.monitor"):
        for _ in range(3):
            refusals(decode(batch([None] * LEAST)))
    assert [record.getMessage() for record in caplog.records] == [TOMBSTONES % "predictions"]
    assert concerns(registry) == []


def test_halves_are_read_though_they_are_no_records_yet() -> None:
    """Some bad messages between requests that wait for their responses are nothing to tell; bad pairs are."""
    registry = Registry()
    refusals = Refusals(0, LocalReporter(registry.apply))
    row = {"prediction_id": "a", "model": "click", "version": "1", "timestamp": "2026-09-21T14:13:20.000+00:00"}
    requests = [binary([row], v1([row], []))[0]] * 200
    halve = Halve({0: SourceSettings.model_validate({"topic": "predictions", "preset": "kserve"})}, 5_000, 60_000)
    read = replace(batch([one.value for one in requests]), source=0, envelopes=Given(requests))
    rest = halve(read).rest
    bad = DECODE(batch([THEIRS] * LEAST))
    refusals(replace(bad, halves=rest.halves))
    assert rest.halves == 200
    assert concerns(registry) == []
    paired = replace(bad, origin=replace(bad.origin, account=f"{PAIRS}/predictions"))
    refusals(paired)
    assert len(concerns(registry)) == 1
    refusals(replace(bad, dead=(), halves=5_000))
    assert len(concerns(registry)) == 1
