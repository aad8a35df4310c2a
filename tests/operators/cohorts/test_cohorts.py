"""The step of cohorts against plain sums over the rows."""

from __future__ import annotations

import itertools
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from factories import START
from labelled import Rows, joined, pick, rows, ticks
from labels import label_plan
from outcome_rows import Row as Sample
from outcome_rows import outcomes_of
from scipy import stats

from operators.cohorts.cohorts import Cohorts, CohortsState
from operators.cohorts.measures import CohortMeasures, WindowMeasures, worst_segments
from operators.model_steps import cohort_step, cohorts_config
from operators.settings.model import ModelSettings
from operators.tables import Kind, Table
from windows.outcomes.days import DayVariation
from windows.outcomes.fold import fold_outcomes
from windows.outcomes.layout import TaskOptions, task_layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.cohorts.cohorts import CohortsConfig
    from operators.join.ticks import CohortTick
    from windows.arrays import IntArray

M, H, DAY = 60_000, 3_600_000, 86_400_000
T0 = START // DAY * DAY
LAYOUT = task_layout(TaskOptions("binary"), None)
RULES: dict[str, Any] = {
    "accuracy": [
        {"baseline": "trailing", "trailing": "2h", "max_drop": 0.05},
        {"baseline": "version", "max_drop": 0.05},
        {"baseline": {"shift": "2h"}, "max_drop": 0.05},
    ],
    "fpr": {"baseline": "trailing", "trailing": "2h", "max_ratio": 3},
}


def config(task: str = "binary", *, errors: bool = False, sla: Any = None, **performance: Any) -> CohortsConfig:
    """The config of a model with windows of an hour, half an hour's label delay, and these settings."""
    settings = {"windows": ["1h"], "label_delay": "30m", **performance}
    model = ModelSettings.model_validate({"name": "m", "task": task, "performance": settings, "sla": sla or {}})
    return cohorts_config(label_plan(model, LAYOUT), 1e-3, evaluations=errors)


def traffic(n: int = 3_000, hours: float = 6, seed: int = 0, delay: int = 29 * M) -> Rows:
    """Predictions of two versions and three segments over some hours, labels within the delay or never."""
    rng = np.random.default_rng(seed)
    at = np.sort(rng.integers(T0, T0 + int(hours * H), n))
    late = np.where(rng.random(n) < 0.1, -1, rng.integers(0, delay, n))
    versions, segments = rng.choice(["1", "1", "1", "2"], n), rng.choice(["", "c=de", "c=fr"], n)
    label = (rng.random(n) < 0.3).astype(float)
    return rows(
        at,
        rng.random(n),
        label,
        late,
        value=rng.exponential(1, n),
        version=[str(one) for one in versions],
        segment=[str(one) for one in segments],
    )


def run(settings: CohortsConfig, given: Iterable[CohortTick]) -> list[CohortMeasures]:
    """The measures of every tick."""
    logic = Cohorts(settings, CohortsState())
    return [logic(tick) for tick in given]


def in_cohorts(given: Rows, start: int, end: int, until: int, version: str, segment: str) -> Rows:
    """Rows predicted in [start, end) that have a label by `until`."""
    mask = (given.at >= start) & (given.at < end) & (given.known >= 0) & (given.known < until)
    mask &= np.array([one == version for one in given.version])
    if segment:
        mask &= np.array([one == segment for one in given.segment])
    return pick(given, mask)


def accuracy(part: Rows) -> float:
    """Share of predictions on the side of their label."""
    return float(((part.score >= 0.5) == (part.label == 1)).mean()) if len(part) else float("nan")


def fpr(part: Rows) -> float:
    """Share of alarms among negatives."""
    harmless = part.label == 0
    return float((part.score[harmless] >= 0.5).mean()) if harmless.any() else float("nan")


def cell(table: Table | None, key: tuple[str, str]) -> float:
    """The value of a group."""
    assert table is not None
    return float(table.value[table.groups.index(key), 0])


