"""The join's stores of a replay: in memory, for nothing is ever resumed; on disk only what does not fit."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from stream.state.rocks_store import RocksStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.join.store import OpenStore

MOST_IN_MEMORY = 100_000
"""Values of a shard that are held in memory, about 25 MB; all eight of a process 200 MB."""


class ReplayStore(RocksStore):
    """A store whose commits only make room: what expires is let go at once, and nothing can be taken back."""

    def __init__(self, directory: Path, shard: int) -> None:
        super().__init__(directory, shard, reach=0)

    def expire(self, before: int) -> None:
        """Let go what ends at or before `before` (ms); what is on disk, with the next commit that writes."""
        super().expire(before)
        for table in (self._stubs, self._histories):
            table.forget_before(before)

    def commit(self, sequence: int) -> None:
        """Write, if there is too much to hold in memory."""
        if self._stubs.held + self._histories.held > MOST_IN_MEMORY:
            super().commit(sequence)


@contextmanager
def replay_stores(beside: Path) -> Iterator[OpenStore]:
    """Opens the store of a shard, the same one at every call; they last as long as the context."""
    beside.mkdir(parents=True, exist_ok=True)
    stores: dict[int, ReplayStore] = {}
    with TemporaryDirectory(prefix=".join-", dir=beside) as directory:

        def opened(shard: int) -> ReplayStore:
            if shard not in stores:
                stores[shard] = ReplayStore(Path(directory), shard)
            return stores[shard]

        try:
            yield opened
        finally:
            for store in stores.values():
                store.close()
