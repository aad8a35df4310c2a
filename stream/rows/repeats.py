"""How many rows bear an id that another bears: in bounded memory, exact up to a million ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from stream.rows.arrays import categories
from windows.values import ids_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stream.rows.columns import Rows

MOST_KEPT = 1 << 20
"""Ids that are told apart: of more, those alone whose hash is below a bound, as in a sketch of the k smallest."""
EXACT = 2**53
EVERY = 64
"""Bits of a hash: where none of them must be 0, every id is there."""
_AT_ONCE = 1 << 18


class Repeats:
    """Counts rows by id."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        """Tell so many ids apart at most."""
        self._most = most
        self._bits = 0
        self._ids: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._new: list[NDArray[np.uint64]] = []
        self._blurred = False
        self.rows = 0

    def add(self, array: pa.Array) -> None:
        """Take in the ids of some rows; those without one are none."""
        if pa.types.is_floating(array.type) and (pc.max(pc.abs(array)).as_py() or 0) >= EXACT:
            self._blurred = True
        codes, names = categories(array)
        hashes = np.fromiter((xxhash.xxh3_64_intdigest(name.encode()) for name in ids_of(names)), np.uint64, len(names))
        found = hashes[codes[codes >= 0]]
        self.rows += len(found)
        self._new.append(found[found >> np.uint64(64 - self._bits) == 0] if self._bits else found)
        if sum(map(len, self._new)) >= _AT_ONCE:
            self._merge()

    @property
    def again(self) -> int:
        """Rows whose id an earlier row bears; estimated where there are too many ids, 0 where they were read as floats.

        Floats beyond 2^53 are several ids each.
        """
        self._merge()
        return 0 if self._blurred else int((self._counts - 1).sum()) << self._bits

    @property
    def distinct(self) -> int:
        """How many ids there are; estimated where there are too many."""
        self._merge()
        return len(self._ids) << self._bits

    def among(self, others: Repeats) -> float:
        """The share of these ids that are among others', 0 to 1; of a sample where there are too many."""
        self._merge()
        others._merge()
        bits = np.uint64(64 - max(self._bits, others._bits))
        mine = self._ids if bits == EVERY else self._ids[self._ids >> bits == 0]
        return float(np.isin(mine, others._ids).mean()) if len(mine) else 0.0

    def _merge(self) -> None:
        every = np.concatenate([self._ids, *self._new])
        counts = np.concatenate([self._counts, np.ones(len(every) - len(self._ids), np.int64)])
        self._ids, where = np.unique(every, return_inverse=True)
        self._counts = np.bincount(where, weights=counts, minlength=len(self._ids)).astype(np.int64)
        self._new = []
        while len(self._ids) > self._most:
            self._bits += 1
            kept = self._ids >> np.uint64(64 - self._bits) == 0
            self._ids, self._counts = self._ids[kept], self._counts[kept]


def repeats_of(rows: Rows, column: str, found: Repeats | None = None) -> Repeats:
    """The ids in a column, counted."""
    found = Repeats() if found is None else found
    for batch, _ in rows.batches([column]):
        found.add(batch.column(0))
    return found


def repeats_note(count: int, rows: int, column: str, where: str = "") -> str:
    """What to say of rows whose id an earlier one bears."""
    return (
        f"{count:,} of {rows:,} rows{where} bear a `{column}` that a row before them bears: each counts, as in a topic;"
        " where predictions were delivered twice, take out what came again (pandas: drop_duplicates)"
    )
