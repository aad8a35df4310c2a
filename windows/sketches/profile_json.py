"""The JSON form of profiles: what is written, and every check on what is read."""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from windows.arrays import FloatArray, IntArray
from windows.sketches.profiles import (
    COARSE_BINS,
    MAX_BINS,
    TOP_CATEGORIES,
    CategoricalProfile,
    NumericProfile,
    Profile,
    ReferenceError_,
    SegmentCounts,
    slot_count,
    slots,
)

Count = Annotated[int, Meta(ge=0, le=2**62)]
Factor = Annotated[float, Meta(ge=1)]
Correlation = Annotated[float, Meta(ge=0, le=1)]


class NumericWire(msgspec.Struct, tag="numeric", tag_field="kind", forbid_unknown_fields=True, omit_defaults=True):
    """A numeric profile as JSON."""

    edges: list[float]
    counts: list[Count]
    coarse: list[Count]
    missing: Count
    non_finite: Count
    center: float
    scale: Annotated[float, Meta(gt=0)]
    overdispersion: Factor | None
    below: Count = 0
    above: Count = 0
    own: tuple[float, Annotated[float, Meta(gt=0)]] | None = None
    day_correlation: Correlation = 0.0


class CategoricalWire(
    msgspec.Struct, tag="categorical", tag_field="kind", forbid_unknown_fields=True, omit_defaults=True
):
    """A categorical profile as JSON."""

    categories: list[str]
    counts: list[Count]
    other: Count
    missing: Count
    overdispersion: Factor | None
    day_correlation: Correlation = 0.0


ProfileWire = NumericWire | CategoricalWire


class SegmentWire(msgspec.Struct, forbid_unknown_fields=True):
    """The counts of one segment as JSON."""

    rows: Count
    features: dict[str, list[Count]]
    prediction: list[Count] | None


def integers(values: list[int]) -> IntArray:
    """The list as int64."""
    return np.array(values, dtype=np.int64)


def numbers(values: IntArray) -> list[int]:
    """The array as a list of plain integers."""
    return [int(value) for value in values]


def profile_to_wire(profile: Profile) -> ProfileWire:
    """The JSON form of a profile."""
    if isinstance(profile, NumericProfile):
        return NumericWire(
            edges=[float(edge) for edge in profile.edges],
            counts=numbers(profile.counts),
            coarse=numbers(profile.coarse),
            missing=int(profile.missing),
            non_finite=int(profile.non_finite),
            center=float(profile.center),
            scale=float(profile.scale),
            overdispersion=None if profile.overdispersion is None else float(profile.overdispersion),
            below=int(profile.below),
            above=int(profile.above),
            own=None if profile.own is None else (float(profile.own[0]), float(profile.own[1])),
            day_correlation=float(profile.day_correlation),
        )
    return CategoricalWire(
        categories=list(profile.categories),
        counts=numbers(profile.counts),
        other=int(profile.other),
        missing=int(profile.missing),
        overdispersion=None if profile.overdispersion is None else float(profile.overdispersion),
        day_correlation=float(profile.day_correlation),
    )


def profile_from_wire(name: str, wire: ProfileWire, rows: int) -> Profile:
    """The profile behind its JSON form, checked.

    Args:
        name: what to call the column in an error.
        wire: the JSON form.
        rows: rows of the reference; the counts must sum to it.

    Raises:
        ReferenceError_: shapes or sums do not hold together.
    """
    profile = _numeric(name, wire) if isinstance(wire, NumericWire) else _categorical(name, wire)
    total = int(slots(profile).sum())
    if total != rows:
        raise ReferenceError_(f"{name}: its counts sum to {total}, but the reference has {rows} rows")
    return profile


def segment_to_wire(segment: SegmentCounts) -> SegmentWire:
    """The JSON form of a segment's counts."""
    return SegmentWire(
        rows=int(segment.rows),
        features={name: numbers(counts) for name, counts in segment.features.items()},
        prediction=None if segment.prediction is None else numbers(segment.prediction),
    )


