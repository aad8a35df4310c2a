"""Two references of one model as one: exact addition on equal bins, interpolation (with its error) on others."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from windows.arrays import IntArray
from windows.outcomes.days import DayVariation
from windows.references.merge_estimators import merge_estimators
from windows.references.merge_outcomes import merge_outcomes
from windows.references.reference import Reference, seal
from windows.segments import OTHER
from windows.sketches.edges import coarse_bins, single_valued
from windows.sketches.profiles import (
    MAX_SEGMENT_VALUES,
    MIN_SEGMENT_ROWS,
    TOP_CATEGORIES,
    CategoricalProfile,
    NumericProfile,
    Profile,
    ReferenceError_,
    SegmentCounts,
)
from windows.sketches.rebin import aligned, common_edges, cut_share, spread, whole

Move = Callable[[IntArray], IntArray]
"""Slot counts of one part -> slot counts on the merged profile."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged reference.

    Attributes:
        reference: of all rows of both parts.
        errors: column -> the most that a share of it can be wrong; exact columns are not named.
        notes: what else the user should know.
    """

    reference: Reference
    errors: dict[str, float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    profile: Profile
    moves: tuple[Move, Move]
    error: float


def merge(one: Reference, other: Reference) -> Merged:
    """Both references as one.

    Raises:
        ReferenceError_: they are of different models, features, kinds or segment keys.
    """
    _check(one, other)
    columns = {name: _column(name, one.features[name], other.features[name]) for name in one.features}
    prediction = None
    if one.prediction is not None and other.prediction is not None:
        prediction = _column("prediction", one.prediction, other.prediction)
    named = columns | ({} if prediction is None else {"prediction": prediction})
    predicted = None if prediction is None else prediction.profile
    categories = predicted.categories if isinstance(predicted, CategoricalProfile) else ()
    classes = tuple(dict.fromkeys((*categories, *_classes(one), *_classes(other))))
    task, outcomes = merge_outcomes(one, other, predicted, classes)
    estimator = merge_estimators(one, other, {name: column.profile for name, column in named.items()}, categories)
    reference = Reference(
        model=one.model,
        rows=one.rows + other.rows,
        start=None if one.start is None or other.start is None else min(one.start, other.start),
        end=None if one.end is None or other.end is None else max(one.end, other.end),
        features={name: column.profile for name, column in columns.items()},
        prediction=predicted,
        latency=None if one.latency is None or other.latency is None else one.latency + other.latency,
        error_rows=one.error_rows + other.error_rows,
        segments={key: _segments(one, other, key, columns, prediction) for key in one.segments},
        id="",
        task=task,
        outcomes=outcomes,
        estimator=estimator.estimator,
        positive=one.positive or other.positive,
        readings=one.readings,
        classes=tuple(dict.fromkeys((*one.classes, *other.classes))),
        positions=one.positions,
        notes=tuple(dict.fromkeys((*one.notes, *other.notes))),
        columns=one.columns | other.columns,
        label_days=_label_days(one, other),
        pace=None if one.pace is None or other.pace is None else one.pace + other.pace,
    )
    errors = {name: column.error for name, column in named.items() if column.error > 0}
    notes = [note for note in (estimator.note, _seasons_note(one, other)) if note is not None]
    return Merged(seal(reference), errors, tuple(notes))


def _label_days(one: Reference, other: Reference) -> dict[str, DayVariation]:
    """What is known of either; of both the one whose days differ more."""
    named = one.label_days | other.label_days
    both = ((name, one.label_days.get(name, found), other.label_days.get(name, found)) for name, found in named.items())
    return {name: max(mine, yours, key=lambda known: known.deviation) for name, mine, yours in both}


def _seasons_note(one: Reference, other: Reference) -> str | None:
    if one.seasons is None and other.seasons is None:
        return None
    return "classes of hours are not merged: build the reference from all rows at once to keep the season"


def _classes(part: Reference) -> tuple[str, ...]:
    """The classes of its outcomes, in code order."""
    return () if part.task is None else part.task.classes


def _check(one: Reference, other: Reference) -> None:
    if one.model != other.model:
        raise ReferenceError_(f"models differ: {one.model!r} and {other.model!r}")
    odd = one.features.keys() ^ other.features.keys()
    if odd:
        raise ReferenceError_(f"features differ: {min(odd)!r} is in only one of them")
    if one.segments.keys() != other.segments.keys():
        raise ReferenceError_(f"segment keys differ: {_list(one.segments)} and {_list(other.segments)}")
    for name in one.features:
        if one.readings.get(name) != other.readings.get(name):
            raise ReferenceError_(f"{name!r} is read otherwise in each: missing texts or resolution differ")
    if one.positions != other.positions:
        named = " and ".join(", ".join(part.positions) or "none" for part in (one, other))
        raise ReferenceError_(f"names for the positions of a list of scores differ: {named}")
    for what in ("prediction", "latency"):
        if (getattr(one, what) is None) != (getattr(other, what) is None):
            raise ReferenceError_(f"only one of them has a {what} profile")


def _list(names: dict[str, dict[str, SegmentCounts]]) -> str:
    return ", ".join(names) or "none"


def _column(name: str, one: Profile, other: Profile) -> _Column:
    if isinstance(one, NumericProfile) and isinstance(other, NumericProfile):
        return _numeric(one, other)
    if isinstance(one, CategoricalProfile) and isinstance(other, CategoricalProfile):
        return _categorical(one, other)
    raise ReferenceError_(f"{name} is numeric in one of them and categorical in the other")


def _numeric(one: NumericProfile, other: NumericProfile) -> _Column:
    other = replace(other, edges=aligned(other.edges, one.edges))
    same = np.array_equal(one.edges, other.edges)
    if one.own is not None or other.own is not None:
        return _alike(one, other, same=same)
    edges = one.edges if same else common_edges(one.edges, other.edges, one.counts, other.counts)

    def mover(part: NumericProfile) -> Move:
        if same:
            return lambda counts: counts
        return lambda counts: np.concatenate(([0], whole(spread(counts[1:-3], part.edges, edges)), counts[-3:]))

    moves = (mover(one), mover(other))
    counts = _bins(one, moves[0]) + _bins(other, moves[1])
    center, scale = _moments(one, other)
    profile = NumericProfile(
        edges=edges,
        counts=counts,
        coarse=coarse_bins(counts),
        missing=one.missing + other.missing,
        non_finite=one.non_finite + other.non_finite,
        center=center,
        scale=scale,
        overdispersion=_highest(one.overdispersion, other.overdispersion),
        day_correlation=max(one.day_correlation, other.day_correlation),
    )
    total = max(int(counts.sum()), 1)
    parts = (one, other)
    error = sum(cut_share(part.counts, part.edges, edges) * int(part.counts.sum()) / total for part in parts)
    return _Column(profile, moves, error)


def _alike(one: NumericProfile, other: NumericProfile, *, same: bool) -> _Column:
    """Parts of which one was built like another profile: their edges and their origin stay as they are."""
    if not same or (one.center, one.scale) != (other.center, other.scale):
        raise ReferenceError_("one of them was built like another reference, the other was not built like the same")
    counts = one.counts + other.counts
    profile = replace(
        one,
        counts=counts,
        coarse=coarse_bins(counts),
        missing=one.missing + other.missing,
        non_finite=one.non_finite + other.non_finite,
        overdispersion=_highest(one.overdispersion, other.overdispersion),
        day_correlation=max(one.day_correlation, other.day_correlation),
        below=one.below + other.below,
        above=one.above + other.above,
        own=_moments(one, other),
    )
    return _Column(profile, (_stay, _stay), 0.0)


def _stay(counts: IntArray) -> IntArray:
    return counts


def _values(part: NumericProfile) -> int:
    return int(part.counts.sum()) + part.below + part.above


def _bins(part: NumericProfile, move: Move) -> IntArray:
    return move(np.concatenate(([0], part.counts, [0, 0, 0])))[1:-3]


def _moments(one: NumericProfile, other: NumericProfile) -> tuple[float, float]:
    """Mean and standard deviation of both (Chan, Golub and LeVeque, 1979)."""
    n, m = _values(one), _values(other)
    if n == 0 or m == 0:
        kept = other if n == 0 else one
        return kept.mean, kept.deviation
    if _constant(one) and _constant(other) and one.mean == other.mean:
        return one.mean, 1.0
    weight = m / (n + m)
    difference = other.mean * math.sqrt(weight * (1 - weight)) - one.mean * math.sqrt(weight * (1 - weight))
    spreads = [0.0 if _constant(part) else part.deviation for part in (one, other)]
    scale = math.hypot(spreads[0] * math.sqrt(1 - weight), spreads[1] * math.sqrt(weight), difference)
    return one.mean * (1 - weight) + other.mean * weight, scale


def _constant(part: NumericProfile) -> bool:
    inside = not part.below and not part.above
    return inside and len(part.counts) == 1 and bool(single_valued(part.edges)[0])


def _categorical(one: CategoricalProfile, other: CategoricalProfile) -> _Column:
    names = tuple(dict.fromkeys((*one.categories, *other.categories)))
    counted: dict[str, int] = dict.fromkeys(names, 0)
    for part in (one, other):
        for name, count in zip(part.categories, part.counts.tolist(), strict=True):
            counted[name] += count
    kept = tuple(sorted(names, key=lambda name: (-counted[name], name))[:TOP_CATEGORIES])
    moves = (_folder(one, kept), _folder(other, kept))
    total = sum(move(_category_slots(part)) for move, part in zip(moves, (one, other), strict=True))
    assert isinstance(total, np.ndarray)  # noqa: S101 - the sum of two arrays
    profile = CategoricalProfile(
        categories=kept,
        counts=total[: len(kept)],
        other=int(total[len(kept)]),
        missing=one.missing + other.missing,
        overdispersion=_highest(one.overdispersion, other.overdispersion),
        day_correlation=max(one.day_correlation, other.day_correlation),
    )
    # a category kept in one part may be hidden in the other's "other"
    hidden = sum(part.other for part in (one, other) if set(kept) - set(part.categories))
    return _Column(profile, moves, hidden / max(int(total.sum()), 1))


def _category_slots(part: CategoricalProfile) -> IntArray:
    return np.concatenate((part.counts, [part.other, part.missing, 0])).astype(np.int64)


def _folder(part: CategoricalProfile, kept: tuple[str, ...]) -> Move:
    index = {name: slot for slot, name in enumerate(kept)}
    other = len(kept)
    targets = [*(index.get(name, other) for name in part.categories), other, other + 1, other + 2]

    def move(counts: IntArray) -> IntArray:
        moved = np.zeros(other + 3, dtype=np.int64)
        np.add.at(moved, targets, counts)
        return moved

    return move


def _highest(*factors: float | None) -> float | None:
    """The more cautious of the factors known."""
    known = [factor for factor in factors if factor is not None]
    return max(known) if known else None


def _segments(
    one: Reference, other: Reference, key: str, columns: dict[str, _Column], prediction: _Column | None
) -> dict[str, SegmentCounts]:
    found: dict[str, SegmentCounts] = {}
    for side, part in enumerate((one, other)):
        for value, counts in part.segments[key].items():
            moved = SegmentCounts(
                rows=counts.rows,
                features={name: columns[name].moves[side](counts.features[name]) for name in columns},
                prediction=_moved(prediction, side, counts.prediction),
            )
            found[value] = moved if value not in found else _sum(found[value], moved)
    ranked = sorted((value for value in found if value != OTHER), key=lambda value: (-found[value].rows, value))
    kept = [value for value in ranked if found[value].rows >= MIN_SEGMENT_ROWS][:MAX_SEGMENT_VALUES]
    result = {value: found[value] for value in kept}
    for value in [value for value in found if value not in result]:
        result[OTHER] = found[value] if OTHER not in result else _sum(result[OTHER], found[value])
    return result


def _moved(column: _Column | None, side: int, counts: IntArray | None) -> IntArray | None:
    return None if column is None or counts is None else column.moves[side](counts)


def _sum(one: SegmentCounts, other: SegmentCounts) -> SegmentCounts:
    return SegmentCounts(
        rows=one.rows + other.rows,
        features={name: one.features[name] + other.features[name] for name in one.features},
        prediction=None if one.prediction is None or other.prediction is None else one.prediction + other.prediction,
    )
