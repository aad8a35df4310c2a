"""Heat map: features down, time across, as dark as the evidence is strong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from stream.web.html import Html, tag
from stream.web.text import short_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STEPS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Multiples of the threshold at which the colour changes; past 1 the evidence is past it."""

CELLS = 60
"""Across."""


@dataclass(frozen=True, slots=True)
class Row:
    """One feature: its evidence as multiples of the threshold in CELLS spans of time, NaN where it was not measured."""

    name: str
    link: str
    cells: tuple[float, ...]


def heat(rows: Sequence[Row], since: float, until: float) -> Html:
    """The map as a table of one picture a row."""
    span = until - since

    def moment(at: float) -> str:
        return short_moment(since + at / CELLS * span, span)

    body = [
        tag(
            "tr",
            tag("th", tag("a", row.name, href=row.link), scope="row"),
            tag("td", _strip(row, moment), class_="grow"),
        )
        for row in rows
    ]
    times = tag("div", [tag("span", moment(at)) for at in (0, CELLS / 2, CELLS)], class_="times")
    foot = tag("tfoot", tag("tr", tag("td"), tag("td", times)))
    return tag("table", tag("tbody", body), foot, class_="heat")


def _strip(row: Row, moment: Callable[[float], str]) -> Html:
    shapes: list[Html] = []
    at = 0
    for step, run in groupby(row.cells, key=step_of):
        cells = list(run)
        if step is not None:
            worst = max(cells)
            tip = f"{row.name} · {moment(at)} to {moment(at + len(cells))} · up to {worst:.2g} of the threshold"
            shapes.append(
                tag(
                    "rect",
                    x=f"{100 * at / CELLS:.2f}%",
                    y=0,
                    width=f"{100 * len(cells) / CELLS:.2f}%",
                    height=18,
                    class_=f"h{step}",
                    data_tip=tip,
                )
            )
        at += len(cells)
    known = [cell for cell in row.cells if not math.isnan(cell)]
    told = f"{row.name}: evidence up to {max(known):.2g} of the threshold" if known else f"{row.name}: not measured"
    return tag("svg", tag("title", told), shapes, width="100%", height=18, role="img", class_="strip")


def step_of(cell: float) -> int | None:
    """Which colour; None where it was not measured."""
    return None if math.isnan(cell) else sum(cell >= step for step in STEPS)
