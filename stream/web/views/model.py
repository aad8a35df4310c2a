"""A model: what moved, since when, and whether it matters."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from operators.tables import Kind
from stream.history.frame import Column
from stream.web.charts.heat import CELLS, Row, heat
from stream.web.charts.histogram import small_histogram
from stream.web.charts.lines import sparkline
from stream.web.charts.lives import Life, lives
from stream.web.html import Html, join, tag
from stream.web.knowledge import RANGES
from stream.web.text import NOTHING, count, metric_name, number, pace, versioned
from stream.web.views.parts import (
    Links,
    alert_item,
    choice,
    evidence,
    key,
    pill,
    points_of,
    section,
    tile,
    tiles,
    time_tile,
)
from stream.web.views.quality import performance_section, predictions_section, service_section
from stream.web.views.retraining import retraining_section
from stream.web.views.shell import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.history.frame import Frame
    from stream.web.judged import Evidence, Judged, Mover
    from stream.web.knowledge import Knowledge, Span
    from stream.web.lives import AlertLife
    from stream.web.standing import Standing

RANKED = 40
"""Features with pictures; those after them are only named."""

LISTED = 30
"""Lives of alerts drawn."""


def model_page(knowledge: Knowledge, model: str, span: Span, links: Links | None = None) -> Page:
    """The page of a model."""
    links = links or Links()
    lives_ = knowledge.lives(model)
    one = knowledge.standing(model, lives_)
    moved = one.moved if span.version == one.version else knowledge.moved(model, span.version)
    main = tag(
        "div",
        _head(one, span, links),
        section(
            "What moved",
            _ranked(knowledge, model, moved, span, links),
            key(
                ("ref", "reference"), ("cur", "now"), ("sure", "surely"), ("likely", "possibly"), ("limit", "threshold")
            ),
            name="moved",
            note="Features by how far the lower bound of their distance is past the threshold: evidence, not noise.",
        ),
        _firing(one, links),
        _map(knowledge, model, moved, span, links),
        predictions_section(knowledge, model, span, lives_),
        service_section(knowledge, model, span, lives_),
        performance_section(knowledge, model, span, lives_),
        retraining_section(knowledge, model),
        _segments(knowledge, model, span),
        _versions(knowledge, model, one, links),
        _timeline(lives_, span, links),
        class_="page",
    )
    return Page(model, main, (("Overview", "/"),))


def _head(one: Standing, span: Span, links: Links) -> Html:
    ranges = [("auto", links.model(one.model, version=span.version))]
    ranges += [(name, links.model(one.model, version=span.version, range=name)) for name in RANGES]
    versions = [(versioned(each), links.model(one.model, version=each, range=span.name)) for each in one.versions]
    chosen = [
        choice("Time", ranges, span.name or "auto"),
        choice("Version", versions, versioned(span.version)) if len(versions) > 1 else "",
    ]
    quality = [] if one.performance is None else [tile(metric_name(one.performance[0]), number(one.performance[1]))]
    return tag(
        "section",
        tag("h1", one.model, " ", pill(one.state)),
        tag("p", one.why, class_="lead"),
        "" if links.inside else tag("div", chosen, class_="choices"),
        tiles(
            tile("Traffic", pace(one.rate)),
            tile("p99", NOTHING if math.isnan(one.p99) else f"{number(one.p99)} ms"),
            *quality,
            tile("Version", versioned(span.version) if span.version else NOTHING),
            time_tile("Known up to", one.watermark),
        ),
        data_part="head",
        id="s-head",
    )


def _firing(one: Standing, links: Links) -> Html:
    if not one.firing:
        return section("Firing now", tag("p", "Nothing.", class_="empty"), name="firing")
    items = [alert_item(life, links, model=False) for life in one.firing]
    return section("Firing now", tag("ol", items, class_="alerts firing"), name="firing")


def _ranked(knowledge: Knowledge, model: str, moved: Sequence[Mover], span: Span, links: Links) -> Html:
    if not moved:
        return tag("p", "No window with data has been measured yet.", class_="empty")
    sizes = {text: ms for ms, text in knowledge.windows(model, "predictions")}
    series = {
        text: knowledge.past.series(model, "predictions", ms, span.since, span.until) for text, ms in sizes.items()
    }
    head = [tag("th", text, scope="col") for text in ("Feature", "Then and now", "Evidence", "Strongest", "Over time")]
    rows = []
    for mover in moved[:RANKED]:
        one = mover.strongest
        picture = knowledge.picture(model, mover.feature, span.version, sizes.get(one.window, 0), bars=28)
        address = links.feature(model, mover.feature, version=span.version, range=span.name)
        points = points_of(series.get(one.window, ()), one.column)
        name = metric_name(one.column.metric)
        rows.append(
            tag(
                "tr",
                tag("th", tag("a", mover.feature, href=address, class_="strong"), scope="row"),
                tag("td", small_histogram(picture)),
                tag("td", evidence(one)),
                tag(
                    "td",
                    tag("span", f"{name} {number(one.reading.value)}"),
                    tag("small", f"over {one.window}"),
                    class_="num",
                ),
                tag("td", sparkline(points, f"{name} of {mover.feature} over time")),
                class_=("", "minor", "major")[one.level],
            )
        )
    table = tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), class_="ranked")
    more = moved[RANKED:]
    rest = tag("p", f"{len(more)} more, less far: ", _names(more, model, links), class_="note") if more else ""
    return join([tag("div", table, class_="scroll"), rest])


def _names(movers: Sequence[Mover], model: str, links: Links) -> list[Html]:
    return [tag("span", tag("a", one.feature, href=links.feature(model, one.feature)), " ") for one in movers]


def _map(knowledge: Knowledge, model: str, moved: Sequence[Mover], span: Span, links: Links) -> Html:
    """Evidence of each feature over time: the strongest of its rules in each span."""
    rules = knowledge.rules(model)
    cells: dict[str, list[float]] = {mover.feature: [math.nan] * CELLS for mover in moved[:RANKED]}
    length = max(span.until - span.since, 1)
    for size, _ in knowledge.windows(model, "predictions"):
        for frame in knowledge.past.series(model, "predictions", size, span.since, span.until):
            at = min(int((frame.end - span.since) / length * CELLS), CELLS - 1)
            for found in rules.evidence(frame):
                if found.monitor.kind == Kind.FEATURE and not found.monitor.worst_only:
                    _darken(cells, frame, found, span.version, at)
    rows = [
        Row(name, links.feature(model, name, version=span.version, range=span.name), tuple(_filled(row)))
        for name, row in cells.items()
    ]
    scale = [
        ("h0", "under ¼"),
        ("h1", "¼"),
        ("h2", "½"),
        ("h3", "past the threshold"),
        ("h4", "twice"),
        ("h5", "four times"),
    ]
    return section(
        "When it moved",
        tag("div", heat(rows, span.since, span.until), class_="scroll")
        if rows
        else tag("p", "Nothing yet.", class_="empty"),
        key(*scale),
        name="map",
        note="Lower bound of the distance as a multiple of its threshold, the strongest of every window.",
    )


def _darken(cells: dict[str, list[float]], frame: Frame, found: Evidence, version: str, at: int) -> None:
    """Have a span of time be as dark as what a rule says of each feature."""
    for place, lower in zip(found.places.tolist(), found.lower.tolist(), strict=True):
        column = frame.columns[place]
        row = cells.get(column.feature)
        if row is not None and column.version == version and not math.isnan(lower):
            row[at] = lower if math.isnan(row[at]) else max(row[at], lower)


def _filled(cells: list[float]) -> list[float]:
    """A cell without a look takes the one before it: a window stands until it is looked at again. A long gap stays."""
    known = [at for at, cell in enumerate(cells) if not math.isnan(cell)]
    most = max((b - a for a, b in pairwise(known)), default=1) if len(known) < CELLS / 2 else 2
    filled, since = list(cells), 0
    for at in range(1, len(cells)):
        since = 0 if not math.isnan(cells[at]) else since + 1
        if since and since <= most and not math.isnan(filled[at - 1]) and at < (known[-1] if known else 0):
            filled[at] = filled[at - 1]
    return filled


def _segments(knowledge: Knowledge, model: str, span: Span) -> Html:
    """Segments by the surest of what moved in them."""
    rules = knowledge.rules(model)
    numbers = [
        one
        for frame in knowledge.past.latest(model)
        for one in rules.judged(frame)
        if one.column.segment and one.column.version == span.version
    ]
    best: dict[str, Judged] = {}
    for one in numbers:
        held = best.get(one.column.segment)
        if held is None or (one.level, _or(one.lower)) > (held.level, _or(held.lower)):
            best[one.column.segment] = one
    if not best:
        return Html("")
    ordered = sorted(best.items(), key=lambda item: (-item[1].level, -_or(item[1].lower), item[0]))
    head = [tag("th", text, scope="col") for text in ("Segment", "Surest to have moved", "Evidence", "Value", "Rows")]
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            tag("td", f"{metric_name(one.column.metric)} {one.column.feature}", tag("small", f"over {one.window}")),
            tag("td", evidence(one)),
            tag("td", number(one.reading.value), class_="num"),
            tag("td", count(one.reading.samples), class_="num"),
            class_=("", "minor", "major")[one.level],
        )
        for name, one in ordered[:RANKED]
    ]
    table = tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), class_="ranked")
    return section("Segments", tag("div", table, class_="scroll"), name="segments")


def _or(value: float) -> float:
    return 0.0 if math.isnan(value) else value


VERSUS = (
    "throughput",
    "latency_p50_ms",
    "latency_p99_ms",
    "availability",
    "accuracy",
    "f1",
    "auc",
    "mae",
    "rmse",
    "ndcg",
)


def _versions(knowledge: Knowledge, model: str, one: Standing, links: Links) -> Html:
    """Version against version; nothing where there is only one."""
    if len(one.versions) < 2:
        return Html("")
    frames = knowledge.past.latest(model)
    rows = []
    for metric in VERSUS:
        values = [_first(frames, metric, version) for version in one.versions]
        if any(not math.isnan(value) for value in values):
            rows.append(
                tag(
                    "tr",
                    tag("th", metric_name(metric), scope="row"),
                    [tag("td", number(value), class_="num") for value in values],
                )
            )
    tops = [knowledge.moved(model, version, frames)[:1] for version in one.versions]
    cells = [
        tag("td", f"{top[0].feature} {number(top[0].strongest.reading.value)}" if top else NOTHING, class_="num")
        for top in tops
    ]
    rows.append(tag("tr", tag("th", "Surest to have moved", scope="row"), cells))
    head = [
        tag("th", tag("a", versioned(each), href=links.model(model, version=each)), scope="col")
        for each in one.versions
    ]
    table = tag("table", tag("thead", tag("tr", tag("td"), head)), tag("tbody", rows), class_="versus")
    return section("Version against version", tag("div", table, class_="scroll"), name="versions")


def _first(frames: Sequence[Frame], metric: str, version: str) -> float:
    for frame in frames:
        for kind in (Kind.SERVICE, Kind.PERFORMANCE):
            reading = frame.reading(Column(str(kind), metric, version, "", ""))
            if reading is not None:
                return reading.value
    return math.nan


def _timeline(found: Sequence[AlertLife], span: Span, links: Links) -> Html:
    shown = [life for life in found if (life.ended_at or span.until) >= span.since][:LISTED]
    rows = [Life(life.name, links.alert(life), life.last.started_at, life.ended_at, life.severity) for life in shown]
    body = (
        tag("div", lives(rows, span.since, span.until), class_="scroll")
        if rows
        else tag("p", "No alert in this time.", class_="empty")
    )
    return section("Alerts over time", body, name="timeline")
