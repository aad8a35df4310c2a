"""Where each count of a sketch stands: one integer vector holds all that is kept of a group of predictions.

Every sketch of driftgauge is a count in fixed bins taken from the reference, or a sum of fixed-point integers. So a
sketch is one int64
vector, merging is addition, and subtraction undoes it: exactly, in any order. Memory: 8 bytes a slot, about 1 KB a
numeric feature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.joint.reconstruct import size_of
from windows.segments import OTHER, WHOLE
from windows.sketches.moments import NEAR, PARTS
from windows.sketches.profiles import CategoricalProfile, NumericProfile, slot_count, slots
from windows.sketches.quantiles import LATENCY_BINS
from windows.usage import SIZE, Prices
from windows.values import AS_IT_IS, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from windows.allowed import Allowed
    from windows.arrays import IntArray
    from windows.estimates.estimator import Estimator
    from windows.joint.reconstruct import Joint
    from windows.references.reference import Reference
    from windows.references.seasons import SeasonClock, Seasons
    from windows.sketches.profiles import Profile, SegmentCounts


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its profile, the slots [start, stop) of the vector its counts stand in, how its values are read."""

    name: str
    profile: Profile
    start: int
    stop: int
    reading: Reading = AS_IT_IS

    @property
    def numeric(self) -> bool:
        """Whether the column holds numbers."""
        return isinstance(self.profile, NumericProfile)

    @property
    def missing(self) -> int:
        """The slot of missing values."""
        return self.stop - 2

    @property
    def mismatch(self) -> int:
        """The slot of values of another type, or not finite."""
        return self.stop - 1


@dataclass(frozen=True, slots=True)
class EstimateSpan:
    """The slots [start, stop) of the vector that count the predictions in each cell of an estimator."""

    estimator: Estimator
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """The slots [start, stop) of the vector that count the predictions in each class of hours.

    Once for each way that the clock may have moved (`SeasonClock.moves`): a prediction is in a slot of each.

    `zones`: (place of a segment key, place of its value, clock) of rows that count by the hours of another zone; of
    several that a row is in the first counts. `own`: how many are of hours; those of dated days follow.
    """

    clock: SeasonClock
    names: tuple[str, ...]
    start: int
    stop: int
    zones: tuple[tuple[int, int, SeasonClock], ...] = ()
    own: int = 0

    def held(self, vectors: Sequence[IntArray]) -> IntArray:
        """Rows of G groups in each of K classes, by each of M moves of the clock: int64[M, G, K]."""
        rows = np.stack([vector[self.start : self.stop] for vector in vectors])
        held: IntArray = rows.reshape(len(rows), -1, len(self.names)).swapaxes(0, 1)
        return held


@dataclass(frozen=True, slots=True)
class AllowedSpan:
    """A feature whose values are told apart by whether they may be.

    Attributes:
        name: of the feature.
        row: its place among the numeric features, or among the categorical ones.
        numeric: which of them.
        rule: what may be.
        start: the slot that counts what may be; those of each way to miss it follow, in the order of rule.metrics.
    """

    name: str
    row: int
    numeric: bool
    rule: Allowed
    start: int

    @property
    def stop(self) -> int:
        """The slot behind its slots."""
        return self.start + 1 + len(self.rule.metrics)


