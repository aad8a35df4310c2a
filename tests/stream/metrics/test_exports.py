"""Exports: each report fits a declared metric, has the contract's labels, and goes when its data goes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from operators.alerts.alert import ActiveAlerts
from operators.intake.account import Balance
from operators.judging.judge import Verdicts
from operators.judging.objectives import ObjectiveStanding
from operators.predictions.close import Totals as Counts
from operators.predictions.slices import Header, Seen
from operators.tables import Kind, Measures, Table
from stream.metrics.exports import Exports, of_alerts, of_balance, of_measures, of_verdicts
from stream.metrics.registry import Registry
from windows.panes import Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.metrics.reports import Report

MINUTE = Window(60_000, 10_000)
GROUPS = (("1", ""), ("1", "country=DE"), ("2", ""))
WHOLE = (("1", ""), ("2", ""))
END = 1_790_000_000_000


def table(
    kind: Kind, metric: str, groups: tuple[tuple[str, str], ...], columns: tuple[str, ...], first: float
) -> Table:
    """A table whose values are first, first + 1, ... and whose lower bounds are half of them."""
    value = first + np.arange(len(groups) * len(columns), dtype=np.float64).reshape(len(groups), len(columns))
    samples = np.full(value.shape, 100, dtype=np.int64)
    return Table(kind, metric, groups, columns, value, value / 2, value * 2, samples, None, samples)


def measures(*tables: Table, window: Window = MINUTE) -> Measures:
    """Tables of one window of the model `click`."""
    return Measures("click", window, END // window.slide - 1, tables)


def shown(*batches: Iterable[Report]) -> Registry:
    """A registry that has taken the reports in: it refuses what is not declared or has too few labels."""
    registry = Registry()
    for batch in batches:
        for report in batch:
            registry.apply(report)
    return registry


def test_drift_of_each_feature_segment_and_version_is_a_series_with_its_bound() -> None:
    """The value and the lower bound that alerts are decided on, under the same labels."""
    registry = shown(of_measures(measures(table(Kind.FEATURE, "ks", GROUPS, ("age", "price"), 1.0)), 60_000))
    values, bounds = registry.values("feature_drift"), registry.values("feature_drift_bound")
    assert len(values) == len(bounds) == 6
    assert values["click", "1", "", "age", "ks", "1m"] == 1.0
    assert values["click", "1", "country=DE", "price", "ks", "1m"] == 4.0
    assert {row: value / 2 for row, value in values.items()} == bounds


def test_prediction_drift_has_no_feature() -> None:
    """One series a version, segment, metric and window."""
    registry = shown(of_measures(measures(table(Kind.PREDICTION, "psi", GROUPS, ("",), 1.0)), 60_000))
    assert set(registry.values("prediction_drift")) == {("click", *group, "psi", "1m") for group in GROUPS}


def test_values_that_do_not_exist_and_metrics_for_the_topic_only_are_no_series() -> None:
    """NaN is left out, and so is chi2."""
    holes = table(Kind.FEATURE, "ks", WHOLE, ("age", "price"), 1.0)
    holes.value[0, 1] = np.nan
    registry = shown(of_measures(measures(holes, table(Kind.FEATURE, "chi2", WHOLE, ("age",), 1.0)), 60_000))
    assert {(row[1], row[3], row[4]) for row in registry.values("feature_drift")} == {
        ("1", "age", "ks"),
        ("2", "age", "ks"),
        ("2", "price", "ks"),
    }


def test_latency_is_in_seconds_by_quantile() -> None:
    """Tables are in milliseconds, metrics in base units."""
    tables = [table(Kind.SERVICE, f"latency_{q}_ms", WHOLE, ("",), at) for q, at in (("p50", 10.0), ("p99", 90.0))]
    registry = shown(of_measures(measures(*tables), 60_000))
    assert registry.values("prediction_latency_seconds") == pytest.approx(
        {
            ("click", "1", "1m", "0.5"): 0.010,
            ("click", "2", "1m", "0.5"): 0.011,
            ("click", "1", "1m", "0.99"): 0.090,
            ("click", "2", "1m", "0.99"): 0.091,
        }
    )


def test_availability_and_throughput_are_by_version_and_window() -> None:
    """One series a version and window."""
    tables = (
        table(Kind.SERVICE, "availability", WHOLE, ("",), 0.5),
        table(Kind.SERVICE, "throughput", WHOLE, ("",), 7.0),
    )
    registry = shown(of_measures(measures(*tables), 60_000))
    assert registry.values("availability_ratio") == {("click", "1", "1m"): 0.5, ("click", "2", "1m"): 1.5}
    assert registry.values("throughput_per_second") == {("click", "1", "1m"): 7.0, ("click", "2", "1m"): 8.0}


def test_missing_shares_are_those_of_one_window_without_segments() -> None:
    """Their series carry no window: only the chosen size shows them, and only for the whole of a version."""
    shares = table(Kind.QUALITY, "missing_ratio", GROUPS, ("age", "price"), 0.0)
    hour = Window(3_600_000, 60_000)
    registry = shown(of_measures(measures(shares), 60_000), of_measures(measures(shares, window=hour), 60_000))
    assert registry.values("feature_missing_ratio") == {
        ("click", "1", "age"): 0.0,
        ("click", "1", "price"): 1.0,
        ("click", "2", "age"): 4.0,
        ("click", "2", "price"): 5.0,
    }


def test_a_window_without_data_has_no_series() -> None:
    """What was shown of it goes; another window's stays."""
    tables = (
        table(Kind.FEATURE, "ks", GROUPS, ("age",), 1.0),
        table(Kind.PREDICTION, "ks", GROUPS, ("",), 1.0),
        table(Kind.SERVICE, "latency_p50_ms", WHOLE, ("",), 1.0),
        table(Kind.SERVICE, "availability", WHOLE, ("",), 1.0),
        table(Kind.SERVICE, "throughput", WHOLE, ("",), 1.0),
    )
    five = Window(300_000, 10_000)
    full = (of_measures(measures(*tables), 60_000), of_measures(measures(*tables, window=five), 60_000))
    registry = shown(*full, of_measures(measures(), 60_000))
    names = ("feature_drift", "feature_drift_bound", "prediction_drift", "prediction_drift_bound")
    for name in (*names, "prediction_latency_seconds", "availability_ratio", "throughput_per_second"):
        rows = registry.values(name)
        assert rows
        assert all("5m" in row for row in rows), name


