"""Bars against thresholds: as wide as there is room, and in ASCII where the terminal has nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rich.measure import Measurement
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

NARROWEST = 8
OK_STYLE = "green"


class Mark(NamedTuple):
    """A threshold on a scale, and the colour of what is past it."""

    name: str
    at: float
    style: str


@dataclass(frozen=True, slots=True)
class Scale:
    """From 0 to `top`, with thresholds in ascending order."""

    top: float
    marks: tuple[Mark, ...]

    def cells(self, value: float, width: int) -> int:
        """How many of `width` cells a value fills: 0 for none and NaN, all of them beyond the top."""
        if math.isnan(value) or value <= 0:
            return 0
        return min(width, int(value / self.top * width + 0.5))

    def style(self, value: float) -> str:
        """The colour of a value: that of the highest threshold it is past."""
        passed = [mark.style for mark in self.marks if value > mark.at]
        return passed[-1] if passed else OK_STYLE


@dataclass(frozen=True, slots=True)
class Bar:
    """Solid up to the lower bound, light from there to the value, with a stroke at each threshold."""

    value: float
    lower: float
    scale: Scale

    def text(self, width: int, *, ascii_only: bool = False) -> Text:
        """The bar in `width` cells."""
        solid, light, stroke = "#=|" if ascii_only else "█▒│"
        sure, likely = self.scale.cells(self.lower, width), self.scale.cells(self.value, width)
        style = self.scale.style(self.lower)
        stroked = {min(width - 1, self.scale.cells(mark.at, width)) for mark in self.scale.marks}

        def cell(at: int) -> tuple[str, str]:
            if at < sure:
                return (stroke, f"black on {style}") if at in stroked else (solid, style)
            if at < likely:
                return light, style
            return (stroke, "dim") if at in stroked else (" ", "")

        bar = Text(no_wrap=True)
        for (char, look), run in groupby(map(cell, range(width))):
            bar.append(char * len(list(run)), look)
        return bar

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As wide as the options allow."""
        yield self.text(options.max_width, ascii_only=options.ascii_only)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Whatever is left."""
        return Measurement(min(NARROWEST, options.max_width), options.max_width)


@dataclass(frozen=True, slots=True)
class Legend:
    """The names of the thresholds, each where its stroke is, as far as there is room."""

    scale: Scale

    def text(self, width: int) -> Text:
        """The legend in `width` cells."""
        legend = Text(no_wrap=True)
        for mark in self.scale.marks:
            start = min(width - 1, self.scale.cells(mark.at, width))
            label = f"{mark.name} {mark.at:g}"
            if start >= legend.cell_len + bool(legend) and start + len(label) <= width:
                legend.append(" " * (start - legend.cell_len))
                legend.append(label, mark.style)
        return legend

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As wide as the options allow."""
        yield self.text(options.max_width)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Whatever is left."""
        return Measurement(min(NARROWEST, options.max_width), options.max_width)


def scale_of(minor: float | None, major: float | None, highest: float) -> Scale:
    """A scale on which both thresholds and the highest value have room, unless that would crowd the thresholds."""
    named = (("minor", minor, "yellow"), ("major", major, "red"))
    marks = tuple(Mark(name, level, style) for name, level, style in named if level is not None)
    last = marks[-1].at
    return Scale(min(4.0 * last, max(2.0 * last, 1.1 * highest if math.isfinite(highest) else 0.0)), marks)
