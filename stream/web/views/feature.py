"""A feature: how it looked then, how it looks now, and what each measure says of the difference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from stream.web.charts.histogram import histogram
from stream.web.charts.lines import Limit, Line, LineChart, line_chart
from stream.web.html import Html, tag
from stream.web.knowledge import RANGES
from stream.web.text import count, metric_name, number, percent
from stream.web.views.over_time import values_over_time
from stream.web.views.parts import (
    Links,
    alert_item,
    choice,
    evidence,
    key,
    pill,
    points_of,
    section,
    sentence,
    shades_of,
)
from stream.web.views.shell import Page
from windows.shares import OF_METRIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.web.judged import Judged, Mover
    from stream.web.knowledge import Knowledge, Span
    from stream.web.lives import AlertLife
    from stream.web.pictures import Picture, Side

SHARES = tuple(OF_METRIC)


def feature_page(
    knowledge: Knowledge, model: str, feature: str, span: Span, window: str = "", links: Links | None = None
) -> Page:
    """The page of a feature of a model."""
    links = links or Links()
    lives = [life for life in knowledge.lives(model) if any(cause.feature == feature for cause in life.last.causes)]
    mover = knowledge.measures(model, feature, span.version)
    windows = knowledge.windows(model, "predictions")
    chosen = window if window in {text for _, text in windows} else ("" if mover is None else mover.strongest.window)
    size = next((ms for ms, text in windows if text == chosen), windows[-1][0] if windows else 0)
    picture = knowledge.picture(model, feature, span.version, size)
    main = tag(
        "div",
        _head(knowledge, model, feature, span, mover, chosen, links),
        _pictures(picture, chosen),
        values_over_time(knowledge, model, feature, span),
        _measures(knowledge, model, mover, span, lives),
        _alerts(lives, links),
        class_="page",
    )
    return Page(feature, main, (("Overview", "/"), (model, links.model(model, version=span.version, range=span.name))))


def _head(
    knowledge: Knowledge, model: str, feature: str, span: Span, mover: Mover | None, window: str, links: Links
) -> Html:
    def address(window_: str, range_: str) -> str:
        return links.feature(model, feature, version=span.version, window=window_, range=range_)

    windows = [(text, address(text, span.name)) for _, text in knowledge.windows(model, "predictions")]
    ranges = [("auto", address(window, "")), *((name, address(window, name)) for name in RANGES)]
    level = 0 if mover is None else mover.strongest.level
    return tag(
        "section",
        tag("h1", feature, " ", pill(("ok", "warning", "critical")[level] if mover else "waiting")),
        tag("p", _reason(mover), class_="lead"),
        ""
        if links.inside
        else tag(
            "div", choice("Window", windows, window), choice("Time", ranges, span.name or "auto"), class_="choices"
        ),
        data_part="head",
        id="s-head",
    )


def _reason(mover: Mover | None) -> str:
    if mover is None:
        return "No window with data has been measured yet."
    return sentence(mover.strongest)


def _pictures(picture: Picture, window: str) -> Html:
    over = f"over {window}" if window else ""
    rows = "" if picture.now is None else f" of {count(picture.now.rows)} predictions"
    return section(
        "Then and now",
        tag(
            "div",
            tag(
                "div",
                tag("div", histogram(picture, 260), class_="scroll"),
                key(("ref", f"reference, {count(picture.before.rows)} rows"), ("cur", f"now, {over}{rows}")),
                class_="wide",
            ),
            tag("div", _quantiles(picture), _odd(picture)),
            class_="two-one",
        ),
        name="pictures",
    )


def _quantiles(picture: Picture) -> Html:
    if not picture.quantiles:
        return Html("")
    head = [tag("th", text, scope="col") for text in ("Quantile", "Reference", "Now")]
    rows = [
        tag(
            "tr",
            tag("th", _quantile_name(share), scope="row"),
            tag("td", number(before, 4), class_="num"),
            tag("td", number(now, 4), class_="num strong" if _moved(picture, before, now) else "num"),
        )
        for share, before, now in picture.quantiles
    ]
    return tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), class_="plain")


def _quantile_name(share: float) -> str:
    return "median" if share == 0.5 else f"{share:.0%}"


def _moved(picture: Picture, before: float, now: float) -> bool:
    """Whether a quantile is a twentieth of the middle half of the reference away from where it was."""
    found = {share: value for share, value, _ in picture.quantiles}
    spread = found.get(0.75, math.nan) - found.get(0.25, math.nan)
    return abs(now - before) > 0.05 * spread


def _odd(picture: Picture) -> Html:
    """Shares of rows without a place in the picture."""
    strange = "out of range" if picture.numeric else "unseen or rare"
    rows = [
        ("missing", picture.before.missing, _of(picture.now, "missing")),
        (strange, picture.before.strange, _of(picture.now, "strange")),
    ]
    if picture.numeric:
        rows.append(("not a number", picture.before.non_finite, _of(picture.now, "non_finite")))
    head = [tag("th", text, scope="col") for text in ("Rows that are", "Reference", "Now")]
    body = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            tag("td", percent(a), class_="num"),
            tag("td", percent(b), class_="num"),
        )
        for name, a, b in rows
    ]
    return tag("table", tag("thead", tag("tr", head)), tag("tbody", body), class_="plain")


def _of(side: Side | None, name: str) -> float | None:
    return None if side is None else float(getattr(side, name))


def _measures(knowledge: Knowledge, model: str, mover: Mover | None, span: Span, lives: Sequence[AlertLife]) -> Html:
    """Each rule of the feature over time, the strongest first."""
    if mover is None:
        return Html("")
    sizes = {text: ms for ms, text in knowledge.windows(model, "predictions")}
    charts = [_measure(knowledge, model, one, sizes[one.window], span, lives) for one in mover.numbers]
    return section(
        "Every measure",
        tag("div", charts, class_="three"),
        key(("cur", "value with its interval"), ("limit", "thresholds")),
        name="measures",
        note="An alert fires when the whole interval is past a threshold.",
    )


def _measure(knowledge: Knowledge, model: str, one: Judged, size: int, span: Span, lives: Sequence[AlertLife]) -> Html:
    name = f"{metric_name(one.column.metric)} over {one.window}"
    series = knowledge.past.series(model, "predictions", size, span.since, span.until)
    limits = tuple(
        Limit(level, at, level) for level, at in (("minor", one.minor), ("major", one.major)) if at is not None
    )
    chart = LineChart(
        f"{name} of {one.column.feature}",
        (Line(metric_name(one.column.metric), points_of(series, one.column)),),
        span.since,
        span.until,
        limits,
        shades_of(lives, span),
        height=110,
        shown=percent if one.column.metric in SHARES else number,
        anchored=True,
    )
    return tag(
        "div",
        tag("h3", name),
        evidence(one),
        line_chart(chart),
        tag("p", sentence(one), class_="note"),
    )


def _alerts(lives: Sequence[AlertLife], links: Links) -> Html:
    body = (
        tag("ol", [alert_item(life, links, model=False) for life in lives[:10]], class_="alerts")
        if lives
        else tag("p", "None names this feature.", class_="empty")
    )
    return section("Alerts that name it", body, name="alerts")
