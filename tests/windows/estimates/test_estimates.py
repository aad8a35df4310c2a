"""Estimates of shares: against scikit-learn on drawn labels, and against what the simulation knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from estimated import CLASSES, binary_rows, multiclass_rows, weighted_auc
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from windows.estimates.cells import Batch, celling_of
from windows.estimates.estimate import Estimates
from windows.estimates.fit import binary, count_binary, count_multiclass, multiclass

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.estimates.estimator import BinaryEstimator, MulticlassEstimator

NAMES = ("accuracy", "precision", "recall", "f1", "auc")
ALPHA = 1e-3


def fitted(rows: dict[str, Any], threshold: float = 0.5) -> BinaryEstimator:
    """A binary estimator of all rows."""
    label = rows["label"].astype(np.float64)
    return count_binary(binary(rows["prediction"], label, threshold), rows["prediction"], label)


def fitted_classes(rows: dict[str, Any]) -> MulticlassEstimator:
    """A multiclass estimator of all rows."""
    scores = rows["prediction"]
    names = tuple(map(str, range(CLASSES)))
    return count_multiclass(multiclass(scores, rows["label"], names), scores, scores.argmax(axis=1), rows["label"])


def counts_of(estimator: BinaryEstimator | MulticlassEstimator, prediction: FloatArray) -> IntArray:
    """The counts of a window of these predictions, int64[1, size]."""
    many = prediction.ndim > 1
    batch = Batch(
        numeric=np.zeros((0, len(prediction))) if many else prediction[None, :],
        scored=not many,
        probabilities=prediction if many else None,
        predicted=prediction.argmax(axis=1) if many else None,
        slots=np.zeros((0, len(prediction)), dtype=np.int64),
    )
    cells = celling_of(estimator)(batch)
    return np.bincount(cells.ravel(), minlength=estimator.size)[None, :]


def expected_binary(score: FloatArray, p: FloatArray, threshold: float = 0.5) -> dict[str, float]:
    """The metrics to be expected of labels that are 1 with probability p."""
    positive = score >= threshold
    hits, actual, chosen = p[positive].sum(), p.sum(), positive.sum()
    right = (hits + (1 - p)[~positive].sum()) / len(p)
    return dict(
        zip(
            NAMES,
            (right, hits / chosen, hits / actual, 2 * hits / (chosen + actual), weighted_auc(score, p)),
            strict=True,
        )
    )


@pytest.mark.parametrize("bend", [1.0, 1.8, 0.4])
@pytest.mark.parametrize("shift", [0.0, 0.8, -0.8])
def test_binary_estimates_follow_a_covariate_shift(shift: float, bend: float) -> None:
    """Calibrated or not, each metric of the shifted window is estimated within a point, from no label of it."""
    estimates = Estimates(fitted(binary_rows(60_000, bend=bend)))
    window = binary_rows(40_000, seed=1, shift=shift, bend=bend)
    found = estimates(counts_of(estimates.estimator, window["prediction"]), 1.0, ALPHA)
    truth = expected_binary(window["prediction"], window["p"])
    for name, true in truth.items():
        one = found[f"estimated_{name}"]
        assert one.value[0] == pytest.approx(true, abs=0.01), name
        assert one.lower[0] <= true <= one.upper[0], name


def test_binary_estimates_are_what_the_labels_show() -> None:
    """scikit-learn's metrics on the drawn labels of a shifted window lie within the bounds."""
    estimates = Estimates(fitted(binary_rows(60_000, bend=1.5)))
    window = binary_rows(20_000, seed=2, shift=0.5, bend=1.5)
    label, score = window["label"], window["prediction"]
    found = estimates(counts_of(estimates.estimator, score), 1.0, ALPHA)
    shown = [score_of(label, score >= 0.5) for score_of in (accuracy_score, precision_score, recall_score, f1_score)]
    for name, real in zip(NAMES, [*shown, roc_auc_score(label, score)], strict=True):
        one = found[f"estimated_{name}"]
        assert one.lower[0] <= real <= one.upper[0], name


