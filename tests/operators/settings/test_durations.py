import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from operators.settings.durations import LONGEST, parse_duration, show_duration


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("250ms", 250),
        ("10s", 10_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("7d", 604_800_000),
        ("1.5s", 1_500),
        ("0s", 0),
    ],
)
def test_texts(text: str, millis: int) -> None:
    """A number and a unit give milliseconds."""
    assert parse_duration(text) == millis


@pytest.mark.parametrize(("number", "millis"), [(10, 10_000), (0.25, 250), ("90", 90_000), (0, 0)])
def test_numbers_are_seconds(number: object, millis: int) -> None:
    """A number without a unit is seconds."""
    assert parse_duration(number) == millis


@pytest.mark.parametrize(
    "given_",
    ["", "s", "10 weeks", "-5s", "1e3s", "10s10s", "NaN", "inf", -1, True, None, [], {}, float("nan"), float("inf"),
     1e300, "367d", "9" * 400, "0.5ms", 0.0001, "\u0661s"],
)  # fmt: skip
def test_refused(given_: object) -> None:
    """What is no duration, negative, too long or finer than a millisecond is refused."""
    with pytest.raises(PydanticCustomError):
        parse_duration(given_)


@given(st.integers(0, LONGEST))
def test_shown_and_read_back(millis: int) -> None:
    """A duration that is shown reads back as itself."""
    assert parse_duration(show_duration(millis)) == millis
