"""The plan of trails: which columns of a model are compared with its own past, and the rules on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.plans.monitors import Monitor
from operators.settings.alerts import ALERTS, OF_DRIFT
from operators.tables import Kind
from windows.trail import plan_trail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.settings.model import ModelSettings
    from operators.settings.trailing import TrailingSettings
    from windows.predictions.layout import Field, Layout
    from windows.trail import Trail

FEEDS: dict[str, str] = {watch.section: alert for alert in OF_DRIFT for watch in ALERTS[alert].watches}
"""Section of the config -> what its trails feed."""


@dataclass(frozen=True, slots=True)
class TrailPlan:
    """One trail of a model.

    Attributes:
        name: as shown: "prediction.trailing_90d".
        trail: its spans.
        kind: of the columns.
        fields: the columns.
        monitors: the rules on it.
    """

    name: str
    trail: Trail
    kind: Kind
    fields: tuple[Field, ...]
    monitors: tuple[Monitor, ...]


def plan_trails(model: ModelSettings, layout: Layout, pane: int) -> tuple[TrailPlan, ...]:
    """The trails that a model's settings ask for; none of predictions that the reference does not have.

    Raises:
        ValueError: spans and pane do not go together.
    """
    predicted = () if layout.prediction is None else (layout.prediction,)
    sections = (
        ("drift", Kind.FEATURE, layout.features, model.drift.trailing),
        ("prediction", Kind.PREDICTION, predicted, model.prediction.trailing),
    )
    return tuple(
        plan
        for section, kind, fields, settings in sections
        if settings is not None and fields
        for plan in _plans(section, kind, fields, settings, pane)
    )


def _plans(
    section: str, kind: Kind, fields: tuple[Field, ...], settings: TrailingSettings, pane: int
) -> Iterator[TrailPlan]:
    for _, back, length in settings.baselines:
        trail = plan_trail(settings.recent, back, length, pane)
        name = f"{section}.{trail.label}"
        monitors = tuple(
            Monitor(
                f"{name}.{metric}",
                FEEDS[section],
                kind,
                metric,
                (trail.recent,),
                levels.minor,
                levels.major,
                whole_only=True,
                trail=name,
                against=trail.words,
            )
            for metric, levels in settings.levels.items()
        )
        yield TrailPlan(name, trail, kind, fields, monitors)
