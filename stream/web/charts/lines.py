"""Lines over time: values with their intervals, and the limits they are held against."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from stream.web.html import Html, tag
from stream.web.text import NOTHING, number, short_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

WIDTH = 1_000.0
"""Units across the drawing; it is stretched to its place."""

MOST_POINTS = 160
"""Of a line; of more, the highest of neighbours are drawn."""

AXIS = 18
"""Pixels below the drawing for the times."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time (ms), with its interval (NaN for none)."""

    at: float
    value: float
    lower: float = math.nan
    upper: float = math.nan
    samples: float = math.nan


@dataclass(frozen=True, slots=True)
class Line:
    """A line; `style` is a class of the style sheet: cur, ref, est, p50, p95, p99."""

    name: str
    points: tuple[Point, ...]
    style: str = "cur"
    band: bool = True


@dataclass(frozen=True, slots=True)
class Limit:
    """A level that matters; `style` is minor, major or base."""

    name: str
    at: float
    style: str


@dataclass(frozen=True, slots=True)
class Shade:
    """A span of time (ms) in which an alert fired; `style` is its severity."""

    start: float
    end: float
    style: str
    name: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """What is drawn.

    Attributes:
        title: read out instead of the picture.
        lines: drawn in their order.
        since: left end, ms.
        until: right end, ms.
        limits: dashed, named.
        shades: behind the lines.
        height: pixels.
        shown: a value as text.
        floor: lowest value that the axis may begin at; None for as the data are.
        ceiling: highest value that there can be; None for no such.
        anchored: whether every limit is on the axis, however far: what is far from it looks so.
    """

    title: str
    lines: tuple[Line, ...]
    since: float
    until: float
    limits: tuple[Limit, ...] = ()
    shades: tuple[Shade, ...] = ()
    height: int = 150
    shown: Callable[[float], str] = field(default=number)
    floor: float | None = 0.0
    anchored: bool = False
    ceiling: float | None = None


