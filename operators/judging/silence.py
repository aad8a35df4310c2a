"""Silence: streams of which there is nothing to measure any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.segments import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from operators.judging.decision import StreamState
    from operators.judging.readings import Readings

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
