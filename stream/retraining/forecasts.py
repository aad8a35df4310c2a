"""Forecasts of need as evaluations have them: what was said, by what, and what came."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from stream.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARK = b'"need"'
"""Stands in every line that is about a forecast; most lines are not."""

CHANGING = frozenset({"retrain", "rollback", "promote", "fallback"})
"""Actions after which nobody knows what would have come without them."""


@dataclass(slots=True)
class Forecasted:
    """One forecast.

    Attributes:
        model: its name.
        version: of the model.
        start: of its horizon, ms.
        end: likewise.
        chances: P by source.
        inputs: what else was known, by name.
        reason: the filter's sentence.
        came: whether the loss came; None while that is not known.
        known: when it was decided, ms.
    """

    model: str
    version: str
    start: int
    end: int
    chances: dict[str, float] = field(default_factory=dict)
    inputs: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    came: bool | None = None
    known: int = -1


def forecasts_of(file: Path) -> list[Forecasted]:
    """All forecasts in a file of evaluations, in the order of their horizons.

    Raises:
        UsageError: it cannot be read, or a line is no JSON.
    """
    found: dict[tuple[str, str, int], Forecasted] = {}
    for number, line in _lines(file):
        if MARK not in line:
            continue
        row = _json(file, number, line)
        if not isinstance(row, dict) or row.get("kind") != "need":
            continue
        try:
            _take(found, row)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{file}:{number}: no evaluation of a forecast: {type(error).__name__}: {error}") from None
    return sorted(found.values(), key=lambda one: (one.start, one.model, one.version))


def changes_of(file: Path) -> dict[str, list[int]]:
    """Model -> when (ms) something was done about it, from a file of steps of actions.

    Raises:
        UsageError: it cannot be read, or a line is no step.
    """
    found: dict[str, list[int]] = {}
    for number, line in _lines(file):
        step = _json(file, number, line)
        try:
            if step["state"] == "completed" and step["action"] in CHANGING and not step["dry_run"]:
                found.setdefault(step["model"], []).append(_ms(step["event_time"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{file}:{number}: no step of an action: {type(error).__name__}: {error}") from None
    return found


def _take(found: dict[tuple[str, str, int], Forecasted], row: dict[str, Any]) -> None:
    start, end = _ms(row["window"]["start"]), _ms(row["window"]["end"])
    key = row["model"], row["version"], start
    one = found.setdefault(key, Forecasted(row["model"], row["version"], start, end))
    value = float(row["value"])
    match row["metric"]:
        case "retrain_probability":
            one.chances[row["feature"]] = value
            one.reason = row["reason"]
        case "retrain_input":
            one.inputs[row["feature"]] = value
        case "retrain_outcome":
            one.came = value > 0
        case "retrain_outcome_delay_s":
            one.known = end + round(value * 1e3)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with file.open("rb") as opened:
            for number, line in enumerate(opened, 1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None


def _json(file: Path, number: int, line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}:{number}: no JSON: {error}") from None


def _ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1e3)
