"""A sliding window as a ring of slices: a slice is added when it enters and subtracted when it leaves."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import IntArray

    Parts = tuple[np.ndarray, np.ndarray, np.ndarray]

Key = tuple[str, str]
"""(version, segment)."""

Groups = dict[Key, "IntArray"]

QUICKLY = 1
"""Level of compression: counts of a slice shrink to a sixth, and no other level is worth its time."""

_HEAD = struct.Struct("<cI")


class Packed:
    """A vector kept in the narrowest integers that hold it.

    Most counts of a slice fit 16 bits, the moment sums do not. It stays as it is while its window is saved again and
    again: it is compressed when it is saved first, and from then on these bytes are all that is kept of it.
    """

    __slots__ = ("_parts", "_saved")

    def __init__(self, counts: np.ndarray, moments: np.ndarray, rest: np.ndarray) -> None:
        """Integers before, of and behind the moment sums."""
        self._parts: Parts | None = (counts, moments, rest)
        self._saved = b""

    @property
    def parts(self) -> Parts:
        """Counts, moments, rest."""
        return _opened(self._saved) if self._parts is None else self._parts

    def unpack(self) -> IntArray:
        """The vector as int64."""
        return np.concatenate(self.parts, dtype=np.int64)

    def __eq__(self, other: object) -> bool:
        """Whether it is the same vector."""
        return isinstance(other, Packed) and np.array_equal(self.unpack(), other.unpack())

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> bytes:
        """What is saved."""
        if self._parts is not None:
            self._saved, self._parts = _closed(self._parts), None
        return self._saved

    def __setstate__(self, state: bytes | Sequence[np.ndarray]) -> None:
        """Take what was saved; a former release saved the three arrays."""
        if isinstance(state, bytes):
            self._parts, self._saved = None, state
        else:
            counts, moments, rest = state
            self._parts, self._saved = (counts, moments, rest), b""


def _closed(parts: Parts) -> bytes:
    """Arrays as bytes: the type and the length of each, then what they hold, compressed."""
    heads = (_HEAD.pack(part.dtype.char.encode(), len(part)) for part in parts)
    return b"".join(heads) + zlib.compress(b"".join(part.tobytes() for part in parts), QUICKLY)


def _opened(saved: bytes) -> Parts:
    data, start, parts = zlib.decompress(saved[3 * _HEAD.size :]), 0, []
    for char, length in _HEAD.iter_unpack(saved[: 3 * _HEAD.size]):
        kind = np.dtype(char.decode())
        parts.append(np.frombuffer(data, kind, length, start))
        start += length * kind.itemsize
    counts, moments, rest = parts
    return counts, moments, rest


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
