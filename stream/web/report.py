"""The report: one HTML file that needs nothing beside it, from what a replay found or a monitor remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.web.html import Html, join, tag
from stream.web.knowledge import Span
from stream.web.site import asset
from stream.web.text import count, moment, number, seconds, versioned
from stream.web.views.feature import feature_page
from stream.web.views.model import model_page
from stream.web.views.parts import Links, anchor, pill, section, tile, tiles
from stream.web.views.scopes import scoped
from stream.web.views.shell import Page, document
from stream.web.whatif import trials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.web.knowledge import Knowledge
    from stream.web.lives import AlertLife
    from stream.web.standing import Standing
    from stream.web.whatif import Trial

FEATURES = 12
"""Features of a model with pages of their own."""

MODELS = 25
"""Models with pages of their own; the others are in the table."""

MONTH = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class Told:
    """What a report is of: its name, a span of event time (ms), and whether a replay did not come to its end."""

    name: str
    since: int
    until: int
    unfinished: bool = False

    @property
    def months(self) -> float:
        """Its length, of 30 days each."""
        return max(self.until - self.since, 1) / MONTH


def report(knowledge: Knowledge, told: Told, against: tuple[Knowledge, Told] | None = None) -> str:
    """The report as HTML; with `against`, the other results stand beside these."""
    standings = knowledge.standings()
    parts = [_opening(knowledge, told, standings), _fired(knowledge.lives(), told)]
    if against is not None:
        parts.append(_beside((knowledge, told), against))
    parts += [_model(knowledge, told, one) for one in standings[:MODELS]]
    main = tag("div", parts, class_="page report")
    style = tag("style", Html(asset("style.css").decode()))
    return document(Page(f"Report: {told.name}", main), head=style, live=False)


def _opening(knowledge: Knowledge, told: Told, standings: Sequence[Standing]) -> Html:
    lives = knowledge.lives()
    pages = [life for life in lives if life.severity == "critical"]
    rows = [_standing_row(one, lives) for one in standings]
    head = tag(
        "tr", [tag("th", text, scope="col") for text in ("Model", "At the end", "Alerts", "Surest to have moved")]
    )
    return tag(
        "section",
        tag("h1", f"Report: {told.name}"),
        [_banner(told)] if told.unfinished else [],
        tag("p", _sentences(lives, told, standings), class_="lead"),
        tiles(
            _day("From", told.since),
            _day("To", told.until),
            tile("Models", str(len(standings))),
            tile("Alerts", str(len(lives))),
            tile("Pages a month", number(len(pages) / told.months, 2), "critical alerts"),
        ),
        tag("div", tag("table", tag("thead", head), tag("tbody", rows), class_="ranked"), class_="scroll"),
        data_part="headline",
    )


def _banner(told: Told) -> Html:
    text = f"The replay was interrupted at {moment(told.until)} UTC of event time: this is what was found by then."
    return tag("p", tag("strong", text), class_="interrupted")


def _day(name: str, ms: int) -> Html:
    date, _, clock = moment(ms).partition(" ")
    return tile(name, date, f"{clock} UTC")


def _standing_row(one: Standing, lives: Sequence[AlertLife]) -> Html:
    mine = [life for life in lives if life.last.model == one.model]
    moved = f"{one.moved[0].feature}, {number(one.moved[0].strongest.lower)} of its threshold" if one.moved else "-"
    return tag(
        "tr",
        tag("th", tag("a", one.model, href=f"#{anchor(one.model)}"), scope="row"),
        tag("td", pill(one.state)),
        tag("td", str(len(mine)), class_="num"),
        tag("td", moved),
    )


def _sentences(lives: Sequence[AlertLife], told: Told, standings: Sequence[Standing]) -> str:
    length = seconds((told.until - told.since) / 1e3)
    models = standings[0].model if len(standings) == 1 else f"{len(standings)} models"
    if not lives:
        return f"{models} over {length}: no alert fired. What came nearest to a threshold is below."
    kinds: dict[str, int] = {}
    for life in lives:
        kinds[life.last.alert] = kinds.get(life.last.alert, 0) + 1
    listed = ", ".join(f"{name} {number_}" for name, number_ in sorted(kinds.items(), key=lambda item: -item[1]))
    standing = sum(life.ended_at is None for life in lives)
    first = min(lives, key=lambda life: life.last.started_at)
    return (
        f"{models} over {length}: {len(lives)} alerts fired ({listed}), {standing} of them stand at the end. "
        f"The first, {moment(first.last.started_at)}: {first.events[0].reason}"
    )


def _fired(lives: Sequence[AlertLife], told: Told) -> Html:
    if not lives:
        return Html("")
    head = tag("tr", [tag("th", text, scope="col") for text in ("When", "Alert", "Model", "Lasted", "Why")])
    rows = [
        tag(
            "tr",
            tag("td", moment(life.last.started_at), class_="num", id=anchor("alert", life.key)),
            tag("td", tag("span", life.name, class_="strong"), " ", pill(life.severity)),
            tag("td", f"{life.last.model} {versioned(life.last.version)}" if life.last.version else life.last.model),
            tag(
                "td",
                "stands" if life.ended_at is None else seconds((life.ended_at - life.last.started_at) / 1e3),
                class_="num",
            ),
            tag("td", life.events[0].reason),
        )
        for life in lives[:LISTED]
    ]
    del told
    more = f"The latest {LISTED} of {len(lives)}." if len(lives) > LISTED else ""
    return section(
        "What fired",
        tag("div", tag("table", tag("thead", head), tag("tbody", rows)), class_="scroll"),
        name="fired",
        note=more,
    )


LISTED = 100


def _model(knowledge: Knowledge, told: Told, one: Standing) -> Html:
    """The page of a model and those of the features that moved most."""
    links = Links(inside=True)
    span = Span(one.version, told.since, told.until)
    pages = [tag("div", model_page(knowledge, one.model, span, links).main, id=anchor(one.model))]
    pages.append(_whatif(trials(knowledge, one.model, span)))
    for mover in one.moved[:FEATURES]:
        page = feature_page(knowledge, one.model, mover.feature, span, links=links)
        pages.append(tag("div", scoped(page.main, mover.feature), id=anchor(one.model, mover.feature)))
    return scoped(join(pages), one.model)


def _whatif(found: Sequence[Trial]) -> Html:
    head = tag(
        "tr", [tag("th", text, scope="col") for text in ("Thresholds", "Drift would have fired", "A month", "Features")]
    )
    rows = [
        tag(
            "tr",
            tag("th", "as they are" if one.factor == 1 else f"times {one.factor:g}", scope="row"),
            tag("td", count(one.pages), class_="num"),
            tag("td", number(one.a_month, 2), class_="num"),
            tag(
                "td",
                ", ".join(one.features[:8]) + (f" and {len(one.features) - 8} more" if len(one.features) > 8 else "")
                or "none",
            ),
        )
        for one in found
    ]
    return section(
        "At other thresholds",
        tag("div", tag("table", tag("thead", head), tag("tbody", rows)), class_="scroll"),
        name="whatif",
        note="How often the evidence on any feature would have begun to be past all thresholds times a number. "
        "To know it exactly: driftgauge replay --set models.0.drift.psi.major=0.5",
    )


def _beside(one: tuple[Knowledge, Told], other: tuple[Knowledge, Told]) -> Html:
    """Two results side by side: what fired, when first, how many pages a month."""
    sides = [_by_alert(*each) for each in (one, other)]
    names = sorted({name for side in sides for name in side})
    head = tag(
        "tr",
        tag("th", "Alert", scope="col"),
        [
            [tag("th", f"{told.name}: {text}", scope="col") for text in ("fired", "first", "pages a month")]
            for _, told in (one, other)
        ],
    )
    rows = [
        tag(
            "tr",
            tag("th", " ".join(name), scope="row"),
            [_cells(side.get(name), told) for side, (_, told) in zip(sides, (one, other), strict=True)],
        )
        for name in names
    ]
    total = tag(
        "tr",
        tag("th", "all", scope="row"),
        [
            _cells([life for mine in side.values() for life in mine], told)
            for side, (_, told) in zip(sides, (one, other), strict=True)
        ],
    )
    return section(
        "Side by side",
        tag("div", tag("table", tag("thead", head), tag("tbody", rows, total), class_="versus"), class_="scroll"),
        name="beside",
    )


def _by_alert(knowledge: Knowledge, told: Told) -> dict[tuple[str, str], list[AlertLife]]:
    del told
    found: dict[tuple[str, str], list[AlertLife]] = {}
    for life in knowledge.lives():
        found.setdefault((life.last.model, life.last.alert), []).append(life)
    return found


def _cells(lives: Sequence[AlertLife] | None, told: Told) -> list[Html]:
    if not lives:
        return [tag("td", text, class_="num") for text in ("0", "-", "0")]
    pages = sum(life.severity == "critical" for life in lives) / told.months
    first = min(life.last.started_at for life in lives)
    return [tag("td", text, class_="num") for text in (str(len(lives)), moment(first), number(pages, 2))]
