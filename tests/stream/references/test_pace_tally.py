"""The pace of a build against plain sums over the sorted times."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import groupby

import numpy as np
import pytest

from stream.references.pace_tally import PaceTally
from windows.references.pace import Pace, Rhythm

START = int(datetime(2026, 1, 7, 13, tzinfo=UTC).timestamp() * 1000)
DAY = 86_400_000


def tally(times: np.ndarray, missing: dict[str, np.ndarray] | None = None, *, batch: int = 1_000) -> Pace:
    """The pace of these rows, batch by batch."""
    found = PaceTally(int(times.min()), int(times.max()))
    for begin in range(0, len(times), batch):
        rows = slice(begin, begin + batch)
        part = {name: absent[rows] for name, absent in (missing or {}).items()}
        found.add(times[rows], np.ones(len(times[rows]), dtype=bool), part)
    return found.pace()


def drawn(rows: int, days: int, seed: int = 1) -> np.ndarray:
    """Times in any order."""
    return START + np.random.default_rng(seed).integers(0, days * DAY, rows)


def test_rows_are_counted_by_hour_of_the_week() -> None:
    """As datetime has weekdays and hours, in UTC, whatever the order of the rows."""
    times = drawn(5_000, 40)
    moments = [datetime.fromtimestamp(at / 1000, UTC) for at in times.tolist()]
    expected = Counter(moment.weekday() * 24 + moment.hour for moment in moments)
    pace = tally(times)
    assert pace.hours == tuple(expected[hour] for hour in range(168))
    assert pace.span == int(times.max() - times.min()) + 1


def test_the_longest_silences_are_in_rows_expected_meanwhile() -> None:
    """Against the gaps of the sorted times under the same rhythm; cells round them by at most two cells each."""
    times = drawn(3_000, 40)
    pace = tally(times)
    ordered = np.sort(times).astype(float)
    rhythm = Rhythm(pace)
    gaps = np.sort(np.diff(rhythm.upto(ordered)))[::-1][: len(pace.quiet)]
    assert np.array(pace.quiet) == pytest.approx(gaps, abs=2 * 3_000 / (40 * DAY) * 4_000)


def test_the_order_of_rows_does_not_change_the_silences() -> None:
    """Shuffled rows have the same pace, but for runs of missing values, which only an order tells."""
    times = np.sort(drawn(2_000, 20))
    shuffled = np.random.default_rng(2).permutation(times)
    absent = {"a": np.random.default_rng(3).random(2_000) < 0.3}
    in_order, not_in_order = tally(times, absent), tally(shuffled, absent)
    assert in_order.quiet == not_in_order.quiet
    assert (in_order.lacking != {}, not_in_order.lacking) == (True, {})


@pytest.mark.parametrize("batch", [1, 7, 100, 10_000])
def test_runs_of_missing_values_go_over_batches(batch: int) -> None:
    """The longest run is that of itertools.groupby, however the rows are cut."""
    times = np.sort(drawn(1_000, 20))
    rng = np.random.default_rng(4)
    absent = {"a": rng.random(1_000) < 0.8, "b": np.zeros(1_000, dtype=bool), "c": np.ones(1_000, dtype=bool)}
    runs = {
        name: max((sum(1 for _ in rows) for gone, rows in groupby(column.tolist()) if gone), default=0)
        for name, column in absent.items()
    }
    assert tally(times, absent, batch=batch).lacking == runs
