"""The level's filter: its likelihood and its forecasts against joint normal distributions and simulated walks."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from windows.need.level import (
    FLAT,
    GRID,
    JUMP,
    NOISE,
    PROCESS,
    RETURNS,
    SLOPES,
    SLOPING,
    Dynamics,
    Level,
    dynamics,
    jumps_of,
    usual_prior,
    walk_of,
)

LOSS = 0.02


def without_jumps(slices: int = 7) -> Dynamics:
    """The usual dynamics, but nothing ever jumps."""
    return replace(dynamics(LOSS, slices, 1.0), hazard=0.0)


def walk(rng: np.random.Generator, n: int) -> tuple[list[float], list[float]]:
    """Values of a walk with noise, and the variances of that."""
    spread = rng.uniform(0.5, 2.0, n) * 1e-5
    values = 0.1 + np.cumsum(rng.normal(0, 0.003, n)) + rng.normal(0, np.sqrt(spread))
    return values.tolist(), spread.tolist()


def taken(moves: Dynamics, values: list[float], spread: list[float], steps: list[int] | None = None) -> Level:
    """A level after these slices."""
    level = Level()
    for value, variance, step in zip(values, spread, steps or [1] * len(values), strict=True):
        level.take(moves, value, variance, step)
    return level


def joint(moves: Dynamics, at: int, spread: list[float], times: list[int]) -> np.ndarray:
    """Covariance of the slices of a walk about the first one's level: q min(t, s) and the noise of each."""
    time = np.array(times, dtype=float)
    return moves.process[at] * np.minimum.outer(time, time) + np.diag(np.array(spread) + moves.noise[at])


def line(moves: Dynamics, at: int, value: float, times: list[int]) -> np.ndarray:
    """Means of the slices at these times: the first one's value and the slope."""
    return value + moves.slope[at] * np.array(times)


@pytest.mark.parametrize("steps", [[1] * 12, [1, 1, 3, 1, 2, 1, 1, 5, 1, 1, 1, 2]], ids=["all", "gaps"])
def test_weights_are_the_likelihood_of_the_joint_distribution(steps: list[int]) -> None:
    """Of every point of the grid, given the first slice: that of a multivariate normal by scipy, gaps or not."""
    moves = without_jumps()
    values, spread = walk(np.random.default_rng(1), 12)
    level = taken(moves, values, spread, steps)
    times = np.cumsum([0, *steps[1:]]).tolist()
    told = []
    for at in range(GRID):
        # The level begins at the first value with the variance of its noise: the prior of a flat level, given it.
        start = spread[0] + moves.noise[at]
        cover = joint(moves, at, spread[1:], times[1:]) + start
        told.append(
            float(stats.multivariate_normal.logpdf(np.array(values[1:]), line(moves, at, values[0], times[1:]), cover))
        )
    expected = moves.prior + np.array(told)
    expected -= np.logaddexp.reduce(expected)
    np.testing.assert_allclose(level.weight, expected, atol=1e-8)


def test_levels_are_those_of_the_joint_distribution() -> None:
    """Mean and variance of the last level given all slices: by conditioning one joint normal distribution."""
    moves = without_jumps()
    values, spread = walk(np.random.default_rng(2), 8)
    level = taken(moves, values, spread)
    for at in range(GRID):
        start = spread[0] + moves.noise[at]
        cover = joint(moves, at, spread[1:], list(range(1, 8))) + start
        across = moves.process[at] * np.arange(1, 8) + start
        solved = np.linalg.solve(cover, across)
        expected = line(moves, at, values[0], list(range(1, 8)))
        mean = expected[-1] + solved @ (np.array(values[1:]) - expected)
        assert level.mean[at] == pytest.approx(mean, abs=1e-12)
        assert level.variance[at] == pytest.approx(moves.process[at] * 7 + start - solved @ across, abs=1e-15)


@pytest.mark.parametrize("gap", [0, 3])
def test_the_chance_is_that_of_walks_played_on(gap: int) -> None:
    """200,000 walks and jumps from the level on, played slice by slice: P within five standard errors of their share.

    The mean over the horizon as it will be measured, with the noise of its slices; jumps at any time.
    """
    moves = replace(dynamics(LOSS, 7, 1.0), hazard=1 / 40)
    values, spread = walk(np.random.default_rng(3), 20)
    level, rng, n = taken(moves, values, spread), np.random.default_rng(4), 200_000
    limit, home = values[0] + LOSS / 2, values[0]
    at = rng.choice(GRID, n, p=np.exp(level.weight))
    now = rng.normal(level.mean[at], np.sqrt(level.variance[at]))
    total = np.zeros(n)
    jumped = np.full(n, False)  # a second jump is not thought of: it is rare, and the first decides
    for step in range(gap + 7):
        now = now + moves.slope[at] + rng.normal(0, 1, n) * np.sqrt(moves.process[at])
        jumps = (rng.random(n) < -math.expm1(-moves.hazard)) & ~jumped
        jumped |= jumps
        back = rng.random(n) < RETURNS
        now = now + np.where(jumps, np.where(back, home - level.mean[at], rng.normal(0, math.sqrt(moves.jump), n)), 0)
        if step >= gap:
            total += now + rng.normal(0, 1, n) * np.sqrt(level.spread + moves.noise[at])
    share = float((total / 7 >= limit).mean())
    error = math.sqrt(share * (1 - share) / n)
    # Four parts stand for the seven moments at which a jump may come within the horizon.
    assert level.beyond(moves, limit, home, gap, 7) == pytest.approx(share, abs=5 * error + 0.002)


