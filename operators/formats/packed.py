"""Packed messages: values that are compressed with gzip or zstd, told by their first bytes."""

from __future__ import annotations

import zlib

import msgspec
import pyarrow as pa

from operators.dead_letters import Reason

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"

LARGEST = 64 << 20
"""Bytes that a message may have when it is unpacked: a few bytes may claim to be gigabytes."""

MOST_MEMBERS = 1_000
"""Members that a gzip message may have: what is behind each is copied once more."""

_GZIP_WINDOW = 31
"""What tells zlib that there is a gzip header."""


ASTRAY = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What code raises that met a value nobody has thought of: the message is refused, the stream goes on."""

ERRORS = (msgspec.MsgspecError, *ASTRAY)
"""What reading a record may raise."""


class UnreadableError(ValueError):
    """A message that is not what its format says.

    Attributes:
        reason: of its dead letter.
    """

    def __init__(self, reason: Reason, said: str) -> None:
        self.reason = reason
        super().__init__(said)


def unpacked(value: bytes) -> bytes:
    """The message itself.

    Raises:
        UnreadableError: it cannot be unpacked, or is too large then.
    """
    if value.startswith(GZIP):
        return _gunzipped(value)
    if value.startswith(ZSTD):
        return _unzstded(value)
    return value


def _gunzipped(value: bytes) -> bytes:
    """All members, one after the other."""
    found: list[bytes] = []
    left, rest = LARGEST, value
    while rest:
        if not rest.startswith(GZIP):
            raise UnreadableError(Reason.BAD_FORMAT, f"gzip: {len(rest)} bytes behind its end")
        if len(found) == MOST_MEMBERS:
            raise UnreadableError(Reason.OVERSIZED, f"gzip: more than {MOST_MEMBERS} members")
        part, rest = _member(rest, left)
        found.append(part)
        left -= len(part)
    return found[0] if len(found) == 1 else b"".join(found)


def _member(value: bytes, most: int) -> tuple[bytes, bytes]:
    """The first member, of at most so many bytes, and what is behind it."""
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        found = unpacker.decompress(value, most + 1)
    except zlib.error as error:
        raise UnreadableError(Reason.BAD_FORMAT, f"gzip: {error}") from None
    if unpacker.unconsumed_tail or len(found) > most:
        raise _too_large()
    if not unpacker.eof:
        raise UnreadableError(Reason.BAD_FORMAT, "gzip: cut off")
    return found, unpacker.unused_data


def _unzstded(value: bytes) -> bytes:
    try:
        with pa.CompressedInputStream(pa.py_buffer(value), "zstd") as stream:
            found: bytes = stream.read(LARGEST + 1)
    except (OSError, pa.ArrowException) as error:
        raise UnreadableError(Reason.BAD_FORMAT, f"zstd: {error}") from None
    if len(found) > LARGEST:
        raise _too_large()
    return found


def _too_large() -> UnreadableError:
    return UnreadableError(Reason.OVERSIZED, f"more than {LARGEST >> 20} MB when unpacked")
