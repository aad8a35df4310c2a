"""What the metrics show of a trail."""

from __future__ import annotations

import numpy as np

from operators.tables import Kind, Measures, Table, Trailed
from stream.metrics.catalog import BY_NAME
from stream.metrics.exports import Exports
from stream.metrics.reports import GaugeBlock, Totals
from windows.panes import Window

WEEK = Window(604_800_000, 43_200_000)


def measures(*tables: Table) -> Measures:
    """A trail of which half is there."""
    return Measures("click", WEEK, 40_000, tables, trail=Trailed("prediction.trailing_90d", "trailing_90d", 0.5, 3, 7))


def test_a_trail_has_series_of_its_own_and_counts_what_it_left_out() -> None:
    """Not those of windows that are compared with the reference: the predictions have no feature."""
    one, count = np.array([[0.2]]), np.array([[9]])
    table = Table(Kind.PREDICTION, "ks", (("1", ""),), ("",), one, one / 2, one * 2, count, None, count)
    reports = list(Exports({"click": ()}, {"click": 60_000}).of_measures(measures(table)))
    gauges = {report.metric: (report.rows, report.values) for report in reports if isinstance(report, GaugeBlock)}
    row = ("click", "1", "", "ks", "7d", "trailing_90d")
    assert gauges == {
        "trailing_drift": ((row,), (0.2,)),
        "trailing_drift_bound": ((row,), (0.1,)),
        "baseline_filled_ratio": ((("click", "prediction.trailing_90d"),), (0.5,)),
        "baseline_slices_left_out": ((("click", "prediction.trailing_90d"),), (3.0,)),
    }
    assert [report.rows for report in reports if isinstance(report, Totals)] == [
        {("click", "prediction.trailing_90d"): 7.0}
    ]
    assert all(len(rows[0]) == len(BY_NAME[name].labels) for name, (rows, _) in gauges.items())


def test_without_a_baseline_there_is_no_distance() -> None:
    """What was shown before is gone."""
    reports = Exports({"click": ()}, {"click": 60_000}).of_measures(measures())
    shown = {report.metric: report.values for report in reports if isinstance(report, GaugeBlock)}
    assert shown["trailing_drift"] == ()
