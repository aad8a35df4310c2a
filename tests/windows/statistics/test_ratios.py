"""The interval of a ratio against the equation that defines it, and its coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from windows.statistics.intervals import proportion_interval
from windows.statistics.ratios import ratio_interval

positive = st.floats(1e-6, 1e6)
part = st.one_of(st.just(1.0), st.floats(0.0, 0.999999))  # between them the equation itself is lost to rounding


@settings(deadline=None)
@given(positive, positive, part, part, st.floats(0.0, 3.0), st.floats(0.0, 3.0))
def test_bounds_solve_the_equation(a: float, b: float, la: float, lb: float, ua: float, ub: float) -> None:
    """At the lower bound r, a - r b is as far from zero as the summed squares of both uncertainties; mirrored above."""
    a_low, a_high, b_low, b_high = a * (1 - la), a * (1 + ua), b * (1 - lb), b * (1 + ub)
    lower, upper = (
        float(one[0])
        for one in ratio_interval(
            np.array([a]),
            (np.array([a_low]), np.array([a_high])),
            np.array([b]),
            (np.array([b_low]), np.array([b_high])),
        )
    )
    assert lower <= a / b * (1 + 1e-9)
    assert upper >= a / b * (1 - 1e-9)

    def below(r: float) -> float:
        return a - r * b - math.hypot(a - a_low, r * (b_high - b))

    def above(r: float) -> float:
        return r * b - a - math.hypot(a_high - a, r * (b - b_low))

    if a_low > 0:
        assert lower == pytest.approx(
            brentq(below, 0, a / b * (1 + 1e-9) + 1e-300, xtol=1e-300, rtol=1e-12), rel=1e-6, abs=1e-12
        )
    else:
        assert lower == 0
    if b_low <= 0:
        assert upper == math.inf
    else:
        top = a / b
        while above(top) < 0 and top < 1e30:
            top *= 2
        assume(above(top) >= 0)
        assert upper == pytest.approx(brentq(above, a / b * (1 - 1e-9), top, rtol=1e-12), rel=1e-6)


def test_what_has_no_ratio() -> None:
    """NaN stays NaN, negative estimates have none, and nothing divided by something is at least nothing."""
    a, b = np.array([np.nan, -1.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0, 0.0])
    bounds = (np.array([np.nan, -2.0, 0.0, 0.5]), np.array([np.nan, 0.0, 0.1, 2.0]))
    lower, upper = ratio_interval(a, bounds, b, (b / 2, b + 1))
    assert np.isnan(lower[:2]).all()
    assert np.isnan(upper[:2]).all()
    assert lower[2] == 0
    assert lower[3] > 0  # at most one in the denominator, at least a half above it
    assert upper[3] == np.inf


@pytest.mark.parametrize(
    ("p", "q", "n", "m"), [(0.003, 0.001, 20_000, 300_000), (0.3, 0.1, 400, 400), (0.03, 0.03, 3_000, 900)]
)
def test_a_true_ratio_is_rarely_outside(p: float, q: float, n: int, m: int) -> None:
    """Of 20,000 draws of two shares at most 1.2 alpha have a bound on the wrong side, beyond chance."""
    rng, alpha, draws = np.random.default_rng(1), 0.01, 20_000
    hits, misses = rng.binomial(n, p, draws), rng.binomial(m, q, draws)
    one = proportion_interval(hits.astype(float), np.full(draws, float(n)), alpha)
    other = proportion_interval(misses.astype(float), np.full(draws, float(m)), alpha)
    lower, upper = ratio_interval(hits / n, one, misses / m, other)
    chance = 1.2 * alpha * draws + 3.1 * math.sqrt(1.2 * alpha * draws)
    assert (lower > p / q).sum() <= chance
    assert (upper < p / q).sum() <= chance
