"""The verdict on a candidate: promote, keep the champion, or inconclusive; with every figure that it stands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from windows.statistics.paired import Paired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windows.arrays import FloatArray, IntArray

WHOLE = ""
LEVEL = 0.05
"""Probability that the interval of the headline metric does not hold the truth; all others share another one."""

Outcome = Literal["promote", "keep", "inconclusive"]


@dataclass(slots=True)
class Comparison:
    """Paired differences by (segment, metric); `headline` is the metric that is decided by.

    Attributes:
        margin: how much worse the candidate may be, in the headline metric's unit.
    """

    headline: str
    margin: float = 0.0
    groups: dict[tuple[str, str], Paired] = field(default_factory=dict)

    def add(self, metric: str, gains: FloatArray, segments: dict[str, IntArray]) -> None:
        """Take the gains of some rows; `segments` are the rows of each, the whole among them."""
        for segment, rows in segments.items():
            mine = gains[rows]
            self.groups.setdefault((segment, metric), Paired()).add(
                len(mine), float(mine.sum()), float((mine**2).sum())
            )

    def interval(self, segment: str, metric: str) -> tuple[float, float, float]:
        """(mean, lower, upper) of a gain: of the headline by itself, of all others together at the same level."""
        paired = self.groups[segment, metric]
        others = max(len(self.groups) - 1, 1)
        alpha = LEVEL if (segment, metric) == (WHOLE, self.headline) else LEVEL / others
        return (paired.mean, *paired.interval(alpha))

    def worse(self) -> Iterator[tuple[str, str]]:
        """(segment, metric) of everything beside the headline that is surely worse."""
        for segment, metric in sorted(self.groups):
            if (segment, metric) != (WHOLE, self.headline) and self.interval(segment, metric)[2] < -self._allowed(
                metric
            ):
                yield segment, metric

    def outcome(self) -> tuple[Outcome, str]:
        """What to do, and why in a sentence."""
        mean, lower, upper = self.interval(WHOLE, self.headline)
        shown = f"{self.headline} is better by {mean:.4g} (interval {lower:.4g} to {upper:.4g})"
        worse = [f"{metric} of {segment}" if segment else metric for segment, metric in self.worse()]
        if worse:
            return "keep", f"{shown}, but {', '.join(worse[:5])}{' and more' if len(worse) > 5 else ''} is surely worse"
        if lower > -self.margin:
            return "promote", f"{shown}, surely more than {-self.margin:g}, and nothing is surely worse"
        if upper < -self.margin:
            return "keep", f"{shown}, surely less than {-self.margin:g}"
        return "inconclusive", f"{shown}: {self._more(lower, upper)}"

    def _allowed(self, metric: str) -> float:
        return self.margin if metric == self.headline else 0.0

    def _more(self, lower: float, upper: float) -> str:
        """How many rows it would take to tell a difference as large as is seen."""
        paired = self.groups[WHOLE, self.headline]
        distance = abs(paired.mean + self.margin)
        if not distance or paired.rows < 2:
            return "more rows are needed"
        needed = paired.rows * ((upper - lower) / 2 / distance) ** 2
        return f"about {float(f'{needed:.2g}'):,.0f} rows would tell, and there are {paired.rows:,}"
