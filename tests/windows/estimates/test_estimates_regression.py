"""Estimates of errors: against what the labels show, against what the simulation knows, and the learner by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from estimated import built, regression_rows
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from windows.estimates.boosting import CHUNK, DEPTH, MOST_COLUMNS, NO_TREES, UNIT, Trees, deviance, first, grow
from windows.estimates.estimate import Estimates
from windows.estimates.estimator import RegressionEstimator
from windows.estimates.expected_error import CELLS, Line, cell, fit_line, middles
from windows.predictions.columns import Columns
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import Layout, layout_of
from windows.segments import WHOLE

if TYPE_CHECKING:
    from windows.arrays import IntArray
    from windows.estimates.estimate import Estimated
    from windows.references.reference import Reference

ALPHA = 1e-3


@pytest.fixture(scope="module")
def reference() -> Reference:
    """A reference of 60,000 labelled rows."""
    return built(regression_rows(60_000), "regression").reference


def columns_of(layout: Layout, rows: dict[str, Any]) -> Columns:
    """Rows as folding takes them."""
    count = len(rows["prediction"])
    none = np.zeros(count, dtype=np.int64)
    return Columns(
        panes=none,
        versions=("1",),
        version=none,
        numeric=np.stack([rows[field.name] for field in layout.numeric]),
        categorical=np.array([[{"a": 0, "b": 1}[kind] for kind in rows["kind"]]]),
        segments=np.zeros((0, count), dtype=np.int64),
        latency=np.full(count, np.nan),
        failed=None,
    )


def counted(reference: Reference, rows: dict[str, Any]) -> IntArray:
    """The estimator's slots of a window of these rows, int64[1, size]."""
    layout = layout_of(reference)
    assert layout.estimate is not None
    vector = fold(binning_of(layout), columns_of(layout, rows))[0, "1", WHOLE]
    return vector[None, layout.estimate.start : layout.estimate.stop]


def estimated(reference: Reference, rows: dict[str, Any]) -> dict[str, Estimated]:
    """Estimates of a window."""
    assert reference.estimator is not None
    return Estimates(reference.estimator)(counted(reference, rows), 1.0, ALPHA)


@pytest.fixture(scope="module")
def ordered(reference: Reference) -> Reference:
    """The reference, whose categories are known to be in this order."""
    profile: Any = reference.features["kind"]
    assert sorted(profile.categories) == ["a", "b"]
    return reference


def in_order(reference: Reference, rows: dict[str, Any]) -> dict[str, Any]:
    """The rows with kinds renamed, so that "a" is the reference's first category."""
    profile: Any = reference.features["kind"]
    names = dict(zip(profile.categories, ("a", "b"), strict=True))
    return {**rows, "kind": np.array([names[kind] for kind in rows["kind"]])}


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, -0.7])
def test_errors_are_estimated_under_a_covariate_shift(ordered: Reference, shift: float) -> None:
    """Where noise depends on the features, a shift of these is followed within 3 %, from no label of the window."""
    window = regression_rows(40_000, seed=1, shift=shift)
    found = estimated(ordered, in_order(ordered, window))
    deviation = window["deviation"]
    truth = {"mae": (deviation * np.sqrt(2 / np.pi)).mean(), "rmse": np.sqrt((deviation**2).mean())}
    for name, true in truth.items():
        one = found[f"estimated_{name}"]
        assert one.value[0] == pytest.approx(true, rel=0.03), name
        assert one.lower[0] <= true <= one.upper[0], name


def test_errors_are_what_the_labels_show(ordered: Reference) -> None:
    """scikit-learn's errors on the drawn labels of a shifted window lie within the bounds; the baseline is exact."""
    window = regression_rows(5_000, seed=2, shift=0.4)
    found = estimated(ordered, in_order(ordered, window))
    for name, real in (
        ("mae", mean_absolute_error(window["label"], window["prediction"])),
        ("rmse", root_mean_squared_error(window["label"], window["prediction"])),
    ):
        one = found[f"estimated_{name}"]
        assert one.lower[0] <= real <= one.upper[0], name
    rows = regression_rows(60_000)
    assert found["estimated_mae"].baseline == pytest.approx(mean_absolute_error(rows["label"], rows["prediction"]))
    assert found["estimated_rmse"].baseline == pytest.approx(root_mean_squared_error(rows["label"], rows["prediction"]))


