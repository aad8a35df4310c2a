"""Reference and current histogram overlaid: the picture that says HOW a column moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.web.html import Html, tag
from stream.web.text import number, percent

if TYPE_CHECKING:
    from stream.web.pictures import Picture
    from windows.arrays import FloatArray

WIDTH = 1_000.0


def histogram(picture: Picture, height: int = 220) -> Html:
    """The large picture: with axis and a tip for each bar."""
    return _numeric(picture, height) if picture.numeric else _categorical(picture)


def small_histogram(picture: Picture) -> Html:
    """The small picture, for a row of a table."""
    body = _numeric_shapes(picture, 30) if picture.numeric else _columns(picture, 30)
    return tag(
        "svg",
        tag("title", said(picture)),
        body,
        class_="mini",
        role="img",
        viewBox=f"0 0 {WIDTH:g} 30",
        preserveAspectRatio="none",
    )


def said(picture: Picture) -> str:
    """The picture in a sentence."""
    if picture.current is None:
        return f"{picture.name}: the reference; nothing is known of now"
    if picture.numeric:
        middle = next((row for row in picture.quantiles if row[0] == 0.5), None)
        moved = "" if middle is None else f", median {number(middle[1])} then and {number(middle[2])} now"
        return f"{picture.name}: histogram of the reference and of now{moved}"
    change = picture.current - picture.reference
    at = int(np.argmax(np.abs(change)))
    return (
        f"{picture.name}: shares of the reference and of now; {picture.names[at]} moved most,"
        f" from {percent(picture.reference[at])} to {percent(picture.current[at])}"
    )


def _top(picture: Picture) -> float:
    most = float(picture.reference.max(initial=0.0))
    if picture.current is not None:
        most = max(most, float(picture.current.max(initial=0.0)))
    return most or 1.0


def _numeric(picture: Picture, height: int) -> Html:
    top, bars, edges = _top(picture), len(picture.reference), picture.edges
    plot = tag(
        "svg",
        [tag("path", d=f"M0,{_y(level, top, height)}H{WIDTH:g}", class_="grid") for level in _levels(top)],
        _numeric_shapes(picture, height),
        width="100%",
        height=height,
        viewBox=f"0 0 {WIDTH:g} {height}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    ends = (
        [] if edges is None else [float(edges[0] + share * (edges[-1] - edges[0])) for share in (0, 0.25, 0.5, 0.75, 1)]
    )
    anchors = ("start", "middle", "middle", "middle", "end")
    labels = [
        tag("text", number(value), x=f"{25 * at}%", y=height + 14, class_="tick", text_anchor=anchor)
        for at, (value, anchor) in enumerate(zip(ends, anchors, strict=False))
    ]
    levels = [tag("text", percent(level), x=2, y=_y(level, top, height) - 3, class_="tick") for level in _levels(top)]
    hits = [
        tag(
            "rect",
            x=f"{100 * at / bars:.2f}%",
            y=0,
            width=f"{100 / bars:.2f}%",
            height=height,
            class_="hit",
            data_tip=_tip(picture, at),
        )
        for at in range(bars)
    ]
    return tag(
        "svg",
        tag("title", said(picture)),
        plot,
        levels,
        labels,
        hits,
        class_="chart",
        role="img",
        width="100%",
        height=height + 18,
    )


def _tip(picture: Picture, at: int) -> str:
    now = "" if picture.current is None else f" · now {percent(float(picture.current[at]))}"
    return f"{picture.names[at]} · reference {percent(float(picture.reference[at]))}{now}"


def _levels(top: float) -> list[float]:
    step = 10 ** np.floor(np.log10(top / 2))
    step = float(next(factor * step for factor in (1, 2, 5, 10) if top / (factor * step) <= 3.5))
    return [step * index for index in range(1, int(top / step) + 1)]


def _y(share: float, top: float, height: int) -> float:
    return round(height - share / (top * 1.08) * (height - 2), 1)


def _numeric_shapes(picture: Picture, height: int) -> list[Html]:
    top = _top(picture)
    shapes = [_area(picture.reference, top, height, "ref")]
    if picture.current is not None:
        shapes.append(_area(picture.current, top, height, "cur"))
    return shapes


def _area(shares: FloatArray, top: float, height: int, style: str) -> Html:
    """Steps as wide as bars."""
    width = WIDTH / len(shares)
    steps = "".join(
        f"V{_y(share, top, height)}H{round((at + 1) * width, 1)}" for at, share in enumerate(shares.tolist())
    )
    return tag("path", d=f"M0,{height}{steps}V{height}", class_=f"area {style}")


def _columns(picture: Picture, height: int) -> list[Html]:
    """Categories as pairs of columns."""
    top, count = _top(picture), len(picture.reference)
    sides = [("ref", picture.reference)] + ([] if picture.current is None else [("cur", picture.current)])
    width = WIDTH / count
    shapes = []
    for at in range(count):
        for place, (style, shares) in enumerate(sides):
            y = _y(float(shares[at]), top, height)
            left = round(at * width + (0.08 + 0.42 * place) * width, 1)
            shapes.append(
                tag(
                    "rect",
                    x=left,
                    y=y,
                    width=round(0.42 * width, 1),
                    height=round(height - y, 1),
                    class_=f"bar {style}",
                )
            )
    return shapes


def _categorical(picture: Picture) -> Html:
    """A line for each category: its name, two bars, two shares."""
    top = _top(picture)
    rows = [_category(picture, at, top) for at in range(len(picture.names))]
    head = tag("tr", [tag("th", text, scope="col") for text in ("category", "", "reference", "now")])
    return tag(
        "table", tag("caption", said(picture), class_="sr"), tag("thead", head), tag("tbody", rows), class_="bars"
    )


def _category(picture: Picture, at: int, top: float) -> Html:
    before = float(picture.reference[at])
    now = None if picture.current is None else float(picture.current[at])
    bars = [tag("rect", x=0, y=2, width=f"{before / top * 100:.1f}%", height=7, class_="bar ref")]
    if now is not None:
        bars.append(tag("rect", x=0, y=11, width=f"{now / top * 100:.1f}%", height=7, class_="bar cur"))
    drawn = tag("svg", bars, width="100%", height=20, aria_hidden="true")
    return tag(
        "tr",
        tag("th", picture.names[at], scope="row"),
        tag("td", drawn, class_="grow"),
        tag("td", percent(before), class_="num"),
        tag("td", percent(now), class_="num"),
    )
