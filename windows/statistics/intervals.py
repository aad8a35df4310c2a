"""Confidence intervals of the distances, of proportions and of means.

Each function returns ``(lower, upper)``, float64 ``[F]``, two one-sided bounds: ``P(lower > truth) <= alpha`` and
``P(upper < truth) <= alpha``, where the truth is the distance between the two populations. A monitor fires on the lower
bound, so where an exact one is out of reach the lower bound errs to the safe side. ``n_eff`` and ``m_eff`` are
effective sizes, ``[F]``, at most the row counts; the counts are taken as that many independent rows. NaN where a side
is empty.

Measured coverage, at the thresholds and without drift: ``load_tests/interval_coverage.py``; at levels down to 1e-9:
``load_tests/deep_levels.py``. The upper bound of PSI is as good where every slot expects some five rows on each side; a
slot that one side never fills has no upper bound at all, there it is that of the smoothed index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainccinv, betaincinv, stdtrit

from windows.statistics import noncentral
from windows.statistics.distances import (
    PSEUDO_COUNT,
    both_sides,
    chi2,
    cumulative,
    hellinger,
    js,
    log_ratio,
    shares,
    smoothed_shares,
    spacing,
    tvd,
    used_slots,
    within,
)
from windows.statistics.effective import edge_variance, pooled_shares, resized, score_variance, sizes, slot_variance

if TYPE_CHECKING:
    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.statistics.distances import Counts

Interval = tuple["FloatArray", "FloatArray"]

MEAN_DEVIATION = np.sqrt(2 / np.pi)
"""Mean absolute deviation of a normal variable over its standard deviation."""

_EIGHT = 8.0
_NATS = _EIGHT * np.log(2)
"""Squared Jensen-Shannon distance (base 2) to the quadratic form that PSI, too, is near equality."""


def psi_interval(
    cur: Counts,
    ref: Counts,
    mask: BoolArray | None,
    n_eff: FloatArray,
    m_eff: FloatArray,
    alpha: float,
) -> Interval:
    """Interval of the population stability index, ``[F]`` each.

    Smoothed PSI is about ``noise x chi2(B - 1, PSI / noise)``, ``noise = 1/n + 1/m``: exact near 0, where the delta
    method degenerates. Further off its variance is the delta method's; where that is larger (rare slots with a large
    gradient) ``noise`` is raised until the two agree. What smoothing adds beyond ``(B - 1) noise`` is taken off first.

    Args:
        cur: current counts, ``[F, B]``.
        ref: reference counts, ``[F, B]``.
        mask: True for the slots that exist, ``[F, B]``; None: all.
        n_eff: effective size of the current side, ``[F]``.
        m_eff: effective size of the reference side, ``[F]``.
        alpha: probability of error per bound.
    """
    n, m = sizes(n_eff, m_eff)
    cur, ref = within(cur, mask), within(ref, mask)
    used = used_slots(cur, ref)
    q, p = smoothed_shares(resized(cur, n), used), smoothed_shares(resized(ref, m), used)
    logs = log_ratio(q, p, used)
    forward, backward = (q * logs).sum(axis=1), -(p * logs).sum(axis=1)
    slots, drift = used.sum(axis=1), logs.sum(axis=1)
    # Second-order bias of the smoothed estimate less its value without drift; it vanishes when q = p.
    excess = (drift - slots * forward) / (2 * n) - (drift + slots * backward) / (2 * m)
    odds = np.where(used, p, 1.0) / np.where(used, q, 1.0)
    variance = score_variance(logs + 1 - odds, q) / n + score_variance(1 / odds + logs - 1, p) / m
    low, high = _without_bias(forward + backward, excess)
    high = np.maximum(high, _sharp_psi(resized(cur, n), resized(ref, m), used))
    high = noncentral.at_least_noise(high, slots - 1, 1 / n + 1 / m)
    return _where_defined(
        cur, ref, noncentral.divergence_interval(low, high, variance, slots - 1, 1 / n + 1 / m, alpha)
    )


def js_interval(cur: Counts, ref: Counts, n_eff: FloatArray, m_eff: FloatArray, alpha: float) -> Interval:
    """Interval of the Jensen-Shannon distance (base 2), ``[F]`` each; arguments as for ``psi_interval``.

    Eight times the divergence (in nats) is the quadratic form that PSI is near equality, so the same construction
    holds. With few rows a slot the sampled divergence is biased further up. The lower bound is therefore taken after
    half a row a slot was added to both sides in the proportions of both together, which can only bring the two closer.
    """
    n, m = sizes(n_eff, m_eff)
    used = used_slots(cur, ref)
    slots = used.sum(axis=1)
    q, p = pooled_shares(cur, ref, n, m, slots)
    both = np.where(used, q + p, 1.0)
    logs, ref_logs = log_ratio(2 * q, both, used), log_ratio(2 * p, both, used)
    value = np.maximum(4 * ((q * logs).sum(axis=1) + (p * ref_logs).sum(axis=1)), 0.0)
    bias = 2 * ((p * (1 - q) / both).sum(axis=1) / n + (q * (1 - p) / both).sum(axis=1) / m)
    variance = 16 * (score_variance(logs, q) / n + score_variance(ref_logs, p) / m)
    bounds = _root_interval(value, js(cur, ref), _NATS, bias, variance, slots - 1, 1 / n + 1 / m, alpha)
    return _where_defined(cur, ref, bounds)


def hellinger_interval(cur: Counts, ref: Counts, n_eff: FloatArray, m_eff: FloatArray, alpha: float) -> Interval:
    """Interval of the Hellinger distance, ``[F]`` each; arguments as for ``psi_interval``.

    Eight times its square is the quadratic form that PSI is near equality, so the construction is that of
    ``js_interval``.
    """
    n, m = sizes(n_eff, m_eff)
    used = used_slots(cur, ref)
    slots = used.sum(axis=1)
    q, p = pooled_shares(cur, ref, n, m, slots)
    ratio = np.sqrt(np.where(used, p, 1.0) / np.where(used, q, 1.0))
    value = np.maximum(_EIGHT * (1 - np.sqrt(q * p).sum(axis=1)), 0.0)
    bias = (used * ratio * (1 - q)).sum(axis=1) / n + (used / ratio * (1 - p)).sum(axis=1) / m
    variance = 16 * (score_variance(ratio, q) / n + score_variance(1 / ratio, p) / m)
    bounds = _root_interval(value, hellinger(cur, ref), _EIGHT, bias, variance, slots - 1, 1 / n + 1 / m, alpha)
    return _where_defined(cur, ref, bounds)


def _root_interval(
    value: FloatArray,
    sampled: FloatArray,
    unit: float,
    bias: FloatArray,
    variance: FloatArray,
    freedom: IntArray,
    noise: FloatArray,
    alpha: float,
) -> Interval:
    """Interval of a distance of at most 1 whose square, times `unit`, is PSI's quadratic form near equality.

    Args:
        value: that square times the unit, from shares that are safe on few rows a slot.
        sampled: the distance as it is shown.
        unit: what the square is multiplied by.
        bias: of `value`.
        variance: of `value`, from its derivatives.
        freedom: slots that can vary.
        noise: 1/n + 1/m.
        alpha: probability of error per bound.
    """
    excess = bias - freedom * noise
    low, _ = _without_bias(value, excess)
    _, high = _without_bias(unit * sampled**2, excess)
    high = noncentral.at_least_noise(high, freedom, noise)
    lower, upper = noncentral.divergence_interval(low, high, variance, freedom, noise, alpha)
    # The value shown is not corrected for its bias, which few rows can lift above any plausible truth.
    ceiling = np.maximum(np.minimum(np.sqrt(upper / unit), 1.0), sampled)
    return np.sqrt(lower / unit), ceiling


def chi2_interval(cur: Counts, ref: Counts, n_eff: FloatArray, m_eff: FloatArray, alpha: float) -> Interval:
    """Interval of the noncentrality of the homogeneity statistic at the counted sizes, ``[F]`` each.

    The noncentrality is what drift adds to the statistic: ``sum (q - p)^2 / pooled / (1/n + 1/m)`` of the populations,
    0 without drift, growing with the sizes; divided by ``n m / (n + m)`` it is an effect size. The lower bound is made
    safe on few rows a slot as for ``js_interval``. Arguments as for ``psi_interval``.
    """
    n, m = sizes(n_eff, m_eff)
    used = used_slots(cur, ref)
    slots = used.sum(axis=1)
    rows, ref_rows = np.maximum(cur.sum(axis=1), 1), np.maximum(ref.sum(axis=1), 1)
    weight = (rows / (rows + ref_rows))[:, None]
    q, p = pooled_shares(cur, ref, n, m, slots)
    pooled = np.where(used, weight * q + (1 - weight) * p, 1.0)
    gap = (q - p) / pooled
    variance = score_variance(2 * gap - weight * gap**2, q) / n + score_variance(2 * gap + (1 - weight) * gap**2, p) / m
    counted, noise = 1 / rows + 1 / ref_rows, 1 / n + 1 / m
    bias = (q * (1 - q) / pooled).sum(axis=1) / n + (p * (1 - p) / pooled).sum(axis=1) / m
    excess = bias - (slots - 1) * noise
    low, _ = _without_bias((gap**2 * pooled).sum(axis=1), excess)
    _, high = _without_bias(chi2(cur, ref) * counted, excess)
    high = noncentral.at_least_noise(high, slots - 1, noise)
    lower, upper = noncentral.divergence_interval(low, high, variance, slots - 1, noise, alpha)
    return _where_defined(cur, ref, (lower / counted, upper / counted))


def ks_interval(
    value: FloatArray, n_eff: FloatArray, m_eff: FloatArray, alpha: float, high: FloatArray | None = None
) -> Interval:
    """Interval of the Kolmogorov-Smirnov distance by one band around the difference of both sides, ``[F]`` each.

    Half-width ``sqrt(ln(e / alpha) / 2 x (1/n + 1/m))``: the two-sample form of the inequality of Dvoretzky, Kiefer and
    Wolfowitz, with the constant that is proved for every size where n = m (Wei and Dudley, "Two-sample
    Dvoretzky-Kiefer-Wolfowitz inequalities", Statistics and Probability Letters 82, 2012). With n far below m it is
    Massart's one-sample band. Where the sides differ, the variance of their difference is smaller at every point, and
    the bound is wrong only if the noise is largest where the distance is: measured in ``load_tests/``, also with a
    distance that is the same over the whole middle, where it is closest to its level.

    Args:
        value: observed distance over the slot edges, ``[F]``: the lower end of ``distances.ks_bracket``.
        n_eff: effective size of the current side, ``[F]``.
        m_eff: effective size of the reference side, ``[F]``.
        alpha: probability of error per bound.
        high: upper end of the bracket; with it the upper bound holds for the raw values too, not only for the slots.
    """
    n, m = sizes(n_eff, m_eff)
    band = ks_band(n, m, alpha)
    return np.maximum(value - band, 0.0), np.minimum((value if high is None else high) + band, 1.0)


def ks_band(n: FloatArray, m: FloatArray, alpha: float) -> FloatArray:
    """How far the sampled distance may be from the true one, ``[F]``; see ``ks_interval``."""
    band: FloatArray = np.sqrt((1 - np.log(alpha)) / 2 * (1 / n + 1 / m))
    return band


def tvd_interval(cur: Counts, ref: Counts, n_eff: FloatArray, m_eff: FloatArray, alpha: float) -> Interval:
    """Interval of the total variation distance, ``[F]`` each; arguments as for ``psi_interval``.

    One row moves the distance by 1/n or 1/m at most, so McDiarmid's inequality bounds its fluctuation by
    ``sqrt(ln(1 / alpha) (1/n + 1/m) / 2)`` at any level. Its expectation is never below the truth (Jensen) and above it
    by no more than half the sum of the mean absolute deviations of the slots, which the lower bound gives away.
    """
    n, m = sizes(n_eff, m_eff)
    used = used_slots(cur, ref)
    slack = np.sqrt(np.log(1 / alpha) / 2 * (1 / n + 1 / m))
    bias = MEAN_DEVIATION * np.sqrt(slot_variance(cur, n, used) + slot_variance(ref, m, used)).sum(axis=1) / 2
    value = tvd(cur, ref)
    return np.maximum(value - bias - slack, 0.0), np.minimum(value + slack, 1.0)


def wasserstein_interval(
    cur: Counts,
    ref: Counts,
    mids: FloatArray,
    scale: FloatArray,
    n_eff: FloatArray,
    m_eff: FloatArray,
    alpha: float,
) -> Interval:
    """Interval of the Wasserstein distance in units of the reference's standard deviation, ``[F]`` each.

    Moving one row by x moves the distance by x/n at most, so its variance is at most ``var/n + var/m`` (Efron and
    Stein, 1981); Bernstein's inequality turns that and the range of the slots into a bound on the fluctuation. The
    expectation exceeds the truth by no more than the integral of the mean absolute deviations of F - G.

    Args:
        cur: current counts, ``[F, B]``.
        ref: reference counts, ``[F, B]``.
        mids: the value that stands for each slot, ``[F, B]``.
        scale: the reference's standard deviation, ``[F]``, > 0.
        n_eff: effective size of the current side, ``[F]``.
        m_eff: effective size of the reference side, ``[F]``.
        alpha: probability of error per bound.
    """
    n, m = sizes(n_eff, m_eff)
    below_cur, below_ref = cumulative(cur), cumulative(ref)
    steps = spacing(mids, scale)
    place = np.zeros_like(steps)
    np.cumsum(steps[:, :-1], axis=1, out=place[:, 1:])
    # A window that missed the rare far values looks narrower than its population: the wider side speaks for both.
    variance = np.maximum(score_variance(place, shares(cur)), score_variance(place, shares(ref))) * (1 / n + 1 / m)
    exponent = np.log(1 / alpha)
    jump = steps.sum(axis=1) * np.maximum(1 / n, 1 / m)
    slack = np.sqrt(2 * variance * exponent) + jump * exponent / 3
    spread = edge_variance(below_cur, n) + edge_variance(below_ref, m)
    bias = MEAN_DEVIATION * (np.sqrt(spread) * steps).sum(axis=1)
    value = (np.abs(below_cur - below_ref) * steps).sum(axis=1)
    return np.maximum(value - bias - slack, 0.0), value + slack


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


def _sharp_psi(cur: FloatArray, ref: FloatArray, used: BoolArray) -> FloatArray:
    """PSI with a tenth of the pseudo-count, ``[F]``: an empty slot may be far rarer than half a row."""
    q = (cur + PSEUDO_COUNT / 10) / np.maximum(cur.sum(axis=1, keepdims=True), 1)
    p = (ref + PSEUDO_COUNT / 10) / np.maximum(ref.sum(axis=1, keepdims=True), 1)
    index: FloatArray = ((q - p) * log_ratio(q, p, used)).sum(axis=1)
    return index


def _without_bias(value: FloatArray, excess: FloatArray) -> Interval:
    """The sampled value less a bias that is only trusted where it makes a bound safer: for the lower, for the upper."""
    return np.maximum(value - np.maximum(excess, 0.0), 0.0), value - np.minimum(excess, 0.0)


def _ratio(part: Counts, whole: Counts) -> FloatArray:
    share: FloatArray = np.asarray(part, dtype=np.float64) / np.maximum(np.asarray(whole, dtype=np.float64), 1e-300)
    return share


def _where_defined(cur: Counts, ref: Counts, interval: Interval) -> Interval:
    """The interval, NaN for features with an empty side."""
    defined = both_sides(cur, ref)
    return np.where(defined, interval[0], np.nan), np.where(defined, interval[1], np.nan)