def verdicts(*, seen: dict[str, Seen], totals: Counts, objectives: tuple[ObjectiveStanding, ...] = ()) -> Verdicts:
    """The verdicts of a tick."""
    header = Header(END, (), END - 60_000, END, seen, totals)
    return Verdicts(END, header, (), (), objectives)


def seen(*values: int) -> Seen:
    """A version seen until now whose features last had values then."""
    return Seen(END - 60_000, END, END, np.array(values, dtype=np.int64), np.zeros(len(values), dtype=np.int64))


def test_a_tick_tells_the_watermark_ages_and_totals() -> None:
    """Watermark in seconds, the age of each feature, and counts by version and outcome."""
    totals = Counts({"1": 90, "2": 5}, {"1": 3}, folded=98, late=4, overflow=2)
    tick = verdicts(seen={"1": seen(END, END - 30_000)}, totals=totals)
    registry = shown(of_verdicts("click", ("age", "price"), tick))
    assert registry.values("watermark_timestamp_seconds") == {("click",): END / 1e3}
    assert registry.values("feature_age_seconds") == {("click", "1", "age"): 0.0, ("click", "1", "price"): 30.0}
    assert registry.values("predictions_total") == {
        ("click", "1", "ok"): 90.0,
        ("click", "2", "ok"): 5.0,
        ("click", "1", "error"): 3.0,
    }
    assert registry.values("records_folded_total") == {("click",): 98.0}
    assert registry.values("late_records_total") == {("click", "late"): 4.0}
    assert registry.values("overflow_total") == {("click", "versions"): 2.0, ("click", "segments"): 0.0}


def test_a_forgotten_version_has_no_ages() -> None:
    """Ages of a version go with it."""
    first = verdicts(seen={"1": seen(END), "2": seen(END)}, totals=Counts())
    second = verdicts(seen={"2": seen(END)}, totals=Counts())
    registry = shown(of_verdicts("click", ("age",), first), of_verdicts("click", ("age",), second))
    assert set(registry.values("feature_age_seconds")) == {("click", "2", "age")}


