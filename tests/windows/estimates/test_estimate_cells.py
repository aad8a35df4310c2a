"""The cells of predictions in the vector: as a loop over records would count them, in every group, and mergeable."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from estimated import CLASSES, binary_rows, built, multiclass_rows, regression_rows

from windows.estimates.cells import GRID, ClassCelling, Grid, grid_of
from windows.estimates.estimator import BinaryEstimator, MulticlassEstimator, RegressionEstimator
from windows.estimates.fit import multiclass
from windows.predictions.columns import Columns
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import Layout, layout_of
from windows.segments import WHOLE

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.references.reference import Reference

N = 400


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def reference(request: pytest.FixtureRequest) -> Reference:
    """A labelled reference with a segment."""
    rows = {"binary": binary_rows, "multiclass": multiclass_rows, "regression": regression_rows}[request.param](4_000)
    segment = next((name for name in ("country", "kind") if name in rows), None)
    return built(rows, request.param, segments=(segment,) if segment else ()).reference


def traffic(layout: Layout, seed: int) -> Columns:
    """Records of two versions, two panes and every segment, some values missing, infinite or out of range."""
    rng = np.random.default_rng(seed)
    numeric = rng.normal(0.4, 0.8, size=(len(layout.numeric), N))
    for value in (np.nan, np.inf, -np.inf, 1e300, 0.5):
        numeric[:, rng.random(N) < 0.03] = value
    scores = rng.dirichlet(np.ones(CLASSES), N)
    scores[rng.random(N) < 0.1] = np.nan
    scores[0] = [1.0] + [0.0] * (CLASSES - 1)
    sizes = [field.stop - field.start - 1 for field in layout.categorical]
    return Columns(
        panes=rng.integers(0, 2, N),
        versions=("1", "2"),
        version=rng.integers(0, 2, N),
        numeric=numeric,
        categorical=np.array([rng.integers(0, size, N) for size in sizes], dtype=np.int64).reshape(len(sizes), N),
        segments=np.array([rng.integers(0, len(values), N) for _, values in layout.segments]).reshape(-1, N),
        latency=np.full(N, np.nan),
        failed=rng.random(N) < 0.1,
        probabilities=scores,
    )


def by_hand(layout: Layout, columns: Columns, row: int) -> list[int]:
    """The slots of one record, counted from the estimator's first."""
    assert layout.estimate is not None
    estimator = layout.estimate.estimator
    if isinstance(estimator, BinaryEstimator):
        score = columns.numeric[-1, row]
        return [int((estimator.cells.edges <= score).sum()) if np.isfinite(score) else estimator.cells.size]
    if isinstance(estimator, MulticlassEstimator):
        assert columns.probabilities is not None
        found, start = [], 0
        for k, cells in enumerate(estimator.others):
            score = columns.probabilities[row, k]
            at = int((cells.edges <= score).sum()) + (cells.size if columns.categorical[-1, row] == k else 0)
            found.append(start + (at if np.isfinite(score) else 2 * cells.size))
            start += 2 * cells.size + 1
        return found
    return [_expected_error(layout, estimator, columns, row)]


def _expected_error(layout: Layout, estimator: RegressionEstimator, columns: Columns, row: int) -> int:
    if not np.isfinite(columns.numeric[-1, row]):
        return estimator.cells.size
    line, total = estimator.line, estimator.line.start
    codes = []
    for at, field in enumerate(layout.numeric):
        value = columns.numeric[at, row]
        if np.isfinite(value):
            deviation = min(max((value - line.centers[at]) / line.scales[at], line.lows[at]), line.highs[at])
            total += round(deviation * (line.weights[at] * 2**20))
        edges = field.profile.edges  # type: ignore[union-attr]
        slot = int((edges <= value).sum())
        slot = slot if np.isfinite(value) else len(edges) + (1 if np.isnan(value) else 2)
        codes.append(int(estimator.codes[layout.columns.index(field)][slot]))
    for at, field in enumerate(layout.categorical):
        codes.append(int(estimator.codes[layout.columns.index(field)][columns.categorical[at, row]]))
    for asked, cuts, leaves in zip(estimator.trees.columns, estimator.trees.cuts, estimator.trees.leaves, strict=True):
        bits = [codes[column] > cut for column, cut in zip(asked, cuts, strict=True)]
        total += int(leaves[sum(bit << level for level, bit in enumerate(bits))])
    return min(max((total >> 16) + 80, 0), 159)


