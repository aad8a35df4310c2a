"""Learning what is normal of many columns together, from a sample of rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from windows.joint.autoencoder import LARGEST_WEIGHT, WEIGHT_UNIT, trained
from windows.joint.encode import UNIT, encoding_of
from windows.joint.reconstruct import (
    BINS,
    Joint,
    JointClass,
    Method,
    errors,
    remainders,
    residuals,
    size_of,
    sums,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windows.arrays import FloatArray, IntArray
    from windows.sketches.profiles import Profile

HELD_OUT = 5
"""One row of so many is kept out of the fit: baselines are of rows that the weights have not seen."""
FEWEST_ROWS = 500
"""Rows below which nothing is learned."""
FEWEST_OF_CLASS = 50
"""Rows of a class of hours below which it counts as all hours do."""
RIDGE = 0.01
"""Added to the diagonal of the correlations: columns that are copies of each other have no inverse."""
LEAST = 1e-4
"""A baseline at least: of columns that the others tell exactly."""
EXPLAINED = 0.65
"""Share of the variance that the components of PCA keep, as in NannyML's data reconstruction."""


def fit(
    profiles: Mapping[str, Profile],
    numeric: FloatArray,
    categorical: IntArray,
    method: Method,
    quantile: float,
    hours: tuple[IntArray, int] | None = None,
) -> Joint | None:
    """Learn from rows in random order.

    Args:
        profiles: of the features.
        numeric: float64[F, n] of the numeric ones, in their order, NaN where missing.
        categorical: int64[C, n] of the others, slots within their fields.
        method: how a column is told from the others.
        quantile: of the error of a row, beyond which it is anomalous.
        hours: int64[n], class of hours of each row, and how many there are: columns are then told from each other
            within classes, since what they have in common with the hour is no relation that could break.

    Returns:
        None where there are too few rows, or fewer than two columns that vary.
    """
    encoding, places = encoding_of(list(profiles.values()))
    names = list(profiles)
    count = numeric.shape[1] if len(numeric) else categorical.shape[1]
    if encoding.width < 2 or count < FEWEST_ROWS:
        return None
    held = np.arange(count) % HELD_OUT == 0
    class_of, classes = hours if hours is not None else (np.zeros(count, dtype=np.int64), 0)
    steps = encoding(numeric[:, ~held], categorical[:, ~held])
    inner = (steps / UNIT).T
    if classes:
        inner -= _class_means(inner, class_of[~held], classes)[class_of[~held]]
    residual = _pca(inner) if method == "pca" else _conditional(inner)
    weights = np.clip(np.rint(residual * WEIGHT_UNIT), -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int64)
    kept = numeric[:, held], categorical[:, held], class_of[held]
    nothing = np.zeros(size_of(encoding.width), dtype=np.int64)
    joint = Joint(
        method=method,
        features=tuple(names[place] for place in places),
        encoding=encoding,
        weights=weights,
        baselines=np.ones(encoding.width),
        held=nothing,
        threshold=BINS,
        layers=trained(inner) if method == "autoencoder" else (),
    )
    usual = np.rint(_class_means(remainders(joint, steps).T, class_of[~held], classes)).astype(np.int64)
    joint = replace(joint, classes=tuple(JointClass(one, nothing) for one in usual))
    joint = replace(joint, baselines=np.maximum(np.square(residuals(joint, *kept)).mean(axis=1), LEAST))
    each = errors(joint, *kept)
    total = sums(each, np.zeros_like(class_of[held]), 1)[0]
    parts = [part if part[-1] >= FEWEST_OF_CLASS else total for part in sums(each, class_of[held], classes)]
    return replace(
        joint,
        held=total,
        threshold=max(_threshold(part, quantile) for part in (total, *parts) if part[-1] * (1.0 - quantile) >= 1.0),
        classes=tuple(JointClass(one, part) for one, part in zip(usual, parts, strict=True)),
    )


def _class_means(values: FloatArray, class_of: IntArray, classes: int) -> FloatArray:
    """float64[classes, d] of float64[n, d]; a class with few rows has the mean of all."""
    found = np.zeros((classes, values.shape[1]))
    for number in range(classes):
        mine = values[class_of == number]
        found[number] = (mine if len(mine) >= FEWEST_OF_CLASS else values).mean(axis=0)
    return found


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