def line_chart(chart: LineChart) -> Html:
    """The chart as SVG."""
    low, high = _range(chart)
    across = _across(chart)

    def down(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(chart.height - 4 - share * (chart.height - 12), 1)

    plot = tag(
        "svg",
        [_shade(one, across, chart.height) for one in chart.shades],
        [_grid(down(level)) for level in _ticks(low, high)],
        [_limit(one, down) for one in chart.limits if low <= one.at <= high],
        [shape for line in chart.lines for shape in _shapes(line, across, down)],
        width="100%",
        height=chart.height,
        viewBox=f"0 0 {WIDTH:g} {chart.height}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    return tag(
        "svg",
        tag("title", _said(chart)),
        plot,
        [_level(chart.shown(level), down(level)) for level in _ticks(low, high)],
        _limit_names([one for one in chart.limits if low <= one.at <= high], down, chart),
        _times(chart),
        [_hit(chart, points, across) for points in _moments(chart)],
        class_="chart",
        role="img",
        width="100%",
        height=chart.height + AXIS,
    )


def _range(chart: LineChart) -> tuple[float, float]:
    """Lowest and highest of what is drawn, with limits that are not far off."""
    seen = [v for line in chart.lines for p in line.points for v in _extent(line, p) if math.isfinite(v)]
    if not seen:
        return 0.0, 1.0
    low, high = min(seen), max(seen)
    near = 3 * max(abs(high), abs(low), 1e-12)
    for limit in chart.limits:
        if chart.anchored or abs(limit.at) <= near:
            low, high = min(low, limit.at), max(high, limit.at)
    if chart.floor is not None and low >= chart.floor and (chart.floor == 0 and low < 0.7 * high):
        low = chart.floor
    room = (high - low) * 0.08 or abs(high) * 0.1 or 0.5
    top = high + room if chart.ceiling is None else min(high + room, max(chart.ceiling, high))
    return (low if low == chart.floor else low - room), max(top, low + 1e-9)


def _extent(line: Line, point: Point) -> tuple[float, ...]:
    """What of a point decides the range: an interval that dwarfs the values is cut off."""
    if not line.band or not math.isfinite(point.upper - point.lower):
        return (point.value,)
    reach = 2 * max(abs(point.value), 1e-9)
    return (point.value, max(point.lower, point.value - reach), min(point.upper, point.value + reach))


def _across(chart: LineChart) -> Callable[[float], float]:
    span = max(chart.until - chart.since, 1.0)
    return lambda at: round(WIDTH * min(max((at - chart.since) / span, 0.0), 1.0), 1)


def _ticks(low: float, high: float) -> list[float]:
    """Two to four round levels."""
    step = 10 ** math.floor(math.log10((high - low) / 2))
    for factor in (1, 2, 5, 10):
        if (high - low) / (factor * step) <= 4:
            step *= factor
            break
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _shapes(line: Line, across: Callable[[float], float], down: Callable[[float], float]) -> Iterator[Html]:
    for run in _runs(thinned(line.points)):
        if line.band and len(run) > 1 and all(math.isfinite(point.upper - point.lower) for point in run):
            there = [f"{across(p.at)},{down(p.upper)}" for p in run]
            back = [f"{across(p.at)},{down(p.lower)}" for p in reversed(run)]
            yield tag("path", d=f"M{'L'.join(there + back)}Z", class_=f"band {line.style}")
        if len(run) == 1:
            x, y = across(run[0].at), down(run[0].value)
            yield tag("path", d=f"M{x - 3},{y}H{x + 3}", class_=f"line {line.style}")
        else:
            path = "L".join(f"{across(p.at)},{down(p.value)}" for p in run)
            yield tag("path", d=f"M{path}", class_=f"line {line.style}")


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most MOST_POINTS of them: of neighbours the one with the highest value."""
    if len(points) <= MOST_POINTS:
        return list(points)
    size = math.ceil(len(points) / MOST_POINTS)
    groups = (points[at : at + size] for at in range(0, len(points), size))
    return [max(group, key=lambda point: (math.isfinite(point.value), point.value)) for group in groups]


def _runs(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Stretches without a gap: a gap is a missing value, or four times the usual step."""
    steps = sorted(b.at - a.at for a, b in pairwise(points))
    most = 4 * steps[len(steps) // 2] if steps else math.inf
    run: list[Point] = []
    for point in points:
        if run and (not math.isfinite(point.value) or point.at - run[-1].at > most):
            yield run
            run = []
        if math.isfinite(point.value):
            run.append(point)
    if run:
        yield run


def _grid(y: float) -> Html:
    return tag("path", d=f"M0,{y}H{WIDTH:g}", class_="grid")


def _limit(limit: Limit, down: Callable[[float], float]) -> Html:
    return tag("path", d=f"M0,{down(limit.at)}H{WIDTH:g}", class_=f"limit {limit.style}")


def _shade(shade: Shade, across: Callable[[float], float], height: int) -> Html:
    start, end = across(shade.start), across(shade.end)
    return tag("rect", x=start, y=0, width=max(round(end - start, 1), 2), height=height, class_=f"shade {shade.style}")


def _level(text: str, y: float) -> Html:
    return tag("text", text, x=2, y=y - 3, class_="tick")


def _limit_names(limits: Sequence[Limit], down: Callable[[float], float], chart: LineChart) -> list[Html]:
    """Above their lines; of two that are close, the lower one below its own."""
    named: list[Html] = []
    taken = -math.inf
    for limit in sorted(limits, key=lambda one: -one.at):
        y = down(limit.at)
        at = y - 3 if y - 3 > taken + 11 else max(y + 10, taken + 11)
        taken = at
        text = f"{limit.name} {chart.shown(limit.at)}"
        named.append(tag("text", text, x="99.5%", y=at, class_=f"tick {limit.style}", text_anchor="end"))
    return named


def _times(chart: LineChart) -> list[Html]:
    span, y = chart.until - chart.since, chart.height + 13
    places = ((0.0, "0", "start"), (0.5, "50%", "middle"), (1.0, "100%", "end"))
    return [
        tag("text", short_moment(chart.since + share * span, span), x=x, y=y, class_="tick", text_anchor=anchor)
        for share, x, anchor in places
    ]


def _moments(chart: LineChart) -> Iterable[list[tuple[Line, Point]]]:
    """The points of all lines at each time."""
    found: dict[float, list[tuple[Line, Point]]] = {}
    for line in chart.lines:
        for point in thinned(line.points):
            if math.isfinite(point.value):
                found.setdefault(point.at, []).append((line, point))
    return [found[at] for at in sorted(found)]


def _hit(chart: LineChart, points: list[tuple[Line, Point]], across: Callable[[float], float]) -> Html:
    """What is told of a moment under the pointer."""
    at = points[0][1].at
    x = across(at) / WIDTH * 100
    told = " · ".join(_told(line, point, chart.shown) for line, point in points)
    tip = f"{short_moment(at, chart.until - chart.since)} · {told}"
    return tag("rect", x=f"{max(x - 0.6, 0):.2f}%", y=0, width="1.2%", height=chart.height, class_="hit", data_tip=tip)


def _told(line: Line, point: Point, shown: Callable[[float], str]) -> str:
    span = ""
    if line.band and math.isfinite(point.lower) and math.isfinite(point.upper):
        span = f" ({shown(point.lower)} to {shown(point.upper)})"
    rows = "" if math.isnan(point.samples) else f", {point.samples:,.0f} rows"
    return f"{line.name} {shown(point.value)}{span}{rows}"


def _said(chart: LineChart) -> str:
    """The chart in a sentence."""
    last = [f"{line.name} {chart.shown(line.points[-1].value)}" for line in chart.lines if line.points]
    limits = [f"{limit.name} {chart.shown(limit.at)}" for limit in chart.limits]
    return f"{chart.title}: latest {', '.join(last) or NOTHING}" + (f"; {', '.join(limits)}" if limits else "")


def sparkline(points: Sequence[Point], title: str, style: str = "cur") -> Html:
    """A line as high as text, without axes."""
    drawn = [point for point in thinned(points) if math.isfinite(point.value)]
    if len(drawn) < 2:
        return Html("")
    top = max(point.value for point in drawn) or 1.0
    span = max(drawn[-1].at - drawn[0].at, 1.0)
    path = "L".join(f"{(p.at - drawn[0].at) / span * 100:.1f},{22 - max(p.value, 0) / top * 19:.1f}" for p in drawn)
    return tag(
        "svg",
        tag("title", title),
        tag("path", d=f"M{path}L100,24L0,24Z", class_=f"band {style}"),
        tag("path", d=f"M{path}", class_=f"line {style}"),
        class_="spark",
        role="img",
        viewBox="0 0 100 24",
        preserveAspectRatio="none",
    )
