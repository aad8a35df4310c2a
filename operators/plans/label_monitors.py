"""Monitors of labelled predictions: each limit of the config, with the baseline it is measured from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from operators.plans.cohorts import sizes_of, trailing_of
from operators.plans.monitors import Monitor
from operators.settings.metrics import BETTER, ERROR_OF, LABEL_METRICS, OF_ANY_COVERAGE
from operators.tables import Kind
from windows.panes import duration_text
from windows.statistics.confidence import looks_per_month

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from operators.plans.cohorts import PerformancePlan
    from operators.settings.model import ModelSettings
    from operators.settings.objective import Objective
    from operators.settings.performance import PerformanceSettings, Rule
    from windows.outcomes.layout import Task

BaselineKind = Literal["constant", "reference", "trailing", "version", "shift"]
Form = Literal["difference", "ratio"]

CURVE = "curve_shift"
CURVE_MONITOR = "performance.concept.curve"


@dataclass(frozen=True, slots=True, order=True)
class Against:
    """A baseline.

    Attributes:
        kind: see `performance_settings.Baseline`.
        length: of a trailing baseline, or how long ago a shifted one was, ms.
        value: of a constant, else 0.
    """

    kind: BaselineKind
    length: int = 0
    value: float = 0.0

    @property
    def text(self) -> str:
        """For people: "the 14d before", "364d earlier"."""
        if self.kind == "trailing":
            return f"the {duration_text(self.length)} before"
        if self.kind == "shift":
            return f"{duration_text(self.length)} earlier"
        return {"constant": "the config", "reference": "the reference"}.get(self.kind, "the version with most traffic")

    @property
    def label(self) -> str:
        """As a label: "trailing_14d", "shift_364d", "reference"."""
        return f"{self.kind}_{duration_text(self.length)}" if self.length else self.kind


@dataclass(frozen=True, slots=True)
class PerformanceMonitor:
    """A rule and what it compares.

    Attributes:
        monitor: its limits; its metric is the one it is shown with.
        against: the baseline; None for an objective, which has none.
        form: how the interval of the comparison is made: of the difference, or of the ratio.
        min_coverage: share of the predictions that must have a label for it to judge.
    """

    monitor: Monitor
    against: Against | None
    form: Form = "difference"
    min_coverage: float = 0.0

    @property
    def compares(self) -> bool:
        """Whether the baseline is measured too, so that the comparison has an interval of its own."""
        return self.against is not None and self.against.kind != "constant"


def performance_monitors(model: ModelSettings) -> tuple[PerformanceMonitor, ...]:
    """All monitors of a model's labels; none without `performance:`."""
    performance = model.performance
    if performance is None:
        return ()
    found = [one for metric, rules in performance.rules.items() for one in _named(metric, rules, performance)]
    error = performance.concept.error
    if error is not None:
        found += _errors(model.task, error, performance)
    curve = performance.concept.curve
    if curve is not None:
        levels = curve.max_shift
        shift = Monitor(CURVE_MONITOR, "ConceptDrift", Kind.CONCEPT, CURVE, (curve.recent,), levels.minor, levels.major)
        found.append(PerformanceMonitor(shift, None, min_coverage=performance.min_coverage))
    found += [_objective(objective, performance) for metric, objective in model.sla.items() if metric in LABEL_METRICS]
    return tuple(found)


def performance_looks(
    monitors: Iterable[PerformanceMonitor], plan: PerformancePlan, segments: int, versions: int
) -> float:
    """Bounds of label monitors compared with a threshold in a month: what the promise on false pages is divided by.

    Args:
        monitors: of one model.
        plan: its windows.
        segments: segments that are watched beside the whole, crossed ones included.
        versions: versions assumed to serve at the same time.
    """
    total = 0.0
    for one in monitors:
        monitor = one.monitor
        if monitor.metric == CURVE:
            total += 0.0 if plan.curve is None else looks_per_month(plan.curve.slide)
            continue
        streams = versions * (1 if monitor.whole_only else 1 + segments)
        total += sum(streams * looks_per_month(plan.window(size).slide) for size in monitor.windows)
    return total


