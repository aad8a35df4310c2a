"""Arrow columns as numpy: numbers, categories, times, predictions."""

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream.errors import UsageError
from windows.arrays import BoolArray, FloatArray, IntArray

EARLIEST, LATEST = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 and 9999 in epoch milliseconds."""


def numbers(array: pa.Array) -> FloatArray:
    """float64[n]; NaN where missing. A NaN in a file is a missing value too: that is how pandas writes one."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    floats = array.cast(pa.float64(), safe=False)
    return np.asarray(floats.to_numpy(zero_copy_only=False), dtype=np.float64)


def categories(array: pa.Array) -> tuple[IntArray, list[str]]:
    """Codes int64[n] (-1 where missing) and the categories they stand for. Numbers are their JSON text."""
    if pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
        array = pc.fill_null(array.cast(pa.float64()), float("nan"))
        array = pc.if_else(pc.is_nan(array), None, array)
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    indices = pc.fill_null(array.indices.cast(pa.int64()), -1)
    codes = np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    values = array.dictionary.to_pylist()
    names = [
        value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for value in values
        if value is not None
    ]
    if len(names) != len(values):  # a dictionary may hold null itself
        present = np.array([value is not None for value in values], dtype=bool)
        renumbered = np.where(present, np.cumsum(present) - 1, -1)
        codes = np.where(codes >= 0, renumbered[codes], -1)
    return codes, names


def milliseconds(array: pa.Array, column: str) -> tuple[IntArray, BoolArray]:
    """Times int64[n] in ms since the epoch, and bool[n] where there is one.

    Numbers are epoch milliseconds, text is RFC 3339 (UTC when it names no offset).

    Raises:
        UsageError: a text is not a time, or a time is outside the years 1 to 9999.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    try:
        if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
            array = _parse(array)
        if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
            unit = pa.timestamp("ms", tz=getattr(array.type, "tz", None))
            array = array.cast(unit, safe=False).cast(pa.int64())
        floats = np.asarray(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    except (pa.ArrowException, ValueError) as error:
        raise UsageError(f"column {column!r}: not a time: {str(error).splitlines()[0][:200]}") from None
    present = ~np.isnan(floats)
    if np.any((floats[present] < EARLIEST) | (floats[present] > LATEST)):
        raise UsageError(f"column {column!r}: a time outside the years 1 to 9999; epoch milliseconds are needed")
    return np.where(present, floats, 0).astype(np.int64), present


def class_of_scores(array: pa.Array) -> pa.Array:
    """The class with the highest score in each list, named by its position; null for a null or empty list."""
    lists = array.cast(pa.list_(pa.float64()))
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    scores = numbers(lists.flatten())
    width = int(lengths.max(initial=0))
    if width == 0:
        return pa.nulls(len(array), pa.string())
    table = np.full((len(array), width), -np.inf)
    table[np.arange(width) < lengths[:, None]] = np.nan_to_num(scores, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    return pa.array([str(best) for best in table.argmax(axis=1)], mask=lengths == 0)


def class_scores(array: pa.Array, positions: list[int]) -> FloatArray:
    """The scores at these positions of each list: float64[n, K], NaN where a list is shorter or missing."""
    flat = array.cast(pa.list_(pa.float64()))
    lengths = pc.fill_null(pc.list_value_length(flat), 0).to_numpy(zero_copy_only=False)
    width = max(int(lengths.max(initial=0)), *(position + 1 for position in positions), 1)
    table = np.full((len(array), width), np.nan)
    table[np.arange(width) < lengths[:, None]] = numbers(flat.flatten())
    found: FloatArray = table[:, positions]
    return found


def lists(array: pa.Array) -> list[list[Any] | None]:
    """Lists as they are, None where missing; a single item stands for a list of one.

    Raises:
        ValueError: they hold what has no order: structures.
    """
    return [value if isinstance(value, list) else None if value is None else [value] for value in array.to_pylist()]


def _parse(texts: pa.Array) -> pa.Array:
    """RFC 3339 as UTC timestamps. One of a kind usually: all with an offset, or none with one."""
    try:
        return texts.cast(pa.timestamp("ms", tz="UTC"))
    except pa.ArrowInvalid:
        return texts.cast(pa.timestamp("us")).cast(pa.timestamp("ms", tz="UTC"), safe=False)
