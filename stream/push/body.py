"""Alerts as Alertmanager's v2 API takes them. Labels are identity and never carry a measured value; annotations do."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from operators.alerts.links import EVERYTHING, MODEL_PAGE
from stream.rules.options import SERVICE, WITH_RUNBOOK
from stream.rules.texts import summary_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operators.alerts.event import AlertEvent
    from stream.config.load import Config
    from stream.push.board import Entry, View

MOST = 256
"""Alerts in one request."""

CAUSES = 10
"""Causes that are written out; the event has them all."""

VIA = "push"
"""Label `via`: beside the same alert from Prometheus it is another one of its group, and neither ends the other."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What alerts say beside their events.

    Attributes:
        runbooks: address of their directory.
        dashboards: address of Grafana; empty where it is not known.
        topic: of the alert events.
    """

    runbooks: str
    dashboards: str
    topic: str


def texts_of(config: Config) -> Texts:
    """What a config says of them."""
    alerting = config.alerting
    dashboards = alerting.dashboard_url or ""
    return Texts(alerting.runbook_base_url.rstrip("/"), dashboards.rstrip("/"), config.topics.alerts)


def requests(view: View, expires_at: int, texts: Texts) -> Iterator[list[dict[str, Any]]]:
    """What to post, one request after the other.

    The whole of a version comes before its segments: the first alert of a group is the title of its page.

    Args:
        view: what fires and what has ended.
        expires_at: ms; what fires ends then, unless it is sent again.
        texts: beside the events.
    """
    entries = (*view.ended, *view.firing)
    yield from _parts([entry for entry in entries if not entry.labels[2]], expires_at, texts)
    yield from _parts([entry for entry in entries if entry.labels[2]], expires_at, texts)


def _parts(entries: Sequence[Entry], expires_at: int, texts: Texts) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(entries), MOST):
        yield [_alert(entry, expires_at, texts) for entry in entries[start : start + MOST]]


def _alert(entry: Entry, expires_at: int, texts: Texts) -> dict[str, Any]:
    model, version, segment, alert, severity, *beside = entry.labels
    labels = {"alertname": alert, "model": model, "version": version, "segment": segment, "severity": severity}
    dashboard = _dashboard(texts, model, version, segment)
    page = alert if alert in WITH_RUNBOOK else "README"
    return {
        "labels": {
            **dict(zip(beside[::2], beside[1::2], strict=True)),
            **{name: value for name, value in labels.items() if value},
            "service": SERVICE,
            "via": VIA,
        },
        "annotations": {
            "summary": summary_of(alert, model, version, segment),
            "description": "\n".join([*_described(entry.event), f"All causes: the event in topic {texts.topic}."]),
            **_measured(entry.event),
            "runbook_url": f"{texts.runbooks}/{page}.md",
            **({"dashboard_url": dashboard} if dashboard else {}),
        },
        "startsAt": _rfc3339(entry.started_at),
        "endsAt": _rfc3339(expires_at if entry.ended_at is None else entry.ended_at),
        **({"generatorURL": dashboard} if dashboard else {}),
    }


def _dashboard(texts: Texts, *chosen: str) -> str:
    """Without a time range, which Alertmanager's templates add; empty where Grafana is not known."""
    if not texts.dashboards:
        return ""
    named = zip(("model", "version", "segment"), chosen, strict=True)
    variables = "&".join(f"var-{name}={quote_plus(value) if value else EVERYTHING}" for name, value in named)
    return f"{texts.dashboards}/d/{MODEL_PAGE}?{variables}"


def _described(event: AlertEvent | None) -> Iterator[str]:
    if event is None:
        yield "It fired before driftgauge was started."
        return
    yield event.reason
    causes = [f"{cause.feature} ({cause.metric} {cause.value:.3g})" for cause in event.causes if cause.feature]
    if not causes and len(event.causes) > 1:
        causes = [f"{cause.metric} {cause.value:.3g}" for cause in event.causes]
    if causes:
        more = f" and {len(causes) - CAUSES} more" if len(causes) > CAUSES else ""
        yield f"Causes: {'; '.join(causes[:CAUSES])}{more}."


def _measured(event: AlertEvent | None) -> dict[str, str]:
    if event is None:
        return {}
    numbers = {"value": event.value, "lower": event.lower, "upper": event.upper, "threshold": event.threshold}
    known = {name: f"{number:.6g}" for name, number in numbers.items() if isfinite(number)}
    return {"metric": event.metric, **known, "window": event.window.size}


def _rfc3339(ms: int) -> str:
    return dt.datetime.fromtimestamp(ms / 1e3, dt.UTC).isoformat(timespec="milliseconds")
