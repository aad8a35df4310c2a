"""Windows measured together: to the last bit what each would be alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from estimated import binary_rows, built, multiclass_rows, regression_rows
from test_measure_estimates import columns_of

from operators.predictions.measure import DISTANCES, Measure, MeasureConfig, Plan
from operators.predictions.ring import WindowTotals
from operators.predictions.stack import MOST_ROWS, chunks
from windows.panes import Window
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from operators.tables import Table

WINDOWS = (Window(10_000, 10_000), Window(60_000, 10_000), Window(3_600_000, 60_000))
PLANS = {
    10_000: Plan(features=("psi", "ks"), prediction=("ks",), service=True, service_bounds=False),
    60_000: Plan(features=DISTANCES, prediction=DISTANCES, quality=True, moments=True, service=True),
    3_600_000: Plan(features=("ks",), quality=True, estimates=False),
}
PANES = 12


def same(one: Table, other: Table) -> bool:
    """Whether every number is the same, bit by bit."""
    if (one.kind, one.metric, one.groups, one.columns) != (other.kind, other.metric, other.groups, other.columns):
        return False
    if (one.baseline is None) != (other.baseline is None):
        return False
    names = ["value", "lower", "upper", "samples", "reference_samples"] + ["baseline"] * (one.baseline is not None)
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in names)


@pytest.mark.parametrize(
    ("rows", "task"), [(binary_rows, "binary"), (multiclass_rows, "multiclass"), (regression_rows, "regression")]
)
def test_a_window_does_not_depend_on_what_it_is_measured_with(rows: Any, task: str) -> None:
    """Windows of every size, of one row and of thousands, of several versions, with factors and without."""
    reference = built(rows(6_000), task).reference
    layout = layout_of(reference, ())
    current = rows(3_000, seed=4)
    sketches = fold(binning_of(layout), columns_of(layout, current, panes=PANES))
    draw = np.random.default_rng(5)
    columns = len(layout.columns)
    windows = []
    for index in range(40):
        size = WINDOWS[int(draw.integers(3))]
        groups = {}
        for version in ("1", "2", "3")[: int(draw.integers(0, 4))]:
            chosen = draw.choice(PANES, int(draw.integers(1, PANES)), replace=False).tolist()
            groups[version, ""] = sum(vector for (pane, _, _), vector in sketches.items() if pane in chosen)
        factors = 1.0 + 3.0 * draw.random(columns) if draw.random() < 0.5 else None
        windows.append(WindowTotals(layout.model, size, index, groups, factors))
    logic = Measure(MeasureConfig(layout, reference, 1e-4, PLANS))
    together = logic.many(windows)
    assert [measures.index for measures in together] == list(range(40))
    for window, measures in zip(windows, together, strict=True):
        alone = logic(window)
        assert [(t.kind, t.metric) for t in measures.tables] == [(t.kind, t.metric) for t in alone.tables]
        assert all(map(same, measures.tables, alone.tables)), window.index
    assert sum(len(measures.tables) for measures in together) > 200


def test_chunks_hold_all_windows_in_their_order() -> None:
    """One that is too large by itself is measured by itself."""
    vector = np.zeros(1, dtype=np.int64)

    def window(index: int, groups: int) -> WindowTotals:
        return WindowTotals("m", WINDOWS[0], index, {(str(at), ""): vector for at in range(groups)}, None)

    windows = [window(index, groups) for index, groups in enumerate([1, 50, 30, MOST_ROWS, 1, 0, 2])]
    found = [[one.index for one in chunk] for chunk in chunks(windows, 25)]
    assert found == [[0, 1], [2], [3], [4, 5, 6]]
