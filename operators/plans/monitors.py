"""Monitors: the rules that judge evaluations, derived from a model's settings.

A monitor knows thresholds, never channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from operators.settings.alerts import ALERTS
from operators.settings.metrics import LABEL_METRICS
from operators.settings.parts import Levels
from operators.tables import RECONSTRUCTION, Kind
from windows.allowed import METRICS
from windows.usage import Prices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.settings.alerts import Watch
    from operators.settings.model import ModelSettings
    from operators.settings.objective import Objective
    from windows.allowed import Allowed

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
        own: (feature, minor, major) of features that have levels of their own in place of those above.
        trail: name of the trail that it reads; "" for windows that are compared with the reference.
        against: the baseline of that trail, for people: "the 90d before".
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
    own: tuple[tuple[str, float | None, float | None], ...] = ()
    trail: str = ""
    against: str = ""

    @property
    def general(self) -> bool:
        """Whether there are levels for features that have none of their own."""
        return self.minor is not None or self.major is not None

    @property
    def usual(self) -> float | None:
        """By how much a healthy model is above the base of the limits; None where nobody knows.

        Distances, shares and changes are near nothing then; errors of reconstruction, as multiples of those of the
        reference, near one. What an objective speaks of has a size of its own: a latency, a cost, an error.
        """
        if self.objective is not None and not self.worst_only:
            return None
        return 1.0 if self.metric == RECONSTRUCTION else 0.0

    @property
    def lowest(self) -> float:
        """The threshold that is crossed first."""
        return next(level for level in (self.minor, self.major) if level is not None)

    def levels_of(self, feature: str) -> tuple[float | None, float | None]:
        """(minor, major) of a feature; for it, too, None is for no level."""
        return next(((minor, major) for name, minor, major in self.own if name == feature), (self.minor, self.major))

    def lowest_of(self, feature: str) -> float | None:
        """The threshold of a feature that is crossed first; None where it has none."""
        return next((level for level in self.levels_of(feature) if level is not None), None)

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
        *(monitor for alert in ALERTS for monitor in _of_kind(model, alert)),
        *(_objective(objective, pane) for metric, objective in model.sla.items() if metric not in LABEL_METRICS),
    )


def _of_kind(model: ModelSettings, alert: str) -> Iterator[Monitor]:
    """A monitor for each limit of a kind that is on, for the model or for a feature of its own."""
    for watch in ALERTS[alert].watches:
        settings = getattr(model, watch.section)
        if settings is None:
            continue
        minor, major = _levels(getattr(settings, watch.key))
        own = tuple((name, *_levels(given)) for name, given in _own(model, watch))
        if (minor, major) != (None, None) or any(one[1:] != (None, None) for one in own):
            yield Monitor(
                f"{watch.section}.{watch.key}",
                alert,
                watch.table,
                watch.metric,
                settings.windows,
                minor,
                major,
                falling=watch.falling,
                relative=watch.relative,
                scaled=watch.scaled,
                whole_only=watch.whole_only,
                own=own,
            )
    if alert == "DataQuality":
        yield from _allowed(model)


def _levels(given: Levels | float | None) -> tuple[float | None, float | None]:
    """Minor and major; a share alone is the major level."""
    return (given.minor, given.major) if isinstance(given, Levels) else (None, given)


def _own(model: ModelSettings, watch: Watch) -> Iterator[tuple[str, Levels | float | None]]:
    """Features that have a value of their own for a limit; null switches it off for them."""
    for name, feature in (model.features or {}).items():
        settings = getattr(feature, watch.section, None)
        if settings is not None and watch.key in settings.model_fields_set:
            yield name, getattr(settings, watch.key)


def _allowed(model: ModelSettings) -> Iterator[Monitor]:
    """Limits on the shares of values that may not be."""
    for metric in METRICS:
        own = tuple(
            (name, None, one.allowed.tolerated)
            for name, one in (model.features or {}).items()
            if one.allowed is not None and metric in one.allowed.rule.metrics
        )
        if own:
            name = f"quality.{metric.removesuffix('_ratio')}"
            yield Monitor(name, "DataQuality", Kind.QUALITY, metric, model.quality.windows, None, None, own=own)


def allowed_of(model: ModelSettings) -> dict[str, Allowed]:
    """What the values of features may be, by name."""
    return {name: one.allowed.rule for name, one in (model.features or {}).items() if one.allowed is not None}


def prices_of(model: ModelSettings) -> Prices | None:
    """What resources cost; None where nobody asks what predictions use."""
    if model.cost is None:
        return None
    prices = model.cost.prices
    return Prices(prices.cpu_hour, prices.gpu_hour, prices.memory_gib_hour)


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
