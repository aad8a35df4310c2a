"""One reading of a value: what it is called, wherever it comes from.

A file, a topic and a feedback record may write one value in several ways: the class 5 as 5, 5.0 or "5.0" (a column of
whole numbers with gaps is one of floats), true as true, "True" or "TRUE", 0.1 as 0.1 or, through a float32, as
0.10000000149011612. All of them have one name here, and everything that compares values compares names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from windows.arrays import FloatArray

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Reading:
    """How the values of one feature are read, in files and topics alike.

    Attributes:
        missing: texts that stand for no value.
        resolution: what numbers are rounded to a multiple of; None for as they are.
    """

    missing: tuple[str, ...] = ()
    resolution: float | None = None

    def rounded(self, values: FloatArray) -> FloatArray:
        """The values at this resolution."""
        if self.resolution is None:
            return values
        found: FloatArray = np.rint(values / self.resolution) * self.resolution
        return found


AS_IT_IS = Reading()

_WHOLE = re.compile(r"-?(?:0|[1-9]\d*)\.0")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WRITTEN = {True: ("true", "True", "TRUE"), False: ("false", "False", "FALSE")}
TRUTHS = {"1": "true", "0": "false"}
"""Names of 1 and 0 where true and false stand beside them."""

_WORDS = (("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"))
_LONGEST_WHOLE = 1e17
"""Whole floats below it are named as integers; beyond it their digits would be more than a float holds."""


def name_of(value: Scalar) -> str:
    """The name of a category, class or segment value.

    Whole numbers have no fraction, booleans are true and false, a float that is exactly a float32 has the shortest
    text that gives this float32. Other text is as it is: "01" and "1.50" are no numbers here, but codes and versions.
    """
    if isinstance(value, str):
        if _WHOLE.fullmatch(value):
            return value[:-2] if value != "-0.0" else "0"
        truth = _BOOLEANS.get(value)
        return value if truth is None else _WRITTEN[truth][0]
    if isinstance(value, (bool, np.bool_)):
        return _WRITTEN[bool(value)][0]
    if isinstance(value, (float, np.floating)):
        return _float_name(float(value))
    return str(int(value))


def version_of(value: Scalar) -> str:
    """The text of a version: text as it is, a number by its name. 7, 7.0 and "7" are one, "7.0" is another."""
    return value if isinstance(value, str) else name_of(value)


def id_of(value: Scalar) -> str:
    """The text that a prediction and its label, or an item and the click on it, find each other by.

    A number by its name. Of text neither blanks around it count nor the ".0" of a whole number: a column of numbers
    with a gap is one of floats, and one of a fixed width is filled up. 1017, 1017.0, "1017", "1017.0" and "1017  " are
    one. All that is compared goes through here, so ids that are written alike on both sides still are.
    """
    text = value.strip() if isinstance(value, str) else name_of(value)
    return text[:-2] if _WHOLE.fullmatch(text) else text


def ids_of(texts: Iterable[str]) -> list[str]:
    """The same of many texts."""
    found = list(map(str.strip, texts))
    return list(map(id_of, found)) if ".0" in "\n".join(found) else found


def position_of(name: str, positions: tuple[str, ...]) -> int:
    """The place of a class in a list of class scores; -1 where it has none.

    Args:
        name: of the class.
        positions: names in the order of the scores; none for "0", "1", ...
    """
    if positions:
        return positions.index(name) if name in positions else -1
    return int(name) if name.isdecimal() and len(name) < 6 else -1


def number_of(text: str) -> int | float | None:
    """The number that this text is in JSON, if it is one: a whole one as an int, however it is written.

    "007" and "1e999" are none.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    if match[1] is None and match[2] is None:
        return int(text) if len(text) < 1_000 else None
    value = float(text)
    if not np.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < _LONGEST_WHOLE else value


def spellings(name: str) -> Iterator[Scalar]:
    """Other values that mean what is named so, the nearest ones first: a look-up by value takes all of them.

    Besides those with this very name, truth stands for 1 and 0, and 1 and 0 for truth: where both are names, both are
    found by their own.
    """
    number = number_of(name)
    if number is not None:
        yield number
        if isinstance(number, int):
            yield f"{number}.0"
        else:
            yield from _widened(number)
    truth = _BOOLEANS.get(name, {0: False, 1: True}.get(number) if isinstance(number, int) else None)
    if truth is not None:
        yield truth
        yield from _WRITTEN[truth]
        yield from (f"{truth:d}", f"{truth:d}.0")


def truths(names: Iterable[str]) -> Iterator[tuple[str, Scalar]]:
    """Further values that mean a name where names are two words for truth: (name, value).

    Where a file says yes and no, a service's true and false mean these, and the other way round: databases and forms
    spell a boolean as t, Y or on. One word alone, or among others, is no truth but a category like them.
    """
    told = {name.lower(): name for name in names}
    pairs = (("true", "false"), *_WORDS)
    pair = next((pair for pair in pairs if set(pair) == told.keys()), None)
    if pair is None:
        return
    for side, truth in enumerate((True, False)):
        name = told[pair[side]]
        yield from ((name, value) for value in (truth, *_WRITTEN[truth], f"{truth:d}"))
        for word in (one[side] for one in _WORDS):
            yield from ((name, value) for value in (word, word.capitalize(), word.upper()))


def meanings(names: Collection[str]) -> dict[str, str]:
    """Names of other values that mean one of these, as a look-up by value has it: name -> the one that is meant."""
    found: dict[str, str] = {}
    for others in zip_longest(*map(spellings, names)):  # the nearest spellings of all, then the next
        for name, other in zip(names, others, strict=True):
            if other is not None:
                found.setdefault(name_of(other), name)
    for name, other in truths(names):
        found.setdefault(name_of(other), name)
    return found


def _float_name(value: float) -> str:
    if value.is_integer() and abs(value) < _LONGEST_WHOLE:
        return str(int(value))
    short = _short(value)
    return str(short) if float(short) == value else repr(value)


def _widened(value: float) -> Iterator[float]:
    """What a number becomes on its way through a float32."""
    short = float(_short(value))
    yield from (value, short) if np.isfinite(short) else (value,)


def _short(value: float) -> np.float32:
    with np.errstate(over="ignore", under="ignore"):
        return np.float32(value)
