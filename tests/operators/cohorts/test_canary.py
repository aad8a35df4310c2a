"""A new version beside its champion: the comparison equals that of the rows written out, and knows when it is valid."""

from __future__ import annotations

import itertools
import math
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from factories import START
from labelled import Rows, rows, ticks
from labels import label_plan
from scipy import stats

from operators.cohorts.canary import FEWEST_SLICES, GROWTH, CanaryConfig
from operators.cohorts.cohorts import Cohorts, CohortsState
from operators.model_steps import cohorts_config
from operators.settings.model import ModelSettings
from windows.outcomes.layout import TaskOptions, task_layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.actions.inputs import CanaryReading
    from operators.cohorts.cohorts import CohortsConfig
    from operators.join.ticks import CohortTick

M, H = 60_000, 3_600_000
T0 = START // (24 * H) * 24 * H
LAYOUT = task_layout(TaskOptions("binary"), None)
SLIDE = 150_000
ALPHA = 1e-3
STRATA = frozenset({"c=de", "c=fr"})


def config(metric: str = "accuracy", longest: int = 14 * 24 * H, strata: frozenset[str] = STRATA) -> CohortsConfig:
    """Slices of two and a half minutes, labels within ten."""
    performance = {"windows": ["1h"], "label_delay": "10m", metric: {"baseline": 0.5, "max_drop": 0.4}}
    if metric != "accuracy":
        performance[metric] = {"baseline": 0.5, "max_rise": 0.4}
    model = ModelSettings.model_validate({"name": "m", "task": "binary", "performance": performance})
    made = cohorts_config(label_plan(model, LAYOUT, pane=10_000), ALPHA, evaluations=False)
    assert made.plan.windows[0].slide == SLIDE
    return replace(made, canary=CanaryConfig(metric, strata, longest))


def traffic(n: int = 12_000, hours: float = 5, share: float = 0.3, since: float = 0.5, **wrong: float) -> Rows:
    """Version 7, and beside it 8 from half an hour on; so many wrong of each (`v7`, `v8`), more in one segment."""
    rng = np.random.default_rng(1)
    at = np.sort(rng.integers(T0, T0 + int(hours * H), n))
    new = (rng.random(n) < share) & (at >= T0 + since * H)
    segment = rng.choice(["", "c=de", "c=fr"], n, p=[0.2, 0.5, 0.3])
    chance = np.where(new, wrong.get("v8", 0.1), wrong.get("v7", 0.1)) + 0.1 * (segment == "c=fr")
    label = (rng.random(n) < 0.5).astype(float)
    score = np.where(rng.random(n) < chance, 1 - label, label) * 0.8 + 0.1
    late = np.where(rng.random(n) < 0.1, -1, rng.integers(0, 9 * M, n))
    version = ["8" if one else "7" for one in new.tolist()]
    return rows(at, score, label, late, version=version, segment=[str(one) for one in segment])


def readings(settings: CohortsConfig, given: Iterable[CohortTick], *, saved: bool = False) -> list[CanaryReading]:
    """All looks; `saved` after every tick, as a crash would have it."""
    logic = Cohorts(settings, CohortsState())
    found = []
    for tick in given:
        if saved:
            logic = Cohorts(settings, pickle.loads(pickle.dumps(logic.state)))
        reading = logic(tick).canary
        found += [] if reading is None else [reading]
    return found


