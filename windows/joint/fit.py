"""Learning what is normal of many columns together, from a sample of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.joint.encode import UNIT, encoding_of
from windows.joint.reconstruct import BINS, LARGEST_WEIGHT, WEIGHT_UNIT, Joint, Method, errors, size_of, sums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windows.arrays import FloatArray, IntArray
    from windows.sketches.profiles import Profile

HELD_OUT = 5
"""One row of so many is kept out of the fit: baselines are of rows that the weights have not seen."""
FEWEST_ROWS = 500
"""Rows below which nothing is learned."""
RIDGE = 0.01
"""Added to the diagonal of the correlations: columns that are copies of each other have no inverse."""
LEAST = 1e-4
"""A baseline at least: of columns that the others tell exactly."""
EXPLAINED = 0.65
"""Share of the variance that the components of PCA keep, as in NannyML's data reconstruction."""


def fit(
    profiles: Mapping[str, Profile], numeric: FloatArray, categorical: IntArray, method: Method, quantile: float
) -> Joint | None:
    """Learn from rows in random order.

    Args:
        profiles: of the features.
        numeric: float64[F, n] of the numeric ones, in their order, NaN where missing.
        categorical: int64[C, n] of the others, slots within their fields.
        method: how a column is told from the others.
        quantile: of the error of a row, beyond which it is anomalous.

    Returns:
        None where there are too few rows, or fewer than two columns that vary.
    """
    encoding, places = encoding_of(list(profiles.values()))
    names = list(profiles)
    count = numeric.shape[1] if len(numeric) else categorical.shape[1]
    if encoding.width < 2 or count < FEWEST_ROWS:
        return None
    held = np.arange(count) % HELD_OUT == 0
    steps = encoding(numeric[:, ~held], categorical[:, ~held]).T / UNIT
    residual = _conditional(steps) if method == "conditional" else _pca(steps)
    weights = np.clip(np.rint(residual * WEIGHT_UNIT), -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int64)
    kept = numeric[:, held], categorical[:, held]
    left = np.square(weights.T.astype(np.float64) @ encoding(*kept) / (UNIT * WEIGHT_UNIT))
    joint = Joint(
        method=method,
        features=tuple(names[place] for place in places),
        encoding=encoding,
        weights=weights,
        baselines=np.maximum(left.mean(axis=1), LEAST),
        held=np.zeros(size_of(encoding.width), dtype=np.int64),
        threshold=BINS,
    )
    total = sums(errors(joint, *kept), np.zeros(int(held.sum()), dtype=np.int64), 1)[0]
    return Joint(joint.method, joint.features, encoding, weights, joint.baselines, total, _threshold(total, quantile))


def _threshold(total: IntArray, quantile: float) -> int:
    """The first bin at and beyond which there are at most 1 - quantile of the rows."""
    bins = total[-1 - BINS : -1]
    beyond = np.cumsum(bins[::-1])[::-1]
    few = np.flatnonzero(beyond <= (1.0 - quantile) * total[-1])
    return int(few[0]) if len(few) else BINS


def _moments(steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Correlations of the columns, and their deviations; a column that does not vary is uncorrelated."""
    covariance = np.atleast_2d(np.cov(steps, rowvar=False, bias=True))
    spread = np.sqrt(np.diag(covariance))
    spread = np.where(spread > 0, spread, 1.0)
    correlation: FloatArray = covariance / spread / spread[:, None]
    np.fill_diagonal(correlation, 1.0)
    return correlation, spread


def _conditional(steps: FloatArray) -> FloatArray:
    """float64[d, d]: each column less what the others say of it, by the rows of the precision matrix.

    Whittaker, "Graphical Models in Applied Multivariate Statistics", 1990, 5.8.
    """
    correlation, spread = _moments(steps)
    precision = np.linalg.inv(correlation + RIDGE * np.eye(len(correlation)))
    found: FloatArray = precision / np.diag(precision) / spread[:, None]
    return found


def _pca(steps: FloatArray) -> FloatArray:
    """float64[d, d]: each column less its share in the components that keep EXPLAINED of the variance."""
    correlation, spread = _moments(steps)
    values, vectors = np.linalg.eigh(correlation)
    kept = np.cumsum(values[::-1]) - values[::-1] < EXPLAINED * values.sum()
    components = vectors[:, ::-1][:, kept]
    found: FloatArray = (np.eye(len(correlation)) - components @ components.T) / spread[:, None]
    return found