def test_the_threshold_is_an_edge() -> None:
    """Predicted positives are counted exactly, also where a score lies on the threshold."""
    rows = binary_rows(5_000)
    rows["prediction"][:700] = 0.3
    estimator = fitted(rows, threshold=0.3)
    cells = counts_of(estimator, rows["prediction"])[0, :-1]
    first = int(np.searchsorted(estimator.cells.edges, 0.3)) + 1
    assert cells[first:].sum() == (rows["prediction"] >= 0.3).sum()
    found = Estimates(estimator)(cells_and_none(cells), 1.0, ALPHA)["estimated_recall"]
    assert found.value[0] == pytest.approx(recall_score(rows["label"], rows["prediction"] >= 0.3), abs=0.03)


def cells_and_none(cells: IntArray) -> IntArray:
    """Counts of cells with no prediction without a score."""
    return np.append(cells, 0)[None, :]


def test_the_reference_is_the_baseline() -> None:
    """The baseline of each metric is what the labelled rows show, up to the smoothing of the calibration."""
    rows = binary_rows(60_000, bend=1.4)
    estimates = Estimates(fitted(rows))
    one = counts_of(estimates.estimator, rows["prediction"])
    label, chosen = rows["label"], rows["prediction"] >= 0.5
    found = estimates(one, 1.0, ALPHA)
    assert found["estimated_accuracy"].baseline == pytest.approx(accuracy_score(label, chosen), abs=2e-3)
    assert found["estimated_f1"].baseline == pytest.approx(f1_score(label, chosen), abs=2e-3)
    assert found["estimated_auc"].baseline == pytest.approx(roc_auc_score(label, rows["prediction"]), abs=2e-3)
    assert estimates.labelled == 60_000


@pytest.mark.parametrize("bend", [1.0, 2.0])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_multiclass_estimates_follow_a_covariate_shift(shift: float, bend: float) -> None:
    """Accuracy, and the means over the classes, against scikit-learn's on the labels of a large shifted window."""
    estimates = Estimates(fitted_classes(multiclass_rows(80_000, bend=bend)))
    window = multiclass_rows(80_000, seed=1, shift=shift, bend=bend)
    found = estimates(counts_of(estimates.estimator, window["prediction"]), 1.0, ALPHA)
    label, chosen = window["label"], window["prediction"].argmax(axis=1)
    shown = [accuracy_score(label, chosen)]
    shown += [of(label, chosen, average="macro") for of in (precision_score, recall_score, f1_score)]
    shown += [np.mean([roc_auc_score(label == k, window["prediction"][:, k]) for k in range(CLASSES)])]
    for name, real in zip(NAMES, shown, strict=True):
        one = found[f"estimated_{name}"]
        assert one.value[0] == pytest.approx(real, abs=0.012), name
        assert one.lower[0] <= real <= one.upper[0], name


def test_bounds_are_wrong_as_seldom_as_promised() -> None:
    """400 references and shifted windows: truth and realised value are beyond a bound in at most 1.2 alpha of them."""
    alpha, runs = 0.05, 400
    rng = np.random.default_rng(5)
    wrong = {name: np.zeros(4) for name in NAMES}
    for _ in range(runs):
        z = rng.normal(size=1_500)
        label = (rng.random(1_500) < 1 / (1 + np.exp(-1.5 * z))).astype(np.float64)
        score = 1 / (1 + np.exp(-z))
        estimates = Estimates(count_binary(binary(score, label, 0.5), score, label))
        window = rng.normal(0.5, 1.0, 800)
        p, shown = 1 / (1 + np.exp(-1.5 * window)), 1 / (1 + np.exp(-window))
        drawn = rng.random(800) < p
        found = estimates(counts_of(estimates.estimator, shown), 1.0, alpha)
        truth = {**expected_binary(shown, p), **TRUTH}
        chosen = shown >= 0.5
        real = {
            "accuracy": (drawn == chosen).mean(),
            "precision": drawn[chosen].mean(),
            "recall": chosen[drawn].mean(),
            "f1": 2 * (drawn & chosen).sum() / (drawn.sum() + chosen.sum()),
            "auc": roc_auc_score(drawn, shown),
        }
        for name in NAMES:
            one = found[f"estimated_{name}"]
            beyond = [one.lower[0] > truth[name], one.upper[0] < truth[name]]
            wrong[name] += [*beyond, one.lower[0] > real[name], one.upper[0] < real[name]]
    allowed = 1.2 * alpha * runs + 3 * np.sqrt(1.2 * alpha * runs)
    for name, counted in wrong.items():
        assert (counted <= allowed).all(), (name, counted)


