"""The reference of each group by the hours that its rows are from.

A group is compared with the mixture of what it really holds, so a window may straddle a change of hours or of the
clocks. Where nobody named the zone of the users, whose clocks may have moved since, there are several mixtures, one for
each move of the clock, and that one counts which all columns of the group together are nearest to. A segment whose
counts by class are not kept has one reference for all hours. It holds for windows that hold the hours of the week as
they usually come; of others (shorter ones, or those that have only begun) nothing is decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.predictions.layout import class_vectors
from windows.predictions.mixture import Expected, Mixtures, certain, unknown
from windows.references.pace import DAY
from windows.segments import WHOLE, segment_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.predictions.stack import Stack
    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.predictions.compare import Counts, Gather
    from windows.predictions.layout import Layout, PhaseSpan
    from windows.references.reference import Reference

AS_USUAL = 0.1
"""Total variation distance from the usual hours up to which a window holds them: whole weeks have less, a day that is
a Sunday has more where Sundays differ. So far at most does the mix of hours move a distribution function."""

SEASONAL, FIXED = "seasonal", "fixed"
"""What a group is compared with."""


class SeasonalReference:
    """The classes of one model's reference."""

    def __init__(self, layout: Layout, reference: Reference) -> None:
        """Keep the vectors of each class; they are gathered for each kind of column at first use.

        Raises:
            ValueError: the layout has no classes of hours.
        """
        if layout.phases is None:
            raise ValueError(f"{layout.model}: no classes of hours")
        self.phases: PhaseSpan = layout.phases
        self.rows = layout.rows
        self._vectors: dict[str, list[IntArray]] = {WHOLE: class_vectors(layout, reference)}
        for key, values in layout.segments:
            for value in values:
                self._vectors[segment_name(key, value)] = class_vectors(layout, reference, (key, value))
        self._mixtures: dict[tuple[str, tuple[str, ...]], Mixtures] = {}

    def __call__(
        self, where: Gather, stack: Stack, live: Counts, fixed: Counts
    ) -> tuple[Expected, tuple[str, ...], tuple[str, ...]]:
        """What the groups of a stack are compared with, what that is called, and in which hours they are.

        Args:
            where: the columns.
            stack: G groups.
            live: the counts of these groups.
            fixed: the reference's counts of the same groups over all hours.
        """
        moved = self.phases.held(stack.vectors)
        held = moved[0]
        segments = np.array([segment for _, segment in stack.keys])
        sizes = np.repeat([window.window.size for window in stack.windows], stack.sizes)
        split = np.array([bool(self._vectors[segment]) for segment in segments.tolist()])
        fields = len(where.fields)
        odd = (sizes < DAY) | (self._unlike(moved) > AS_USUAL)
        found = _mixed(certain(fixed), unknown(fixed), np.repeat(~split & odd, fields))
        for segment in np.unique(segments[split]).tolist():
            rows = np.flatnonzero(segments == segment)
            at = (rows[:, None] * fields + np.arange(fields)).ravel()
            mixtures = [self._of(segment, where)(one[rows]) for one in moved]
            _put(found, _nearest(mixtures, live.coarse[at], fields), at)
        return found, tuple(self._against(held, split)), tuple(self._phases(held))

    def _unlike(self, moved: IntArray) -> FloatArray:
        """How far the hours that groups hold are from what is usual: total variation distance, float64[G].

        Of the moves of the clock the nearest; `moved` is int64[M, G, K].
        """
        usual = np.array([vector[self.rows] for vector in self._vectors[WHOLE]], dtype=np.float64)
        shares = moved / np.maximum(moved.sum(axis=2, keepdims=True), 1)
        found: FloatArray = np.abs(shares - usual / usual.sum()).sum(axis=2).min(axis=0) / 2
        return found

    def _against(self, held: IntArray, split: BoolArray) -> Iterable[str]:
        """What the groups are compared with: the reference of dated days, where all rows are from them."""
        first, names = self.phases.own, self.phases.names
        usual = SEASONAL if first > 1 else FIXED
        for rows, own in zip(held, split.tolist(), strict=True):
            dated = rows[first:]
            only_dated = own and len(dated) and dated.sum() == rows.sum()
            yield names[first + int(np.argmax(dated))] if only_dated else (usual if own else FIXED)

    def _of(self, segment: str, where: Gather) -> Mixtures:
        key = segment, tuple(field.name for field in where.fields)
        if key not in self._mixtures:
            self._mixtures[key] = Mixtures(where, self._vectors[segment], self.rows)
        return self._mixtures[key]

    def _phases(self, held: IntArray) -> Iterable[str]:
        """The hours that most rows are from, and their share where it is not all."""
        for rows in held.tolist():
            most, all_ = max(rows), sum(rows)
            name = self.phases.names[rows.index(most)] if all_ else ""
            yield name if most == all_ else f"{name} ({most / all_:.0%})"


def _nearest(mixtures: list[Expected], live: IntArray, fields: int) -> Expected:
    """Of each group the mixture that its fields together are nearest to; the first of several that are as near.

    Args:
        mixtures: M of the same G groups.
        live: int64[G*F, C], coarse counts of the groups.
        fields: F.
    """
    if len(mixtures) == 1:
        return mixtures[0]
    shares = live / np.maximum(live.sum(axis=1, keepdims=True), 1)
    misfits = np.stack([_misfit(shares, mixture, fields) for mixture in mixtures])
    best, number = mixtures[0], np.repeat(np.argmin(misfits, axis=0), fields)
    for at, mixture in enumerate(mixtures[1:], 1):
        best = _mixed(best, mixture, number == at)
    return best


def _misfit(shares: FloatArray, mixture: Expected, fields: int) -> FloatArray:
    """How far the fields of each group are from a mixture, float64[G]."""
    usual = mixture.coarse / np.maximum(mixture.coarse.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    both = shares + usual
    parts = np.divide((shares - usual) ** 2, both, out=np.zeros(both.shape), where=both > 0)
    found: FloatArray = parts.reshape(-1, fields * parts.shape[1]).sum(axis=1)
    return found


def _mixed(one: Expected, other: Expected, rows: BoolArray) -> Expected:
    """The first, but in some rows the other."""
    return Expected(
        np.where(rows[:, None], other.fine, one.fine),
        np.where(rows[:, None], other.coarse, one.coarse),
        np.where(rows, other.values, one.values),
        np.where(rows, other.missing, one.missing),
        np.where(rows, other.outside, one.outside),
        np.where(rows, other.mismatch, one.mismatch),
        np.where(rows, other.rows, one.rows),
    )


def _put(into: Expected, part: Expected, at: IntArray) -> None:
    """Write a part over these rows."""
    for name in ("fine", "coarse", "values", "missing", "outside", "mismatch", "rows"):
        getattr(into, name)[at] = getattr(part, name)
