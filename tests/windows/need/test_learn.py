"""What is learnt of forecasts, the gate that it has to pass, and the file that it is kept in."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss, log_loss

from windows.need.learn import FEWEST, Examples, _rolled, fitted, gate, learn
from windows.need.learnt import INPUTS, NeedFileError, learnt_json, learnt_of

DAY, WEEK = 86_400_000, 7 * 86_400_000
H = WEEK


def examples(signal: float, models: int = 12, days: int = 250, seed: int = 1) -> Examples:
    """Forecasts of models on every third day: what comes is the filter's odds, and so much of the input `drift`."""
    rng = np.random.default_rng(seed)
    model, day = (part.ravel() for part in np.meshgrid(np.arange(models), np.arange(0, days, 3), indexing="ij"))
    inputs = rng.normal(0, 1, (len(model), len(INPUTS)))
    default = expit(rng.normal(-1, 1, len(model)))
    inputs[:, 0] = logit(default)
    came = rng.random(len(model)) < expit(logit(default) + signal * inputs[:, 3])
    at = 1_700_000_000_000 + day * DAY
    return Examples(model, at, at + H + DAY, default, inputs, came)


def test_what_is_worth_something_passes() -> None:
    """An input that doubles or halves the odds is found, and used; its weight is about what it was planted with."""
    given = examples(1.5)
    found = learn(given, H, 0.4)
    assert found.used, found.why
    assert 0.9 < found.weights[3] / found.scale[3] < 1.6  # held back by the ridge
    assert np.abs(np.delete(np.array(found.weights), 3)).max() < 0.35
    assert (found.horizon, found.walk) == (H, 0.4)
    assert found.numbers["Brier score below that of the filter"] > 0
    values = dict(zip(INPUTS, given.inputs[5].tolist(), strict=True))
    expected = fitted(given).chance(given)[5]
    assert found.chance(float(given.default[5]), values) == pytest.approx(expected, abs=1e-12)
    told = logit(given.default[5]) + found.intercept + sum(found.parts(values).values())
    assert found.chance(float(given.default[5]), values) == pytest.approx(expit(told), abs=1e-12)


def test_what_is_worth_nothing_does_not() -> None:
    """Where the filter says all there is to say."""
    found = gate(examples(0.0))
    assert not found.passed
    assert "not surely better" in found.why


def test_shuffled_outcomes_do_not_pass() -> None:
    """Of 100 shuffles of good examples five pass at most: there is nothing to be learnt from them."""
    given = examples(1.5, models=5, days=150)
    passed = 0
    for seed in range(100):
        came = np.random.default_rng(seed).permutation(given.came)
        passed += gate(replace(given, came=came)).passed
    assert passed <= 5


def test_few_outcomes_are_not_enough() -> None:
    """However good it is: thirty that came, and thirty that did not."""
    given = examples(1.5, models=1, days=120)
    found = gate(given)
    assert not found.passed
    assert f"{FEWEST} of each are needed" in found.why


def test_nothing_is_forecast_with_what_was_not_known_yet() -> None:
    """Outcomes that become known after an origin change no forecast after it: flip all of the last quarter."""
    given = examples(1.5)
    part, learnt, base = _rolled(given)
    late = given.known > np.quantile(part.at, 0.75)
    other, again, rate = _rolled(replace(given, came=np.where(late, ~given.came, given.came)))
    early = part.at < np.quantile(part.at, 0.5)
    np.testing.assert_array_equal(part.at, other.at)
    np.testing.assert_array_equal(learnt[early], again[early])
    np.testing.assert_array_equal(base[early], rate[early])
    assert (learnt != again).any()


def test_the_gains_are_those_of_scikit_learns_scores() -> None:
    """Brier score and log loss of all that rolling origins forecast."""
    given = examples(1.5)
    part, learnt, base = _rolled(given)
    numbers = gate(given).numbers
    for name, rival in (("filter", part.default), ("base rate", base)):
        brier = brier_score_loss(part.came, rival) - brier_score_loss(part.came, learnt)
        assert numbers[f"Brier score below that of the {name}"] == pytest.approx(brier, abs=1e-12)
        loss = log_loss(part.came, rival) - log_loss(part.came, learnt)
        assert numbers[f"log loss below that of the {name}"] == pytest.approx(loss, abs=1e-4)
        assert numbers[f"log loss below that of the {name}, standard error"] > 0


def test_the_file_says_what_was_learnt() -> None:
    """There and back through JSON."""
    found = learn(examples(1.5, models=4), H, None)
    read = learnt_of(json.loads(json.dumps(learnt_json(found))))
    assert read == found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "driftgauge.need/2"}, "no file of `driftgauge retrain fit`"),
        ({"intercept": "x"}, "damaged: ValueError"),
        ({"inputs": [{"name": "tide", "mean": 0, "scale": 1, "weight": 1}]}, "input 'tide' is none"),
        ({"inputs": [{"name": "drift", "mean": 0, "scale": 0, "weight": 1}]}, "a number that cannot be"),
        ({"inputs": [{"name": "drift", "mean": 0, "scale": 1}]}, "damaged: KeyError"),
        ({"intercept": float("nan")}, "a number that cannot be"),
        ({"walk": -1}, "a number that cannot be"),
        ({"gate": []}, "damaged: AttributeError"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(change: dict[str, object], said: str) -> None:
    """With what is wrong with it."""
    given = learnt_json(learn(examples(1.5, models=4), H, None))
    with pytest.raises(NeedFileError, match=said):
        learnt_of({**given, **change})
    with pytest.raises(NeedFileError):
        learnt_of([given])
