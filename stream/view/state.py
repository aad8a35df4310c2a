"""What the live view shows, read from where a user could read it: the metrics registry and the alerts topic."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from stream.view.quality import Quality, Watched, read_quality

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operators.settings.parts import Levels
    from stream.metrics.registry import Registry
    from stream.metrics.reports import Labels

Stage = Literal["starting", "normal", "shifted", "recovering"]


@dataclass(frozen=True, slots=True)
class Drift:
    """One feature: its distance from the reference, and the lower bound of it that alerts are decided on."""

    feature: str
    value: float
    lower: float


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert event; `seconds` since the traffic began."""

    seconds: float
    alert: str
    state: str
    severity: str
    reason: str


@dataclass(frozen=True, slots=True)
class Readings:
    """What the metrics say of one model over one window. None and NaN: not measured yet.

    Attributes:
        predictions: folded so far.
        watermark: event time up to which panes are closed, seconds since the epoch.
        drift: by lower bound, highest first; where that is the same to what is shown of it, in the order reported.
        latency: quantile ("0.5", "0.95", "0.99") -> seconds.
        availability: share of predictions without an error.
        late, dead: records that were late, that were refused.
        waiting: messages that are in Kafka and not read yet.
        active: alerts firing now.
        quality: how good the predictions are.
    """

    predictions: int = 0
    watermark: float | None = None
    drift: tuple[Drift, ...] = ()
    latency: Mapping[str, float] | None = None
    availability: float | None = None
    late: int = 0
    dead: int = 0
    waiting: int | None = None
    active: int = 0
    quality: Quality = field(default_factory=Quality)


@dataclass(frozen=True, slots=True)
class View:
    """One frame of the live view.

    Attributes:
        model: name and version.
        stage: where the demo is; `story` says it in words.
        elapsed: seconds since the traffic began.
        rate: predictions a second that are written.
        now: seconds since the epoch.
        readings: what the metrics say.
        metric, window, levels: which distance the bars show, over which window, and its thresholds.
        watched: which measure of quality is shown.
        alerts: alert events, oldest first.
        broker, metrics: addresses.
    """

    model: str
    stage: Stage
    story: str
    elapsed: float
    rate: float
    now: float
    readings: Readings
    metric: str
    window: str
    levels: Levels
    watched: Watched
    alerts: tuple[AlertLine, ...]
    broker: str
    metrics: str

    @property
    def lag(self) -> float | None:
        """Seconds that the watermark is behind the clock."""
        return None if self.readings.watermark is None else max(0.0, self.now - self.readings.watermark)


def read(registry: Registry, model: str, metric: str, window: str, watched: Watched) -> Readings:
    """The present values of a model's metrics over one window, all versions together, segments left out."""
    drift = {(r[1], r[3]): v for r, v in _of(registry, "feature_drift", model) if _wanted(r, metric, window)}
    bound = {(r[1], r[3]): v for r, v in _of(registry, "feature_drift_bound", model) if _wanted(r, metric, window)}
    rows = [Drift(key[1], value, bound.get(key, math.nan)) for key, value in drift.items()]
    waiting = registry.values("consumer_lag_messages").values()
    return Readings(
        predictions=_sum(_of(registry, "predictions_total", model)),
        watermark=next((value for _, value in _of(registry, "watermark_timestamp_seconds", model)), None),
        drift=tuple(sorted(rows, key=lambda row: -round(_or(row.lower, 0.0), 3))),
        latency={r[3]: v for r, v in _of(registry, "prediction_latency_seconds", model) if r[2] == window} or None,
        availability=next((v for r, v in _of(registry, "availability_ratio", model) if r[2] == window), None),
        late=_sum(_of(registry, "late_records_total", model)),
        dead=int(sum(registry.values("dead_letters_total").values())),
        waiting=int(sum(waiting)) if waiting else None,
        active=_sum(_of(registry, "alert_active", model)),
        quality=read_quality(registry, model, watched),
    )


def _of(registry: Registry, name: str, model: str) -> list[tuple[Labels, float]]:
    return [(row, value) for row, value in registry.values(name).items() if row[0] == model]


def _wanted(row: Labels, metric: str, window: str) -> bool:
    """Whether a row of feature_drift (model, version, segment, feature, metric, window) is the one shown."""
    return row[2] == "" and row[4] == metric and row[5] == window


def _sum(rows: Iterable[tuple[Labels, float]]) -> int:
    return int(sum(value for _, value in rows))


def _or(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value
