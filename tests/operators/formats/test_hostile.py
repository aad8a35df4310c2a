"""Hostile messages: a few bytes that once ended the dataflow, took seconds or grew to gigabytes are dead letters."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from factories import START, batch, click_layout, record

from operators.dead_letters import MAX_RECORD_BYTES, Reason
from operators.formats import json_lines, values
from operators.formats.bounds import MOST_RECORDS, MOST_SHOWN, check_array
from operators.formats.packed import MOST_MEMBERS, UnreadableError, unpacked
from operators.intake.decode import Decode, DecodeConfig, Decoded
from operators.settings.source import SourceSettings

zipped = partial(gzip.compress, mtime=0)  # a time in the bytes would be another name of the test each second

CLICK = {"map": {"model": {"constant": "click"}}}


def decoded(source: dict[str, Any] | None, *messages: bytes) -> Decoded:
    """What becomes of messages of a source; None: of the contract's own shape."""
    sources = {} if source is None else {0: SourceSettings.model_validate({"topic": "t", **source})}
    decode = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000, {"click": "binary"}, sources))
    found = decode(replace(batch(list(messages)), source=None if source is None else 0))
    counted = sum(columns.panes.size for columns in found.columns.values())
    assert found.read == counted + sum(found.late.values()) + len(found.dead)
    return found


def _tensor(shape: list[Any], data: list[Any]) -> dict[str, Any]:
    return {"name": "age", "shape": shape, "data": data}


GOOD = {
    "inference_v2": {"timestamp": START, "inputs": [_tensor([1], [33])]},
    "mlrun": {"when": START, "request": {"inputs": [{"age": 33}]}},
}

POISON: dict[str, tuple[str, Any]] = {
    "a tensor without values": ("inference_v2", {"inputs": [_tensor([2], [])]}),
    "a shape beyond everything": ("inference_v2", {"inputs": [_tensor([10**30], [])]}),
    "an answer without values": ("inference_v2", {"inputs": [_tensor([1], [1])], "outputs": [_tensor([1], [])]}),
    "a number as rows": ("mlrun", {"headers": ["a"], "values": 5}),
    "rows of numbers": ("mlrun", {"headers": ["a"], "values": [5]}),
    "no headers": ("mlrun", {"headers": None, "values": [[1]]}),
    "arrays as headers": ("mlrun", {"headers": [[1]], "values": [[1]]}),
    "an array as operation": ("mlrun", {"op": [1], "request": {"inputs": [[1]]}}),
    "a table in a table": ("mlrun", {"headers": ["headers", "values"], "values": [[["request"], [[1]]]]}),
}


@pytest.mark.parametrize(("preset", "message"), POISON.values(), ids=POISON)
def test_a_message_that_breaks_a_preset_is_one_dead_letter(preset: str, message: Any) -> None:
    """The good ones beside it count."""
    good = json.dumps(GOOD[preset]).encode()
    bad = json.dumps(message).encode()
    found = decoded({"preset": preset, **CLICK}, good, bad, good)
    assert [(letter.reason, letter.value, letter.offset) for letter in found.dead] == [(Reason.BAD_FORMAT, bad, 1)]
    assert found.read == 3


def test_a_duration_beyond_floats_is_set_aside() -> None:
    """The rest of its record counts."""
    message = {**GOOD["mlrun"], "microsec": 10**400}
    found = decoded({"preset": "mlrun", **CLICK}, json.dumps(message).encode())
    assert (found.read, found.dead, found.unfit) == (1, (), {"latency_ms": 1})


def test_all_members_of_a_gzip_message_are_read() -> None:
    """As `gzip.decompress` reads them: writers append members to what is there."""
    line = record() + b"\n"
    message = zipped(line) + zipped(line * 2) + zipped(line)
    assert unpacked(message) == gzip.decompress(message)
    assert [(found.read, found.dead) for found in (decoded(None, message), decoded(CLICK, message))] == [(4, ())] * 2


