"""The JSON form of estimators: what is written, and every check on what is read."""

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from windows.arrays import FloatArray, IntArray
from windows.estimates.boosting import CODES, DEPTH, Trees
from windows.estimates.estimator import (
    BinaryEstimator,
    ErrorCells,
    Estimator,
    MulticlassEstimator,
    RegressionEstimator,
    ScoreCells,
)
from windows.estimates.expected_error import CELLS, Line
from windows.sketches.profile_json import Count, integers, numbers
from windows.sketches.profiles import NumericProfile, Profile, ReferenceError_, slot_count

Sum = Annotated[float, Meta(ge=0)]
MOST_CELLS = 512


class ScoreCellsWire(msgspec.Struct, forbid_unknown_fields=True):
    """Labelled rows by score as JSON."""

    edges: list[float]
    rows: list[Count]
    hits: list[Count]
    scores: list[float]


class BinaryWire(msgspec.Struct, tag="binary", tag_field="kind", forbid_unknown_fields=True):
    """A binary estimator as JSON."""

    threshold: float
    cells: ScoreCellsWire


class MulticlassWire(msgspec.Struct, tag="multiclass", tag_field="kind", forbid_unknown_fields=True):
    """A multiclass estimator as JSON."""

    classes: list[str]
    others: list[ScoreCellsWire]
    predicted: list[ScoreCellsWire]


class LineWire(msgspec.Struct, forbid_unknown_fields=True):
    """The linear part of an expected error as JSON."""

    start: int
    centers: list[float]
    scales: list[Annotated[float, Meta(gt=0)]]
    lows: list[float]
    highs: list[float]
    weights: list[float]


class ErrorCellsWire(msgspec.Struct, forbid_unknown_fields=True):
    """Labelled rows by expected error as JSON."""

    rows: list[Count]
    absolute: list[Sum]
    squares: list[Sum]
    fourths: list[Sum]


class RegressionWire(msgspec.Struct, tag="regression", tag_field="kind", forbid_unknown_fields=True):
    """A regression estimator as JSON."""

    line: LineWire
    codes: list[list[Count]]
    columns: list[list[Count]]
    cuts: list[list[Count]]
    leaves: list[list[int]]
    cells: ErrorCellsWire


EstimatorWire = BinaryWire | MulticlassWire | RegressionWire


def estimator_to_wire(estimator: Estimator) -> EstimatorWire:
    """The JSON form of an estimator."""
    if isinstance(estimator, BinaryEstimator):
        return BinaryWire(threshold=float(estimator.threshold), cells=_score_wire(estimator.cells))
    if isinstance(estimator, MulticlassEstimator):
        return MulticlassWire(
            classes=list(estimator.classes),
            others=[_score_wire(cells) for cells in estimator.others],
            predicted=[_score_wire(cells) for cells in estimator.predicted],
        )
    cells, trees = estimator.cells, estimator.trees
    line = estimator.line
    return RegressionWire(
        line=LineWire(
            start=int(line.start),
            centers=_floats(line.centers),
            scales=_floats(line.scales),
            lows=_floats(line.lows),
            highs=_floats(line.highs),
            weights=_floats(line.weights),
        ),
        codes=[numbers(codes) for codes in estimator.codes],
        columns=[numbers(row) for row in trees.columns],
        cuts=[numbers(row) for row in trees.cuts],
        leaves=[numbers(row) for row in trees.leaves],
        cells=ErrorCellsWire(
            rows=numbers(cells.rows),
            absolute=_floats(cells.absolute),
            squares=_floats(cells.squares),
            fourths=_floats(cells.fourths),
        ),
    )


def estimator_from_wire(wire: EstimatorWire, columns: list[Profile], prediction: Profile | None) -> Estimator:
    """The estimator behind its JSON form, checked.

    Args:
        wire: the JSON form.
        columns: the profiles of all columns, in the order of the layout.
        prediction: the profile of the prediction.

    Raises:
        ReferenceError_: shapes or sums do not hold together, or it does not fit the profiles.
    """
    if isinstance(wire, MulticlassWire):
        if len(wire.classes) < 2 or not len(wire.classes) == len(wire.others) == len(wire.predicted):
            raise ReferenceError_("estimator: each of two classes or more needs cells of both kinds")
        others = tuple(_score_cells(cells) for cells in wire.others)
        predicted = tuple(_score_cells(cells) for cells in wire.predicted)
        if any(not np.array_equal(one.edges, two.edges) for one, two in zip(others, predicted, strict=True)):
            raise ReferenceError_("estimator: the two kinds of cells of a class need the same edges")
        if any(one.rows.sum() + two.rows.sum() == 0 for one, two in zip(others, predicted, strict=True)):
            raise ReferenceError_("estimator: no cell of a class has any rows")
        return MulticlassEstimator(tuple(wire.classes), others, predicted)
    if not isinstance(prediction, NumericProfile):
        raise ReferenceError_("estimator: it is of a number, and the predictions are none")
    if isinstance(wire, BinaryWire):
        cells = _score_cells(wire.cells)
        if wire.threshold not in cells.edges or cells.rows.sum() == 0:
            raise ReferenceError_("estimator: the threshold is no edge of its cells, or no cell has any rows")
        return BinaryEstimator(wire.threshold, cells)
    numeric = sum(isinstance(profile, NumericProfile) for profile in columns)
    return RegressionEstimator(
        _line(wire.line, numeric), _codes(wire, columns), _trees(wire, len(columns)), _error_cells(wire.cells)
    )


