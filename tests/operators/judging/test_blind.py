"""Blind streams: rows come, and yet nothing can be said; it is told, and only then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from operators.judging.blind import TOLD_AFTER, BlindState, blind_of, conclude, due, lack, look, looked, rounded
from operators.judging.readings import Readings
from operators.plans.monitors import Monitor
from operators.tables import Kind

HOUR = 3_600_000
KS = Monitor("drift.ks", "DataDrift", Kind.FEATURE, "ks", (60_000, HOUR), 0.05, 0.1)
FEATURES = ("amount", "country")


def readings(band: float, samples: int, features: int = 2, value: float = 0.01) -> Readings:
    """Of so many rows, with bounds so far from the value."""
    values = np.full(features, value)
    levels = (np.full(features, KS.minor), np.full(features, KS.major))
    return Readings(
        values, np.maximum(values - band, 0), values + band, np.full(features, samples), *levels, np.zeros(features)
    )


def watch(state: BlindState, now: int, **bands: tuple[float, int]) -> None:
    """Look at both windows: (band, samples) of each."""
    for size, (band, samples) in zip(KS.windows, bands.values(), strict=True):
        look(state, KS, size, ("1", ""), readings(band, samples), np.full(2, 50_000), now, covered=10 * HOUR)
    conclude(state, ["1"], [KS], lambda _: FEATURES, now)


def test_a_stream_is_blind_once_no_window_has_seen_for_its_longest() -> None:
    """Half an hour is none yet; after an hour both features are, and are counted; the alert waits for a day."""
    state = BlindState()
    for now in (0, HOUR // 2, HOUR - 1, HOUR):
        watch(state, now, short=(0.9, 1), long=(0.4, 60))
        assert state.found is not None
        assert (state.found.streams, state.found.lasting, state.found.all) == (2 if now == HOUR else 0, 0, 2)
    assert state.findings == ()


def test_after_a_day_it_is_a_finding_in_words() -> None:
    """It names the stream, what it needs, for which threshold, and what there is."""
    state = BlindState()
    for hour in range(25):
        watch(state, hour * HOUR, short=(0.9, 1), long=(0.25, 150))
    (found,) = state.findings
    assert (found.alert, found.level, found.metric, found.value) == ("DataQuality", 1, "blind_ratio", 1.0)
    assert found.lower == found.value == found.upper
    assert found.against == (
        "drift.ks of amount of version 1 over 1h needs about 950 predictions a window for 0.1;"
        " expected in a full window: 150"
    )


def test_one_window_that_sees_is_enough() -> None:
    """The short window is too thin for ever, the long one is not: nothing is blind."""
    state = BlindState()
    for hour in range(50):
        watch(state, hour * HOUR, short=(0.9, 1), long=(0.09, 2_000))
    assert blind_of(state, 50 * HOUR).streams == 0


def test_a_window_that_fills_is_not_blind() -> None:
    """A month's window after a day holds a thirtieth of its rows: what it will hold counts."""
    state, size = BlindState(), 30 * TOLD_AFTER
    monitor = Monitor("drift.ks", "DataDrift", Kind.FEATURE, "ks", (size,), None, 0.1)
    for day in range(1, 4):
        now = day * TOLD_AFTER
        band = 3.1 / np.sqrt(160 * day)
        look(state, monitor, size, ("1", ""), readings(band, 160 * day), np.full(2, 50_000), now, covered=now)
        conclude(state, ["1"], [monitor], lambda _: FEATURES, now)
    assert blind_of(state, 3 * TOLD_AFTER).streams == 0


def test_what_fires_is_not_blind() -> None:
    """A feature that broke altogether is past the threshold, however wide its interval."""
    state = BlindState()
    for hour in range(30):
        found = readings(0.4, 60, value=0.95)
        for size in KS.windows:
            look(state, KS, size, ("1", ""), found, np.full(2, 50_000), hour * HOUR, covered=HOUR)
        conclude(state, ["1"], [KS], lambda _: FEATURES, hour * HOUR)
    assert state.found is not None
    assert state.found.lasting == 0


def test_without_rows_there_is_no_stream() -> None:
    """Nothing is said of a feature that never had a value: FeatureStale tells that."""
    state = BlindState()
    found = readings(0.4, 0)
    look(state, KS, HOUR, ("1", ""), found, np.full(2, 50_000), 0, covered=HOUR)
    assert state.streams == {}


def test_versions_and_monitors_that_are_gone_are_forgotten() -> None:
    """What nobody watches is not blind."""
    state = BlindState()
    watch(state, 0, short=(0.9, 1), long=(0.4, 60))
    conclude(state, ["2"], [KS], lambda _: FEATURES, 1)
    assert state.streams == {}
    watch(state, 0, short=(0.9, 1), long=(0.4, 60))
    conclude(state, ["1"], [], lambda _: FEATURES, 1)
    assert state.streams == {}


def test_looks_are_few() -> None:
    """A window of ten seconds is looked at once a minute, of an hour every quarter, of a month every six hours."""
    for size, every in ((10_000, 60_000), (HOUR, HOUR // 4), (30 * 24 * HOUR, 6 * HOUR)):
        state = BlindState()
        assert due(state, KS, size, 0)
        looked(state, KS, size, 0)
        assert not due(state, KS, size, every - 1)
        assert due(state, KS, size, every)


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        (912.3, "needs about 910 predictions a window for 0.1; there are 150"),
        (12_345.0, "needs about 12,000 predictions a window for 0.1; there are 150"),
        (np.inf, "cannot be judged for 0.1: the reference has too few rows of it"),
        (np.nan, "cannot be judged for 0.1 on 150 predictions"),
    ],
)
def test_what_lacks_is_said_in_words(needed: float, said: str) -> None:
    """Numbers that are estimates have two digits."""
    assert lack(needed, 0.1, 150) == said


def test_estimates_are_rounded_to_two_digits() -> None:
    """Below a hundred to whole rows."""
    assert [rounded(rows) for rows in (3.4, 99.6, 104.0, 1_049.0, 98_765.0)] == [3, 100, 100, 1_000, 99_000]


@pytest.mark.parametrize(("share", "blind"), [(0.0, 1), (0.005, 1), (0.05, 0)])
def test_a_share_that_is_always_there_has_to_be_seen_double_only(share: float, blind: int) -> None:
    """Bounds are 0.03 from the value: enough for a twentieth to become a tenth, not for none to become a hundredth."""
    missing = replace(KS, name="quality.missing", metric="missing_ratio", windows=(HOUR,), minor=None, major=0.01)
    state, one = BlindState(), np.ones(1)
    bounds = (one * max(share - 0.03, 0), one * (share + 0.03))
    levels = (one * np.inf, one * (share + 0.01), one * share)
    seen = Readings(one * share, *bounds, np.array([500]), *levels)
    for hour in range(25):
        look(state, missing, HOUR, ("1", ""), seen, np.array([50_000]), hour * HOUR, covered=TOLD_AFTER)
        conclude(state, ["1"], [missing], lambda _: FEATURES, hour * HOUR)
    assert len(state.findings) == blind
    for found in state.findings:
        assert "for 0.01; expected in a full window: 500" in found.against
