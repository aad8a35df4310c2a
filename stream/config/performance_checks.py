"""Checks across the keys of `performance:`, and between it and the reference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from operators.plans.cohorts import PlanError, plan_performance, rules_of
from operators.plans.need import need_plan
from operators.settings.metrics import BETTER, ERROR_OF, LABEL_METRICS, OF_ANY_COVERAGE, OF_TASK
from operators.settings.performance import misfit
from stream.config.reachable import never, reference_value, why_absent
from windows.sketches.profiles import CategoricalProfile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.settings.model import ModelSettings
    from operators.settings.performance import PerformanceSettings, Rule
    from stream.config.problems import ConfigFinding, KeyPath
    from windows.references.reference import Reference

OPTIONS = ("threshold", "k", "tolerance")
"""Keys that say how outcomes are counted: the reference's must be those asked for."""

NEEDS_PERFORMANCE = "needs labels: say under `performance:` how they come, or remove it"


def performance_findings(model: ModelSettings, at: KeyPath, pane: int) -> Iterator[ConfigFinding]:
    """What is wrong between the keys; `at` is the model's path."""
    yield from _objectives(model, at)
    if model.performance is None:
        return
    found = [*_rules(model, model.performance, at), *_task(model, model.performance, at)]
    yield from found
    yield from _floors(model.performance, at)
    yield from _crossings(model, model.performance, at)
    if not found:
        try:
            need_plan(model, plan_performance(model, pane).windows[0].slide)
        except PlanError as error:
            yield (*at, *error.path), None, error.allowed


def reference_without_labels(model: ModelSettings, reference: Reference) -> Iterator[ConfigFinding]:
    """Rules against a reference that has no labelled rows, or others than asked for; paths are within the model."""
    performance = model.performance
    if performance is None:
        return
    positive = reference.positive
    if positive is not None and performance.positive != positive:
        # Any other text is a negative label: with a misspelt name every label would be.
        yield ("performance", "positive"), f"the reference was built with {positive!r}", "write that, or build it again"
    if model.task == "multiclass" and not isinstance(reference.prediction, CategoricalProfile):
        allowed = "build it from rows with a column `prediction` that names the class: it says which classes there are"
        yield ("performance",), "the reference has no classes", allowed
    if model.task == "ranking" and reference.prediction is not None:
        allowed = "build it from rows without a column `prediction`: a ranking predicts lists of item ids"
        yield ("performance",), "the reference has a profile of single predictions", allowed
    yield from _classes(model, reference)
    for path, metric, rule in rules_of(performance):
        if rule.baseline.kind != "reference":
            continue
        if reference.task is None or reference.outcomes is None:
            allowed = "build it from rows with a column `label`, or give a number, trailing, version or {shift: 364d}"
            yield (*path, "baseline"), "the reference has no labelled rows", allowed
            continue
        for key in OPTIONS:
            asked, has = getattr(performance, key), getattr(reference.task, key)
            if asked != has:
                yield ("performance", key), f"the reference's labels were counted with {has}", "build it again"
                return
        yield from _reach(model, path, metric, rule, reference)


def _reach(
    model: ModelSettings, path: KeyPath, metric: str, rule: Rule, reference: Reference
) -> Iterator[ConfigFinding]:
    """A rule that the reference's own value leaves nothing to fire on."""
    name = ERROR_OF[model.task][1] if metric == "error" else metric
    value = reference_value(name, reference)
    if value is None or math.isnan(value):
        found = f"the reference's labelled rows have no {name} ({why_absent(name, reference)})"
        yield (*path, "baseline"), found, "build it from other rows, or give a number, trailing or version"
    elif (need := never(name, rule, value)) is not None:
        yield (*path, rule.form), None, need


def _classes(model: ModelSettings, reference: Reference) -> Iterator[ConfigFinding]:
    """Names of classes that config and reference do not agree on, or that are not known."""
    given = model.classes or ()
    if reference.positions and given and given != reference.positions:
        has = f"the reference was built with {', '.join(reference.positions)}"
        yield ("classes",), has, "write these, in this order, or build it again"
    performance = model.performance
    if performance is None or performance.positive is None:
        return
    known = (*given, *reference.classes)
    if not known:
        allowed = "name both classes, the other beside this one: the reference has no labels that would say its name"
        yield ("classes",), f"performance.positive is {performance.positive!r}", allowed
    elif given and performance.positive not in given:
        yield ("performance", "positive"), f"given {performance.positive!r}", f"one of classes: {', '.join(given)}"