def test_a_window_without_predictions_has_no_estimate(ordered: Reference) -> None:
    """NaN predictions are in no cell; missing features are no obstacle."""
    window = in_order(ordered, regression_rows(1_000, seed=3))
    none = {**window, "prediction": np.full(1_000, np.nan)}
    found = estimated(ordered, none)
    assert np.isnan(found["estimated_mae"].value[0])
    assert np.isnan(found["estimated_rmse"].upper[0])
    blank = {**window, "x0": np.full(1_000, np.nan), "x1": np.full(1_000, np.inf)}
    assert np.isfinite(estimated(ordered, blank)["estimated_mae"].value[0])


def test_bounds_are_wrong_as_seldom_as_promised() -> None:
    """12 references with 16 windows each, drawn alike: truth and realised error are beyond a bound in few of them."""
    alpha, wrong, runs = 0.05, np.zeros(8), 0
    for seed in range(12):
        reference = built(regression_rows(3_000, seed=seed), "regression").reference
        for part in range(16):
            window = regression_rows(600, seed=1_000 + 20 * seed + part)
            assert reference.estimator is not None
            counts = counted(reference, in_order(reference, window))
            found = Estimates(reference.estimator)(counts, 1.0, alpha)
            error = window["label"] - window["prediction"]
            for at, (name, truth, real) in enumerate(
                (("mae", MAE, np.abs(error).mean()), ("rmse", RMSE, np.sqrt((error**2).mean())))
            ):
                one = found[f"estimated_{name}"]
                bounds = (one.lower[0] > truth, one.upper[0] < truth, one.lower[0] > real, one.upper[0] < real)
                wrong[4 * at : 4 * at + 4] += bounds
            runs += 1
    assert (wrong <= 1.2 * alpha * runs + 3 * np.sqrt(1.2 * alpha * runs)).all(), wrong


_LARGE = regression_rows(4_000_000, seed=99)["deviation"]
MAE = float(_LARGE.mean() * np.sqrt(2 / np.pi))
RMSE = float(np.sqrt((_LARGE**2).mean()))


# ---- the learner


def sizes(n: int, seed: int) -> tuple[Any, Any, Any]:
    """Codes, sizes and what they are drawn about, which depends on two columns together."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 200, size=(4, n)).astype(np.uint8)
    mean = np.exp(0.8 * ((codes[0] > 90) & (codes[1] > 120)) - 0.004 * codes[2])
    return codes, mean * rng.exponential(size=n), mean


def test_trees_find_an_interaction_as_well_as_scikit_learn_does() -> None:
    """Deviance on rows that were not seen: no worse than scikit-learn's boosting with the same loss."""
    codes, size, _ = sizes(10_000, 0)
    unseen, drawn, mean = sizes(10_000, 1)
    start = np.full(10_000, np.log(size.mean()))
    trees = grow(codes, size, start)
    ours = deviance(drawn, np.log(size.mean()) + trees(unseen) * UNIT)
    other = HistGradientBoostingRegressor(loss="gamma", max_iter=100).fit(codes.T, size)
    theirs = deviance(drawn, np.log(other.predict(unseen.T)))
    best = deviance(drawn, np.log(mean))
    assert ours - best <= 1.1 * (theirs - best) + 1e-4