def _score_wire(cells: ScoreCells) -> ScoreCellsWire:
    return ScoreCellsWire(
        edges=_floats(cells.edges), rows=numbers(cells.rows), hits=numbers(cells.hits), scores=_floats(cells.scores)
    )


def _floats(values: FloatArray) -> list[float]:
    return [float(value) for value in values]


def _score_cells(wire: ScoreCellsWire) -> ScoreCells:
    edges = _edges(wire.edges, [len(wire.rows), len(wire.hits), len(wire.scores)])
    if any(hit > row for hit, row in zip(wire.hits, wire.rows, strict=True)):
        raise ReferenceError_("estimator: a cell has more hits than rows")
    return ScoreCells(edges, integers(wire.rows), integers(wire.hits), np.array(wire.scores, dtype=np.float64))


def _error_cells(wire: ErrorCellsWire) -> ErrorCells:
    sums = [np.array(values, dtype=np.float64) for values in (wire.absolute, wire.squares, wire.fourths)]
    if any(size != CELLS for size in (len(wire.rows), *map(len, sums))) or sum(wire.rows) == 0:
        raise ReferenceError_(f"estimator: {CELLS} cells of every sum are needed, and some rows in them")
    return ErrorCells(integers(wire.rows), *sums)


def _line(wire: LineWire, columns: int) -> Line:
    parts = [
        np.array(values, dtype=np.float64)
        for values in (wire.centers, wire.scales, wire.lows, wire.highs, wire.weights)
    ]
    if any(len(values) != columns for values in parts) or abs(wire.start) >= 2**53:
        raise ReferenceError_(f"estimator: its line needs a value of every kind for each of {columns} numeric columns")
    return Line(wire.start, *parts)


def _edges(given: list[float], sizes: list[int]) -> FloatArray:
    edges: FloatArray = np.array(given, dtype=np.float64)
    if not 2 <= len(edges) < MOST_CELLS or any(size != len(edges) + 1 for size in sizes):
        raise ReferenceError_(f"estimator: {len(edges)} edges need {len(edges) + 1} cells of every sum")
    if not np.all(np.isfinite(edges)) or not np.all(edges[1:] > edges[:-1]):
        raise ReferenceError_("estimator: edges must be finite and strictly increasing")
    return edges


def _codes(wire: RegressionWire, columns: list[Profile]) -> tuple[IntArray, ...]:
    if [len(codes) for codes in wire.codes] != [slot_count(profile) for profile in columns]:
        raise ReferenceError_("estimator: its codes do not have the slots of the reference's columns")
    if any(code >= CODES for codes in wire.codes for code in codes):
        raise ReferenceError_(f"estimator: codes must be below {CODES}")
    return tuple(integers(codes) for codes in wire.codes)


def _trees(wire: RegressionWire, columns: int) -> Trees:
    count = len(wire.columns)
    shapes = ((wire.columns, DEPTH), (wire.cuts, DEPTH), (wire.leaves, 1 << DEPTH))
    if any(len(rows) != count or any(len(row) != width for row in rows) for rows, width in shapes):
        raise ReferenceError_(f"estimator: each tree needs {DEPTH} questions and {1 << DEPTH} leaves")
    if any(column >= columns for row in wire.columns for column in row):
        raise ReferenceError_(f"estimator: a tree asks for a column beyond the {columns} there are")
    if any(cut >= CODES for row in wire.cuts for cut in row):
        raise ReferenceError_(f"estimator: cuts must be below {CODES}")
    if any(abs(leaf) >= 2**53 for row in wire.leaves for leaf in row):
        raise ReferenceError_("estimator: a leaf is too large")
    arrays = [np.array(rows, dtype=np.int64).reshape(count, width) for rows, width in shapes]
    return Trees(*arrays)