@dataclass(frozen=True, slots=True)
class JointSpan:
    """The slots [start, stop) of the WHOLE vector that sum up how well features go together."""

    joint: Joint
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class UsageSpan:
    """The slots [start, stop) of the vector that sum up what predictions used, and what that costs."""

    prices: Prices
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The slots of a model's vectors.

    A vector of one segment has, in this order: the counts of every feature, the counts of the prediction, the counts
    of the estimator's cells where the reference has one, those of the classes of hours where it has seasons, those of
    what may be, the number of rows, then PARTS moment sums for each numeric column (see `windows.sketches.moments`).
    The vector of the WHOLE adds the latency bins, the number of predictions without a latency, the number of failed
    predictions (which are in no other slot), and the errors of features told from each other where the reference knows
    how (see `windows.joint.reconstruct`).

    Where predictions are lists of class scores, `positions` names the classes in their order (none for "0", "1", ...),
    and `pair` is the place of the positive class's score in the two of a binary model (None: there are no such lists).
    """

    model: str
    features: tuple[Field, ...]
    prediction: Field | None
    segments: tuple[tuple[str, tuple[str, ...]], ...]
    rows: int
    moments: int
    segment_size: int
    latency: int
    errors: int
    size: int
    estimate: EstimateSpan | None = None
    phases: PhaseSpan | None = None
    joint: JointSpan | None = None
    usage: UsageSpan | None = None
    positions: tuple[str, ...] = ()
    pair: int | None = None
    allowed: tuple[AllowedSpan, ...] = ()

    @property
    def numeric(self) -> tuple[Field, ...]:
        """The numeric features, then the prediction if it is numeric: the order of the moment sums."""
        return tuple(field for field in self.columns if field.numeric)

    @property
    def categorical(self) -> tuple[Field, ...]:
        """The categorical features, then the prediction if it is categorical."""
        return tuple(field for field in self.columns if not field.numeric)

    @property
    def columns(self) -> tuple[Field, ...]:
        """All features, then the prediction."""
        return self.features if self.prediction is None else (*self.features, self.prediction)

    @property
    def sums(self) -> slice:
        """The slots of sums of large numbers: of usage, and of moments of near values."""
        return slice(self.moments if self.usage is None else self.usage.start, self.far)

    @property
    def far(self) -> int:
        """The first slot of the moment sums of far values, which are 0 mostly."""
        return self.moments + NEAR * len(self.numeric)

    @property
    def no_latency(self) -> int:
        """The slot that counts predictions without a latency."""
        return self.latency + LATENCY_BINS

    def empty(self, segment: str = WHOLE) -> IntArray:
        """A vector of zeros for this segment."""
        return np.zeros(self.size if segment == WHOLE else self.segment_size, dtype=np.int64)


def layout_of(
    reference: Reference,
    segment_keys: tuple[str, ...] = (),
    allowed: Mapping[str, Allowed] | None = None,
    prices: Prices | None = None,
) -> Layout:
    """The layout that follows from a reference, the segment keys that the config asks for, and what values may be.

    With `prices` what predictions use is summed up.

    Raises:
        KeyError: the reference was built without one of the segment keys.
    """
    features: list[Field] = []
    at = 0
    for name, profile in reference.features.items():
        reading = reference.readings.get(name, AS_IT_IS)
        features.append(Field(name, profile, at, at + slot_count(profile), reading))
        at = features[-1].stop
    prediction = None
    if reference.prediction is not None:
        prediction = Field("prediction", reference.prediction, at, at + slot_count(reference.prediction))
        at = prediction.stop
    estimate = None
    if reference.estimator is not None:
        estimate = EstimateSpan(reference.estimator, at, at + reference.estimator.size)
        at = estimate.stop
    phases = None
    if reference.seasons is not None:
        names = reference.seasons.names
        seasons = reference.seasons
        zones = tuple(_zones(reference, seasons, segment_keys))
        stop = at + len(names) * len(seasons.clock.moves)
        phases = PhaseSpan(seasons.clock, names, at, stop, zones, len(names) - len(seasons.dated))
        at = phases.stop
    spans = tuple(_allowed_spans(features, allowed or {}, at))
    at = spans[-1].stop if spans else at
    columns = features if prediction is None else [*features, prediction]
    usage = None if prices is None else UsageSpan(prices, at + 1, at + 1 + SIZE)
    moments = at + 1 if usage is None else usage.stop
    segment_size = moments + PARTS * sum(field.numeric for field in columns)
    latency = segment_size
    size = latency + LATENCY_BINS + 2
    joint = None
    if reference.joint is not None:
        joint = JointSpan(reference.joint, size, size + size_of(reference.joint.width))
        size = joint.stop
    return Layout(
        model=reference.model,
        features=tuple(features),
        prediction=prediction,
        segments=tuple((key, segment_values(reference, key)) for key in segment_keys),
        rows=at,
        moments=moments,
        segment_size=segment_size,
        latency=latency,
        errors=latency + LATENCY_BINS + 1,
        size=size,
        estimate=estimate,
        phases=phases,
        allowed=spans,
        joint=joint,
        usage=usage,
    )


def _zones(reference: Reference, seasons: Seasons, keys: tuple[str, ...]) -> Iterator[tuple[int, int, SeasonClock]]:
    """The segments whose rows count by hours of their own.

    Raises:
        KeyError: the segment is not watched, so nobody knows which rows are in it.
    """
    for key, value, zone in seasons.zones:
        if key not in keys or value not in segment_values(reference, key):
            raise KeyError(f"{key}={value}")
        yield keys.index(key), segment_values(reference, key).index(value), seasons.clock.of(zone)


def _allowed_spans(features: Sequence[Field], allowed: Mapping[str, Allowed], at: int) -> Iterator[AllowedSpan]:
    """The slots from `at` on of the features that have a rule, in their order."""
    rows = {True: 0, False: 0}
    for field in features:
        rule = allowed.get(field.name)
        if rule is not None:
            span = AllowedSpan(field.name, rows[field.numeric], field.numeric, rule, at)
            at = span.stop
            yield span
        rows[field.numeric] += 1


def segment_values(reference: Reference, key: str) -> tuple[str, ...]:
    """The values of a segment key that have a profile of their own, and OTHER for the rest.

    Raises:
        KeyError: the reference was built without this key.
    """
    known = tuple(value for value in reference.segments[key] if value != OTHER)
    return (*known, OTHER)


def reference_vector(layout: Layout, reference: Reference, segment: tuple[str, str] | None = None) -> IntArray | None:
    """A reference's own counts in the layout of the model, moments left at zero (they are taken about its mean).

    The reference is the model's, or one on the same edges.

    Returns:
        int64[layout.size] for the whole, int64[layout.segment_size] for a (key, value) segment, None when the
        reference has no counts for it.
    """
    if segment is None:
        vector = layout.empty()
        for field in layout.features:
            vector[field.start : field.stop] = slots(reference.features[field.name])
        if layout.prediction is not None and reference.prediction is not None:
            vector[layout.prediction.start : layout.prediction.stop] = slots(reference.prediction)
        vector[layout.rows] = reference.rows
        vector[layout.errors] = reference.error_rows
        if reference.latency is not None:
            vector[layout.latency : layout.latency + LATENCY_BINS] = reference.latency
        return vector
    counts = reference.segments.get(segment[0], {}).get(segment[1])
    return None if counts is None else _counts_vector(layout, counts)


def class_vectors(layout: Layout, reference: Reference, segment: tuple[str, str] | None = None) -> list[IntArray]:
    """The reference's counts of each class of hours, as vectors of a segment.

    Returns:
        int64[layout.segment_size] each; none for a segment without counts of its own by class.
    """
    if reference.seasons is None:
        return []
    seasons = reference.seasons
    found = seasons.classes if segment is None else seasons.segments.get(segment[0], {}).get(segment[1], ())
    return [_counts_vector(layout, counts) for counts in found]


def _counts_vector(layout: Layout, counts: SegmentCounts) -> IntArray:
    vector = np.zeros(layout.segment_size, dtype=np.int64)
    for field in layout.features:
        vector[field.start : field.stop] = counts.features[field.name]
    if layout.prediction is not None and counts.prediction is not None:
        vector[layout.prediction.start : layout.prediction.stop] = counts.prediction
    vector[layout.rows] = counts.rows
    return vector


def categories_of(field: Field) -> tuple[str, ...]:
    """The categories of a categorical field, in slot order.

    Raises:
        TypeError: the field is numeric.
    """
    if not isinstance(field.profile, CategoricalProfile):
        raise TypeError(f"{field.name} is numeric: it has edges, not categories")
    return field.profile.categories
