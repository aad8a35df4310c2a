"""Evaluations on change: what is left out says nothing that the rows before did not."""

from __future__ import annotations

import numpy as np
import pytest

from operators.judging.changes import Changes, second_digit

HOUR = 3_600_000


NARROW = np.zeros(3)
ONE = (("stream", 1),)
THREE = (("stream", 3),)


def told(changes: Changes, value: float, end: int = 0, status: int = 0, width: float = 0.0) -> bool:
    """Whether one value is new."""
    return bool(changes("here", ONE, np.array([status]), np.array([value]), np.array([width]), end, HOUR)[0])


@pytest.mark.parametrize(
    ("value", "digit"), [(0.25, 0.01), (0.0042, 0.01), (0.0, 0.01), (1.3, 0.1), (-47.0, 1.0), (1.6e5, 1e4)]
)
def test_the_second_digit(value: float, digit: float) -> None:
    """Of shares and distances the second decimal, of larger values the second significant one."""
    assert second_digit(np.array([value]))[0] == pytest.approx(digit)


def test_a_value_is_told_when_its_second_digit_moved_from_the_last_row() -> None:
    """Slow steps add up: it is the last row that counts, not the last look."""
    changes = Changes()
    assert told(changes, 0.20)
    assert [told(changes, value) for value in (0.204, 0.208, 0.2101, 0.213, 0.2, 0.19)] == [
        False,
        False,
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(("width", "news"), [(0.0, True), (0.5, True), (1.0, False), (np.nan, True), (np.inf, True)])
def test_a_move_of_less_than_a_tenth_of_the_interval_is_no_news(width: float, news: bool) -> None:
    """A day of 160 rows has KS to within 0.2: it moves by 0.06 from look to look, and says nothing by it."""
    changes = Changes()
    assert told(changes, 0.20, width=width)
    assert told(changes, 0.26, width=width) == news


def test_status_and_a_missing_value_are_told_at_once() -> None:
    """Whatever the value does."""
    changes = Changes()
    assert told(changes, 0.2)
    assert told(changes, 0.2, status=2)
    assert not told(changes, 0.2, status=2)
    assert told(changes, float("nan"), status=2)
    assert not told(changes, float("nan"), status=2)
    assert told(changes, 0.2, status=2)


def test_once_in_the_length_of_its_window_a_value_is_told_anyway() -> None:
    """So that a reader knows it is still measured."""
    changes = Changes()
    found = [told(changes, 0.2, end) for end in range(0, 4 * HOUR, HOUR // 4)]
    assert found == [at % 4 == 0 for at in range(16)]


def test_elements_and_places_are_apart() -> None:
    """One feature that moved does not tell the others."""
    changes = Changes()
    zeros = np.zeros(3, dtype=np.int64)
    assert changes("one", THREE, zeros, np.array([0.1, 0.2, 0.3]), NARROW, 0, HOUR).all()
    assert changes("one", THREE, zeros, np.array([0.1, 0.5, 0.3]), NARROW, 1, HOUR).tolist() == [False, True, False]
    assert changes("other", THREE, zeros, np.array([0.1, 0.5, 0.3]), NARROW, 1, HOUR).all()


def test_a_stream_keeps_what_was_told_of_it_wherever_it_stands() -> None:
    """A new segment, or one that is gone, has nobody else told again; one that comes back is new."""
    changes = Changes()
    values = {"a": [0.1, 0.2], "b": [0.3], "c": [0.4, 0.5, 0.6]}

    def new(names: str) -> str:
        """The streams of which all rows are new, in capitals; those of which none is in small letters."""
        streams = tuple((name, len(values[name])) for name in names)
        flat = np.array([value for name in names for value in values[name]])
        zeros = np.zeros(len(flat))
        found = changes("here", streams, zeros.astype(np.int64), flat, zeros, 0, HOUR)
        parts = np.split(found, np.cumsum([size for _, size in streams])[:-1])
        assert all(part.all() or not part.any() for part in parts)
        return "".join(name.upper() if part.all() else name for name, part in zip(names, parts, strict=True))

    assert [new(names) for names in ("ab", "cab", "bc", "bca", "cba")] == ["AB", "Cab", "bc", "bcA", "cba"]


def test_one_element_alone_is_told_as_in_an_array() -> None:
    """Rows that come one by one are judged by the same rule."""
    draw = np.random.default_rng(2)
    by_array, by_row = Changes(), Changes()
    for end in range(0, 400 * HOUR // 10, HOUR // 10):
        value = float("nan") if draw.random() < 0.1 else float(draw.normal(0.3, 0.01))
        status = int(draw.integers(0, 2))
        width = float(draw.choice([np.nan, np.inf, 0.0, 0.5]))
        row = by_row.one("key", str(status), None if np.isnan(value) else value, width, end, HOUR)
        assert row == told(by_array, value, end, status, width)
