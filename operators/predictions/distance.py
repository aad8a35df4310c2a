"""Distances between counts of some columns and what they are compared with, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from operators.tables import Kind, Table
from windows.statistics import catalog
from windows.statistics.distances.row import Sides

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.predictions.compare import Counts, Gather
    from windows.predictions.mixture import Expected
    from windows.ring import Key
    from windows.statistics.intervals import Interval


@dataclass(frozen=True, slots=True)
class Side:
    """Reference counts of the groups at hand, and how much its rows (and ours) vary beyond independent ones."""

    counts: Counts | Expected
    factor: FloatArray

    @property
    def samples(self) -> IntArray:
        """int64[G*F], rows that the reference's distribution is worth."""
        return np.rint(self.counts.values).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Tabulate:
    """Shapes flat results into tables of the same groups and columns."""

    kind: Kind
    groups: tuple[Key, ...]
    columns: tuple[str, ...]
    against: tuple[str, ...] = ()
    phase: tuple[str, ...] = ()

    def __call__(
        self,
        metric: str,
        value: FloatArray,
        bounds: Interval,
        samples: IntArray,
        baseline: FloatArray | None,
        reference_samples: IntArray,
        kind: Kind | None = None,
    ) -> Table:
        """The table of one metric."""
        shape = (len(self.groups), len(self.columns))
        undefined = np.isnan(value)
        return Table(
            kind or self.kind,
            metric,
            self.groups,
            self.columns,
            value.reshape(shape),
            np.where(undefined, np.nan, bounds[0]).reshape(shape),
            np.where(undefined, np.nan, bounds[1]).reshape(shape),
            samples.reshape(shape),
            None if baseline is None else baseline.reshape(shape),
            reference_samples.reshape(shape),
            (),
            self.against,
            self.phase,
        )


def distance_table(table: Tabulate, metric: str, where: Gather, current: Counts, side: Side, alpha: float) -> Table:
    """One distance of each column of each group from its reference, with the interval at level `alpha`."""
    distance, ref = catalog.DISTANCES[metric], side.counts
    sides = Sides(
        (current.fine, ref.fine),
        (current.coarse, ref.coarse),
        (current.values / side.factor, ref.values / side.factor),
        where.coarse_mask,
        where.points,
        where.mids,
        where.scale,
        alpha,
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        value, bounds = distance.measure(sides)
    applies = (current.values > 0) & (ref.values > 0)
    if distance.ordered:
        applies = applies & np.tile(where.ordered, len(table.groups))
    value = np.where(applies, value, np.nan)
    return table(metric, value, bounds, current.values, None, side.samples)
