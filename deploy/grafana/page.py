# ruff: noqa: INP001 - scripts beside what they write, no package
"""A dashboard: its variables, and a page that places panels, as Grafana's JSON has them."""

from __future__ import annotations

from dataclasses import dataclass, field

from parts import SOURCE, Json

SCHEMA_VERSION = 42  # defaultDashboard.schemaVersion of @grafana/schema 13.2.3
WIDTH = 24


def variable(name: str, query: str, *, several: bool = False, everything: str | None = None) -> Json:
    """A variable whose values Prometheus knows; `everything` is the matcher that stands for All."""
    made: Json = {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery", "qryType": 1},
        "refresh": 2,
        "sort": 7,
        "hide": 0,
        "multi": several,
        "includeAll": everything is not None,
        "options": [],
        "skipUrlSync": False,
    }
    if everything is not None:
        made |= {"allValue": everything, "current": {"text": "All", "value": "$__all", "selected": True}}
    return made


DATA_SOURCE: Json = {
    "name": "datasource",
    "label": "Prometheus",
    "type": "datasource",
    "query": "prometheus",
    "refresh": 1,
    "hide": 0,
    "multi": False,
    "includeAll": False,
    "options": [],
    "skipUrlSync": False,
}


@dataclass(slots=True)
class Page:
    """A dashboard. Panels are placed from left to right, and on a new line where there is no room."""

    uid: str
    title: str
    text: str
    variables: list[Json]
    annotations: list[Json] = field(default_factory=list)
    _panels: list[Json] = field(default_factory=list)
    _x: int = 0
    _y: int = 0
    _line: int = 0

    def row(self, title: str) -> None:
        """A heading."""
        self._break()
        self._place({"type": "row", "title": title, "collapsed": False, "panels": []}, WIDTH, 1)

    def add(self, made: Json, width: int, height: int) -> None:
        """A panel of so many of the 24 columns, and so high."""
        if self._x + width > WIDTH:
            self._break()
        self._place(made, width, height)

    def _break(self) -> None:
        self._x, self._y, self._line = 0, self._y + self._line, 0

    def _place(self, made: Json, width: int, height: int) -> None:
        place = {"x": self._x, "y": self._y, "w": width, "h": height}
        self._panels.append({"id": len(self._panels) + 1, **made, "gridPos": place})
        self._x, self._line = self._x + width, max(self._line, height)

    def json(self) -> Json:
        """The whole dashboard."""
        links = {
            "type": "dashboards",
            "title": "driftgauge",
            "tags": ["driftgauge"],
            "asDropdown": False,
            "includeVars": False,
            "keepTime": True,
            "targetBlank": False,
            "icon": "external link",
            "tooltip": "",
            "url": "",
        }
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.text,
            "tags": ["driftgauge"],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": True,
            "graphTooltip": 1,
            "timezone": "",
            "time": {"from": "now-1h", "to": "now"},
            "refresh": "10s",
            "timepicker": {"refresh_intervals": ["5s", "10s", "30s", "1m", "5m"]},
            "links": [links],
            "annotations": {"list": self.annotations},
            "templating": {"list": [DATA_SOURCE, *self.variables]},
            "panels": self._panels,
        }
