"""Arrays as they are saved: a state is hundreds of them, most of a few numbers, and the long ones are small counts.

What pickle makes of an array takes 8 us however short it is, and 8 bytes for each count that is zero. Here an array is
its type and its bytes, and whole numbers that are mostly below 255 take one byte each. A snapshot that a former release
made of arrays as they are is read as before.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from typing import Any

import numpy as np

LONG = 64
"""Whole numbers of so many and more are saved in a byte each, where they are small enough."""

_MORE = 255
"""Stands for a number that does not fit: those follow in full."""

_KINDS = "biuf"


def dumped(state: Any) -> bytes:
    """The object, pickled."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=5)
    pickler.dispatch_table = _REDUCERS
    pickler.dump(state)
    return file.getvalue()


def row_of(kind: str, data: bytes) -> np.ndarray:
    """The array of a type with these bytes."""
    return np.frombuffer(bytearray(data), kind)


def counts_of(small: bytes, others: bytes) -> np.ndarray:
    """int64, of a byte each; those that do not fit one stand behind."""
    found = np.frombuffer(small, np.uint8).astype(np.int64)
    found[found == _MORE] = np.frombuffer(others, np.int64)
    return found


def _reduced(array: np.ndarray) -> Any:
    """How an array is made again: (function, arguments)."""
    if array.ndim != 1 or array.dtype.kind not in _KINDS or not array.dtype.isnative:
        return array.__reduce_ex__(5)
    if array.dtype == np.int64 and len(array) >= LONG:
        small = array.astype(np.uint8)
        others = (small != array) | (small == _MORE)
        if 2 * np.count_nonzero(others) < len(array):
            small[others] = _MORE
            return counts_of, (small.tobytes(), array[others].tobytes())
    return row_of, (array.dtype.char, array.tobytes())


_REDUCERS = {**copyreg.dispatch_table, np.ndarray: _reduced}
