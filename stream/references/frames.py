"""The rows of a build as numpy columns, batch after batch."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream.errors import UsageError
from stream.references.plan import Plan
from stream.rows.arrays import categories, class_of_scores, milliseconds, numbers
from stream.rows.columns import Rows
from windows.arrays import BoolArray, FloatArray, IntArray

PREDICTION = "\x00prediction"
"""The name of the prediction among the columns; no feature can have it."""

Coded = tuple[IntArray, list[str]]
"""Codes int64[n] (-1 where missing), and the categories they stand for."""


@dataclass(frozen=True, slots=True)
class Frame:
    """n predictions that did not fail.

    Attributes:
        rows: n.
        failed: failed predictions left out of this batch.
        numeric: column -> float64[n], NaN where missing; the prediction under PREDICTION.
        categorical: column -> codes and categories.
        segments: segment key -> codes and values.
        latency: float64[k], ms, the k <= n that are known; None without such a column.
        times: int64[n] ms and bool[n] where known; None without such a column.
        given: special columns as they stand in the rows: the label, and the prediction beside it; empty without labels.
        share: how much of the file was read so far, 0 to 1.
    """

    rows: int
    failed: int
    numeric: dict[str, FloatArray]
    categorical: dict[str, Coded]
    segments: dict[str, Coded]
    latency: FloatArray | None
    times: tuple[IntArray, BoolArray] | None
    given: dict[str, pa.Array]
    share: float


def frames(rows: Rows, plan: Plan) -> Iterator[Frame]:
    """The rows, converted.

    Raises:
        UsageError: a value is not what its column was planned as.
    """
    for batch, share in rows.batches(plan.columns):
        mine, failed = _served(batch, plan)
        try:
            yield _frame(mine, failed, plan, share)
        except (pa.ArrowException, ValueError) as error:
            raise UsageError(f"{rows.path}: {str(error).splitlines()[0][:300]}") from None
        except UsageError as error:
            raise UsageError(f"{rows.path}: {error}") from None


def _served(batch: pa.RecordBatch, plan: Plan) -> tuple[pa.RecordBatch, int]:
    """The predictions of this model that did not fail, and how many failed."""
    if plan.model_column:
        batch = batch.filter(pc.equal(batch.column("model").cast(pa.string()), plan.model))
    if not plan.error:
        return batch, 0
    error = batch.column("error")
    fine = pc.is_null(error)
    if pa.types.is_boolean(error.type):
        fine = pc.fill_null(pc.invert(error), fill_value=True)
    elif not pa.types.is_string(error.type):
        fine = pc.or_(fine, pc.equal(numbers_or_null(error), 0.0))
    served = batch.filter(pc.fill_null(fine, fill_value=True))
    return served, batch.num_rows - served.num_rows


def numbers_or_null(array: pa.Array) -> pa.Array:
    """The array as float64 if it holds numbers; else zeros where it is null."""
    if pa.types.is_dictionary(array.type) or pa.types.is_large_string(array.type):
        return pc.if_else(pc.is_null(array), 0.0, 1.0)
    return array.cast(pa.float64(), safe=False)


def _frame(batch: pa.RecordBatch, failed: int, plan: Plan, share: float) -> Frame:
    numeric = {name: numbers(batch.column(name)) for name, kind in plan.features.items() if kind == "numeric"}
    categorical = {name: categories(batch.column(name)) for name, kind in plan.features.items() if kind != "numeric"}
    if plan.prediction == "number":
        numeric[PREDICTION] = numbers(batch.column("prediction"))
    elif plan.prediction == "category":
        categorical[PREDICTION] = categories(batch.column("prediction"))
    elif plan.prediction == "scores":
        categorical[PREDICTION] = categories(class_of_scores(batch.column("prediction")))
    latency = numbers(batch.column("latency_ms")) if plan.latency else None
    return Frame(
        rows=batch.num_rows,
        failed=failed,
        numeric=numeric,
        categorical=categorical,
        segments={
            key: categorical[key] if key in categorical else categories(batch.column(key)) for key in plan.segments
        },
        latency=None if latency is None else latency[~np.isnan(latency)],
        times=milliseconds(batch.column("timestamp"), "timestamp") if plan.timestamp else None,
        given={name: batch.column(name) for name in plan.labelled},
        share=share,
    )
