"""Reading shifts from the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.simulate.shifts import MEANINGS, Shift, ShiftError, parse


@pytest.mark.parametrize(
    ("text", "shift"),
    [
        ("price:mean:0.5@60s", Shift("mean", "price", 0.5, 60_000)),
        ("price:mean:-1", Shift("mean", "price", -1.0, 0)),
        ("a:b:scale:2@1m", Shift("scale", "a:b", 2.0, 60_000)),
        ("age:missing:0.2@250ms", Shift("missing", "age", 0.2, 250)),
        ("country:category:1", Shift("category", "country", 1.0, 0)),
        ("age:stale@5s", Shift("stale", "age", 0.0, 5_000)),
        ("latency:3@2m", Shift("latency", None, 3.0, 120_000)),
        ("*:latency:3@2m", Shift("latency", None, 3.0, 120_000)),
        ("errors:0.05", Shift("errors", None, 0.05, 0)),
        ("concept:0.2@1m", Shift("concept", None, 0.2, 60_000)),
        ("stop@90s", Shift("stop", None, 0.0, 90_000)),
        ("mean:mean:1", Shift("mean", "mean", 1.0, 0)),
    ],
)
def test_a_shift_is_read(text: str, shift: Shift) -> None:
    """Every kind, with and without feature, amount and time."""
    assert parse(text) == shift


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("price", "FEATURE:KIND:AMOUNT@AFTER"),
        ("", "FEATURE:KIND:AMOUNT@AFTER"),
        ("price:wobble:1", "kinds: mean"),
        ("mean:0.5", "mean needs a feature"),
        ("price:mean", "needs a number"),
        ("price:mean:much", "needs a number"),
        ("price:mean:nan", "out of range"),
        ("price:mean:inf", "out of range"),
        ("price:scale:0", "out of range"),
        ("latency:-1", "out of range"),
        ("age:missing:1.5", "a share is from 0 to 1"),
        ("age:stale:3", "takes no amount"),
        ("concept:2", "a share is from 0 to 1"),
        ("price:concept:0.2", "concerns the whole model"),
        ("stop:3", "takes no amount"),
        ("price:stop", "concerns the whole model"),
        ("price:mean:1@soon", "after the @ comes"),
    ],
)
def test_a_broken_shift_is_refused_with_one_line(text: str, said: str) -> None:
    """The error quotes what was given and says what is allowed."""
    with pytest.raises(ShiftError, match=said.replace(":", ".")) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    assert repr(text) in str(caught.value)


@given(st.sampled_from(sorted(MEANINGS)), st.floats(0.125, 1.0), st.integers(0, 10**9), st.text("ab:_.", min_size=1))
def test_the_text_of_a_shift_reads_back(kind: str, amount: float, after: int, name: str) -> None:
    """What is shown to the user is what the user could have typed."""
    feature = None if kind in {"latency", "errors", "concept", "stop"} else f"x{name}x"
    shift = Shift(kind, feature, 0.0 if kind in {"stale", "stop"} else round(amount, 3), after)  # type: ignore[arg-type]
    assert parse(str(shift)) == shift
