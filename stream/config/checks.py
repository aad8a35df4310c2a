"""Checks across the keys of a config, and between a config and its references."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from operators.settings.durations import show_duration
from operators.settings.features import FeatureSettings
from operators.settings.labels import MOST as MOST_LABELS
from operators.settings.metrics import BETTER, LABEL_METRICS, SHARES, Better
from operators.settings.model import ModelSettings
from operators.settings.objective import Objective
from stream.config.explain import nearest
from stream.config.performance_checks import performance_findings, reference_without_labels
from stream.config.problems import ConfigFinding, KeyPath
from stream.config.seasonal_checks import seasonal_findings, seasonal_notes
from stream.config.trail_checks import trail_findings
from stream.config.version_checks import references_findings
from windows.panes import plan
from windows.references.reference import CategoricalProfile, NumericProfile, Reference
from windows.statistics.dispersion import ENOUGH_PAIRS, FEWEST_PAIRS
from windows.values import AS_IT_IS, Reading

FEWEST_SLICES = 6
"""A window advances in slices; with fewer, a long window would move in jumps too coarse to see anything begin."""

DIRECTION: dict[str, Better] = {
    "availability": "high",
    "cost_per_prediction": "low",
    "drift": "low",
    **dict.fromkeys(("latency_p50_ms", "latency_p95_ms", "latency_p99_ms"), "low"),
    **BETTER,
    "value_mean": "neither",  # it may be a revenue or a cost
}
"""Which values of an objective's metric are good; of throughput there can be too little and too much."""

UNREADABLE = frozenset('"\\')
"""Characters that the decoder's field names cannot hold."""


def findings(pane: int, idle_after: int, models: tuple[ModelSettings, ...]) -> Iterator[ConfigFinding]:
    """What is wrong between keys of the config."""
    seen: dict[str, int] = {}
    for index, model in enumerate(models):
        at: KeyPath = ("models", index)
        if model.name in seen:
            yield (*at, "name"), None, f"a name of its own is needed: models.{seen[model.name]} has this one"
        seen.setdefault(model.name, index)
        for section in ("drift", "prediction", "quality", "multivariate"):
            for position, size in enumerate(getattr(getattr(model, section), "windows", ())):
                yield from _window((*at, section, "windows", position), size, pane)
        yield from trail_findings(model, at, pane)
        yield from performance_findings(model, at, pane)
        yield from seasonal_findings(model, at)
        yield from references_findings(model, at)
        yield from _unpriced(model, at)
        for metric, objective in model.sla.items():
            if objective.window is not None and metric not in LABEL_METRICS:
                yield from _window((*at, "sla", metric, "window"), objective.window, pane)
            if metric in {"availability", *SHARES} and not 0 <= objective.target <= 1:
                yield (*at, "sla", metric), None, 'a target from 0 to 1 is needed, such as ">= 0.999"'
            if (good := _turned(metric, objective)) is not None:
                yield (*at, "sla", metric), None, good
        if model.quality.no_data_after is not None and model.quality.no_data_after < idle_after:
            allowed = f"at least time.idle_after ({show_duration(idle_after)}) is needed"
            yield (*at, "quality", "no_data_after"), None, allowed
    yield from _too_many_labels(models)


def _too_many_labels(models: tuple[ModelSettings, ...]) -> Iterator[ConfigFinding]:
    """Each name is one more label of a metric of all models."""
    names: dict[str, None] = {}
    for index, model in enumerate(models):
        for name in model.labels:
            if name not in names and len(names) == MOST_LABELS:
                allowed = f"at most {MOST_LABELS} names are allowed over all models: {', '.join(names)} are there"
                yield ("models", index, "labels", name), None, allowed
                return
            names[name] = None


def _unpriced(model: ModelSettings, at: KeyPath) -> Iterator[ConfigFinding]:
    if "cost_per_prediction" in model.sla and model.cost is None:
        yield (*at, "sla", "cost_per_prediction"), None, "`cost: {currency: EUR}` of the model is needed beside it"


def _turned(metric: str, objective: Objective) -> str | None:
    """What is meant, where an objective asks for bad values; None where it does not."""
    meant = {"high": ">", "low": "<"}.get(DIRECTION.get(metric, "neither"))
    if meant is None or objective.comparison.startswith(meant):
        return None
    turned = f'"{meant}{objective.comparison[1:]} {objective.target:g}"'
    good = DIRECTION[metric]
    return f"{turned} is needed: {good} values of {metric} are good, and an objective says what must hold"


