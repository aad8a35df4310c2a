"""Parts that several pages have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from stream.web.charts.evidence import evidence_bar
from stream.web.charts.lines import Point, Shade
from stream.web.html import Html, tag
from stream.web.text import metric_name, moment, number, versioned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream.history.frame import Column, Frame
    from stream.web.judged import Judged
    from stream.web.knowledge import Span
    from stream.web.lives import AlertLife


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of pages; in a report, of places in the same file."""

    inside: bool = False

    def model(self, model: str, **query: str) -> str:
        """The page of a model."""
        return f"#{anchor(model)}" if self.inside else _address(("models", model), query)

    def feature(self, model: str, feature: str, **query: str) -> str:
        """The page of a feature."""
        return f"#{anchor(model, feature)}" if self.inside else _address(("models", model, "features", feature), query)

    def alert(self, life: AlertLife) -> str:
        """The page of an alert."""
        return f"#{anchor('alert', life.key)}" if self.inside else _address(("alerts", life.key), {})


def _address(parts: Sequence[str], query: Mapping[str, str]) -> str:
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    given = {key: value for key, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def anchor(*parts: str) -> str:
    """An id of a place in a page: letters and digits, others as their numbers."""
    return "-".join("".join(one if one.isalnum() else f"_{ord(one):x}" for one in part) for part in ("at", *parts))


def pill(state: str) -> Html:
    """A state in its colour, and in words."""
    return tag("span", state, class_=f"pill {state.replace(' ', '-')}")


def section(title: str, *children: object, name: str, note: str = "") -> Html:
    """A part of a page that is replaced as a whole when it changes."""
    return tag(
        "section",
        tag("h2", title, id=f"h-{name}"),
        tag("p", note, class_="note") if note else "",
        children,  # type: ignore[arg-type]
        data_part=name,
        id=f"s-{name}",
        aria_labelledby=f"h-{name}",
    )


def key(*entries: tuple[str, str]) -> Html:
    """What colours mean: (class, words)."""
    return tag("p", [tag("span", tag("i", class_=f"swatch {style}"), words) for style, words in entries], class_="key")


def tile(name: str, value: str, note: str = "", style: str = "") -> Html:
    """A number with its name."""
    return tag(
        "div",
        tag("dt", name),
        tag("dd", value, tag("small", note) if note else ""),
        class_=f"tile {style}".strip(),
    )


def time_tile(name: str, ms: float | None, note: str = "") -> Html:
    """A moment with its name: the time large, the date small."""
    date, _, clock = moment(ms).partition(" ")
    return tile(name, clock or date, f"{date} UTC{note}" if clock else note)


def tiles(*each: Html) -> Html:
    """Numbers side by side."""
    return tag("dl", each, class_="tiles")


def choice(name: str, options: Iterable[tuple[str, str]], chosen: str) -> Html:
    """Links of which one is where you are: (text, address)."""
    links = [tag("a", text, href=address, aria_current="true" if text == chosen else None) for text, address in options]
    return tag("nav", tag("span", name), links, class_="choice", aria_label=name)


def evidence(one: Judged) -> Html:
    """The bar of a number against its rule."""
    return evidence_bar(one.lower, one.value, one.upper, one.level, sentence(one))


def sentence(one: Judged) -> str:
    """What a number says, in words."""
    reading = one.reading
    told = f"{metric_name(one.column.metric)} over {one.window} is {number(reading.value)}"
    if math.isfinite(reading.lower) and math.isfinite(reading.upper):
        told += f" (interval {number(reading.lower)} to {number(reading.upper)})"
    told += f" on {reading.samples:,.0f} rows; "
    return told + _verdict(one)


def _verdict(one: Judged) -> str:
    limit = number(one.limit)
    side = "below" if one.monitor.falling else "above"
    if one.level == 2:
        return f"the whole interval is {side} the threshold {limit}: it counts as moved."
    if one.level == 1:
        return f"the whole interval is {side} the minor threshold {number(one.minor)}."
    if one.value > 1:
        return f"the value is {side} the threshold {limit}, but the interval reaches back: not sure enough to page."
    if one.upper > 1:
        return f"within the threshold {limit}, with an interval that reaches past it: more rows would tell."
    return f"within the threshold {limit}."


def points_of(frames: Sequence[Frame], column: Column) -> tuple[Point, ...]:
    """A column over time."""
    found = ((frame.end, frame.reading(column)) for frame in frames)
    return tuple(
        Point(end, reading.value, reading.lower, reading.upper, reading.samples)
        for end, reading in found
        if reading is not None
    )


def shades_of(lives: Iterable[AlertLife], span: Span, kinds: frozenset[str] | None = None) -> tuple[Shade, ...]:
    """When alerts fired, for the background of a chart."""
    return tuple(
        Shade(life.last.started_at, life.ended_at or span.until, life.severity, life.name)
        for life in lives
        if (kinds is None or life.last.alert in kinds) and (life.ended_at or span.until) >= span.since
    )


def alert_item(life: AlertLife, links: Links, *, model: bool = True) -> Html:
    """An alert in two lines."""
    last = life.last
    ends = "firing" if life.ended_at is None else f"until {moment(life.ended_at)}"
    return tag(
        "li",
        tag("a", last.alert, href=links.alert(life), class_="strong"),
        " ",
        pill(life.last.severity if life.ended_at is None else "resolved"),
        tag(
            "span",
            f" {last.model}" if model else "",
            f" {versioned(last.version)}" if last.version else "",
            class_="muted",
        ),
        tag("span", f" {last.segment}", class_="muted") if last.segment else "",
        tag("time", f"{moment(last.started_at)}, {ends}", class_="when"),
        tag("p", last.reason),
        class_=last.severity,
    )
