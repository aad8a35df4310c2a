"""Confidence intervals of proportions and of means; those of distances are beside them (windows/statistics/distances).

Each function returns ``(lower, upper)``, two one-sided bounds: ``P(lower > truth) <= alpha`` and
``P(upper < truth) <= alpha``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainccinv, betaincinv, stdtrit

if TYPE_CHECKING:
    from windows.arrays import Counts, FloatArray

Interval = tuple["FloatArray", "FloatArray"]

MEAN_DEVIATION = np.sqrt(2 / np.pi)
"""Mean absolute deviation of a normal variable over its standard deviation."""


def proportion_interval(successes: Counts, trials: Counts, alpha: float) -> Interval:
    """Clopper-Pearson bounds of a proportion, shape of the arguments: exact for any size and any proportion.

    Args:
        successes: 0 <= successes <= trials; may be fractional (effective counts).
        trials: >= 0; no trial at all gives (0, 1).
        alpha: probability of error per bound.
    """
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    failures = np.maximum(n - k, 0.0)
    lower = betaincinv(np.where(k > 0, k, 1.0), failures + 1, alpha)
    upper = betainccinv(k + 1, np.where(failures > 0, failures, 1.0), alpha)
    return np.where(k > 0, lower, 0.0), np.where(failures > 0, upper, 1.0)


def proportion_increase_interval(
    successes: Counts, trials: Counts, ref_successes: Counts, ref_trials: Counts, alpha: float
) -> Interval:
    """Bounds of the increase of a proportion over the reference's own, which is an estimate as well.

    The two Clopper-Pearson intervals joined by Newcombe's square-and-add ("Interval estimation for the difference
    between independent proportions", Statistics in Medicine 17, 1998, method 10). Arguments as for
    ``proportion_interval``.
    """
    cur_low, cur_high = proportion_interval(successes, trials, alpha)
    ref_low, ref_high = proportion_interval(ref_successes, ref_trials, alpha)
    cur, ref = _ratio(successes, trials), _ratio(ref_successes, ref_trials)
    return cur - ref - np.hypot(cur - cur_low, ref_high - ref), cur - ref + np.hypot(cur_high - cur, ref - ref_low)


def mean_interval(mean: FloatArray, var: FloatArray, n: FloatArray, alpha: float) -> Interval:
    """Student's interval of a mean, shape of the arguments; infinite below two rows.

    Holds for means of about normal values; of a long right tail the lower bound errs to the safe side, the upper does
    not.

    Args:
        mean: sample mean.
        var: sample variance with the divisor n - 1.
        n: (effective) number of rows.
        alpha: probability of error per bound.
    """
    enough = n >= 2
    size = np.where(enough, n, 2.0)
    half = np.where(enough, -stdtrit(size - 1, alpha) * np.sqrt(var / size), np.inf)
    return mean - half, mean + half


def _ratio(part: Counts, whole: Counts) -> FloatArray:
    share: FloatArray = np.asarray(part, dtype=np.float64) / np.maximum(np.asarray(whole, dtype=np.float64), 1e-300)
    return share