@pytest.mark.parametrize(
    ("behind", "reason"),
    [
        (b"garbage", Reason.BAD_FORMAT),
        (b"\0" * 8, Reason.BAD_FORMAT),
        (zipped(b"{}")[:-3], Reason.BAD_FORMAT),
        (zipped(b"") * MOST_MEMBERS, Reason.OVERSIZED),
        (zipped(b" " * (40 << 20)) * 2, Reason.OVERSIZED),
    ],
    ids=["garbage", "zeros", "cut off", "too many", "too large together"],
)
def test_what_is_behind_a_gzip_member_is_never_passed_over(behind: bytes, reason: Reason) -> None:
    """Neither what is no member, nor members that are too many or too large together."""
    with pytest.raises(UnreadableError) as error:
        unpacked(zipped(record()) + behind)
    assert error.value.reason == reason


BOMBS: dict[str, tuple[dict[str, Any] | None, bytes]] = {
    "numbers in an array": (None, zipped(b"[" + b"1," * (1 << 20) + b"1]")),
    "arrays in an array": (CLICK, zipped(b"[" + b"[1,2]," * (1 << 20) + b"[]]")),
    "lines": (None, zipped(b"{}\n" * (1 << 20))),
    "lines, mapped": (CLICK, zipped(b"{}\n" * (1 << 20))),
    "MessagePack": ({"format": "msgpack"}, zipped(b"\xdd" + (1 << 20).to_bytes(4, "big") + b"\xc0" * (1 << 20))),
    "rows of a request": (
        {"preset": "inference_v1", **CLICK},
        zipped(b'{"instances":[' + b"[1]," * (1 << 18) + b"[1]]}"),
    ),
    "a table of events": (
        {"preset": "mlrun", **CLICK},
        zipped(b'{"headers":[],"values":[' + b"[]," * (1 << 18) + b"[]]}"),
    ),
    "elements of a split array": (
        {"split": "items", "map": {"model": {"constant": "click"}, "features": {"path": "items"}}},
        b'{"items":[' + b"1," * (1 << 18) + b"1]}",
    ),
}


@pytest.mark.parametrize(("source", "message"), BOMBS.values(), ids=BOMBS)
def test_a_message_with_too_many_records_is_one_dead_letter(source: dict[str, Any] | None, message: bytes) -> None:
    """Not a million of them: it says how many a message may hold, and keeps the bytes as they came."""
    found = decoded(source, message)
    assert [(letter.reason, letter.value) for letter in found.dead] == [(Reason.OVERSIZED, message)]
    assert f"{MOST_RECORDS}" in found.dead[0].detail


def test_the_most_records_are_still_read_and_commas_inside_of_them_are_none_of_an_array() -> None:
    """Commas in texts and in elements do not count; brackets and quotes in texts are no structure."""
    check_array(b"[" + b",".join([b'["a,]\\",[{\\\\",{"x":[1,2,3,4]}]'] * MOST_RECORDS) + b"]")
    with pytest.raises(UnreadableError):
        check_array(b"[" + b",".join([b"[1,2]"] * (MOST_RECORDS + 1)) + b"]")
    found = decoded(None, b"[" + b",".join([record()] * 2_000) + b"]")
    assert (found.read, found.dead) == (2_000, ())


MANY = 3_000


@pytest.mark.parametrize(
    ("source", "message", "element"),
    [
        ({"format": "msgpack"}, msgspec.msgpack.encode([None] * MANY), b"null"),
        ({"format": "msgpack"}, msgspec.msgpack.encode([{(1, 2): 3}] * MANY), msgspec.msgpack.encode({(1, 2): 3})),
        ({"format": "msgpack"}, msgspec.msgpack.encode([{"model": "click"}] * MANY), b'{"model":"click"}'),
        (BOMBS["elements of a split array"][0], json.dumps({"timestamp": START, "items": [5] * MANY}).encode(), b"5"),
        ({"preset": "inference_v1", **CLICK}, json.dumps({"id": "a", "instances": [[1]] * MANY}).encode(), None),
    ],
    ids=["nils", "no JSON", "no features", "split", "rows"],
)
def test_many_bad_records_of_a_message_are_dead_letters_of_their_own_size(
    source: dict[str, Any], message: bytes, element: bytes | None
) -> None:
    """Each holds its element, so that what is written grows with the message and not with its square."""
    found = decoded(source, message)
    assert found.read == len(found.dead) == MANY
    written = [letter.value or b"" for letter in found.dead]
    assert element is None or written == [element] * MANY
    assert max(map(len, written)) < 200


