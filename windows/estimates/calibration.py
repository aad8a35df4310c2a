"""From counts of labelled rows in cells of a score: the probability of a hit in each cell.

The scores may be probabilities already, or be bent, or be no probabilities at all. So the labelled rows choose, by
penalised likelihood, among the score itself and logistic curves of it: a line in the logit of the score (Platt,
Probabilistic outputs for support vector machines, 1999) and lines with 2, 4 or 8 bends. The cells are then drawn
towards their own share of hits as far as they scatter about the curve more than chance allows (empirical Bayes with
beta priors, the moments of Kleinman, Proportions with extraneous variance, 1973). A calibrated score is not made worse
by the noise of cells, and a score that is neither calibrated nor monotone is still corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, xlog1py, xlogy

from windows.estimates.estimator import ScoreCells

if TYPE_CHECKING:
    from windows.arrays import FloatArray

LEAST = 1e-6
"""Scores are held within [LEAST, 1 - LEAST] before the logit is taken."""
BENDS = (0, 2, 4, 8)
PENALTY = 4.0
"""What a parameter must gain in twice the log-likelihood: Akaike asks 2, but a curve that follows chance is wrong in
every window to come, and 4 was better or as good on all simulated models (load_tests/estimates.py)."""
STEPS = 60
STIFF = 1e-3
"""Ridge on the bends of a curve: enough that cells without rows leave them defined."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """Probability of a hit in each cell.

    Attributes:
        share: float64[m].
        variance: float64[m], of the plain share of the cell's labelled rows (half a hit and half a miss added): what
            is not known about the cell, whatever curve was believed.
    """

    share: FloatArray
    variance: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """What the score says of each cell, float64[m], and how many parameters that took."""

    share: FloatArray
    parameters: float


def calibrate(cells: ScoreCells, curve: Curve | None = None) -> Calibrated:
    """Weigh a curve of the score (that of these cells, unless it is given) and the plain shares."""
    rows, hits = cells.rows.astype(np.float64), cells.hits.astype(np.float64)
    plain = (hits + 0.5) / (rows + 1.0)
    variance = plain * (1.0 - plain) / (rows + 1.0)
    known = curve_of(cells) if curve is None else curve
    strength = _strength(known, rows, hits)
    share = known.share if np.isinf(strength) else (hits + strength * known.share) / (rows + strength)
    return Calibrated(share, variance)


def calibrate_both(others: ScoreCells, predicted: ScoreCells) -> tuple[Calibrated, Calibrated]:
    """Two kinds of rows with cells of the same scores: one curve for both, from which each may depart by its own."""
    both = ScoreCells(
        others.edges, others.rows + predicted.rows, others.hits + predicted.hits, others.scores + predicted.scores
    )
    curve = curve_of(both)
    shared = Curve(curve.share, curve.parameters / 2)
    return calibrate(others, shared), calibrate(predicted, shared)


def _mean_scores(cells: ScoreCells) -> FloatArray:
    """Mean score of each cell; where no labelled row is, the middle of the cell or the edge of an open one."""
    edges = cells.edges
    middles = np.concatenate(([edges[0]], edges[:-1] + (edges[1:] - edges[:-1]) / 2, [edges[-1]]))
    return np.divide(cells.scores, cells.rows, out=middles, where=cells.rows > 0)


def curve_of(cells: ScoreCells) -> Curve:
    """The curve that the labelled rows choose."""
    scores, rows, hits = _mean_scores(cells), cells.rows.astype(np.float64), cells.hits.astype(np.float64)
    probabilities = bool(((scores >= 0) & (scores <= 1)).all())
    given = np.clip(scores, LEAST, 1 - LEAST)
    mean = np.average(scores, weights=rows)
    spread = float(np.sqrt(np.average((scores - mean) ** 2, weights=rows))) or 1.0
    at = logit(given) if probabilities else (scores - mean) / spread
    found = [Curve(given, 0)] if probabilities else []
    line = _logistic(np.stack((np.ones(len(at)), at)), rows, hits)
    known = np.cumsum(rows * line * (1.0 - line))
    for bends in BENDS:
        places = np.unique(np.interp(np.arange(1, bends + 1) / (bends + 1), known / known[-1], at))
        design = np.stack((np.ones(len(at)), at, *(np.maximum(at - place, 0.0) for place in places)))
        found.append(Curve(_logistic(design, rows, hits), len(design)))
    return min(found, key=lambda curve: PENALTY * curve.parameters - 2 * _likelihood(curve.share, rows, hits))


def _logistic(design: FloatArray, rows: FloatArray, hits: FloatArray) -> FloatArray:
    """Maximum likelihood of hits ~ expit(factors @ design) by Newton steps, with Platt's prior of a hit and a miss.

    Args:
        design: float64[p, m], ones first, then the slope, then the bends.
        rows: float64[m].
        hits: float64[m].
    """
    total, found = rows.sum(), hits.sum()
    prior = (found + 1.0) / (total + 2.0)
    aimed = hits + 2.0 * prior * rows / total  # two more rows, spread over all cells
    weights = rows * (1.0 + 2.0 / total)
    ridge = np.diag([1e-9, 1e-9, *[STIFF] * (len(design) - 2)])
    factors = np.zeros(len(design))
    factors[0] = logit(prior)
    for _ in range(STEPS):
        share = expit(factors @ design)
        curvature = (design * (weights * share * (1.0 - share))) @ design.T + ridge
        step = np.linalg.solve(curvature, design @ (aimed - weights * share) - ridge @ factors)
        factors = factors + step * min(1.0, 4.0 / max(float(np.abs(step @ design).max()), 1e-9))
        if float(np.abs(step).max()) < 1e-10:
            break
    return np.clip(expit(factors @ design), LEAST, 1 - LEAST)


def _likelihood(share: FloatArray, rows: FloatArray, hits: FloatArray) -> float:
    return float((xlogy(hits, share) + xlog1py(rows - hits, -share)).sum())


def _strength(known: Curve, rows: FloatArray, hits: FloatArray) -> float:
    """Rows that the curve counts for in each cell; infinite when the cells scatter no more than chance makes them."""
    used, curve = rows > 0, known.share
    chance = rows[used] * curve[used] * (1.0 - curve[used])
    # a cell that expects less than one hit or miss would weigh far too much in a sum of squared ratios
    scatter = float(((hits[used] - rows[used] * curve[used]) ** 2 / np.maximum(chance, 1.0)).sum())
    freedom = max(int(used.sum()) - known.parameters, 1.0)
    excess = scatter - freedom
    if excess <= 0:
        return float("inf")
    return max(float((rows[used] - 1.0).sum()) / excess - 1.0, 0.0)
