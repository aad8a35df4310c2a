import math
import threading
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pushing import CRITICAL, active, event, told

from stream.metrics.registry import Registry
from stream.metrics.reports import GaugeBlock, Increments, LocalReporter, Observation, OwnerGone, Report, Status, Totals
from stream.metrics.stores import UnknownReportError

NOW = 1_700_000_000.0
DRIFT = "feature_drift"
WATERMARK = "watermark_timestamp_seconds"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def filled(reports: Iterable[Report], processes: int = 1) -> Registry:
    """A registry that has taken in the reports."""
    registry = Registry(processes, clock=lambda: NOW)
    for report in reports:
        registry.apply(report)
    return registry


def samples(text: bytes) -> Samples:
    """What prometheus_client's own parser reads in a scrape; fails on a series that comes twice."""
    found: Samples = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, key
            found[key] = sample.value
    return found


def drift(owner: str, values: dict[str, float]) -> GaugeBlock:
    """A block of one value for each feature."""
    rows = tuple(("click", "7", "", feature, "psi", "10s") for feature in values)
    return GaugeBlock(owner, DRIFT, rows, tuple(values.values()))


def shown_drift(registry: Registry) -> dict[str, float]:
    """Drift by feature."""
    return {row[3]: value for row, value in registry.values(DRIFT).items()}


def test_a_block_replaces_the_former_one_of_its_owner() -> None:
    """Series that the new block does not have are gone; other owners' stay."""
    registry = filled([drift("a", {"x": 1.0, "y": 2.0}), drift("b", {"z": 3.0}), drift("a", {"y": 5.0})])
    assert shown_drift(registry) == {"y": 5.0, "z": 3.0}


def test_a_block_without_rows_removes_the_former_one() -> None:
    """Nothing is left of the series, not even the metric's header."""
    registry = filled([drift("a", {"x": 1.0}), drift("a", {})])
    assert shown_drift(registry) == {}
    assert b"feature_drift" not in registry.render()


def test_an_owner_that_is_gone_takes_all_its_blocks_along() -> None:
    """Other owners of the same metrics keep theirs."""
    missing = GaugeBlock("a", "feature_missing_ratio", (("click", "7", "x"),), (0.5,))
    registry = filled([drift("a", {"x": 1.0}), missing, drift("b", {"z": 3.0}), OwnerGone("a")])
    assert shown_drift(registry) == {"z": 3.0}
    assert registry.values("feature_missing_ratio") == {}


def test_no_series_is_shown_twice() -> None:
    """Rows repeated in a block or given by two owners would fail the scrape; the later value is shown."""
    row = ("click", "7", "", "x", "psi", "10s")
    registry = filled([GaugeBlock("a", DRIFT, (row, row), (1.0, 2.0)), GaugeBlock("b", DRIFT, (row,), (3.0,))])
    names = ("model", "version", "segment", "feature", "metric", "window")
    series = ("driftgauge_feature_drift", frozenset(zip(names, row, strict=True)))
    assert samples(registry.render())[series] == 3.0
    assert samples(generate_latest(registry))[series] == 3.0


def test_totals_never_fall() -> None:
    """A replay after a crash reports less than was shown; what is shown stays until the count has caught up."""
    key = ("click", "7", "ok")
    registry = Registry()
    shown = []
    for total in (100.0, 60.0, 80.0, 120.0):
        registry.apply(Totals("predictions_total", {key: total}))
        shown.append(registry.values("predictions_total")[key])
    assert shown == [100.0, 100.0, 100.0, 120.0]


def test_totals_of_several_owners_add_up() -> None:
    """Each partition counts its own late records of a model; the replay of one of them does not lower the sum."""
    key = ("click", "late")
    reports: list[Report] = [
        Totals("late_records_total", {key: 10.0}, owner="predictions/0"),
        Totals("late_records_total", {key: 5.0}, owner="predictions/1"),
        Totals("late_records_total", {key: 3.0}, owner="predictions/0"),
        Increments("late_records_total", {key: 2.0}),
    ]
    assert filled(reports).values("late_records_total") == {key: 17.0}