def test_windows_are_of_prediction_time_and_mature() -> None:
    """Every metric of every group equals that of the rows predicted in the window; the window ends a delay ago."""
    given = traffic()
    settings = config()
    slide = settings.plan.windows[0].slide
    seen = 0
    for measures in run(settings, ticks(LAYOUT, settings.plan.tick, given)):
        for window in measures.windows:
            assert window.end == (measures.end - 30 * M) // slide * slide
            for key in window.tables[0].groups if window.tables else ():
                part = in_cohorts(given, window.end - H, window.end, measures.end, *key)
                assert cell(window.table("accuracy"), key) == pytest.approx(accuracy(part), nan_ok=True)
                assert cell(window.table("fpr"), key) == pytest.approx(fpr(part), nan_ok=True)
                assert cell(window.table("labelled"), key) == len(part)
                values = part.value.mean() if len(part) else float("nan")
                assert cell(window.table("value_mean"), key) == pytest.approx(values, nan_ok=True)
                seen += 1
    assert seen > 100


def test_the_newest_window_is_immature() -> None:
    """It ends where time is, with the labels that have come so far, of whole versions only."""
    given = traffic()
    settings = config()
    last = run(settings, ticks(LAYOUT, settings.plan.tick, given, until=T0 + 6 * H))[-1]
    newest = last.windows[0].newest
    assert newest is not None
    assert newest.end == T0 + 6 * H
    table = next(table for table in newest.tables if table.metric == "label_coverage")
    assert {segment for _, segment in table.groups} == {""}
    mask = (given.at >= newest.end - H) & np.array([one == "1" for one in given.version])
    known = mask & (given.known >= 0) & (given.known < last.end)
    assert cell(table, ("1", "")) == known.sum() / mask.sum()


def test_baselines() -> None:
    """Trailing and shifted periods hold all versions, another version the same window."""
    given = traffic(5_000, hours=7)
    settings = config(**RULES)
    done: set[str] = set()
    for measures in run(settings, ticks(LAYOUT, settings.plan.tick, given))[::3]:
        window = measures.windows[0]
        for one in window.comparisons:
            table = one.table
            for row, (version, segment) in enumerate(table.groups):
                start = window.end - H
                if one.against.kind == "version":
                    assert (version, one.versus[row]) == ("2", "1")
                    parts = [in_cohorts(given, start, window.end, measures.end, "1", segment)]
                else:
                    back = 2 * H
                    trail = settings.plan.trails[0].slide
                    end = start // trail * trail if one.against.kind == "trailing" else window.end - back
                    begin = end - (2 * H if one.against.kind == "trailing" else H)
                    parts = [in_cohorts(given, begin, end, measures.end, name, segment) for name in "12"]
                expected = (fpr if table.metric == "fpr" else accuracy)(joined(*parts))
                if not np.isnan(expected):
                    assert table.baseline is not None
                    assert table.baseline[row, 0] == pytest.approx(expected)
                    own = in_cohorts(given, start, window.end, measures.end, version, segment)
                    measured = (fpr if table.metric == "fpr" else accuracy)(own)
                    assert table.value[row, 0] == pytest.approx(measured, nan_ok=True)
                    done.add(f"{one.against.kind} {one.form}")
    assert done == {"trailing difference", "version difference", "shift difference", "trailing ratio"}


def right(share: float) -> IntArray:
    """Outcomes of a reference of which this share was predicted rightly."""
    known = [Sample(score=0.9, label=1.0 if at < 1_000 * share else 0.0) for at in range(1_000)]
    return fold_outcomes(LAYOUT, outcomes_of(known), np.zeros(1_000, dtype=np.int64), 1)[0]


def test_a_version_is_held_against_its_own_reference() -> None:
    """Others against the model's; where that has no labels, only the version is."""
    settings = replace(config(accuracy={"baseline": "reference", "max_drop": 0.05}), reference=right(0.9))
    given = list(ticks(LAYOUT, settings.plan.tick, traffic()))
    for reference, expected in ((right(0.9), {"1": 0.9, "2": 0.7}), (None, {"2": 0.7})):
        own = replace(settings, reference=reference, own={"2": right(0.7)})
        found: dict[str, float] = {}
        for one in [one for measures in run(own, given) for window in measures.windows for one in window.comparisons]:
            assert one.table.baseline is not None
            versions = (version for version, _ in one.table.groups)
            found |= dict(zip(versions, one.table.baseline[:, 0].tolist(), strict=True))
        assert found == pytest.approx(expected)


