"""The overview: every model, who needs a person first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from operators.tables import Kind
from stream.history.frame import Column
from stream.web.charts.histogram import small_histogram
from stream.web.charts.lines import sparkline
from stream.web.html import Html, tag
from stream.web.text import NOTHING, metric_name, number, pace, versioned
from stream.web.views.parts import Links, alert_item, evidence, key, pill, points_of, section, tile, tiles
from stream.web.views.shell import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.web.knowledge import Knowledge
    from stream.web.lives import AlertLife
    from stream.web.standing import Standing

LATEST = 12
"""Alerts shown."""

PICTURED = 60
"""Models with pictures; the rest, which need nobody, are text."""


def overview(knowledge: Knowledge, problems: Sequence[str] = ()) -> Page:
    """The page at `/`."""
    standings = knowledge.standings()
    links = Links()
    main = tag(
        "div",
        _headline(standings, problems),
        section(
            "Models",
            _filter(len(standings)),
            _table(knowledge, standings, links),
            key(
                ("ref", "reference"), ("cur", "now"), ("sure", "surely"), ("likely", "possibly"), ("limit", "threshold")
            ),
            name="models",
            note="Sorted by what needs a person: what fires first, then by how far the evidence is past a threshold.",
        ),
        section("Latest alerts", _alerts(knowledge.lives()[:LATEST], links), name="alerts"),
        class_="page",
    )
    return Page("Overview", main)


def _headline(standings: Sequence[Standing], problems: Sequence[str]) -> Html:
    """The state of everything in a sentence and a few numbers."""
    states = [one.state for one in standings]
    firing = sum(state in {"critical", "warning"} for state in states)
    silent, blind, fine = states.count("no data"), states.count("blind"), states.count("ok")
    waiting = states.count("waiting")
    rate = sum(one.rate for one in standings if not math.isnan(one.rate))
    return tag(
        "section",
        tag("h1", _sentence(standings)),
        [tag("p", problem, class_="problem", role="alert") for problem in problems],
        tiles(
            tile("Firing", str(firing), "models", "bad" if firing else ""),
            tile("No data", str(silent), "models", "bad" if silent else ""),
            tile("Blind", str(blind), "models", "dim" if blind else ""),
            tile(
                "OK",
                str(fine),
                f"of {len(standings)}" + (f", {waiting} waiting" if waiting else ""),
                "good" if fine else "",
            ),
            tile("Traffic", pace(rate), "predictions"),
        ),
        data_part="headline",
        id="s-headline",
    )


def _sentence(standings: Sequence[Standing]) -> str:
    bad = [one for one in standings if one.state in {"critical", "warning", "no data"}]
    if len(bad) == 1:
        (one,) = bad
        what = ", ".join(dict.fromkeys(life.last.alert for life in one.firing))
        return f"{one.model} needs a person: {what}"
    if bad:
        names = ", ".join(one.model for one in bad[:3])
        return f"{len(bad)} of {len(standings)} models need a person: {names}" + (" and more" if len(bad) > 3 else "")
    if all(one.state == "waiting" for one in standings):
        return "Waiting for the first predictions"
    return "Nothing needs a person"


def _filter(models: int) -> Html:
    if models < 8:
        return Html("")
    box = tag("input", type="search", id="filter", placeholder="a part of a name or state", autocomplete="off")
    return tag("p", tag("label", "Show only ", box), class_="filter")


def _table(knowledge: Knowledge, standings: Sequence[Standing], links: Links) -> Html:
    head = tag(
        "tr",
        [
            tag("th", text, scope="col")
            for text in ("Model", "State", "What is surest to have moved", "Traffic", "p99", "Quality")
        ],
    )
    rows = [_row(knowledge, one, links, pictured=at < PICTURED) for at, one in enumerate(standings)]
    return tag("div", tag("table", tag("thead", head), tag("tbody", rows), class_="models"), class_="scroll")


def _row(knowledge: Knowledge, one: Standing, links: Links, *, pictured: bool) -> Html:
    versions = ", ".join(map(versioned, one.versions[:3]))
    quality = NOTHING if one.performance is None else f"{metric_name(one.performance[0])} {number(one.performance[1])}"
    return tag(
        "tr",
        tag(
            "th",
            tag("a", one.model, href=links.model(one.model), class_="strong"),
            tag("small", versions),
            scope="row",
        ),
        tag("td", pill(one.state)),
        tag("td", _moved(knowledge, one, links, pictured=pictured), tag("p", one.why, class_="why"), class_="moved"),
        tag("td", _traffic(knowledge, one) if pictured else "", tag("span", pace(one.rate)), class_="num"),
        tag("td", NOTHING if math.isnan(one.p99) else f"{number(one.p99)} ms", class_="num"),
        tag("td", quality, class_="num"),
        data_filter=f"{one.model} {one.state} {' '.join(life.last.alert for life in one.firing)}".lower(),
    )


def _moved(knowledge: Knowledge, one: Standing, links: Links, *, pictured: bool) -> Html:
    if not one.moved or not pictured:
        return Html("")
    mover = one.moved[0]
    strongest = mover.strongest
    size = next((ms for ms, text in knowledge.windows(one.model, "predictions") if text == strongest.window), 0)
    picture = knowledge.picture(one.model, mover.feature, one.version, size, bars=28)
    return tag(
        "div",
        tag("a", mover.feature, href=links.feature(one.model, mover.feature, version=one.version), class_="strong"),
        small_histogram(picture),
        evidence(strongest),
        tag("span", f"{metric_name(strongest.column.metric)} {number(strongest.reading.value)}", class_="muted"),
        class_="mover",
    )


def _traffic(knowledge: Knowledge, one: Standing) -> Html:
    windows = knowledge.windows(one.model, "predictions")
    if not windows:
        return Html("")
    span = knowledge.span(one.model, one.version)
    frames = knowledge.past.series(one.model, "predictions", windows[0][0], span.since, span.until)
    points = points_of(frames, Column(str(Kind.SERVICE), "throughput", one.version, "", ""))
    return sparkline(points, f"predictions a second of {one.model}")


def _alerts(lives: Sequence[AlertLife], links: Links) -> Html:
    if not lives:
        return tag("p", "No alert has fired yet.", class_="empty")
    return tag("ol", [alert_item(life, links) for life in lives], class_="alerts")
