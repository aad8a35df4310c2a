"""Learning from forecasts that are decided, and the gate that what was learnt has to pass.

Rolling origins: what is learnt until a time forecasts what comes after it, with outcomes that were known by then. It is
used only if its Brier score and its log loss are lower than those of the filter alone and of the base rate, by two
standard errors of a bootstrap over weeks of models: forecasts of one week have most of their future in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from windows.need.learnt import INPUTS, Learnt
from windows.need.logistic import chances, fit, log_losses, odds

if TYPE_CHECKING:
    from windows.arrays import BoolArray, FloatArray, IntArray

RIDGE = 30.0
"""Forecasts of every day share most of their horizon: seven of them tell about as much as one."""

FEWEST = 30
"""Losses that came, and that did not, among what is forecast in the gate; a third of that to learn from at first."""

ORIGINS = 6
FIRST = 0.3
"""Share of the time that is learnt from before the first origin."""

RESAMPLES = 1_000
SURE = 2.0
"""Standard errors."""

WEEK = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Examples:
    """Forecasts that are decided, N of them.

    Attributes:
        model: int64[N], a number for each model.
        at: int64[N], start of the horizon, ms.
        known: int64[N], when it was decided, ms.
        default: float64[N], P by the filter.
        inputs: float64[N, F], in the order of INPUTS.
        came: bool[N].
    """

    model: IntArray
    at: IntArray
    known: IntArray
    default: FloatArray
    inputs: FloatArray
    came: BoolArray

    def __len__(self) -> int:
        return len(self.came)

    def where(self, rows: BoolArray) -> Examples:
        """Some of them."""
        return Examples(
            self.model[rows], self.at[rows], self.known[rows], self.default[rows], self.inputs[rows], self.came[rows]
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights of standardised inputs."""

    mean: FloatArray
    scale: FloatArray
    intercept: float
    weights: FloatArray

    def chance(self, given: Examples) -> FloatArray:
        """P of each, float64[N]."""
        return chances((given.inputs - self.mean) / self.scale, odds(given.default), self.intercept, self.weights)


@dataclass(frozen=True, slots=True)
class Gate:
    """What rolling origins say; NaN where nothing could be forecast."""

    passed: bool
    why: str
    numbers: dict[str, float]


def fitted(given: Examples) -> Fitted:
    """What these examples say."""
    mean, scale = given.inputs.mean(axis=0), given.inputs.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    intercept, weights = fit((given.inputs - mean) / scale, odds(given.default), given.came, RIDGE)
    return Fitted(mean, scale, intercept, weights)


def learn(given: Examples, horizon: int, walk: float | None) -> Learnt:
    """Learn from all examples, and say whether that may be used.

    Args:
        given: one at least.
        horizon: of all of them, ms.
        walk: usual deviation of a level over one horizon, in losses; None where it is not known.
    """
    tried, found = gate(given), fitted(given)
    names = tuple(INPUTS)
    return Learnt(
        names,
        tuple(found.mean.tolist()),
        tuple(found.scale.tolist()),
        tuple(found.weights.tolist()),
        found.intercept,
        horizon,
        tried.passed,
        tried.why,
        walk,
        tried.numbers,
    )


def gate(given: Examples, seed: int = 0) -> Gate:
    """Whether what is learnt from them is better than the filter alone and than the base rate."""
    part, learnt, base = _rolled(given)
    came = part.came
    counts = {"forecasts": float(len(came)), "came": float(came.sum())}
    if min(came.sum(), (~came).sum()) < FEWEST:
        why = f"{int(came.sum())} losses came and {int((~came).sum())} did not: {FEWEST} of each are needed"
        return Gate(False, why, counts)
    weeks = np.unique(np.stack((part.model, part.at // WEEK)), axis=1, return_inverse=True)[1].ravel()
    numbers, lacking = dict(counts), []
    for rival, chance in (("filter", part.default), ("base rate", base)):
        for score, losses in (("Brier score", _squares), ("log loss", log_losses)):
            gain = losses(chance, came) - losses(learnt, came)
            mean, error = _bootstrap(gain, weeks, np.random.default_rng(seed))
            name = f"{score} below that of the {rival}"
            numbers[name], numbers[f"{name}, standard error"] = mean, error
            if not mean >= SURE * error or not mean > 0:
                lacking.append(f"{name} by {mean:.4f} with a standard error of {error:.4f}")
    if lacking:
        return Gate(False, f"not surely better than what it is to replace: {lacking[0]}", numbers)
    return Gate(True, f"better on {len(came)} forecasts that it had not seen, of which {int(came.sum())} came", numbers)


def _rolled(given: Examples) -> tuple[Examples, FloatArray, FloatArray]:
    """What was forecast after each origin, with what had been learnt until then, and with the base rate until then."""
    first, last = int(given.at.min()), int(given.at.max()) + 1
    times = np.linspace(first + FIRST * (last - first), last, ORIGINS + 1).astype(np.int64)
    rows = np.zeros(len(given), dtype=np.bool_)
    learnt, base = np.zeros(len(given)), np.zeros(len(given))
    for begin, end in pairwise(times):
        before, after = given.known <= begin, (given.at >= begin) & (given.at < end)
        seen = given.where(before)
        if not after.any() or min(seen.came.sum(), (~seen.came).sum()) < FEWEST // 3:
            continue
        rows |= after
        learnt[after] = fitted(seen).chance(given.where(after))
        base[after] = seen.came.mean()
    return given.where(rows), learnt[rows], base[rows]


def _bootstrap(gain: FloatArray, blocks: IntArray, rng: np.random.Generator) -> tuple[float, float]:
    """Mean of a gain, and its standard error over blocks that are drawn again."""
    sums, counts = np.bincount(blocks, gain), np.bincount(blocks).astype(np.float64)
    drawn = rng.integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return float(gain.mean()), float(means.std(ddof=1))


def _squares(chance: FloatArray, came: BoolArray) -> FloatArray:
    return (chance - came) ** 2
