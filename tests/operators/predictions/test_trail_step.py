"""What came of late beside what came before, through the steps as the dataflow wires them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from chain import Chain
from factories import START, batch, click, plan_of, record
from scipy import stats

from operators.model_steps import slices_step
from operators.predictions.close import Tick, Totals
from operators.predictions.slices import TrailSlice

if TYPE_CHECKING:
    from operators.judging.evaluations import Evaluation
    from operators.plans.model import ModelPlan
    from windows.references.reference import Reference

PANE = 10_000
BINS = (0.1, 0.3, 0.6, 0.9)
"""A score in each bin of the reference, which cuts at quarters."""
USUAL, OTHER = (0.4, 0.3, 0.2, 0.1), (0.1, 0.2, 0.3, 0.4)


def plan(reference: Reference | None = None, **trailing: Any) -> ModelPlan:
    """Predictions beside the two hundred seconds before; fixed references judge nothing of them."""
    spans = {"recent": "50s", "before": "200s", **trailing}
    return plan_of(
        reference or click(),
        everything=True,
        drift={"windows": ["10s"], "psi": None, "ks": {"major": 0.99}},
        prediction={"windows": ["10s"], "psi": None, "ks": {"major": 0.99}, "trailing": spans},
        quality={"windows": ["10s"], "missing": 0.2},
    )


def rows(pane: int, scores: list[float], *, version: str = "1", missing: bool = False) -> list[bytes]:
    """One record a score, within one pane."""
    return [
        record(
            START + pane * PANE + at % PANE,
            version=version,
            prediction=score,
            features={"clicks": 0, "fixed": 7, "country": "de", "member": True, **({} if missing else {"age": 33})},
        )
        for at, score in enumerate(scores)
    ]


def drawn(rng: random.Random, shares: tuple[float, ...], count: int = 400) -> list[float]:
    """Scores of so many predictions."""
    return rng.choices(BINS, weights=shares, k=count)


def run(model: ModelPlan, panes: list[list[bytes]], **options: Any) -> Chain:
    """Everything through the chain."""
    chain = Chain({"click": model}, **options)
    for values in panes:
        chain.feed(batch(values, written=START + 10**9))
    chain.feed(batch([], ended=True, written=START + 10**9))
    return chain


def trailing_rows(chain: Chain, metric: str = "ks") -> list[Evaluation]:
    """The rows that are no comparison with the reference."""
    return [row for row in chain.evaluations if row.against.startswith(("trailing", "shift")) and row.metric == metric]


def test_the_distance_is_that_of_the_recent_predictions_from_those_before() -> None:
    """Beside scipy's two-sample statistic over the very scores; the first baseline comes once nine tenths are there."""
    rng = random.Random(1)
    scores = [drawn(rng, USUAL if pane < 40 else OTHER, 40) for pane in range(60)]
    chain = run(plan(), [rows(pane, held) for pane, held in enumerate(scores)])
    found = {(row.window.end - START) // PANE - 1: row for row in trailing_rows(chain) if row.value is not None}
    assert min(found) == 5 + 18 - 1
    for pane, row in found.items():
        recent = [score for held in scores[pane - 4 : pane + 1] for score in held]
        before = [score for held in scores[max(pane - 24, 0) : pane - 4] for score in held]
        assert row.value == pytest.approx(stats.ks_2samp(recent, before).statistic, abs=1e-12)
        assert (row.samples, row.reference_samples) == (len(recent), len(before))
        assert (row.against, row.window.size, row.kind) == ("trailing_200s", "50s", "prediction")


def test_a_step_fires_and_resolves_when_the_baseline_has_followed() -> None:
    """The sentence names what it was compared with, not the reference."""
    rng = random.Random(2)
    panes = [rows(pane, drawn(rng, USUAL if pane < 40 else OTHER)) for pane in range(160)]
    told = [event for event in run(plan(), panes).events if event.alert == "PredictionDrift"]
    assert [event.state for event in told] == ["firing", "resolved"]
    first, last = told
    assert START + 40 * PANE < first.event_time <= START + 45 * PANE
    assert first.monitor == "prediction.trailing_200s.ks"
    assert "not what came in the 200s before: ks" in first.reason
    assert "reference" not in first.reason
    assert last.event_time > START + 60 * PANE


def test_slices_that_break_a_limit_are_no_baseline_and_are_counted() -> None:
    """Half of a feature is missing for a minute, and the scores of that minute are others: nobody learns from them."""
    rng = random.Random(3)
    broken = range(20, 26)
    panes = [rows(pane, drawn(rng, OTHER if pane in broken else USUAL), missing=pane in broken) for pane in range(44)]
    measured = run_trails(plan(before="400s"), panes)
    last = measured[-1]
    assert last.trail is not None
    assert (last.trail.left_out, last.trail.left_out_total) == (6, 6)
    assert last.trail.filled == 33 / 40
    assert last.tables == ()
    shorter = run_trails(plan(before="100s"), panes)
    clean = {found.index - START // PANE: found for found in shorter if found.tables}
    assert all(found.tables[0].value[0, 0] < 0.1 for at, found in clean.items() if at not in range(20, 31))


def test_rows_of_a_day_that_are_alike_are_worth_little_beside_those_before() -> None:
    """Two thousand rows of one day with a correlation of a half: the same distance, and nothing to be told from it."""
    reference = click()
    assert reference.prediction is not None
    alike = replace(reference, prediction=replace(reference.prediction, day_correlation=0.5))
    rng = random.Random(2)
    panes = [rows(pane, drawn(rng, USUAL if pane < 40 else OTHER)) for pane in range(60)]
    alone, together = (
        {row.window.end: row for row in trailing_rows(run(plan(one), panes))} for one in (reference, alike)
    )
    assert {at: row.value for at, row in together.items()} == {at: row.value for at, row in alone.items()}
    assert max(row.lower for row in alone.values() if row.value is not None) > 0.1
    assert {row.lower for row in together.values() if row.value is not None} == {0.0}


def run_trails(model: ModelPlan, panes: list[list[bytes]]) -> list[Any]:
    """What the step of the trail gives."""
    found: list[Any] = []
    chain = Chain({"click": model})
    through = chain._run

    def kept(stage: str, key: str, name: str, values: list[Any]) -> list[Any]:
        out = through(stage, key, name, values)
        found.extend(out if stage == "trail" else [])
        return out

    chain._run = kept  # type: ignore[method-assign]
    for values in panes:
        chain.feed(batch(values, written=START + 10**9))
    chain.feed(batch([], ended=True, written=START + 10**9))
    return found


def test_a_new_version_is_compared_with_what_the_one_before_answered() -> None:
    """All versions together are the baseline: few live as long as one."""
    rng = random.Random(4)
    panes = [rows(pane, drawn(rng, USUAL), version="1" if pane < 40 else "2") for pane in range(48)]
    found = [row for row in trailing_rows(run(plan(), panes)) if row.version == "2" and row.value is not None]
    assert found
    assert found[-1].reference_samples == 20 * 400
    assert max(row.value or 0 for row in found) < 0.08


def test_a_shifted_baseline_is_the_same_span_so_long_ago() -> None:
    """Scores of an even and an odd cycle: only what is a whole cycle ago is the same."""
    rng = random.Random(5)
    cycle = 20
    panes = [rows(pane, drawn(rng, USUAL if pane % cycle < cycle // 2 else OTHER)) for pane in range(120)]
    chain = run(plan(before=None, shift="100s", recent="50s"), panes)
    found = [row.value for row in trailing_rows(chain) if row.value is not None]
    assert {row.against for row in trailing_rows(chain)} == {"shift_100s"}
    assert max(found) > 0.3
    aligned = run(plan(before=None, shift="200s", recent="50s"), panes)
    assert max(row.value or 0 for row in trailing_rows(aligned)) < 0.1


@pytest.mark.parametrize("seed", range(4))
def test_a_crash_between_any_two_steps_changes_nothing(seed: int) -> None:
    """Every step may continue from its snapshot at any time."""
    rng = random.Random(seed)
    panes = [
        rows(pane, drawn(rng, USUAL if pane < 40 else OTHER, 100), missing=rng.random() < 0.1) for pane in range(60)
    ]
    model = plan()
    whole = run(model, panes)

    def crash(chain: Chain, place: tuple[str, str]) -> None:
        if rng.random() < 0.15:
            chain.restart(place)

    crashed = run(model, panes, before=crash)
    assert crashed.events == whole.events
    assert crashed.evaluations == whole.evaluations


def test_a_trail_of_the_features_has_a_value_for_each() -> None:
    """All features, in the order of the layout; categories by PSI alone."""
    rng = random.Random(6)
    model = plan_of(
        click(),
        everything=True,
        drift={"windows": ["10s"], "trailing": {"recent": "50s", "before": "200s"}},
        prediction={"windows": ["10s"]},
        quality={"windows": ["10s"]},
    )
    chain = run(model, [rows(pane, drawn(rng, USUAL, 50)) for pane in range(30)])
    psi = {row.feature for row in trailing_rows(chain, "psi")}
    ks = {row.feature for row in trailing_rows(chain, "ks") if row.value is not None}
    assert psi == {"age", "clicks", "fixed", "country", "member"}
    assert ks == {"age", "clicks", "fixed"}


def test_other_spans_of_the_config_begin_anew() -> None:
    """What was kept in other slices is no part of these; nothing of it stays in the state."""
    rng = random.Random(7)
    groups = run(plan(), [rows(0, drawn(rng, USUAL))]).ticks[0].groups
    step = slices_step(plan(recent="280s", before="56m"), None)
    at = START // PANE
    list(step([Tick(at, groups, Totals(), (at + 1) * PANE)]))
    assert any(isinstance(part, tuple) for part in step.state.unfinished)
    other = slices_step(plan(), step.state)
    assert not any(isinstance(part, tuple) for part in other.state.unfinished)
    done = list(other([Tick(at + 1, groups, Totals(), (at + 2) * PANE)]))
    assert [one.index for one in done if isinstance(one, TrailSlice)] == [at + 1]


def test_nothing_is_looked_at_of_what_never_comes() -> None:
    """Without data there is no baseline, and no table."""
    measured = run_trails(plan(), [rows(0, [0.1] * 3), *([] for _ in range(3)), rows(30, [0.1] * 3)])
    assert all(np.isfinite(found.trail.filled) for found in measured)
    assert not any(found.tables for found in measured)
