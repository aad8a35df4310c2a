"""How far each column is from what the others say of it, row by row, to the same bits however rows are batched.

Rows and weights are whole numbers in float64: every product and every partial sum stays below 2^53, so a matrix product
is exact in whatever order it is summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from windows.joint.autoencoder import WEIGHT_UNIT, Layer, left
from windows.joint.encode import UNIT, Encoding

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

Method = Literal["conditional", "pca", "autoencoder"]

PARTS = 64
"""An error of one baseline is so many parts."""
MOST = 64 * PARTS
"""An error counts for 64 baselines at most: one absurd value cannot make a mean."""
BINS = 128
"""Logarithmic bins of the error of a row."""


@dataclass(frozen=True, slots=True, eq=False)
class JointClass:
    """What is normal of a class of hours.

    Attributes:
        residuals: int64[d], its mean residuals before they are squared, in steps of a row times steps of a weight.
        held: int64[size_of(d)], the sums of its held-out rows.
    """

    residuals: IntArray
    held: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """What is normal of d columns together.

    Attributes:
        method: how a column is told from the others.
        features: d names, in the order of the encoding.
        encoding: how rows become numbers.
        weights: int64[d, d], residual = row x weights, in 1/4096; with layers they only tell partners.
        baselines: float64[d], > 0, mean squared residual of rows that the weights were not found on.
        held: int64[size_of(d)], the sums of these rows: what windows are compared with.
        threshold: the first bin of the error of a row that is anomalous.
        classes: of each class of hours; none where all hours are alike. Weights are of deviations within classes.
        layers: of an autoencoder; none with the other methods.
    """

    method: Method
    features: tuple[str, ...]
    encoding: Encoding
    weights: IntArray
    baselines: FloatArray
    held: IntArray
    threshold: int
    classes: tuple[JointClass, ...] = ()
    layers: tuple[Layer, ...] = ()

    @property
    def width(self) -> int:
        """D."""
        return len(self.features)

    def partners(self, feature: str, most: int = 5) -> tuple[str, ...]:
        """The columns that a feature is mostly told from, the largest weight first."""
        at = self.features.index(feature)
        weights = np.abs(self.weights[:, at]).astype(np.float64)
        weights[at] = 0.0
        order = np.argsort(-weights, kind="stable")[:most]
        return tuple(self.features[place] for place in order.tolist() if weights[place] > 0)


def size_of(width: int) -> int:
    """Slots of the sums of d columns: errors, their squares, those of the row, bins, rows."""
    return 2 * width + 2 + BINS + 1


def remainders(joint: Joint, steps: FloatArray) -> FloatArray:
    """What each column is beyond what the others say of it: float64[d, n], whole numbers in 1/4096 of a step."""
    if joint.layers:
        return left(joint.layers, steps)
    found: FloatArray = joint.weights.T.astype(np.float64) @ steps
    return found


def residuals(joint: Joint, numeric: FloatArray, categorical: IntArray, class_of: IntArray | None = None) -> FloatArray:
    """What each column is beyond what the others, and the hour, say of it: float64[d, n], exact to 1 / 2^22.

    Args:
        joint: what is normal.
        numeric: float64[F, n], NaN where missing.
        categorical: int64[C, n], slot within its field.
        class_of: int64[n], class of hours of each row; None where the model has none.
    """
    found = remainders(joint, joint.encoding(numeric, categorical))
    if joint.classes and class_of is not None:
        usual = np.stack([one.residuals for one in joint.classes], axis=1).astype(np.float64)
        found -= usual[:, class_of]
    found *= 1.0 / (UNIT * WEIGHT_UNIT)  # a power of two
    return found


def errors(joint: Joint, numeric: FloatArray, categorical: IntArray, class_of: IntArray | None = None) -> FloatArray:
    """Squared residuals in 1/64 of their baselines: whole numbers, float64[d, n], 0 to MOST; arguments as theirs."""
    found = residuals(joint, numeric, categorical, class_of)
    np.square(found, out=found)
    found *= (PARTS / joint.baselines)[:, None]
    np.minimum(found, float(MOST), out=found)
    return np.floor(found, out=found)


def row_errors(each: FloatArray) -> IntArray:
    """The mean error of each row, in the same parts: int64[n]."""
    found: IntArray = each.sum(axis=0).astype(np.int64) // max(len(each), 1)
    return found


def bins_of(rows: IntArray) -> IntArray:
    """The bin of each row's error: single parts at first, then about 14 to each doubling."""
    return _BIN[rows]


def sums(each: FloatArray, group_of: IntArray, groups: int) -> IntArray:
    """The sums of the rows of each group: int64[groups, size_of(d)].

    Every sum of a batch of up to 2^29 rows is a whole number below 2^53, so it is exact in whatever order.
    """
    width, rows = len(each), row_errors(each)
    found = np.zeros((groups, size_of(width)), dtype=np.int64)
    for group in range(groups) if groups > 1 else ():
        mine = group_of == group
        _sum(each[:, mine], rows[mine], found[group])
    if groups == 1:
        _sum(each, rows, found[0])
    return found


def _sum(each: FloatArray, rows: IntArray, into: IntArray) -> None:
    width = len(each)
    into[:width] = each.sum(axis=1)
    into[width : 2 * width] = np.einsum("ij,ij->i", each, each)
    into[2 * width] = rows.sum()
    into[2 * width + 1] = (rows * rows).sum()
    into[2 * width + 2 : -1] = np.bincount(bins_of(rows), minlength=BINS)
    into[-1] = len(rows)


def _bin_table() -> IntArray:
    """int64[MOST + 1], rising from 0 to BINS - 1."""
    edges = np.concatenate((np.arange(24), np.geomspace(24, MOST, BINS - 24)))
    found: IntArray = np.searchsorted(edges, np.arange(MOST + 1), side="right") - 1
    return found.clip(max=BINS - 1)


_BIN = _bin_table()
