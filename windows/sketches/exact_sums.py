"""Sums of floats that are the same to the last bit in any order, and that subtraction undoes.

A term is cut into whole numbers of ever smaller units (limbs), each 2^21 times finer than the one before, and each limb
is summed in a slot of its own. Sums of whole numbers are exact, so batches merge in any order. What is below half the
last unit is dropped, the only error there is. A limb of a term is at most 2^22, so 2^40 terms (a million million) fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray

STEP = 21
"""Bits from one unit to the next."""


class Members:
    """Which row belongs to which group, and whether it is added or taken back.

    Args:
        groups: int64[n], 0 <= group < count.
        count: number of groups.
        sign: float64[n], +1 or -1; None for all +1.
    """

    __slots__ = ("count", "groups", "sign")

    def __init__(self, groups: IntArray, count: int, sign: FloatArray | None) -> None:
        self.groups = groups
        self.count = count
        self.sign = sign

    def sums(self, terms: FloatArray) -> IntArray:
        """Signed sum of whole numbers in each group, int64[S, count]; exact while partial sums stay below 2^53.

        Args:
            terms: float64[S, n], whole numbers below 2^23.
        """
        signed = terms if self.sign is None else terms * self.sign
        if self.count == 1:
            total: FloatArray = signed.sum(axis=1, keepdims=True)
            return total.astype(np.int64)
        cells = self.groups + self.count * np.arange(len(terms))[:, None]
        counted = np.bincount(cells.ravel(), signed.ravel(), minlength=len(terms) * self.count)
        return counted.astype(np.int64).reshape(len(terms), self.count)


@dataclass(frozen=True, slots=True)
class SumBlock:
    """Some sums with the same limbs; slot `start + limb * len(names) + number of the sum`.

    Attributes:
        names: of the sums.
        start: first slot.
        top: exponent of the largest unit; a term must stay below 2^(top + 22).
        limbs: number of units.
    """

    names: tuple[str, ...]
    start: int
    top: int
    limbs: int

    @property
    def stop(self) -> int:
        """The slot after the last."""
        return self.start + len(self.names) * self.limbs

    @property
    def error(self) -> float:
        """Largest error of one term: half the last unit."""
        return 0.5 * 2.0 ** (self.top - STEP * (self.limbs - 1))

    def add(self, terms: FloatArray, members: Members, out: IntArray) -> None:
        """Add the terms of a batch.

        Args:
            terms: float64[S, n], finite, one row a name; overwritten. 0 where a row has no term.
            members: the groups of the n rows.
            out: int64[count, size], added to.
        """
        width = len(self.names)
        largest = float(np.abs(terms).max(initial=0.0))
        for limb in range(self.limbs):
            unit = 2.0 ** (self.top - STEP * limb)
            if largest < 0.5 * unit:
                continue
            if largest == 0.0:
                return
            whole = np.rint(terms * (1.0 / unit))
            start = self.start + limb * width
            out[:, start : start + width] += members.sums(whole).T
            if limb + 1 < self.limbs:
                whole *= unit
                terms -= whole
                largest = float(np.abs(terms).max(initial=0.0))

    def read(self, vectors: IntArray, name: str) -> FloatArray:
        """The sum of this name in each vector, float64[G], from int64[G, size]."""
        width, number = len(self.names), self.names.index(name)
        slots = vectors[:, self.start + number : self.stop : width].astype(np.float64)
        # No matrix product: its last digit depends on how many groups there are.
        weights = np.exp2(self.top - STEP * np.arange(self.limbs, dtype=np.float64))
        total: FloatArray = (np.ascontiguousarray(slots) * weights).sum(axis=1)
        return total
