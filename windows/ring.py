"""A sliding window as a ring of slices: a slice is added when it enters and subtracted when it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from windows.arrays import IntArray

Key = tuple[str, str]
"""(version, segment)."""

Groups = dict[Key, "IntArray"]


@dataclass(frozen=True, slots=True)
class Packed:
    """A vector kept in the narrowest integers that hold it.

    Most counts of a slice fit 16 bits, the moment sums do not.
    """

    counts: np.ndarray
    moments: np.ndarray
    rest: np.ndarray

    def unpack(self) -> IntArray:
        """The vector as int64."""
        return np.concatenate((self.counts, self.moments, self.rest), dtype=np.int64)


def pack(vector: IntArray, moments: slice) -> Packed:
    """Pack a vector around its moment sums; what follows them may be signed, too, but is mostly small."""
    return Packed(
        narrow(vector[: moments.start]),
        vector[moments].copy(),
        narrow(vector[moments.stop :]),
    )


def narrow(counts: IntArray) -> np.ndarray:
    """The integers in the narrowest type that holds them all."""
    low, high = int(counts.min(initial=0)), int(counts.max(initial=0))
    return counts.astype(np.min_scalar_type(high if low >= 0 else -max(-low, high + 1)))


@dataclass(slots=True)
class Ring:
    """The slices of a window and their sum.

    `slices` maps slice index -> group -> packed vector; `totals` is group -> int64 vector, `holders` how many slices
    hold each group.
    """

    length: int
    slices: dict[int, dict[Key, Packed]] = field(default_factory=dict)
    totals: Groups = field(default_factory=dict)
    holders: dict[Key, int] = field(default_factory=dict)

    def push(self, index: int, groups: Groups, moments: slice) -> bool:
        """Let slice `index` enter and every slice that is `length` or more older leave; whether the sum may be another.

        Raises:
            ValueError: `index` is not newer than the slices held.
        """
        if self.slices and index <= max(self.slices):
            raise ValueError(f"slice {index} enters after slice {max(self.slices)}: a window only moves forward")
        leaving = [held for held in self.slices if held <= index - self.length]
        for old in leaving:
            self._leave(self.slices.pop(old))
        if not groups:
            return bool(leaving)
        self.slices[index] = {key: pack(vector, moments) for key, vector in groups.items()}
        for key, vector in groups.items():
            total = self.totals.get(key)
            if total is None:
                self.totals[key] = vector.copy()
                self.holders[key] = 1
            else:
                total += vector
                self.holders[key] += 1
        return True

    def _leave(self, groups: dict[Key, Packed]) -> None:
        for key, packed in groups.items():
            self.holders[key] -= 1
            if self.holders[key]:
                self.totals[key] -= packed.unpack()
            else:
                del self.totals[key], self.holders[key]
