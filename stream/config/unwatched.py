"""What nothing watches: an alert that is off is off with a word, and with how it is turned on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.settings.alerts import watches_of
from windows.segments import OTHER
from windows.sketches.profiles import MIN_SEGMENT_ROWS, CategoricalProfile
from windows.statistics.catalog import DISTANCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.settings.model import DriftSettings, ModelSettings, PredictionSettings
    from operators.settings.performance import PerformanceSettings
    from windows.references.reference import Reference

RULES = {
    "binary": "auc: {baseline: trailing, max_drop: 0.05}",
    "multiclass": "accuracy: {baseline: trailing, max_drop: 0.05}",
    "regression": "mae: {baseline: trailing, max_ratio: 1.2}",
    "ranking": "ndcg: {baseline: trailing, max_drop: 0.05}",
}
"""A rule for each task that needs nothing else."""


def unwatched(model: ModelSettings, reference: Reference) -> Iterator[str]:
    """A sentence for each alert, or part of one, that cannot fire under this config."""
    categorical = [name for name, one in reference.features.items() if isinstance(one, CategoricalProfile)]
    numbers = len(categorical) < len(reference.features)
    yield from _distances("DataDrift", "drift", model.drift, classes=bool(categorical))
    if reference.prediction is None:
        lists = model.task == "ranking"
        how = "ranked lists have no profile" if lists else "build the reference from rows with a column `prediction`"
        yield f"nothing watches PredictionDrift: the reference has no predictions; {how}"
    else:
        named = isinstance(reference.prediction, CategoricalProfile)
        yield from _distances("PredictionDrift", "prediction", model.prediction, classes=named)
    yield from _limits(model, {"categorical": bool(categorical), "numeric": numbers})
    if model.performance is None:
        yield "nothing watches PerformanceDrop, ConceptDrift and LabelStall: `performance:` says how labels come"
    else:
        yield from _labels(model, model.performance)
    for key in model.segments:
        if set(reference.segments[key]) <= {OTHER}:
            yield (
                f"nothing watches segments of `{key}`: no value has the {MIN_SEGMENT_ROWS:,} rows in the reference that"
                " one needs; build it from more rows, or take the key out of `segments:`"
            )
    if not model.sla:
        yield 'nothing watches SlaBreach: `sla:` names no objective, such as  availability: ">= 0.999"'


def _limits(model: ModelSettings, has: dict[str, bool]) -> Iterator[str]:
    for alert, watch in watches_of("quality"):
        if getattr(model.quality, watch.key) is None and (watch.of is None or has[watch.of]):
            on = watch.example if watch.usual is None else f"{watch.usual:g}"
            yield f"nothing watches {watch.unwatched or alert}: `quality.{watch.key}: {on}` turns it on"


def _distances(
    alert: str, section: str, settings: DriftSettings | PredictionSettings, *, classes: bool
) -> Iterator[str]:
    on = settings.levels
    turn = f"`{section}.psi: {{minor: 0.1, major: 0.25}}` turns it on"
    if not on:
        yield f"nothing watches {alert}: every distance of `{section}:` is null; {turn}"
    elif classes and all(DISTANCES[metric].ordered for metric in on):
        what = "features that are categories" if section == "drift" else "predictions that are classes"
        yield f"nothing watches {alert} of {what}: {' and '.join(sorted(on))} need numbers; {turn}"


def _labels(model: ModelSettings, performance: PerformanceSettings) -> Iterator[str]:
    if not performance.rules:
        yield f"nothing watches PerformanceDrop: no metric has a rule; `performance.{RULES[model.task]}` is one"
    concept = performance.concept
    if concept.error is None and concept.curve is None and concept.detectors != "alert":
        yield ("nothing watches ConceptDrift: `performance.concept.error: {baseline: trailing, max_ratio: 1.5}` does")
