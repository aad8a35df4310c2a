import math

import numpy as np
import pytest

from windows.statistics.gaps import LIVE, MOST, Gaps, limit_of, longest_of

DAY = 86_400_000
MONTH = 30 * DAY


def live(times: np.ndarray, pane: int = 1) -> Gaps:
    """The gaps of something that came at these times, ms."""
    found = Gaps()
    for time in times.tolist():
        found.see(int(time), int(time) + pane)
    return found


@pytest.mark.parametrize("gap_ms", [20_000, 864_000])
def test_a_healthy_month_breaks_the_limit_no_more_often_than_said(gap_ms: int) -> None:
    """Poisson traffic of 3 a minute and of 100 a day, 40 months after a reference of one: at most 0.2 times a month."""
    rng, broken = np.random.default_rng(1), 0
    for _ in range(40):
        reference, month = (rng.exponential(gap_ms, size=MONTH // gap_ms) for _ in range(2))
        broken += int((month > limit_of(longest_of(reference), MONTH, 0.05)).sum())
    assert broken / 40 <= 0.2


def test_the_limit_is_no_longer_than_it_must_be() -> None:
    """The limit of Poisson traffic is within a factor of 1.5 of the exact quantile, ln(gaps / budget) mean gaps."""
    gaps = np.random.default_rng(2).exponential(1.0, size=43_200)
    exact = math.log(43_200 / 0.05)
    assert exact * 0.9 < limit_of(longest_of(gaps), MONTH, 0.05) < exact * 1.5


def test_a_nightly_batch_is_waited_for_little_longer_than_a_day() -> None:
    """1,000 rows at two every night: the limit is a day and some hours, not ten times the mean gap or a week."""
    nights = np.arange(60) * DAY
    times = (nights[:, None] + np.arange(1_000) * 100).ravel()
    assert DAY < limit_of(longest_of(np.diff(times).astype(float)), 60 * DAY, 0.05) < 2 * DAY
    assert DAY < live(times).limit(0.05) < 2 * DAY


def test_few_gaps_make_patient() -> None:
    """After one record nothing is known; after five in an hour a day's silence is told, half an hour's is not."""
    assert Gaps().limit(0.05) == math.inf
    assert live(np.array([0]), pane=10_000).limit(0.05) > 3_600_000
    assert 1_800_000 < live(np.arange(5) * 900_000, pane=1).limit(0.05) < DAY


@pytest.mark.parametrize("seed", range(5))
def test_live_gaps_say_what_a_reference_would(seed: int) -> None:
    """Learnt live or read from a reference, the limit of the same traffic differs by less than a half."""
    gaps = np.random.default_rng(seed).exponential(60_000, size=20_000).astype(np.int64) + 1
    read = limit_of(longest_of(gaps.astype(float)), int(gaps.sum()), 0.05)
    assert live(np.cumsum(gaps)).limit(0.05) == pytest.approx(read, rel=0.5)


def test_memory_is_bounded_and_order_does_not_matter() -> None:
    """However many gaps, the longest are kept; what is not later than the last changes nothing."""
    found = live(np.arange(1_000) * 50)
    assert len(found.longest) == LIVE
    before = found.limit(0.05)
    found.see(10, 20)
    assert found.limit(0.05) == before


def test_too_few_gaps_have_no_tail() -> None:
    """Eight gaps are none to tell a tail by: nothing is known; of many the longest are kept."""
    assert limit_of([5.0] * 8, DAY, 0.05) == math.inf
    assert longest_of(np.arange(200.0)) == [float(gap) for gap in range(199, 199 - MOST, -1)]
