"""The control topic: what is understood, what is refused, and when it counts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from factories import START, batch

from operators.actions.decode import ControlConfig, DecodeControl, Spread

DECODE = DecodeControl(ControlConfig(("click", "other"), 10_000, 5_000, 60_000))


def message(**changes: Any) -> bytes:
    """A message that approves; a change of None leaves the field out."""
    given = {"id": "1", "kind": "approve", "model": "click", "action": "a1", "timestamp": START, "by": "ann", **changes}
    return json.dumps({name: value for name, value in given.items() if value is not None}).encode()


def test_a_message_counts_at_its_time() -> None:
    """It reaches its model alone; the progress reaches all."""
    decoded = DECODE(batch([message()]))
    ((at, said),) = decoded.said["click"]
    assert (at, said.kind, said.action, said.by) == (START, "approve", "a1", "ann")
    told = dict(Spread(("click", "other"), 10_000)(decoded))
    assert len(told["click"].said) == 1
    assert told["other"].said == ()
    assert told["other"].progress.floor == (START - 5_000) // 10_000


def test_an_old_message_counts_from_when_it_came() -> None:
    """What comes behind the partition's own clock cannot change what was decided by then."""
    decoded = DECODE(batch([message(), message(id="2", timestamp=START - 3_600_000)]))
    assert [at for at, _ in decoded.said["click"]] == [START, (START - 5_000) // 10_000 * 10_000]
    assert [said.said_at for _, said in decoded.said["click"]] == [START, START - 3_600_000]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": "nobody"}, "unknown_model"),
        ({"kind": "explode"}, "wrong_type"),
        ({"action": None}, "missing_field"),
        ({"timestamp": START + 3_600_000}, "timestamp_ahead"),
        ({"outcome": {"gain": "much"}}, "wrong_type"),
    ],
)
def test_what_makes_no_sense_is_a_dead_letter(changes: dict[str, Any], reason: str) -> None:
    """With a reason; nothing of it is heeded."""
    decoded = DECODE(batch([message(**changes)]))
    assert [letter.reason.value for letter in decoded.dead] == [reason]
    assert decoded.said == {}
