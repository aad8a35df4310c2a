"""The join's stores of one process: opened when a shard first needs one, closed together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.rocks_store import RocksStore

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self


class JoinStores:
    """Opens the stores of shards under a directory.

    Raises (on opening a shard):
        StateError: see RocksStore.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: dict[int, RocksStore] = {}

    def __enter__(self) -> Self:
        """For a with statement."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every store that was opened."""
        self.close()

    def __call__(self, shard: int) -> RocksStore:
        """The store of a shard: the same one at every call."""
        if shard not in self._open:
            self._open[shard] = RocksStore(self._directory, shard)
        return self._open[shard]

    @property
    def open(self) -> dict[int, RocksStore]:
        """The stores that are open, by shard."""
        return dict(self._open)

    def close(self) -> None:
        """Leave all of them to others."""
        while self._open:
            self._open.popitem()[1].close()
