"""Coverage at the levels that are really used (1e-6 to 1e-9), where counting failures would take a billion windows.

    python load_tests/deep_levels.py

Importance sampling: windows are drawn from a population where the lower bound fails about every second time, and each
failure weighs what it would be worth under the true population. Without drift the proposal is a Dirichlet-multinomial,
as noisy as the level is deep; at a threshold both sides are tilted along the gradient of PSI until its bound reaches
the truth. Exits 1 if a level is exceeded by more than 1.2 times and three standard errors.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
from machine import show
from populations import Pair, distance_of, edged, normal, pair_at, shift, vanish, widen
from scipy.special import chdtri, gammaln

from windows.statistics.distances.psi import psi_interval

SLACK = 1.2
LEVELS = (1e-3, 1e-6, 1e-9)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Probability of a wrong bound over alpha, and its standard error."""

    ratio: float
    error: float

    @property
    def kept(self) -> bool:
        """Whether the level is kept."""
        return self.ratio <= SLACK + 3 * self.error


def _lower(cur: np.ndarray, ref: np.ndarray, alpha: float) -> np.ndarray:
    return psi_interval(cur, ref, None, cur.sum(axis=1), ref.sum(axis=1), alpha)[0]


def _estimate(failed: np.ndarray, log_weight: np.ndarray, alpha: float) -> Estimate:
    worth = np.where(failed, np.exp(log_weight), 0.0) / alpha
    return Estimate(float(worth.mean()), float(worth.std() / np.sqrt(len(worth))))


def without_drift(pair: Pair, n: int, m: int, alpha: float, windows: int) -> Estimate:
    """How often the bound is above 0 when both sides are one population."""
    rng = np.random.default_rng(n + m)
    shares = pair.reference.shares
    spread = float(chdtri(len(shares) - 1, alpha)) / (len(shares) - 1)
    (cur, weight), (ref, ref_weight) = (_noisy(rng, size, shares, spread, windows) for size in (n, m))
    if m > 10 * n:
        ref, ref_weight = rng.multinomial(m, shares, size=windows), np.zeros(windows)
    return _estimate(_lower(cur, ref, alpha) > 1e-12, weight + ref_weight, alpha)


def _noisy(
    rng: np.random.Generator, size: int, shares: np.ndarray, spread: float, windows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Dirichlet-multinomial counts of `spread` times the variance, and their log-weights against the multinomial."""
    mass = max((size - spread) / (spread - 1), 0.5) * shares
    counts = rng.multinomial(size, rng.dirichlet(mass, size=windows))
    proposal = gammaln(mass.sum()) - gammaln(size + mass.sum()) + (gammaln(counts + mass) - gammaln(mass)).sum(axis=1)
    return counts, (counts * np.log(shares)).sum(axis=1) - proposal


def at_threshold(pair: Pair, n: int, m: int, alpha: float, windows: int) -> Estimate:
    """How often the bound is above the threshold when the truth is the threshold."""
    rng = np.random.default_rng(n + m)
    q, p = pair.current, pair.reference.shares
    low, high = 0.0, 5.0
    for _ in range(40):
        middle = (low + high) / 2
        drifted = _tilted(q, p, middle), _tilted(p, q, middle * n / m)
        reached = _lower((drifted[0] * n)[None], (drifted[1] * m)[None], alpha)[0] >= pair.truth
        low, high = (low, middle) if reached else (middle, high)
    far, ref_far = _tilted(q, p, low), _tilted(p, q, low * n / m)
    cur, ref = rng.multinomial(n, far, size=windows), rng.multinomial(m, ref_far, size=windows)
    weight = (cur * np.log(q / far)).sum(axis=1) + (ref * np.log(p / ref_far)).sum(axis=1)
    return _estimate(_lower(cur, ref, alpha) > pair.truth, weight, alpha)


def _tilted(shares: np.ndarray, other: np.ndarray, amount: float) -> np.ndarray:
    """The shares moved along the gradient of PSI with respect to them."""
    gradient = np.log(shares / other) + 1 - other / shares
    moved = shares * np.exp(np.clip(amount * (gradient - (gradient * shares).sum()), -30, 30))
    tilted: np.ndarray = moved / moved.sum()
    return tilted


def main() -> int:
    """Print the table; 1 if a level is not kept."""
    show()
    print(f"{'work':10} 20,000 weighted windows an entry: probability of a wrong bound / alpha, and standard error\n")
    print(f"{'drift':16}{'psi':>6}{'n':>8}{'m':>8}" + "".join(f"{f'alpha {level:g}':>18}" for level in LEVELS))
    started, kept = time.perf_counter(), True
    cases = (
        ("normal none", normal(10), shift, 0.0),
        ("normal shift", normal(10), shift, 0.1),
        ("normal shift", normal(10), shift, 0.25),
        ("normal widen", normal(10), widen, 0.25),
        ("normal vanish", normal(10), vanish, 0.1),
        ("edged shift", edged(12), shift, 0.25),
    )
    for name, reference, drift, threshold in cases:
        pair = pair_at(reference, drift, partial(distance_of, "psi"), threshold)
        simulate = at_threshold if threshold > 0 else without_drift
        for n, m in ((100, 100_000), (1_000, 1_000), (1_000, 100_000), (100_000, 100_000)):
            found = [simulate(pair, n, m, level, 20_000) for level in LEVELS]
            kept = kept and all(one.kept for one in found)
            cells = "".join(f"{one.ratio:10.2f} +- {one.error:.2f}" + ("" if one.kept else "!") for one in found)
            print(f"{name:16}{threshold:6}{n:8}{m:8}{cells}", flush=True)
    print(f"\n{'all kept' if kept else 'NOT KEPT'}; {time.perf_counter() - started:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
