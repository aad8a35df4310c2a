# ruff: noqa: INP001 - scripts beside what they write, no package
"""Panels and their queries, as Grafana's JSON has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
LINE = "rgba(110, 110, 110, 0.9)"
SEVERITIES = {1: ("info", "blue"), 2: ("warning", "orange"), 3: ("critical", "red")}
"""What a firing alert is drawn as: its severity as a number, so that it has a colour."""


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression of a panel: a `series` over time, or what is `now`: as such, as a `table`, as `buckets`."""

    expr: str
    legend: str = "__auto"
    form: str = "series"

    def target(self, ref: str) -> Json:
        """As a panel's target."""
        instant = self.form != "series"
        formats = {"table": "table", "buckets": "heatmap"}
        return {
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "format": formats.get(self.form, "time_series"),
            "instant": instant,
            "legendFormat": self.legend,
            "range": not instant,
            "refId": ref,
        }


def panel(kind: str, title: str, text: str, queries: list[Query], **more: Any) -> Json:
    """A panel of a kind, without a place yet; `text` is what the reader learns from it."""
    fields = {"color": {"mode": "palette-classic"}, **more.pop("fields", {})}
    return {
        "type": kind,
        "title": title,
        "description": text,
        "datasource": SOURCE,
        "targets": [query.target(chr(ord("A") + at)) for at, query in enumerate(queries)],
        "fieldConfig": {"defaults": fields, "overrides": more.pop("overrides", [])},
        **more,
    }


def steps(*pairs: tuple[float | None, str]) -> Json:
    """Colours by value: from each number on that colour; the first number is None."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in pairs]}


def lines(title: str, text: str, queries: list[Query], unit: str = "short", **fields: Any) -> Json:
    """Lines over time. Series named `limit ...` or `objective ...` are drawn dashed and grey."""
    stacked = fields.pop("stacked", False)
    custom: Json = {"lineWidth": 1, "fillOpacity": 8, "showPoints": "never", "spanNulls": False}
    if stacked:
        custom |= {"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}}
    dashed = [
        {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.stacking", "value": {"mode": "none", "group": "A"}},
        {"id": "color", "value": {"mode": "fixed", "fixedColor": LINE}},
    ]
    return panel(
        "timeseries",
        title,
        text,
        queries,
        fields={"unit": unit, "custom": custom, **fields},
        overrides=[{"matcher": {"id": "byRegexp", "options": "^(limit|objective|read).*"}, "properties": dashed}],
        options={
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )


def numbers(title: str, text: str, queries: list[Query], unit: str = "short", **fields: Any) -> Json:
    """One large number a series: what it is now."""
    fields.setdefault("thresholds", steps((None, "text")))
    return panel(
        "stat",
        title,
        text,
        queries,
        fields={"unit": unit, **fields, "color": {"mode": "thresholds"}},
        options={
            "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
            "orientation": "auto",
            "textMode": "auto",
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "wideLayout": True,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
        },
    )


def bars(title: str, text: str, queries: list[Query], unit: str = "short", **fields: Any) -> Json:
    """Horizontal bars, in the order that the query gives."""
    fields.setdefault("thresholds", steps((None, "blue")))
    return panel(
        "bargauge",
        title,
        text,
        queries,
        fields={"unit": unit, "min": 0, **fields, "color": {"mode": "thresholds"}},
        options={
            "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
            "orientation": "horizontal",
            "displayMode": "basic",
            "valueMode": "color",
            "namePlacement": "left",
            "showUnfilled": True,
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 12,
            "maxVizHeight": 28,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        },
    )


def heat(title: str, text: str, query: Query, low: float, high: float, unit: str = "short") -> Json:
    """A row a series, time to the right, colours from `low` to `high`."""
    return panel(
        "heatmap",
        title,
        text,
        [query],
        fields={"custom": {"scaleDistribution": {"type": "linear"}}},
        options={
            "calculate": False,
            "cellGap": 1,
            "color": {
                "mode": "scheme",
                "scheme": "RdYlGn",
                "reverse": True,
                "steps": 64,
                "min": low,
                "max": high,
                "exponent": 0.5,
                "fill": "dark-orange",
            },
            "rowsFrame": {"layout": "auto"},
            "cellValues": {"unit": unit, "decimals": 2},
            "yAxis": {"axisPlacement": "left", "reverse": False},
            "legend": {"show": True},
            "showValue": "never",
            "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
            "filterValues": {"le": 1e-9},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
        },
    )


def alerts_over_time(title: str, text: str, matchers: str, by: str, legend: str) -> Json:
    """A row an alert, coloured by its severity while it fires."""
    drawn = {
        str(number): {"text": name, "color": colour, "index": number} for number, (name, colour) in SEVERITIES.items()
    }
    return panel(
        "state-timeline",
        title,
        text,
        [Query(f"max by ({by}) ({severity_number(matchers)})", legend)],
        fields={
            "mappings": [{"type": "value", "options": drawn}],
            "thresholds": steps((None, "text")),
            "custom": {"fillOpacity": 70, "lineWidth": 0},
            "noValue": "no alert",
            "color": {"mode": "thresholds"},
        },
        options={
            "mergeValues": True,
            "showValue": "auto",
            "alignValue": "left",
            "rowHeight": 0.8,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


def severity_number(matchers: str) -> str:
    """PromQL: 3, 2 or 1 for each alert that fires, by its severity."""
    inside = f"{matchers}, " if matchers else ""
    parts = (
        f'driftgauge_alert_active{{{inside}severity="{name}"}} * {number}'
        for number, (name, _) in sorted(SEVERITIES.items(), reverse=True)
    )
    return " or ".join(parts)


@dataclass(frozen=True, slots=True)
class Column:
    """A value column of a table: its name, its query, its unit, and from which number on it is coloured."""

    name: str
    expr: str
    unit: str = "short"
    thresholds: Json | None = None


def table(title: str, text: str, keys: dict[str, str], columns: list[Column], link: str | None = None) -> Json:
    """Instant queries side by side, joined by `keys` (label -> heading); `link` is where the first key leads."""
    names = {f"Value #{chr(ord('A') + at)}": column.name for at, column in enumerate(columns)}
    overrides = []
    for column in columns:
        properties: list[Json] = [{"id": "unit", "value": column.unit}]
        if column.thresholds is not None:
            properties += [
                {"id": "thresholds", "value": column.thresholds},
                {"id": "custom.cellOptions", "value": {"type": "color-text"}},
            ]
        overrides.append({"matcher": {"id": "byName", "options": column.name}, "properties": properties})
    if link is not None:
        target = [{"title": "Open", "url": link, "targetBlank": False}]
        first = next(iter(keys.values()))
        overrides.append(
            {"matcher": {"id": "byName", "options": first}, "properties": [{"id": "links", "value": target}]}
        )
    order = {key: at for at, key in enumerate([*keys, *names])}
    return panel(
        "table",
        title,
        text,
        [Query(column.expr, "", "table") for column in columns],
        fields={
            "color": {"mode": "thresholds"},
            "thresholds": steps((None, "text")),
            "decimals": 3,
            "custom": {"filterable": True},
        },
        overrides=overrides,
        options={"showHeader": True, "cellHeight": "sm"},
        transformations=[
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": order,
                    "renameByName": {**keys, **names},
                    "includeByName": {},
                },
            },
        ],
    )
