"""Bounds: how many records a message may hold, and what of one that is refused is written down.

A few bytes may unpack to millions of elements, and each bad one is a dead letter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from operators.dead_letters import Reason
from operators.formats.packed import ERRORS, UnreadableError

MOST_RECORDS = 100_000
"""Records of a message. A Kafka message of a megabyte holds some thousand predictions."""

MOST_SHOWN = 8 << 10
"""Bytes kept of an element that is refused, of several in a message."""

AT_ONCE = 16 << 20
"""Unpacked bytes after which the messages of a batch so far are read, before more are unpacked."""

COMMA, OPENING, CLOSING = 0x2C, (0x5B, 0x7B), (0x5D, 0x7D)

_STRING = re.compile(rb'"[^"]*"')

_SOME = 1 << 20
"""Bytes looked at together."""


def too_many() -> UnreadableError:
    """What is raised of a message with more records than are read."""
    return UnreadableError(Reason.OVERSIZED, f"more than {MOST_RECORDS} records in a message")


def check_array(text: bytes) -> None:
    """Refuse an array of JSON with too many elements, before any of them is built.

    Raises:
        UnreadableError: it has.
    """
    if text.count(b",") < MOST_RECORDS:
        return
    bare = _STRING.sub(b"", text.replace(b"\\\\", b"").replace(b'\\"', b""))
    depth = found = 0
    for start in range(0, len(bare), _SOME):
        piece = np.frombuffer(bare, dtype=np.uint8, count=min(_SOME, len(bare) - start), offset=start)
        steps = np.isin(piece, OPENING).astype(np.int32) - np.isin(piece, CLOSING)
        depths = depth + np.cumsum(steps)
        found += int(((piece == COMMA) & (depths == 1)).sum())
        depth = int(depths[-1])
        if found >= MOST_RECORDS:
            raise too_many()


def shown(element: Any) -> bytes:
    """An element as JSON, or as MessagePack where JSON cannot say it: the first MOST_SHOWN bytes."""
    for encode in (msgspec.json.encode, msgspec.msgpack.encode):
        try:
            return encode(element)[:MOST_SHOWN]
        except ERRORS:
            continue
    return b"null"


class Behind(Sequence[Any]):
    """The bytes behind each of some records; only those that are asked for are made.

    Args:
        lines: the bytes of each line.
        rows: the line of each record.
        parts: where a line holds several records, what is shown of each instead of all of it.
        several: of each line, whether it does.
    """

    def __init__(
        self, lines: Sequence[Any], rows: Sequence[int], parts: Sequence[Any] = (), several: Sequence[bool] = ()
    ) -> None:
        self._lines = lines
        self._rows = rows
        self._parts = parts
        self._several = several

    def __len__(self) -> int:
        """How many records."""
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        """The bytes behind record `at`."""
        row = self._rows[at]
        return shown(self._parts[at]) if self._several and self._several[row] else self._lines[row]
