"""What is posted to /api/v1/actions, in OpenAPI 3.1."""

from __future__ import annotations

from typing import Any, get_args

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
