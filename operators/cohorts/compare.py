"""Comparing cohorts: a metric of some groups against the same metric of their baselines, with an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from operators.cohorts.measures import Comparison
from operators.settings.metrics import ENDS, ERROR_OF
from operators.tables import Kind, Table
from windows.outcomes.days import DayVariation, widened
from windows.outcomes.difference import difference
from windows.outcomes.metrics import Measured, task_metrics
from windows.statistics.ratios import ratio_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.plans.label_monitors import Against, Form
    from windows.arrays import FloatArray, IntArray
    from windows.outcomes.layout import TaskLayout
    from windows.ring import Key


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """A comparison that a rule asks for.

    Attributes:
        window: size, ms.
        metric: its name, as in the rule ("error_rate" is 1 - accuracy).
        kind: of the table.
        against: the baseline.
        form: of the interval.
        segments: whether segments are compared too.
    """

    window: int
    metric: str
    kind: Kind
    against: Against
    form: Form
    segments: bool


@dataclass(frozen=True, slots=True)
class Pairs:
    """G groups with their baselines.

    Attributes:
        groups: (version, segment) of each.
        current: int64[G, size].
        baseline: int64[G, size].
        versus: the version of each baseline, "" where it is none.
        days: float64[G, 2], days that each of the two holds.
    """

    groups: tuple[Key, ...]
    current: IntArray
    baseline: IntArray
    versus: tuple[str, ...]
    days: FloatArray


VariationOf = Mapping[str, Mapping[str, DayVariation]]
"""Version ("" for all that have none of their own) -> metric -> how much its days differ."""


def complemented(layout: TaskLayout, metric: str) -> tuple[str, bool]:
    """The measured metric behind a metric's name, and whether it is 1 minus it."""
    measured, error = ERROR_OF[layout.options.task]
    return (measured, measured != error) if metric == error else (metric, False)


def error_of(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    """The error of a task: 1 - accuracy, mae, or 1 - ndcg; each [G]."""
    measured, error = ERROR_OF[layout.options.task]
    found = task_metrics(layout, vectors, alpha, (measured,))[measured]
    return found if measured == error else complement(found)


def complement(found: Measured) -> Measured:
    """1 - the metric."""
    return Measured(1.0 - found.value, 1.0 - found.upper, 1.0 - found.lower, found.samples)


def covered(layout: TaskLayout, vectors: IntArray) -> FloatArray:
    """Share of the predictions that have a label, float64[G]; NaN without predictions."""
    return task_metrics(layout, vectors, 0.5, ("label_coverage",))["label_coverage"].value


def compare(
    layout: TaskLayout, pairs: Pairs, asks: Sequence[ComparisonRequest], alpha: float, varied: VariationOf
) -> list[Comparison]:
    """One comparison for each ask; all of the same baseline.

    Against another time a window is one of days that are draws themselves, as `varied` says; versions that serve at
    the same time have the same days.
    """
    names = {complemented(layout, ask.metric)[0] for ask in asks}
    now = task_metrics(layout, pairs.current, alpha, names)
    then = task_metrics(layout, pairs.baseline, alpha, names)
    additive = {complemented(layout, ask.metric)[0] for ask in asks if ask.form == "difference"}
    apart = difference(layout, pairs.current, pairs.baseline, alpha, additive)
    coverage = covered(layout, pairs.current)
    if all(ask.against.kind != "reference" for ask in asks):
        coverage = np.fmin(coverage, covered(layout, pairs.baseline))
    found = []
    for ask in asks:
        name, turned = complemented(layout, ask.metric)
        a, b = now[name], then[name]
        gap = apart.get(name, a)
        if ask.against.kind != "version":
            a, b, gap = _by_days(pairs, name, (a, b, gap), alpha, varied)
        if turned:
            a, b = complement(a), complement(b)
            gap = Measured(-gap.value, -gap.upper, -gap.lower, gap.samples)
        found.append(Comparison(ask.against, ask.form, _table(ask, pairs, a, b, gap), pairs.versus, coverage))
    return found


def _by_days(
    pairs: Pairs, name: str, sides: tuple[Measured, Measured, Measured], alpha: float, varied: VariationOf
) -> tuple[Measured, Measured, Measured]:
    """Both sides and their difference, each group as one of days that differ as those of its version do."""
    each = [varied.get(version, varied.get("", {})).get(name) for version, _ in pairs.groups]
    known = [one for one in each if one is not None]
    if not known:
        return sides
    between = np.array(
        [(0.0, 0.0) if one is None else one.of_mean(at) for one, at in zip(each, pairs.days, strict=True)]
    )
    days = min(one.days for one in known)
    (low, high), (a, b, gap) = ENDS[name], sides
    both = np.hypot(between[:, 0], between[:, 1])
    return (
        widened(a, between[:, 0], days, alpha, (low, high)),
        widened(b, between[:, 1], days, alpha, (low, high)),
        widened(gap, both, days, alpha, (low - b.value, high - b.value)),
    )


def _table(ask: ComparisonRequest, pairs: Pairs, a: Measured, b: Measured, gap: Measured) -> Table:
    """Value and bounds on the metric's own scale; `gap` is read for a difference only."""
    base = b.value
    if ask.form == "ratio":
        low, high = ratio_interval(a.value, (a.lower, a.upper), b.value, (b.lower, b.upper))
        # Nothing is a multiple of zero: a baseline in which it never happened stands at its upper bound.
        base = np.where(b.value > 0, b.value, b.upper)
        with np.errstate(invalid="ignore"):
            lower, upper = base * low, base * high
    else:
        lower, upper = b.value + gap.lower, b.value + gap.upper
    return Table(
        ask.kind,
        ask.metric,
        pairs.groups,
        ("",),
        a.value[:, None],
        lower[:, None],
        upper[:, None],
        a.samples[:, None],
        base[:, None],
        b.samples[:, None],
    )
