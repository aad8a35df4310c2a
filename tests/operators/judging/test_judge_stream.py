"""The table of firing and clearing, one evaluation a minute over a window of a minute unless told otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.judging.decision import decide, quiet
from operators.judging.readings import Readings, breach_level, insufficient, oriented, readings_of
from operators.plans.monitors import Monitor
from operators.tables import Kind, Table

HOLD = 60_000
NAN = math.nan
RISING = Monitor("m", "DataDrift", Kind.FEATURE, "psi", (HOLD,), 0.1, 0.25)
AVAILABILITY = Monitor("sla.availability", "SlaBreach", Kind.SERVICE, "availability", (HOLD,), None, 0.99, falling=True)
THROUGHPUT = Monitor("sla.throughput", "SlaBreach", Kind.SERVICE, "throughput", (HOLD,), None, 10.0, falling=True)
LATENCY = Monitor(
    "sla.latency_p99_ms", "SlaBreach", Kind.SERVICE, "latency_p99_ms", (HOLD,), None, 200.0, objective="p"
)
TOGETHER = Monitor("multivariate.ratio", "Anomaly", Kind.JOINT, "reconstruction_error", (HOLD,), None, 1.5)
MISSING = Monitor("q", "DataQuality", Kind.QUALITY, "missing_ratio", (HOLD,), None, 0.01, relative=True)

Point = tuple[float, float, float, int]
"""(lower, value, upper, samples)."""


def table(points: list[Point], baseline: float | None = None, metric: str = "psi") -> Table:
    """One group with a column a point."""
    lower, value, upper, samples = (np.array([column]) for column in zip(*points, strict=True))
    base = None if baseline is None else np.full(value.shape, baseline)
    names = tuple(f"f{at}" for at in range(len(points)))
    return Table(Kind.FEATURE, metric, (("1", ""),), names, value, lower, upper, samples, base, samples)


def levels(monitor: Monitor, points: list[Point], *, baseline: float | None = None, step: int = HOLD) -> list[int]:
    """The level of one element after each evaluation."""
    state, found = quiet(1), []
    for at, point in enumerate(points):
        readings = readings_of(monitor, table([point], baseline, monitor.metric), 0)
        decide(state, readings, (at + 1) * step, HOLD, usual=monitor.usual)
        found.append(int(state.level[0]))
    return found


FINE, MINOR, MAJOR = (0.0, 0.01, 0.03, 1_000), (0.11, 0.15, 0.2, 1_000), (0.26, 0.3, 0.4, 1_000)
EDGE, NEAR = (0.1, 0.15, 0.2, 1_000), (0.05, 0.09, 0.119, 1_000)
NOT_YET, SILENT, THIN = (0.05, 0.09, 0.121, 1_000), (NAN, NAN, NAN, 0), (0.0, 0.01, 0.9, 400)
STILL_THIN = (0.0, 0.01, 0.9, 500)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([FINE, MINOR], [0, 1]),
        ([FINE, MAJOR], [0, 2]),
        ([EDGE], [0]),  # at the threshold is not past it
        ([(0.05, 0.5, 0.9, 30)], [0]),  # a high value on thin evidence
        ([SILENT, SILENT], [0, 0]),
        ([MINOR, MAJOR], [1, 2]),  # worse at once
        ([MINOR, FINE, FINE], [1, 1, 0]),  # back for one full window
        ([MINOR, FINE, MINOR, FINE, FINE], [1, 1, 1, 1, 0]),  # the clock starts anew
        ([MINOR, NEAR, NEAR], [1, 1, 0]),  # upper below 1.2 thresholds
        ([MINOR, NOT_YET, NOT_YET, NOT_YET], [1, 1, 1, 1]),  # and above
        ([MINOR, EDGE, EDGE, EDGE], [1, 1, 1, 1]),
        ([MINOR, SILENT, SILENT, SILENT], [1, 1, 1, 1]),  # silence clears nothing
        ([MINOR, THIN, THIN, THIN], [1, 1, 1, 1]),  # nor does less than half the evidence
        ([MINOR, STILL_THIN, STILL_THIN], [1, 1, 0]),  # half of it, all near zero, does
        ([MINOR, FINE, SILENT, FINE, FINE], [1, 1, 1, 1, 0]),  # silence in between starts the clock anew
        ([MAJOR, MINOR, MINOR, MINOR], [2, 2, 1, 1]),  # a step down after one full window
        ([MAJOR, FINE, FINE], [2, 2, 0]),
        ([MAJOR, NEAR, MAJOR, FINE, FINE], [2, 2, 2, 2, 0]),
    ],
)
def test_rising(points: list[Point], expected: list[int]) -> None:
    """Fires when the lower bound is past the threshold, clears when the evidence is gone for one full window."""
    assert levels(RISING, points) == expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0.97, 0.98, 0.989, 5_000)], [2]),  # all of the interval below the objective
        ([(0.97, 0.98, 0.991, 5_000)], [0]),  # not all of it
        ([(0.97, 0.98, 0.99, 5_000)], [0]),  # at the objective
        ([(0.9999, 1.0, 1.0, 5_000)], [0]),
        ([(0.9, 0.95, 0.98, 5_000), (0.995, 0.999, 1.0, 5_000), (0.995, 0.999, 1.0, 5_000)], [2, 2, 0]),
        ([(0.9, 0.95, 0.98, 5_000), (0.97, 0.992, 0.998, 5_000), (0.97, 0.992, 0.998, 5_000)], [2, 2, 2]),
        ([(0.9, 0.95, 0.98, 5_000), SILENT, SILENT], [2, 2, 2]),
    ],
)
def test_falling_is_the_mirror(points: list[Point], expected: list[int]) -> None:
    """An objective that must stay above is breached by the upper bound; 1.2 thresholds are 1.2 % of failures here."""
    assert levels(AVAILABILITY, points) == expected


def test_a_rate_that_must_stay_above() -> None:
    """Below 10 a second fires, at 10 or above clears."""
    points = [(9.0, 9.0, 9.0, 540), (10.0, 10.0, 10.0, 600), (11.0, 11.0, 11.0, 660), (11.0, 11.0, 11.0, 660)]
    assert levels(THROUGHPUT, points) == [2, 2, 2, 0]


@pytest.mark.parametrize(("baseline", "expected"), [(0.0, 2), (0.2, 2), (0.295, 0), (0.5, 0)])
def test_shares_are_an_increase_over_the_reference(baseline: float, expected: int) -> None:
    """30 % missing where the reference has 29.5 % is no news; where it has 20 % it is."""
    assert levels(MISSING, [(0.3, 0.31, 0.32, 1_000)], baseline=baseline) == [expected]


SLOW, INF = (322.0, 515.0, math.inf, 1_180), math.inf


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([SLOW, (45.0, 65.0, INF, 1_184), (47.0, 66.0, INF, 1_182)], [2, 2, 0]),  # too few rows for an upper bound
        ([SLOW, (45.0, 65.0, 900.0, 2_300), (47.0, 66.0, 900.0, 2_300)], [2, 2, 0]),  # or a few rows that time out
        ([SLOW, (45.0, 65.0, 150.0, 2_300), (47.0, 66.0, 150.0, 2_300)], [2, 2, 0]),  # and enough of them
        ([SLOW, *[(80.0, 150.0, INF, 1_184)] * 3], [2, 2, 2, 2]),  # as far below the threshold as above its bound
        ([SLOW, *[(30.0, 120.0, INF, 1_184)] * 3], [2, 2, 2, 2]),  # an interval that became wide clears nothing
        ([SLOW, *[(45.0, 65.0, INF, 500)] * 3], [2, 2, 2, 2]),  # nor does silence
        ([SLOW, (45.0, 65.0, INF, 1_184), SLOW, (45.0, 65.0, INF, 1_184)], [2, 2, 2, 2]),  # nor one good look
    ],
)
def test_an_objective_on_what_is_never_near_nothing_ends_on_thin_traffic(
    points: list[Point], expected: list[int]
) -> None:
    """A latency of 65 ms is no tenth of 200, and what of it is bounded from above takes thousands of rows."""
    assert levels(LATENCY, points) == expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(3.0, 4.0, 6.0, 200), *[(0.6, 1.0, 2.1, 200)] * 2], [2, 2, 0]),  # as the reference is
        ([(3.0, 4.0, 6.0, 200), *[(1.1, 1.3, 2.1, 200)] * 3], [2, 2, 2, 2]),  # a fifth of the way to the threshold
        ([(1.6, 2.0, 2.6, 200), *[(0.9, 1.6, 2.6, 200)] * 3], [2, 2, 2, 2]),  # not halfway back
    ],
)
def test_errors_of_reconstruction_are_back_where_they_are_those_of_the_reference(
    points: list[Point], expected: list[int]
) -> None:
    """They are multiples of it: what is usual is one, not nothing."""
    assert levels(TOGETHER, points) == expected


def test_clearing_takes_one_full_window_however_often_it_is_looked_at() -> None:
    """With a look every ten seconds, six more looks after the first good one."""
    assert levels(RISING, [MINOR, *[FINE] * 7], step=10_000) == [1, 1, 1, 1, 1, 1, 1, 0]


def test_elements_do_not_touch_one_another() -> None:
    """Each feature has a level of its own."""
    state = quiet(3)
    for at, points in enumerate(([FINE, MINOR, MAJOR], [MINOR, FINE, MAJOR], [MINOR, FINE, SILENT])):
        decide(state, readings_of(RISING, table(points), 0), (at + 1) * HOLD, HOLD)
    assert state.level.tolist() == [1, 0, 2]


def test_the_evidence_kept_is_that_of_the_latest_breach() -> None:
    """What an alert shows is what it stands on, not what was measured since."""
    state = quiet(1)
    for at, point in enumerate([MINOR, (0.12, 0.16, 0.21, 2_000), FINE]):
        decide(state, readings_of(RISING, table([point]), 0), (at + 1) * HOLD, HOLD)
    assert (state.lower[0], state.value[0], state.upper[0], state.fired_on[0]) == (0.12, 0.16, 0.21, 2_000)
    assert state.at[0] == 2 * HOLD


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.floats(0, 1) | st.just(NAN)] * 3, st.integers(0, 10_000)).map(
            lambda t: (*sorted(t[:3]), t[3]) if not any(map(math.isnan, t[:3])) else (NAN, NAN, NAN, t[3])
        ),
        min_size=1,
        max_size=30,
    )
)
def test_levels_rise_on_evidence_only_and_never_fall_at_once(points: list[Point]) -> None:
    """Whatever is measured: a rise needs the lower bound past that threshold; a fall needs two good looks."""
    found = [0, *levels(RISING, points)]
    for at, (lower, *_) in enumerate(points):
        before, after = found[at], found[at + 1]
        if after > before:
            assert lower > (0.25 if after == 2 else 0.1)
        if after < before:
            assert not lower > (0.25 if before == 2 else 0.1)
            assert at > 0
            assert not points[at - 1][0] > (0.25 if before == 2 else 0.1)


def test_breach_levels_follow_the_lower_bound_alone() -> None:
    """Major, minor, neither; no bound is no breach."""
    readings = readings_of(RISING, table([FINE, MINOR, MAJOR, SILENT, (0.05, 9.9, 99.0, 5)]), 0)
    assert breach_level(readings).tolist() == [0, 1, 2, 0, 0]


def test_too_wide_an_interval_says_nothing() -> None:
    """Insufficient: wider than the lowest threshold, or without a value."""
    points = [FINE, (0.0, 0.05, 0.09, 10), (0.0, 0.05, 0.11, 10), SILENT]
    assert insufficient(readings_of(RISING, table(points), 0)).tolist() == [False, False, True, True]
    shares = [(0.1, 0.11, 0.105 + 0.004, 99), (0.1, 0.11, 0.12, 99)]
    assert insufficient(readings_of(MISSING, table(shares, 0.09), 0)).tolist() == [False, True]


def test_the_worst_feature_stands_for_all() -> None:
    """Its value, with the highest bounds of any feature: an objective on drift speaks of the maximum."""
    monitor = Monitor("sla.drift", "SlaBreach", Kind.FEATURE, "psi", (HOLD,), None, 0.1, worst_only=True)
    readings = readings_of(monitor, table([(0.01, 0.4, 0.9, 10), (0.2, 0.3, 0.4, 999), SILENT]), 0)
    assert (readings.value.tolist(), readings.lower.tolist(), readings.upper.tolist()) == ([0.4], [0.2], [0.9])
    assert breach_level(readings_of(monitor, table([SILENT, SILENT]), 0)).tolist() == [0]


@pytest.mark.parametrize("monitor", [RISING, AVAILABILITY, THROUGHPUT])
def test_a_turned_value_turns_back(monitor: Monitor) -> None:
    """What is shown is what was measured."""
    readings: Readings = readings_of(monitor, table([(0.25, 0.5, 0.75, 9)], metric=monitor.metric), 0)
    shown = [oriented(monitor, float(one[0])) for one in (readings.lower, readings.value, readings.upper)]
    assert sorted(shown) == [0.25, 0.5, 0.75]
    assert shown[1] == 0.5
