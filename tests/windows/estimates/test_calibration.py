import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from windows.estimates.calibration import calibrate
from windows.estimates.estimator import ScoreCells
from windows.estimates.fit import binary, count_binary

ROWS = 40_000


def cells_of(score: np.ndarray, p: np.ndarray, seed: int) -> ScoreCells:
    """Cells of labels drawn with probability p."""
    label = (np.random.default_rng(seed).random(len(p)) < p).astype(np.float64)
    return count_binary(binary(score, label, 0.5), score, label).cells


def error(cells: ScoreCells, score: np.ndarray, p: np.ndarray) -> float:
    """Root mean squared error of the calibrated probabilities."""
    share = calibrate(cells).share[np.searchsorted(cells.edges, score, side="right")]
    return float(np.sqrt(((share - p) ** 2).mean()))


SCORES = np.random.default_rng(1).beta(1.2, 2.0, ROWS)
TRUTHS = {
    "calibrated": SCORES,
    "overconfident": expit(0.5 * logit(SCORES) + 0.3),
    "bent": SCORES**3,
    "not monotone": 0.5 + 0.4 * np.sin(6 * SCORES),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_it_is_as_good_as_isotonic_regression_or_better(name: str) -> None:
    """On smooth relations of score and truth the error is at most that of scikit-learn's isotonic regression."""
    p = TRUTHS[name]
    ours, theirs = [], []
    for seed in range(8):
        label = (np.random.default_rng(seed).random(ROWS) < p).astype(np.float64)
        ours.append(error(cells_of(SCORES, p, seed), SCORES, p))
        isotonic = IsotonicRegression(out_of_bounds="clip").fit(SCORES, label).predict(SCORES)
        theirs.append(float(np.sqrt(((isotonic - p) ** 2).mean())))
    assert np.mean(ours) <= 1.02 * np.mean(theirs)


def test_a_step_is_found() -> None:
    """A jump of the truth is smeared over little more than the cell it lies in."""
    p = np.where(SCORES < 0.4, 0.1, 0.6)
    assert error(cells_of(SCORES, p, 0), SCORES, p) < 0.035


def test_a_calibrated_score_is_left_alone() -> None:
    """Where the labels do not speak against it, the score itself is the probability: no noise is added."""
    errors = [error(cells_of(SCORES, SCORES, seed), SCORES, SCORES) for seed in range(10)]
    assert np.median(errors) < 0.004


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_scores_that_are_no_probabilities_are_calibrated_too(scale: float) -> None:
    """Logits, in any unit, become probabilities."""
    score = np.random.default_rng(2).normal(size=ROWS)
    p = expit(1.5 * score - 1)
    assert error(cells_of(score * scale, p, 0), score * scale, p) < 0.01


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_labels_of_one_kind_only_give_a_probability_near_it(label: float) -> None:
    """All labels the same: no division by zero, and no certainty."""
    score, labels = SCORES[:500], np.full(500, label)
    found = calibrate(count_binary(binary(score, labels, 0.5), score, labels).cells)
    assert np.abs(found.share - label).max() < 0.05
    assert (found.variance > 0).all()


def test_cells_without_rows_are_unsure() -> None:
    """A cell without a labelled row follows the curve of the others and has the variance of a coin."""
    edges = np.array([0.2, 0.4, 0.6, 0.8])
    rows = np.array([1_000, 1_000, 0, 1_000, 1_000])
    hits = np.array([100, 300, 0, 700, 900])
    found = calibrate(ScoreCells(edges, rows, hits, rows * np.array([0.1, 0.3, 0.5, 0.7, 0.9])))
    assert found.share[2] == pytest.approx(0.5, abs=0.02)
    assert found.variance[2] == pytest.approx(0.25)
    assert found.variance[0] == pytest.approx(0.1 * 0.9 / 1_000, rel=0.02)
