"""No interval excludes its own value: of any table, and of all that is measured, whatever the data and the evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from factories import categorical, numeric, reference_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from operators.judging.evaluations import rows_of
from operators.judging.sheet import Sheets
from operators.plans.measures import DISTANCES, Plan
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from operators.tables import Kind, Measures, Table
from windows.panes import Window
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from operators.judging.evaluations import Evaluation

MINUTE = Window(60_000, 10_000)
EVERYTHING = Plan(features=DISTANCES, prediction=DISTANCES, quality=True, moments=True, service=True)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


def keeps(row: Evaluation) -> bool:
    """Whether the bounds that there are hold the value, where there is one."""
    if row.value is None:
        return row.lower is None and row.upper is None
    return (row.lower is None or row.lower <= row.value) and (row.upper is None or row.value <= row.upper)


@given(arrays(np.float64, (3, 2, 4), elements=NUMBERS))
def test_a_table_holds_its_values_whatever_bounds_it_is_given(numbers: np.ndarray) -> None:
    """A bound on the wrong side is moved to the value; one that is right, or unknown, stays."""
    value, lower, upper = numbers
    none = np.zeros(value.shape, dtype=np.int64)
    table = Table(Kind.FEATURE, "psi", (("1", ""),) * 2, ("a",) * 4, value, lower, upper, none, None, none)
    known = ~np.isnan(value)
    assert not (table.lower > table.value)[known].any()
    assert not (table.upper < table.value)[known].any()
    np.testing.assert_array_equal(table.lower[known & (lower <= value)], lower[known & (lower <= value)])
    np.testing.assert_array_equal(table.upper[known & (upper >= value)], upper[known & (upper >= value)])


COUNTS = st.integers(0, 2_000) | st.integers(0, 3) | st.integers(0, 10**7)
FACTORS = st.sampled_from([1.0, 1.3, 4.0, 50.0, 1e4, np.inf])


@given(
    arrays(np.int64, 8, elements=COUNTS),
    arrays(np.int64, 6, elements=COUNTS),
    arrays(np.int64, 10, elements=COUNTS),
    st.lists(FACTORS, min_size=3, max_size=3),
    st.sampled_from([0.05, 1e-3, 1e-8, 1e-15]),
)
def test_what_is_measured_holds_its_value(
    bins: np.ndarray, names: np.ndarray, now: np.ndarray, factors: list[float], alpha: float
) -> None:
    """Six distances, ratios, moments and service metrics of arbitrary counts, at any overdispersion and level."""
    rows = int(bins.sum())
    shown = numeric(np.arange(9.0), bins, coarse=np.arange(8), overdispersion=None)
    named = categorical(("a", "b", "c"), names[:3], other=int(names[3]), missing=int(names[4]), overdispersion=None)
    rest = rows - int(names[:5].sum())
    named = replace(named, other=named.other + max(rest, 0))
    reference = reference_of({"x": shown, "c": named}, shown, rows=max(rows, int(names[:5].sum())))
    layout = layout_of(reference)
    vector = layout.empty()
    for field in layout.features:
        size = field.stop - field.start
        vector[field.start : field.stop] = np.resize(now, size)
    if layout.prediction is not None:
        vector[layout.prediction.start : layout.prediction.stop] = np.resize(
            now[::-1], layout.prediction.stop - layout.prediction.start
        )
    vector[layout.rows] = int(now.sum())
    logic = Measure(MeasureConfig(layout, reference, alpha, {MINUTE.size: EVERYTHING}))
    totals = WindowTotals("click", MINUTE, 9, {("1", ""): vector}, np.array(factors))
    measured: Measures = logic(totals)
    found = rows_of(measured, Sheets({})(measured))
    assert [row for row in found if not keeps(row)] == []