def test_of_one_bad_record_the_whole_message_is_kept() -> None:
    """As it came; and a huge element among several is cut."""
    alone = msgspec.msgpack.encode({"model": "click"})
    found = decoded({"format": "msgpack"}, alone, msgspec.msgpack.encode([{"model": "x" * 20_000}, None]))
    assert [len(letter.value or b"") for letter in found.dead if letter.offset == 1] == [MOST_SHOWN, 4]
    assert [letter.value for letter in found.dead if letter.offset == 0] == [alone]


def test_records_made_by_split_that_say_nothing_are_dead_letters_of_their_own_size() -> None:
    """What is refused after it was read shows the fields that were read."""
    source = {"split": "items", "map": {"model": {"constant": "click"}, "features": {"path": "items.f"}}}
    message = json.dumps({"timestamp": START, "items": [{}] * MANY}).encode()
    found = decoded(source, message)
    assert found.read == len(found.dead) == MANY
    assert {letter.reason for letter in found.dead} == {Reason.MISSING_FIELD}
    assert sum(len(letter.value or b"") for letter in found.dead) < 200 * MANY


@pytest.mark.parametrize("form", ["msgpack", "inference_v1"])
def test_a_record_above_a_megabyte_is_oversized_in_every_format(form: str) -> None:
    """Also where it is unpacked first."""
    junk = {"junk": "x" * MAX_RECORD_BYTES}
    if form == "msgpack":
        message = msgspec.msgpack.encode({"model": "click", "timestamp": START, "features": {"age": 33}, **junk})
        found = decoded({"format": "msgpack"}, message, zipped(message))
    else:
        message = json.dumps({"timestamp": START, "instances": [{"age": 33}], **junk}).encode()
        found = decoded({"preset": form, **CLICK}, message, zipped(message))
    assert [letter.reason for letter in found.dead] == [Reason.OVERSIZED] * 2


