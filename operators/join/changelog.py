"""What a shard of the join wrote, commit by commit: the records of its changelog, and the store that they make again.

The log of a shard is read from its first whole copy on. Each life of the shard's process says where it begins, at the
commit of the snapshot that it goes on with: what a former life wrote after that is void, and so is what comes from a
former life later. Commits are numbered without a gap, so that none can be missing unnoticed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from operators.join.store import Bucket

LARGEST = 400_000
"""Bytes of values after which a record is full: topics take messages of a megabyte."""

HELD = 1_000
"""Commits that a later life may void; older ones are taken in."""

HELD_BYTES = 64 << 20
"""Bytes of values that are held back for that at most, but for one commit."""

AT_ONCE = 50_000
"""Values that are taken in with one commit."""

KEY_BYTES = 8

TableName = Literal["stubs", "histories"]


class Values(msgspec.Struct, array_like=True, frozen=True):
    """Values of a bucket by key; the keys are 8 bytes each, one behind the other."""

    table: TableName
    span: int
    index: int
    keys: bytes
    values: list[bytes]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def bucket(self) -> Bucket:
        """The bucket."""
        return self.span, self.index

    def split_keys(self) -> list[bytes]:
        """Each key."""
        return [self.keys[at : at + KEY_BYTES] for at in range(0, len(self.keys), KEY_BYTES)]


class Record(msgspec.Struct, array_like=True, frozen=True):
    """A message of the log.

    Attributes:
        shard: whose.
        life: tells the lives of the shard's process apart.
        kind: a life begins; part of a copy of all there is; part of what a commit put.
        sequence: of the commit at which it begins, of which it is a copy, or that it is part of.
        part: its place among the parts of that, from 0 on.
        last: whether nothing of that follows.
        values: what was put.
    """

    shard: int
    life: str
    kind: Literal["begin", "copy", "commit"]
    sequence: int
    part: int = 0
    last: bool = True
    values: list[Values] = []


Puts = tuple[str, "Bucket", "Iterable[tuple[bytes, bytes]]"]
"""Table, bucket, keys with their values."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """A message."""
    return _ENCODER.encode(record)


def decode(data: bytes) -> Record:
    """The record in a message.

    Raises:
        ValueError: it holds none.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no record of a changelog: {error}") from None


def parts(puts: Iterable[Puts], largest: int = LARGEST) -> Iterator[tuple[list[Values], bool]]:
    """Puts in as many parts as it takes, and whether one is the last; at least one."""
    part: list[Values] = []
    size = 0
    for table, (span, index), pairs in puts:
        keys: list[bytes] = []
        values: list[bytes] = []
        for key, value in pairs:
            if size >= largest:
                if keys:
                    part.append(_values(table, span, index, keys, values))
                yield part, False
                part, keys, values, size = [], [], [], 0
            keys.append(key)
            values.append(value)
            size += KEY_BYTES + len(value)
        if keys:
            part.append(_values(table, span, index, keys, values))
    yield part, True


def _values(table: str, span: int, index: int, keys: list[bytes], values: list[bytes]) -> Values:
    name: TableName = "stubs" if table == "stubs" else "histories"
    return Values(name, span, index, b"".join(keys), values)


class Restorable(Protocol):
    """The store that is made again."""

    def put_stubs(self, bucket: Bucket, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep stubs."""

    def put_histories(self, bucket: Bucket, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep histories."""

    def load(self) -> None:
        """Take in what was put since the last time."""

    def settle(self, sequence: int) -> None:
        """This is the last commit, and the oldest; all is durable."""

    def empty(self) -> None:
        """As if nothing had ever been kept."""


@dataclass(slots=True)
class _Commit:
    """What a commit, or a copy, has put so far; `size` in bytes."""

    sequence: int
    values: list[Values] = field(default_factory=list)
    size: int = 0

    def add(self, values: Iterable[Values]) -> None:
        """And this."""
        for one in values:
            self.values.append(one)
            self.size += len(one.keys) + sum(map(len, one.values))


class Replay:
    """Takes the records of a log in their order; a store becomes what it was at a commit.

    Args:
        store: to be made again; what it holds goes.
        held: commits that a later life may void.
    """

    def __init__(self, store: Restorable, held: int = HELD) -> None:
        self._store, self._most = store, held
        self._life = ""
        self._former: set[str] = set()
        self._is_whole = False
        self._taken = 0
        self._pending = 0
        self._held: deque[_Commit] = deque()
        self._bytes = 0
        self._next: tuple[str, str, int, int] | None = None
        self._built = _Commit(0)
        self.records = 0

    def take(self, record: Record) -> None:
        """The next record."""
        self.records += 1
        if record.life in self._former:
            return
        if record.kind == "commit":
            self._commit(record)
            return
        if record.part == 0:
            self._succeed(record.life)
            self._is_whole = self._is_whole and self._back_to(record.sequence)
        if record.kind == "copy" and not self._is_whole and self._is_built(record):
            self._reset()

    def finish(self, sequence: int) -> str:
        """Make the store what it was at this commit; why that cannot be, or nothing."""
        if not self._is_whole:
            return f"holds no whole copy of it that reaches to its end, among {self.records} records"
        if not self._back_to(sequence):
            return f"has it up to commit {self._top}, and the snapshot was made at commit {sequence}"
        while self._held:
            self._take_in()
        self._store.load()
        self._store.settle(sequence)
        return ""

    def _succeed(self, life: str) -> None:
        """Another life begins; what comes from the former one yet is void."""
        if life != self._life:
            self._former.add(self._life)
            self._life = life

    @property
    def _top(self) -> int:
        return self._held[-1].sequence if self._held else self._taken

    def _back_to(self, sequence: int) -> bool:
        """Void what was committed after; whether this commit is the last one then."""
        while self._held and self._held[-1].sequence > sequence:
            self._bytes -= self._held.pop().size
        return self._top == sequence

    def _reset(self) -> None:
        self._store.empty()
        self._held.clear()
        self._bytes = self._pending = 0
        self._taken, self._is_whole = self._built.sequence, True
        self._put(self._built.values)

    def _commit(self, record: Record) -> None:
        if not self._is_whole or record.life != self._life or not self._is_built(record):
            return
        self._is_whole = record.sequence == self._top + 1
        self._held.append(self._built)
        self._bytes += self._built.size
        while len(self._held) > self._most or (self._bytes > HELD_BYTES and len(self._held) > 1):
            self._take_in()

    def _is_built(self, record: Record) -> bool:
        """Put the parts of something together; whether all of them are there."""
        this = (record.life, record.kind, record.sequence)
        if record.part == 0:
            self._built = _Commit(record.sequence)
        elif self._next != (*this, record.part):
            return False
        self._next = (*this, record.part + 1)
        self._built.add(record.values)
        return record.last

    def _take_in(self) -> None:
        commit = self._held.popleft()
        self._bytes -= commit.size
        self._taken = commit.sequence
        self._put(commit.values)

    def _put(self, values: Iterable[Values]) -> None:
        for one in values:
            put = self._store.put_stubs if one.table == "stubs" else self._store.put_histories
            put(one.bucket, one.split_keys(), one.values)
            self._pending += len(one)
            if self._pending > AT_ONCE:
                self._store.load()
                self._pending = 0


def pending(tables: Mapping[str, Mapping[Bucket, Mapping[bytes, bytes]]]) -> Iterator[Puts]:
    """What tables hold since their last commit."""
    for name, buckets in tables.items():
        for bucket, values in buckets.items():
            yield name, bucket, values.items()