def test_the_mean_of_a_walk_varies_as_it_should() -> None:
    """By the covariance min(i, j) of its steps, summed out."""
    for gap, slices in [(0, 1), (0, 7), (3, 7), (30, 28)]:
        steps = np.arange(gap + 1, gap + slices + 1)
        assert walk_of(gap, slices) == pytest.approx(np.minimum.outer(steps, steps).mean())


def test_jumps_are_somewhere() -> None:
    """Their chances add up to one, and change between nothing and all of the mean."""
    for gap, slices in [(0, 7), (3, 7), (30, 28)]:
        parts = jumps_of(gap, slices)
        assert sum(chance for chance, _ in parts) == pytest.approx(1)
        assert all(0 < share <= 1 for _, share in parts)
        assert sum(chance * share for chance, share in parts) == pytest.approx((gap + slices / 2) / (gap + slices))


def test_a_jump_is_believed_at_once_and_noise_is_not() -> None:
    """Ten steady slices, then one three losses worse: the level follows; one with a wide interval moves it little."""
    moves = dynamics(LOSS, 7, 1.0)
    steady = [0.1 + 0.0001 * (-1) ** n for n in range(10)]
    level = taken(moves, [*steady, 0.1 + 3 * LOSS], [1e-6] * 11)
    assert level.value()[0] == pytest.approx(0.16, abs=0.005)
    level = taken(moves, [*steady, 0.1 + 3 * LOSS], [1e-6] * 10 + [0.04])
    assert level.value()[0] == pytest.approx(0.1, abs=0.002)


def test_the_prior_is_a_distribution_over_all_of_the_grid() -> None:
    """It adds up to one, the noises are even, and half of it is below the usual walk."""
    prior = usual_prior()
    assert prior.sum() == pytest.approx(1)
    slopes = prior.reshape(len(SLOPES), -1)
    np.testing.assert_allclose(slopes.sum(axis=1), [1 - SLOPING, SLOPING / 2, SLOPING / 2])
    table = slopes.sum(axis=0).reshape(len(PROCESS), len(NOISE))
    assert np.ptp(table, axis=1).max() == pytest.approx(0)
    assert table.sum(axis=1)[np.array(PROCESS) < 0.35].sum() == pytest.approx(0.5, abs=0.06)
    assert JUMP > 1


def test_more_is_known_of_a_steady_level_the_longer_it_is_seen() -> None:
    """The chance of a loss falls towards what jumps alone would do; a walk that wanders keeps it up."""
    moves = dynamics(LOSS, 7, 1.0)
    rng = np.random.default_rng(5)
    steady = (0.1 + rng.normal(0, 0.001, 60)).tolist()
    chances = [taken(moves, steady[:n], [1e-6] * n).beyond(moves, 0.1 + LOSS, 0.1, 1, 7) for n in (3, 10, 60)]
    assert chances == sorted(chances, reverse=True)
    assert chances[-1] < 0.03
    wild = (0.1 + np.cumsum(rng.normal(0, 0.008, 60))).tolist()
    level = taken(moves, wild, [1e-6] * 60)
    assert level.walk(moves, 7) == pytest.approx(0.008 * math.sqrt(7), rel=0.35)


def test_steady_decay_is_extrapolated() -> None:
    """A level that loses a fifth of the loss a horizon is above the limit by the next one, though it is not yet.

    Where it stands still, at the same level, the chance is small; and what is told of the decay is about what it is.
    """
    moves, rng = dynamics(LOSS, 7, 1.0), np.random.default_rng(6)
    noise = rng.normal(0, 0.001, 60)
    decaying = taken(moves, (0.1 + 0.2 * LOSS / 7 * np.arange(60) + noise).tolist(), [1e-6] * 60)
    steady = taken(moves, (decaying.value()[0] + noise).tolist(), [1e-6] * 60)
    limit = decaying.value()[0] + 0.08 * LOSS
    assert decaying.decay(moves, 7) == pytest.approx(0.2 * LOSS, rel=0.3)
    assert steady.decay(moves, 7) < 0.05 * LOSS
    assert decaying.beyond(moves, limit, 0.1, 2, 7) > 0.8
    assert steady.beyond(moves, limit, 0.1, 2, 7) < 0.2


def test_a_level_of_before_there_were_slopes_is_read() -> None:
    """It goes on as one of each slope, with what was known, and the same as before where nothing decays."""
    moves, rng = dynamics(LOSS, 7, 1.0), np.random.default_rng(7)
    level = taken(moves, (0.1 + rng.normal(0, 0.001, 20)).tolist(), [1e-6] * 20)
    flat = level.weight[:FLAT] - np.logaddexp.reduce(level.weight[:FLAT])
    before = {"mean": level.mean[:FLAT], "variance": level.variance[:FLAT], "weight": flat, "spread": 1e-6, "seen": 20}
    read = Level.__new__(Level)
    read.__setstate__((None, before))
    assert read.mean.shape == read.variance.shape == read.weight.shape == (GRID,)
    assert np.logaddexp.reduce(read.weight) == pytest.approx(0)
    assert read.value()[0] == pytest.approx(float(np.exp(flat) @ level.mean[:FLAT]))
    read.take(moves, 0.1, 1e-6)
    assert read.seen == 21
    again = pickle.loads(pickle.dumps(read))
    np.testing.assert_array_equal(again.weight, read.weight)
