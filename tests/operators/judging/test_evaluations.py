import re
from pathlib import Path

import numpy as np
import pytest
from verdicts import measures, table

from operators.judging.evaluations import Evaluation, rows_of
from operators.judging.sheet import Sheet, Sheets
from operators.plans.measures import DISTANCES, QUANTILES
from operators.plans.monitors import Monitor
from operators.tables import Kind, Table

PSI = Monitor("drift.psi", "DataDrift", Kind.FEATURE, "psi", (60_000,), 0.1, 0.25)


def sheet(one: Table, *monitors: Monitor) -> Sheet:
    """A table as these monitors read it."""
    return Sheets({(60_000, one.kind, one.metric): monitors})(measures(9, one))


def rows(*lowers: float, monitors: tuple[Monitor, ...] = (PSI,), **more: object) -> list[Evaluation]:
    """The rows of a table of these lower bounds."""
    one = table(list(lowers), **more)  # type: ignore[arg-type]
    return rows_of(measures(9, one), sheet(one, *monitors))


def test_status_says_what_the_interval_says() -> None:
    """ok, minor, major; each with the threshold that is crossed first."""
    got = rows(0.0, 0.15, 0.3)
    assert [row.status for row in got] == ["ok", "minor", "major"]
    assert {row.threshold for row in got} == {0.1}


def test_an_interval_wider_than_the_threshold_is_insufficient_data() -> None:
    """Never ok, and the reason names samples and threshold; evidence past the threshold stands all the same."""
    got = rows(0.0, 0.3, width=0.12, samples=17)
    assert [row.status for row in got] == ["insufficient_data", "major"]
    assert got[0].reason == "17 samples leave an interval wider than the threshold 0.1"


def test_a_value_that_is_not_there() -> None:
    """Without samples: insufficient data; with samples the metric does not apply to the feature: no row."""
    (row,) = rows(np.nan, samples=0)
    assert (row.status, row.value, row.lower, row.samples) == ("insufficient_data", None, None, 0)
    assert "no samples" in row.reason
    assert rows(np.nan, samples=10) == []


def test_an_infinite_bound_is_no_number() -> None:
    """JSON has none."""
    one = table([0.0])
    one.upper[:] = np.inf
    (row,) = rows_of(measures(9, one), sheet(one, PSI))
    assert row.upper is None
    assert row.status == "insufficient_data"


def test_what_no_monitor_judges_is_told_without_a_threshold() -> None:
    """A measured value is of use without a limit."""
    (row,) = rows(0.7, monitors=())
    assert (row.status, row.threshold) == ("ok", None)
    assert row.reason == "measured; no threshold is set"


def test_the_window_and_the_samples_are_told() -> None:
    """Size as text, start and end in ms."""
    (row,) = rows(0.0)
    assert (row.window.size, row.window.start, row.window.end) == ("1m", 40_000, 100_000)
    assert (row.samples, row.reference_samples) == (1_000, 5_000)
    assert (row.model, row.version, row.segment, row.kind, row.feature, row.metric) == (
        "click",
        "1",
        "",
        "feature",
        "f0",
        "psi",
    )


@pytest.mark.parametrize("target", [0.999, 0.99, 0.5])
def test_the_threshold_of_a_falling_objective_is_its_target(target: float) -> None:
    """Turned around for the verdict, told as it was given."""
    monitor = Monitor(
        "sla.availability", "SlaBreach", Kind.SERVICE, "availability", (60_000,), None, target, falling=True
    )
    (row,) = rows(0.0, monitors=(monitor,), metric="availability", kind=Kind.SERVICE)
    assert (row.threshold, row.status) == (target, "major")


def test_a_monitor_of_the_whole_does_not_judge_a_segment() -> None:
    """A segment's row has no threshold from it."""
    monitor = Monitor("sla.x", "SlaBreach", Kind.FEATURE, "psi", (60_000,), None, 0.1, whole_only=True)
    got = rows(0.3, monitors=(monitor,), groups=(("1", ""), ("1", "country=de")))
    assert [(row.segment, row.status) for row in got] == [("", "major"), ("country=de", "ok")]


def test_the_manual_explains_every_kind() -> None:
    """Its table has a line for each kind, in their order, and the names that metrics and fields have."""
    manual = (Path(__file__).resolve().parents[3] / "deploy" / "README.md").read_text()
    section = manual.partition("## Evaluations\n")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^\| (\w+) \| (.*) \|$", section, re.MULTILINE))
    assert [kind for kind in told if kind != "kind"] == list(Kind)
    assert all(metric in told["feature"] for metric in DISTANCES)
    assert all(metric in told["service"] for metric, _ in QUANTILES)
    assert all(f"`{name}`" in section for name in Evaluation.__struct_fields__)
