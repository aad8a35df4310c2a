import numpy as np
import pytest

from windows.statistics.dispersion import FEWEST_PAIRS, nothing_seen

SHARES = np.full(10, 0.1)


def panes(rng: np.random.Generator, count: int, rows: int, *, copies: int = 1) -> list[np.ndarray]:
    """Panes of `rows` rows of one feature, each independent row repeated `copies` times."""
    return [rng.multinomial(rows // copies, SHARES)[None, :] * copies for _ in range(count)]


def test_nothing_is_said_before_six_pairs() -> None:
    """Too few panes to tell: no row counts as evidence yet, however alike they are."""
    found = nothing_seen(1)
    for pane in panes(np.random.default_rng(1), FEWEST_PAIRS, 1_000, copies=50):
        found.see(pane)
    assert found.pairs == FEWEST_PAIRS - 1
    assert found.factors().tolist() == [np.inf]


def test_independent_rows_have_a_factor_little_above_one() -> None:
    """Multinomial panes: an hour of them leaves a bound of at most about 1.5 times the truth."""
    found = nothing_seen(1)
    for pane in panes(np.random.default_rng(2), 361, 1_000):
        found.see(pane)
    assert 1.0 <= found.factors()[0] < 1.7


def test_few_pairs_leave_a_wide_bound() -> None:
    """Rows that come ten at a time, seen for a minute: hardly a feature of 200 is taken for less bursty than it is."""
    rng, found = np.random.default_rng(6), nothing_seen(200)
    for _ in range(FEWEST_PAIRS + 1):
        found.see(np.concatenate([panes(rng, 1, 10_000, copies=10)[0] for _ in range(200)]))
    assert (found.factors() < 10.0).sum() <= 6


def test_rows_that_come_ten_at_a_time_have_a_factor_of_about_ten() -> None:
    """Ten equal rows for each independent one carry a tenth of the evidence."""
    found = nothing_seen(1)
    for pane in panes(np.random.default_rng(3), 361, 10_000, copies=10):
        found.see(pane)
    assert 8.0 < found.factors()[0] < 16.0


@pytest.mark.parametrize("at", [6, 10, 180])
def test_one_step_in_the_data_spoils_one_pair_only(at: int) -> None:
    """The drift that is to be found does not pass for noise, early or late: the median does not see one pair."""
    rng, found = np.random.default_rng(4), nothing_seen(1)
    shifted = np.array([0.02] * 5 + [0.18] * 5)
    for pane in range(max(2 * at, 20)):
        found.see(rng.multinomial(10_000, SHARES if pane < at else shifted)[None, :])
    assert found.factors()[0] < 4.0


def test_a_settled_estimate_stands() -> None:
    """Once settled the factors stay, whatever they came from."""
    rng, found = np.random.default_rng(8), nothing_seen(1)
    for pane in panes(rng, 30, 1_000):
        found.see(pane)
    before = found.factors()
    found.settle()
    assert found.factors().tolist() == before.tolist()


def test_features_are_told_apart() -> None:
    """A bursty feature does not lend its factor to a steady one."""
    rng, found = np.random.default_rng(5), nothing_seen(2)
    for steady, bursty in zip(panes(rng, 200, 5_000), panes(rng, 200, 5_000, copies=25), strict=True):
        found.see(np.concatenate((steady, bursty)))
    steady_factor, bursty_factor = found.factors()
    assert steady_factor < 1.6
    assert bursty_factor > 15.0
