"""What the page reads, as JSON, for others: /api/v1/..., described by /api/v1/openapi.json."""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from stream.web.clears import clears
from stream.web.openapi import DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operators.alerts.event import AlertEvent
    from stream.web.judged import Judged, Mover
    from stream.web.knowledge import Knowledge
    from stream.web.lives import AlertLife
    from stream.web.pictures import Picture
    from stream.web.standing import Standing
    from stream.web.views.alert import Outside

MOST_POINTS = 5_000


class ApiError(ValueError):
    """There is no such thing, or it is asked for in a wrong way."""

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.NOT_FOUND) -> None:
        super().__init__(message)
        self.status = status


class Reloads(Protocol):
    """How often the config was read again, what came of the latest time, and whether it was refused."""

    count: int
    said: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Now:
    """What an answer knows beside the models: see Site."""

    revision: int
    problems: Sequence[str]
    outside: Outside
    reloads: Reloads | None = None


def answer(knowledge: Knowledge, parts: Sequence[str], query: Mapping[str, str], now: Now) -> Any:
    """What is asked for, as JSON values.

    Raises:
        ApiError: it does not exist, or the query is wrong.
    """
    match tuple(parts):
        case ("openapi.json",):
            found: Any = DESCRIPTION
        case ("state",):
            found = _state(knowledge, now)
        case ("models", *which):
            found = _models(knowledge, which, query)
        case ("alerts",):
            found = {"alerts": [_life(life) for life in _chosen(knowledge, query)]}
        case ("alerts", key):
            found = _alert(knowledge, key, now.outside)
        case _:
            raise ApiError(NO_PAGE)
    return found


NO_PAGE = "no such page; /api/v1/openapi.json says what there is"


def _models(knowledge: Knowledge, which: list[str], query: Mapping[str, str]) -> dict[str, Any]:
    """All models, one, or a part of one."""
    match which:
        case []:
            return {"models": [_standing(one) for one in knowledge.standings()]}
        case [model]:
            return _model(knowledge, _known(knowledge, model), query)
        case [model, "features", feature]:
            return _feature(knowledge, _known(knowledge, model), feature, query)
        case [model, "series"]:
            return _series(knowledge, _known(knowledge, model), query)
    raise ApiError(NO_PAGE)


def _alert(knowledge: Knowledge, key: str, outside: Outside) -> dict[str, Any]:
    life = knowledge.life(key)
    if life is None:
        raise ApiError(f"no alert {key!r} is known")
    lines = [{"place": line.place, "text": line.text} for line in outside.config(life.last)]
    return {
        **_life(life),
        "events": [event_json(event) for event in life.events],
        "decided_by": lines,
        "clears": clears(life.last, knowledge.resolve_after),
    }


def _known(knowledge: Knowledge, model: str) -> str:
    if model not in knowledge.plans:
        raise ApiError(f"no model {model!r}; there are {', '.join(list(knowledge.plans)[:20])}")
    return model


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _state(knowledge: Knowledge, now: Now) -> dict[str, Any]:
    """Cheap: what a page asks for every other second."""
    ends = [end for model in knowledge.plans if (end := knowledge.end_of(model)) is not None]
    not_ready = () if knowledge.live is None else knowledge.live.not_ready()
    reloads = now.reloads
    return {
        "revision": now.revision,
        "watermark": max(ends, default=None),
        "ready": not not_ready,
        "problems": [*now.problems, *not_ready],
        "reload": None
        if reloads is None
        else {"count": reloads.count, "said": reloads.said, "refused": reloads.refused},
    }


def _standing(one: Standing) -> dict[str, Any]:
    return {
        "model": one.model,
        "state": one.state,
        "why": one.why,
        "version": one.version,
        "versions": list(one.versions),
        "firing": [_life(life) for life in one.firing],
        "moved": [_mover(mover) for mover in one.moved[:5]],
        "predictions_per_second": _number(one.rate),
        "latency_p99_ms": _number(one.p99),
        "performance": None
        if one.performance is None
        else {"metric": one.performance[0], "value": _number(one.performance[1])},
        "watermark": one.watermark,
        "blind_streams": one.blind,
    }


def _model(knowledge: Knowledge, model: str, query: Mapping[str, str]) -> dict[str, Any]:
    one = knowledge.standing(model)
    version = query.get("version", one.version)
    moved = one.moved if version == one.version else knowledge.moved(model, version)
    windows = {source: [text for _, text in knowledge.windows(model, source)] for source in ("predictions", "labels")}
    return {
        **_standing(one),
        "moved": [_mover(mover) for mover in moved],
        "windows": windows,
        "retraining": _retraining(knowledge, model),
    }


def _retraining(knowledge: Knowledge, model: str) -> dict[str, Any] | None:
    """What is known of it now; None for what no monitor runs on."""
    if knowledge.live is None:
        return None
    known = knowledge.live.retraining(model)
    return {
        "need": [
            {"version": one.version, "probability": _number(one.probability), "source": one.source}
            for one in known.forecasts
        ],
        "scores": [
            {"source": one.source, "brier": _number(one.brier), "base_rate_brier": _number(one.base)}
            for one in known.scores
        ],
        "decided": known.decided,
        "last": known.last,
        "next": known.following,
        "this_month": dict(known.in_month),
        "open": dict(known.open),
        "overdue": dict(known.overdue),
    }


