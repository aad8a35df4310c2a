"""Ridge logistic regression against scikit-learn's, and with an offset against scipy's minimum of the loss."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from windows.need.logistic import CLOSEST, chances, fit, log_losses, odds


def rows(n: int = 400, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, an offset, and what came by both."""
    rng = np.random.default_rng(seed)
    inputs, offset = rng.normal(0, 1, (n, 4)), rng.normal(-1, 1.5, n)
    came = rng.random(n) < expit(offset + 0.3 + inputs @ np.array([1.0, -0.5, 0.0, 0.2]))
    return inputs, offset, came


@pytest.mark.parametrize("ridge", [0.1, 1.0, 30.0])
def test_without_an_offset_it_is_scikit_learns(ridge: float) -> None:
    """Intercept and weights; C is one over the ridge."""
    inputs, _, came = rows()
    intercept, weights = fit(inputs, np.zeros(len(came)), came, ridge)
    other = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=10_000).fit(inputs, came)
    assert intercept == pytest.approx(other.intercept_[0], abs=1e-5)
    np.testing.assert_allclose(weights, other.coef_[0], atol=1e-5)
    np.testing.assert_allclose(
        chances(inputs, np.zeros(len(came)), intercept, weights), other.predict_proba(inputs)[:, 1], atol=1e-5
    )


def test_with_an_offset_it_is_the_minimum_of_the_loss() -> None:
    """Written out, and found by scipy; the offset has a weight of one."""
    inputs, offset, came = rows()

    def loss(beta: np.ndarray) -> float:
        told = expit(offset + beta[0] + inputs @ beta[1:])
        return -np.log(np.where(came, told, 1 - told)).sum() + (beta[1:] ** 2).sum()

    found = optimize.minimize(loss, np.zeros(5), tol=1e-12).x
    intercept, weights = fit(inputs, offset, came, 2.0)
    np.testing.assert_allclose([intercept, *weights], found, atol=1e-4)


def test_inputs_that_say_nothing_leave_the_offset_as_it_is() -> None:
    """Held back by the ridge, chances stay those that were known."""
    rng = np.random.default_rng(2)
    offset = rng.normal(-1, 1.5, 5_000)
    came = rng.random(5_000) < expit(offset)
    inputs = rng.normal(0, 1, (5_000, 6))
    intercept, weights = fit(inputs, offset, came, 10.0)
    assert abs(intercept) < 0.1
    assert np.abs(weights).max() < 0.12


def test_inputs_that_part_what_came_from_what_did_not_have_an_end() -> None:
    """The ridge holds weights that would grow for ever; all or none that came is no error."""
    inputs = np.array([[-1.0], [-2.0], [1.0], [2.0]])
    intercept, weights = fit(inputs, np.zeros(4), np.array([False, False, True, True]), 1.0)
    other = LogisticRegression(C=1.0, tol=1e-10).fit(inputs, [0, 0, 1, 1])
    assert (intercept, weights[0]) == (pytest.approx(0, abs=1e-6), pytest.approx(other.coef_[0, 0], abs=1e-4))
    for came in (np.ones(4, bool), np.zeros(4, bool)):
        assert np.isfinite([fit(inputs, np.zeros(4), came, 1.0)[0]]).all()


def test_losses_are_scikit_learns_and_nothing_is_quite_sure() -> None:
    """Chances of 0 and 1 are held a little away from them."""
    came, chance = np.array([True, False, True]), np.array([0.9, 0.2, 0.4])
    assert log_losses(chance, came).mean() == pytest.approx(log_loss(came, chance))
    assert log_losses(np.array([0.0]), np.array([True]))[0] == pytest.approx(-np.log(CLOSEST))
    np.testing.assert_allclose(expit(odds(chance)), chance)
    assert np.isfinite(odds(np.array([0.0, 1.0]))).all()