def written_out(given: Rows, reading: CanaryReading, strata: frozenset[str]) -> tuple[float, float]:
    """Value and half-width over slices, from the rows: plain loops, and scipy's quantile."""
    cells: dict[tuple[int, str, str], list[float]] = {}
    for at, score, label, known, version, segment in zip(
        given.at.tolist(), given.score.tolist(), given.label.tolist(), given.known.tolist(), given.version,
        given.segment, strict=True,
    ):  # fmt: skip
        if reading.since <= at < reading.end and known >= 0:
            place = (at // SLIDE, segment if segment in strata else "", version)
            cells.setdefault(place, []).append(float((score >= 0.5) == (label == 1)))
    slices: dict[int, list[tuple[float, float]]] = {}
    for (slice_, segment, version), mine in cells.items():
        other = cells.get((slice_, segment, reading.champion))
        if version == reading.candidate and other:
            weight = len(mine) * len(other) / (len(mine) + len(other))
            slices.setdefault(slice_, []).append((weight, sum(mine) / len(mine) - sum(other) / len(other)))
    total = sum(weight for parts in slices.values() for weight, _ in parts)
    value = sum(weight * gain for parts in slices.values() for weight, gain in parts) / total
    residuals = [sum(weight * (gain - value) for weight, gain in parts) for parts in slices.values()]
    count = len(slices)
    assert count == reading.slices
    spread = math.sqrt(count / (count - 1) * sum(one**2 for one in residuals)) / total
    return value, float(stats.t.isf(ALPHA, count - 1)) * spread


@pytest.mark.parametrize("strata", [STRATA, frozenset()], ids=["by segment", "whole"])
def test_a_reading_is_that_of_the_rows(strata: frozenset[str]) -> None:
    """Every look: value, the wider of two intervals, rows and predictions of both, whatever was saved in between."""
    given = traffic()
    settings = config(strata=strata)
    found = readings(settings, ticks(LAYOUT, settings.plan.tick, given))
    assert len(found) >= 5
    for reading in found:
        value, half = written_out(given, reading, strata)
        assert reading.gain == pytest.approx(value, abs=1e-12)
        assert reading.gain - reading.lower >= half - 1e-12
        assert reading.upper - reading.gain >= half - 1e-12
        inside = (given.at >= reading.since) & (given.at < reading.end)
        counts = [sum(inside & np.array([one == name for one in given.version])) for name in ("8", "7")]
        assert reading.served == tuple(counts)
    assert (found[-1].candidate, found[-1].champion) == ("8", "7")
    assert readings(settings, ticks(LAYOUT, settings.plan.tick, given), saved=True) == found


def test_looks_are_few() -> None:
    """At slices that grow by a tenth each: two weeks are some fifty looks."""
    settings = config()
    counts = [one.slices for one in readings(settings, ticks(LAYOUT, settings.plan.tick, traffic()))]
    assert counts[0] == FEWEST_SLICES
    assert all(after >= before * GROWTH for before, after in itertools.pairwise(counts))
    look, looks = FEWEST_SLICES, 0
    while look <= 14 * 24 * H // SLIDE:
        look, looks = math.ceil(look * GROWTH), looks + 1
    assert looks < 60


@pytest.mark.parametrize(
    ("metric", "v8", "better"), [("accuracy", 0.3, False), ("fpr", 0.3, False), ("accuracy", 0.01, True)]
)
def test_worse_is_less_whichever_way_the_metric_goes(metric: str, v8: float, better: bool) -> None:
    """A gain is better, also of a metric of which less is good; a drop of both arms is none."""
    settings = config(metric)
    (*_, last) = readings(settings, ticks(LAYOUT, settings.plan.tick, traffic(v8=v8)))
    assert (last.lower > 0) if better else (last.upper < 0)
    (*_, both) = readings(settings, ticks(LAYOUT, settings.plan.tick, traffic(v7=0.3, v8=0.3)))
    assert both.lower < 0 < both.upper


def test_a_pair_ends_after_its_time() -> None:
    """The last reading says so, and nothing follows until there is a newer version."""
    settings = config(longest=3 * H)
    found = readings(settings, ticks(LAYOUT, settings.plan.tick, traffic(hours=6)))
    assert [one.over for one in found] == [False] * (len(found) - 1) + [True]
    assert found[-1].end - found[-1].since == 3 * H


def test_versions_that_began_together_are_none_of_them_new() -> None:
    """Nobody knows which of them replaces the other; nor is there anything to compare where one serves alone."""
    settings = config()
    assert readings(settings, ticks(LAYOUT, settings.plan.tick, traffic(since=0, n=24_000))) == []
    assert readings(settings, ticks(LAYOUT, settings.plan.tick, traffic(share=0.0))) == []


def test_the_newest_is_compared_with_the_older_one_that_serves_most() -> None:
    """A third version takes the place of the second as the one that is judged."""
    given = traffic(hours=6)
    third = replace(
        given,
        version=tuple(
            "9" if at >= T0 + 2 * H and number % 4 == 0 else name
            for number, (at, name) in enumerate(zip(given.at.tolist(), given.version, strict=True))
        ),
    )
    settings = config()
    found = readings(settings, ticks(LAYOUT, settings.plan.tick, third))
    assert {(one.candidate, one.champion) for one in found} == {("9", "7")}


def test_a_state_of_a_release_without_canaries_is_read() -> None:
    """It begins with what comes."""
    settings = config()
    state = CohortsState()
    del state.canary
    given: Any = ticks(LAYOUT, settings.plan.tick, traffic())
    logic = Cohorts(settings, state)
    assert any(logic(tick).canary is not None for tick in given)
