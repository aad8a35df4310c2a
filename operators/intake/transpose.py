"""Rows to columns: the records of one model as numpy columns. Python touches a record in C code only."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from itertools import chain, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from operators.formats.schema import (
    CONTEXT,
    ERROR,
    FEATURES,
    LATENCY,
    MISFIT,
    PREDICTION,
    PREDICTION_ID,
    VERSION,
    ModelSchema,
)
from operators.intake.served import Served
from windows.estimates.estimator import MulticlassEstimator
from windows.predictions.columns import Columns
from windows.usage import RESOURCES, steps_of
from windows.values import AS_IT_IS, position_of, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.formats.schema import Codes
    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.usage import Prices
    from windows.values import Reading, Scalar

DEFAULT_VERSION = "0"
MAX_VERSION_LENGTH = 128

NO_FAILURE = frozenset((None, False, "", "0", "false", "False", "FALSE"))
"""What `error` is where nothing failed: encoders without optional fields write it in every record. 0 is False here."""

_features = attrgetter("features")
_astuple = msgspec.structs.astuple


@dataclass(frozen=True, slots=True)
class Transposed:
    """Records of one model about to become columns: n of them, panes int64[n]; `mended` if something is set aside."""

    schema: ModelSchema
    records: list[Any]
    panes: IntArray
    mended: bool = False


def bad_rows(records: list[Any]) -> BoolArray | None:
    """Which records have neither features nor an error; None when all have."""
    features = list(map(_features, records))
    if None not in features:
        return None
    return np.fromiter(
        (record.features is None and record.error in NO_FAILURE for record in records), np.bool_, len(records)
    )


def transpose(part: Transposed) -> Columns:
    """The columns of one model's records (at least one)."""
    return _columns(part, _rows(part))


def transpose_served(part: Transposed, times: IntArray, known: IntArray) -> tuple[Columns, Served]:
    """The columns of one model's records, and what the join needs of them."""
    rows = _rows(part)
    columns = _columns(part, rows)
    predictions = _without_misfits(rows[PREDICTION], None) if part.mended else rows[PREDICTION]
    return columns, Served(columns, rows[PREDICTION_ID], times, known, predictions)


def _rows(part: Transposed) -> list[tuple[Any, ...]]:
    return list(zip(*map(_astuple, part.records), strict=True))


def _columns(part: Transposed, rows: list[tuple[Any, ...]]) -> Columns:
    schema, count = part.schema, len(part.records)
    failed = _failed(rows[ERROR])
    features: Sequence[Any] = rows[FEATURES]
    if None in features:
        blank = schema.features()
        features = [blank if item is None else item for item in features]
    values = list(zip(*map(_astuple, features), strict=True))
    versions, version = _versions(rows[VERSION])
    scores = _without_misfits(rows[PREDICTION], math.inf) if part.mended else rows[PREDICTION]
    numeric = _numeric(schema, values, scores, count)
    return Columns(
        panes=part.panes,
        versions=versions,
        version=version,
        numeric=numeric,
        categorical=_categorical(schema, values, rows[PREDICTION], count),
        segments=_segments(schema, values, rows[CONTEXT], count),
        latency=np.array(rows[LATENCY], dtype=np.float64),
        failed=failed,
        probabilities=_probabilities(schema, rows[PREDICTION]),
        forbidden=_forbidden(schema, values, numeric) if schema.layout.allowed else None,
        usage=None if schema.layout.usage is None else _usage(rows[-1], schema.layout.usage.prices),
    )


def _usage(given: Sequence[Any], prices: Prices) -> IntArray:
    """What each prediction used, int64[4, n]."""
    nothing = (None,) * len(RESOURCES)
    values = [nothing if item is None else _astuple(item) for item in given]
    return steps_of(np.array(values, dtype=np.float64).T, prices)


def _without_misfits(predictions: Sequence[Any], instead: float | None) -> Sequence[Any]:
    """Predictions, with something else in place of what was set aside."""
    return [instead if item.__class__ is tuple and item == MISFIT else item for item in predictions]


def _forbidden(schema: ModelSchema, values: Sequence[Any], numeric: FloatArray) -> IntArray:
    """How each value misses what may be, int64[V, n]."""
    found = np.empty((len(schema.layout.allowed), numeric.shape[1]), dtype=np.int64)
    for at, span in enumerate(schema.layout.allowed):
        if span.numeric:
            found[at] = span.rule.of_numbers(numeric[span.row])
        else:
            column = values[schema.categorical[span.row]]
            found[at] = np.fromiter(map(schema.name_codes[span.row].__getitem__, column), np.int64, len(column))
    return found


def _failed(errors: Sequence[Any]) -> BoolArray | None:
    """Which records failed: those with an error that is not null, empty, false or 0."""
    if set(map(type, errors)) == {type(None)}:
        return None
    fine = np.fromiter(map(NO_FAILURE.__contains__, errors), np.bool_, len(errors))
    return None if fine.all() else ~fine