def test_a_row_has_the_same_value_in_any_batch() -> None:
    """Row by row, in one batch, in another order: whole numbers, the same ones."""
    codes, size, _ = sizes(3 * CHUNK + 17, 2)
    trees = grow(codes, size, np.zeros(len(size)), 10)
    whole = trees(codes)
    order = np.random.default_rng(0).permutation(len(size))
    np.testing.assert_array_equal(trees(codes[:, order]), whole[order])
    alone = [int(trees(codes[:, at : at + 1])[0]) for at in range(40)]
    assert alone == whole[:40].tolist()
    by_hand = [
        sum(
            int(trees.leaves[t, sum(int(codes[c, at] > cut) << j for j, (c, cut) in enumerate(questions))])
            for t, questions in enumerate(_questions(trees))
        )
        for at in range(40)
    ]
    assert by_hand == alone


def _questions(trees: Trees) -> list[list[tuple[int, int]]]:
    return [list(zip(*pair, strict=True)) for pair in zip(trees.columns.tolist(), trees.cuts.tolist(), strict=True)]


def test_no_trees_and_the_first_trees() -> None:
    """Nothing to learn gives no tree, whose value is 0; the first trees are those that were grown first."""
    codes = np.zeros((2, 100), dtype=np.uint8)
    assert len(grow(codes, np.ones(100), np.zeros(100)).columns) == 0
    assert NO_TREES(codes).tolist() == [0] * 100
    codes, size, _ = sizes(2_000, 3)
    both = grow(codes, size, np.zeros(2_000), 6)
    np.testing.assert_array_equal(first(both, 3).leaves, grow(codes, size, np.zeros(2_000), 3).leaves)
    assert both.columns.shape == (6, DEPTH)


def test_of_many_columns_those_that_matter_are_asked() -> None:
    """Among 200 columns of noise the three that count are found; of the others few are asked."""
    codes, size, _ = sizes(5_000, 5)
    noise = np.random.default_rng(6).integers(0, 200, size=(200, 5_000)).astype(np.uint8)
    trees = grow(np.concatenate((noise[:100], codes, noise[100:])), size, np.zeros(5_000), 8)
    assert {100, 101, 102} <= set(trees.columns.ravel().tolist())
    assert len(np.unique(trees.columns)) <= MOST_COLUMNS


def test_the_line_is_found() -> None:
    """Weights of an exponential in two columns, of which a third is independent."""
    rng = np.random.default_rng(4)
    values = rng.normal(size=(3, 50_000))
    mean = np.exp(0.5 * values[0] - 0.2 * values[1])
    size = mean * rng.exponential(size=50_000)
    ends = values.min(axis=1), values.max(axis=1)
    line = fit_line(values, size / size.mean(), np.zeros(3), np.ones(3), ends)
    assert line.weights == pytest.approx([0.5, -0.2, 0.0], abs=0.02)
    found = line(values) * UNIT
    assert found == pytest.approx(np.log(mean / size.mean()), abs=0.08)


def test_the_line_ends_where_the_reference_ends() -> None:
    """Beyond the reference's range, missing or infinite: no further than its end, or the center."""
    line = Line(0, np.zeros(1), np.ones(1), np.array([-1.0]), np.array([2.0]), np.array([1.0]))
    values = np.array([[-5.0, -1.0, 0.5, 2.0, 1e300, -np.inf, np.nan]])
    assert (line(values) * UNIT).tolist() == [-1.0, -1.0, 0.5, 2.0, 2.0, 0.0, 0.0]


def test_a_cell_stands_for_what_it_holds() -> None:
    """What stands for a cell is within 3.2 % of everything in it, from e^-5 to e^5."""
    at = np.linspace(-4.999, 4.999, 20_001)
    cells = cell(np.floor(at / UNIT).astype(np.int64))
    assert np.abs(np.log(middles()[cells]) - at).max() <= 1 / 32 + 1e-6
    assert cell(np.array([-(2**40), 2**40])).tolist() == [0, CELLS - 1]


def test_the_fit_is_the_same_again() -> None:
    """The same rows give the same estimator, bit for bit."""
    one, two = (built(regression_rows(3_000), "regression").reference for _ in range(2))
    assert isinstance(one.estimator, RegressionEstimator)
    assert one.id == two.id
