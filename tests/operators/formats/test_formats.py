"""Formats: the same rows as bytes of any of them are decoded and folded to the same sketches, to the last count."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from factories import START, batch
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored import reference
from packings import FORMATS, Format, zipped, zstd
from shapes import SHOP

from operators.dead_letters import Reason
from operators.formats.packed import LARGEST
from operators.intake.decode import Decode, DecodeConfig
from operators.predictions.fold import Fold
from operators.settings.source import SourceSettings
from stream.simulate.generator import Generator
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.intake.decode import Decoded

Row = dict[str, Any]

PANE = 10_000
LAYOUT = layout_of(reference())
GENERATOR = Generator(reference(), seed=4, error_rate=0.02)
ROWS: list[Row] = [json.loads(line) for line in GENERATOR.encode(GENERATOR.batch(600, START, START + 3 * PANE))]
for _row in ROWS:
    _row["latency_ms"] = round(_row["latency_ms"] * 1000) * 0.001


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