def _versions(given: Sequence[Scalar | None]) -> tuple[tuple[str, ...], IntArray]:
    named = {value: version_name(value) for value in set(given)}
    names = sorted(set(named.values()))
    if len(names) == 1:
        return tuple(names), np.zeros(len(given), dtype=np.int64)
    index = dict(zip(names, range(len(names)), strict=True))
    lookup = {value: index[name] for value, name in named.items()}
    return tuple(names), np.fromiter(map(lookup.__getitem__, given), np.int64, len(given))


def version_name(value: Scalar | None) -> str:
    """The name that a version is told apart by: 7, 7.0 and "7" are one.

    An endless one is cut, and ends with what tells it apart from others that begin alike.
    """
    name = DEFAULT_VERSION if value is None else version_of(value)
    if len(name) <= MAX_VERSION_LENGTH:
        return name
    digest = hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).hexdigest()
    return f"{name[: MAX_VERSION_LENGTH - len(digest) - 1]}~{digest}"


def _numeric(schema: ModelSchema, values: Sequence[Any], predictions: Sequence[Any], count: int) -> FloatArray:
    chosen = [_read(values[position], schema.layout.features[position].reading) for position in schema.numeric]
    if schema.layout.prediction is not None and schema.layout.prediction.numeric:
        chosen.append(predictions if schema.layout.pair is None else _positive_scores(predictions, schema.layout.pair))
    return np.array(chosen, dtype=np.float64).reshape(len(chosen), count)


def _positive_scores(predictions: Sequence[Any], pair: int) -> Sequence[Any]:
    """The score of the positive class, where a prediction lists those of both."""
    if list not in set(map(type, predictions)):
        return predictions
    return [item[pair if len(item) > 1 else 0] if isinstance(item, list) else item for item in predictions]


def _read(column: Sequence[Any], reading: Reading) -> Sequence[Any] | FloatArray:
    """The numbers of a feature as it is read; texts that stand for none are none."""
    if reading is AS_IT_IS:
        return column
    if reading.missing:
        column = [None if value.__class__ is str else value for value in column]
    return reading.rounded(np.array(column, dtype=np.float64)) if reading.resolution is not None else column


def _categorical(schema: ModelSchema, values: Sequence[Any], predictions: Sequence[Any], count: int) -> IntArray:
    columns = np.empty((len(schema.codes), count), dtype=np.int64)
    for row, position in enumerate(schema.categorical):
        columns[row] = _coded(schema.codes[row], values[position], count)
    if len(schema.codes) > len(schema.categorical):
        columns[-1] = _coded(schema.codes[-1], _classes(predictions, schema.layout.positions), count)
    return columns


def _coded(codes: Codes, column: Sequence[Any], count: int) -> IntArray:
    return np.fromiter(map(codes.__getitem__, column), np.int64, count)


def _classes(predictions: Sequence[Any], positions: tuple[str, ...]) -> Sequence[Any]:
    """A list of class scores stands for the class with the highest score."""
    if list not in set(map(type, predictions)):
        return predictions
    return [best_of(item, positions) if isinstance(item, list) else item for item in predictions]


def best_of(scores: Sequence[float], positions: tuple[str, ...]) -> str | None:
    """The class with the highest score; none of an empty list, no known one where there are other scores than classes.

    Args:
        scores: of the classes.
        positions: their names; none for "0", "1", ...
    """
    if not scores:
        return None
    if positions and len(scores) != len(positions):
        return f"one of {len(scores)} scores"
    best = int(np.argmax(scores))
    return positions[best] if positions else str(best)


def _probabilities(schema: ModelSchema, predictions: Sequence[Any]) -> FloatArray | None:
    """float64[n, K]: the class scores in the order of the prediction's categories, NaN where there are none.

    None where nothing is estimated from them, or no record lists any.
    """
    estimate = schema.layout.estimate
    if estimate is None or not isinstance(estimate.estimator, MulticlassEstimator):
        return None
    if list not in set(map(type, predictions)):
        return None
    lists = [item if isinstance(item, list) else () for item in predictions]
    positions = [position_of(name, schema.layout.positions) for name in estimate.estimator.classes]
    # a class that is no position finds the NaN of a last column of its own
    width = max(*map(len, lists), max(positions) + 1) + int(min(positions) < 0)
    if any(len(item) < width for item in lists):
        lists = [(*item, *repeat(np.nan, width - len(item))) for item in lists]
    scores = np.fromiter(chain.from_iterable(lists), np.float64, len(lists) * width).reshape(-1, width)
    return scores[:, positions]


def _segments(schema: ModelSchema, values: Sequence[Any], contexts: Sequence[Any], count: int) -> IntArray:
    columns = np.empty((len(schema.segments), count), dtype=np.int64)
    for row, segment in enumerate(schema.segments):
        if segment.feature:
            column = values[segment.position]
        else:
            column = [None if item is None else _astuple(item)[segment.position] for item in contexts]
        columns[row] = _coded(segment.codes, column, count)
    return columns
