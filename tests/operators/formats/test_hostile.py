"""Hostile messages: a few bytes that once ended the dataflow, took seconds or grew to gigabytes are dead letters."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from factories import START, batch, click_layout, record

from operators.dead_letters import Reason
from operators.formats.packed import MOST_MEMBERS, UnreadableError, unpacked
from operators.intake.decode import Decode, DecodeConfig, Decoded
from operators.settings.source import SourceSettings

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
    message = gzip.compress(line) + gzip.compress(line * 2) + gzip.compress(line)
    assert unpacked(message) == gzip.decompress(message)
    assert [(found.read, found.dead) for found in (decoded(None, message), decoded(CLICK, message))] == [(4, ())] * 2


@pytest.mark.parametrize(
    ("behind", "reason"),
    [
        (b"garbage", Reason.BAD_FORMAT),
        (b"\0" * 8, Reason.BAD_FORMAT),
        (gzip.compress(b"{}")[:-3], Reason.BAD_FORMAT),
        (gzip.compress(b"") * MOST_MEMBERS, Reason.OVERSIZED),
        (gzip.compress(b" " * (40 << 20)) * 2, Reason.OVERSIZED),
    ],
    ids=["garbage", "zeros", "cut off", "too many", "too large together"],
)
def test_what_is_behind_a_gzip_member_is_never_passed_over(behind: bytes, reason: Reason) -> None:
    """Neither what is no member, nor members that are too many or too large together."""
    with pytest.raises(UnreadableError) as error:
        unpacked(gzip.compress(record()) + behind)
    assert error.value.reason == reason
