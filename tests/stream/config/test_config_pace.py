"""Panes and windows that suit a pace, and defaults that follow what they depend on."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from factories import click, reference_of

from operators.plans.cohorts import plan_performance
from operators.plans.model import plan_models
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import DriftSettings, ModelSettings, QualitySettings
from operators.settings.performance import PerformanceSettings
from stream.config.follow import follow_pace, follow_pane
from stream.config.load import load
from stream.config.pace import MOST_WINDOWS, default_windows, fits, pace_of, plan_pace
from stream.config.sight import blind_lines, pace_comments, pace_lines, sights, slow_lines
from windows.panes import plan
from windows.references.pace import Pace
from windows.statistics.smallest import smallest_ks

if TYPE_CHECKING:
    from pathlib import Path

    from windows.references.reference import Reference

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
PACES = (5, 20, 100, 160, 1_000, 5_000, 86_400, 864_000, 86_400_000, 1e10)


@pytest.mark.parametrize("per_day", PACES)
def test_windows_hold_what_can_be_judged(per_day: float) -> None:
    """From 5 a day to 100,000 a second: whole panes, few windows, the first with rows enough, the last with many."""
    found = pace_of(per_day, labels=per_day)
    assert all(fits(size, found.pane) for size in (*found.windows, *found.quality))
    assert 2 <= len(found.windows) <= MOST_WINDOWS + 1
    rows = [per_day * size / DAY for size in found.windows]
    assert rows[0] >= 60
    assert rows[-1] >= 6_000 or found.windows[-1] == 90 * DAY
    assert found.lateness <= found.pane
    assert found.cohorts is not None
    assert found.label_delay >= max(found.pane, min(20 * DAY / per_day, 7 * DAY))
    assert found.pane <= found.wait <= DAY
    windows = PerformanceSettings(
        label_delay=f"{found.label_delay}ms", windows=tuple(f"{size // HOUR}h" for size in found.cohorts)
    )  # type: ignore[arg-type]
    model = ModelSettings(name="m", task="binary", performance=windows)
    assert len(plan_performance(model, found.pane).windows) == len(found.cohorts)


@pytest.mark.parametrize("per_day", [100, 5_000, 86_400, 864_000])
def test_windows_are_close_enough_to_each_other(per_day: float) -> None:
    """No window is more than three times the one before, where shifts of ordinary size are decided."""
    windows = [size for size in pace_of(per_day).windows if per_day * size / DAY <= 8_000]
    assert max(later / earlier for earlier, later in pairwise(windows)) <= 3.0


def test_dense_traffic_keeps_the_default_windows() -> None:
    """At 10,000 a second ten seconds hold 100,000 rows: 10s, 1m and 1h, in panes of 10s."""
    found = pace_of(864e6)
    assert (found.pane, found.windows) == (10_000, (10_000, MINUTE, HOUR))


@pytest.mark.parametrize("pane", [100, 1_000, 7_000, 10_000, 30_000, MINUTE, 600_000, HOUR, 6 * HOUR, DAY])
def test_default_windows_are_multiples_of_any_pane(pane: int) -> None:
    """From 100 ms to a day, odd ones too; ascending, and each in slices that are not too coarse."""
    for usual in (DriftSettings().windows, QualitySettings().windows):
        found = default_windows(usual, pane)
        assert list(found) == sorted(set(found))
        assert all(size % pane == 0 and plan(size, pane).slices >= min(6, size // pane) for size in found)
    assert default_windows((10_000, MINUTE, HOUR), 10_000) == (10_000, MINUTE, HOUR)


def test_only_what_is_written_can_be_in_conflict_with_the_pane() -> None:
    """Written windows stay as they are, for the check to refuse; all others follow."""
    model = ModelSettings(name="m", task="binary", performance=PerformanceSettings())
    followed = follow_pane(model, HOUR, lambda _section, _key: False)
    assert followed.drift.windows == followed.prediction.windows == (HOUR, 6 * HOUR, 7 * DAY)
    assert followed.quality.windows == (6 * HOUR, 7 * DAY)
    assert follow_pane(model, HOUR, lambda section, _key: section == "drift").drift.windows == model.drift.windows
    day = follow_pane(model, DAY, lambda _section, _key: False)
    assert day.performance is not None
    assert all(size % DAY == 0 for size in day.performance.cohort_windows)
    assert plan_performance(day, DAY).windows


@pytest.mark.parametrize("pane", ["1h", "1d", "7s", "15m"])
def test_a_config_with_another_pane_loads(tmp_path: Path, pane: str) -> None:
    """A pane of 1h used to be refused for a default that is no multiple of it."""
    path = tmp_path / "c.yaml"
    path.write_text(f"time: {{pane: {pane}}}\nmodels:\n  - {{name: click, task: binary, performance: {{}}}}\n")
    assert all(size % load(path, {}).time.pane == 0 for size in load(path, {}).models[0].drift.windows)


def paced(per_day: float, *, days: int = 200) -> Reference:
    """The usual reference with timestamps at this pace."""
    hours = tuple([max(round(per_day * days / 168), 1)] * 168)
    rows = 50_000
    base = click()
    counts = {name: replace(profile, overdispersion=1.0) for name, profile in base.features.items()}
    return replace(reference_of(counts, base.prediction, rows=base.rows), rows=rows, pace=Pace(hours, days * DAY))


def test_longer_windows_are_added_where_the_default_ones_never_decide() -> None:
    """At 100 a day 1h holds four rows: weeks are added behind 10s, 1m and 1h; at 1,000 a second nothing is."""
    model = ModelSettings(name="click", task="binary")
    thin, added = follow_pace(model, paced(100), 10_000, lambda _section, _key: False)
    assert added
    assert thin.drift.windows[:3] == (10_000, MINUTE, HOUR)
    assert max(thin.drift.windows) == 90 * DAY
    assert all(fits(size, 10_000) for size in thin.drift.windows)
    assert follow_pace(model, paced(86_400_000), 10_000, lambda _section, _key: False) == (model, False)
    written, _ = follow_pace(model, paced(100), 10_000, lambda section, _key: section == "drift")
    assert written.drift.windows == model.drift.windows


def test_what_is_blind_is_told_before_it_starts() -> None:
    """At 100 a day windows of up to an hour judge nothing, and it says what they would need and what there is."""
    reference, model = paced(100), ModelSettings(name="click", task="binary")
    (blind,) = plan_models([model], {"click": reference}, TimeSettings(), AlertingSettings(), everything=False).values()
    lines = list(blind_lines(blind))
    (of_ks,) = [line for line in lines if line.startswith("blind: drift.ks over 1h needs about")]
    assert of_ks.endswith("; expected in a full window: 4")
    said = "  pace: about 100 predictions a day; the smallest KS that pages: 10s never"
    assert next(iter(pace_lines(blind))).startswith(said)
    suits = plan_pace(reference)
    assert suits is not None
    time = TimeSettings(pane=f"{suits.pane // MINUTE}m")  # type: ignore[arg-type]
    windows = [f"{size // HOUR}h" for size in suits.windows]
    paged = ModelSettings(
        name="click",
        task="binary",
        drift={"windows": windows},  # type: ignore[arg-type]
        prediction={"windows": windows},  # type: ignore[arg-type]
        quality={"windows": [f"{size // HOUR}h" for size in suits.quality]},  # type: ignore[arg-type]
    )
    (plan_,) = plan_models([paged], {"click": reference}, time, AlertingSettings(), everything=False).values()
    assert list(blind_lines(plan_)) == []
    least = [sight.least["ks"] for sight in sights(plan_)]
    assert all(one is not None for one in least)
    assert least == sorted(least, key=lambda one: -(one or 0))
    assert pace_comments(plan_)[0].startswith("about 100 predictions a day")


def test_a_column_whose_days_differ_is_told_apart() -> None:
    """Of 1,000 rows a day that are alike by 0.3, a day counts for 1,000 / 301: only windows of many days can page.

    KS is of numbers: categories are left out.
    """
    base, moved = paced(1_000, days=400), {"age": 0.3, "clicks": 0.1, "country": 0.5}
    features = {name: replace(profile, day_correlation=moved.get(name, 0.0)) for name, profile in base.features.items()}
    reference = replace(base, rows=400_000, features=features)
    own: dict[str, Any] = {"windows": ["6h", "1d", "28d", "90d"]}
    model = ModelSettings(name="click", task="binary", drift=own, prediction=own, quality=own)
    time = TimeSettings(pane="1h")  # type: ignore[arg-type]
    (one,) = plan_models([model], {"click": reference}, time, AlertingSettings(), everything=False).values()
    (line,) = slow_lines(one)
    assert line.startswith(
        "age, whose days differ (less so clicks), needs windows of more days; its KS pages: 6h never,"
    )
    told = line.partition("pages: ")[2].split(", ")
    factor = 1 + 0.3 * 1_000
    hand = [smallest_ks(0.1, 1_000 * days / factor, 400_000 / factor, one.alpha) for days in (1, 28, 90)]
    assert told[1:] == [
        f"{size} {'never' if least is None else f'from {least:.2g}'}"
        for size, least in zip(("1d", "28d", "90d"), hand, strict=True)
    ]
    assert line in pace_comments(one)
    assert f"  {line}" in pace_lines(one)
    usual = replace(reference, features=base.features)
    (other,) = plan_models([model], {"click": usual}, time, AlertingSettings(), everything=False).values()
    assert list(slow_lines(other)) == []


def test_a_reference_of_few_rows_says_what_it_cannot_tell() -> None:
    """Of one row nothing ever fires, of twenty hardly anything, whatever comes; of two thousand nothing is said."""
    said = []
    for rows in (1, 20, 2_000):
        reference = replace(click(), rows=rows)
        model = ModelSettings(name="click", task="binary")
        (one,) = plan_models(
            [model], {"click": reference}, TimeSettings(), AlertingSettings(), everything=False
        ).values()
        assert [line.strip() for line in pace_lines(one)] == list(pace_comments(one)[1:])
        said.append(list(pace_comments(one)[1:]))
    (nothing,), (far,), near = said
    assert nothing == "the reference has 1 row: nothing that is told by KS pages, however much traffic comes"
    assert far.startswith("the reference has 20 rows: KS pages from 0.")
    assert near == []


def test_without_timestamps_nothing_is_said_of_a_pace() -> None:
    """No pace, no plan, no lines but one in a new config."""
    reference = replace(click(), rows=50_000)
    (plan_,) = plan_models(
        [ModelSettings(name="click", task="binary")],
        {"click": reference},
        TimeSettings(),
        AlertingSettings(),
        everything=False,
    ).values()
    assert plan_pace(reference) is None
    assert (list(blind_lines(plan_)), list(pace_lines(plan_))) == ([], [])
    assert len(pace_comments(plan_)) == 1