def _objectives(model: ModelSettings, at: KeyPath) -> Iterator[ConfigFinding]:
    for metric in model.sla:
        if metric not in LABEL_METRICS:
            continue
        if model.performance is None:
            yield (*at, "sla", metric), None, NEEDS_PERFORMANCE
        elif metric not in OF_TASK[model.task]:
            yield (*at, "sla", metric), None, _metrics_of(model)


def _crossings(model: ModelSettings, performance: PerformanceSettings, at: KeyPath) -> Iterator[ConfigFinding]:
    known = ", ".join(model.segments) or "it has none"
    for number, crossing in enumerate(performance.cross):
        for place, key in enumerate(crossing):
            if key not in model.segments:
                yield (*at, "performance", "cross", number, place), None, f"one of the model's segments: {known}"


def _rules(model: ModelSettings, performance: PerformanceSettings, at: KeyPath) -> Iterator[ConfigFinding]:
    for path, metric, rule in rules_of(performance):
        if metric == "error":
            if rule.form not in {"max_rise", "max_ratio"}:
                yield (*at, *path, rule.form), None, "max_rise or max_ratio is needed: low values are good"
            continue
        known = next(name for name in BETTER if name == metric)
        if known not in OF_TASK[model.task]:
            yield (*at, *path[:2]), None, _metrics_of(model)
        elif (allowed := misfit(known, rule)) is not None:
            yield (*at, *path, rule.form), None, allowed
        elif rule.form in {"max_drop_ratio", "max_ratio"} and _not_positive(rule):
            yield (*at, *path, "baseline"), None, "more than 0 is needed: the limit is a multiple of it"
        elif rule.baseline.kind == "constant" and (need := never(known, rule, rule.baseline.value or 0.0)) is not None:
            yield (*at, *path, rule.form), None, need


def _floors(performance: PerformanceSettings, at: KeyPath) -> Iterator[ConfigFinding]:
    """Label coverage that no judged window would have, or that says nothing."""
    given: list[tuple[KeyPath, float]] = [(("performance",), performance.min_coverage)]
    for path, metric, rule in rules_of(performance):
        if rule.min_coverage is None:
            continue
        given.append((path, rule.min_coverage))
        if metric in OF_ANY_COVERAGE:
            yield (*at, *path, "min_coverage"), None, f"none is needed: {metric} is known however few labels come"
    mature = performance.coverage
    for path, floor in given:
        if mature is not None and floor > mature:
            allowed = f"at most performance.coverage ({mature:g}) is needed: a window is judged as soon as it has that"
            yield (*at, *path, "min_coverage"), None, allowed


def _task(model: ModelSettings, performance: PerformanceSettings, at: KeyPath) -> Iterator[ConfigFinding]:
    """Keys that mean something for some tasks only."""
    here = (*at, "performance")
    if "within_tolerance" in performance.rules and performance.tolerance is None:
        yield (*here, "within_tolerance"), None, "tolerance is needed beside it: the largest error that nobody minds"
    if performance.tolerance is not None and model.task != "regression":
        yield (*here, "tolerance"), None, "a model of task regression is needed"
    if performance.positive is not None and model.task != "binary":
        yield (*here, "positive"), None, "a model of task binary is needed"
    if performance.negative_after is not None and model.task not in {"binary", "ranking"}:
        yield (*here, "negative_after"), None, "a model of task binary or ranking is needed: there silence says no"
    if performance.concept.curve is not None and model.task != "binary":
        yield (*here, "concept", "curve"), None, "a model of task binary is needed"


def _not_positive(rule: Rule) -> bool:
    return rule.baseline.kind == "constant" and (rule.baseline.value or 0.0) <= 0


def _metrics_of(model: ModelSettings) -> str:
    return f"a metric of {model.task} is needed: {', '.join(OF_TASK[model.task])}"
