"""The rows of a build as numpy columns, batch after batch."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.intake.transpose import NO_FAILURE
from stream.errors import UsageError
from stream.references.far_times import within
from stream.references.plan import Plan
from stream.rows.arrays import categories, class_of_scores, is_text, numbers, plain, positive_scores
from stream.rows.columns import Rows
from stream.rows.kinds import NULLS
from stream.rows.times import milliseconds
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


Odd = dict[str, Counter[str]]
"""Column -> what it holds that is no number, though the column is one of numbers, and how often."""

_NO_ERROR = sorted(NULLS | {word for word in NO_FAILURE if isinstance(word, str)})


def frames(rows: Rows, plan: Plan, odd: Odd | None = None) -> Iterator[Frame]:
    """The rows, converted. `odd` is told the cells that are no numbers in columns of numbers.

    Raises:
        UsageError: a value is not what its column was planned as.
    """
    for batch, share in rows.batches(plan.columns):
        mine, failed = _served(batch, plan)
        try:
            yield _Converter(mine, plan, odd).frame(failed, share)
        except (pa.ArrowException, ValueError) as error:
            raise UsageError(f"{rows.path}: {str(error).splitlines()[0][:300]}") from None
        except UsageError as error:
            raise UsageError(f"{rows.path}: {error}") from None


def _served(batch: pa.RecordBatch, plan: Plan) -> tuple[pa.RecordBatch, int]:
    """The predictions of this model that did not fail, and how many failed."""
    if plan.model_column:
        batch = batch.filter(pc.equal(plain(batch.column(plan.roles["model"])).cast(pa.string()), plan.model))
    if not plan.error:
        return batch, 0
    served = batch.filter(pa.array(_fine(plain(batch.column(plan.roles["error"])))))
    return served, batch.num_rows - served.num_rows


def _fine(error: pa.Array) -> BoolArray:
    """bool[n]: where `error` says that nothing failed: null, empty, false or 0."""
    if is_text(error.type):
        fine = pc.or_(
            pc.is_in(error, value_set=pa.array(_NO_ERROR, error.type)), pc.match_substring_regex(error, r"^0\.0*$")
        )
        return np.asarray(pc.fill_null(fine, fill_value=True), dtype=bool)
    values = numbers(error)
    found: BoolArray = np.isnan(values) | (values == 0)
    return found


class _Converter:
    """Turns the columns of one batch into those of a frame."""

    def __init__(self, batch: pa.RecordBatch, plan: Plan, odd: Odd | None) -> None:
        self.batch = batch
        self.plan = plan
        self.odd = odd

    def frame(self, failed: int, share: float) -> Frame:
        """The frame."""
        plan, roles = self.plan, self.plan.roles
        numeric = {name: self.numbers(name) for name, kind in plan.features.items() if kind == "numeric"}
        categorical = {name: self.categories(name) for name, kind in plan.features.items() if kind != "numeric"}
        if plan.prediction == "number":
            numeric[PREDICTION] = self.numbers(roles["prediction"])
        elif plan.prediction == "category":
            categorical[PREDICTION] = self.categories(roles["prediction"])
        elif plan.prediction == "scores":
            scores = class_of_scores(self.batch.column(roles["prediction"]), plan.outcomes.classes)
            categorical[PREDICTION] = categories(scores)
        elif plan.prediction == "pair":
            numeric[PREDICTION] = positive_scores(self.batch.column(roles["prediction"]), plan.pair)
        latency = self.numbers(roles["latency_ms"]) if plan.latency else None
        return Frame(
            rows=self.batch.num_rows,
            failed=failed,
            numeric=numeric,
            categorical=categorical,
            segments={key: categorical[key] if key in categorical else self.categories(key) for key in plan.segments},
            latency=None if latency is None else latency[~np.isnan(latency)],
            times=self.times() if plan.timestamp else None,
            given={name: self.given(roles[name]) for name in plan.labelled},
            share=share,
        )

    def times(self) -> tuple[IntArray, BoolArray]:
        """When each row was made, ms, and where that is known."""
        column = self.plan.roles["timestamp"]
        return within(milliseconds(self.batch.column(column), column, self.plan.timezone), self.plan.usual)

    def numbers(self, name: str) -> FloatArray:
        """float64[n] of a column of numbers."""
        column = self.plan.read[name]
        odd = None if self.odd is None else self.odd.setdefault(name, Counter())
        values = numbers(self.batch.column(name), column.missing, comma=column.comma, odd=odd)
        resolution = self.plan.resolutions.get(name)
        return values if resolution is None else np.rint(values / resolution) * resolution

    def categories(self, name: str) -> Coded:
        """Codes and names of a column of categories."""
        column = self.plan.read[name]
        return categories(self.batch.column(name), column.missing, truth=column.truth)

    def given(self, name: str) -> pa.Array:
        """A column as it stands; but text as numbers where it is one of them, and as nothing where it means that."""
        array, column = self.batch.column(name), self.plan.read[name]
        if not is_text(array.type):
            return array
        if column.kind == "number":
            values = self.numbers(name)
            return pa.array(values, mask=np.isnan(values))
        return pc.if_else(pc.is_in(array, value_set=pa.array(column.missing, array.type)), None, array)