def _feature(knowledge: Knowledge, model: str, feature: str, query: Mapping[str, str]) -> dict[str, Any]:
    if feature not in knowledge.fields(model):
        raise ApiError(f"{model} has no feature {feature!r}")
    span = knowledge.span(model, query.get("version", ""))
    mover = knowledge.measures(model, feature, span.version)
    windows = {text: size for size, text in knowledge.windows(model, "predictions")}
    fallback = "" if mover is None else mover.strongest.window
    window = query.get("window", fallback)
    if window and window not in windows:
        raise ApiError(f"no window {window!r}; there are {', '.join(windows)}", HTTPStatus.BAD_REQUEST)
    picture = knowledge.picture(model, feature, span.version, windows.get(window, 0))
    return {
        "model": model,
        "feature": feature,
        "version": span.version,
        "window": window,
        "histogram": _picture(picture),
        "measures": [] if mover is None else [_judged(one) for one in mover.numbers],
    }


def _picture(picture: Picture) -> dict[str, Any]:
    return {
        "kind": "numeric" if picture.numeric else "categorical",
        "edges": None if picture.edges is None else picture.edges.tolist(),
        "names": list(picture.names),
        "reference": picture.reference.tolist(),
        "current": None if picture.current is None else picture.current.tolist(),
        "reference_rows": picture.before.rows,
        "current_rows": None if picture.now is None else picture.now.rows,
        "quantiles": [
            {"share": share, "reference": _number(before), "current": _number(now)}
            for share, before, now in picture.quantiles
        ],
        "missing": {
            "reference": picture.before.missing,
            "current": None if picture.now is None else picture.now.missing,
        },
    }


def _mover(mover: Mover) -> dict[str, Any]:
    return {"feature": mover.feature, "strongest": _judged(mover.strongest)}


def _judged(one: Judged) -> dict[str, Any]:
    reading = one.reading
    return {
        "kind": one.column.kind,
        "metric": one.column.metric,
        "version": one.column.version,
        "segment": one.column.segment,
        "feature": one.column.feature,
        "window": one.window,
        "value": _number(reading.value),
        "lower": _number(reading.lower),
        "upper": _number(reading.upper),
        "samples": _number(reading.samples),
        "minor": one.minor,
        "major": one.major,
        "level": ("ok", "minor", "major")[one.level],
        "of_threshold": _number(one.lower),
    }


def _series(knowledge: Knowledge, model: str, query: Mapping[str, str]) -> dict[str, Any]:
    """Columns over time, of one window."""
    source = query.get("source", "predictions")
    if source not in {"predictions", "labels"}:
        raise ApiError("source is predictions or labels", HTTPStatus.BAD_REQUEST)
    windows = {text: size for size, text in knowledge.windows(model, source)}  # type: ignore[arg-type]
    window = query.get("window", next(iter(windows), ""))
    if window not in windows:
        raise ApiError(f"no window {window!r}; there are {', '.join(windows)}", HTTPStatus.BAD_REQUEST)
    span = knowledge.span(model, query.get("version", ""), query.get("range", ""))
    frames = knowledge.past.series(model, source, windows[window], span.since, span.until)  # type: ignore[arg-type]
    names = [name for name in ("kind", "metric", "version", "feature") if name in query]
    found: dict[tuple[str, ...], list[list[float | None]]] = {}
    total = 0
    for frame in frames:
        for column, reading in frame.readings():
            if all(getattr(column, name) == query[name] for name in names):
                numbers = [float(frame.end), *(_number(value) for value in reading[:4])]
                found.setdefault((column.kind, column.metric, column.version, column.feature), []).append(numbers)
                total += 1
        if total > MOST_POINTS * 20:
            raise ApiError("too many values: name kind, metric, version or feature", HTTPStatus.BAD_REQUEST)
    return {
        "model": model,
        "source": source,
        "window": window,
        "numbers": ["end", "value", "lower", "upper", "samples"],
        "series": [
            {"kind": kind, "metric": metric, "version": version, "feature": feature, "points": points[-MOST_POINTS:]}
            for (kind, metric, version, feature), points in found.items()
        ],
    }


def _chosen(knowledge: Knowledge, query: Mapping[str, str]) -> list[AlertLife]:
    lives = knowledge.lives(query.get("model"))
    state = query.get("state")
    if state not in {None, "firing", "resolved"}:
        raise ApiError("state is firing or resolved", HTTPStatus.BAD_REQUEST)
    if state is not None:
        lives = [life for life in lives if (life.ended_at is None) == (state == "firing")]
    return lives[:500]


def _life(life: AlertLife) -> dict[str, Any]:
    last = event_json(life.last)
    return {
        "key": life.key,
        "ended_at": life.ended_at,
        **{name: value for name, value in last.items() if name != "ended_at"},
    }


def event_json(event: AlertEvent) -> dict[str, Any]:
    """An alert event; times are epoch ms, numbers that are none are null."""
    names = (
        "id",
        "fingerprint",
        "alert",
        "state",
        "severity",
        "model",
        "version",
        "segment",
        "monitor",
        "metric",
        "samples",
        "reason",
        "started_at",
        "ended_at",
        "event_time",
        "runbook_url",
    )
    found: dict[str, Any] = {name: getattr(event, name) for name in names}
    found |= {name: _number(getattr(event, name)) for name in ("value", "lower", "upper", "threshold")}
    found["window"] = {"size": event.window.size, "start": event.window.start, "end": event.window.end}
    found["causes"] = [
        {"feature": cause.feature, "metric": cause.metric, "value": _number(cause.value), "share": cause.share}
        for cause in event.causes
    ]
    return found
