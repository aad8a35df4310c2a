"""The decision on one evaluation stream: firing, clearing, or unchanged, element by element.

A stream fires when its confidence bound is past the threshold: the evidence, not the noise. It clears when the value
is back and the interval says so, held
for one full window. In between it stays what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from operators.judging.readings import breach_level

if TYPE_CHECKING:
    from operators.judging.readings import Readings
    from windows.arrays import BoolArray, FloatArray, IntArray

Key = TypeVar("Key")

NOT_CLEARING = -1

NEAR = 1.2
"""A stream may clear when its upper bound is below this multiple of the threshold."""

NO_EVIDENCE = 0.1
"""... or when its lower bound is below this fraction of the threshold: thin traffic whose intervals are always wide.

Then the value itself must have come halfway back: an interval that became wide clears nothing. What counts is how far
they are above what is usual, see `decide`."""

ENOUGH = 0.5
"""... in either case on at least this fraction of the samples that it fired on: silence clears nothing."""


@dataclass(slots=True)
class StreamState:
    """F elements of which at least one is firing.

    Attributes:
        level: int64[F], 0 nothing, 1 minor, 2 major.
        clearing: int64[F], since when (ms) the evidence of the present level is gone; NOT_CLEARING.
        fired_on: int64[F], samples behind the latest breach.
        value: float64[F], at the latest breach; likewise lower, upper.
        lower: see value.
        upper: see value.
        base: see value; what the thresholds were an increase over.
        at: int64[F], end of the window of the latest breach.
        looked: the judge's clock (ms) when there was last anything to measure of this segment or of the whole.
        missed: how long (ms) there was nothing of this segment while there was of the whole.
        readings: the latest it was advanced by.
        advanced: end of their window, ms.
    """

    level: IntArray
    clearing: IntArray
    fired_on: IntArray
    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    base: FloatArray
    at: IntArray
    looked: int = 0
    missed: int = 0
    readings: Readings | None = None
    advanced: int = 0


def quiet(size: int) -> StreamState:
    """A stream in which nothing fires."""
    zeros = np.zeros(size, dtype=np.int64)
    nan = np.full(size, np.nan)
    return StreamState(zeros, zeros + NOT_CLEARING, zeros.copy(), nan, nan.copy(), nan.copy(), nan.copy(), zeros.copy())


def decide(
    state: StreamState,
    readings: Readings,
    now: int,
    hold: int,
    found: IntArray | None = None,
    usual: float | None = 0.0,
) -> None:
    """Advance a stream by one evaluation.

    Args:
        state: changed in place.
        readings: the evaluation.
        now: end of its window, ms.
        hold: how long (ms) the evidence must be gone before a level is left: one full window.
        found: int64[F], what the readings alone say, where that is known.
        usual: by how much the values of a healthy model are above the base; None where nobody knows. A latency is
            never near nothing, and on thin traffic its upper bound is infinite for good: it may clear, too, where it
            is further below its threshold than above its lower bound.
    """
    found = breach_level(readings) if found is None else found
    rising = (found > 0) & (found >= state.level)
    state.level[rising] = found[rising]
    state.clearing[rising] = NOT_CLEARING
    state.fired_on[rising] = readings.samples[rising]
    state.at[rising] = now
    for name in ("value", "lower", "upper", "base"):
        getattr(state, name)[rising] = getattr(readings, name)[rising]
    held = (state.level > 0) & ~rising
    if not held.any():
        return
    gone = held & _gone(state, readings, usual)
    state.clearing[held & ~gone] = NOT_CLEARING
    begins = gone & (state.clearing == NOT_CLEARING)
    state.clearing[begins] = now
    over = gone & (now - state.clearing >= hold)
    state.level[over] = found[over]
    state.clearing[over] = NOT_CLEARING


def advance(
    streams: dict[Key, StreamState],
    key: Key,
    readings: Readings,
    now: int,
    hold: int,
    found: IntArray | None = None,
    usual: float | None = 0.0,
) -> StreamState | None:
    """Advance the stream of this key; only streams of which something fires are kept. See `decide`.

    Returns:
        the stream; None where nothing of it fires.
    """
    state = streams.get(key)
    if state is None:
        found = breach_level(readings) if found is None else found
        if not found.any():
            return None
        state = quiet(len(readings.value))
    decide(state, readings, now, hold, found, usual)
    state.readings, state.advanced = readings, now
    if not state.level.any():
        streams.pop(key, None)
        return None
    streams[key] = state
    return state


def _gone(state: StreamState, readings: Readings, usual: float | None) -> BoolArray:
    """Where the evidence for the present level is gone."""
    threshold = np.where(state.level == 2, readings.major, readings.minor)
    span = threshold - readings.base
    with np.errstate(invalid="ignore"):
        back = (readings.value < threshold) & (readings.upper - readings.base < np.maximum(span * NEAR, span / NEAR))
        enough = readings.samples >= ENOUGH * state.fired_on
        least = readings.base + (usual or 0.0)
        room = threshold - least
        none = readings.lower - least <= np.minimum(room * NO_EVIDENCE, room / NO_EVIDENCE)
        thin = none & (readings.value - least <= (state.value - least) / 2)
        if usual is None:
            thin |= readings.value + (readings.value - readings.lower) < threshold
    return (back | thin) & enough & ~np.isnan(readings.value)
