"""The summary of two data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.history.tiers import DAY
from stream.web.charts.histogram import small_histogram
from stream.web.html import Html, tag
from stream.web.text import count, metric_name, number
from stream.web.views.parts import Links, evidence, key, pill, tile, tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.web.judged import Mover
    from stream.web.knowledge import Knowledge, Span

LISTED = 200


def summary_section(
    knowledge: Knowledge, movers: Sequence[Mover], drifted: Sequence[str], rows: tuple[int, int], span: Span
) -> Html:
    """What moved, in a sentence and a table; `rows` of the reference and of now."""
    (model,) = knowledge.plans
    links = Links(inside=True)
    names = ", ".join(drifted[:5]) + (f" and {len(drifted) - 5} more" if len(drifted) > 5 else "")
    said = (
        f"{len(drifted)} of {len(movers)} columns moved beyond chance and past their threshold: {names}."
        if drifted
        else f"None of {len(movers)} columns moved past its threshold beyond chance."
    )
    head = tag("tr", [tag("th", text, scope="col") for text in ("Column", "Then and now", "Evidence", "Strongest", "")])
    body = [
        tag(
            "tr",
            tag("th", tag("a", one.feature, href=links.feature(model, one.feature)), scope="row"),
            tag("td", small_histogram(knowledge.picture(model, one.feature, span.version, DAY, bars=28))),
            tag("td", evidence(one.strongest)),
            tag(
                "td", f"{metric_name(one.strongest.column.metric)} {number(one.strongest.reading.value)}", class_="num"
            ),
            tag("td", pill(("ok", "warning", "critical")[one.strongest.level])),
            class_=("", "minor", "major")[one.strongest.level],
        )
        for one in movers[:LISTED]
    ]
    table = tag("table", tag("thead", head), tag("tbody", body), class_="ranked")
    return tag(
        "section",
        tag("h1", "Two data frames"),
        tag("p", said, class_="lead"),
        tiles(
            tile("Reference", count(rows[0]), "rows"),
            tile("Now", count(rows[1]), "rows"),
            tile("Moved", str(len(drifted)), f"of {len(movers)}"),
        ),
        tag("div", table, class_="scroll"),
        key(("ref", "reference"), ("cur", "now"), ("sure", "surely"), ("likely", "possibly"), ("limit", "threshold")),
    )
