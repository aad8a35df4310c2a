"""Which classes a model has: what labels may say, and what the positions of a list of scores stand for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from operators.intake.feedback import FeedbackModel
from operators.intake.label_codes import LabelCodes
from windows.sketches.profiles import CategoricalProfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operators.settings.model import ModelSettings
    from windows.predictions.layout import Layout
    from windows.references.reference import Reference


def classes_of(settings: ModelSettings, reference: Reference) -> tuple[str, ...]:
    """All names that labels may have; of a multiclass model in code order: what is predicted most comes first."""
    known = (*(settings.classes or ()), *reference.classes)
    if settings.task == "multiclass" and isinstance(reference.prediction, CategoricalProfile):
        known = (*reference.prediction.categories, *known)
    return tuple(dict.fromkeys(known))


def label_codes(settings: ModelSettings, reference: Reference) -> LabelCodes:
    """How labels of a model are read."""
    positive = None if settings.performance is None else settings.performance.positive
    return LabelCodes(settings.task, classes_of(settings, reference), positive)


def feedback_models(
    models: Iterable[ModelSettings], layouts: Mapping[str, Layout], references: Mapping[str, Reference]
) -> tuple[FeedbackModel, ...]:
    """Those models whose feedback is read; layouts and references are by name."""
    return tuple(
        FeedbackModel(layouts[model.name], label_codes(model, references[model.name]))
        for model in models
        if model.performance is not None
    )


def with_lists(layout: Layout, settings: ModelSettings, reference: Reference) -> Layout:
    """The layout, knowing what lists of scores mean."""
    positions = reference.positions or settings.classes or ()
    return replace(layout, positions=positions, pair=_pair(settings, positions) if settings.task == "binary" else None)


def _pair(settings: ModelSettings, positions: tuple[str, ...]) -> int:
    """Where the positive class's score stands: last, where nobody says otherwise."""
    positive = None if settings.performance is None else settings.performance.positive
    return positions.index(positive) if positive in positions else 1
