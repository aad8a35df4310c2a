"""Ridge logistic regression with an offset: what is known of a chance beforehand stays, and inputs correct it.

The logarithm of the odds is offset + intercept + inputs * weights; the weights are held back by their squares, the
intercept is not (Hoerl and Kennard, 1970; le Cessie and van Houwelingen, 1992). Fitted by Newton's method, halving
steps that do not help: the problem is convex, so there is one answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

if TYPE_CHECKING:
    from windows.arrays import BoolArray, FloatArray

CLOSEST = 1e-4
"""Chances are held this far from 0 and 1: nothing is that sure."""

STEPS = 100


def odds(chance: FloatArray | float) -> FloatArray:
    """Logarithm of the odds of a chance."""
    return np.asarray(logit(np.clip(chance, CLOSEST, 1 - CLOSEST)))


def chances(inputs: FloatArray, offset: FloatArray, intercept: float, weights: FloatArray) -> FloatArray:
    """P of each row, float64[N]; `inputs` is float64[N, F]."""
    return np.asarray(expit(offset + intercept + inputs @ weights))


def fit(inputs: FloatArray, offset: FloatArray, came: BoolArray, ridge: float) -> tuple[float, FloatArray]:
    """Intercept and weights that make what came likeliest.

    Args:
        inputs: float64[N, F], of about one in scale.
        offset: float64[N], logarithms of odds.
        came: bool[N].
        ridge: half of it times the squares of the weights is added to the loss; above 0.
    """
    design = np.column_stack((np.ones(len(inputs)), inputs))
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 0.0
    beta = np.zeros(design.shape[1])
    loss = _loss(design, offset, came, beta, penalty)
    for _ in range(STEPS):
        chance = expit(offset + design @ beta)
        slope = design.T @ (chance - came) + penalty * beta
        # A trace more, for where all or none came the intercept has no end.
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while (tried := _loss(design, offset, came, beta - size * step, penalty)) > loss and size > 1e-9:
            size /= 2
        if not tried < loss:
            break
        beta, loss = beta - size * step, tried
        if float(np.abs(step).max()) * size < 1e-10:
            break
    return float(beta[0]), beta[1:]


def log_losses(chance: FloatArray, came: BoolArray) -> FloatArray:
    """Minus the logarithm of the chance that was given to what happened, float64[N]."""
    held = np.clip(chance, CLOSEST, 1 - CLOSEST)
    return -np.log(np.where(came, held, 1 - held))


def _loss(design: FloatArray, offset: FloatArray, came: BoolArray, beta: FloatArray, penalty: FloatArray) -> float:
    told = offset + design @ beta
    return float(np.logaddexp(0, np.where(came, -told, told)).sum() + (penalty * beta * beta).sum() / 2)
