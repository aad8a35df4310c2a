"""How frames, sketches and events are written: small, and read back only by this file."""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from operators.alerts.event import AlertEvent
from stream.history.frame import Column, Remembered
from stream.metrics.looks import NUMBERS

if TYPE_CHECKING:
    import numpy.typing as npt

    from stream.history.frame import Floats

_KEPT_BITS = np.uint32(0xFFFFF000)
"""Of a float32: 11 bits of its fraction, a relative error below 1/4096. No picture shows more, and zeros pack well."""

_EVENT = msgspec.msgpack.Decoder(AlertEvent)


def _packed(columns: tuple[Column, ...]) -> tuple[bytes, bytes]:
    text = json.dumps([list(column) for column in columns], separators=(",", ":")).encode()
    return hashlib.sha256(text).digest()[:12], zlib.compress(text, 6)


pack_columns = Remembered(_packed)
"""(name by content, text) of a set of columns."""


def unpack_columns(text: bytes) -> tuple[Column, ...]:
    """The set of columns."""
    return tuple(Column(*one) for one in json.loads(zlib.decompress(text)))


def pack_values(values: Floats) -> bytes:
    """float32[5, n], to three digits."""
    bits = np.ascontiguousarray(values).view(np.uint32) & _KEPT_BITS
    bits[np.isnan(values)] = 0x7FC00000
    # Bytes of one rank together: exponents beside exponents, and the zeros at the end.
    return zlib.compress(bits.view(np.uint8).reshape(-1, 4).T.tobytes(), 1)


def unpack_values(data: bytes) -> Floats:
    """float32[5, n].

    Raises:
        ValueError: it is no such matrix.
    """
    planes = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view(np.float32).reshape(len(NUMBERS), -1)


def pack_counts(counts: npt.NDArray[np.int64]) -> bytes:
    """Integers of any width, as 64 bits that compress to few."""
    return zlib.compress(np.ascontiguousarray(counts, dtype="<i8").view(np.uint8).reshape(-1, 8).T.tobytes(), 6)


def unpack_counts(data: bytes) -> npt.NDArray[np.int64]:
    """int64[n]."""
    planes = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(8, -1)
    return np.ascontiguousarray(planes.T).view("<i8").ravel().astype(np.int64)


def pack_event(event: AlertEvent) -> bytes:
    """An alert event with every digit."""
    return msgspec.msgpack.encode(event)


def unpack_event(data: bytes) -> AlertEvent:
    """The alert event."""
    return _EVENT.decode(data)
