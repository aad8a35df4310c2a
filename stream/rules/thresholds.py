"""Recording rules that hold the config's thresholds, so that alerts and dashboards show values against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.plans.label_monitors import performance_monitors
from operators.plans.monitors import monitors_of
from stream.rules.parts import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.settings.model import ModelSettings
    from stream.config.load import Config

THRESHOLD = "driftgauge:threshold"
"""Labels: model, monitor ("drift.psi", as in alert events), metric, level (minor or major)."""


def threshold_rules(config: Config) -> tuple[Recording, ...]:
    """A series for each threshold: those that the judge itself is given."""
    return tuple(rule for model in config.models for rule in _of_model(model, config.time.pane))


def _of_model(model: ModelSettings, pane: int) -> Iterator[Recording]:
    for monitor in monitors_of(model, pane):
        for level, limit in (("minor", monitor.minor), ("major", monitor.major)):
            if limit is not None:
                yield _threshold(model.name, monitor.name, monitor.metric, level, limit)
    yield from _of_labels(model)
    yield _threshold(model.name, "quality.stale", "age_s", "major", model.quality.stale_after / 1e3)
    if model.quality.no_data_after is not None:
        yield _threshold(model.name, "quality.no_data", "no_data_s", "major", model.quality.no_data_after / 1e3)


def _of_labels(model: ModelSettings) -> Iterator[Recording]:
    """Those that are numbers in the config; a limit over a measured baseline moves with it, and has no series."""
    found: dict[tuple[str, str, str], float] = {}
    for one in performance_monitors(model):
        monitor = one.monitor
        base = 0.0 if one.against is None else one.against.value
        for level, limit in (("minor", monitor.minor), ("major", monitor.major)):
            if limit is not None and not one.compares:
                found[monitor.name, monitor.metric, level] = float(f"{monitor.limit(limit, base):.12g}")
    for (name, metric, level), limit in found.items():
        yield _threshold(model.name, name, metric, level, limit)
    if model.performance is not None:
        after = model.performance.stalls_after / 1e3
        yield _threshold(model.name, "performance.label_stall", "label_age_s", "major", after)


def _threshold(model: str, monitor: str, metric: str, level: str, limit: float) -> Recording:
    labels = {"model": model, "monitor": monitor, "metric": metric, "level": level}
    return Recording(THRESHOLD, f"vector({limit!r})", labels)
