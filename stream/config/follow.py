"""Defaults that follow what they depend on: only what the user wrote himself can be in conflict.

Windows that are not written follow the pane, when the config is loaded. Where the reference tells the pace and the
default windows are too short ever to decide, longer ones are added to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operators.plans.cohorts import PlanError, plan_performance
from stream.config.pace import COHORTS, default_windows, fits, plan_pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from operators.settings.model import ModelSettings
    from windows.references.reference import Reference

    Written = Callable[[str, str], bool]
    """(section, key) -> whether the user wrote it."""

SECTIONS = ("drift", "prediction", "quality")


def written_in(value: Any, index: int) -> Written:
    """What a config file, with what the environment adds, says of a model."""

    def written(section: str, key: str) -> bool:
        try:
            return key in value["models"][index][section]
        except (KeyError, IndexError, TypeError):
            return False

    return written


def follow_pane(model: ModelSettings, pane: int, written: Written) -> ModelSettings:
    """The model with default windows that are multiples of the pane."""
    update: dict[str, Any] = {}
    for section in (*SECTIONS, "multivariate"):
        settings = getattr(model, section)
        if settings is None:
            continue
        windows = default_windows(settings.windows, pane)
        if not written(section, "windows") and windows != settings.windows:
            update[section] = settings.model_copy(update={"windows": windows})
    model = model.model_copy(update=update) if update else model
    return model if written("performance", "windows") else _cohorts(model, pane)


def _cohorts(model: ModelSettings, pane: int) -> ModelSettings:
    """The model with windows of cohorts that go with the pane, where the default ones do not."""
    performance = model.performance
    if performance is None or all(size % pane == 0 for size in performance.cohort_windows):
        return model
    for pair in COHORTS:
        changed = model.model_copy(update={"performance": performance.model_copy(update={"windows": pair})})
        try:
            plan_performance(changed, pane)
        except PlanError:
            continue
        return changed
    return model


def follow_pace(model: ModelSettings, reference: Reference, pane: int, written: Written) -> tuple[ModelSettings, bool]:
    """The model with longer windows beside default ones that are too short to decide; whether any was added."""
    suits = plan_pace(reference)
    if suits is None:
        return model, False
    update: dict[str, Any] = {}
    for section in SECTIONS:
        settings = getattr(model, section)
        wanted = suits.quality if section == "quality" else suits.windows
        if written(section, "windows") or max(settings.windows) >= max(wanted):
            continue
        more = [size for size in wanted if size > max(settings.windows) and fits(size, pane)]
        windows = (*settings.windows, *more[-(MOST - len(settings.windows)) :])
        update[section] = settings.model_copy(update={"windows": windows})
    return (model.model_copy(update=update), True) if update else (model, False)


def paced(
    models: tuple[ModelSettings, ...], references: Mapping[str, Reference], pane: int, value: Any
) -> tuple[tuple[ModelSettings, ...], list[str]]:
    """All models with the windows that their pace needs, and the names of those that were changed."""
    found, names = [], []
    for index, model in enumerate(models):
        changed, added = follow_pace(model, references[model.name], pane, written_in(value, index))
        found.append(changed)
        names += [model.name] if added else []
    return tuple(found), names


MOST = 6
"""Windows of a section at most, default ones and added ones."""
