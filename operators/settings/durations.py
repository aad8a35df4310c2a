"""Durations as people write them: "250ms", "10s", "5m", "1h", "7d", or a number of seconds."""

import math
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from windows.panes import duration_text

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""Milliseconds in each unit."""
LONGEST = 366 * UNITS["d"]
ALLOWED = 'a duration such as "250ms", "10s", "5m", "1h", "7d", or a number of seconds'

_TEXT = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(ms|s|m|h|d)?", re.ASCII)


def parse_duration(given: object) -> int:
    """The duration in whole milliseconds.

    Raises:
        PydanticCustomError: not a duration, negative, finer than a millisecond, or longer than 366 days.
    """
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise PydanticCustomError("duration", ALLOWED)
    if isinstance(given, str):
        match = _TEXT.fullmatch(given.strip())
        if match is None:
            raise PydanticCustomError("duration", ALLOWED)
        number, unit = float(match[1]), UNITS[match[2] or "s"]
    else:
        number, unit = given, UNITS["s"]
    if not -math.inf < number <= LONGEST or not 0 <= number * unit <= LONGEST:
        raise PydanticCustomError("duration", "a duration from 0 to 366 days")
    millis = round(number * unit)
    if abs(millis - number * unit) > 1e-6:
        raise PydanticCustomError("duration", "a duration of whole milliseconds")
    return millis


def show_duration(millis: int) -> str:
    """The shortest text of a duration that `parse_duration` reads back: 90000 -> "90s", 3600000 -> "1h"."""
    return duration_text(millis)


Millis = Annotated[int, BeforeValidator(parse_duration)]
"""Whole milliseconds inside. Where settings are constructed: the text of a duration, or a number of SECONDS."""


def from_to(least: int, most: int = LONGEST) -> AfterValidator:
    """Bounds of a duration, in milliseconds, for use in Annotated."""

    def check(millis: int) -> int:
        if not least <= millis <= most:
            bounds = {"least": show_duration(least), "most": show_duration(most)}
            raise PydanticCustomError("duration", "a duration from {least} to {most}", bounds)
        return millis

    return AfterValidator(check)
