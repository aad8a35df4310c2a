"""Lives of alerts over time: a bar from firing to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.web.html import Html, tag
from stream.web.text import moment, short_moment

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Life:
    """One alert from its start (ms) to its end, None while it fires; `style` is its severity."""

    name: str
    link: str
    start: float
    end: float | None
    style: str


def lives(rows: Sequence[Life], since: float, until: float) -> Html:
    """A line for each."""
    span = max(until - since, 1.0)

    def across(at: float) -> float:
        return min(max((at - since) / span, 0.0), 1.0) * 100

    def bar(row: Life) -> Html:
        left, right = across(row.start), across(until if row.end is None else row.end)
        ends = "firing" if row.end is None else f"to {moment(row.end)}"
        tip = f"{row.name} · from {moment(row.start)} {ends}"
        rect = tag(
            "rect",
            x=f"{left:.2f}%",
            y=5,
            width=f"{max(right - left, 0.8):.2f}%",
            height=8,
            rx=4,
            class_=f"life {row.style}",
            data_tip=tip,
        )
        return tag("svg", tag("title", tip), rect, width="100%", height=18, role="img", class_="strip")

    body = [
        tag("tr", tag("th", tag("a", row.name, href=row.link), scope="row"), tag("td", bar(row), class_="grow"))
        for row in rows
    ]
    times = tag("div", [tag("span", short_moment(since + at * span, span)) for at in (0, 0.5, 1)], class_="times")
    return tag("table", tag("tbody", body), tag("tfoot", tag("tr", tag("td"), tag("td", times))), class_="heat")
