"""The level of a metric: a Kalman filter with jumps and slopes, and what it says of the mean over a time to come.

The metric of a slice is its level and noise; the level is a random walk with a steady slope (Harvey, Forecasting,
Structural Time Series Models and the Kalman Filter, 1989, 2.3) that jumps now and then. The variance of the noise is
known from the interval of each slice. What is not known is how fast the level walks, how much slices differ beyond
their intervals (hours of the week, labels that are not independent), and whether the model decays: 16 process
deviations by four noises by three slopes run side by side, each weighted by its prior and the likelihood of what was
seen. A slice is weighed between two stories, that the level jumped before it and that it did not, and the two are
joined by their moments (Harrison and Stevens, Bayesian Forecasting, 1976).

Deviations are in units of the loss that matters, so that priors of models with other metrics can be pooled. Values are
bad when high: whoever has a metric that is bad when low turns its sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from windows.arrays import FloatArray

PROCESS = (0.0, *np.geomspace(0.03, 3.0, 15).tolist())
"""Deviation of the level's walk over one horizon, in losses: 16 grid points."""

NOISE = (0.0, 0.1, 0.3, 0.9)
"""Deviation of a slice beyond its interval, in losses."""

SLOPES = (0.0, -0.2, 0.2)
"""By how much the level gets worse over one horizon of itself, in losses. A walk alone takes gradual decay for bad luck
that is over: it said 0.65 where the loss came 87 times of 100."""

FLAT = len(PROCESS) * len(NOISE)
GRID = len(SLOPES) * FLAT

PRIOR_SCALE = 0.35
"""The usual walk over one horizon, in losses: half of all models are believed to be below it, before anything is seen;
`driftgauge retrain fit` learns the prior of the models at hand."""

SLOPING = 0.4
"""Share of models that are believed to have a slope, before anything is seen."""

JUMP = 2.0
"""Deviation of a jump, in losses: what jumps less does not matter, and what jumps more is told in any case."""

HAZARD_DAYS = 180.0
"""One jump is expected in so many days."""

RETURNS = 0.5
"""Share of the jumps to come that go back to where the level was when all was well: what broke is mended."""

PARTS = 4
"""Times within the horizon at which a jump is thought to happen."""

_LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Dynamics:
    """How levels move; all variances in the metric's unit squared.

    Attributes:
        process: float64[GRID], variance of the walk over one slice.
        noise: float64[GRID], variance of a slice beyond that of its interval.
        jump: variance of a jump.
        hazard: jumps expected per slice.
        prior: float64[GRID], log weight of each.
        slope: float64[GRID], by how much the level gets worse in a slice, in the metric's unit.
    """

    process: FloatArray
    noise: FloatArray
    jump: float
    hazard: float
    prior: FloatArray
    slope: FloatArray


def dynamics(loss: float, slices: int, slice_days: float, prior: FloatArray | None = None) -> Dynamics:
    """The dynamics on the grid.

    Args:
        loss: that matters, in the metric's unit.
        slices: in one horizon.
        slice_days: length of a slice.
        prior: float64[GRID], weights that sum to 1; None for those of PRIOR_SCALE.
    """
    slope, process, noise = (part.ravel() for part in np.meshgrid(SLOPES, PROCESS, NOISE, indexing="ij"))
    weights = usual_prior() if prior is None else np.maximum(prior, 1e-9)
    return Dynamics(
        process=(loss * process) ** 2 / slices,
        noise=(loss * noise) ** 2,
        jump=(JUMP * loss) ** 2,
        hazard=slice_days / HAZARD_DAYS,
        prior=np.log(weights / weights.sum()),
        slope=loss * slope / slices,
    )


@cache
def usual_prior(usual: float = PRIOR_SCALE) -> FloatArray:
    """float64[GRID], weights that sum to 1: log-logistic in the process about the usual walk, even in the noise."""
    scale = np.maximum(np.array(PROCESS), PROCESS[1] / 2)
    weight = 1 / (scale / usual + usual / scale)
    flat = np.repeat(weight / weight.sum(), len(NOISE)) / len(NOISE)
    return np.outer(_slopes(), flat).ravel()


def _slopes() -> FloatArray:
    """float64[len(SLOPES)], prior weight of each slope."""
    steep = len(SLOPES) - 1
    return np.array([1 - SLOPING, *[SLOPING / steep] * steep])


