"""Compare the sketches of many groups with their references at once.

Gather the slots of all features into matrices, then measure.

Rows of a matrix are (group, feature) pairs; columns are slots, padded with zeros on the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from windows.sketches.edges import single_valued
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.predictions.layout import Field


@dataclass(frozen=True, slots=True)
class Gather:
    """Where the counts of some fields stand in a vector.

    Attributes:
        fields: F fields.
        fine: int64[F, B], index of each slot (below, bins, above; or categories, other); `zero` where padded.
        mask: bool[F, B], True where the slot exists.
        points: bool[F, B], True for slots that hold one single value (a tie of the reference).
        coarse: sparse int64[F * C, slots], sums fine slots into the slots PSI is computed on.
        coarse_mask: bool[F, C].
        mids: float64[F, B], the value that stands for each slot of a numeric field; 0 for a categorical one.
        scale: float64[F], reference deviations (1 for a categorical field).
        ordered: bool[F], True for numeric fields.
        missing: int64[F], slot of missing values.
        outside: int64[F, 2], the slots outside the reference: below and above; other twice for a categorical field.
        mismatch: int64[F], slot of values of another type, or not finite.
        zero: index of a slot that is always zero.
    """

    fields: tuple[Field, ...]
    fine: IntArray
    mask: BoolArray
    points: BoolArray
    coarse: sparse.csr_array
    coarse_mask: BoolArray
    mids: FloatArray
    scale: FloatArray
    ordered: BoolArray
    missing: IntArray
    outside: IntArray
    mismatch: IntArray
    zero: int


def gather_of(fields: Sequence[Field], zero: int) -> Gather:
    """Prepare the index matrices of some fields of one layout; `zero` is the number of count slots in it."""
    count = len(fields)
    sizes = [_existing(field) for field in fields]
    fine = np.full((count, max(sizes, default=1)), zero, dtype=np.int64)
    mids = np.zeros(fine.shape)
    maps = [_coarse_map(field) for field in fields]
    width = max((int(coarse.max()) + 1 for coarse in maps), default=1)
    coarse_mask = np.zeros((count, width), dtype=bool)
    points = np.zeros(fine.shape, dtype=bool)
    rows: list[int] = []
    columns: list[int] = []
    for row, (field, size, coarse) in enumerate(zip(fields, sizes, maps, strict=True)):
        fine[row, :size] = np.arange(field.start, field.start + size)
        mids[row] = _mids(field, fine.shape[1])
        points[row] = _points(field, fine.shape[1])
        coarse_mask[row, : int(coarse.max()) + 1] = True
        rows += range(field.start, field.start + size)
        columns += (row * width + coarse).tolist()
    shape = (count * width, zero + 1)
    profiles = [field.profile for field in fields]
    return Gather(
        fields=tuple(fields),
        fine=fine,
        mask=fine != zero,
        points=points,
        coarse=sparse.csr_array((np.ones(len(rows), dtype=np.int64), (columns, rows)), shape=shape),
        coarse_mask=coarse_mask,
        mids=mids,
        scale=np.array([p.scale if isinstance(p, NumericProfile) else 1.0 for p in profiles], dtype=np.float64),
        ordered=np.array([field.numeric for field in fields], dtype=bool),
        missing=np.array([field.missing for field in fields], dtype=np.int64),
        outside=np.array([_outside(field) for field in fields], dtype=np.int64).reshape(count, 2),
        mismatch=np.array([field.mismatch for field in fields], dtype=np.int64),
        zero=zero,
    )


def _existing(field: Field) -> int:
    """Slots that hold values: all but missing and mismatch."""
    return field.stop - field.start - 2


def _coarse_map(field: Field) -> IntArray:
    """The PSI slot of each fine slot: below, the coarse bins, above; categories as they are."""
    if isinstance(field.profile, NumericProfile):
        bins = field.profile.coarse
        return np.concatenate(([0], bins + 1, [int(bins.max()) + 2])).astype(np.int64)
    return np.arange(_existing(field), dtype=np.int64)


def _mids(field: Field, width: int) -> FloatArray:
    """Below stands at the reference's minimum, above at its maximum, a bin at its middle."""
    mids = np.zeros(width)
    if isinstance(field.profile, NumericProfile):
        edges = field.profile.edges
        middle = edges[:-1] + (edges[1:] - edges[:-1]) / 2
        mids[: len(middle) + 2] = np.concatenate(([edges[0]], middle, [edges[-1]]))
        mids[len(middle) + 2 :] = edges[-1]
    return mids


def _points(field: Field, width: int) -> BoolArray:
    """Bins of a single value."""
    points = np.zeros(width, dtype=bool)
    if isinstance(field.profile, NumericProfile):
        edges = field.profile.edges
        points[1 : len(edges)] = single_valued(edges)
    return points


def _outside(field: Field) -> tuple[int, int]:
    if isinstance(field.profile, NumericProfile):
        return field.start, field.start + len(field.profile.counts) + 1
    other = field.stop - 3
    return other, other


@dataclass(frozen=True, slots=True)
class Counts:
    """The slots of F fields in G groups, as matrices of G * F rows.

    Attributes:
        fine: int64[G*F, B].
        coarse: int64[G*F, C].
        values: int64[G*F], rows with a value in the slots above.
        missing: int64[G*F].
        outside: int64[G*F], values outside the reference: out of range, or in no category of its own.
        mismatch: int64[G*F].
    """

    fine: IntArray
    coarse: IntArray
    values: IntArray
    missing: IntArray
    outside: IntArray
    mismatch: IntArray

    @property
    def rows(self) -> IntArray:
        """int64[G*F], all rows, with a value or without."""
        return self.values + self.missing + self.mismatch


def gather(where: Gather, vectors: Sequence[IntArray]) -> Counts:
    """Gather G vectors.

    Args:
        where: the index matrices.
        vectors: G vectors of the layout that `where` was made for, each at least `where.zero` long.
    """
    slots = np.zeros((len(vectors), where.zero + 1), dtype=np.int64)
    for row, vector in enumerate(vectors):
        slots[row, : where.zero] = vector[: where.zero]
    fields = len(where.fields)
    # In the same memory order for any number of groups: it decides the order of sums, and so their last digit.
    fine = np.ascontiguousarray(slots[:, where.fine]).reshape(len(vectors) * fields, -1)
    coarse = np.stack([where.coarse @ row for row in slots]).reshape(len(vectors) * fields, -1)
    outside = slots[:, where.outside]
    return Counts(
        fine=fine,
        coarse=coarse,
        values=fine.sum(axis=1),
        missing=slots[:, where.missing].ravel(),
        outside=np.where(where.ordered, outside.sum(axis=2), outside[:, :, 0]).ravel(),
        mismatch=slots[:, where.mismatch].ravel(),
    )