def test_objectives_are_shown_with_target_value_and_verdict() -> None:
    """Each tick shows where all objectives stand; what the judge has forgotten is shown no more."""
    met, broken = (
        ObjectiveStanding("1", "availability", 0.999, 0.9995, violated=False),
        ObjectiveStanding("1", "latency_p99_ms", 100.0, 140.0, violated=True),
    )
    registry = shown(
        of_verdicts("click", (), verdicts(seen={}, totals=Counts(), objectives=(met, broken))),
    )
    assert registry.values("sla_objective")["click", "1", "availability"] == 0.999
    assert registry.values("sla_value")["click", "1", "latency_p99_ms"] == 140.0
    assert registry.values("sla_violated") == {
        ("click", "1", "availability"): 0.0,
        ("click", "1", "latency_p99_ms"): 1.0,
    }
    forgotten = shown(
        of_verdicts("click", (), verdicts(seen={}, totals=Counts(), objectives=(met, broken))),
        of_verdicts("click", (), verdicts(seen={}, totals=Counts(), objectives=(met,))),
    )
    assert forgotten.values("sla_violated") == {("click", "1", "availability"): 0.0}


def test_firing_alerts_are_1_and_gone_when_they_end() -> None:
    """alert_active holds what fires now; the totals stay."""
    row = ("1", "", "DataDrift", "critical")
    firing = ActiveAlerts("click", (row,), {("DataDrift", "firing"): 1})
    ended = ActiveAlerts("click", (), {("DataDrift", "firing"): 1, ("DataDrift", "resolved"): 1})
    assert shown(of_alerts(firing)).values("alert_active") == {("click", *row): 1.0}
    registry = shown(of_alerts(firing), of_alerts(ended))
    assert registry.values("alert_active") == {}
    assert registry.values("alerts_total") == {
        ("click", "DataDrift", "firing"): 1.0,
        ("click", "DataDrift", "resolved"): 1.0,
    }


def test_dead_letters_of_all_partitions_are_added_up() -> None:
    """Each partition counts its own, the metric is by topic and reason; a balance that comes again changes nothing."""
    one = Balance("predictions/0", "predictions", 0, 100, {"empty": 2}, skipped=5, tombstones=3)
    two = Balance("predictions/1", "predictions", 1, 50, {"empty": 3, "oversized": 1})
    registry = shown(of_balance(one), of_balance(two), of_balance(one))
    assert registry.values("records_read_total") == {("predictions", "0"): 100.0, ("predictions", "1"): 50.0}
    assert registry.values("dead_letters_total") == {
        ("predictions", "empty"): 5.0,
        ("predictions", "oversized"): 1.0,
    }
    assert registry.values("records_skipped_total") == {
        ("predictions", "0", "tombstone"): 3.0,
        ("predictions", "0", "left_out"): 2.0,
        ("predictions", "1", "tombstone"): 0.0,
        ("predictions", "1", "left_out"): 0.0,
    }


def test_estimated_performance_is_a_series_with_its_bounds() -> None:
    """Value, lower and upper bound of each metric, version and segment; NaN is no series, and without data all go."""
    undefined = table(Kind.ESTIMATE, "estimated_precision", GROUPS, ("",), np.nan)
    known = table(Kind.ESTIMATE, "estimated_auc", GROUPS, ("",), 1.0)
    registry = shown(of_measures(measures(undefined, known), 60_000))
    labels = ("click", "1", "country=DE", "estimated_auc", "1m")
    assert len(registry.values("performance")) == len(GROUPS)
    assert registry.values("performance")[labels] == 2.0
    assert registry.values("performance_lower")[labels] == 1.0
    assert registry.values("performance_upper")[labels] == 4.0
    for report in of_measures(measures(), 60_000):
        registry.apply(report)
    assert registry.values("performance") == {}


def test_a_window_at_rest_leaves_its_series_as_they_are() -> None:
    """Nothing is told of it again; once it changes, and be it to nothing, that is."""
    exports = Exports({"click": ("age",)}, {"click": 60_000})
    drift = measures(table(Kind.FEATURE, "ks", WHOLE, ("age",), 1.0))
    resting = replace(drift, changed=False)
    assert list(exports.of_measures(resting)) == []
    before = shown(exports.of_measures(drift), exports.of_measures(resting)).values("feature_drift")
    assert before == {("click", "1", "", "age", "ks", "1m"): 1.0, ("click", "2", "", "age", "ks", "1m"): 2.0}
    assert not shown(exports.of_measures(drift), exports.of_measures(measures())).values("feature_drift")
