from collections.abc import Iterable

import numpy as np
import pytest

from windows.statistics.dispersion import (
    ASSUMED,
    BLOCK_ROWS,
    ENOUGH_PAIRS,
    FEWEST_PAIRS,
    PRIOR,
    Dispersion,
    nothing_seen,
)

SHARES = np.full(10, 0.1)
PANE = 10_000
DAY = 86_400_000


def panes(rng: np.random.Generator, count: int, rows: int, *, copies: int = 1) -> list[np.ndarray]:
    """Panes of `rows` rows of one feature, each independent row repeated `copies` times."""
    return [rng.multinomial(rows // copies, SHARES)[None, :] * copies for _ in range(count)]


def learnt(blocks: Iterable[np.ndarray], features: int = 1, pane: int = PANE) -> Dispersion:
    """An estimate after these panes, one after the other."""
    found = nothing_seen(features)
    for at, block in enumerate(blocks):
        found.see(block, at * pane, pane)
    return found


def test_a_large_prior_stands_until_there_are_seven_pairs() -> None:
    """Too few panes to tell: rows count little, however alike they are, but they do count."""
    found = learnt(panes(np.random.default_rng(1), FEWEST_PAIRS, 1_000, copies=50))
    assert found.pairs == FEWEST_PAIRS - 1
    assert (found.factors().tolist(), found.variation) == ([PRIOR], "learning")


@pytest.mark.parametrize("pane", [10_000, 600_000, 3_600_000, 86_400_000])
@pytest.mark.parametrize("rows", [1, 4, 30, 1_000])
def test_any_pane_and_volume_lead_to_an_estimate(pane: int, rows: int) -> None:
    """Panes of ten seconds to a day with one row to a thousand: independent rows end at a factor of about 1.5."""
    rng = np.random.default_rng(9)
    count = (ENOUGH_PAIRS + 2) * max(BLOCK_ROWS // rows, 1) + 360
    found = nothing_seen(20)
    for at in range(count):
        found.see(rng.multinomial(rows, SHARES, size=20), at * pane, pane)
    assert found.variation == "known"
    assert found.settled is not None
    assert 1.0 <= np.median(found.factors()) < 1.8


def test_panes_far_apart_are_compared() -> None:
    """A model that serves once a week: the gaps do not keep its panes from telling how much they vary."""
    found = nothing_seen(1)
    for at, pane in enumerate(panes(np.random.default_rng(10), 9, 500)):
        found.see(pane, at * 7 * DAY, 600_000)
    assert found.variation == "known"
    assert found.factors()[0] < 6


def test_past_the_deadline_it_is_decided_with_what_there_is() -> None:
    """Three pairs after a day: a factor of at least ASSUMED, and it says that this is assumed."""
    found = learnt(panes(np.random.default_rng(11), 4, 1_000), pane=3_600_000)
    found.pass_by(DAY - 1, DAY)
    assert (found.factors()[0], found.variation) == (PRIOR, "learning")
    found.pass_by(DAY, DAY)
    assert (found.factors()[0], found.variation) == (ASSUMED, "assumed")


def test_what_was_seen_counts_past_the_deadline() -> None:
    """Rows that come ten at a time are not taken for independent ones because they are few."""
    found = learnt(panes(np.random.default_rng(12), 5, 10_000, copies=10))
    found.pass_by(10 * DAY, DAY)
    assert found.factors()[0] > ASSUMED


def test_independent_rows_have_a_factor_little_above_one() -> None:
    """Multinomial panes: an hour of them leaves a bound of at most about 1.5 times the truth."""
    found = learnt(panes(np.random.default_rng(2), 361, 1_000))
    assert 1.0 <= found.factors()[0] < 1.7


def test_few_pairs_leave_a_wide_bound() -> None:
    """Rows that come ten at a time, seen for a minute: hardly a feature of 200 is taken for less bursty than it is."""
    rng = np.random.default_rng(6)
    blocks = [[panes(rng, 1, 10_000, copies=10)[0] for _ in range(200)] for _ in range(FEWEST_PAIRS + 1)]
    found = learnt([np.concatenate(block) for block in blocks], features=200)
    assert (found.factors() < 10.0).sum() <= 6


def test_rows_that_come_ten_at_a_time_have_a_factor_of_about_ten() -> None:
    """Ten equal rows for each independent one carry a tenth of the evidence."""
    found = learnt(panes(np.random.default_rng(3), 361, 10_000, copies=10))
    assert 8.0 < found.factors()[0] < 16.0


@pytest.mark.parametrize("at", [6, 10, 180])
def test_one_step_in_the_data_spoils_one_pair_only(at: int) -> None:
    """The drift that is to be found does not pass for noise, early or late: the median does not see one pair."""
    rng, found = np.random.default_rng(4), nothing_seen(1)
    shifted = np.array([0.02] * 5 + [0.18] * 5)
    for pane in range(max(2 * at, 20)):
        found.see(rng.multinomial(10_000, SHARES if pane < at else shifted)[None, :], pane * PANE, PANE)
    assert found.factors()[0] < 4.0


def test_a_settled_estimate_stands() -> None:
    """Once settled the factors stay, whatever they came from."""
    rng = np.random.default_rng(8)
    found = learnt(panes(rng, 30, 1_000))
    before = found.factors()
    found.settle()
    for at, pane in enumerate(panes(rng, 30, 1_000, copies=50), start=30):
        found.see(pane, at * PANE, PANE)
    assert found.factors().tolist() == before.tolist()


def test_features_are_told_apart() -> None:
    """A bursty feature does not lend its factor to a steady one."""
    rng = np.random.default_rng(5)
    both = zip(panes(rng, 200, 5_000), panes(rng, 200, 5_000, copies=25), strict=True)
    found = learnt([np.concatenate(pair) for pair in both], features=2)
    steady_factor, bursty_factor = found.factors()
    assert steady_factor < 1.6
    assert bursty_factor > 15.0