def test_a_baseline_is_not_used_before_it_has_been_seen() -> None:
    """Nothing is compared with a period of which less than nine tenths had traffic, at the start or in a gap."""
    settings = config(accuracy={"baseline": "trailing", "trailing": "5h", "max_drop": 0.05})
    slide = settings.plan.trails[0].slide
    whole = rows(np.arange(T0, T0 + 20 * H, 60_000), 0.9, 1.0, M)
    given = pick(whole, (whole.at < T0 + 10 * H) | (whole.at >= T0 + 11 * H))
    for measures in run(settings, ticks(LAYOUT, settings.plan.tick, given)):
        (window,) = measures.windows
        stop = (window.end - H) // slide * slide
        slices = range(stop - 5 * H, stop, slide)
        seen = [any(at <= one < at + slide for one in given.at.tolist()) for at in slices]
        own = {at // (10 * M) for at in given.at.tolist() if window.end - H <= at < window.end}
        if own:
            assert bool(window.comparisons) == (sum(seen) / len(seen) >= 0.9 * len(own) / 6)


def test_an_older_version_is_not_judged_by_what_replaces_it() -> None:
    """The version with most traffic is the baseline, unless it is the newer one: then the older one is its baseline."""
    half = rows(np.arange(T0, T0 + 8 * H, 2_000), 0.9, 1.0, M, version="1")
    settings = config(accuracy={"baseline": "version", "max_drop": 0.05})
    for share, pairs in ((8, {("2", "1")}), (1, {("2", "1")})):
        new = rows(np.arange(T0 + 2 * H, T0 + 8 * H, share * 1_000), 0.9, 1.0, M, version="2")
        measures = run(settings, ticks(LAYOUT, settings.plan.tick, joined(half, new)))[-1]
        (one,) = measures.windows[0].comparisons
        assert {(key[0], other) for key, other in zip(one.table.groups, one.versus, strict=True)} == pairs


def test_a_revision_leaves_what_it_would_have_been_in_time() -> None:
    """The final tables of a run with late revisions, in pieces and any order, are those of the revised labels."""
    given = traffic(2_000, hours=3)
    settings = config(**RULES)
    tick = settings.plan.tick
    rng = np.random.default_rng(5)
    chosen = (rng.random(len(given)) < 0.3) & (given.known >= 0)
    wrong = replace(given, label=np.where(chosen, 1 - given.label, given.label))
    end = T0 + 4 * H
    last = (T0 + 3 * H + 30 * M + tick) // tick * tick
    plain = [one for one in ticks(LAYOUT, tick, given, until=last) if one.end <= last]
    first = [one for one in ticks(LAYOUT, tick, wrong, until=last) if one.end <= last]
    pieces = []
    for sign, source in ((1, given), (-1, wrong)):
        for one in ticks(LAYOUT, tick, pick(source, chosen), until=last):
            unserved = {key: sign * vector for key, vector in one.deltas.items()}
            pieces.append(unserved)
    rng.shuffle(pieces)  # type: ignore[arg-type]
    revised = [
        *first,
        *(replace(first[-1], end=last + (at + 1) * tick, deltas=deltas) for at, deltas in enumerate(pieces)),
    ]
    moment = max(end, revised[-1].end) + tick
    final = replace(first[-1], end=moment, deltas={}, ended=True)
    results = [run(settings, [*given_ticks, final])[-1] for given_ticks in (plain, revised)]
    assert tables_of(results[0]) == tables_of(results[1])


def tables_of(measures: CohortMeasures) -> Any:
    """Everything measured, comparable."""
    return [
        (
            window.window,
            window.end,
            [(table.metric, table.groups, numbers(table)) for table in window.tables],
            [(one.against, one.form, one.versus, numbers(one.table)) for one in window.comparisons],
        )
        for window in measures.windows
    ]


def numbers(table: Table) -> list[bytes]:
    """Its columns, bit for bit."""
    columns = (table.value, table.lower, table.upper, table.samples, table.baseline)
    return [b"" if column is None else np.ascontiguousarray(column).tobytes() for column in columns]


def test_a_restart_at_every_tick_changes_nothing() -> None:
    """The state holds everything: measures are those of a run that was never interrupted."""
    settings = config(errors=True, concept={"curve": {"recent": "1h", "before": "2h"}}, **RULES)
    given = list(ticks(LAYOUT, settings.plan.tick, traffic(1_500, hours=4)))
    steady = run(settings, given)
    state: CohortsState | None = None
    for tick, expected in zip(given, steady, strict=True):
        step = cohort_step(settings, pickle.loads(pickle.dumps(state)))
        (found,) = step([tick])
        assert tables_of(found) == tables_of(expected)
        assert found.errors == expected.errors
        curves = [None if one.curve is None else numbers(one.curve.table) for one in (found, expected)]
        assert curves[0] == curves[1]
        state = step.state


def test_coverage_makes_a_cohort_mature_before_its_time() -> None:
    """Once nine of ten predictions have a label, a window ends there; a later slice that lacks labels holds it up."""
    early = rows(np.arange(T0, T0 + H, 1_000), 0.9, 1.0, 10_000)
    lacking = rows(np.arange(T0 + H, T0 + 2 * H, 1_000), 0.9, 1.0, np.where(np.arange(3_600) % 2, 10_000, -1))
    settings = config(label_delay="6h", windows=["1d"], coverage=0.9)
    window = settings.plan.windows[0]
    given = joined(early, lacking)
    found = [one.windows[-1].end for one in run(settings, ticks(LAYOUT, settings.plan.tick, given)) if one.windows]
    assert max(found) == T0 + H
    aged = run(settings, ticks(LAYOUT, settings.plan.tick, given, until=T0 + 9 * H))[-1].windows[-1]
    assert aged.end >= T0 + 9 * H - 6 * H - window.slide
    assert found == sorted(found)


def test_a_window_moves_once_a_slide() -> None:
    """Between two slides nothing is measured anew; at the end of a replay everything is, and is not judged again."""
    settings = config(windows=["1h", "6h"])
    given = list(ticks(LAYOUT, settings.plan.tick, traffic()))
    measured = run(settings, given)
    long = [window for one in measured for window in one.windows if window.window.size == 6 * H]
    moved = [window.end - long[0].end for window in long if window.moved]
    assert moved == list(range(0, len(moved) * 20 * M, 20 * M))
    assert len(long) <= 2 * len(moved)  # once for what became mature, once for the newest window
    logic = Cohorts(settings, CohortsState())
    for tick in given[:-1]:
        logic(tick)
    over = logic(replace(given[-1], end=given[-2].end, ended=True))
    assert [(window.window.size, window.moved) for window in over.windows] == [(H, False), (6 * H, False)]


def test_labels_of_cohorts_out_of_reach_are_counted() -> None:
    """They change nothing else."""
    settings = config()
    old = rows([T0 - 5 * DAY] * 7, 0.9, 1.0, 0)
    logic = Cohorts(settings, CohortsState())
    given = list(ticks(LAYOUT, settings.plan.tick, traffic()))
    for tick in given:
        last = logic(tick)
    (late,) = (tick for tick in ticks(LAYOUT, settings.plan.tick, old))
    after = logic(replace(late, end=last.end, ended=True))
    assert after.too_old == 1  # one group of one slice
    assert tables_of(after) == tables_of(logic(replace(late, end=last.end, deltas={}, ended=True)))


def test_the_errors_of_slices_that_became_mature() -> None:
    """Each slice once, in time order, thin ones together; the mean error is that of the rows."""
    given = traffic(6_000)
    settings = config(errors=True)
    found = [error for one in run(settings, ticks(LAYOUT, settings.plan.tick, given)) for error in one.errors]
    for version in "12":
        mine = [error for error in found if error.version == version]
        assert mine
        assert all(before.end <= after.start for before, after in itertools.pairwise(mine))
        for error in mine:
            part = in_cohorts(given, error.start, error.end, T0 + 99 * H, version, "")
            assert error.samples == len(part) >= 100
            assert error.error == pytest.approx(1 - accuracy(part))


def test_versions_that_are_gone_are_forgotten() -> None:
    """Of a version without any cohort in reach nothing is kept."""
    settings = config()
    old = rows(np.arange(T0, T0 + H, 10_000), 0.9, 1.0, M, version="old")
    new = rows(np.arange(T0, T0 + 9 * H, 10_000), 0.9, 1.0, M, version="new")
    logic = Cohorts(settings, CohortsState())
    versions = [logic(tick).versions for tick in ticks(LAYOUT, settings.plan.tick, joined(old, new))]
    assert versions[0] == ("new", "old")
    assert versions[-1] == ("new",)
    assert logic.state.first.keys() == {"new"}


def test_a_snapshot_is_small() -> None:
    """Half an hour of sparse labels in 42 groups: well under a megabyte, where plain vectors would be many."""
    settings = config()
    given = traffic(10_000)
    names = [f"k={number % 20}" for number in range(len(given))]
    logic = Cohorts(settings, CohortsState())
    for tick in ticks(LAYOUT, settings.plan.tick, replace(given, segment=tuple(names))):
        logic(tick)
    plain = sum(len(groups) for ring in logic.state.rings.values() for groups in ring.slices.values()) * LAYOUT.size * 8
    assert len(pickle.dumps(logic.state)) < plain / 5


def window_of(measures: CohortMeasures) -> WindowMeasures:
    """Its only window."""
    (window,) = measures.windows
    return window


def test_the_worst_segments_are_ranked_by_what_is_sure() -> None:
    """A segment with a small sure drop comes before one with a large unsure drop; without a drop it is not listed."""
    groups = (("1", ""), ("1", "a"), ("1", "b"), ("1", "c"))
    columns = ([0.9, 0.7, 0.4, 0.9], [0.89, 0.65, 0.0, 0.88], [0.91, 0.75, 0.85, 0.92])
    value, lower, upper = (np.array(column)[:, None] for column in columns)
    count = np.ones((4, 1), dtype=np.int64)
    table = Table(Kind.PERFORMANCE, "accuracy", groups, ("",), value, lower, upper, count, None, count)
    assert [(key[1], round(beyond, 3)) for key, _, beyond in worst_segments(table, 5, falling=True)] == [
        ("a", 0.15),
        ("b", 0.05),
    ]
    assert [key[1] for key, _, _ in worst_segments(table, 1, falling=True)] == ["a"]
    rising = replace(table, baseline=np.full((4, 1), 0.6))
    assert [key[1] for key, _, _ in worst_segments(rising, 5, falling=False)] == ["c", "a"]


def test_days_that_differ_widen_comparisons_with_other_times() -> None:
    """The distance to each bound and Student's quantile of the days are joined; versions of the same days are not."""
    rules = [{"baseline": "reference", "max_drop": 0.05}, {"baseline": "version", "max_drop": 0.05}]
    plain = replace(config(accuracy=rules), reference=right(0.9))
    vary = DayVariation(0.02, 0.0, 30)
    moved = replace(plain, varied={"": {"accuracy": vary}}, reference_days={"": 25.0})
    given = list(ticks(LAYOUT, plain.plan.tick, traffic()))
    reach = stats.t.isf(1e-3, 29) * 0.02 * np.sqrt(1 + 1 / 25)
    seen = {"reference": 0, "version": 0}
    for before, after in zip(run(plain, given), run(moved, given), strict=True):
        for old, new in zip(before.windows, after.windows, strict=True):
            for one, two in zip(old.comparisons, new.comparisons, strict=True):
                table, wide = one.table, two.table
                assert numbers(replace(table, lower=wide.lower, upper=wide.upper)) == numbers(wide)
                far = np.hypot(table.value - table.lower, reach if one.against.kind == "reference" else 0.0)
                high = np.hypot(table.upper - table.value, reach if one.against.kind == "reference" else 0.0)
                assert wide.lower == pytest.approx(np.maximum(table.value - far, np.minimum(table.lower, 0.0)))
                assert wide.upper == pytest.approx(np.minimum(table.value + high, np.maximum(table.upper, 1.0)))
                seen[one.against.kind] += len(table.groups)
    assert min(seen.values()) > 10