@given(st.lists(st.integers(0, 1_000)), st.data())
def test_totals_and_increments_come_in_any_order(counts: list[int], data: st.DataObject) -> None:
    """The shown value is the largest total plus the sum of increments, whatever the order."""
    key = ("click", "7", "ok")
    reports: list[Report] = []
    reports += [Totals("predictions_total", {key: float(count)}) for count in counts]
    reports += [Increments("predictions_total", {key: float(count)}) for count in counts]
    expected = {key: float(max(counts) + sum(counts))} if counts else {}
    order: list[Report] = data.draw(st.permutations(reports))
    assert filled(order).values("predictions_total") == expected


@given(st.lists(st.floats(-10, 10_000), max_size=50))
def test_a_histogram_counts_each_value_once(values: list[float]) -> None:
    """Buckets are cumulative and hold their bounds; count and sum are those of the values."""
    registry = filled([Observation("event_to_alert_seconds", ("click", "DataDrift"), value) for value in values])
    found = samples(registry.render())
    prefix = "driftgauge_event_to_alert_seconds"
    buckets = {dict(labels)["le"]: value for (name, labels), value in found.items() if name == f"{prefix}_bucket"}
    for bound, count in buckets.items():
        assert count == sum(value <= float(bound) for value in values)
    sums = [value for (name, _), value in found.items() if name == f"{prefix}_sum"]
    assert sums == ([pytest.approx(math.fsum(values), abs=1e-6)] if values else [])


def test_undeclared_reports_are_refused_and_change_nothing() -> None:
    """An unknown metric, a wrong kind, a wrong number of labels or values, a falling counter, a stranger's status."""
    registry = filled([drift("a", {"x": 1.0}), Totals("predictions_total", {("click", "7", "ok"): 1.0})])
    before = samples(registry.render())
    wrong: list[Report] = [
        GaugeBlock("a", "no_such_metric", ((),), (1.0,)),
        GaugeBlock("a", "predictions_total", (("click", "7", "ok"),), (1.0,)),
        GaugeBlock("a", DRIFT, (("click", "7"),), (1.0,)),
        GaugeBlock("a", DRIFT, (("click", "7", "", "x", "psi", "10s"),), (1.0, 2.0)),
        Totals(DRIFT, {("click", "7", "", "x", "psi", "10s"): 1.0}),
        Totals("predictions_total", {("click", "7", "ok"): 9.0, ("click",): 9.0}),
        Increments("predictions_total", {("click", "7", "ok"): -1.0}),
        Observation("event_to_alert_seconds", ("click",), 1.0),
        Observation("event_to_alert_seconds", ("click", "DataDrift"), math.nan),
        Status(5, "running"),
    ]
    for report in wrong:
        with pytest.raises(UnknownReportError):
            registry.apply(report)
    after = samples(registry.render())
    assert {k: v for k, v in after.items() if k[0].startswith("driftgauge")} == {
        k: v for k, v in before.items() if k[0].startswith("driftgauge")
    }


label = st.text(max_size=8)
number = st.one_of(st.floats(), st.integers(-10, 10).map(float), st.sampled_from([math.inf, -math.inf, math.nan]))


@given(st.dictionaries(st.tuples(label, label, label), number, max_size=20))
def test_a_scrape_reads_as_prometheus_client_would_have_written_it(values: dict[tuple[str, ...], float]) -> None:
    """The fast text and the library's, read by the library's parser, give the same samples: any label, any number."""
    registry = filled([GaugeBlock("a", "availability_ratio", tuple(values), tuple(values.values()))])
    fast = {key: repr(value) for key, value in samples(registry.render()).items() if "availability" in key[0]}
    slow = {key: repr(value) for key, value in samples(generate_latest(registry)).items() if "availability" in key[0]}
    names = ("model", "version", "window")
    given_ = {
        ("driftgauge_availability_ratio", frozenset(zip(names, row, strict=True))): repr(value)
        for row, value in values.items()
    }
    assert fast == slow == given_