def segment_from_wire(
    name: str, wire: SegmentWire, features: dict[str, Profile], prediction: Profile | None
) -> SegmentCounts:
    """The segment's counts behind their JSON form, checked against the profiles of the whole.

    Raises:
        ReferenceError_: features are missing, or counts have the wrong length or sum.
    """
    if set(wire.features) != set(features):
        odd = min(set(wire.features) ^ set(features))
        raise ReferenceError_(f"segment {name}: its features are not those of the reference ({odd!r} differs)")
    if (wire.prediction is None) != (prediction is None):
        raise ReferenceError_(f"segment {name}: prediction counts and prediction profile go together")
    for feature, profile in features.items():
        _check_slots(f"segment {name}, feature {feature!r}", wire.features[feature], profile, wire.rows)
    if wire.prediction is not None and prediction is not None:
        _check_slots(f"segment {name}, prediction", wire.prediction, prediction, wire.rows)
    return SegmentCounts(
        rows=wire.rows,
        features={feature: integers(wire.features[feature]) for feature in features},
        prediction=None if wire.prediction is None else integers(wire.prediction),
    )


def _numeric(name: str, wire: NumericWire) -> NumericProfile:
    edges: FloatArray = np.array(wire.edges, dtype=np.float64)
    bins = len(wire.counts)
    if not 1 <= bins <= MAX_BINS:
        raise ReferenceError_(f"{name}: {bins} bins; 1 to {MAX_BINS} are allowed")
    if len(edges) != bins + 1 or len(wire.coarse) != bins:
        raise ReferenceError_(f"{name}: {bins} counts need {bins + 1} edges and {bins} coarse bins")
    if not np.all(np.isfinite(edges)) or not np.all(edges[1:] > edges[:-1]):
        raise ReferenceError_(f"{name}: edges must be finite and strictly increasing")
    coarse = integers(wire.coarse)
    steps = coarse[1:] - coarse[:-1]
    if coarse[0] != 0 or ((steps < 0) | (steps > 1)).any() or coarse[-1] >= COARSE_BINS:
        raise ReferenceError_(f"{name}: coarse bins must rise from 0 by steps of 0 or 1 and stay below {COARSE_BINS}")
    return NumericProfile(
        edges=edges,
        counts=integers(wire.counts),
        coarse=coarse,
        missing=wire.missing,
        non_finite=wire.non_finite,
        center=wire.center,
        scale=wire.scale,
        overdispersion=wire.overdispersion,
        below=wire.below,
        above=wire.above,
        own=wire.own,
        day_correlation=wire.day_correlation,
    )


def _categorical(name: str, wire: CategoricalWire) -> CategoricalProfile:
    if len(wire.categories) != len(wire.counts):
        raise ReferenceError_(f"{name}: {len(wire.categories)} categories but {len(wire.counts)} counts")
    if len(wire.categories) > TOP_CATEGORIES:
        raise ReferenceError_(f"{name}: {len(wire.categories)} categories; at most {TOP_CATEGORIES} are allowed")
    if len(set(wire.categories)) != len(wire.categories):
        raise ReferenceError_(f"{name}: a category is listed twice")
    return CategoricalProfile(
        categories=tuple(wire.categories),
        counts=integers(wire.counts),
        other=wire.other,
        missing=wire.missing,
        overdispersion=wire.overdispersion,
        day_correlation=wire.day_correlation,
    )


def _check_slots(what: str, counts: list[int], profile: Profile, rows: int) -> None:
    if len(counts) != slot_count(profile):
        raise ReferenceError_(f"{what}: {len(counts)} counts; its profile has {slot_count(profile)} slots")
    if sum(counts) != rows:
        raise ReferenceError_(f"{what}: its counts sum to {sum(counts)}, but the segment has {rows} rows")
