"""How a model does: its predictions, its service, its quality by labels and by estimate, over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from operators.settings.alerts import of_chart
from operators.settings.metrics import CHARTED
from operators.tables import Kind
from stream.history.frame import Column
from stream.web.charts.histogram import histogram
from stream.web.charts.lines import Limit, Line, LineChart, line_chart
from stream.web.html import Html, tag
from stream.web.judged import judge
from stream.web.text import metric_name, moment, number, pace, percent
from stream.web.views.parts import key, points_of, section, sentence, shades_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.history.frame import Frame
    from stream.web.knowledge import Knowledge, Span
    from stream.web.lives import AlertLife


def predictions_section(knowledge: Knowledge, model: str, span: Span, lives_: Sequence[AlertLife]) -> Html:
    """What is predicted, then and now, and its distances over time."""
    plan = knowledge.plans[model]
    windows = knowledge.windows(model, "predictions")
    if plan.layout.prediction is None or not windows:
        return Html("")
    latest = {frame.size: frame for frame in knowledge.past.latest(model) if frame.source == "predictions"}
    pictures, charts = [], []
    for size, text in windows[-1:]:
        picture = knowledge.picture(model, "prediction", span.version, size)
        pictures += [
            tag("h3", f"Then and now, over {text}"),
            histogram(picture),
            key(("ref", "reference"), ("cur", "now")),
        ]
    for metric in ("psi", "ks"):
        found = _distance(knowledge, model, Kind.PREDICTION, metric, latest, span, lives_)
        charts += found
    return section(
        "Predictions", tag("div", tag("div", pictures), tag("div", charts), class_="two"), name="predictions"
    )


def _distance(
    knowledge: Knowledge,
    model: str,
    kind: Kind,
    metric: str,
    latest: dict[int, Frame],
    span: Span,
    lives_: Sequence[AlertLife],
) -> list[Html]:
    """One distance of the predictions over time, of its longest window that is judged."""
    column = Column(str(kind), metric, span.version, "", "prediction")
    for size in sorted(latest, reverse=True):
        frame = latest[size]
        found = next(
            (one for one in frame.places if one[:2] == column[:2] and one.version == span.version and not one.segment),
            None,
        )
        rules = knowledge.rules(model).of(str(kind), metric, size)
        if found is None or not rules or (reading := frame.reading(found)) is None:
            continue
        one = judge(found, frame.window, reading, rules[0])
        points = points_of(knowledge.past.series(model, "predictions", size, span.since, span.until), found)
        limits = tuple(
            Limit(name, at, name) for name, at in (("minor", one.minor), ("major", one.major)) if at is not None
        )
        chart = LineChart(
            f"{metric_name(metric)} of the predictions over {frame.window}",
            (Line(metric_name(metric), points),),
            span.since,
            span.until,
            limits,
            shades_of(lives_, span, of_chart("predictions")),
            height=110,
            anchored=True,
        )
        return [
            tag("h3", f"{metric_name(metric)} over {frame.window}"),
            line_chart(chart),
            tag("p", sentence(one), class_="note"),
        ]
    return []


def service_section(knowledge: Knowledge, model: str, span: Span, lives_: Sequence[AlertLife]) -> Html:
    """Latency, availability and traffic over time, over the shortest window."""
    windows = knowledge.windows(model, "predictions")
    if not windows:
        return Html("")
    size, text = windows[0]
    series = knowledge.past.series(model, "predictions", size, span.since, span.until)

    def points(metric: str) -> tuple[Line, ...]:
        found = points_of(series, Column(str(Kind.SERVICE), metric, span.version, "", ""))
        return (Line(metric_name(metric), found, "cur", band=False),) if found else ()

    quantiles = tuple(
        Line(metric_name(metric), found, style, band=False)
        for metric, style in (("latency_p50_ms", "p50"), ("latency_p95_ms", "p95"), ("latency_p99_ms", "p99"))
        if (found := points_of(series, Column(str(Kind.SERVICE), metric, span.version, "", "")))
    )
    shades = shades_of(lives_, span, of_chart("service"))
    limits = {
        monitor.metric: (Limit("objective", monitor.major, "major"),)
        for monitors in (knowledge.rules(model).all())
        for monitor in monitors
        if monitor.objective and monitor.major is not None and monitor.kind == Kind.SERVICE
    }
    charts = []
    for name, lines, metric, shown, floor in (
        ("Latency", quantiles, "latency_p99_ms", _ms, 0.0),
        ("Availability", points("availability"), "availability", _share, None),
        ("Traffic", points("throughput"), "throughput", pace, 0.0),
    ):
        if lines:
            chart = LineChart(
                f"{name} of {model}",
                lines,
                span.since,
                span.until,
                limits.get(metric, ()),
                shades,
                110,
                shown,
                floor,
                ceiling=1.0 if metric == "availability" else None,
            )
            charts.append(tag("div", tag("h3", f"{name}, over {text}"), line_chart(chart)))
    legend = key(("p50", "p50"), ("p95", "p95"), ("p99", "p99")) if quantiles else ""
    return section("Service", tag("div", charts, class_="three"), legend, name="service")


def _ms(value: float) -> str:
    return f"{number(value)} ms"


def _share(value: float) -> str:
    return percent(value, 4)


def performance_section(knowledge: Knowledge, model: str, span: Span, lives_: Sequence[AlertLife]) -> Html:
    """Realised and estimated quality over time, by cohort, with what it is held against."""
    plan = knowledge.plans[model]
    windows = knowledge.windows(model, "labels")
    estimated = _estimates(knowledge, model, span)
    if not windows and not estimated:
        why = (
            "No labels are awaited: `performance:` of the model says how they come, and how good it must be."
            if plan.settings.performance is None
            else "No cohort is old enough for its labels yet."
        )
        return section("Performance", tag("p", why, class_="empty"), name="performance")
    size = windows[0][0] if windows else 0
    series = knowledge.past.series(model, "labels", size, span.since, span.until) if windows else []
    latest = next((frame for frame in knowledge.past.latest(model) if frame.source == "labels"), None)
    charts = [
        tag("div", tag("h3", _performance_title(metric, windows)), line_chart(chart), _compared(latest, metric, span))
        for metric, chart in _performance_charts(knowledge, model, span, series, latest, estimated, lives_)
    ]
    legend = key(("cur", "by labels"), ("est", "estimated without labels"), ("limit", "limit"))
    return section(
        "Performance",
        tag("div", charts, class_="three"),
        legend,
        name="performance",
        note="By the time of the prediction: a cohort is judged once its labels are due.",
    )


def _performance_title(metric: str, windows: Sequence[tuple[int, str]]) -> str:
    return f"{metric_name(metric)}, over {windows[0][1]}" if windows else metric_name(metric)


MOST_CHARTS = 9
"""Those with a rule come first."""


def _performance_charts(
    knowledge: Knowledge,
    model: str,
    span: Span,
    series: Sequence[Frame],
    latest: Frame | None,
    estimated: dict[str, Line],
    lives_: Sequence[AlertLife],
) -> list[tuple[str, LineChart]]:
    measured = (
        set()
        if latest is None
        else {
            column.metric for column, _ in latest.readings() if column.kind == Kind.PERFORMANCE and not column.segment
        }
    )
    ruled = {
        monitor.metric
        for monitors in knowledge.rules(model).all()
        for monitor in monitors
        if monitor.kind in {Kind.COMPARISON, Kind.PERFORMANCE}
    }
    wanted = [metric for metric in CHARTED if metric in measured | estimated.keys()]
    wanted.sort(key=lambda metric: metric not in ruled)
    shades = shades_of(lives_, span, of_chart("quality"))
    found = []
    for metric in wanted[:MOST_CHARTS]:
        points = points_of(series, Column(str(Kind.PERFORMANCE), metric, span.version, "", ""))
        lines = (Line("by labels", points),) if points else ()
        if metric in estimated:
            lines = (estimated[metric], *lines)
        limits = _limits(knowledge, model, metric, latest, span)
        chart = LineChart(
            f"{metric_name(metric)} of {model}", lines, span.since, span.until, limits, shades, 110, floor=None
        )
        found.append((metric, chart))
    return found


def _estimates(knowledge: Knowledge, model: str, span: Span) -> dict[str, Line]:
    """Metric -> its estimate over time, over the longest window of predictions that has one."""
    found: dict[str, Line] = {}
    for frame in knowledge.past.latest(model):
        if frame.source != "predictions":
            continue
        columns = [
            one
            for one in frame.columns
            if one.kind == Kind.ESTIMATE and one.version == span.version and not one.segment
        ]
        if not columns:
            continue
        series = knowledge.past.series(model, "predictions", frame.size, span.since, span.until)
        for column in columns:
            points = points_of(series, column)
            if points:
                found[column.metric.removeprefix("estimated_")] = Line("estimated", points, "est")
    return found


def _limits(knowledge: Knowledge, model: str, metric: str, latest: Frame | None, span: Span) -> tuple[Limit, ...]:
    """The baseline and the limits that follow from it."""
    if latest is None:
        return ()
    found = []
    for kind in (Kind.COMPARISON, Kind.PERFORMANCE):
        column = Column(str(kind), metric, span.version, "", "")
        reading = latest.reading(column)
        for monitor in knowledge.rules(model).of(str(kind), metric, latest.size):
            if reading is None:
                continue
            one = judge(column, latest.window, reading, monitor)
            if not math.isnan(reading.baseline):
                found.append(Limit("baseline", reading.baseline, "base"))
            found += [
                Limit(name, at, name) for name, at in (("minor", one.minor), ("major", one.major)) if at is not None
            ]
    return tuple(dict.fromkeys(found))


def _compared(latest: Frame | None, metric: str, span: Span) -> Html:
    reading = None if latest is None else latest.reading(Column(str(Kind.PERFORMANCE), metric, span.version, "", ""))
    if reading is None or latest is None:
        return tag("p", "No labels yet: the estimate alone.", class_="note")
    interval = f" (interval {number(reading.lower)} to {number(reading.upper)})" if math.isfinite(reading.lower) else ""
    return tag(
        "p",
        f"{number(reading.value)}{interval} of {reading.samples:,.0f} predictions up to {moment(latest.end)}",
        class_="note",
    )
