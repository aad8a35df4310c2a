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


def stalls(
    times: np.ndarray, config: StallConfig, end: int, tick: int = 10 * MINUTE, served: np.ndarray | None = None
) -> list[int]:
    """Ends of the ticks (ms) at which labels have stopped, predictions going on all the time or at `served`."""
    state, found = StallState(), []
    for at in range(tick, end, tick):
        known = int(np.searchsorted(times, at))
        last = int(times[known - 1]) if known else -1
        latest = at - 1
        if served is not None:
            some = int(np.searchsorted(served, at))
            latest = int(served[some - 1]) if some else -1
        measures = SimpleNamespace(end=at, started=0, last_feedback=last, last_prediction=latest, heard=known)
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


def thin(seed: int, days: int, a_day: int = 29) -> tuple[np.ndarray, np.ndarray]:
    """Times (ms) of predictions at random, and of labels of 80 %, exponentially late by 5 days on average."""
    rng = np.random.default_rng(seed)
    served = np.sort(rng.integers(0, days * DAY, a_day * days))
    labelled = served[rng.random(len(served)) < 0.8]
    return served, np.sort(labelled + rng.exponential(5 * DAY, len(labelled)).astype(np.int64))


@pytest.mark.parametrize("tick", [10 * MINUTE, 2 * HOUR])
def test_thin_labels_that_come_days_late_never_stall(tick: int) -> None:
    """29 predictions a day and a limit of an hour from `label_delay`: twenty healthy runs of 70 days, from day one."""
    for seed in range(20):
        served, labels = thin(seed, 70)
        assert stalls(labels, StallConfig(HOUR, HOUR, STALLS_A_MONTH), 70 * DAY, tick, served) == [], seed


@pytest.mark.parametrize("days", [20, 40])
def test_thin_labels_that_stop_are_told_within_days(days: int) -> None:
    """Predictions go on, nothing is labelled any more from one day on: told within three days."""
    served, labels = thin(3, 60)
    labels = labels[labels < days * DAY]
    found = stalls(labels, StallConfig(HOUR, HOUR, STALLS_A_MONTH), 60 * DAY, 2 * HOUR, served)
    assert found
    assert 0 < min(found) - int(labels[-1]) <= 3 * DAY


def test_labels_that_never_come_are_told() -> None:
    """29 predictions a day and no label at all: within eight days of the start, and from then on."""
    served, _ = thin(4, 20)
    found = stalls(np.empty(0, dtype=np.int64), StallConfig(HOUR, HOUR, STALLS_A_MONTH), 20 * DAY, 2 * HOUR, served)
    assert found
    assert min(found) <= 8 * DAY
