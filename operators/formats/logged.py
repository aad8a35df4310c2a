"""Logged: a request with its response, or one of them alone, as rows in the contract's own shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operators.formats.bounds import MOST_RECORDS, too_many
from operators.formats.payloads import (
    answers_in,
    common,
    member,
    missing,
    paired,
    rows_in,
    tensor_answers,
    tensor_rows,
)

if TYPE_CHECKING:
    from operators.formats.surroundings import Surroundings

Row = dict[str, Any]


def logged(root: Row, around: Surroundings) -> list[Row]:  # noqa: ARG001 - one signature for all
    """What a request and its response hold, in V1 or in tensors (V2); see `operators/formats/halves.py`."""
    if not {"request", "response"} & root.keys():
        raise missing("request", "neither a request nor a response")
    own = {name: value for name, value in root.items() if name not in {"request", "response"}}
    response = member(root, "response", {})
    answers = _answers(response) if "response" in root else None
    if "request" not in root:
        return _alone([None] if answers is None else answers, {**common(response), **own})
    request = member(root, "request")
    return paired(_rows(request), answers, {**common(request), **common(response), **own})


def _rows(request: Row) -> list[Any]:
    return tensor_rows(request["inputs"]) if _tensors(request.get("inputs")) else rows_in(request)


def _answers(response: Row) -> list[Any] | None:
    return tensor_answers(response["outputs"]) if _tensors(response.get("outputs")) else answers_in(response)


def _tensors(given: Any) -> bool:
    """Whether these are tensors, and no rows."""
    return isinstance(given, list) and bool(given) and all(isinstance(one, dict) and "shape" in one for one in given)


def _alone(answers: list[Any], about: Row) -> list[Row]:
    """Predictions of which nobody knows the features."""
    if len(answers) > MOST_RECORDS:
        raise too_many()
    ident = about.get("prediction_id")
    many = ident is not None and len(answers) > 1
    return [
        {**about, **({"prediction_id": f"{ident}/{number}"} if many else {}), "features": None, "prediction": answer}
        for number, answer in enumerate(answers)
    ]
