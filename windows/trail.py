"""A trail: what came of late beside what came before, slice by slice.

The recent span moves on with time, and so does the baseline, which lies a fixed way back. Both are sums of the same
slices, so a slice is first of the recent span and then of the baseline. A slice may be told to be no baseline: it
counts in the recent span, which is what it is, and never in what that is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from windows.panes import Window, duration_text
from windows.ring import narrow

if TYPE_CHECKING:
    from windows.arrays import IntArray

MOST_RECENT = 14
"""The recent span is kept as at most so many slices ..."""

MOST_SLICES = 400
"""... and from its newest to the baseline's oldest there are at most so many."""

FILLED = 0.9
"""A baseline is one from so large a share of the slices on that could be there: of half a week one would learn what
weekdays are like, and take the weekend for a change."""


@dataclass(frozen=True, slots=True)
class Trail:
    """[T - recent, T) beside [T - back - length, T - back), in slices of `slide`; all in ms.

    All slices start at multiples of `slide` since the epoch.
    """

    recent: int
    back: int
    length: int
    slide: int

    @property
    def slices(self) -> int:
        """How many slices there are from the newest to the oldest."""
        return (self.back + self.length) // self.slide

    @property
    def label(self) -> str:
        """The baseline as a label: "trailing_90d", "shift_364d"."""
        return f"trailing_{duration_text(self.length)}" if self.trails else f"shift_{duration_text(self.back)}"

    @property
    def words(self) -> str:
        """The baseline for people: "in the 90d before", "364d earlier"."""
        return f"in the {duration_text(self.length)} before" if self.trails else f"{duration_text(self.back)} earlier"

    @property
    def trails(self) -> bool:
        """Whether the baseline ends where the recent span begins."""
        return self.back == self.recent

    @property
    def looks(self) -> tuple[Window, Window, Window]:
        """Windows that take a slice in, and let it go, when a span of this does."""
        recent, back, oldest = (Window(at, self.slide) for at in (self.recent, self.back, self.back + self.length))
        return recent, back, oldest

    def spans(self, index: int) -> tuple[range, range]:
        """The slices of the recent span and of the baseline once slice `index` is there."""
        stop = index + 1
        until = stop - self.back // self.slide
        return range(stop - self.recent // self.slide, stop), range(until - self.length // self.slide, until)


def plan_trail(recent: int, back: int, length: int, pane: int) -> Trail:
    """The trail with the finest slices that are few enough.

    Raises:
        ValueError: no slices of whole panes fit.
    """
    common = gcd(recent, back, length)
    if recent < pane or common % pane or back < recent:
        raise ValueError(f"spans of {recent}, {back} and {length} ms are no multiples of the pane of {pane} ms")
    panes = common // pane
    least = max(-(-recent // (MOST_RECENT * pane)), -(-(back + length) // (MOST_SLICES * pane)))
    for parts in range(panes // least if least <= panes else 0, 0, -1):
        if panes % parts == 0:
            return Trail(recent, back, length, panes // parts * pane)
    raise ValueError(
        f"no slice of whole panes divides spans of {recent}, {back} and {length} ms into {MOST_SLICES} at most"
    )


@dataclass(frozen=True, slots=True)
class Part:
    """What a slice holds of a version: counts in the narrowest integers, and whether it is no baseline."""

    counts: np.ndarray
    broken: bool


@dataclass(frozen=True, slots=True)
class Spans:
    """What both spans hold.

    Attributes:
        recent: version -> counts.
        baseline: counts of all versions together; None where too little is there for a baseline.
        filled: share of the baseline's slices that are there.
        left_out: slices of the baseline that are no baseline for one of their versions at least.
        occupied: the slices behind both: nothing is another while these are the same.
    """

    recent: dict[str, IntArray]
    baseline: IntArray | None
    filled: float
    left_out: int
    occupied: tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(slots=True)
class TrailRing:
    """The slices of a trail: index -> version -> part."""

    trail: Trail
    slices: dict[int, dict[str, Part]] = field(default_factory=dict)

    def push(self, index: int, groups: dict[str, IntArray], broken: frozenset[str] = frozenset()) -> Spans:
        """Let slice `index` enter, and those leave that are too old; what both spans hold then.

        Raises:
            ValueError: `index` is not newer than the slices held.
        """
        if self.slices and index <= max(self.slices):
            raise ValueError(f"slice {index} enters after slice {max(self.slices)}: a trail only moves forward")
        for old in [held for held in self.slices if held <= index - self.trail.slices]:
            del self.slices[old]
        if groups:
            self.slices[index] = {name: Part(narrow(counts), name in broken) for name, counts in groups.items()}
        return self._spans(index)

    def _spans(self, index: int) -> Spans:
        """Summed anew: a slice comes seldom, and there are few of them."""
        recent, before = self.trail.spans(index)
        now, then = (tuple(at for at in sorted(self.slices) if at in span) for span in (recent, before))
        found: dict[str, IntArray] = {}
        for at in now:
            for version, part in self.slices[at].items():
                _add(found, version, part)
        clean = [at for at in then if any(not part.broken for part in self.slices[at].values())]
        filled = len(clean) / len(before)
        baseline: dict[str, IntArray] = {}
        if clean and filled >= FILLED * len(now) / len(recent):
            for at in clean:
                for part in self.slices[at].values():
                    if not part.broken:
                        _add(baseline, "", part)
        left_out = sum(any(part.broken for part in self.slices[at].values()) for at in then)
        return Spans(found, baseline.get(""), filled, left_out, (now, then))


def _add(sums: dict[str, IntArray], name: str, part: Part) -> None:
    known = sums.get(name)
    if known is None:
        sums[name] = part.counts.astype(np.int64)
    else:
        known += part.counts
