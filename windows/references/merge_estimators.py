"""Estimators of two references as one.

Score cells are added: the cells of the part with fewer labelled rows go, each as a whole, to the cell of the other part
that holds their mean score, which is off by less than a cell. What trees learnt cannot be added: there the part with
more labelled rows stands for both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from windows.estimates.estimator import BinaryEstimator, MulticlassEstimator, RegressionEstimator, ScoreCells
from windows.sketches.profiles import CategoricalProfile, NumericProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import IntArray
    from windows.estimates.estimator import Estimator
    from windows.references.reference import Reference
    from windows.sketches.profiles import Profile


@dataclass(frozen=True, slots=True)
class MergedEstimator:
    """An estimator for both, None when there is none, and what the user should know."""

    estimator: Estimator | None
    note: str | None = None


def merge_estimators(
    one: Reference, other: Reference, profiles: dict[str, Profile], classes: tuple[str, ...]
) -> MergedEstimator:
    """The estimator of the merged reference.

    Args:
        one: a part.
        other: the other part.
        profiles: the merged profile of every column, features first, then "prediction".
        classes: the merged prediction's categories.
    """
    parts = sorted((part for part in (one, other) if part.estimator is not None), key=_rows, reverse=True)
    if not parts:
        return MergedEstimator(None)
    first = parts[0].estimator
    second = parts[1].estimator if len(parts) > 1 else None
    if isinstance(first, BinaryEstimator):
        if isinstance(second, BinaryEstimator):
            first = replace(first, cells=_added(first.cells, second.cells))
        return MergedEstimator(first)
    if isinstance(first, MulticlassEstimator):
        return _classes(first, second if isinstance(second, MulticlassEstimator) else None, classes)
    assert isinstance(first, RegressionEstimator)  # noqa: S101 - the only other kind
    moved = replace(first, codes=_recoded(first.codes, _profiles(parts[0]), list(profiles.values())))
    note = "errors are estimated from the labelled rows of the larger part alone" if second is not None else None
    return MergedEstimator(moved, note)


def _rows(part: Reference) -> int:
    estimator = part.estimator
    if isinstance(estimator, MulticlassEstimator):
        return int(estimator.others[0].rows.sum() + estimator.predicted[0].rows.sum())
    return 0 if estimator is None else int(estimator.cells.rows.sum())


def _added(cells: ScoreCells, more: ScoreCells) -> ScoreCells:
    edges = more.edges
    middles = np.concatenate((edges[:1], edges[:-1] + (edges[1:] - edges[:-1]) / 2, edges[-1:]))
    means = np.divide(more.scores, more.rows, out=middles, where=more.rows > 0)
    at = np.searchsorted(cells.edges, means, side="right")
    sums = [np.bincount(at, weights=part, minlength=cells.size) for part in (more.rows, more.hits, more.scores)]
    return ScoreCells(
        cells.edges,
        cells.rows + sums[0].astype(np.int64),
        cells.hits + sums[1].astype(np.int64),
        cells.scores + sums[2],
    )


def _classes(
    first: MulticlassEstimator, second: MulticlassEstimator | None, classes: tuple[str, ...]
) -> MergedEstimator:
    """Class by class, in the order of the merged classes."""
    parts = [part for part in (first, second) if part is not None and set(part.classes) >= set(classes)]
    if not parts:
        return MergedEstimator(None, "no estimates of performance: neither part has scores of every class")
    note = None
    if second is not None and len(parts) == 1:
        note = "performance is estimated from the labelled rows of the one part that has every class"
    chosen = [parts[0].classes.index(name) for name in classes]
    others = tuple(parts[0].others[at] for at in chosen)
    predicted = tuple(parts[0].predicted[at] for at in chosen)
    for part in parts[1:]:
        places = [part.classes.index(name) for name in classes]
        others = tuple(_added(cells, part.others[at]) for cells, at in zip(others, places, strict=True))
        predicted = tuple(_added(cells, part.predicted[at]) for cells, at in zip(predicted, places, strict=True))
    return MergedEstimator(MulticlassEstimator(classes, others, predicted), note)


def _profiles(part: Reference) -> list[Profile]:
    return [*part.features.values(), *([] if part.prediction is None else [part.prediction])]


def _recoded(codes: Sequence[IntArray], old: Sequence[Profile], new: Sequence[Profile]) -> tuple[IntArray, ...]:
    """The codes of the slots of the merged profiles."""
    return tuple(_recoded_column(*column) for column in zip(codes, old, new, strict=True))


def _recoded_column(codes: IntArray, old: Profile, new: Profile) -> IntArray:
    if isinstance(old, NumericProfile) and isinstance(new, NumericProfile):
        middles = np.minimum(new.edges[:-1] / 2 + new.edges[1:] / 2, np.nextafter(new.edges[1:], -np.inf))
        at = np.searchsorted(old.edges, np.maximum(middles, new.edges[:-1]), side="right")
        return np.concatenate((codes[:1], codes[at], codes[-3:]))
    assert isinstance(old, CategoricalProfile)  # noqa: S101 - merging refused other kinds before
    assert isinstance(new, CategoricalProfile)  # noqa: S101 - the same
    places = {name: slot for slot, name in enumerate(old.categories)}
    other = len(old.categories)
    chosen = [places.get(name, other) for name in new.categories]
    return codes[[*chosen, other, other + 1, other + 2]]
