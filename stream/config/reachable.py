"""Rules that can never fire: against a baseline of 0 nothing can drop, and of a share nothing rises beyond 1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from operators.cohorts.compare import complement, complemented
from operators.settings.metrics import BETTER, OF_ANY_SIGN, UP_TO_ONE, WITHIN_ONE
from windows.outcomes.absence import absence
from windows.outcomes.layout import task_layout
from windows.outcomes.metrics import metric_names, task_metrics

if TYPE_CHECKING:
    from operators.settings.performance import Rule
    from windows.references.reference import Reference

ANY_ALPHA = 0.5
"""Of a value that is shown without its bounds."""


def reference_value(metric: str, reference: Reference) -> float | None:
    """The metric of the reference's labelled rows, NaN where they have no value; None where it has no such rows."""
    if reference.outcomes is None or reference.task is None:
        return None
    layout = task_layout(reference.task, reference.prediction)
    name, turned = complemented(layout, metric)
    if name not in metric_names(layout):
        return math.nan
    found = task_metrics(layout, reference.outcomes[None], ANY_ALPHA, (name,))[name]
    return float((complement(found) if turned else found).value[0])


def why_absent(metric: str, reference: Reference) -> str:
    """Why the reference's labelled rows have no value of a metric."""
    if reference.outcomes is None or reference.task is None:
        return "the reference has no labelled rows"
    layout = task_layout(reference.task, reference.prediction)
    return absence(layout, reference.outcomes, complemented(layout, metric)[0])


def never(metric: str, rule: Rule, base: float) -> str | None:
    """What is needed instead, where no value of the metric could be past the rule's lowest limit; None where one could.

    Args:
        metric: its name, "error_rate" among them.
        rule: a limit.
        base: value of the baseline.
    """
    low, high = _ends(metric)
    level = min(one for one in (rule.levels.minor, rule.levels.major) if one is not None)
    down, up = base - level > low, base + level < high
    if rule.form == "max_drop" and not down:
        return f"below {base - low:.4g} is needed: {metric} is {base:.4g} there, and cannot fall by {level:g}"
    if rule.form == "max_rise" and not up:
        return f"below {high - base:.4g} is needed: {metric} is {base:.4g} there, and cannot rise by {level:g}"
    if rule.form == "max_drop_ratio" and base <= low:
        return f"another baseline is needed: {metric} is {base:.4g} there, and cannot fall"
    if rule.form == "max_ratio" and (base <= 0 or base * level >= high):
        return f"another baseline is needed: {metric} is {base:.4g} there, and cannot grow {level:g} times"
    if rule.form == "max_change" and not (down or up):
        return f"a smaller one is needed: {metric} is {base:.4g} there, and cannot move by {level:g} either way"
    return None


def _ends(metric: str) -> tuple[float, float]:
    """The least and the greatest value that a metric can have."""
    if metric in WITHIN_ONE | {"error_rate", "ndcg_loss"}:
        return 0.0, 1.0
    if metric in OF_ANY_SIGN:
        return -math.inf, math.inf
    if metric in UP_TO_ONE:
        return UP_TO_ONE[metric], 1.0
    return (0.0, math.inf) if any(name == metric for name in BETTER) else (-math.inf, math.inf)
