"""Proposals: what reads messages of every known system is found by looking at them, and finds what the monitor does."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pytest
from factories import batch, record
from presets import ALL, NAMES, Preset, packed
from shapes import SHAPES
from test_presets import REQUESTS, ROWS
from test_surroundings import Letters

from operators.formats.plain import PlainReader
from operators.formats.proposals import proposed, tried
from operators.formats.surroundings import Surroundings
from operators.settings.source import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapes import Shape

    from operators.records import Headers, RawBatch

Row = dict[str, Any]
POSITIONAL = {f"f{number}": name for number, name in enumerate(NAMES)}


def messages(values: Sequence[bytes], headers: Sequence[Headers] = ()) -> RawBatch:
    """A batch of them."""
    return replace(batch(values), envelopes=Letters([None] * len(values), headers or [()] * len(values)))


def plain(source: SourceSettings, given: RawBatch) -> list[Row]:
    """What is found by a source, as rows; features without a value are left out."""
    reader = PlainReader(source)
    found = []
    for number, value in enumerate(given.values):
        for one in reader.records(value, Surroundings(given, [number])):
            features = {POSITIONAL.get(name, name): cell.value for name, cell in one.features.items()}
            row = {name: one.value(name) for name in ("prediction_id", "timestamp", "prediction", "version")}
            found.append({**row, "features": {name: value for name, value in features.items() if value is not None}})
    return found


def expected(rows: Sequence[Row], *, lacks: frozenset[str] = frozenset()) -> list[Row]:
    """The same of native rows, written here without the reader."""
    return [
        {
            "prediction_id": row["prediction_id"],
            "timestamp": round(dt.datetime.fromisoformat(row["timestamp"]).timestamp() * 1e3),
            "prediction": row["prediction"],
            "version": None if "version" in lacks else row["version"],
            "features": {name: value for name, value in row["features"].items() if value is not None},
        }
        for row in rows
    ]


def loose(rows: Sequence[Row]) -> list[Row]:
    """Rows whose values are compared as text: a system that logs CSV has nothing else."""
    return [
        {**row, "features": {name: str(value) for name, value in row["features"].items()}} for row in map(dict, rows)
    ]


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.name)
def test_every_preset_is_recognised_and_read(preset: Preset) -> None:
    """From the messages alone: all of them are read, with the ids, times, predictions and features of the rows."""
    given = messages(*preset.messages(REQUESTS))
    best = proposed(given)
    assert best is not None
    assert best.good == len(given.values)
    assert best.settings["preset"] in {preset.source["preset"], "inference_v1"}
    found = plain(best.source, given)
    assert loose(found) == loose(expected(ROWS, lacks=preset.lacks))


@pytest.mark.parametrize(
    "shape", [shape for shape in SHAPES if shape.name != "positions"], ids=lambda shape: shape.name
)
def test_a_map_finds_what_the_rows_say(shape: Shape) -> None:
    """Plain reading follows the maps that the monitor follows: nested, flattened, split, filtered."""
    source = SourceSettings.model_validate({"topic": "t", **shape.source})
    given = messages(shape.messages(ROWS))
    reader = PlainReader(source)
    read = [
        one
        for number, value in enumerate(given.values)
        for one in reader.records(value, Surroundings(given, [number]))
        if not one.skipped
    ]
    wanted = expected(ROWS)
    assert [one.value("prediction") for one in read] == [row["prediction"] for row in wanted]
    assert [one.value("timestamp") for one in read] == [row["timestamp"] for row in wanted]
    for one, row in zip(read, wanted, strict=True):
        found = {name: cell.value for name, cell in one.features.items() if cell.value is not None}
        assert {name: found[name] for name in row["features"]} == row["features"]


SHOP = {
    "txn_id": "t1",
    "event_time": "2026-11-23T12:00:00Z",
    "inputs": {"amount": 19.9, "device": {"os": "linux"}},
    "outputs": {"score": 0.3},
    "timing": {"total_us": 1200},
}


BANK = {
    "header": {"msgId": "f10ed0f790fb73eb", "ts": "2026-11-28T11:17:10.692"},
    "payload": {
        "txn": {"id": 70002998, "amt": 17.08, "ccy": "BRL", "card": {"type": "debit"}},
        "scoring": {"model": "m", "ver": 12, "score": 0.2, "decision": "APPROVE", "elapsedMicros": 3180},
    },
}
"""What the score was made of is beside the score, in one object: neither it nor what follows from it is a feature."""


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        (
            SHOP,
            {
                "map": {
                    "prediction_id": "txn_id",
                    "timestamp": {"path": "event_time", "unit": "rfc3339"},
                    "prediction": "outputs.score",
                    "latency_ms": {"path": "timing.total_us", "scale": 0.001},
                    "features": {"path": "inputs", "flatten": True},
                }
            },
        ),
        ({"txn": "t1", "is_fraud": True}, {"holds": "feedback", "map": {"prediction_id": "txn", "label": "is_fraud"}}),
        ({"prediction_id": "a", "label": 1}, {"holds": "feedback"}),
        (
            {"id": "a", "ts": 1_790_000_000, "score": 0.4, "age": 33, "country": "de"},
            {"map": {"prediction_id": "id", "timestamp": "ts", "prediction": "score", "features": "$"}},
        ),
        (
            {"model": {"name": "m", "version": 3}, "y_pred": 1, "features": {"a": 1}, "took_s": 0.2},
            {
                "map": {
                    "model": "model.name",
                    "version": "model.version",
                    "prediction": "y_pred",
                    "latency_ms": {"path": "took_s", "scale": 1000.0},
                }
            },
        ),
        (
            {"id": "a", "inputs": [1, 2, 3], "score": 0.5},
            {
                "map": {
                    "prediction_id": "id",
                    "prediction": "score",
                    "features": {"path": "inputs", "names": ["f0", "f1", "f2"]},
                }
            },
        ),
        (
            BANK,
            {
                "map": {
                    "prediction_id": "payload.txn.id",
                    "timestamp": {"path": "header.ts", "unit": "rfc3339"},
                    "model": "payload.scoring.model",
                    "version": "payload.scoring.ver",
                    "prediction": "payload.scoring.score",
                    "latency_ms": {"path": "payload.scoring.elapsedMicros", "scale": 0.001},
                    "features": {"path": "payload.txn", "flatten": True, "drop": ["id"]},
                }
            },
        ),
        (
            {"payload": {"id": 7, "amount": 5.5, "score": 0.25}},
            {
                "map": {
                    "prediction_id": "payload.id",
                    "prediction": "payload.score",
                    "features": {"path": "payload", "drop": ["id", "score"]},
                }
            },
        ),
    ],
    ids=["shop", "chargebacks", "feedback", "flat", "named model", "positions", "bank", "all in one"],
)
def test_usual_names_make_a_map(given: Row, settings: Row) -> None:
    """It reads every message, and is exactly what a person would write."""
    best = proposed(messages([json.dumps(given).encode()] * 3))
    assert best is not None
    assert (best.good, best.settings) == (3, settings)


def test_messagepack_is_recognised() -> None:
    """By its bytes, with a map where one is needed."""
    best = proposed(messages([msgspec.msgpack.encode(SHOP)] * 3))
    assert best is not None
    assert (best.good, best.settings["format"]) == (3, "msgpack")
    assert best.settings["map"]["prediction"] == "outputs.score"


def test_an_arrow_stream_is_recognised() -> None:
    """By its first bytes; its columns have the contract's names here, and its features are a struct."""
    table = pa.table({"prediction_id": ["a", "b"], "prediction": [0.5, 0.1], "features": [{"x": 1.5}, {"x": 2.5}]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    given = messages([sink.getvalue().to_pybytes()])
    best = proposed(given)
    assert best is not None
    assert (best.good, best.settings) == (1, {"format": "arrow"})
    assert [row["features"] for row in plain(best.source, given)] == [{"x": 1.5}, {"x": 2.5}]


def test_ground_truth_is_recognised_as_feedback() -> None:
    """What SageMaker calls it."""
    message = {
        "groundTruthData": {"data": packed("1"), "encoding": "BASE64"},
        "eventMetadata": {"eventId": "e1"},
    }
    best = proposed(messages([json.dumps(message).encode()]))
    assert best is not None
    assert best.settings == {"preset": "sagemaker", "holds": "feedback"}


@pytest.mark.parametrize(
    "values",
    [[record()] * 3, [b"nope"], [b'{"a": {"b": 1}}'], [b"[1, 2]"], [b"\x00\x00\x00\x00\x07abc"], [b""], []],
    ids=["the contract's own", "text", "nothing usual", "numbers", "framed", "empty", "none"],
)
def test_nothing_is_proposed_where_nothing_helps(values: list[bytes]) -> None:
    """Neither of what is read as it is, nor of rubbish."""
    assert proposed(messages(values)) is None


def test_some_bad_messages_do_not_hide_what_the_others_are() -> None:
    """They are counted: the proposal says how many it reads."""
    best = proposed(messages([b"oops", *[json.dumps(SHOP).encode()] * 3, b"[1]"]))
    assert best is not None
    assert best.good == 3


def test_what_a_field_cannot_be_is_said() -> None:
    """Another type, a time in another unit: the field has no value and a reason."""
    source = SourceSettings.model_validate({"topic": "t", "map": {"timestamp": {"path": "ts", "unit": "us"}}})
    given = messages([b'{"ts": 1790000000, "latency_ms": "slow", "features": {"a": 1}}'])
    (one,) = PlainReader(source, unread=True).records(given.values[0], Surroundings(given, [0]))
    assert "another unit" in one.fields["timestamp"].fault
    assert "float" in one.fields["latency_ms"].fault
    assert one.predicts


def test_a_source_that_is_none_is_tried_by_nobody() -> None:
    """Its settings are refused, and that is all."""
    assert tried(messages([record()]), {"preset": "unheard-of"}) is None


def test_requests_alone_are_read_without_predictions() -> None:
    """A log of requests only still has its features."""
    given = messages([json.dumps({"instances": [row["features"] for row in rows]}).encode() for rows in REQUESTS[:5]])
    best = proposed(given)
    assert best is not None
    assert (best.good, best.settings) == (5, {"preset": "inference_v1"})


def test_a_name_that_is_given_to_another_key_is_not_that_feature() -> None:
    """As for the monitor: `age` is what `old` is called, whatever else the message calls so."""
    features = {"path": "features", "rename": {"old": "age"}}
    source = SourceSettings.model_validate({"topic": "t", "map": {"features": features}})
    given = messages([b'{"features": {"age": 1, "b": 2}}', b'{"features": {"old": 3}}'])
    first, second = (next(PlainReader(source).records(value, Surroundings(given, [0]))) for value in given.values)
    assert {name: cell.value for name, cell in first.features.items()} == {"b": 2}
    assert {name: (cell.value, cell.where) for name, cell in second.features.items()} == {"age": (3, "features.old")}


def _mixed(count: int) -> tuple[list[bytes], list[Headers]]:
    """Scores, and twice as many messages about other things, whose fields have the same names and other types."""
    found: list[Row] = []
    for number in range(count):
        score = {**SHOP, "txn_id": f"t{number}"}
        about = {"txn_id": f"t{number}", "event_time": "2026-11-23T12:00:01Z", "inputs": "none"}
        found += [{"type": "score", **score}, {"type": "audit", **about}, {"type": "session", "user": "u"}]
    return [json.dumps(one).encode() for one in found], [(("event_type", one["type"].encode()),) for one in found]


def test_a_filter_is_proposed_where_a_text_tells_the_kinds_of_messages_apart() -> None:
    """By what the messages say, or by a header where they do not; all are read or skipped then."""
    values, headers = _mixed(4)
    best = proposed(messages(values))
    assert best is not None
    assert best.settings["where"] == {"path": "type", "in": ["score"]}
    assert best.settings["map"]["prediction"] == "outputs.score"
    assert best.good == len(values)
    bare = [json.dumps({name: one for name, one in json.loads(value).items() if name != "type"}) for value in values]
    best = proposed(messages([value.encode() for value in bare], headers))
    assert best is not None
    assert best.settings["where"] == {"header": "event_type", "in": ["score"]}
    assert best.good == len(values)


def test_no_filter_is_proposed_where_all_messages_are_read() -> None:
    """Whatever they say that they are."""
    values = [json.dumps({"type": kind, **SHOP}).encode() for kind in ("card", "transfer", "card")]
    best = proposed(messages(values))
    assert best is not None
    assert "where" not in best.settings


def test_several_records_in_a_message_are_split() -> None:
    """Their fields by the usual names, beside those that the message says once; and what is found is theirs."""
    scored = [
        {"id": f"r{number}", "score": number / 8, "inputs": {"amount": float(number), "country": "de"}}
        for number in range(6)
    ]
    about = {"model": "fraud", "event_time": "2026-11-23T12:00:00Z"}
    given = messages([json.dumps({**about, "results": scored[at : at + 3]}).encode() for at in (0, 3)])
    best = proposed(given)
    assert best is not None
    assert best.settings["split"] == "results"
    assert best.good == 2
    found = plain(best.source, given)
    assert [(row["prediction_id"], row["prediction"], row["features"]) for row in found] == [
        (row["id"], row["score"], row["inputs"]) for row in scored
    ]
    assert {row["timestamp"] for row in found} == {1_795_435_200_000}


AT = "2026-05-04T10:00:00Z"
ANSWERS: dict[str, tuple[list[Row], Row]] = {
    "words": (
        [{"applicationRef": f"h-{at}", "defaulted": "YN"[at % 2], "decidedAt": AT} for at in range(12)],
        {
            "prediction_id": "applicationRef",
            "timestamp": {"path": "decidedAt", "unit": "rfc3339"},
            "label": {"path": "defaulted", "values": {"Y": 1, "N": 0}},
        },
    ),
    "a boolean beside a comment": (
        [{"loanNo": 1_000 + at, "paidBack": at % 3 > 0, "clerk": f"c{at % 4}"} for at in range(12)],
        {"prediction_id": "loanNo", "label": "paidBack"},
    ),
    "a price": (
        [{"listing_ref": f"L{at}", "sold_price": 100_000.5 + at, "sold_on": "2026-05-04"} for at in range(12)],
        {
            "prediction_id": "listing_ref",
            "timestamp": {"path": "sold_on", "unit": "rfc3339"},
            "label": "sold_price",
        },
    ),
    "one of no time": (
        [{"order_id": f"o{at}", "returned": at % 2} for at in range(12)],
        {"prediction_id": "order_id", "label": "returned"},
    ),
    "a revised one": (
        [{"caseKey": f"o{max(at, 1)}", "verdict": ["ok", "bad", "odd"][at % 3]} for at in range(12)],
        {"prediction_id": "caseKey", "label": "verdict"},
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_labels_under_unusual_names_are_feedback(name: str) -> None:
    """An id, an outcome and perhaps a time: no predictions, whatever they are called."""
    rows, fields = ANSWERS[name]
    found = proposed(messages([json.dumps(row).encode() for row in rows]))
    assert found is not None
    assert found.settings == {"holds": "feedback", "map": fields}
    assert (found.good, found.sure) == (len(rows), True)
    reader = PlainReader(found.source)
    read = [
        one for row in rows for one in reader.records(json.dumps(row).encode(), Surroundings(messages([b"{}"]), [0]))
    ]
    label = fields["label"]["path"] if isinstance(fields["label"], dict) else fields["label"]
    words = {"Y": 1, "N": 0}
    assert [one.value("label") for one in read] == [words.get(row[label], row[label]) for row in rows]
    assert [one.value("prediction_id") for one in read] == [row[fields["prediction_id"]] for row in rows]


@pytest.mark.parametrize(
    "row",
    [
        {"caseKey": "o1", "amount": 3.5, "country": "de", "age": 41, "premium": True},
        {"caseKey": "o1", "risk_score": 0.3, "amount": 4.5},
        {"caseKey": "o1", "inputs": {"amount": 4.5}, "won": True},
    ],
    ids=["features", "a score", "nested"],
)
def test_predictions_are_not_taken_for_labels(row: Row) -> None:
    """More values than a label has beside it, a score, or an object of features."""
    found = proposed(messages([json.dumps({**row, "caseKey": f"o{at}"}).encode() for at in range(12)]))
    assert found is None or found.source.holds == "predictions"
