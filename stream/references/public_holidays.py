"""Public holidays of a country, of the package `holidays`, which is an extra."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from stream.errors import UsageError

EPOCH = dt.date(1970, 1, 1)
SUNDAY = 6
YEARS_BACK = 10
"""Years before this one whose holidays are known to a build: rows of a reference may be old."""
YEARS_AHEAD = 1
"""Years after this one that are written down."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day off that is no Sunday anyway."""

    date: dt.date
    name: str

    @property
    def day(self) -> int:
        """Since the epoch."""
        return (self.date - EPOCH).days


def public_holidays(country: str, today: dt.date) -> tuple[Holiday, ...]:
    """The holidays of the years around today, ascending.

    Args:
        country: a code of ISO 3166-1, or of 3166-2 for a part of it: DE, DE-BY.
        today: whose year is in the middle.

    Raises:
        UsageError: there is no such country or part, or the package is not installed.
    """
    try:
        import holidays  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError("--holidays: the package `holidays` is needed: pip install 'driftgauge[holidays]'") from None
    code, _, part = country.upper().partition("-")
    years = range(today.year - YEARS_BACK, today.year + YEARS_AHEAD + 1)
    try:
        found = holidays.country_holidays(code, subdiv=part or None, years=years)
    except NotImplementedError:
        raise UsageError(f"--holidays: nothing is known of {country!r}; a code such as DE or US-NY is needed") from None
    return tuple(Holiday(date, name) for date, name in sorted(found.items()) if date.weekday() != SUNDAY)


def since(holidays: Iterable[Holiday], start: int | None) -> tuple[Holiday, ...]:
    """Those from the year on in which rows begin (ms since the epoch)."""
    first = 0 if start is None else dt.datetime.fromtimestamp(start / 1000, dt.UTC).year
    return tuple(one for one in holidays if one.date.year >= first)


def calendar_text(holidays: Iterable[Holiday]) -> str:
    """As the value of `calendar:` of a model in a config, an entry a line."""
    entries = [
        f"\n      - {{date: {one.date.isoformat()}, like: sunday}}  # {' '.join(one.name.split())}" for one in holidays
    ]
    return "".join(entries) or " []"
