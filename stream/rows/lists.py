"""Lists, and those that were written as text where a format has none: `[0.1, 0.9]` in a CSV file."""

import ast
import json
import re
from typing import Any

import pyarrow as pa

from windows.values import name_of

LOOKS = r"(?s)^\[.*\]$"
"""What the text of a list looks like."""
_WRAPPED = re.compile(r"\bnp\.\w+\(([^()]*)\)")
"""A number as NumPy shows it within a list: np.float64(0.1)."""
_DIGITS = re.compile(r"[+-]?\d+")
EXACT = 2**53
"""Whole numbers beyond it are several to one float."""


def read_list(text: str) -> list[Any] | None:
    """The list that a text is: JSON, as Python shows a list, or as NumPy shows an array; None where it is none.

    Ids that a float does not keep, of too many digits or with a 0 in front, stay text: all of a list.
    """
    text = text.strip()
    if not text.startswith("[") or not text.endswith("]"):
        return None
    text = _WRAPPED.sub(r"\1", text)
    items = text[1:-1].replace(",", " ").split()
    if any(map(_lost, items)) and all(map(_DIGITS.fullmatch, items)):
        return list(items)
    try:
        return [float(item) for item in items]
    except ValueError:
        pass
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        return found if isinstance(found, list) else None
    return None


def _lost(item: str) -> bool:
    """Whether digits of a whole number are lost in a float."""
    return (len(item) > 1 and item[0] == "0" and item.isdecimal()) or (len(item) > 15 and _beyond(item))


def _beyond(item: str) -> bool:
    return _DIGITS.fullmatch(item) is not None and abs(int(item)) > EXACT


def list_array(values: list[Any]) -> pa.Array:
    """Values as lists of numbers, or of text where one item is text; null for what is no list."""
    items = [read_list(value) if isinstance(value, str) else value for value in values]
    items = [item if isinstance(item, list) else None for item in items]
    if any(isinstance(item, str) for value in items if value for item in value):
        return pa.array(
            [None if value is None else [_item(item) for item in value] for value in items], pa.list_(pa.string())
        )
    try:
        return pa.array(items, type=pa.list_(pa.float64()))
    except (TypeError, ValueError, pa.ArrowException):
        return pa.nulls(len(values), pa.list_(pa.float64()))


def _item(value: Any) -> str | None:
    return (
        value if value is None or isinstance(value, str) else name_of(value) if isinstance(value, int | float) else None
    )
