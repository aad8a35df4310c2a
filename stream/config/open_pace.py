"""Configs that were written while nothing was known of the pace, and what suits them once something is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.settings.durations import show_duration
from operators.settings.event_time import TimeSettings
from stream.config.pace import ANY_PACE, ANY_PACE_QUALITY, plan_pace, show_windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operators.settings.model import ModelSettings
    from stream.config.load import Config
    from stream.config.pace import PacePlan
    from windows.references.reference import Reference


def left_open(config: Config, references: Mapping[str, Reference]) -> bool:
    """Whether all windows and the pane are what `init` writes where rows have no timestamps: nobody has chosen them."""
    return config.time.pane == TimeSettings().pane and all(
        references[model.name].pace is None and _untouched(model) for model in config.models
    )


def _untouched(model: ModelSettings) -> bool:
    return (model.drift.windows, model.prediction.windows, model.quality.windows) == (
        ANY_PACE,
        ANY_PACE,
        ANY_PACE_QUALITY,
    )


def settings_of_pace(
    config: Config, references: Mapping[str, Reference], per_day: Mapping[str, float]
) -> dict[str, str]:
    """Path -> value of what suits the pace of the models, as `init` would have written it had it known.

    Args:
        config: one that is left open.
        references: by model.
        per_day: predictions a day, > 0, by model; models that are not in it keep to the pace of the fastest.
    """
    fastest = max(per_day.values())
    plans: dict[str, PacePlan] = {}
    for model in config.models:
        plan = plan_pace(references[model.name], per_day.get(model.name, fastest))
        if plan is not None:
            plans[model.name] = plan
    first = min(plans.values(), key=lambda plan: plan.pane)
    found = {"time.pane": show_duration(first.pane), "time.lateness": show_duration(first.lateness)}
    for at, model in enumerate(config.models):
        plan = plans[model.name]
        windows = show_windows(size for size in plan.windows if size % first.pane == 0)
        quality = show_windows(size for size in plan.quality if size % first.pane == 0)
        wanted = {
            "drift.windows": windows,
            "prediction.windows": windows,
            "quality.windows": quality,
            "quality.stale_after": show_duration(plan.stale_after),
        }
        if model.performance is not None and plan.cohorts is not None:
            wanted |= {
                "performance.windows": show_windows(plan.cohorts),
                "performance.label_delay": show_duration(max(plan.label_delay, model.performance.label_delay)),
                "performance.wait": show_duration(plan.wait),
            }
        found |= {f"models.{at}.{key}": value for key, value in wanted.items()}
    return found
