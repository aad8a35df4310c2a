"""The commits of a join store: the number of the last one, how to take back the last ones, and what has expired."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, cast

import msgspec
from rocksdict import WriteBatch

from stream.state import rocks_options
from stream.state.directory import StateError
from stream.state.rocks_open import REMEDY

if TYPE_CHECKING:
    from operators.join.store import Bucket

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rocksdict import Options, Rdict

    from operators.join.store import Bucket

FORMAT = 2
"""Version of what is in the database."""

_FORMER = 1
"""It had no small buckets, and is read as it is."""

_UNDO = "undo"
_NOTE = b"note"
_EXPIRED = b"expired/"
_MARK = b"mark"


class Note(msgspec.Struct, frozen=True):
    """What the database says of itself; the last two change with every commit."""

    format: int
    shard: int
    sequence: int = 0
    oldest: int = 0


class CommitLog:
    """Numbers of commits, undo records, and the commit that each expired bucket expired with.

    Raises:
        StateError: the database is of another kind, format or shard.
    """

    def __init__(self, database: Rdict, options: Options, shard: int, names: Iterable[str]) -> None:
        self._database = database
        self._path = database.path()
        self._sync = rocks_options.synced()
        self.note = self._read(shard, fresh=[*names] == ["default"] and database.latest_sequence_number() == 0)
        if _UNDO not in names:
            database.create_column_family(_UNDO, options)
        self._records = database.get_column_family(_UNDO)
        self._handle = database.get_column_family_handle(_UNDO)
        self._kept = deque(sequence_of(cast("bytes", key)) for key in self._records.keys())  # noqa: SIM118 - no dict
        self.expired = dict(self._marks())

    def prepare(self, sequence: int, record: list[Before]) -> None:
        """Keep what a commit is about to change, before it does."""
        self._records.put(undo_key(sequence), encode(record), self._sync)
        self._kept.append(sequence)

    def commit(self, batch: WriteBatch, sequence: int, reach: int, expiring: Iterable[Bucket]) -> None:
        """Write the batch, and with it that the commit is done; forget the records that are out of reach."""
        oldest = max(self.note.oldest, sequence - reach)
        while self._kept and self._kept[0] <= oldest:
            batch.delete(undo_key(self._kept.popleft()), self._handle)
        for bucket in expiring:
            batch.put(_mark(bucket), sequence.to_bytes(8, "big"))
            self.expired[bucket] = sequence
        self._write(batch, msgspec.structs.replace(self.note, sequence=sequence, oldest=oldest))

    def newer(self, sequence: int) -> Iterator[tuple[int, list[Before]]]:
        """The records after a commit, newest first."""
        while self._kept and self._kept[-1] > sequence:
            yield self._kept[-1], self._record(self._kept[-1])

    def took_back(self, batch: WriteBatch, number: int) -> None:
        """Write the batch that restores what commit `number` changed; that has not been, then."""
        batch.delete(undo_key(number), self._handle)
        self._write(batch, msgspec.structs.replace(self.note, sequence=min(self.note.sequence, number - 1)))
        self._kept.pop()

    def rewound(self, sequence: int) -> None:
        """This is the last commit now; what expired after it has not."""
        batch = WriteBatch(raw_mode=True)
        later = [bucket for bucket, expired in self.expired.items() if expired > sequence]
        for bucket in later:
            batch.delete(_mark(bucket))
            del self.expired[bucket]
        self._write(batch, msgspec.structs.replace(self.note, sequence=sequence))

    def emptied(self) -> None:
        """Nothing was ever committed."""
        batch = WriteBatch(raw_mode=True)
        while self._kept:
            batch.delete(undo_key(self._kept.pop()), self._handle)
        for bucket in self.expired:
            batch.delete(_mark(bucket))
        self.expired = {}
        batch.delete(_MARK)
        self._write(batch, Note(FORMAT, self.note.shard))

    def load(self, batch: WriteBatch) -> None:
        """Write the batch as part of no commit."""
        self._write(batch, self.note)

    def settled(self, sequence: int) -> None:
        """This is the last commit and the oldest."""
        batch = WriteBatch(raw_mode=True)
        while self._kept:
            batch.delete(undo_key(self._kept.pop()), self._handle)
        self._write(batch, msgspec.structs.replace(self.note, sequence=sequence, oldest=sequence))

    @property
    def mark(self) -> bytes:
        """What somebody else keeps here; goes when the database is emptied."""
        return cast("bytes", self._database.get(_MARK) or b"")

    @mark.setter
    def mark(self, mark: bytes) -> None:
        self._database.put(_MARK, mark, self._sync)

    def dropped(self, bucket: Bucket) -> None:
        """The bucket is gone. Should this be lost, it is found out at the next start."""
        del self.expired[bucket]
        self._database.delete(_mark(bucket))

    def close(self) -> None:
        """Give the handles up."""
        del self._records, self._handle

    def _read(self, shard: int, *, fresh: bool) -> Note:
        found = self._database.get(_NOTE)
        if found is None and fresh:
            note = Note(FORMAT, shard)
            self._database.put(_NOTE, msgspec.msgpack.encode(note), self._sync)
            return note
        try:
            note = msgspec.msgpack.decode(found or b"", type=Note)
        except msgspec.DecodeError as error:
            raise StateError(f"{self._path}: a database, but no join store of driftgauge; {REMEDY}") from error
        if note.format not in {FORMAT, _FORMER}:
            raise StateError(f"{self._path}: of format {note.format}, this release reads format {FORMAT}; {REMEDY}")
        if note.shard != shard:
            raise StateError(f"{self._path}: holds shard {note.shard}: directories were exchanged; {REMEDY}")
        if note.format == _FORMER:
            note = msgspec.structs.replace(note, format=FORMAT)
            self._database.put(_NOTE, msgspec.msgpack.encode(note), self._sync)
        return note

    def _record(self, sequence: int) -> list[Before]:
        try:
            return decode(self._records.get(undo_key(sequence)) or b"")
        except msgspec.DecodeError as error:
            raise StateError(f"{self._path}: damaged: undo record {sequence}: {error}; {REMEDY}") from error

    def _marks(self) -> Iterator[tuple[Bucket, int]]:
        for key, value in cast("Iterable[tuple[bytes, bytes]]", self._database.items(from_key=_EXPIRED)):
            if not key.startswith(_EXPIRED):
                break
            span, index = key[len(_EXPIRED) :].split(b"/")
            yield (int(span), int(index)), sequence_of(value)

    def _write(self, batch: WriteBatch, note: Note) -> None:
        batch.put(_NOTE, msgspec.msgpack.encode(note))
        self._database.write(batch, self._sync)
        self.note = note


def _mark(bucket: Bucket) -> bytes:
    return b"%s%d/%d" % (_EXPIRED, *bucket)


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
