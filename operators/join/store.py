"""What the join needs of a store: predictions that wait for labels, and the labels each has had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

Bucket = tuple[int, int]
"""(span in ms, index): holds what expires in [index * span, (index + 1) * span) ms since the epoch."""


class JoinStore(Protocol):
    """The store of one shard. Keys are 8 bytes.

    Stubs are idempotent: the same record gives the same bytes. A store that is ahead of the snapshot is therefore
    right in its stubs, while its histories have to be rewound.
    """

    def stubs(self, keys: Sequence[bytes], buckets: Sequence[Bucket]) -> list[bytes | None]:
        """The stub of each key out of the first bucket that has it; sees what was put since the last commit."""

    def put_stubs(self, bucket: Bucket, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep stubs; of two with one key the later call counts."""

    def histories(self, keys: Sequence[bytes], buckets: Sequence[Bucket]) -> list[bytes | None]:
        """The history of each key out of the first bucket that has it."""

    def put_histories(self, bucket: Bucket, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep histories; of two with one key in one bucket the later call counts."""

    def expire(self, before: int) -> None:
        """Drop every bucket that ends at or before `before` (ms), with the next commit; the disk space comes back."""

    def commit(self, sequence: int) -> None:
        """Make everything since the last commit durable; it takes effect together."""

    def rewind(self, sequence: int | None) -> None:
        """Histories become what they were at commit `sequence`; None: as if nothing had ever been kept."""

    def close(self) -> None:
        """Leave the files to others."""


class OpenStore(Protocol):
    """Opens the store of a shard, by its number."""

    def __call__(self, shard: int, /) -> JoinStore:
        """The store; the caller has it to itself."""
