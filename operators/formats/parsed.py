"""Parsed: the readable records of a batch, with their times."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from operators.formats.bounds import MOST_RECORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operators.dead_letters import DeadLetter
    from windows.arrays import IntArray


@dataclass(frozen=True, slots=True)
class Parsed:
    """The readable records of a batch.

    Attributes:
        records: n of them, in order.
        stamps: int64[n], event time, ms.
        proven: int64[n], the time that each proves to have come: a clock that runs ahead of the messages it writes
            must not make everybody else's records late.
        dead: the others.
        read: all of these.
        skipped: records beside these that the source's filter leaves out, and messages without a value.
        unfit: of how many of the records a field of another type is set aside, by its name.
        owners: int64[n], the number of the message of each record; None where each message is a record.
        silent: those skipped that are of the other kind: their message, times MOST_RECORDS, and place in it.
        tombstones: those skipped that are messages without a value.
    """

    records: list[Any]
    stamps: IntArray
    proven: IntArray
    dead: list[DeadLetter]
    read: int
    skipped: int = 0
    unfit: Mapping[str, int] = field(default_factory=dict)
    owners: IntArray | None = None
    silent: Sequence[int] = ()
    tombstones: int = 0

    def among(self, numbers: Sequence[int], count: int) -> Parsed:
        """The same, where its messages are those with these numbers of `count`, and the others are skipped."""
        whose = np.array(numbers, dtype=np.int64)
        silent = [numbers[at // MOST_RECORDS] * MOST_RECORDS + at % MOST_RECORDS for at in self.silent]
        owners = whose[: len(self.records)] if self.owners is None else whose[self.owners]
        return replace(self, owners=owners, silent=silent, skipped=self.skipped + count - len(numbers))

    def without(self, rows: Sequence[int]) -> Parsed:
        """The same, where the records at these rows are skipped."""
        if not rows:
            return self
        kept = np.delete(np.arange(len(self.records)), rows)
        owners = kept if self.owners is None else self.owners[kept]
        return replace(
            self,
            records=[self.records[row] for row in kept.tolist()],
            stamps=self.stamps[kept],
            proven=self.proven[kept],
            read=self.read - len(rows),
            skipped=self.skipped + len(rows),
            owners=owners,
        )


def together(parts: list[Parsed]) -> Parsed:
    """What the parts of a batch hold, in order."""
    unfit: Counter[str] = Counter()
    none = np.empty(0, dtype=np.int64)
    for part in parts:
        unfit.update(part.unfit)
    return Parsed(
        [record for part in parts for record in part.records],
        np.concatenate([part.stamps for part in parts]),
        np.concatenate([part.proven for part in parts]),
        [letter for part in parts for letter in part.dead],
        sum(part.read for part in parts),
        sum(part.skipped for part in parts),
        unfit,
        np.concatenate([none, *(part.owners for part in parts if part.owners is not None)]),
        [number for part in parts for number in part.silent],
        sum(part.tombstones for part in parts),
    )
