"""Coverage of the confidence intervals: how often a bound is wrong when the truth lies exactly at the threshold.

    python load_tests/interval_coverage.py [--quick]

Draws windows from a population whose distance to the reference's is exactly the threshold (0: no drift) and counts the
windows whose lower bound is above it, each of which would be a false page. A ratio of 1 is a level kept exactly. Exits
1 if a count exceeds 1.2 alpha by more than chance: the 99.9 % quantile of binomial(windows, 1.2 alpha).
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from machine import show
from populations import (
    Pair,
    Reference,
    distance_of,
    edged,
    grow,
    lognormal,
    measured,
    normal,
    pair_at,
    shift,
    vanish,
    widen,
    zipf,
)
from scipy.special import ndtri
from scipy.stats import binom

from windows.sketches.quantiles import LATENCY_BINS, latency_slots, quantile_bounds
from windows.statistics import intervals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from windows.arrays import FloatArray
    from windows.statistics.intervals import Interval

    Draw = Callable[[np.random.Generator, int], Callable[[float], Interval]]
    """Draws so many windows; the answer gives their intervals at a level."""

SLACK = 1.2
LEVELS = (1e-2, 1e-3)
REFERENCE_ROWS = 100_000
CHUNK_CELLS = 1_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """One line pair of the table: what is drawn, and the truth that its bounds are compared with."""

    metric: str
    drift: str
    n: int
    m: int
    truth: float
    width: int
    draw: Draw


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    case: Case
    alpha: float
    windows: int
    over: int
    under: int

    @property
    def limit(self) -> int:
        """Largest count that chance explains at 1.2 alpha."""
        return int(binom.isf(1e-3, self.windows, SLACK * self.alpha))

    @property
    def kept(self) -> bool:
        """Whether the level of the lower bound is kept."""
        return self.over <= self.limit


def _draw_counts(metric: str, pair: Pair, n: int, m: int) -> Draw:
    def draw(rng: np.random.Generator, windows: int) -> Callable[[float], Interval]:
        cur = rng.multinomial(n, pair.current, size=windows)
        ref = rng.multinomial(m, pair.reference.shares, size=windows)
        at = pair.reference.mids, pair.reference.scale
        return lambda alpha: measured(metric, cur, ref, at, alpha)[1]

    return draw


DRIFTS = {"shift": shift, "widen": widen, "grow": grow, "vanish": vanish}
PLANS: tuple[tuple[str, float, str, str, Reference], ...] = (
    ("psi", 0.0, "none", "normal", normal(10)),
    ("psi", 0.1, "shift", "normal", normal(10)),
    ("psi", 0.1, "vanish", "normal", normal(10)),
    ("psi", 0.25, "shift", "normal", normal(10)),
    ("psi", 0.25, "widen", "normal", normal(10)),
    ("psi", 0.25, "grow", "edged", edged(12)),
    ("psi", 0.1, "shift", "zipf", zipf(103)),
    ("ks", 0.0, "none", "normal", normal(128)),
    ("ks", 0.05, "shift", "normal", normal(128)),
    ("ks", 0.1, "shift", "normal", normal(128)),
    ("js", 0.0, "none", "normal", normal(128)),
    ("js", 0.1, "shift", "normal", normal(128)),
    ("js", 0.0, "none", "zipf", zipf(103)),
    ("js", 0.1, "grow", "zipf", zipf(103)),
    ("hellinger", 0.0, "none", "normal", normal(128)),
    ("hellinger", 0.1, "shift", "normal", normal(128)),
    ("hellinger", 0.1, "grow", "zipf", zipf(103)),
    ("hellinger", 0.1, "vanish", "normal", normal(10)),
    ("tvd", 0.0, "none", "normal", normal(128)),
    ("tvd", 0.1, "shift", "normal", normal(10)),
    ("tvd", 0.1, "shift", "zipf", zipf(103)),
    ("wasserstein", 0.0, "none", "lognormal", lognormal(128)),
    ("wasserstein", 0.1, "shift", "normal", normal(128)),
    ("wasserstein", 0.25, "grow", "lognormal", lognormal(128)),
)


def _distance_cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    for metric, threshold, drift, shape, reference in PLANS:
        pair = pair_at(reference, DRIFTS.get(drift, shift), partial(distance_of, metric), threshold)
        for n in sizes:
            for m in dict.fromkeys((n, REFERENCE_ROWS)):
                draw = _draw_counts(metric, pair, n, m)
                yield Case(metric, f"{shape} {drift}", n, m, threshold, len(reference.shares), draw)


def _chi2_cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """The noncentrality grows with the sizes, so the drift is set by PSI and the truth follows."""
    cases = (
        (0.0, "none", normal(128)),
        (0.0, "none", zipf(103)),
        (0.1, "shift", normal(10)),
        (0.25, "vanish", normal(10)),
    )
    for threshold, drift, reference in cases:
        pair = pair_at(reference, DRIFTS.get(drift, shift), partial(distance_of, "psi"), threshold)
        for n in sizes:
            for m in dict.fromkeys((n, REFERENCE_ROWS)):
                q, p = pair.current, pair.reference.shares
                truth = float(((q - p) ** 2 / (n * q + m * p)).sum() * n * m)
                yield Case("chi2", f"{len(q)} slots {drift}", n, m, truth, len(q), _draw_counts("chi2", pair, n, m))


def _proportion_cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    def draw(n: int, p: float, rng: np.random.Generator, windows: int) -> Callable[[float], Interval]:
        successes = rng.binomial(n, p, size=windows)
        return partial(intervals.proportion_interval, successes, np.full(windows, n))

    def increase(n: int, p: float, rng: np.random.Generator, windows: int) -> Callable[[float], Interval]:
        cur, ref = rng.binomial(n, p + 0.01, size=windows), rng.binomial(REFERENCE_ROWS, p, size=windows)
        sizes = np.full(windows, n), np.full(windows, REFERENCE_ROWS)
        return partial(intervals.proportion_increase_interval, cur, sizes[0], ref, sizes[1])

    for n in sizes:
        for p in (0.001, 0.01, 0.5):
            yield Case("proportion", f"p = {p}", n, 0, p, 1, partial(draw, n, p))
        for p in (0.001, 0.05):
            yield Case("increase", f"from {p}", n, REFERENCE_ROWS, 0.01, 1, partial(increase, n, p))


def _row_cases(sizes: tuple[int, ...]) -> Iterator[Case]:
    """Means and quantiles, from raw values."""

    def mean(n: int, rng: np.random.Generator, windows: int) -> Callable[[float], Interval]:
        # The mean and the variance of n normal values, drawn from their own laws.
        means, variances = rng.normal(5, 2 / np.sqrt(n), size=windows), 4 * rng.chisquare(n - 1, size=windows) / (n - 1)
        return partial(intervals.mean_interval, means, variances, np.full(windows, float(n)))

    def latency(n: int, shares: FloatArray, rng: np.random.Generator, windows: int) -> Callable[[float], Interval]:
        counts = rng.multinomial(n, shares, size=windows)

        def at(alpha: float) -> Interval:
            pairs = np.array([quantile_bounds(row, 0.99, alpha) for row in counts])
            return pairs[:, 0], pairs[:, 1]

        return at

    edges = np.exp(ndtri((np.arange(2_000_000) + 0.5) / 2_000_000)) * 20
    shares = np.bincount(latency_slots(edges), minlength=LATENCY_BINS) / len(edges)
    p99 = float(20 * np.exp(ndtri(0.99)))
    for n in sizes:
        yield Case("mean", "normal", n, 0, 5.0, 1, partial(mean, n))
        yield Case("p99", "lognormal", n, 0, p99, LATENCY_BINS, partial(latency, n, shares))


def measure(case: Case, windows: int) -> list[Row]:
    """Simulate one case at every level; the same seed for the same case, whatever else runs."""
    rng = np.random.default_rng(crc32(f"{case.metric} {case.drift} {case.n} {case.m} {case.truth}".encode()))
    over, under = dict.fromkeys(LEVELS, 0), dict.fromkeys(LEVELS, 0)
    chunk = max(CHUNK_CELLS // case.width, 1)
    for start in range(0, windows, chunk):
        bounds = case.draw(rng, min(chunk, windows - start))
        for alpha in LEVELS:
            lower, upper = bounds(alpha)
            over[alpha] += int((lower > case.truth + 1e-12).sum())
            under[alpha] += int((upper < case.truth - 1e-12).sum())
    return [Row(case, alpha, windows, over[alpha], under[alpha]) for alpha in LEVELS]


def main(arguments: list[str]) -> int:
    """Print the table; 1 if a level is not kept."""
    parser = argparse.ArgumentParser(description="Coverage of the confidence intervals.")
    parser.add_argument("--quick", action="store_true", help="2,000 windows a case, n = 100 and 1,000 only")
    quick = parser.parse_args(arguments).quick
    windows, sizes = (2_000, (100, 1_000)) if quick else (20_000, (100, 1_000, 100_000))
    show()
    print(f"{'work':10} {windows:,} windows a case at levels {LEVELS}, limit {SLACK} alpha and chance (99.9 %)\n")
    print(f"{'metric':12}{'drift':18}{'truth':>10}{'n':>8}{'m':>8}{'alpha':>7}{'over':>6}{'limit':>6}", end="")
    print(f"{'over/alpha':>11}{'under/alpha':>12}")
    started, rows = time.perf_counter(), []
    for cases in (_distance_cases, _chi2_cases, _proportion_cases, _row_cases):
        for case in cases(sizes):
            for row in measure(case, windows):
                rows.append(row)
                expected = row.alpha * windows
                print(f"{case.metric:12}{case.drift:18}{case.truth:10.4g}{case.n:8}{case.m:8}{row.alpha:7.3g}", end="")
                print(f"{row.over:6}{row.limit:6}{row.over / expected:11.2f}{row.under / expected:12.2f}", end="")
                print("" if row.kept else "  NOT KEPT", flush=True)
    failed = [row for row in rows if not row.kept]
    worst = max(row.over / (row.alpha * windows) for row in rows)
    elapsed = time.perf_counter() - started
    print(f"\n{len(rows)} levels, {len(failed)} not kept, largest ratio {worst:.2f}; {elapsed:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
