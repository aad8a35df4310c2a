"""What is known beside the level when a forecast is made, as numbers of about one, and the level in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from operators.settings.alerts import OF_DRIFT, SPOILING
from windows.need.logistic import odds
from windows.panes import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operators.actions.forecast_state import NeedPlan, Track
    from operators.actions.inputs import Fact
    from windows.need.level import Dynamics

STEEPEST = 10.0
"""Standard errors of a slope that count."""


def inputs_of(
    plan: NeedPlan, moves: Dynamics, track: Track, default: float, facts: Iterable[Fact]
) -> Mapping[str, float]:
    """All inputs by name (windows.need.learnt.INPUTS), and how far the level walks over one horizon, in losses.

    Args:
        plan: of the forecast.
        moves: how levels move.
        track: of the version; it has a baseline.
        default: P by the filter.
        facts: alerts of the version, or of the model as such, that fire.
    """
    firing = [fact for fact in facts if not fact.segment]
    drifts = [fact for fact in firing if fact.alert in OF_DRIFT]
    value, _ = track.level.value()
    return {
        "odds": float(odds(default)),
        "gap": (value - track.baseline(plan.slices)) / plan.loss,
        "slope": slope_of(track),
        "drift": _strength(drifts),
        "majors": math.log1p(sum(len([name for name in one.features if name]) for one in drifts if one.level > 1)),
        "reconstruction": _strength(fact for fact in firing if fact.alert == "Anomaly"),
        "performance": _level(firing, "PerformanceDrop"),
        "concept": _level(firing, "ConceptDrift"),
        "quality": float(any(fact.alert in SPOILING for fact in firing)),
        "age": math.log1p(track.level.seen),
        "coverage": track.coverage if math.isfinite(track.coverage) else 0.0,
        "walk": track.level.walk(moves, plan.slices) / plan.loss,
    }


def slope_of(track: Track) -> float:
    """How many standard errors the slope of the slices of the last horizon is above nothing; 0 of fewer than four."""
    if len(track.recent) < 4:
        return 0.0
    at, value = (np.array(part, dtype=np.float64) for part in zip(*((i, v) for i, v, _ in track.recent), strict=True))
    at, value = at - at.mean(), value - value.mean()
    across = float(at @ at)
    slope = float(at @ value) / across
    rest = value - slope * at
    error = math.sqrt(float(rest @ rest) / (len(at) - 2) / across)
    if error < 1e-15:
        return 0.0
    return min(max(slope / error, -STEEPEST), STEEPEST)


def words_of(plan: NeedPlan, moves: Dynamics, track: Track, gap: int) -> str:
    """The level, what it is compared with, and how it is expected to move."""
    value, error = track.level.value()
    base, sign = track.baseline(plan.slices), 1 if plan.rises else -1
    jump = -math.expm1(-moves.hazard * (gap + plan.slices))
    over = duration_text(plan.slice * plan.slices)
    how = "worse" if value >= base else "better"
    decay = track.level.decay(moves, plan.slices)
    return (
        f"{plan.metric} is {sign * value:.4g}, give or take {error:.2g}: {abs(value - base):.2g} {how} than the "
        f"{sign * base:.4g} that the version had when it was new, and a loss of {plan.loss:g} matters. Over {over} it "
        f"is expected to get {'worse' if decay >= 0 else 'better'} by {abs(decay):.2g} of itself, to wander by "
        f"{track.level.walk(moves, plan.slices):.2g}, and to jump by then with a chance of {jump:.0%}; labels of the "
        f"{gap} slices of {duration_text(plan.slice)} before are not mature"
    )


def _strength(facts: Iterable[Fact]) -> float:
    return max((math.log1p(min(max(fact.strength, 0.0), 1e6)) for fact in facts), default=0.0)


def _level(facts: Iterable[Fact], alert: str) -> float:
    return float(max((fact.level for fact in facts if fact.alert == alert), default=0))
