"""A join store with a changelog: whatever it commits is in a topic, too, out of which it is made again elsewhere.

The log has it before the snapshot that goes by the commit is saved; so what a snapshot needs is always there. A shard
that begins without what the snapshot needs, on another host or an empty disk, is made again at once.
"""

from __future__ import annotations

import logging
import time
from secrets import token_hex
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from operators.join.changelog import Record, Replay, parts, pending
from stream.state.directory import StateError
from stream.state.join_stores import ToldStore
from stream.state.rocks_open import REMEDY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from operators.join.changelog import Puts
    from stream.metrics.reports import Reporter

_LOG = logging.getLogger("driftgauge.state")


class Log(Protocol):
    """Where the records go.

    Attributes:
        name: of the topic.
        identity: tells it apart from another one of that name.
        copy_after: ms after which there has to be a whole copy again; what is before the last but one may be gone.
    """

    name: str
    identity: str
    copy_after: int

    def write(self, record: Record) -> None:
        """Hand a record over."""

    def settle(self) -> None:
        """Wait until all are there."""

    def read(self, shard: int) -> Iterator[Record]:
        """All records of a shard that are there, in their order."""


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """The last whole copy: in which log, when (ms) it was made, at which commit."""

    identity: str
    at: int
    sequence: int


class LoggedStore(ToldStore):
    """The store of a shard whose commits are logged; see RocksStore."""

    def __init__(self, directory: Path, shard: int, reporter: Reporter, log: Log) -> None:
        super().__init__(directory, shard, reporter)
        self._number, self._topic = shard, log
        self._life = token_hex(6)

    def commit(self, sequence: int) -> None:
        """Commit; it is in the log when this returns."""
        self._write("commit", sequence, pending(self.pending))
        super().commit(sequence)
        self._topic.settle()
        if self._is_copy_due():
            self._copy()

    def rewind(self, sequence: int | None) -> None:
        """Go back to a commit; where there is no way to it from what is here, by the log."""
        if sequence is not None and not self.oldest <= sequence <= self.sequence:
            self._restore(sequence)
        super().rewind(sequence)
        mark = self._copied()
        if mark is None or mark.sequence > self.sequence or self._is_copy_due():
            self._copy()
            return
        self._topic.write(Record(self._number, self._life, "begin", self.sequence))
        self._topic.settle()

    def _restore(self, sequence: int) -> None:
        began = time.monotonic()
        here = f"ends at commit {self.sequence}" if self.sequence else "holds nothing"
        _LOG.info("%s: %s: it is made again out of %s", self.path, here, self._topic.name)
        super().rewind(None)
        replay = Replay(self)
        for record in self._topic.read(self._number):
            replay.take(record)
        if why := replay.finish(sequence):
            needed = f"the snapshot was made at commit {sequence}"
            raise StateError(f"{self.path}: {here}, {needed}, and {self._topic.name} {why}; {REMEDY}")
        size = self.size
        took = time.monotonic() - began
        _LOG.info(
            "%s: made again out of %d records in %.1f s: %d predictions that wait for labels, %d labels",
            self.path,
            replay.records,
            took,
            size.stubs,
            size.histories,
        )

    def empty(self) -> None:
        """As if nothing had ever been kept; the log is not told."""
        super().rewind(None)

    def _copied(self) -> Mark | None:
        """The last whole copy in this log; None without one."""
        mark = msgspec.msgpack.decode(self.mark, type=Mark) if self.mark else None
        return None if mark is None or mark.identity != self._topic.identity else mark

    def _is_copy_due(self) -> bool:
        mark = self._copied()
        return mark is None or _now() - mark.at > self._topic.copy_after

    def _copy(self) -> None:
        """Write down all there is."""
        self._write("copy", self.sequence, self.everything())
        self._topic.settle()
        self.mark = msgspec.msgpack.encode(Mark(self._topic.identity, _now(), self.sequence))

    def _write(self, kind: Literal["copy", "commit"], sequence: int, puts: Iterable[Puts]) -> None:
        for number, (values, last) in enumerate(parts(puts)):
            self._topic.write(Record(self._number, self._life, kind, sequence, number, last, values))


def _now() -> int:
    return int(time.time() * 1e3)
