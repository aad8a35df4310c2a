"""Slices that a forecast is made of: shares of the rows written out, with the variance of scipy's intervals."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from factories import START
from labelled import Rows, rows, ticks
from labels import label_plan
from scipy import stats

from operators.cohorts.cohorts import Cohorts, CohortsState
from operators.cohorts.need import ONE_SIGMA, NeedConfig
from operators.model_steps import cohorts_config
from operators.settings.model import ModelSettings
from windows.outcomes.layout import TaskOptions, task_layout

if TYPE_CHECKING:
    from operators.actions.inputs import MetricSlice, NeedReading
    from operators.cohorts.cohorts import CohortsConfig

M, H = 60_000, 3_600_000
T0 = START // (24 * H) * 24 * H
LAYOUT = task_layout(TaskOptions("binary"), None)
LENGTH = 20 * M


def config(need: NeedConfig | None) -> CohortsConfig:
    """Slices of two and a half minutes, labels within ten."""
    performance = {"windows": ["1h"], "label_delay": "10m", "accuracy": {"baseline": 0.5, "max_drop": 0.4}}
    model = ModelSettings.model_validate({"name": "m", "task": "binary", "performance": performance})
    made = cohorts_config(label_plan(model, LAYOUT, pane=10_000), 1e-3, evaluations=False)
    assert made.plan.windows[0].slide == 150_000
    return replace(made, need=need)


def traffic() -> Rows:
    """Five hours of two versions, the second from the third on; a tenth without a label, others up to nine minutes."""
    rng, n = np.random.default_rng(1), 6_000
    at = np.sort(rng.integers(T0, T0 + 5 * H, n))
    label = (rng.random(n) < 0.5).astype(float)
    score = np.where(rng.random(n) < 0.1, 1 - label, label) * 0.8 + 0.1
    late = np.where(rng.random(n) < 0.1, -1, rng.integers(0, 9 * M, n))
    new = (rng.random(n) < 0.3) & (at >= T0 + 3 * H)
    return rows(at, score, label, late, version=["8" if one else "7" for one in new.tolist()])


def readings(settings: CohortsConfig, given: Rows, *, saved: bool) -> list[NeedReading]:
    """All of them; `saved` after every tick, as a crash would have it."""
    logic, found = Cohorts(settings, CohortsState()), []
    for tick in ticks(LAYOUT, settings.plan.tick, given, until=T0 + 6 * H):
        if saved:
            logic = Cohorts(settings, pickle.loads(pickle.dumps(logic.state)))
        reading = logic(tick).need
        found += [] if reading is None else [reading]
    return found


@pytest.mark.parametrize("saved", [False, True], ids=["kept", "saved"])
def test_slices_are_the_shares_of_their_rows(saved: bool) -> None:
    """Value, rows and coverage of each version are those of plain loops; the variance is half the beta quantiles."""
    given = traffic()
    found = readings(config(NeedConfig("accuracy", LENGTH)), given, saved=saved)
    assert [one.end for one in found] == [T0 + n * LENGTH for n in range(18)]
    told: dict[tuple[str, int], MetricSlice] = {
        (one.version, one.start): one for reading in found for one in reading.slices
    }
    assert sum(version == "8" for version, _ in told) == 6
    for (version, start), one in told.items():
        mine = (given.at >= start) & (given.at < start + LENGTH) & (np.array(given.version) == version)
        known = mine & (given.known >= 0)
        right, total = int(((given.score >= 0.5) == (given.label == 1))[known].sum()), int(known.sum())
        assert (one.value, one.rows) == (pytest.approx(right / total), total)
        assert one.coverage == pytest.approx(total / mine.sum())
        lower = stats.beta.ppf(ONE_SIGMA, right, total - right + 1) if right else 0.0
        upper = stats.beta.isf(ONE_SIGMA, right + 1, total - right) if right < total else 1.0
        assert one.variance == pytest.approx(((upper - lower) / 2) ** 2, rel=1e-6)
        if total > 50:  # about that of a share; such intervals are rather too wide
            assert 1 <= one.variance / (right / total * (1 - right / total) / total) < 1.6


def test_nothing_is_kept_where_nothing_is_forecast() -> None:
    """No readings, and no sums."""
    assert readings(config(None), traffic(), saved=False) == []
