"""What is posted to /api/v1/actions and read there, in OpenAPI 3.1."""

from __future__ import annotations

from typing import Any, get_args

from operators.actions.event import ActionState
from operators.settings.actions import ActionName

TEXT: dict[str, Any] = {"type": "string", "maxLength": 2_000}
LINE: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 200}

SAID: dict[str, dict[str, Any]] = {
    "by": {**LINE, "description": "who says so; the user of http.auth, if it is left out"},
    "reason": {**TEXT, "description": "in words, kept with the action"},
    "id": {**LINE, "description": "of the message: the same id again changes nothing"},
    "timestamp": {
        "type": "string",
        "format": "date-time",
        "description": "when this was said; refused if that is more than five minutes away from now",
    },
}

REFUSALS = {
    "400": "The body is none of these, or there is no such model, or it asks for no actions.",
    "401": "http.auth says who may say this; a signature does not count, or is too old.",
    "403": "The config has no http.auth, or the receiver of a webhook says what it may not.",
    "404": "No action has this id, or several begin so.",
    "409": "The action is over, or was only tried; nobody waits for an approval; the message is old.",
    "411": "A body with its Content-Length is needed.",
    "413": "The body is too large.",
    "415": "Content-Type: application/json is needed.",
    "503": "Kafka does not answer.",
}
AS_TEXT = frozenset({"411", "413"})


