"""The reference of a window that holds rows of several classes of hours: the mixture of what they hold.

A window with n_k of its n rows in class k is compared with sum_k (n_k / n) p_k. That mixture is an estimate worth
``m = 1 / sum_k w_k^2 / m_k`` rows: so many independent ones have the variance, at any point of the distribution
function, that the weighted classes have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.predictions.compare import gather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import FloatArray, IntArray
    from windows.predictions.compare import Counts, Gather


@dataclass(frozen=True, slots=True)
class Expected:
    """What a reference says of G groups of F fields: as `windows.predictions.compare.Counts`, in floats.

    Attributes:
        fine: float64[G*F, B], adding up to `values`.
        coarse: float64[G*F, C], likewise.
        values: float64[G*F], rows that the distribution is worth.
        missing: float64[G*F], of `rows`.
        outside: float64[G*F], of `values`.
        mismatch: float64[G*F], of `rows`.
        rows: float64[G*F], rows that the shares of missing and mismatched values are worth.
    """

    fine: FloatArray
    coarse: FloatArray
    values: FloatArray
    missing: FloatArray
    outside: FloatArray
    mismatch: FloatArray
    rows: FloatArray


class Mixtures:
    """The classes of one reference, gathered once."""

    def __init__(self, where: Gather, vectors: Sequence[IntArray], rows: int) -> None:
        """Gather K vectors of the layout; `rows` is the slot of their rows.

        A class without rows counts as one row of what all classes together are: nothing is decided by it.
        """
        found, classes = gather(where, vectors), len(vectors)
        self.fields = len(where.fields)
        held = np.array([vector[rows] for vector in vectors], dtype=np.float64)
        self.rows = np.maximum(held, 1.0)

        def parts(values: IntArray, *shape: int) -> FloatArray:
            each = values.reshape(classes, self.fields, *shape).astype(np.float64)
            each[held == 0] = each.sum(axis=0) / max(held.sum(), 1.0)
            return each

        self.fine = parts(found.fine, found.fine.shape[-1])
        self.coarse = parts(found.coarse, found.coarse.shape[-1])
        self.values = parts(found.values)
        self.missing = parts(found.missing)
        self.outside = parts(found.outside)
        self.mismatch = parts(found.mismatch)

    def __call__(self, held: IntArray) -> Expected:
        """The mixtures of G groups.

        Summed class by class, so that no group knows with which others it is measured.

        Args:
            held: int64[G, K], rows of each group in each class.
        """
        shares = held / np.maximum(held.sum(axis=1, keepdims=True), 1)
        each = shares / self.rows
        spread = (shares * each).sum(axis=1)
        worth = np.divide(1.0, spread, out=np.zeros(len(held)), where=spread > 0)
        values = self._sum(each, self.values)
        noise = self._sum(each * each, self.values)
        size = np.divide(values * values, noise, out=np.zeros(values.shape), where=noise > 0)
        scale = np.divide(size, values, out=np.zeros(values.shape), where=values > 0)
        return Expected(
            fine=_flat(self._sum(each, self.fine) * scale[:, :, None]),
            coarse=_flat(self._sum(each, self.coarse) * scale[:, :, None]),
            values=size.ravel(),
            missing=(self._sum(each, self.missing) * worth[:, None]).ravel(),
            outside=(self._sum(each, self.outside) * scale).ravel(),
            mismatch=(self._sum(each, self.mismatch) * worth[:, None]).ravel(),
            rows=np.repeat(worth, self.fields),
        )

    def _sum(self, each: FloatArray, parts: FloatArray) -> FloatArray:
        """The weighted sum over classes, one after the other; those that no group holds are left out."""
        total = np.zeros((len(each), *parts.shape[1:]))
        for number in np.flatnonzero(each.any(axis=0)).tolist():
            weight = each[:, number].reshape(-1, *(1,) * (parts.ndim - 1))
            total += weight * parts[number]
        return total


def _flat(values: FloatArray) -> FloatArray:
    return values.reshape(-1, values.shape[-1])


def certain(counts: Counts) -> Expected:
    """Counts as they are."""
    return Expected(
        counts.fine.astype(np.float64),
        counts.coarse.astype(np.float64),
        counts.values.astype(np.float64),
        counts.missing.astype(np.float64),
        counts.outside.astype(np.float64),
        counts.mismatch.astype(np.float64),
        counts.rows.astype(np.float64),
    )


def unknown(counts: Counts) -> Expected:
    """The same shares, worth a single row: what nothing can be decided by."""
    values, rows = np.maximum(counts.values, 1), np.maximum(counts.rows, 1)
    return Expected(
        counts.fine / values[:, None],
        counts.coarse / values[:, None],
        np.minimum(counts.values, 1).astype(np.float64),
        counts.missing / rows,
        counts.outside / values,
        counts.mismatch / rows,
        np.minimum(counts.rows, 1).astype(np.float64),
    )
