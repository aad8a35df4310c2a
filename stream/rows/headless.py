"""Headless: whether the first line of a CSV file is a row like all others, and no header."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Doubt = Literal["data", "perhaps", ""]
"""Whether a first line is data, may be, or is none."""

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?|\d{1,2}[./]\d{1,2}[./]\d{4}( .*)?|\d{2}:\d{2}(:\d{2}.*)?")
_TRUTH = frozenset({"true", "false"})
LARGEST_NAME = 1_000_000
"""Whole numbers beyond it are no names: of columns called by a number they are positions, years or months."""


def doubt_of(first: Sequence[str], rows: Sequence[Sequence[str]]) -> Doubt:
    """What is to be thought of the first line, given some of those behind it.

    A header is of another kind than what stands below it: words over numbers and times. Where no field is, and one is
    of a kind that columns are not called by, or a text that stands below itself as well, it is data; where nothing but
    small whole numbers say so, it may be a table with a column for each year or position.
    """
    below = [[row[at].strip() for row in rows if at < len(row) and row[at].strip()] for at in range(len(first))]
    cells = [cell.strip() for cell in first]
    known = [(cell, values) for cell, values in zip(cells, below, strict=True) if cell and values]
    if not known or any(_kind(cell) != _most(values) for cell, values in known):
        return ""
    if any(_surely(cell) for cell, _ in known) or _again(known):
        return "data"
    whole = [int(cell) for cell, _ in known if cell.isascii() and cell.isdigit()]
    counted = all(later - earlier == 1 for earlier, later in pairwise(whole))
    return "perhaps" if whole and not (counted and len(whole) > 1) else ""


def _surely(cell: str) -> bool:
    """Whether no column is called so."""
    kind = _kind(cell)
    if kind == "number":
        return not (cell.isascii() and cell.isdigit()) or int(cell) > LARGEST_NAME
    return kind != "text"


def _again(known: Sequence[tuple[str, Sequence[str]]]) -> bool:
    """Whether half of the texts, and two at least, stand below themselves: one alone may be called like a value."""
    texts = [(cell, values) for cell, values in known if _kind(cell) == "text"]
    again = sum(cell in values for cell, values in texts)
    return again >= 2 and 2 * again >= len(texts)


def _most(values: Sequence[str]) -> str:
    """The kind that most values have."""
    kinds = [_kind(value) for value in values]
    return max(set(kinds), key=lambda kind: (kinds.count(kind), kind))


def _kind(cell: str) -> str:
    if _NUMBER.fullmatch(cell):
        return "number"
    if _TIME.fullmatch(cell):
        return "time"
    return "truth" if cell.lower() in _TRUTH else "text"
