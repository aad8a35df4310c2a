"""A table of the join store: values by key in buckets that are dropped whole.

A bucket is a column family once it is large; small ones share one (`rocks_small`). A separate database for each was
measured against it: 480 of either (60 in each of 8 shards) took 40 against 120 MB, 370 against 3,400 open files, 0.5 to
1.0 against 3.1 s to open; dropping a column family takes 20 ms and its files are gone at once.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from rocksdict import SstFileWriter

from stream.state.rocks_open import INCOMING
from stream.state.rocks_options import COMPLETE, ingestion
from stream.state.rocks_small import SmallBuckets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from rocksdict import ColumnFamily, Options, Rdict, WriteBatch

    from operators.join.store import Bucket

LARGE = 2_000
"""From here on a bucket has a column family, and values put at once go in as a file of their own.

Per value that costs a third of the processor time of a write batch; but the file is synced, which takes 4 ms or more,
and has to be merged with others later.
"""


@dataclass(frozen=True, slots=True)
class _Family:
    data: Rdict
    handle: ColumnFamily


class Table:
    """What is in the database and, over it, what was put since the last commit."""

    def __init__(self, database: Rdict, options: Options, kind: str, names: Iterable[str]) -> None:
        self.pending: dict[Bucket, dict[bytes, bytes]] = {}
        self._database = database
        self._options = options
        self._kind = kind
        self._families: dict[Bucket, _Family] = {}
        for name in names:
            match = re.fullmatch(rf"{kind}-(\d+)-(-?\d+)", name)
            if match is not None:
                self._families[int(match[1]), int(match[2])] = self._family(name)
        if f"{kind}-small" not in names:
            database.create_column_family(f"{kind}-small", options)
        self._small = SmallBuckets(database, f"{kind}-small")

    def get(self, keys: Sequence[bytes], buckets: Sequence[Bucket]) -> list[bytes | None]:
        """The value of each key out of the first bucket that has it; one look into a bucket for all keys."""
        found: list[bytes | None] = [None] * len(keys)
        missing = _order(keys)  # in which RocksDB finds them a tenth faster
        for bucket in buckets:
            if not missing:
                break
            if bucket in self._families or bucket in self._small.sizes or bucket in self.pending:
                values = self._look(bucket, [keys[at] for at in missing])
                for at, value in zip(missing, values, strict=True):
                    found[at] = value
                missing = [at for at in missing if found[at] is None]
        return found

    def put(self, bucket: Bucket, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Keep values until the next commit."""
        if len(keys) != len(values):
            raise ValueError(f"{len(keys)} keys with {len(values)} values")
        self.pending.setdefault(bucket, {}).update(zip(keys, values, strict=False))

    @property
    def held(self) -> int:
        """How many values wait for the next commit."""
        return sum(map(len, self.pending.values()))

    def forget_before(self, end: int) -> None:
        """Let go what waits in buckets that end at or before `end` (ms)."""
        for span, index in [bucket for bucket in self.pending if (bucket[1] + 1) * bucket[0] <= end]:
            del self.pending[span, index]

    def before(self) -> Iterator[tuple[Bucket, list[bytes], list[bytes | None]]]:
        """By bucket: the pending keys, and what each has been since the last commit."""
        for bucket, values in self.pending.items():
            keys = sorted(values)
            yield bucket, keys, self._stored(bucket, keys)

    def buckets(self) -> set[Bucket]:
        """The buckets that are in the database."""
        return self._families.keys() | self._small.sizes.keys()

    def items(self, bucket: Bucket) -> Iterator[tuple[bytes, bytes]]:
        """What of a bucket is in the database; of two values of a key the later counts."""
        yield from self._small.items(bucket)
        if bucket in self._families:
            yield from cast("Iterable[tuple[bytes, bytes]]", self._families[bucket].data.items())

    def write(self, batch: WriteBatch) -> None:
        """Take in what is pending: much at once, little with the batch when that is written."""
        for bucket, values in self.pending.items():
            family = self._families.get(bucket)
            if family is None and self._small.sizes.get(bucket, 0) + len(values) < LARGE:
                self._small.put(batch, bucket, values)
                continue
            family = family or self._create(bucket)
            if bucket in self._small.sizes:
                self._move(batch, bucket, family)
            if len(values) >= LARGE:
                self._ingest(family, values)
            else:
                for key, value in values.items():
                    batch.put(key, value, family.handle)
        self.pending = {}

    def restore(self, batch: WriteBatch, bucket: Bucket, keys: Sequence[bytes], values: Sequence[bytes | None]) -> None:
        """Put the values back with the batch, unless the bucket has been dropped since."""
        if bucket in self._small.sizes:
            self._small.delete(batch, bucket, keys)
        family = self._families.get(bucket)
        if family is None and bucket in self._small.sizes:
            kept = {key: value for key, value in zip(keys, values, strict=True) if value is not None}
            self._small.put(batch, bucket, kept)
        if family is None:
            return
        for key, value in zip(keys, values, strict=True):
            if value is None:
                batch.delete(key, family.handle)
            else:
                batch.put(key, value, family.handle)

    def drop(self, bucket: Bucket) -> None:
        """Let the bucket go, and its files with it."""
        if self._families.pop(bucket, None) is not None:  # with our handle: RocksDB keeps the files as long as it lives
            self._database.drop_column_family(self._name(bucket))
        if bucket in self._small.sizes:
            self._small.drop(bucket)

    def forget(self) -> None:
        """Nothing is pending any more."""
        self.pending = {}

    def estimate(self) -> int:
        """About how many values are in the database; what was put twice may count twice."""
        return self._sum("rocksdb.estimate-num-keys")

    def filters(self) -> int:
        """Bytes of memory for the filters and indexes of open files."""
        return self._sum("rocksdb.estimate-table-readers-mem")

    def compact(self) -> None:
        """Merge every bucket into one run."""
        for family in self._families.values():
            family.data.compact_range(None, None)
        self._small.compact()

    def close(self) -> None:
        """Give the handles up."""
        self._families.clear()
        self._small.close()

    def _look(self, bucket: Bucket, keys: list[bytes]) -> list[bytes | None]:
        """The values of the keys in a bucket."""
        pending = self.pending.get(bucket)
        if pending is None:
            return self._stored(bucket, keys)
        found = list(map(pending.get, keys))
        missing = [at for at, value in enumerate(found) if value is None]
        for at, value in zip(missing, self._stored(bucket, [keys[at] for at in missing]), strict=True):
            found[at] = value
        return found

    def _stored(self, bucket: Bucket, keys: list[bytes]) -> list[bytes | None]:
        """The values of the keys in a bucket, without what is pending."""
        family = self._families.get(bucket)
        if family is None or not keys:
            return self._small.get(bucket, keys)
        found = cast("list[bytes | None]", family.data.get(cast("list[Any]", keys)))
        if bucket not in self._small.sizes:
            return found
        # A kill came between the making of the family and the move into it.
        missing = [at for at, value in enumerate(found) if value is None]
        for at, value in zip(missing, self._small.get(bucket, [keys[at] for at in missing]), strict=True):
            found[at] = value
        return found

    def _move(self, batch: WriteBatch, bucket: Bucket, family: _Family) -> None:
        """What a bucket held while it was small goes to its family with the batch, before anything newer."""
        values = self._small.take(batch, bucket)
        keys = list(values)
        newer = cast("list[bytes | None]", family.data.get(cast("list[Any]", keys))) if keys else []
        pending = self.pending.get(bucket, {})
        for key, known in zip(keys, newer, strict=True):
            if known is None and key not in pending:
                batch.put(key, values[key], family.handle)

    def _sum(self, name: str) -> int:
        """The sum of a property of RocksDB over all buckets."""
        large = sum(family.data.property_int_value(name) or 0 for family in self._families.values())
        return large + self._small.property(name)

    def _create(self, bucket: Bucket) -> _Family:
        name = self._name(bucket)
        self._database.create_column_family(name, self._options)
        for other in self._families:
            if other == (bucket[0], bucket[1] - 2):  # the one between still gets what is late
                self._families[other].data.set_options(COMPLETE)
        return self._families.setdefault(bucket, self._family(name))

    def _family(self, name: str) -> _Family:
        return _Family(self._database.get_column_family(name), self._database.get_column_family_handle(name))

    def _name(self, bucket: Bucket) -> str:
        return f"{self._kind}-{bucket[0]}-{bucket[1]}"

    def _ingest(self, family: _Family, values: dict[bytes, bytes]) -> None:
        """Write the values to a sorted file and link that into the database."""
        path = Path(self._database.path()) / INCOMING / f"{self._kind}.sst"
        path.unlink(missing_ok=True)  # after a kill it may be a second name of a file that the database lives on
        writer = SstFileWriter(self._options)
        writer.open(str(path))
        chosen = itemgetter(*_order(values))
        deque(map(writer.__setitem__, chosen(list(values)), chosen(list(values.values()))), maxlen=0)
        writer.finish()
        family.data.ingest_external_file([str(path)], ingestion())


def _order(keys: Collection[bytes]) -> list[int]:
    """The positions of the keys in their order: numpy sorts them as numbers, four times as fast as Python."""
    numbers = np.frombuffer(b"".join(keys), ">u8")
    if len(numbers) != len(keys):
        raise ValueError("keys of other than 8 bytes")
    order: list[int] = numbers.astype(np.uint64).argsort().tolist()
    return order
