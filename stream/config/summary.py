"""What `check` tells of a model: what is watched, and what its performance is judged by."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from operators.plans.cohorts import rules_of, sizes_of
from operators.plans.label_monitors import against_of, floor_of
from operators.settings.durations import show_duration
from operators.settings.metrics import ERROR_OF, LABEL_METRICS
from stream.config.calendar import calendar_lines
from stream.config.problems import counted
from stream.config.reachable import reference_value
from stream.config.version_checks import version_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from operators.plans.label_monitors import Against
    from operators.settings.model import ModelSettings
    from operators.settings.parts import Levels
    from operators.settings.performance import PerformanceSettings, Rule
    from stream.config.load import Config
    from windows.references.reference import Reference


def model_lines(config: Config, model: ModelSettings, reference: Reference) -> Iterator[str]:
    """The lines of one model."""
    windows = len({*model.drift.windows, *model.prediction.windows, *model.quality.windows})
    yield (
        f"model {model.name}: {model.task}, {counted(len(reference.features), 'feature')},"
        f" {counted(len(model.segments), 'segment key')}, {counted(windows, 'window')},"
        f" {counted(len(model.sla), 'objective')}; reference of {counted(reference.rows, 'row')}"
    )
    seasons = reference.seasons
    if seasons is not None and len(seasons.classes) - len(seasons.dated) > 1:
        zones = [seasons.clock.zone.name, *(f"{key}={value}: {zone.name}" for key, value, zone in seasons.zones)]
        of_hours = len(seasons.classes) - len(seasons.dated)
        yield f"  season: {of_hours} classes of hours of the week ({', '.join(zones)})"
    elif model.seasonal is not None:
        yield "  season: none in the reference: one profile holds at all hours"
    yield from calendar_lines(model)
    yield from version_lines(model, reference)
    yield from _trails(model)
    if model.multivariate is not None:
        yield _together(config, model, reference)
    if model.performance is not None:
        yield f"  labels: {_labels(model.performance)}"
        yield from _judged(model, model.performance, reference)
    elif "feedback" in config.topics.model_fields_set:
        lack = "null" if "performance" in model.model_fields_set else "missing"
        yield (
            f"  labels: not joined: topics.feedback ({config.topics.feedback}) is given, but the model's"
            f" `performance:` is {lack}"
        )


def _trails(model: ModelSettings) -> Iterator[str]:
    """What is compared with the model's own past."""
    for section, settings in (("drift", model.drift.trailing), ("prediction", model.prediction.trailing)):
        if settings is not None:
            spans = {"before": "the {} before", "shift": "the same span {} earlier"}
            given = [
                spans[key].format(show_duration(length if key == "before" else back))
                for key, back, length in settings.baselines
            ]
            levels = "; ".join(f"{metric} {_levels(one)}" for metric, one in settings.levels.items())
            yield f"  {section}: the last {show_duration(settings.recent)} beside {' and '.join(given)}: {levels}"


def _together(config: Config, model: ModelSettings, reference: Reference) -> str:
    joint = reference.joint
    if joint is None:
        names = f"--config {shlex.quote(str(config.source))} --model {shlex.quote(model.name)}"
        file = "FILE" if model.reference is None else shlex.quote(str(model.reference))
        return (
            "  multivariate: nothing watches Anomaly: the reference does not know how features go together;"
            f" build it again with: driftgauge reference build {names} --from DATA -o {file}"
        )
    return f"  multivariate: {joint.method}, {joint.width} features told from each other"


def _labels(performance: PerformanceSettings) -> str:
    """How cohorts are cut, and when they are judged."""
    windows = _durations(performance.cohort_windows)
    early = "" if performance.coverage is None else f", or earlier once {_percent(performance.coverage)} have a label"
    least = performance.min_coverage
    few = "however few of them have one" if least == 0 else f"where {_percent(least)} or more of them have one"
    sample = "" if performance.sample == 1 else f"; {_percent(performance.sample)} of the predictions are joined"
    age = show_duration(performance.label_delay)
    return f"windows of {windows}, judged when their predictions are {age} old (label_delay){early}, {few}{sample}"


def _judged(model: ModelSettings, performance: PerformanceSettings, reference: Reference) -> Iterator[str]:
    """Each rule and each objective on labels."""
    lines = [line for _, metric, rule in rules_of(performance) for line in _rule(model, metric, rule, reference)]
    curve = performance.concept.curve
    if curve is not None:
        recent, before = show_duration(curve.recent), show_duration(curve.before)
        lines.append(f"curve_shift: max_shift {_levels(curve.max_shift)}, {recent} against the {before} before")
    for metric, objective in model.sla.items():
        if metric in LABEL_METRICS:
            window = show_duration(objective.window or min(performance.cohort_windows))
            lines.append(f"{metric}: {objective.comparison} {objective.target:g} (sla), over {window}")
    if not lines:
        yield "  performance: measured, and judged by nothing: no metric has a rule or an objective"
    for line in lines:
        yield f"  performance: {line}"


def _rule(model: ModelSettings, metric: str, rule: Rule, reference: Reference) -> Iterator[str]:
    """A line for each baseline: its length can differ between windows."""
    performance = model.performance
    if performance is None:
        return
    name = ERROR_OF[model.task][1] if metric == "error" else metric
    sizes: dict[str, list[int]] = {}
    for size in sizes_of(rule, performance):
        sizes.setdefault(_baseline(name, against_of(rule, performance, size), reference), []).append(size)
    each = ", segments too" if rule.of_segments and model.segments else ""
    floor = floor_of(metric, performance, rule)
    own = "" if floor == performance.min_coverage else f", from a label coverage of {_percent(floor)}"
    for shown, windows in sizes.items():
        yield f"{name}: {rule.form} {_levels(rule.levels)} against {shown}, over {_durations(windows)}{each}{own}"


def _baseline(metric: str, against: Against, reference: Reference) -> str:
    """What a metric is compared with, with its value where that is known."""
    if against.kind == "constant":
        return f"{against.value:g}"
    value = reference_value(metric, reference) if against.kind == "reference" else None
    return against.text if value is None else f"{against.text} ({value:.4g})"


def _levels(levels: Levels) -> str:
    given = (("minor", levels.minor), ("major", levels.major))
    return ", ".join(f"{value:g} ({name})" for name, value in given if value is not None)


def _durations(sizes: Iterable[int]) -> str:
    return " and ".join(show_duration(size) for size in sizes)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
