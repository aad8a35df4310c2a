"""A build like another reference: the same edges, categories and segments, so that windows can be held against both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stream.errors import UsageError
from stream.references.frames import PREDICTION
from windows.references.reference import seal
from windows.segments import OTHER
from windows.sketches.edges import coarse_bins
from windows.sketches.profiles import CategoricalProfile, NumericProfile
from windows.values import AS_IT_IS

if TYPE_CHECKING:
    from operators.settings.features import FeatureKind
    from stream.references.plan import BuildOptions, Plan
    from stream.rows.columns import Rows
    from windows.arrays import FloatArray, IntArray
    from windows.references.reference import Reference
    from windows.sketches.profiles import Profile


def asked_like(options: BuildOptions, like: Reference) -> BuildOptions:
    """The options of a build like a reference.

    Raises:
        UsageError: it is another model's, or has what cannot be built like it.
    """
    if like.model != options.model:
        raise UsageError(f"--like: it is a reference of model {like.model!r}, not of {options.model!r}")
    kinds = {name: _kind(profile) for name, profile in like.features.items()}
    resolutions = {name: one.resolution for name, one in like.readings.items() if one.resolution is not None}
    return replace(
        options,
        features=kinds,
        chosen=(),
        segments=tuple(like.segments),
        resolutions=resolutions,
        seasonal=None,
        joint=None,
        like=like,
    )


def planned_like(rows: Rows, plan: Plan, like: Reference) -> Plan:
    """The plan, reading values as the reference does.

    Raises:
        UsageError: predictions of the rows are of another kind.
    """
    given = {"number": "numeric", "pair": "numeric", None: None}.get(plan.prediction, "categorical")
    wanted = None if like.prediction is None else _kind(like.prediction)
    if given != wanted:
        raise UsageError(f"{rows.path}: --like: its predictions are {wanted or 'none'}, those of the rows are {given}")
    read = {
        name: replace(column, missing=like.readings.get(name, AS_IT_IS).missing) if name in plan.features else column
        for name, column in plan.read.items()
    }
    return replace(plan, read=read, features={name: plan.features[name] for name in like.features})


def edges_like(like: Reference, name: str) -> FloatArray:
    """The edges of a numeric column.

    Raises:
        TypeError: it is categorical.
    """
    profile = _profile(like, name)
    if not isinstance(profile, NumericProfile):
        raise TypeError(f"{name} has no edges")
    return profile.edges


def categories_like(like: Reference, name: str) -> list[str]:
    """The categories of a column in their order.

    Raises:
        TypeError: it is numeric.
    """
    profile = _profile(like, name)
    if not isinstance(profile, CategoricalProfile):
        raise TypeError(f"{name} has no categories")
    return [*profile.categories]


def segments_like(like: Reference) -> dict[str, list[str]]:
    """The values of each segment key that have counts of their own."""
    return {key: [value for value in values if value != OTHER] for key, values in like.segments.items()}


def numeric_like(
    like: Reference, name: str, counts: IntArray, moments: tuple[float, float], overdispersion: float | None
) -> NumericProfile:
    """The profile of a numeric column from its slots and from its own mean and deviation.

    Raises:
        TypeError: the column is categorical there.
    """
    profile = _profile(like, name)
    if not isinstance(profile, NumericProfile):
        raise TypeError(f"{name} has no edges")
    return replace(
        profile,
        counts=counts[1:-3],
        coarse=coarse_bins(counts[1:-3]) if int(counts[1:-3].sum()) else profile.coarse,
        missing=int(counts[-2]),
        non_finite=int(counts[-1]),
        overdispersion=overdispersion,
        below=int(counts[0]),
        above=int(counts[-3]),
        own=moments,
    )


def categorical_like(like: Reference, name: str, counts: IntArray, overdispersion: float | None) -> CategoricalProfile:
    """The profile of a categorical column from its slots.

    Raises:
        TypeError: the column is numeric there.
    """
    profile = _profile(like, name)
    if not isinstance(profile, CategoricalProfile):
        raise TypeError(f"{name} has no categories")
    known = len(profile.categories)
    return replace(
        profile,
        counts=counts[:known],
        other=int(counts[known]),
        missing=int(counts[known + 1]),
        overdispersion=overdispersion,
    )


def without_estimator(reference: Reference) -> Reference:
    """The reference without what would be counted in cells of its own: estimates go by the model's reference."""
    return seal(replace(reference, estimator=None))


def slots_as_they_are(size: int) -> IntArray:
    """The order of slots that stay where they are."""
    return np.arange(size, dtype=np.int64)


def _profile(like: Reference, name: str) -> Profile | None:
    return like.prediction if name == PREDICTION else like.features[name]


def _kind(profile: Profile) -> FeatureKind:
    return "numeric" if isinstance(profile, NumericProfile) else "categorical"
