"""Formats: the same rows as bytes of any of them are decoded and folded to the same sketches, to the last count."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pytest
from factories import START, batch
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored import reference
from shapes import SHOP, _shop

from operators.dead_letters import Reason
from operators.formats.packed import LARGEST
from operators.intake.decode import Decode, DecodeConfig
from operators.predictions.fold import Fold
from operators.settings.source import SourceSettings
from stream.simulate.generator import Generator
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from operators.intake.decode import Decoded

Row = dict[str, Any]

zipped = partial(gzip.compress, mtime=0)  # a time in the bytes would be another name of the test each second

PANE = 10_000
LAYOUT = layout_of(reference())
GENERATOR = Generator(reference(), seed=4, error_rate=0.02)
ROWS: list[Row] = [json.loads(line) for line in GENERATOR.encode(GENERATOR.batch(600, START, START + 3 * PANE))]
for _row in ROWS:
    _row["latency_ms"] = round(_row["latency_ms"] * 1000) * 0.001


@dataclass(frozen=True)
class Format:
    """Rows as messages.

    Attributes:
        name: for the test's id.
        source: what the config says of it; None for the contract's own shape.
        messages: makes them.
    """

    name: str
    source: Row | None
    messages: Callable[[Sequence[Row]], list[bytes]]


def grouped(rows: Sequence[Row], size: int = 7) -> list[Sequence[Row]]:
    """Some rows a message."""
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def zstd(value: bytes) -> bytes:
    """Compressed."""
    packed: bytes = pa.Codec("zstd").compress(value, asbytes=True)
    return packed


def lines(rows: Sequence[Row]) -> bytes:
    """One a line."""
    return b"\n".join(json.dumps(row).encode() for row in rows)


def columns_of(rows: Sequence[Row], names: Sequence[str]) -> Row:
    """One list a field."""
    return {name: [row.get(name) for row in rows] for name in names}


def table(rows: Sequence[Row]) -> Row:
    """A column a field; what is the same in all rows stands once."""
    features = columns_of([row.get("features") or {} for row in rows], list(reference().features))
    fields = columns_of(rows, ["prediction_id", "timestamp", "version", "prediction", "latency_ms", "error"])
    return {"model": "click", **fields, "features": features}


RENAMED: Row = {
    "map": {
        "model": {"constant": "click"},
        "timestamp": {"path": "t", "unit": "ms"},
        "prediction": "out.p",
        "features": {"path": "x", "rename": {"cost": "price"}},
    }
}


def renamed(given: Row) -> Row:
    """In the shape that RENAMED is of."""
    inside = {"cost" if name == "price" else name: values for name, values in given["features"].items()}
    kept = {
        name: values for name, values in given.items() if name not in {"timestamp", "prediction", "features", "model"}
    }
    times = [round(dt.datetime.fromisoformat(at).timestamp() * 1e3) for at in given["timestamp"]]
    return {**kept, "t": times, "out": {"p": given["prediction"]}, "x": inside}


def column(values: list[Any]) -> pa.Array:
    """Of one type: texts where not all are numbers."""
    if len(set(map(type, values)) - {type(None), float, int}) and len(set(map(type, values)) - {type(None)}) > 1:
        values = [None if value is None else str(value) for value in values]
    return pa.array(values)


def arrow(rows: Sequence[Row], names: bool = True) -> bytes:
    """An IPC stream of two record batches; categories, with `names`, as dictionaries."""
    given = table(rows)
    features = {name: column(values) for name, values in given.pop("features").items()}
    fields = {name: column([value] * len(rows) if name == "model" else value) for name, value in given.items()}
    fields["error"] = pa.array(given["error"], pa.string())
    if names:
        fields["model"], features["country"] = (
            one.dictionary_encode() for one in (fields["model"], features["country"])
        )
    fields["features"] = pa.StructArray.from_arrays(list(features.values()), names=list(features))
    whole, half = pa.record_batch(fields), len(rows) // 2
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, whole.schema) as stream:
        stream.write_batch(whole.slice(0, half))
        stream.write_batch(whole.slice(half))
    written: bytes = sink.getvalue().to_pybytes()
    return written


def many(write: Callable[[Sequence[Row]], bytes], rows: Sequence[Row]) -> list[bytes]:
    """A large message, then smaller ones."""
    rest = len(rows) // 2
    return [write(rows[:rest]), *(write(some) for some in grouped(rows[rest:]))]


def shop(rows: Sequence[Row]) -> list[Row]:
    """In the shape of a shop."""
    return [_shop(row) for row in rows]


FORMATS = (
    Format("a JSON array", None, lambda rows: [json.dumps(some).encode() for some in grouped(rows)]),
    Format(
        "a JSON array, indented", None, lambda rows: [json.dumps(some, indent=1).encode() for some in grouped(rows)]
    ),
    Format("an array of another shape", SHOP, lambda rows: [json.dumps(shop(some)).encode() for some in grouped(rows)]),
    Format(
        "JSON Schema's framing", SHOP, lambda rows: [b"\0\0\0\0\7" + json.dumps(_shop(row)).encode() for row in rows]
    ),
    Format("gzip", None, lambda rows: [zipped(json.dumps(row).encode()) for row in rows]),
    Format("gzip, lines", None, lambda rows: [zipped(lines(some)) for some in grouped(rows)]),
    Format("zstd, another shape", SHOP, lambda rows: [zstd(lines(shop(some))) for some in grouped(rows)]),
    Format("MessagePack", {"format": "msgpack"}, lambda rows: [msgspec.msgpack.encode(row) for row in rows]),
    Format(
        "MessagePack, lists of another shape",
        {"format": "msgpack", **SHOP},
        lambda rows: [zipped(msgspec.msgpack.encode(shop(some))) for some in grouped(rows)],
    ),
    Format(
        "columns in JSON", {"format": "columns"}, lambda rows: [json.dumps(table(s)).encode() for s in grouped(rows)]
    ),
    Format(
        "columns in JSON, of another shape",
        {"format": "columns", **RENAMED},
        lambda rows: [zstd(json.dumps(renamed(table(some))).encode()) for some in grouped(rows, 20)],
    ),
    Format("Arrow", {"format": "arrow"}, lambda rows: [arrow(some) for some in grouped(rows)]),
    Format(
        "columns in JSON, many rows",
        {"format": "columns"},
        lambda rows: many(lambda s: json.dumps(table(s)).encode(), rows),
    ),
    Format("Arrow, many rows", {"format": "arrow"}, lambda rows: many(arrow, rows)),
    Format("Arrow, gzip", {"format": "arrow"}, lambda rows: [zipped(arrow(some, False)) for some in grouped(rows, 20)]),
)


def decoder(source: Row | None, joined: bool = True) -> Decode:
    """Reads source 0."""
    sources = {} if source is None else {0: SourceSettings.model_validate({"topic": "t", **source})}
    return Decode(DecodeConfig((LAYOUT,), PANE, 5_000, 60_000, {"click": "binary"} if joined else {}, sources))


def decoded(decode: Decode, messages: Sequence[bytes | None]) -> Decoded:
    """What becomes of messages."""
    return decode(replace(batch(messages, written=START), source=0 if decode.mapped else None))


def outcome(found: Decoded) -> dict[str, Any]:
    """All that is said of a batch."""
    ((_, partial),) = Fold((LAYOUT,), PANE, {"click": 16})(found)
    served = found.served["click"]
    return {
        "sketches": {key: sketch.tolist() for key, sketch in partial.sketches.items()},
        "late": partial.late,
        "ids": list(served.ids),
        "times": served.times.tolist(),
        "predictions": list(served.predictions),
        "read": found.read,
        "dead": found.dead,
        "unfit": found.unfit,
        "floor": found.floor,
    }


NATIVE = outcome(decoded(decoder(None), [json.dumps(row).encode() for row in ROWS]))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_format_is_read_as_the_native_one(form: Format) -> None:
    """Sketches, ids, times and predictions are the same, whatever the bytes were."""
    assert NATIVE["read"] == 600
    assert outcome(decoded(decoder(form.source), form.messages(ROWS))) == NATIVE


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_bad_message_leaves_the_others_as_they_are(form: Format) -> None:
    """No value, none of the format, cut off: a dead letter each, with the bytes as they came."""
    messages = form.messages(ROWS)
    bad = [b"", messages[0][:-3], b"\xc1"]
    found = decoded(decoder(form.source), [*messages[:20], *bad, *messages[20:]])
    expected = {**NATIVE, "read": NATIVE["read"] + len(found.dead), "dead": found.dead}
    assert outcome(found) == expected
    assert [letter.value for letter in found.dead if letter.offset in (20, 22)] == [b"", b"\xc1"]
    assert {letter.offset for letter in found.dead} == {20, 21, 22}


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_field_of_another_type_is_set_aside_in_every_format(form: Format) -> None:
    """The record counts, and so do the other fields of it."""
    rows = [{**row, "features": dict(row["features"])} if row.get("features") else row for row in ROWS]
    rows[5]["features"]["price"] = "a lot"
    found = decoded(decoder(form.source), form.messages(rows))
    assert (found.dead, found.unfit, found.read) == ((), {"features.price": 1}, 600)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (zipped(b"x" * 50)[:20], Reason.BAD_FORMAT),
        (b"\x1f\x8b\x08nonsense", Reason.BAD_FORMAT),
        (b"\x28\xb5\x2f\xfdnonsense", Reason.BAD_FORMAT),
        (zipped(b"[" + b" " * LARGEST + b"]"), Reason.OVERSIZED),
        (zstd(b"[" + b" " * LARGEST + b"]"), Reason.OVERSIZED),
        (zipped(b""), Reason.EMPTY),
        (b"[1, 2", Reason.BROKEN_JSON),
        (b"[[]]", Reason.WRONG_TYPE),
    ],
)
def test_what_cannot_be_unpacked_is_a_dead_letter(value: bytes, reason: Reason) -> None:
    """Also what would be gigabytes: no more than a bounded piece of it is ever unpacked."""
    for source in (None, SHOP):
        found = decoded(decoder(source), [value])
        assert [letter.reason for letter in found.dead] == [reason]


def test_an_empty_array_is_skipped() -> None:
    """It holds no record, and nothing is wrong with it."""
    for form in ({"format": "msgpack"},):
        found = decoded(decoder(form), [msgspec.msgpack.encode([]), msgspec.msgpack.encode(ROWS[0])])
        assert (found.read, found.skipped, found.dead) == (1, 1, ())


MUTATION = st.tuples(st.integers(0, 10_000), st.integers(0, 255), st.sampled_from(["set", "cut", "insert"]))


def mutated(value: bytes, changes: Sequence[tuple[int, int, str]]) -> bytes:
    """The value with some of its bytes changed."""
    found = bytearray(value)
    for at, byte, how in changes:
        place = at % (len(found) + 1)
        if how == "cut":
            del found[place:]
        elif how == "insert":
            found.insert(place, byte)
        elif place < len(found):
            found[place] = byte
    return bytes(found)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_whatever_bytes_come_each_record_is_counted_once(form: Format) -> None:
    """Nothing breaks, and read = counted + late + dead, exactly."""
    decode = decoder(form.source)
    messages = form.messages(ROWS[:40])
    rng = random.Random(6)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.lists(MUTATION, min_size=1, max_size=3), min_size=1, max_size=5))
    def holds(all_changes: list[list[tuple[int, int, str]]]) -> None:
        values = [mutated(rng.choice(messages), changes) for changes in all_changes]
        found = decoded(decode, values)
        counted = sum(columns.panes.size for columns in found.columns.values())
        assert found.read == counted + sum(found.late.values()) + len(found.dead)
        Fold((LAYOUT,), PANE, {"click": 16})(found)

    holds()