def against_of(rule: Rule, performance: PerformanceSettings, window: int) -> Against:
    """The baseline of a rule over a window."""
    baseline = rule.baseline
    if baseline.kind == "constant":
        return Against("constant", value=baseline.value or 0.0)
    if baseline.kind == "trailing":
        return Against("trailing", trailing_of(rule, performance, window))
    if baseline.kind == "shift":
        return Against("shift", baseline.shift or 0)
    return Against(baseline.kind)


def floor_of(metric: str, performance: PerformanceSettings, rule: Rule | None = None) -> float:
    """Share of the predictions that must have a label for a metric to be judged, by a rule if one is given."""
    if metric in OF_ANY_COVERAGE:
        return 0.0
    given = None if rule is None else rule.min_coverage
    return performance.min_coverage if given is None else given


def _named(metric: str, rules: Sequence[Rule], performance: PerformanceSettings) -> Iterator[PerformanceMonitor]:
    """The monitors of a metric. Where it has several rules, the baseline is in their names."""
    taken: dict[str, int] = {}
    for rule in rules:
        sizes = sizes_of(rule, performance)
        name = f"performance.{metric}"
        if len(rules) > 1:
            name = f"{name}.{against_of(rule, performance, sizes[0]).label}"
            taken[name] = taken.get(name, 0) + 1
            name = name if taken[name] == 1 else f"{name}.{taken[name]}"
        for size in sizes:
            yield from _of_rule(name, "PerformanceDrop", Kind.COMPARISON, metric, rule, performance, size)


def _errors(task: Task, rules: Sequence[Rule], performance: PerformanceSettings) -> Iterator[PerformanceMonitor]:
    metric = ERROR_OF[task][1]
    for index, rule in enumerate(rules):
        name = "performance.concept.error" + (f".{index + 1}" if index else "")
        for size in sizes_of(rule, performance):
            yield from _of_rule(name, "ConceptDrift", Kind.CONCEPT, metric, rule, performance, size)


def _of_rule(
    name: str, alert: str, kind: Kind, metric: str, rule: Rule, performance: PerformanceSettings, size: int
) -> Iterator[PerformanceMonitor]:
    """One monitor a window; of a metric that is neither good high nor good low, one for each way."""
    levels, scaled = rule.levels, rule.form in {"max_ratio", "max_drop_ratio"}
    minor, major = levels.minor, levels.major
    if rule.form == "max_drop_ratio":
        minor, major = _rest(minor), _rest(major)
    falls = BETTER.get(metric) == "high"
    ways: tuple[tuple[str, bool], ...] = (("", falls),)
    if rule.form == "max_change":
        ways = ((".up", False), (".down", True))
    for suffix, falling in ways:
        monitor = Monitor(
            name=name + suffix,
            alert=alert,
            kind=kind,
            metric=metric,
            windows=(size,),
            minor=minor,
            major=major,
            falling=falling,
            relative=not scaled,
            scaled=scaled,
            whole_only=not rule.of_segments,
        )
        form: Form = "ratio" if scaled else "difference"
        floor = floor_of(metric, performance, rule)
        yield PerformanceMonitor(monitor, against_of(rule, performance, size), form, floor)


def _rest(share: float | None) -> float | None:
    """What is left when a share is lost, without the noise of binary fractions: 1 - 0.05 is 0.95."""
    return None if share is None else round(math.fsum((1.0, -share)), 15)


def _objective(objective: Objective, performance: PerformanceSettings) -> PerformanceMonitor:
    monitor = Monitor(
        name=f"sla.{objective.metric}",
        alert="SlaBreach",
        kind=Kind.PERFORMANCE,
        metric=objective.metric,
        windows=(objective.window or min(performance.cohort_windows),),
        minor=None,
        major=objective.target,
        falling=objective.comparison in {">", ">="},
        whole_only=True,
        objective=objective.metric,
    )
    return PerformanceMonitor(monitor, None, min_coverage=floor_of(objective.metric, performance))
