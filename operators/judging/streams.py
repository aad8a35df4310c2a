"""Streams of both judges: what fires of one, as a finding, and when one is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from operators.findings import Finding, WindowSpan
from operators.judging.readings import oriented
from windows.segments import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from operators.judging.decision import StreamState
    from operators.judging.readings import Readings
    from operators.plans.monitors import Monitor

StreamKey = tuple[str, int, str, str]
"""(monitor name, window size, version, segment)."""

SILENT_AFTER = 86_400_000
"""When for a day (ms; or for the window, if longer) there was nothing to measure of a segment, while there was of the
whole of its version, the segment's stream is forgotten. Of the whole NoData and LabelStall tell."""


def measurable(readings: Readings) -> bool:
    """Whether there is anything to measure."""
    return not bool(np.isnan(readings.value).all())


def forget(
    streams: dict[StreamKey, StreamState], looked: set[StreamKey], clock: int, ended: Callable[[StreamKey], bool]
) -> set[StreamKey]:
    """End the streams that have ended, and those of segments that vanished.

    Args:
        streams: changed in place.
        looked: those of which there was something to measure at this tick; of others the whole at least.
        clock: end of the tick, ms.
        ended: whether nobody watches a stream any more.

    Returns:
        those of segments that vanished.
    """
    vanished = set()
    for key, state in list(streams.items()):
        if ended(key):
            del streams[key]
        elif key in looked:
            state.looked, state.missed = clock, 0
        elif (*key[:3], WHOLE) in looked and _is_long(state, clock, key[1]):
            del streams[key]
            vanished.add(key)
    return vanished


def _is_long(state: StreamState, clock: int, window: int) -> bool:
    """A look counts for the time since the last one, but for no more than a window: nobody looked in an outage."""
    state.missed += min(clock - state.looked, window)
    state.looked = clock
    return state.missed > max(SILENT_AFTER, window)


def base_of(monitor: Monitor, state: StreamState, at: int = 0) -> float:
    """The baseline that one element of a stream was compared with; NaN where the monitor needs none."""
    return oriented(monitor, state.base[at]) if monitor.relative or monitor.scaled else float("nan")


def finding_of(monitor: Monitor, key: StreamKey, state: StreamState, at: int = 0, feature: str = "") -> Finding:
    """The finding that one element of a stream is.

    Args:
        monitor: of the stream.
        key: of the stream.
        state: of the stream; the element fires.
        at: number of the element.
        feature: its name; "" for what is no feature, or where the worst stands for all.
    """
    _, size, version, segment = key
    level, end = int(state.level[at]), int(state.at[at])
    minor, major = monitor.levels_of(feature)
    limit = major if level == 2 else minor
    lowest = minor if minor is not None else major
    base = base_of(monitor, state, at)
    lower, upper = sorted((oriented(monitor, state.lower[at]), oriented(monitor, state.upper[at])))
    return Finding(
        alert=monitor.alert,
        monitor=monitor.name,
        version=version,
        segment=segment,
        level=level,
        feature="" if monitor.worst_only else feature,
        metric="drift" if monitor.worst_only else monitor.metric,
        value=oriented(monitor, state.value[at]),
        lower=lower,
        upper=upper,
        threshold=monitor.limit(limit if limit is not None else lowest or monitor.lowest, base),
        falling=monitor.falling,
        samples=int(state.fired_on[at]),
        window=WindowSpan(size, end - size, end),
        against=monitor.against,
        trailing=bool(monitor.trail),
    )
