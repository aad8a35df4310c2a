"""The join's store of one shard in RocksDB: bulk-loaded stubs, histories that can be taken back, buckets dropped whole.

A kill between two commits, or within one, must leave what the undisturbed run would have. Three rules do that:

1. Stubs are idempotent, so those that got in before a kill are simply put again.
2. The undo record of a commit (what the histories it touches were) is on disk before any of them changes, and the
   commit's number after all of them did. On opening, a record beyond the last number is played back: half a commit
   takes no effect. `rewind` plays back whole commits in the same way, newest first, each in one atomic write that also
   removes its record; after a kill in the middle of that the next `rewind` goes on.
3. A bucket is dropped only when its expiry can no longer be taken back. `expire` marks it with the number of the
   commit; the files go when that number leaves the reach of `rewind`. So whatever commit a run resumes from: either it
   had expired the bucket (the join decides that by event time, and neither asks nor puts there any more), or all that
   was in the bucket is there still. By the same token a record has nothing to restore in a bucket that is gone.

Every commit is synced, and files that are taken in are by RocksDB, so all of this holds for a loss of power, too; so
do Bytewax's snapshots (SQLite with synchronous = FULL). It costs 0.3 to 2 ms of waiting a commit.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rocksdict import WriteBatch

from stream.state import rocks_options
from stream.state.directory import StateError
from stream.state.rocks_commits import Before, CommitLog
from stream.state.rocks_open import PATIENCE, REMEDY, open_database, whole
from stream.state.rocks_table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from operators.join.store import Bucket

REACH = 1_000
"""Commits that can be taken back: a quarter of an hour of traffic. A snapshot is a few seconds behind at most."""


@dataclass(frozen=True, slots=True)
class StoreSize:
    """What a shard holds.

    Attributes:
        stubs: estimated.
        histories: estimated.
        pending: records put since the last commit.
        disk: bytes of its files.
        filters: bytes of memory for filters and indexes; beside what all shards of a process share.
    """

    stubs: int
    histories: int
    pending: int
    disk: int
    filters: int


class RocksStore:
    """The shard in DIRECTORY/shard-NN. Commits are numbered from 1 on, one by one; 0 is the empty store.

    Raises:
        StateInUseError: another process has the shard open and does not end.
        StateError: the directory holds something else, or is damaged.
    """

    @whole
    def __init__(self, directory: Path, shard: int, *, reach: int = REACH, patience: float = PATIENCE) -> None:
        self.path = directory / f"shard-{shard:02d}"
        self._reach = reach
        options = rocks_options.options()
        self._database, names = open_database(self.path, options, patience)
        self._log = CommitLog(self._database, options, shard, names)
        self._stubs = Table(self._database, options, "stubs", names)
        self._histories = Table(self._database, options, "histories", names)
        self._expire_before: int | None = None
        self._take_back(self.sequence)
        for bucket in self._log.expired.keys() - self._buckets():
            self._log.dropped(bucket)

    @property
    def sequence(self) -> int:
        """The last commit in effect."""
        return self._log.note.sequence

    @property
    def oldest(self) -> int:
        """The oldest commit that `rewind` can go back to."""
        return self._log.note.oldest

    @property
    def size(self) -> StoreSize:
        """How much there is; costs 10 us a bucket and 1 us a file."""
        tables = (self._stubs, self._histories)
        stubs, histories = (table.estimate() for table in tables)
        pending = sum(len(values) for table in tables for values in table.pending.values())
        with os.scandir(self.path) as entries:
            disk = sum(entry.stat().st_size for entry in entries if entry.is_file())
        return StoreSize(stubs, histories, pending, disk, sum(table.filters() for table in tables))

    @whole
    def stubs(self, keys: Sequence[bytes], buckets: Sequence[Bucket]) -> list[bytes | None]:
        """The stub of each key out of the first bucket that has it; sees what was put since the last commit."""
        return self._stubs.get(keys, buckets)

    @whole
    def put_stubs(self, bucket: Bucket, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep stubs; of two with one key the later call counts."""
        self._stubs.put(bucket, keys, values)

    @whole
    def histories(self, keys: Sequence[bytes], buckets: Sequence[Bucket]) -> list[bytes | None]:
        """The history of each key out of the first bucket that has it; sees what was put since the last commit."""
        return self._histories.get(keys, buckets)

    @whole
    def put_histories(self, bucket: Bucket, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep histories; of two with one key in one bucket the later call counts."""
        self._histories.put(bucket, keys, values)

    def expire(self, before: int) -> None:
        """Mark, with every commit from the next on, the buckets that end at or before `before` (ms).

        The files go when that commit can no longer be taken back.
        """
        self._expire_before = before if self._expire_before is None else max(before, self._expire_before)

    @whole
    def commit(self, sequence: int) -> None:
        """Make everything since the last commit durable; it takes effect together.

        Raises:
            ValueError: the number is not that of a later commit.
        """
        if sequence <= self.sequence:
            raise ValueError(f"{self.path}: commit {sequence} after commit {self.sequence}")
        expiring = [*self._expiring()]
        record = [Before(*bucket, keys, values) for bucket, keys, values in self._histories.before()]
        if record:
            self._log.prepare(sequence, record)
        batch = WriteBatch(raw_mode=True)
        self._stubs.write(batch)
        self._histories.write(batch)
        self._log.commit(batch, sequence, self._reach, expiring)
        for bucket in [bucket for bucket, expired in self._log.expired.items() if expired <= self.oldest]:
            self._stubs.drop(bucket)
            self._histories.drop(bucket)
            self._log.dropped(bucket)

    @whole
    def rewind(self, sequence: int | None) -> None:
        """Histories become what they were at commit `sequence`; None: as if nothing had ever been kept.

        What was put since the last commit is gone.

        Raises:
            StateError: the store has not come as far as that commit, or cannot go back so far.
        """
        self._stubs.forget()
        self._histories.forget()
        self._expire_before = None
        if sequence is None:
            self._empty()
            return
        if sequence > self.sequence:
            raise StateError(
                f"{self.path}: ends at commit {self.sequence}, but the snapshot was made at commit {sequence}: "
                f"this part of the join store was removed or is older than the snapshot; {REMEDY}"
            )
        if sequence < self.oldest:
            raise StateError(
                f"{self.path}: goes back to commit {self.oldest}, but the snapshot was made at commit {sequence}: "
                f"the snapshot is older than this part of the join store; {REMEDY}"
            )
        self._take_back(sequence)
        self._log.rewound(sequence)

    @whole
    def load(self) -> None:
        """Take in what was put since the last time, outside of any commit: it cannot be taken back."""
        batch = WriteBatch(raw_mode=True)
        self._stubs.write(batch)
        self._histories.write(batch)
        self._log.load(batch)

    def settle(self, sequence: int) -> None:
        """All that was loaded is what there was at this commit; it is the oldest that `rewind` can go back to."""
        self._log.settled(sequence)

    def empty(self) -> None:
        """As if nothing had ever been kept."""
        self.rewind(None)

    @property
    def pending(self) -> dict[str, dict[Bucket, dict[bytes, bytes]]]:
        """By table and bucket: what was put since the last commit."""
        return {"stubs": self._stubs.pending, "histories": self._histories.pending}

    def everything(self) -> Iterator[tuple[str, Bucket, Iterator[tuple[bytes, bytes]]]]:
        """By table and bucket: all that is committed and has not expired; of two values of a key the later counts."""
        for name, table in (("stubs", self._stubs), ("histories", self._histories)):
            for bucket in sorted(table.buckets() - self._log.expired.keys()):
                yield name, bucket, table.items(bucket)

    @property
    def mark(self) -> bytes:
        """What was last put there for whoever copies the store; nothing after it was emptied."""
        return self._log.mark

    @mark.setter
    def mark(self, mark: bytes) -> None:
        self._log.mark = mark

    @whole
    def compact(self) -> None:
        """Merge what was taken in so far: smallest on disk, quickest to ask."""
        self._stubs.compact()
        self._histories.compact()

    def close(self) -> None:
        """Leave the files to others; what was put since the last commit is gone."""
        for part in (self._stubs, self._histories, self._log):
            part.close()  # their handles would keep the database open
        self._database.close()

    def _take_back(self, sequence: int) -> None:
        for number, record in self._log.newer(sequence):
            batch = WriteBatch(raw_mode=True)
            for before in record:
                self._histories.restore(batch, before.bucket, before.keys, before.values)
            self._log.took_back(batch, number)

    def _empty(self) -> None:
        for bucket in self._buckets():
            self._stubs.drop(bucket)
            self._histories.drop(bucket)
        self._log.emptied()

    def _expiring(self) -> Iterator[Bucket]:
        """The buckets that expire with this commit."""
        if self._expire_before is None:
            return
        held = self._buckets() | self._stubs.pending.keys() | self._histories.pending.keys()
        for span, index in held - self._log.expired.keys():
            if (index + 1) * span <= self._expire_before:
                yield span, index

    def _buckets(self) -> set[Bucket]:
        return self._stubs.buckets() | self._histories.buckets()