@pytest.mark.parametrize("source", [None, CLICK, {"format": "msgpack"}], ids=["own", "mapped", "MessagePack"])
def test_messages_that_are_large_together_are_read_in_parts_with_the_same_outcome(
    source: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns, dead letters and counts are those of all at once, in order."""
    pack = msgspec.msgpack.encode if source == {"format": "msgpack"} else msgspec.json.encode
    rows = [json.loads(record(START + 7_000 * at, features={"age": at if at % 5 else "old"})) for at in range(12)]
    bad: list[Any] = [None, {"model": "nobody"}, {"model": "click", "timestamp": 5, "features": {}}]
    messages = [zipped(pack([row, *bad[: at % 4], row])) for at, row in enumerate(rows)] + [b"", b"\x1f\x8b"]
    once = decoded(source, *messages)
    for module in (json_lines, values):
        monkeypatch.setattr(module, "AT_ONCE", 300)
    parts = decoded(source, *messages)
    assert once.columns.keys() == parts.columns.keys() == {"click"}
    mine, theirs = once.columns["click"], parts.columns["click"]
    assert mine.panes.tolist() == theirs.panes.tolist()
    for whole, pieced in zip(mine.numeric, theirs.numeric, strict=True):
        np.testing.assert_array_equal(whole, pieced)
    assert sorted(map(repr, once.dead)) == sorted(map(repr, parts.dead))
    assert (once.read, once.late, once.floor, once.unfit) == (parts.read, parts.late, parts.floor, parts.unfit)
    assert len(once.dead) > 12


def stream(batch: pa.RecordBatch, **options: Any) -> bytes:
    """An IPC stream of one record batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_batch(batch)
    written: bytes = sink.getvalue().to_pybytes()
    return written


ROWS_OF_NOTHING = pa.record_batch({"age": pa.nulls(1 << 20)})
"""A million rows that take no bytes."""

LISTS_OF_NOTHING = pa.record_batch(
    {"age": pa.ListArray.from_arrays(pa.array([0, 1 << 20], pa.int32()), pa.nulls(1 << 20))}
)

NO_ARROW: dict[str, tuple[bytes, Reason]] = {
    "a million rows": (stream(ROWS_OF_NOTHING), Reason.OVERSIZED),
    "a list of a million nothings": (stream(LISTS_OF_NOTHING), Reason.BAD_FORMAT),
    "compressed buffers": (
        stream(pa.record_batch({"age": pa.array([0.0] * 5_000)}), compression="zstd"),
        Reason.BAD_FORMAT,
    ),
    "runs": (
        stream(
            pa.record_batch({"age": pa.RunEndEncodedArray.from_arrays(pa.array([90_000], pa.int32()), pa.array(["x"]))})
        ),
        Reason.BAD_FORMAT,
    ),
    "bytes": (stream(pa.record_batch({"age": pa.array([b"\xff"])})), Reason.BAD_FORMAT),
    "nested too deep": (
        stream(
            pa.record_batch(
                {"age": pa.array([None], reduce(lambda kind, _: pa.struct({"a": kind}), range(40), pa.int8()))}
            )
        ),
        Reason.BAD_FORMAT,
    ),
    "too many columns": (
        stream(pa.record_batch({"age": pa.array([None], pa.struct({str(n): pa.int8() for n in range(20_000)}))})),
        Reason.OVERSIZED,
    ),
    "rows times columns": (
        stream(pa.record_batch({str(number): pa.nulls(90_000) for number in range(2_000)})),
        Reason.OVERSIZED,
    ),
    "nothing": (b"ARROW1\0\0", Reason.BAD_FORMAT),
    "a size below nothing": (b"\xff\xff\xff\xff\xff\xff\xff\xff" * 3, Reason.BAD_FORMAT),
    "a huge size": (b"\xff\xff\xff\xff\xff\xff\xff\x7f" * 3, Reason.BAD_FORMAT),
}


@pytest.mark.parametrize(("message", "reason"), NO_ARROW.values(), ids=NO_ARROW)
def test_what_is_no_arrow_that_is_read_is_one_dead_letter(message: bytes, reason: Reason) -> None:
    """Also where a few bytes stand for gigabytes."""
    found = decoded({"format": "arrow", **CLICK}, message)
    assert [(letter.reason, letter.value) for letter in found.dead] == [(reason, message)]


@pytest.mark.parametrize("form", ["arrow", "columns"])
def test_a_long_text_that_stands_for_many_rows_is_one_dead_letter(form: str) -> None:
    """A megabyte that ninety thousand rows refer to would be ninety gigabytes of dead letters."""
    text, rows = "x" * (1 << 20), 90_000
    names = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))
    columns = json.dumps({"prediction_id": text, "features": {"age": [1] * rows}}).encode()
    found = decoded(
        {"format": form, **CLICK}, stream(pa.record_batch([names], ["prediction_id"])) if form == "arrow" else columns
    )
    assert [letter.reason for letter in found.dead] == [Reason.OVERSIZED]


NO_COLUMNS: dict[str, tuple[bytes, Reason]] = {
    "an array": (b"[1, 2]", Reason.BAD_FORMAT),
    "no array": (b'{"model": "click"}', Reason.BAD_FORMAT),
    "arrays that differ": (b'{"timestamp": [1], "features": {"age": [1, 2]}}', Reason.BAD_FORMAT),
    "a lone surrogate": (b'{"features": {"country": ["\\ud800"]}}', Reason.INVALID_TEXT),
    "too many rows": (zipped(b'{"age": [' + b"1," * (1 << 20) + b"1]}"), Reason.OVERSIZED),
    "rows times columns": (
        json.dumps({"age": [1] * 90_000, **{str(number): 0 for number in range(1_000)}}).encode(),
        Reason.OVERSIZED,
    ),
    "nested too deep": (b'{"a":' * 5_000 + b"[1]" + b"}" * 5_000, Reason.BAD_FORMAT),
}


@pytest.mark.parametrize(("message", "reason"), NO_COLUMNS.values(), ids=NO_COLUMNS)
def test_what_are_no_columns_is_one_dead_letter(message: bytes, reason: Reason) -> None:
    """With its bytes as they came."""
    found = decoded({"format": "columns", **CLICK}, message)
    assert [(letter.reason, letter.value) for letter in found.dead] == [(reason, message)]
