"""An alert: its whole life, what it blames, what decides it, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from stream.web.charts.histogram import small_histogram
from stream.web.clears import clears
from stream.web.html import Html, join, tag
from stream.web.text import count, metric_name, moment, number, percent, seconds, versioned
from stream.web.views.parts import Links, key, pill, section, tile, tiles, time_tile
from stream.web.views.shell import Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from operators.alerts.event import AlertEvent, Cause
    from stream.web.knowledge import Knowledge
    from stream.web.lives import AlertLife

PICTURED = 12
"""Causes with pictures."""


@dataclass(frozen=True, slots=True)
class ConfigLine:
    """A line of the config that decides an alert; `place` is "file:line", or says that it is a default."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Outside:
    """What lies outside of the page.

    Attributes:
        config: the lines that decide an event.
        alertmanager: address of the first Alertmanager that is told of alerts; "" for none.
    """

    config: Callable[[AlertEvent], tuple[ConfigLine, ...]] = lambda _: ()
    alertmanager: str = ""


def alert_page(knowledge: Knowledge, life: AlertLife, outside: Outside, links: Links | None = None) -> Page:
    """The page of one life of an alert."""
    links = links or Links()
    last = life.last
    main = tag(
        "div",
        _head(life, outside, knowledge.end_of(last.model)),
        _causes(knowledge, life, links),
        _life(life),
        _decides(last, outside, knowledge.resolve_after),
        class_="page",
    )
    trail = (("Overview", "/"), (last.model, links.model(last.model, version=last.version)))
    return Page(f"{last.alert} of {last.model}", main, trail)


def _head(life: AlertLife, outside: Outside, known_until: float | None) -> Html:
    last, first = life.last, life.events[0]
    until = moment(life.ended_at) if life.ended_at is not None else "now"
    end = life.ended_at or max(last.event_time, known_until or 0)
    length = seconds((end - first.started_at) / 1e3)
    actions = [tag("a", "Runbook", href=last.runbook_url, class_="button")] if last.runbook_url else []
    if outside.alertmanager and life.ended_at is None:
        actions.append(
            tag("a", "Silence it in Alertmanager", href=silence(outside.alertmanager, last), class_="button")
        )
    if last.dashboard_url:
        actions.append(tag("a", "Dashboard", href=last.dashboard_url, class_="button"))
    return tag(
        "section",
        tag("h1", last.alert, " ", pill(last.severity if life.ended_at is None else "resolved")),
        tag("p", last.reason, class_="lead"),
        tiles(
            tile("Model", last.model, versioned(last.version)),
            tile("Segment", last.segment or "all traffic"),
            tile(
                metric_name(last.metric) if last.metric else "Value",
                number(last.value),
                f"{number(last.lower)} to {number(last.upper)}",
            ),
            tile("Threshold", number(last.threshold), f"over {last.window.size}"),
            tile("Rows", count(last.samples)),
            time_tile("From", first.started_at, f", until {until}, {length}"),
        ),
        tag("p", actions, class_="actions") if actions else "",
        data_part="head",
        id="s-head",
    )


def silence(alertmanager: str, event: AlertEvent) -> str:
    """The form for a silence of this alert in Alertmanager's own pages."""
    matchers = {"alertname": event.alert, "model": event.model, "version": event.version, "segment": event.segment}
    given = ",".join(f'{name}="{value}"' for name, value in matchers.items() if value)
    return f"{alertmanager}/#/silences/new?filter={quote('{' + given + '}', safe='')}"


def _causes(knowledge: Knowledge, life: AlertLife, links: Links) -> Html:
    last = life.last
    if not last.causes:
        return Html("")
    head = [tag("th", text, scope="col") for text in ("Cause", "Then and now", "Share of the evidence", "Value")]
    rows = [_cause(knowledge, life, cause, links, pictured=at < PICTURED) for at, cause in enumerate(last.causes)]
    table = tag("table", tag("thead", tag("tr", head)), tag("tbody", rows), class_="ranked")
    note = "" if life.ended_at is None else "The alert is over: now is not what it was while it fired."
    return section(
        "What it blames",
        tag("div", table, class_="scroll"),
        key(("ref", "reference"), ("cur", "now")),
        name="causes",
        note=note,
    )


def _cause(knowledge: Knowledge, life: AlertLife, cause: Cause, links: Links, *, pictured: bool) -> Html:
    last = life.last
    known = knowledge.fields(last.model) if last.model in knowledge.plans else {}
    name: object = cause.feature or metric_name(cause.metric)
    picture: object = ""
    if cause.feature in known:
        name = tag(
            "a", cause.feature, href=links.feature(last.model, cause.feature, version=last.version), class_="strong"
        )
        if pictured:
            size = next(
                (ms for ms, text in knowledge.windows(last.model, "predictions") if text == last.window.size), 0
            )
            picture = small_histogram(knowledge.picture(last.model, cause.feature, last.version, size, bars=28))
    bar = tag(
        "svg",
        tag("rect", x=0, y=4, width=f"{100 * cause.share:.1f}%", height=8, rx=4, class_="sure major"),
        width="100%",
        height=16,
        aria_hidden="true",
    )
    return tag(
        "tr",
        tag("th", name, scope="row"),  # type: ignore[arg-type]
        tag("td", picture),  # type: ignore[arg-type]
        tag("td", bar, tag("small", percent(cause.share))),
        tag("td", f"{metric_name(cause.metric)} {number(cause.value)}", class_="num"),
    )


def _life(life: AlertLife) -> Html:
    items = []
    for event in life.events:
        late = None if event.emitted_at is None else (event.emitted_at - event.event_time) / 1e3
        told = "" if late is None else f"told {seconds(max(late, 0))} later"
        items.append(
            tag(
                "li",
                tag("time", moment(event.event_time), class_="when"),
                pill("resolved" if event.state == "resolved" else event.severity),
                tag("span", f" {event.state} ", class_="strong"),
                tag("span", told, class_="muted"),
                tag("p", event.reason),
            )
        )
    return section("Its life", tag("ol", items, class_="alerts life"), name="life")


def _decides(event: AlertEvent, outside: Outside, resolve_after: int) -> Html:
    lines = outside.config(event)
    facts = [
        ("rule", event.monitor),
        ("window", f"{event.window.size}, {moment(event.window.start)} to {moment(event.window.end)}"),
        ("fingerprint", event.fingerprint),
        ("event id", event.id),
    ]
    if event.state != "resolved":
        facts.append(("clears", clears(event, resolve_after)))
    rows = [tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in facts]
    code = [tag("tr", tag("th", line.place, scope="row"), tag("td", tag("code", line.text))) for line in lines]
    return section(
        "What decides it",
        join([tag("div", tag("table", tag("tbody", rows, code), class_="facts"), class_="scroll")]),
        name="decides",
    )
