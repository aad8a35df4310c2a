"""The live view as something rich can print: a pure function of its state and the room there is."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from stream.view.bars import OK_STYLE, Bar, Legend, scale_of
from stream.view.spans import Interval, SpanBar, SpanLegend, axis_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stream.view.state import AlertLine, Drift, View

HEADER_LINES = 5
DRIFT_FRAME = 3
"""Lines of the drift panel that are no feature: two borders and the legend."""
QUALITY_LINES = 6
"""Lines of the panel of quality: two borders, the legend, what is estimated, what is known, what is normal."""
FEWEST_FEATURES = 3
"""Features that are shown before there is room for the quality."""
ALERTS_FRAME = 2
FEWEST_ALERT_LINES = 3
ALERTS_SHOWN = 5
"""Alerts shown where the height is free."""
NARROW = 56
"""Below this width the numbers beside the bars give way to them."""

_SEVERITY = {"critical": "bold white on red", "warning": "black on yellow", "info": "black on cyan"}
_STAGE = {"starting": "dim", "normal": "green", "shifted": "bold yellow", "recovering": "cyan"}
_GAP = "  "


def render(view: View, width: int, height: int | None = None) -> RenderableType:
    """The view in `width` columns, and in at most `height` lines if it is given: rows that do not fit are left out."""
    room = _room(len(view.readings.drift), height)
    return Group(
        _header(view, width),
        _drift(view, width, room.features),
        *([_quality(view, width)] if room.quality else []),
        _alerts(view, width, room.alert_lines),
    )


@dataclass(frozen=True, slots=True)
class _Room:
    """How many features and lines of alerts (None: all) fit, and whether the quality does."""

    features: int
    quality: bool
    alert_lines: int | None


def _room(features: int, height: int | None) -> _Room:
    """Features first, but never all of the room."""
    if height is None:
        return _Room(features, quality=True, alert_lines=None)
    free = height - HEADER_LINES - DRIFT_FRAME - ALERTS_FRAME
    quality = free >= QUALITY_LINES + FEWEST_FEATURES + FEWEST_ALERT_LINES
    free -= QUALITY_LINES if quality else 0
    shown = max(1, min(features, free - FEWEST_ALERT_LINES))
    return _Room(shown, quality, max(1, free - shown))


def _header(view: View, width: int) -> Panel:
    readings = view.readings
    counts = [
        (view.model, "bold"),
        (f"{view.rate:,.0f}/s", ""),
        (f"{readings.predictions:,} predictions", ""),
        ("no watermark yet" if view.lag is None else f"watermark {view.lag:.1f} s behind", ""),
    ]
    if readings.waiting is not None:
        counts.append((f"lag {readings.waiting:,}", ""))
    lines = Group(_line(counts), _line(_service(view)), _line([(view.story, _STAGE[view.stage])]))
    title, foot = f"driftgauge demo  {view.elapsed:.0f} s", f"broker {view.broker}{_GAP}{view.metrics}"
    return _panel(lines, title, width, "cyan", foot)


def _service(view: View) -> list[tuple[str, str]]:
    readings = view.readings
    latency = readings.latency or {}
    quantiles = [f"p{float(q) * 100:g} {latency[q] * 1e3:.0f} ms" for q in sorted(latency)]
    share = readings.availability
    return [
        *((quantile, "") for quantile in quantiles or ["no latency yet"]),
        (f"available {'-' if share is None or math.isnan(share) else f'{share:.2%}'}", ""),
        (f"late {readings.late:,}", ""),
        (f"dead letters {readings.dead:,}", ""),
    ]


def _drift(view: View, width: int, rows: int) -> Panel:
    found = view.readings.drift
    scale = scale_of(view.levels.minor, view.levels.major, max((drift.value for drift in found), default=0.0))
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False, header_style="")
    wide = width >= NARROW
    table.add_column("feature", no_wrap=True, ratio=None if wide else 1)
    if wide:
        table.add_column(view.metric, justify="right", no_wrap=True)
        table.add_column("bound", justify="right", no_wrap=True)
    table.add_column(Legend(scale), ratio=1)
    for drift in found[:rows]:
        style = scale.style(drift.lower)
        name = Text(_clean(drift.feature), "" if style == scale.style(0.0) else f"bold {style}")
        table.add_row(name, *(_numbers(drift) if wide else ()), Bar(drift.value, drift.lower, scale))
    if not found:
        table.add_row(Text("waiting for the first pane", "dim"))
    more = f", {len(found) - rows} more not shown" if len(found) > rows else ""
    return _panel(
        table, f"drift over {view.window}: solid up to the lower bound, light up to {view.metric}{more}", width
    )


def _quality(view: View, width: int) -> Panel:
    found, watched = view.readings.quality, view.watched
    rows = (("estimated", found.estimated), ("by labels", found.realised))
    limit = found.limit(watched)
    axis = axis_of([one for _, one in rows if one is not None], limit, found.baseline)
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False, header_style="")
    wide = width >= NARROW
    table.add_column(watched.metric, no_wrap=True, ratio=None if wide else 1)
    if wide:
        table.add_column("value", justify="right", no_wrap=True)
        table.add_column("interval", justify="right", no_wrap=True)
    table.add_column("" if axis is None else SpanLegend(axis), ratio=1)
    for name, one in rows:
        style = "" if one is None or axis is None or axis.style(one) == OK_STYLE else f"bold {axis.style(one)}"
        table.add_row(Text(name, style), *(_span(one) if wide else ()), "" if axis is None else SpanBar(one, axis))
    if axis is not None and found.baseline is not None and limit is not None:
        numbers = (Text(f"{found.baseline:.3f}", "dim"), Text(f"limit {limit:.3f}", "dim")) if wide else ()
        table.add_row(Text("reference", "dim"), *numbers, SpanBar(None, axis))
    coverage = "no labels yet"
    if found.coverage is not None:
        delay = "" if found.delay is None else f", after {found.delay:.1f} s in the median"
        coverage = f"{found.coverage:.0%} labelled{delay}"
    return _panel(table, f"{watched.metric} over {watched.window}: {coverage}", width)


def _span(one: Interval | None) -> tuple[str, str]:
    return ("-", "-") if one is None else (f"{one.value:.3f}", f"{one.lower:.3f} to {one.upper:.3f}")


def _numbers(drift: Drift) -> tuple[str, str]:
    return _number(drift.value), _number(drift.lower)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{abs(value) if abs(value) < 0.0005 else value:.3f}"


def _alerts(view: View, width: int, room: int | None) -> Panel:
    lines: list[Text] = []
    for alert in view.alerts[::-1][:ALERTS_SHOWN]:
        lines += _alert(alert, max(1, width - 4))
    if not lines:
        lines = [Text("none", "dim")]
    active = view.readings.active
    title = f"alerts: {active} firing" if active else "alerts"
    return _panel(Group(*lines[:room]), title, width, "red" if active else "green")


def _alert(alert: AlertLine, width: int) -> list[Text]:
    style = "green" if alert.state == "resolved" else _SEVERITY.get(alert.severity, "")
    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(f"{alert.seconds:.1f} s ")
    head.append(f" {alert.state} {alert.severity} ", style)
    head.append(f" {alert.alert}", "bold")
    return [
        head,
        *(Text(line, no_wrap=True, overflow="ellipsis") for line in textwrap.wrap(_clean(alert.reason), width)),
    ]


def _clean(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _line(parts: list[tuple[str, str]]) -> Text:
    """The parts on one line, cut off where it ends."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for index, (text, style) in enumerate(parts):
        line.append(f"{_GAP if index else ''}{text}", style)
    return line


def _panel(inside: RenderableType, title: str, width: int, style: str = "", foot: str = "") -> Panel:
    border = style or "bright_black"
    return Panel(
        inside,
        title=Text(title, "bold", no_wrap=True, overflow="ellipsis"),
        title_align="left",
        subtitle=Text(foot, "dim", no_wrap=True, overflow="ellipsis") if foot else None,
        subtitle_align="left",
        border_style=border,
        width=max(1, width),
    )
