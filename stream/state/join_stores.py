"""The join's stores of one process: opened when a shard first needs one, closed together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stream.metrics.reports import GaugeBlock
from stream.state.rocks_store import RocksStore
from stream.throttle import Throttle

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from stream.metrics.reports import Reporter

TELL_EVERY = 10.0
"""Seconds between two reports of a store's size."""


class ToldStore(RocksStore):
    """A store that reports its size now and then, when it has committed."""

    def __init__(self, directory: Path, shard: int, reporter: Reporter) -> None:
        super().__init__(directory, shard)
        self._shard = str(shard)
        self._reporter = reporter
        self._throttle = Throttle(TELL_EVERY)

    def commit(self, sequence: int) -> None:
        """Commit; see RocksStore."""
        super().commit(sequence)
        if self._throttle.due():
            size = self.size
            owner = f"join/{self._shard}"
            self._reporter.send(GaugeBlock(owner, "join_stubs", ((self._shard,),), (float(size.stubs),)))
            self._reporter.send(GaugeBlock(owner, "join_disk_bytes", ((self._shard,),), (float(size.disk),)))


class Opener(Protocol):
    """Opens the store of a shard under a directory."""

    def __call__(self, directory: Path, shard: int, reporter: Reporter, /) -> RocksStore:
        """The store."""


class JoinStores:
    """Opens the stores of shards under a directory, with `opener`.

    Raises (on opening a shard):
        StateError: see RocksStore.
    """

    def __init__(self, directory: Path, reporter: Reporter, opener: Opener = ToldStore) -> None:
        self._directory = directory
        self._reporter = reporter
        self._opener = opener
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
            self._open[shard] = self._opener(self._directory, shard, self._reporter)
        return self._open[shard]

    def close(self) -> None:
        """Leave all of them to others."""
        while self._open:
            self._open.popitem()[1].close()
