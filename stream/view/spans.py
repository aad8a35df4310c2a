"""Intervals on a scale: from the lower bound to the upper one, with a stroke at what they are compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.measure import Measurement
from rich.text import Text

from stream.view.bars import NARROWEST, OK_STYLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, ConsoleOptions, RenderResult

MARGIN = 0.15
"""Of the scale, left free on both sides."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value between its bounds."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Axis:
    """A piece of the numbers, with what values on it are compared with.

    Attributes:
        low, high: its ends.
        limit: what is on its wrong side is worse than allowed; None for no limit.
        usual: what is normal; None if that is not known.
        falling: whether low values are bad.
    """

    low: float
    high: float
    limit: float | None
    usual: float | None
    falling: bool = True

    def cell(self, value: float, width: int) -> int:
        """Which of `width` cells holds a value, the nearest one for values beyond the ends."""
        share = (value - self.low) / (self.high - self.low)
        return min(width - 1, max(0, int(share * width)))

    def style(self, interval: Interval) -> str:
        """The colour: red past the limit with both bounds, yellow past what is usual, else green."""
        return next((style for at, style in self._marks() if self._past(interval, at)), OK_STYLE)

    def _marks(self) -> list[tuple[float, str]]:
        return [(at, style) for at, style in ((self.limit, "red"), (self.usual, "yellow")) if at is not None]

    def _past(self, interval: Interval, at: float) -> bool:
        return interval.upper < at if self.falling else interval.lower > at

    def legend(self, width: int) -> Text:
        """The names of the limit and of what is usual, on the outer side of their strokes, as far as there is room."""
        legend = [" "] * width
        for name, at, other in (("limit", self.limit, self.usual), ("usual", self.usual, self.limit)):
            if at is None:
                continue
            cell = self.cell(at, width)
            start = cell + 1 - len(name) if other is not None and at < other else min(cell, width - len(name))
            if start >= 0 and not "".join(legend[max(0, start - 1) : start + len(name)]).strip():
                legend[start : start + len(name)] = name
        found = Text("".join(legend), no_wrap=True)
        found.highlight_words(("limit", "usual"), "dim")
        return found


def axis_of(
    intervals: Iterable[Interval], limit: float | None, usual: float | None, *, falling: bool = True
) -> Axis | None:
    """An axis on which everything has room; None without anything."""
    known = [at for one in intervals for at in (one.lower, one.upper, one.value)]
    known = [at for at in (*known, limit, usual) if at is not None and math.isfinite(at)]
    if not known:
        return None
    low, high = min(known), max(known)
    margin = MARGIN * (high - low) or 0.01
    return Axis(low - margin, high + margin, limit, usual, falling)


@dataclass(frozen=True, slots=True)
class SpanBar:
    """Light from the lower bound to the upper one, solid at the value; without an interval, the strokes alone."""

    interval: Interval | None
    axis: Axis

    def text(self, width: int, *, ascii_only: bool = False) -> Text:
        """The bar in `width` cells."""
        solid, light, stroke = "#=|" if ascii_only else "█▒│"
        plain = [" "] * width
        styles = [""] * width
        for at in (self.axis.limit, self.axis.usual):
            if at is not None:
                cell = self.axis.cell(at, width)
                plain[cell], styles[cell] = stroke, "dim"
        if self.interval is not None:
            style = self.axis.style(self.interval)
            ends = [self.axis.cell(at, width) for at in (self.interval.lower, self.interval.upper)]
            for cell in range(ends[0], ends[1] + 1):
                plain[cell], styles[cell] = light, style
            middle = self.axis.cell(self.interval.value, width)
            plain[middle], styles[middle] = solid, style
        bar = Text(no_wrap=True)
        for char, look in zip(plain, styles, strict=True):
            bar.append(char, look)
        return bar

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As wide as the options allow."""
        yield self.text(options.max_width, ascii_only=options.ascii_only)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Whatever is left."""
        return Measurement(min(NARROWEST, options.max_width), options.max_width)


@dataclass(frozen=True, slots=True)
class SpanLegend:
    """The names of the strokes of an axis."""

    axis: Axis

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As wide as the options allow."""
        yield self.axis.legend(options.max_width)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Whatever is left."""
        return Measurement(min(NARROWEST, options.max_width), options.max_width)
