"""Tables: messages that hold a column a field instead of a record after the other, and the rows in them."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import msgspec

from operators.dead_letters import Reason
from operators.formats.bounds import MOST_RECORDS, too_many
from operators.formats.json_lines import why_not
from operators.formats.literals import parsed
from operators.formats.packed import LARGEST, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.formats.surroundings import Surroundings

MOST_CELLS = 20_000_000
"""Rows times columns of a message: what stands once for all rows takes no bytes for each of them."""

BACKSLASH = b"\\"


def columns_codec(value: bytes, around: Surroundings) -> list[Any]:  # noqa: ARG001 - the protocol's signature
    """The rows of columns in JSON: see `opened`.

    Raises:
        UnreadableError: it is none, or has too many rows or cells.
    """
    tree = opened(value)
    return rows_of(tree, rows_in(tree))


def opened(value: bytes) -> dict[str, Any]:
    """An object whose arrays, on top and in objects, are columns; what is none stands for all rows.

    Raises:
        UnreadableError: it is no such object.
    """
    try:
        found = parsed(value)
        if BACKSLASH in value:
            msgspec.json.encode(found)  # a lone surrogate in any string is refused here
    except UnicodeError:
        raise UnreadableError(Reason.INVALID_TEXT, "a string that is not valid Unicode") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        reason, said = why_not(value, error)
        kept = reason if reason == Reason.INVALID_TEXT else Reason.BAD_FORMAT
        raise UnreadableError(kept, f"columns in JSON: {said}") from None
    if not isinstance(found, dict):
        raise UnreadableError(Reason.BAD_FORMAT, "columns in JSON are an object of arrays")
    return found


def rows_in(tree: dict[str, Any]) -> int:
    """How many rows the columns have.

    Raises:
        UnreadableError: there is no column, they differ, or there are too many rows or cells.
    """
    leaves = list(_leaves(tree))
    lengths = {len(leaf) for leaf in leaves if isinstance(leaf, list)}
    if len(lengths) != 1:
        said = (
            f"columns of {min(lengths)} to {max(lengths)} rows" if lengths else "no column: an array a field is needed"
        )
        raise UnreadableError(Reason.BAD_FORMAT, said)
    (count,) = lengths
    bounded(count, len(leaves))
    return count


def bounded(rows: int, columns: int) -> None:
    """Refuse what is too large.

    Raises:
        UnreadableError: it is.
    """
    if rows > MOST_RECORDS:
        raise too_many()
    if rows * columns > MOST_CELLS:
        said = f"{rows} rows of {columns} columns; at most {MOST_CELLS} cells a message are read"
        raise UnreadableError(Reason.OVERSIZED, said)


def rows_of(tree: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The rows of columns, each of so many values."""
    names = list(tree)
    if not names:
        return [{} for _ in range(count)]
    columns = [_column(leaf, count) for leaf in tree.values()]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _column(leaf: Any, count: int) -> Any:
    if isinstance(leaf, dict):
        return rows_of(leaf, count)
    if isinstance(leaf, list):
        return leaf
    if isinstance(leaf, str):
        standing_for(len(leaf), count)
    return repeat(leaf, count)


def standing_for(length: int, rows: int) -> None:
    """Refuse a text that is written once and stands for many rows.

    Raises:
        UnreadableError: all of them are too large.
    """
    if length * rows > LARGEST:
        said = f"a text of {length} characters in {rows} rows; at most {LARGEST >> 20} MB are read"
        raise UnreadableError(Reason.OVERSIZED, said)


def _leaves(tree: dict[str, Any]) -> Iterator[Any]:
    for leaf in tree.values():
        if isinstance(leaf, dict):
            yield from _leaves(leaf)
        else:
            yield leaf
