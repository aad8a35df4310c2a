"""What the values of a feature may be, beyond what its reference had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from windows.values import AS_IT_IS, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import FloatArray, IntArray
    from windows.values import Reading

BELOW, ABOVE, NO_MEMBER, OFF_PATTERN = METRICS = (
    "below_allowed_ratio",
    "above_allowed_ratio",
    "not_in_set_ratio",
    "off_pattern_ratio",
)
"""Shares of values that may not be, by how they miss."""

OTHER_TYPE = ()
"""Stands for a value of another type: counted as such, and as nothing else."""

MOST_REMEMBERED = 65_536
"""Categories whose verdict is remembered; beyond it they are all forgotten, and looked at once more."""
LONGEST_REMEMBERED = 256
"""Characters of a category that is remembered: messages may hold names of any length."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be; missing values always may.

    Attributes:
        least: of a number; None for no bound.
        most: likewise.
        names: of categories; None for any.
        pattern: that the whole name of a category matches; None for any.
    """

    least: float | None = None
    most: float | None = None
    names: frozenset[str] | None = None
    pattern: str | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """The ways in which a value can miss, in the order of their codes, which begin at 1."""
        ways = ((BELOW, self.least), (ABOVE, self.most), (NO_MEMBER, self.names), (OFF_PATTERN, self.pattern))
        return tuple(metric for metric, given in ways if given is not None)

    def of_numbers(self, values: FloatArray) -> IntArray:
        """The code of each number, int64[n]: 0 for one that may be, or none: infinite is what is of another type."""
        found = np.zeros(len(values), dtype=np.int64)
        values = np.where(np.isfinite(values), values, np.nan)
        with np.errstate(invalid="ignore"):
            if self.least is not None:
                found[values < self.least] = self.metrics.index(BELOW) + 1
            if self.most is not None:
                found[values > self.most] = self.metrics.index(ABOVE) + 1
        return found


class NameCodes(dict[Any, int]):
    """Category -> code of how it misses; 0 for one that may be, or none. Looking up runs in C for the known ones."""

    def __init__(self, allowed: Allowed, reading: Reading = AS_IT_IS) -> None:
        """Prepare the look-up; texts that stand for no value may be."""
        super().__init__()
        self.allowed = allowed
        self.blank = dict.fromkeys((None, OTHER_TYPE, *reading.missing), 0)
        self.matches = None if allowed.pattern is None else matcher(allowed.pattern)
        self.update(self.blank)

    def __missing__(self, value: Any) -> int:
        """A category that is met for the first time."""
        if len(self) > MOST_REMEMBERED:
            self.clear()
            self.update(self.blank)
        name = name_of(value)
        code = self._code(name)
        if len(name) <= LONGEST_REMEMBERED:
            self[value] = code
        return code

    def _code(self, name: str) -> int:
        metrics, names = self.allowed.metrics, self.allowed.names
        if names is not None and name not in names:
            return metrics.index(NO_MEMBER) + 1
        if self.matches is not None and not self.matches(name):
            return metrics.index(OFF_PATTERN) + 1
        return 0


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether the whole of a name matches a regular expression, in time linear in its length.

    By RE2, which Arrow brings: names come from messages, and Python's engine takes 6 s for 27 characters of some.

    Raises:
        ValueError: it is no regular expression, or needs what RE2 has not (references back, looking around).
    """
    import pyarrow as pa  # noqa: PLC0415 - only who has patterns pays for it
    import pyarrow.compute as pc  # noqa: PLC0415

    whole = rf"\A(?:{pattern})\z"

    def matches(name: str) -> bool:
        try:
            text = pa.scalar(name)
        except UnicodeEncodeError:  # half of a pair
            return False
        return bool(pc.match_substring_regex(text, whole).as_py())

    matches("")
    return matches
