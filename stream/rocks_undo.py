"""Undo records: what the histories that a commit touched were before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from operators.join.store import Bucket


class Before(msgspec.Struct, array_like=True, frozen=True):
    """The former values of some keys of a bucket; None where there was nothing."""

    span: int
    index: int
    keys: list[bytes]
    values: list[bytes | None]

    @property
    def bucket(self) -> Bucket:
        """The bucket."""
        return self.span, self.index


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Before])


def encode(record: list[Before]) -> bytes:
    """The record of one commit as bytes."""
    return _ENCODER.encode(record)


def decode(data: bytes) -> list[Before]:
    """The record of one commit.

    Raises:
        msgspec.DecodeError: the bytes are none.
    """
    return _DECODER.decode(data)


def undo_key(sequence: int) -> bytes:
    """The key of the record of a commit; they sort as the commits do."""
    return sequence.to_bytes(8, "big")


def sequence_of(key: bytes) -> int:
    """The commit a record belongs to."""
    return int.from_bytes(key, "big")
