"""Pair messages: a request and its response as one message, with the envelope that it goes by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.formats.halves import Half
    from operators.records import Headers


@dataclass(frozen=True, slots=True)
class PairEnvelopes:
    """Envelopes of paired messages: the request's, with the headers of both."""

    keys: Sequence[bytes | None]
    held: Sequence[Headers]
    places: Sequence[tuple[int, int]]

    def key(self, index: int) -> bytes | None:
        """The key of message `index`."""
        return self.keys[index]

    def headers(self, index: int) -> Headers:
        """The headers of message `index`."""
        return self.held[index]

    def offset(self, index: int) -> int:
        """The offset of message `index`."""
        return self.places[index][1]


def paired(request: Half | None, response: Half | None) -> bytes:
    """What is read of a request and its response, or of one of them alone."""
    first = request or response
    if first is None:
        raise ValueError("nothing to be paired")
    parts = [b"{", first.about, b',"timestamp":%d' % first.stamp]
    if request is not None and response is not None:
        parts.append(b',"latency_ms":' + msgspec.json.encode(max(response.at - request.at, 0) * 0.001))
    if request is not None:
        parts += (b',"request":', request.body)
    if response is not None:
        parts += (b',"response":', response.body)
    parts.append(b"}")
    return b"".join(parts)
