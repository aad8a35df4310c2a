"""LabelStall by the labels' own gaps: labels that come seldom or in batches have not stopped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from operators.judging.stall import STALLS_A_MONTH, StallConfig, StallState, watch

if TYPE_CHECKING:
    from operators.cohorts.measures import CohortMeasures

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def stalls(times: np.ndarray, config: StallConfig, end: int, tick: int = 10 * MINUTE) -> list[int]:
    """Ends of the ticks (ms) at which labels have stopped, predictions going on all the time."""
    state, found = StallState(), []
    for at in range(tick, end, tick):
        known = int(np.searchsorted(times, at))
        last = int(times[known - 1]) if known else -1
        measures = SimpleNamespace(end=at, started=0, last_feedback=last, last_prediction=at - 1, heard=known)
        if watch(config, state, cast("CohortMeasures", measures)) is not None:
            found.append(at)
    return found


@pytest.mark.parametrize(("a_day", "after"), [(100, HOUR), (300, 15 * MINUTE)])
def test_healthy_labels_of_thin_traffic_do_not_stall(a_day: int, after: int) -> None:
    """A month of 100 and of 300 labels a day: by a fixed limit tens of stalls, by their own gaps none from day two."""
    times = np.sort(np.random.default_rng(a_day).integers(0, 30 * DAY, 30 * a_day))
    fixed = stalls(times, StallConfig(after, HOUR), 30 * DAY)
    assert len([at for at in fixed if at > 2 * DAY]) >= 10
    own = stalls(times, StallConfig(after, HOUR, STALLS_A_MONTH), 30 * DAY)
    assert [at for at in own if at > 2 * DAY] == []


def test_labels_that_stop_are_told_soon() -> None:
    """300 a day that stop after ten days are told within three hours."""
    times = np.sort(np.random.default_rng(1).integers(0, 10 * DAY, 3_000))
    own = stalls(times, StallConfig(15 * MINUTE, HOUR, STALLS_A_MONTH), 11 * DAY)
    first = min(at for at in own if at > 10 * DAY)
    assert first - int(times[-1]) <= 3 * HOUR


def test_the_users_word_stands() -> None:
    """With a limit that was written, every silence longer than it is a stall."""
    times = np.arange(0, 5 * DAY, 2 * HOUR)
    assert stalls(times, StallConfig(HOUR, 0), 5 * DAY)
