"""`demo --seasonal`: what it draws, what it calls good, and the day itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stream.demo.alerts import Announced
from stream.demo.day import FEATURE, FIXED, SEASONAL, SHIFTED_AT, drawn, encoded, references, wednesday
from stream.demo.day_play import Day, clock_text, conclude
from stream.metrics.registry import Registry
from windows.references.pace import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]


START = 1_750_197_600_000
"""2025-06-18, a Wednesday, midnight in Berlin, ms."""


@pytest.mark.parametrize("now", ["2025-06-20 00:00", "2025-06-20 12:30", "2025-06-26 23:59"])
def test_the_day_is_a_wednesday_of_berlin_that_is_over(now: str) -> None:
    """From midnight to midnight, and a day ago at least."""
    assert wednesday(int(pd.Timestamp(now, tz="Europe/Berlin").timestamp() * 1e3)) == START


def test_the_clocks_may_change_before_it() -> None:
    """Midnight is one of that day."""
    found = pd.Timestamp(wednesday(1_774_900_000_000), unit="ms", tz="Europe/Berlin")
    assert (found.day_name(), found.hour, found.minute) == ("Wednesday", 0, 0)


def test_waits_follow_the_hours_and_then_grow() -> None:
    """By night they are longer; and longer than on the same afternoon without the shift, from its moment on."""
    plain, moved = drawn(START, DAY, 30_000, 5), drawn(START, DAY, 30_000, 5, START + SHIFTED_AT)
    night, noon = (np.abs(plain.times - START - at * HOUR) < HOUR for at in (3, 12))
    assert np.median(plain.wait[night]) > 1.5 * np.median(plain.wait[noon])
    before = plain.times < START + SHIFTED_AT
    assert np.array_equal(plain.wait[before], moved.wait[before])
    assert stats.ks_2samp(plain.wait[~before], moved.wait[~before]).statistic > 0.15
    assert (np.diff(plain.times) >= 0).all()


def test_each_request_is_there_under_both_names() -> None:
    """The same features and the same prediction."""
    for value in encoded(drawn(START, HOUR, 20, 1)):
        one, other = map(json.loads, value.splitlines())
        assert (one.pop("model"), other.pop("model")) == (SEASONAL, FIXED)
        assert one == other
        assert one["features"].keys() == {FEATURE, "distance_km", "app"}


def test_the_build_finds_the_season() -> None:
    """Night, day, and those of weekends; the other reference holds at all hours."""
    seasonal, fixed, notes = references(START)
    assert seasonal.seasons is not None
    assert 3 <= len(seasonal.seasons.classes) <= 8
    assert fixed.seasons is None
    assert any("a season" in note for note in notes)


def event(model: str, hours: float, feature: str = FEATURE, state: str = "firing") -> Announced:
    """An alert so many hours after midnight."""
    return Announced(
        0, "DataDrift", state, "critical", "", "ks", (feature,), "It is.", model, START + int(hours * HOUR)
    )


@pytest.mark.parametrize(
    ("alerts", "good"),
    [
        ([event(FIXED, 3), event(SEASONAL, 16)], True),
        ([event(SEASONAL, 16), event(SEASONAL, 17, state="resolved")], True),
        ([], False),
        ([event(FIXED, 16)], False),
        ([event(SEASONAL, 3), event(SEASONAL, 16)], False),
        ([event(SEASONAL, 16), event(SEASONAL, 17, "app")], False),
    ],
    ids=["told", "over", "nothing told", "told by the other alone", "told too early", "told of another"],
)
def test_good_is_the_shift_and_nothing_else(alerts: Sequence[Announced], good: bool) -> None:
    """Of the reference that has the hours; the other may say what it likes."""
    lines: list[str] = []
    assert conclude(Day(lines.append, Registry(), START, list(alerts)), threading.Event()) is good
    early = sum(one.model == FIXED and one.event_time < START + SHIFTED_AT for one in alerts)
    assert f"  beside all hours: {early} alerts" in lines


def test_moments_are_shown_as_a_clock_shows_them() -> None:
    """Hours and minutes."""
    assert [clock_text(at) for at in (0, 9.25, 15.999, 24)] == ["00:00", "09:15", "16:00", "24:00"]


def test_a_day_is_played_to_its_end() -> None:
    """End to end in ten seconds of traffic: the shift is told beside its own hours, and nothing else is."""
    command = [sys.executable, "-m", "stream.cli.app", "demo", "--seasonal", "--duration", "10"]
    done = subprocess.run(
        [*command, "--listen", "127.0.0.1:0"], cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a season: " in done.stdout
    assert "  beside its own hours: 0 alerts" in done.stdout
    assert f"minutes after {FEATURE} had changed" in done.stdout
    assert "as it should be" in done.stdout


def test_a_day_has_an_end() -> None:
    """A length of nothing is refused."""
    command = [sys.executable, "-m", "stream.cli.app", "demo", "--seasonal", "--duration", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "a day has an end" in done.stderr