@dataclass(slots=True)
class Level:
    """What is known of a level.

    Attributes:
        mean: float64[GRID]; empty before the first value.
        variance: float64[GRID].
        weight: float64[GRID], logarithms of weights that sum to 1.
        spread: mean variance of the latest slices by their intervals.
        seen: slices so far.
    """

    mean: FloatArray = field(default_factory=lambda: np.zeros(0))
    variance: FloatArray = field(default_factory=lambda: np.zeros(0))
    weight: FloatArray = field(default_factory=lambda: np.zeros(0))
    spread: float = math.nan
    seen: int = 0

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        """What was kept; a level of before there were slopes is one of each slope."""
        for name, value in state[1].items():
            setattr(self, name, value)
        if self.mean.size == FLAT:
            self.mean, self.variance = np.tile(self.mean, len(SLOPES)), np.tile(self.variance, len(SLOPES))
            self.weight = np.add.outer(np.log(_slopes()), self.weight).ravel()

    def copy(self) -> Level:
        """One that goes on by itself."""
        return Level(self.mean.copy(), self.variance.copy(), self.weight.copy(), self.spread, self.seen)

    def take(self, moves: Dynamics, value: float, variance: float, steps: int = 1) -> None:
        """Take a slice, so many slices after the one before, with the variance that its interval has."""
        noise = variance + moves.noise
        if not self.seen:
            self.mean, self.variance = np.full(GRID, value), noise
            self.weight, self.spread, self.seen = moves.prior.copy(), variance, 1
            return
        before = self.variance + moves.process * steps
        self.mean = self.mean + moves.slope * steps
        chance = -math.expm1(-moves.hazard * steps)
        gap = value - self.mean
        calm, jumped = before + noise, before + moves.jump + noise
        told = np.logaddexp(math.log1p(-chance) + _density(gap, calm), _log(chance) + _density(gap, jumped))
        share = np.exp(_log(chance) + _density(gap, jumped) - told)
        gains = before / calm, (before + moves.jump) / jumped
        steady, moved = self.mean + gains[0] * gap, self.mean + gains[1] * gap
        self.mean = (1 - share) * steady + share * moved
        self.variance = (1 - share) * (gains[0] * noise + (steady - self.mean) ** 2)
        self.variance += share * (gains[1] * noise + (moved - self.mean) ** 2)
        weight = self.weight + told
        self.weight = weight - np.logaddexp.reduce(weight)
        self.spread += (variance - self.spread) / min(self.seen + 1, 28)
        self.seen += 1

    def value(self) -> tuple[float, float]:
        """The level now, and its standard deviation, over the grid."""
        weight = np.exp(self.weight)
        mean = float(weight @ self.mean)
        return mean, math.sqrt(max(float(weight @ (self.variance + (self.mean - mean) ** 2)), 0.0))

    def walk(self, moves: Dynamics, slices: int) -> float:
        """Deviation that the level's walk over so many slices is believed to have."""
        return math.sqrt(float(np.exp(self.weight) @ moves.process) * slices)

    def decay(self, moves: Dynamics, slices: int) -> float:
        """By how much the level is believed to get worse of itself over so many slices."""
        return float(np.exp(self.weight) @ moves.slope) * slices

    def beyond(self, moves: Dynamics, limit: float, home: float, gap: int, slices: int) -> float:
        """P(mean of slices to come is `limit` or more, as it will be measured).

        Args:
            moves: how it moves.
            limit: as a value of the metric.
            home: where the level was when all was well.
            gap: slices between the latest one and those to come.
            slices: how many those are.
        """
        noise = (self.spread + moves.noise) / slices
        walk = self.variance + moves.process * walk_of(gap, slices) + noise
        least = self.mean + moves.slope * (gap + (slices + 1) / 2) - limit
        calm = math.exp(-moves.hazard * (gap + slices))
        found = calm * ndtr(least / np.sqrt(walk))
        for chance, share in jumps_of(gap, slices):
            jumped = (1 - RETURNS) * ndtr(least / np.sqrt(walk + share * share * moves.jump))
            jumped += RETURNS * ndtr((least + share * (home - self.mean)) / np.sqrt(walk))
            found = found + (1 - calm) * chance * jumped
        return float(np.clip(np.exp(self.weight) @ found, 0.0, 1.0))


def walk_of(gap: int, slices: int) -> float:
    """Variance of the mean of a random walk over the steps gap + 1 ... gap + slices, in steps."""
    return gap + (slices + 1) * (2 * slices + 1) / (6 * slices)


def jumps_of(gap: int, slices: int) -> list[tuple[float, float]]:
    """When a jump happens that is known to: (probability, share of the mean that it changes)."""
    before = gap / (gap + slices)
    within = [((1 - before) / PARTS, 1 - (part + 0.5) / PARTS) for part in range(PARTS)]
    return [*([(before, 1.0)] if gap else []), *within]


def _density(gap: FloatArray, variance: FloatArray) -> FloatArray:
    """Logarithm of the normal density; no variance is never quite none."""
    safe = np.maximum(variance, 1e-18)
    return -0.5 * (_LOG_2PI + np.log(safe) + gap * gap / safe)


def _log(chance: float) -> float:
    return math.log(chance) if chance > 0 else -math.inf