def _population() -> dict[str, float]:
    """The metrics of the population behind the windows of the coverage test, by a fine grid."""
    z = np.linspace(-6, 7, 200_001)
    weight = np.exp(-0.5 * (z - 0.5) ** 2)
    weight /= weight.sum()
    p, positive = 1 / (1 + np.exp(-1.5 * z)), z >= 0
    hits, actual, chosen = (weight * p)[positive].sum(), (weight * p).sum(), weight[positive].sum()
    right = hits + (weight * (1 - p))[~positive].sum()
    good, bad = weight * p, weight * (1 - p)
    area = (good * (np.cumsum(bad) - bad / 2)).sum() / (good.sum() * bad.sum())
    return dict(zip(NAMES, (right, hits / chosen, hits / actual, 2 * hits / (chosen + actual), area), strict=True))


TRUTH = _population()


def test_few_labelled_rows_where_the_window_is_make_wide_bounds() -> None:
    """The same window is bounded less tightly by a reference that hardly saw such scores."""
    window = binary_rows(50_000, seed=3, shift=2.5)["prediction"]
    wide, narrow = (
        Estimates(fitted(binary_rows(20_000, shift=shift)))(counts, 1.0, ALPHA)["estimated_accuracy"]
        for shift in (0.0, 2.5)
        for counts in [counts_of(fitted(binary_rows(20_000, shift=shift)), window)]
    )
    assert (wide.upper - wide.lower)[0] > 1.5 * (narrow.upper - narrow.lower)[0]


def test_overdispersion_widens_and_infinity_says_nothing() -> None:
    """A factor of 9 makes the bounds of a small window three times as wide; an unknown one leaves 0 to 1."""
    estimates = Estimates(fitted(binary_rows(200_000)))
    counts = counts_of(estimates.estimator, binary_rows(2_000, seed=4)["prediction"])
    one, nine, unknown = (estimates(counts, factor, 0.01)["estimated_accuracy"] for factor in (1.0, 9.0, np.inf))
    assert (nine.upper - nine.lower)[0] == pytest.approx(3 * (one.upper - one.lower)[0], rel=0.1)
    assert (unknown.lower[0], unknown.upper[0]) == (0.0, 1.0)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_a_window_without_scores_has_no_estimate(kind: str) -> None:
    """Missing, infinite and empty: NaN in every metric, and no samples; windows beside it are not disturbed."""
    estimator = fitted(binary_rows(2_000)) if kind == "binary" else fitted_classes(multiclass_rows(2_000))
    estimates = Estimates(estimator)
    odd = np.array([np.nan, np.inf, -np.inf])
    good = binary_rows(500)["prediction"] if kind == "binary" else multiclass_rows(500)["prediction"]
    odd = odd if kind == "binary" else np.tile(odd[:, None], (1, CLASSES))
    counts = np.concatenate((counts_of(estimator, odd), counts_of(estimator, good), 0 * counts_of(estimator, good)))
    assert estimates.samples(counts).tolist() == [0, 500, 0]
    for name, one in estimates(counts, 1.0, ALPHA).items():
        assert np.isnan(one.value).tolist() == [True, False, True], name
        assert np.isnan(one.lower).tolist() == np.isnan(one.upper).tolist() == [True, False, True], name


def test_a_window_without_predicted_positives_has_no_precision() -> None:
    """Precision is of the predicted positives; recall is then 0 and accuracy the share of negatives."""
    rows = binary_rows(20_000)
    estimates = Estimates(fitted(rows))
    low = rows["prediction"] < 0.5
    found = estimates(counts_of(estimates.estimator, rows["prediction"][low]), 1.0, ALPHA)
    assert np.isnan(found["estimated_precision"].value[0])
    assert found["estimated_recall"].value[0] == 0.0
    assert found["estimated_accuracy"].value[0] == pytest.approx(1 - rows["label"][low].mean(), abs=0.01)
