"""Evidence bars: a value with its interval against the threshold, every feature and metric on one scale."""

from __future__ import annotations

import math

from stream.web.html import Html, tag

WIDTH = 200.0


def place(ratio: float) -> float:
    """Where a multiple of the threshold stands, 0 to 1: the threshold in the middle, infinity at the end."""
    if math.isnan(ratio) or ratio <= 0:
        return 0.0
    return 1.0 if math.isinf(ratio) else ratio / (1 + ratio)


def evidence_bar(lower: float, value: float, upper: float, level: int, title: str) -> Html:
    """Dark up to the lower bound, light to the upper one, a tick at the value, a stroke at the threshold.

    Args:
        lower: bound, value and bound as multiples of the threshold; NaN for none.
        value: see lower.
        upper: see lower.
        level: 0 nothing, 1 minor, 2 major: decides the colour.
        title: what it says in words.
    """
    low, middle, high = (round(place(one) * WIDTH, 1) for one in (lower, value, upper))
    style = ("ok", "minor", "major")[level]
    return tag(
        "svg",
        tag("title", title),
        tag("rect", x=0, y=5, width=WIDTH, height=8, rx=4, class_="track"),
        tag("rect", x=low, y=5, width=max(round(high - low, 1), 0), height=8, class_=f"likely {style}"),
        tag("rect", x=0, y=5, width=low, height=8, rx=4, class_=f"sure {style}"),
        tag("rect", x=max(middle - 1, 0), y=2, width=2, height=14, class_="value"),
        tag("path", d=f"M{WIDTH / 2},0V18", class_="limit major"),
        class_="evidence",
        role="img",
        viewBox=f"0 0 {WIDTH:g} 18",
        preserveAspectRatio="none",
    )