def _window(path: KeyPath, size: int, pane: int) -> Iterator[ConfigFinding]:
    if size < pane or size % pane:
        yield path, None, f"a multiple of time.pane ({show_duration(pane)}) is needed"
    elif size > pane and plan(size, pane).slices < min(FEWEST_SLICES, size // pane):
        near = -(-size // (60 * pane)) * 60 * pane
        allowed = (
            f"a window of {FEWEST_SLICES} to 60 equal slices of whole panes is needed, such as {show_duration(near)}"
        )
        yield path, None, allowed


def reference_findings(
    model: ModelSettings, reference: Reference, config: Path = Path("CONFIG")
) -> Iterator[ConfigFinding]:
    """What is wrong between a model's settings and its reference; paths are within the model.

    Args:
        model: the settings.
        reference: as it was built.
        config: the file that the settings are from, for the commands that are shown.
    """
    if reference.model != model.name:
        yield ("reference",), f"it is of model {reference.model!r}", f"a reference of model {model.name!r} is needed"
    for name, feature in (model.features or {}).items():
        profile = reference.features.get(name)
        if profile is None:
            yield ("features", name), "not in the reference", _choose(reference.features)
        elif feature.kind != kind_of(profile):
            yield (
                ("features", name),
                f"given {feature.kind}",
                f"the reference has it as {kind_of(profile)}: build it again",
            )
        else:
            yield from _otherwise_read(name, feature, reference.readings.get(name, AS_IT_IS))
    yield from _unknown_triggers(model, reference)
    yield from _unreadable(model, reference)
    yield from reference_without_labels(model, reference)
    for index, key in enumerate(model.segments):
        if key not in reference.segments:
            yield ("segments", index), None, _without_segment(key, model, reference, config)
    if model.task in {"binary", "regression"} and isinstance(reference.prediction, CategoricalProfile):
        if model.task == "regression":
            yield ("task",), None, "the reference's predictions are categories: multiclass or binary is needed"
    elif model.task == "multiclass" and isinstance(reference.prediction, NumericProfile):
        yield ("task",), None, "the reference's predictions are numbers: binary or regression is needed"


def _unknown_triggers(model: ModelSettings, reference: Reference) -> Iterator[ConfigFinding]:
    """Features whose drift is to ask for a retraining, and that nothing is known of."""
    drift = None if model.retrain is None else model.retrain.drift
    for position, name in enumerate((None if drift is None else drift.features) or ()):
        if name not in reference.features:
            yield ("retrain", "drift", "features", position), None, _choose(reference.features)


def _otherwise_read(name: str, feature: FeatureSettings, reading: Reading) -> Iterator[ConfigFinding]:
    """Settings of a feature that its reference was not built by."""
    if feature.missing is not None and set(feature.missing) != set(reading.missing):
        has = ", ".join(map(repr, reading.missing)) or "none"
        yield ("features", name, "missing"), None, f"the reference was built with {has}: build it again"
    if feature.resolution != reading.resolution:
        has = "none" if reading.resolution is None else f"{reading.resolution:g}"
        yield ("features", name, "resolution"), None, f"the reference was built with {has}: build it again"


def reference_notes(reference: Reference) -> Iterator[str]:
    """What a user should know about a reference that can be used all the same."""
    profiles = [*reference.features.values(), *([reference.prediction] if reference.prediction is not None else [])]
    yield from seasonal_notes(reference)
    if any(profile.overdispersion is not None for profile in profiles):
        return
    lack = "has no timestamps" if reference.start is None else "spans too short a time"
    rows = "rows with a timestamp column" if reference.start is None else "rows of a longer time"
    yield (
        f"the reference {lack}, so how much traffic varies is learnt from live traffic: until {FEWEST_PAIRS} pairs of "
        f"panes are known a row counts for a fiftieth, and it counts for less than it could until some {ENOUGH_PAIRS} "
        f"are; build it from {rows}"
    )


def _without_segment(key: str, model: ModelSettings, reference: Reference, config: Path) -> str:
    file = "FILE" if model.reference is None else shlex.quote(str(model.reference))
    names = f"--config {shlex.quote(str(config))} --model {shlex.quote(model.name)}"
    build = f"build it again with: driftgauge reference build {names} --from DATA -o {file}"
    near = None if key in reference.features else nearest(key, {**reference.segments, **reference.features})
    if near is not None:
        return f'not in the reference; did you mean "{near}"? If not, {build}'
    has = "" if key in reference.features else f" ({_choose(reference.segments)})"
    return f"the reference was built without this segment{has}; {build}"


def _unreadable(model: ModelSettings, reference: Reference) -> Iterator[ConfigFinding]:
    """Names that no record could be decoded with."""
    allowed = "names without quotation marks and backslashes are needed"
    for name in reference.features:
        if set(name) & UNREADABLE:
            yield ("reference",), f"feature {name!r}", allowed
    for index, key in enumerate(model.segments):
        if set(key) & UNREADABLE:
            yield ("segments", index), f"given {key!r}", allowed


def kind_of(profile: NumericProfile | CategoricalProfile) -> str:
    """The name that config gives to this kind of profile."""
    return "numeric" if isinstance(profile, NumericProfile) else "categorical"


def _choose(names: dict[str, object] | object) -> str:
    known = list(names) if isinstance(names, dict) else []
    shown = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
    return f"it has {shown}" if known else "it has none"
