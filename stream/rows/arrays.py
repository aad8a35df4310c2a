"""Arrow columns as numpy: numbers, categories, predictions. Whatever type a file has, a value is read as in a topic."""

from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream.rows.kinds import NUMBER
from windows.arrays import FloatArray, IntArray
from windows.values import TRUTHS, name_of

_COMMA = r"^([+-]?\d+),(\d+([eE][+-]?\d+)?)$"
_SIGN = r"^\+"


def numbers(
    array: pa.Array,
    missing: Collection[str] = (),
    *,
    comma: bool = False,
    odd: Counter[str] | None = None,
) -> FloatArray:
    """float64[n]; NaN where missing. A NaN in a file is a missing value too: that is how pandas writes one.

    Args:
        array: numbers, booleans, or text of numbers.
        missing: texts that stand for none.
        comma: text may have a decimal comma.
        odd: told every other text that is no number, and how often it is there; it counts as missing.
    """
    array = plain(array)
    if is_text(array.type):
        array = _numbers_in(array, missing, comma=comma, odd=odd)
    elif pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    floats = array.cast(pa.float64(), safe=False)
    return np.asarray(floats.to_numpy(zero_copy_only=False), dtype=np.float64)


def categories(array: pa.Array, missing: Collection[str] = (), *, truth: bool = False) -> tuple[IntArray, list[str]]:
    """Codes int64[n] (-1 where missing) and the names of the categories they stand for.

    Args:
        array: text, numbers or booleans.
        missing: texts that stand for none.
        truth: 1 is true, and 0 is false.
    """
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    indices = pc.fill_null(array.indices.cast(pa.int64()), -1)
    codes = np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    names = [_name(value, missing) for value in array.dictionary.to_pylist()]
    if None in names:  # a dictionary may hold null itself, NaN, or what stands for it
        present = np.array([name is not None for name in names], dtype=bool)
        codes = np.where(codes >= 0, np.where(present, np.cumsum(present) - 1, -1)[codes], -1)
    return codes, [TRUTHS.get(name, name) if truth else name for name in names if name is not None]


def plain(array: pa.Array) -> pa.Array:
    """The array without an encoding or an extension around its values."""
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    return array


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this type are text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _name(value: Any, missing: Collection[str]) -> str | None:
    if value is None or value in missing or value != value:  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, str):
        return None if missing and value.strip() in missing else name_of(value)
    return name_of(value if isinstance(value, (int, float)) else float(value))


def _numbers_in(texts: pa.Array, missing: Collection[str], *, comma: bool, odd: Counter[str] | None) -> pa.Array:
    if not comma:
        try:
            return texts.cast(pa.float64())
        except pa.ArrowInvalid:  # some are no numbers, or are so only for us
            pass
    trimmed = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts.cast(pa.string())), _SIGN, "")
    trimmed = with_points(trimmed) if comma else trimmed
    fits = pc.fill_null(pc.match_substring_regex(trimmed, NUMBER), fill_value=False)
    if odd is not None:
        _tell(odd, trimmed.filter(pc.invert(fits)).drop_null(), missing)
    return pc.if_else(fits, trimmed, None).cast(pa.float64())


def with_points(texts: pa.Array) -> pa.Array:
    """Text of numbers with a decimal comma, with a point."""
    return pc.replace_substring_regex(texts, _COMMA, r"\1.\2")


def _tell(odd: Counter[str], texts: pa.Array, missing: Collection[str]) -> None:
    for entry in pc.value_counts(texts).to_pylist():
        text = entry["values"]
        if text and text not in missing:
            odd[text] += entry["counts"]


def positive_scores(array: pa.Array, pair: int) -> FloatArray:
    """float64[n]: the score of the positive class in lists of one or of both classes; NaN where there is none.

    Args:
        array: lists of scores.
        pair: place of the positive class's score among two.

    Raises:
        ValueError: a list has more than two scores.
    """
    flat = array.cast(pa.list_(pa.float64()))
    lengths = np.asarray(pc.fill_null(pc.list_value_length(flat), 0).to_numpy(zero_copy_only=False), dtype=np.int64)
    if lengths.max(initial=0) > 2:
        raise ValueError(f"a list of {lengths.max()} scores, and a binary model has two classes")
    scores = np.append(numbers(flat.flatten()), np.nan)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1])) if len(lengths) else lengths
    at = np.where(lengths == 2, starts + pair, np.where(lengths == 1, starts, len(scores) - 1))
    found: FloatArray = scores[at]
    return found


def class_of_scores(array: pa.Array, names: tuple[str, ...] = ()) -> pa.Array:
    """The class with the highest score in each list; null for a null or empty list.

    Args:
        array: lists of scores.
        names: of the positions; none for "0", "1", ...

    Raises:
        ValueError: a list has another number of scores than there are names.
    """
    lists = array.cast(pa.list_(pa.float64()))
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    scores = numbers(lists.flatten())
    width = int(lengths.max(initial=0))
    if width == 0:
        return pa.nulls(len(array), pa.string())
    table = np.full((len(array), width), -np.inf)
    table[np.arange(width) < lengths[:, None]] = np.nan_to_num(scores, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    if names and (odd := lengths[(lengths > 0) & (lengths != len(names))]).size:
        raise ValueError(f"a list of {odd[0]} scores for {len(names)} classes ({', '.join(names)})")
    called = names or tuple(map(str, range(width)))
    return pa.array([called[best] for best in table.argmax(axis=1).tolist()], mask=lengths == 0)


def class_scores(array: pa.Array, positions: list[int]) -> FloatArray:
    """The scores at these positions of each list: float64[n, K], NaN where a list is shorter or missing."""
    flat = array.cast(pa.list_(pa.float64()))
    lengths = pc.fill_null(pc.list_value_length(flat), 0).to_numpy(zero_copy_only=False)
    # A class without a position finds the NaN of a last column of its own.
    width = max(int(lengths.max(initial=0)), *(position + 1 for position in positions), 1) + 1
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
