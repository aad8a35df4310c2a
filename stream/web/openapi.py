"""What /api/v1 is, in OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from stream.web.openapi_actions import PATHS, READ_SCHEMAS, READS, SECURITY, WORD


def _parameter(name: str, text: str, *, path: bool = False, choices: tuple[str, ...] = ()) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if choices:
        schema["enum"] = list(choices)
    return {"name": name, "in": "path" if path else "query", "required": path, "description": text, "schema": schema}


def _get(summary: str, schema: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    def content(name: str) -> dict[str, Any]:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}

    answers: dict[str, Any] = {"200": {"description": summary, "content": content(schema)}}
    if parameters:
        answers["404"] = {"description": "There is none.", "content": content("Error")}
        answers["400"] = {"description": "The query is wrong.", "content": content("Error")}
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": answers}}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": ["number", "null"]}
TRUTH: dict[str, Any] = {"type": "boolean"}
WHOLE: dict[str, Any] = {"type": "integer"}
TIME: dict[str, Any] = {"type": ["number", "null"], "description": "epoch ms"}

_MODEL = _parameter("model", "name of a model", path=True)
_VERSION = _parameter("version", "of the model; the one with most traffic where it is not given")
_RANGE = _parameter("range", "span of time up to the latest window", choices=("15m", "1h", "6h", "1d", "7d", "30d"))
_WINDOW = _parameter("window", 'size of a window as in the config: "10s", "1h"')

_JUDGED = _object(
    kind=TEXT,
    metric=TEXT,
    version=TEXT,
    segment=TEXT,
    feature=TEXT,
    window=TEXT,
    value=NUMBER,
    lower=NUMBER,
    upper=NUMBER,
    samples=NUMBER,
    minor=NUMBER,
    major=NUMBER,
    level={"enum": ["ok", "minor", "major"]},
    of_threshold={**NUMBER, "description": "the bound nearer to good, as a multiple of the threshold that pages"},
)
_EVENT: dict[str, dict[str, Any]] = {
    **dict.fromkeys(
        ("id", "fingerprint", "alert", "model", "version", "segment", "monitor", "metric", "reason", "runbook_url"),
        TEXT,
    ),
    "state": {"enum": ["firing", "updated", "resolved"]},
    "severity": {"enum": ["info", "warning", "critical"]},
    **dict.fromkeys(("value", "lower", "upper", "threshold"), NUMBER),
    "samples": WHOLE,
    **dict.fromkeys(("started_at", "ended_at", "event_time"), TIME),
    "window": _object(size=TEXT, start=WHOLE, end=WHOLE),
    "causes": _list(_object(feature=TEXT, metric=TEXT, value=NUMBER, share=NUMBER)),
}
_STANDING: dict[str, dict[str, Any]] = {
    "model": TEXT,
    "state": {"enum": ["critical", "warning", "no data", "blind", "waiting", "ok"]},
    "why": {**TEXT, "description": "a sentence"},
    "version": {**TEXT, "description": "with most traffic"},
    "versions": _list(TEXT),
    "firing": _list(_ref("Alert")),
    "moved": _list(_object(feature=TEXT, strongest=_ref("Measure"))),
    "predictions_per_second": NUMBER,
    "latency_p99_ms": NUMBER,
    "performance": {"oneOf": [{"type": "null"}, _object(metric=TEXT, value=NUMBER)]},
    "watermark": TIME,
    "blind_streams": WHOLE,
}
_COUNTS: dict[str, Any] = {"type": "object", "additionalProperties": WHOLE}
_RETRAINING = _object(
    need=_list(
        _object(
            version=TEXT,
            probability={**NUMBER, "description": "that the metric of retrain.need will be worse by its loss"},
            source={**TEXT, "description": "default: the filter alone; learnt: corrected by what came before"},
        )
    ),
    scores=_list(_object(source=TEXT, brier=NUMBER, base_rate_brier=NUMBER)),
    decided={**WHOLE, "description": "forecasts that were scored"},
    last={**TIME, "description": "when the last retraining was completed, epoch ms"},
    next={**TIME, "description": "when the schedule comes next, epoch ms"},
    this_month={**_COUNTS, "description": "retrainings requested, by what asked for them"},
    open={**_COUNTS, "description": "actions that are not over, by name"},
    overdue={**_COUNTS, "description": "of them, those past their deadline"},
)
_BOTH = _object(reference=NUMBER, current=NUMBER)

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "driftgauge",
        "version": "1",
        "description": "What the live page reads. Fields are added, none is renamed or removed within v1. "
        "`http.auth` of the config says who may read it; without it nothing is taken that is posted.",
    },
    "servers": [{"url": "/api/v1"}],
    "paths": {
        "/state": _get("Whether anything is new; cheap, to be asked for often.", "State"),
        "/models": _get("Every model, who needs a person first; of each the five features that moved most.", "Models"),
        "/models/{model}": _get("One model, with every feature.", "Model", _MODEL, _VERSION),
        "/models/{model}/features/{feature}": _get(
            "A feature: its histogram in the reference and now, and every measure that a rule reads.",
            "Feature",
            _MODEL,
            _parameter("feature", "name of a feature", path=True),
            _VERSION,
            _WINDOW,
        ),
        "/models/{model}/series": _get(
            "Measured values over time.",
            "Series",
            _MODEL,
            _VERSION,
            _RANGE,
            _WINDOW,
            _parameter("source", "what they come from", choices=("predictions", "labels")),
            _parameter("kind", "feature, prediction, quality, service, estimate, performance, comparison, concept"),
            _parameter("metric", "such as psi"),
            _parameter("feature", "name of a feature"),
        ),
        "/alerts": _get(
            "Alerts by their latest event, at most 500, the youngest first.",
            "Alerts",
            _parameter("model", "name of a model"),
            _parameter("state", "whether it fires still", choices=("firing", "resolved")),
        ),
        "/alerts/{key}": _get(
            "One alert with all its events.",
            "AlertLife",
            _parameter("key", "`key` of an alert, or the id of one of its events", path=True),
        ),
        **READS,
        **PATHS,
    },
    "components": {
        "securitySchemes": SECURITY,
        "schemas": {
            "Error": _object(error=TEXT),
            "Word": WORD,
            **READ_SCHEMAS,
            "State": _object(
                revision=WHOLE,
                watermark=TIME,
                ready=TRUTH,
                problems=_list(TEXT),
                reload={"oneOf": [{"type": "null"}, _object(count=WHOLE, said=TEXT, refused=TRUTH)]},
            ),
            "Models": _object(models=_list(_ref("Standing"))),
            "Standing": _object(**_STANDING),
            "Model": _object(
                **_STANDING,
                windows=_object(predictions=_list(TEXT), labels=_list(TEXT)),
                retraining={"oneOf": [{"type": "null"}, _ref("Retraining")]},
            ),
            "Retraining": _RETRAINING,
            "Measure": _JUDGED,
            "Feature": _object(
                model=TEXT,
                feature=TEXT,
                version=TEXT,
                window=TEXT,
                histogram=_object(
                    kind={"enum": ["numeric", "categorical"]},
                    edges={"oneOf": [{"type": "null"}, _list(NUMBER)]},
                    names=_list(TEXT),
                    reference=_list(NUMBER),
                    current={"oneOf": [{"type": "null"}, _list(NUMBER)]},
                    reference_rows=WHOLE,
                    current_rows=NUMBER,
                    quantiles=_list(_object(share=NUMBER, reference=NUMBER, current=NUMBER)),
                    missing=_BOTH,
                ),
                measures=_list(_ref("Measure")),
            ),
            "Series": _object(
                model=TEXT,
                source=TEXT,
                window=TEXT,
                numbers=_list(TEXT),
                series=_list(_object(kind=TEXT, metric=TEXT, version=TEXT, feature=TEXT, points=_list(_list(NUMBER)))),
            ),
            "Alert": _object(key=TEXT, **_EVENT),
            "Alerts": _object(alerts=_list(_ref("Alert"))),
            "AlertLife": _object(
                key=TEXT,
                **_EVENT,
                events=_list(_object(**_EVENT)),
                decided_by=_list(_object(place=TEXT, text=TEXT)),
                clears={**TEXT, "description": "what would end it, in a sentence"},
            ),
        },
    },
}