def _refusal(status: str, why: str) -> dict[str, Any]:
    if status in AS_TEXT:
        return {"description": why, "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"description": why, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}


def _post(
    summary: str,
    required: tuple[str, ...] = (),
    *,
    signed: bool = False,
    number: bool = True,
    more: dict[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A word; `required` of its fields must be there, `signed` may come from a webhook's receiver."""
    form = {
        "type": "object",
        "properties": {**(more or {}), **SAID},
        "required": list(required),
        "additionalProperties": False,
    }
    action = {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "of the action; its first digits are enough",
        "schema": {"type": "string", "minLength": 4},
    }
    said = {"application/json": {"schema": {"$ref": "#/components/schemas/Word"}}}
    operation: dict[str, Any] = {
        "summary": summary,
        "parameters": [action] if number else [],
        "requestBody": {"required": bool(required), "content": {"application/json": {"schema": form}}},
        "responses": {
            "202": {"description": "Said on the control topic, as it is shown.", "content": said},
            **{status: _refusal(status, why) for status, why in REFUSALS.items()},
        },
        "security": [{"bearer": []}, {"basic": []}, *([{"webhook": []}] if signed else [])],
    }
    return {"post": operation}


OUTCOME = {
    "version": {**LINE, "description": "that came of it"},
    "gain": {"type": "number", "description": "how much better that is, in the metric's unit"},
}
REQUEST = {
    "action": {"enum": list(get_args(ActionName)), "description": "what is asked for"},
    "model": {**LINE, "description": "of which model"},
    "version": {**LINE, "description": "that it is about; the newest, if it is left out"},
}

PATHS: dict[str, Any] = {
    "/actions/request": _post("Ask for an action.", ("action", "model"), number=False, more=REQUEST),
    "/actions/{id}/approve": _post("Agree to an action that waits for it."),
    "/actions/{id}/cancel": _post("Give an action up."),
    "/actions/{id}/done": _post("Say that an action is done.", signed=True, more=OUTCOME),
    "/actions/{id}/fail": _post("Say that an action has failed: ActionFailed fires.", signed=True),
}

READ_REFUSALS = {
    "400": "The query is wrong.",
    "404": "No action has this id, several begin so, or there is no topic of actions.",
    "503": "Kafka does not answer.",
}


def _read(summary: str, schema: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    answers = {status: _refusal(status, why) for status, why in READ_REFUSALS.items()}
    answers = {"200": {"description": "As they are in the topic.", "content": content}, **answers}
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": answers}}


def _by(name: str, text: str, *choices: str) -> dict[str, Any]:
    form: dict[str, Any] = {"type": "string", **({"enum": list(choices)} if choices else {})}
    return {"name": name, "in": "query", "required": False, "description": text, "schema": form}


ACTION_STATES: tuple[str, ...] = get_args(ActionState)
READS: dict[str, Any] = {
    "/actions": _read(
        "Actions by their latest step, the one requested first in front; of more than 500 the youngest. The same as: "
        "driftgauge action list --json",
        "Actions",
        _by("model", "only of this model"),
        _by("action", "only of this kind", *get_args(ActionName)),
        _by(
            "state", "open if it is left out; past: over, refused or only tried", "open", "past", "all", *ACTION_STATES
        ),
    ),
    "/actions/{id}": _read(
        "One action with all its steps. The same as: driftgauge action show",
        "ActionLife",
        {
            "name": "id",
            "in": "path",
            "required": True,
            "description": "of the action; its first digits are enough",
            "schema": {"type": "string", "minLength": 4},
        },
    ),
}

_STEP_TEXT: dict[str, Any] = {"type": "string"}
_STEP_MAYBE: dict[str, Any] = {"type": ["string", "null"]}
_STEP_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_STEP_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
_STEP_NAMES: dict[str, Any] = {"type": "array", "items": _STEP_TEXT}
_STEP_FIELDS: dict[str, Any] = {
    **dict.fromkeys(("id", "event_id", "action", "model", "version", "trigger", "reason"), _STEP_TEXT),
    **dict.fromkeys(("target_version", "cause", "block_reason", "approved_by", "connector"), _STEP_MAYBE),
    **dict.fromkeys(("requested_at", "complete_by", "event_time", "emitted_at"), _STEP_TIME),
    **dict.fromkeys(("causes", "via"), _STEP_NAMES),
    "state": {"enum": list(ACTION_STATES)},
    "sequence": {"type": "integer"},
    "dry_run": {"type": "boolean"},
    "probability": {**_STEP_NUMBER, "description": "of need, where that asked for it"},
    "data": {"type": ["object", "null"], "description": "what to train on: from, until, exclude, command"},
    "outcome": {"type": ["object", "null"], "description": "what came of it: version, gain, lower, upper, detail"},
}

READ_SCHEMAS: dict[str, Any] = {
    "Action": {"type": "object", "properties": _STEP_FIELDS, "required": list(_STEP_FIELDS)},
    "Actions": {
        "type": "object",
        "properties": {
            "actions": {"type": "array", "items": {"$ref": "#/components/schemas/Action"}},
            "found": {"type": "integer", "description": "how many there are"},
        },
        "required": ["actions", "found"],
    },
    "ActionLife": {
        "type": "object",
        "properties": {
            "action": {"$ref": "#/components/schemas/Action"},
            "steps": {"type": "array", "items": {"$ref": "#/components/schemas/Action"}},
        },
        "required": ["action", "steps"],
    },
}

WORD: dict[str, Any] = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in ("id", "kind", "model", "action", "by", "reason", "timestamp")},
        "version": {"type": "string", "description": "of a request that names one"},
        "connector": {"type": "string", "description": "whose webhook said it"},
        "outcome": {
            "type": "object",
            "properties": {
                "version": {"type": ["string", "null"]},
                "gain": {"type": ["number", "null"]},
                "detail": {"type": ["string", "null"]},
            },
        },
        "counts_within": {"type": "string", "description": "how long it takes until it counts, such as 15s"},
    },
    "required": ["id", "kind", "model", "action", "by", "reason", "timestamp", "counts_within"],
}

SECURITY: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "http.auth.token of the config"},
    "basic": {"type": "http", "scheme": "basic", "description": "http.auth.username and password of the config"},
    "webhook": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "for the receiver of a webhook connector with a secret: signed with it after Standard Webhooks, "
        "as what it was sent (webhook-id, webhook-timestamp), about actions that go through that connector. A "
        "webhook-id counts once.",
    },
}
