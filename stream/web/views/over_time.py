"""How the values of a feature themselves moved over time, from the histograms that were kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from stream.web.charts.lines import Limit, Line, LineChart, Point, line_chart
from stream.web.html import Html
from stream.web.pictures import quantiles_of, shares_of
from stream.web.text import number, percent
from stream.web.views.parts import key, section
from windows.sketches.profiles import slots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.history.archive import Stored
    from stream.web.knowledge import Knowledge, Span
    from windows.arrays import IntArray
    from windows.predictions.layout import Field

LEAST = 3
"""Histograms that make a line."""

NAMED = 5
"""Categories with a line."""


def values_over_time(knowledge: Knowledge, model: str, feature: str, span: Span) -> Html:
    """Quantiles of a numeric feature, or shares of the commonest categories; nothing where too little was kept."""
    field = knowledge.field(model, feature, span.version)
    kept = [one for one in knowledge.past.sketches(model, span.since, span.until) if one.version == span.version]
    if len(kept) < LEAST:
        return Html("")
    chart, legend = _numeric(field, kept, span) if field.numeric else _categorical(field, kept, span)
    return section(
        "Its values over time", line_chart(chart), legend, name="values", note="From the histograms that were kept."
    )


def _numeric(field: Field, kept: Sequence[Stored], span: Span) -> tuple[LineChart, Html]:
    """The median, with the middle half and nearly all around it; the same of the reference as lines across."""
    found = [(one.end, quantiles_of(field, one.counts)) for one in kept]
    middle = tuple(Point(end, at[0.5], at[0.25], at[0.75]) for end, at in found if not math.isnan(at[0.5]))
    most = tuple(Point(end, at[0.5], at[0.05], at[0.95]) for end, at in found if not math.isnan(at[0.5]))
    before = quantiles_of(field, _reference(field))
    limits = tuple(
        Limit(f"reference {name}", before[share], "base")
        for name, share in (("5 %", 0.05), ("median", 0.5), ("95 %", 0.95))
    )
    lines = (Line("5 % to 95 %", most, "ref"), Line("median, 25 % to 75 %", middle))
    chart = LineChart(
        f"quantiles of {field.name} over time",
        lines,
        span.since,
        span.until,
        limits,
        (),
        170,
        number,
        None,
        anchored=True,
    )
    return chart, key(("cur", "median and middle half"), ("ref", "5 % to 95 %"))


def _categorical(field: Field, kept: Sequence[Stored], span: Span) -> tuple[LineChart, Html]:
    found = [(one.end, shares_of(field, one.counts)) for one in kept]
    highest = {name: max(shares[name] for _, shares in found) for name in found[0][1]}
    shown = sorted(highest, key=lambda name: -highest[name])[:NAMED]
    lines = tuple(
        Line(name, tuple(Point(end, shares[name]) for end, shares in found), f"c{at}", band=False)
        for at, name in enumerate(shown)
    )
    chart = LineChart(f"shares of {field.name} over time", lines, span.since, span.until, (), (), 170, percent)
    return chart, key(*((f"c{at}", name) for at, name in enumerate(shown)))


def _reference(field: Field) -> IntArray:
    """The reference's counts where those of a sketch stand."""
    return np.concatenate((np.zeros(field.start, dtype=np.int64), slots(field.profile)))
