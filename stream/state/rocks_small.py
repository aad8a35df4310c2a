"""Small buckets of a table, together in one column family: a bucket gets its own once it is large.

A column family costs tens of milliseconds and two writes of the manifest. Where a day has a hundred predictions, nearly
every record would make one: of 3,000 records over 18 days 579, which took 80 % of the time.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, cast

from rocksdict import WriteBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rocksdict import ColumnFamily, Rdict

    from operators.join.store import Bucket

_PREFIX = struct.Struct(">qq")


class SmallBuckets:
    """Values by bucket and key. `sizes` counts, at least, the values of each bucket that has any."""

    def __init__(self, database: Rdict, name: str) -> None:
        """Find out what the column family `name` holds."""
        self._database = database
        self._data = database.get_column_family(name)
        self._handle: ColumnFamily = database.get_column_family_handle(name)
        self.sizes: dict[Bucket, int] = {}
        for key in cast("Iterable[bytes]", self._data.keys()):
            span, index = _PREFIX.unpack_from(key)
            self._count((span, index), 1)

    def get(self, bucket: Bucket, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of the keys in a bucket."""
        if bucket not in self.sizes or not keys:
            return [None] * len(keys)
        prefix = _PREFIX.pack(*bucket)
        return cast("list[bytes | None]", self._data.get([prefix + key for key in keys]))

    def put(self, batch: WriteBatch, bucket: Bucket, values: Mapping[bytes, bytes]) -> None:
        """Keep values, once the batch is written."""
        prefix = _PREFIX.pack(*bucket)
        for key, value in values.items():
            batch.put(prefix + key, value, self._handle)
        self._count(bucket, len(values))

    def delete(self, batch: WriteBatch, bucket: Bucket, keys: Iterable[bytes]) -> None:
        """Let values go with the batch."""
        prefix = _PREFIX.pack(*bucket)
        for key in keys:
            batch.delete(prefix + key, self._handle)

    def take(self, batch: WriteBatch, bucket: Bucket) -> dict[bytes, bytes]:
        """All values of a bucket, which leave it with the batch."""
        found = dict(self.items(bucket))
        self.delete(batch, bucket, found)
        del self.sizes[bucket]
        return found

    def items(self, bucket: Bucket) -> Iterator[tuple[bytes, bytes]]:
        """What a bucket holds."""
        prefix = _PREFIX.pack(*bucket)
        for key, value in cast("Iterable[tuple[bytes, bytes]]", self._data.items(from_key=prefix)):
            if not key.startswith(prefix):
                return
            yield key[_PREFIX.size :], value

    def drop(self, bucket: Bucket) -> None:
        """Let a bucket go now."""
        batch = WriteBatch(raw_mode=True)
        self.take(batch, bucket)
        self._database.write(batch)

    def property(self, name: str) -> int:
        """A number that RocksDB knows of the family."""
        return self._data.property_int_value(name) or 0

    def compact(self) -> None:
        """Merge everything into one run."""
        self._data.compact_range(None, None)

    def close(self) -> None:
        """Give the handles up."""
        del self._data, self._handle

    def _count(self, bucket: Bucket, values: int) -> None:
        self.sizes[bucket] = self.sizes.get(bucket, 0) + values
