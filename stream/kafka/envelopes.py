"""Messages of Kafka as envelopes: what the flow needs of them beside their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Message

    from operators.records import Headers


@dataclass(frozen=True, slots=True)
class MessageEnvelopes:
    """Keys, headers and offsets out of the messages themselves."""

    messages: Sequence[Message]

    def key(self, index: int) -> bytes | None:
        """The key of message `index`."""
        key = self.messages[index].key()
        return key.encode() if isinstance(key, str) else key

    def headers(self, index: int) -> Headers:
        """The headers of message `index`."""
        given: Any = self.messages[index].headers() or []
        return tuple((name, value.encode() if isinstance(value, str) else value) for name, value in given)

    def offset(self, index: int) -> int:
        """The offset of message `index`."""
        return int(self.messages[index].offset() or 0)