def test_a_lone_surrogate_does_not_break_the_scrape() -> None:
    """It is shown as a question mark, in gauges, counters and histograms."""
    registry = filled(
        [
            GaugeBlock("a", "availability_ratio", (("\ud800", "7", "1m"),), (1.0,)),
            Totals("predictions_total", {("\ud800", "7", "ok"): 1.0}),
            Observation("event_to_alert_seconds", ("\ud800", "DataDrift"), 1.0),
        ]
    )
    assert registry.render().count(b'model="?"') > 3


def test_watermark_lag_is_that_of_the_scrape() -> None:
    """It is the clock minus the watermark, of each model whose watermark is known, and goes with it."""
    registry = filled([GaugeBlock("w", WATERMARK, (("click",), ("rank",)), (NOW - 12.5, math.nan))])
    registry.render()
    assert registry.values("watermark_lag_seconds") == {("click",): 12.5}
    registry.apply(OwnerGone("w"))
    registry.render()
    assert registry.values("watermark_lag_seconds") == {}


def test_a_scrape_says_which_processes_run_and_whether_all_is_ready() -> None:
    """`worker_running` is by process; `ready` needs all of them and a watermark."""
    registry = filled([Status(0, "running"), GaugeBlock("w", WATERMARK, (("click",),), (NOW,))], processes=2)
    registry.render()
    assert registry.values("worker_running") == {("0",): 1.0, ("1",): 0.0}
    assert registry.values("ready") == {(): 0.0}
    registry.apply(Status(1, "running"))
    registry.render()
    assert registry.values("ready") == {(): 1.0}


def test_readiness_names_what_is_missing() -> None:
    """A line for each process that does not run, with its detail, and one for the watermark."""
    registry = filled([Status(1, "waiting_for_broker", "localhost:9092 refuses")], processes=2)
    assert registry.not_ready() == (
        "process 0: starting",
        "process 1: waiting for broker (localhost:9092 refuses)",
        "the watermark is unknown: no partition has given a record yet",
    )
    for process in range(2):
        registry.apply(Status(process, "running"))
    registry.apply(GaugeBlock("w", WATERMARK, (("click",),), (math.nan,)))
    assert registry.not_ready() == ("the watermark is unknown: no partition has given a record yet",)
    registry.apply(GaugeBlock("w", WATERMARK, (("click",),), (NOW,)))
    assert registry.not_ready() == ()


def test_a_local_reporter_applies_at_once() -> None:
    """For a dataflow in the same process the report is shown when `send` returns."""
    registry = Registry()
    LocalReporter(registry.apply).send(drift("a", {"x": 1.0}))
    assert shown_drift(registry) == {"x": 1.0}


def test_listeners_are_told_what_was_taken_in() -> None:
    """In order, what the registry itself has no use for as well; nothing of what it refuses."""
    registry, heard = Registry(), list[Report]()
    registry.add_listener(heard.append)
    with pytest.raises(UnknownReportError):
        registry.apply(GaugeBlock("a", "unheard_of", (), ()))
    given = [Status(0, "running"), told(event()), active(CRITICAL)]
    for report in given:
        registry.apply(report)
    assert heard == given


def test_scrapes_and_reports_at_the_same_time() -> None:
    """While one thread replaces blocks whole, every scrape shows a whole block."""
    registry = Registry(clock=lambda: NOW)
    done = threading.Event()

    def report() -> None:
        for value in range(300):
            registry.apply(drift("a", {f"f{feature}": float(value) for feature in range(200)}))
        done.set()

    thread = threading.Thread(target=report)
    thread.start()
    while not done.is_set():
        found = {value for (name, _), value in samples(registry.render()).items() if name.endswith("feature_drift")}
        assert len(found) <= 1
    thread.join()