@pytest.mark.parametrize("seed", range(3))
def test_cells_are_counted_in_every_group(reference: Reference, seed: int) -> None:
    """Pane, version, segment: each record that did not fail is in its cells once, as a loop over records says."""
    layout = layout_of(reference, tuple(reference.segments))
    assert layout.estimate is not None
    columns = traffic(layout, seed)
    expected: dict[tuple[int, str, str], IntArray] = {}
    for row in range(N):
        if columns.failed is not None and columns.failed[row]:
            continue
        names = [WHOLE]
        names += [f"{key}={values[columns.segments[at, row]]}" for at, (key, values) in enumerate(layout.segments)]
        for name in names:
            key = (int(columns.panes[row]), columns.versions[columns.version[row]], name)
            counts = expected.setdefault(key, np.zeros(layout.estimate.stop - layout.estimate.start, dtype=np.int64))
            np.add.at(counts, by_hand(layout, columns, row), 1)
    found = fold(binning_of(layout), columns)
    for key, counts in expected.items():
        np.testing.assert_array_equal(
            found[key][layout.estimate.start : layout.estimate.stop], counts, err_msg=str(key)
        )


def test_the_other_slots_are_as_without_an_estimator(reference: Reference) -> None:
    """Estimating adds slots and changes none."""
    bare = replace(reference, estimator=None)
    with_, without = layout_of(reference), layout_of(bare)
    assert with_.estimate is not None
    columns = replace(traffic(with_, 7), segments=np.zeros((0, N), dtype=np.int64))
    one, other = fold(binning_of(with_), columns), fold(binning_of(without), columns)
    assert one.keys() == other.keys()
    for key, vector in one.items():
        kept = np.delete(vector, np.s_[with_.estimate.start : with_.estimate.stop])
        np.testing.assert_array_equal(kept, other[key])


def test_without_labels_there_is_nothing_to_pay(reference: Reference) -> None:
    """A reference without an estimator has the layout that it had before there were any, and folding looks up none."""
    layout = layout_of(replace(reference, estimator=None))
    assert layout.estimate is None
    assert layout.rows == layout.columns[-1].stop
    assert binning_of(layout).celling is None


def test_batches_merge(reference: Reference) -> None:
    """However records are batched, the sums of the vectors are the same."""
    layout = layout_of(reference, tuple(reference.segments))
    columns = traffic(layout, 3)
    whole = fold(binning_of(layout), columns)
    order = list(range(N))
    random.Random(0).shuffle(order)
    total: dict[tuple[int, str, str], IntArray] = {}
    for begin in range(0, N, 61):
        part = np.array(order[begin : begin + 61])
        assert columns.failed is not None
        assert columns.probabilities is not None
        batch = Columns(
            columns.panes[part],
            columns.versions,
            columns.version[part],
            columns.numeric[:, part],
            columns.categorical[:, part],
            columns.segments[:, part],
            columns.latency[part],
            columns.failed[part],
            columns.probabilities[part],
        )
        for key, vector in fold(binning_of(layout), batch).items():
            total[key] = total[key] + vector if key in total else vector
    assert total.keys() == whole.keys()
    for key, vector in whole.items():
        np.testing.assert_array_equal(vector, total[key])


def edges_of(scores: FloatArray) -> MulticlassEstimator:
    """Cells for these class scores."""
    label = np.random.default_rng(0).integers(0, scores.shape[1], len(scores))
    return multiclass(scores, label, tuple(map(str, range(scores.shape[1]))))


def test_class_scores_that_are_no_probabilities_have_cells_too() -> None:
    """Probabilities have their edges on a grid; logits and others are searched for, and land where they belong."""
    rng = np.random.default_rng(1)
    for scores, gridded in ((rng.dirichlet(np.ones(4), 5_000), True), (rng.normal(size=(5_000, 4)), False)):
        estimator = edges_of(scores)
        assert (grid_of(estimator) is not None) == gridded
        assert isinstance(ClassCelling(estimator, 0).cells, Grid) == gridded


def test_a_grid_finds_what_a_search_finds() -> None:
    """On the edges, just below them, and beyond both ends."""
    estimator = edges_of(np.random.default_rng(1).dirichlet(np.ones(4), 5_000))
    grid = grid_of(estimator)
    assert grid is not None
    steps = np.arange(GRID + 1) / GRID
    values = np.tile(np.concatenate((steps, np.nextafter(steps, -1), [-1.0, 2.0])), (4, 1))
    expected = [
        np.searchsorted(cells.edges, row, side="right") for cells, row in zip(estimator.others, values, strict=True)
    ]
    np.testing.assert_array_equal(grid.find(values), expected)
