"""Monitors: the rules that judge evaluations, derived from a model's settings.

A monitor knows thresholds, never channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from operators.settings.metrics import LABEL_METRICS
from operators.tables import Kind

if TYPE_CHECKING:
    from operators.settings.model import DriftSettings, ModelSettings, PredictionSettings
    from operators.settings.objective import Objective

OBJECTIVE_WINDOW = 300_000
"""An objective that names no window is judged over this one (ms): long enough for a p99 at modest traffic."""

DRIFT_OBJECTIVE_METRIC = "psi"
"""The distance that an objective on `drift` speaks of: the highest of any feature."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """One rule.

    Attributes:
        name: as shown in alerts: "drift.psi", "sla.latency_p99_ms".
        alert: the alert kind it feeds.
        kind: the tables it reads.
        metric: the metric it reads.
        windows: sizes (ms) it reads.
        minor: threshold of the minor level; None for none.
        major: threshold of the major level; None for none.
        falling: True when low values are bad.
        relative: True when the threshold is a distance from the table's baseline.
        scaled: True when the threshold is a multiple of the table's baseline.
        whole_only: True when only the whole of a version is judged, no segment.
        worst_only: True when the worst feature stands for all (an objective on drift).
        objective: the metric of the objective that this rule holds; None for a limit.
    """

    name: str
    alert: str
    kind: Kind
    metric: str
    windows: tuple[int, ...]
    minor: float | None
    major: float | None
    falling: bool = False
    relative: bool = False
    scaled: bool = False
    whole_only: bool = False
    worst_only: bool = False
    objective: str | None = None

    @property
    def lowest(self) -> float:
        """The threshold that is crossed first."""
        return next(level for level in (self.minor, self.major) if level is not None)

    def limit(self, level: float, base: float) -> float:
        """The threshold of a level over a baseline, on the metric's own scale; `base` counts only where it is used."""
        if self.scaled:
            return base * level
        if self.relative:
            return base - level if self.falling else base + level
        return level


def monitors_of(model: ModelSettings, pane: int) -> tuple[Monitor, ...]:
    """All monitors of what is known from predictions alone; for labels see operators/plans/label_monitors.py."""
    return (
        *_distances(model.drift, Kind.FEATURE, "drift", "DataDrift"),
        *_distances(model.prediction, Kind.PREDICTION, "prediction", "PredictionDrift"),
        *_quality(model),
        *(_objective(objective, pane) for metric, objective in model.sla.items() if metric not in LABEL_METRICS),
    )


def _distances(settings: DriftSettings | PredictionSettings, kind: Kind, prefix: str, alert: str) -> list[Monitor]:
    return [
        Monitor(f"{prefix}.{metric}", alert, kind, metric, settings.windows, levels.minor, levels.major)
        for metric, levels in settings.levels.items()
    ]


def _quality(model: ModelSettings) -> list[Monitor]:
    quality = model.quality
    limits = (
        ("missing", "missing_ratio", quality.missing),
        ("unseen", "unseen_ratio", quality.unseen),
        ("out_of_range", "out_of_range_ratio", quality.out_of_range),
        ("mismatch", "mismatch_ratio", quality.mismatch),
    )
    return [
        Monitor(f"quality.{name}", "DataQuality", Kind.QUALITY, metric, quality.windows, None, limit, relative=True)
        for name, metric, limit in limits
        if limit is not None
    ]


def _objective(objective: Objective, pane: int) -> Monitor:
    window = objective.window or max(pane, OBJECTIVE_WINDOW // pane * pane)
    drift = objective.metric == "drift"
    return Monitor(
        name=f"sla.{objective.metric}",
        alert="SlaBreach",
        kind=Kind.FEATURE if drift else Kind.SERVICE,
        metric=DRIFT_OBJECTIVE_METRIC if drift else objective.metric,
        windows=(window,),
        minor=None,
        major=objective.target,
        falling=objective.comparison in {">", ">="},
        whole_only=True,
        worst_only=drift,
        objective=objective.metric,
    )


Level = Literal[0, 1, 2]
"""0 nothing, 1 minor, 2 major."""
