"""Presets: logs of serving systems, whose messages become rows in the contract's own shape before a map reads them.

Each follows the public description of its system; what a system leaves to its users (where the features are in a
request, what a response holds) is looked for in the forms that are usual, see `operators/formats/payloads.py`.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import msgspec

from operators.dead_letters import Reason
from operators.formats.bounds import MOST_RECORDS, too_many
from operators.formats.json_lines import records_in
from operators.formats.literals import parsed
from operators.formats.logged import logged
from operators.formats.packed import ASTRAY, UnreadableError
from operators.formats.payloads import (
    answers_in,
    common,
    member,
    missing,
    of_csv,
    of_text,
    paired,
    rows_in,
    tensor_answers,
    tensor_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from operators.formats.surroundings import Surroundings

Row = dict[str, Any]

OK = range(200, 300)
"""Status codes of requests that were answered."""


def cloudevents(root: Row, around: Surroundings) -> list[Row]:
    """CloudEvents 1.0 over Kafka: in structured mode an envelope in the value, in binary mode one in the headers."""
    if "specversion" in root:
        data = root.get("data")
        if "data_base64" in root:
            data = of_text(_unbased(root["data_base64"], "data_base64"), "data_base64")
        about = {"prediction_id": root.get("id"), "timestamp": root.get("time")}
    else:
        headers = {name: value for number in around.numbers for name, value in around.batch.envelopes.headers(number)}
        named = {name: headers.get(f"ce_{name}") for name in ("id", "time")}
        if "ce_id" not in headers:
            raise missing("specversion", "neither an envelope nor ce_ headers")
        decoded = {name: None if value is None else value.decode("utf-8", "replace") for name, value in named.items()}
        about, data = {"prediction_id": decoded["id"], "timestamp": decoded["time"]}, root
    if not isinstance(data, dict):
        raise missing("data", "an object is needed")
    return [{**about, **data}]


def inference_v2(root: Row, around: Surroundings) -> list[Row]:  # noqa: ARG001 - one signature for all
    """The Open Inference Protocol: tensors of a request and of its response, in one message or as its two halves."""
    request, response = member(root, "request", root), member(root, "response", root)
    about = {**common(root), **common(request), **common(response)}
    return paired(tensor_rows(request.get("inputs")), tensor_answers(response.get("outputs")), about)


def inference_v1(root: Row, around: Surroundings) -> list[Row]:  # noqa: ARG001 - one signature for all
    """The V1 protocol (also of TensorFlow Serving) and MLflow's scoring server: a request with its response."""
    request, response = member(root, "request", root), member(root, "response", root)
    about = {**common(root), **common(request), **common(response)}
    return paired(rows_in(request), answers_in(response), about)


def sagemaker(root: Row, around: Surroundings) -> list[Row]:  # noqa: ARG001 - one signature for all
    """Amazon SageMaker's data capture, and its ground truth."""
    event = member(root, "eventMetadata")
    about = {"prediction_id": event.get("eventId"), "timestamp": event.get("inferenceTime")}
    if "groundTruthData" in root:
        (label, *_) = [*_captured(member(root, "groundTruthData"), answers=True), None]
        return [{"prediction_id": event.get("eventId"), "timestamp": None, "label": label}]
    captured = member(root, "captureData")
    features = _captured(member(captured, "endpointInput"), answers=False)
    answers = _captured(member(captured, "endpointOutput"), answers=True) if "endpointOutput" in captured else None
    return paired(features, answers, about)


def _captured(part: Row, *, answers: bool) -> list[Any]:
    """The rows of an input, or the predictions of an output."""
    data, encoding = part.get("data"), str(part.get("encoding", "")).upper()
    kind = str(part.get("observedContentType") or "")
    if encoding == "BASE64":
        data = _unbased(data, "data")
        encoding = "CSV" if "csv" in kind else "JSON"
    if not isinstance(data, str):
        raise missing("data", "text is needed")
    if encoding == "CSV":
        found = of_csv(data)
        return [row[0] if len(row) == 1 else row for row in found] if answers else found
    loaded = of_text(data, "data")
    return answers_in(loaded) or [] if answers else rows_in(loaded)


def databricks(root: Row, around: Surroundings) -> list[Row]:  # noqa: ARG001 - one signature for all
    """A row of a Databricks inference table: requests and responses as texts of JSON."""
    if "request" not in root:
        raise missing("request", "no row of an inference table")
    metadata = member(root, "request_metadata", {})
    about: Row = {
        "prediction_id": root.get("client_request_id") or root.get("databricks_request_id"),
        "timestamp": root.get("timestamp_ms", root.get("request_time")),
        "model": metadata.get("model_name", metadata.get("endpoint_name")),
        "version": metadata.get("model_version"),
        "latency_ms": root.get("execution_time_ms", root.get("execution_duration_ms")),
    }
    status = root.get("status_code")
    if isinstance(status, int) and status not in OK:
        about["error"] = f"status {status}"
    response = root.get("response")
    answers = None if response is None or "error" in about else answers_in(of_text(response, "response"))
    return paired(rows_in(of_text(root["request"], "request")), answers, about)


def mlrun(root: Row, around: Surroundings) -> list[Row]:  # noqa: ARG001 - one signature for all
    """The stream of MLRun's model servers: an event a request, or several of them as a table."""
    return [row for event in _events(root) for row in _mlrun_event(event)]


def _events(root: Row) -> list[Row]:
    """The events of a table; without one, the event itself."""
    if "headers" not in root or "values" not in root:
        return [root]
    names, values = root["headers"], root["values"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise missing("headers", "an array of names is needed")
    if not isinstance(values, list) or not all(isinstance(row, list) for row in values):
        raise missing("values", "an array of arrays is needed")
    if len(values) > MOST_RECORDS:
        raise too_many()
    rest = {name: value for name, value in root.items() if name not in {"headers", "values"}}
    return [{**rest, **dict(zip(names, row, strict=False))} for row in values]


def _mlrun_event(root: Row) -> list[Row]:
    op = root.get("op", "infer")
    if not isinstance(op, str | None):
        raise missing("op", "text is needed")
    if op not in {"infer", "predict"}:
        return []
    request, response = member(root, "request"), member(root, "resp", {})
    about: Row = {
        "prediction_id": request.get("id", response.get("id")),
        "timestamp": root.get("when"),
        "model": root.get("model"),
        "version": root.get("version") or None,
        "latency_ms": _thousandth(root.get("microsec")),
        "error": root.get("error"),
    }
    return paired(rows_in(request), answers_in(response), about)


def _thousandth(given: Any) -> Any:
    """A number divided by 1000; one beyond floats as it is, for it is set aside then."""
    if not isinstance(given, int | float):
        return None
    try:
        return given / 1e3
    except OverflowError:
        return given


def vertex(root: Row, around: Surroundings) -> list[Row]:  # noqa: ARG001 - one signature for all
    """A row of Vertex AI's request-response log: payloads as lists of JSON texts."""
    about = {
        "prediction_id": root.get("request_id"),
        "timestamp": root.get("logging_time"),
        "model": root.get("deployed_model_name", root.get("deployed_model_id")),
    }
    if "request_payload" not in root:
        raise missing("request_payload", "no row of a request-response log")
    rows = [row for text in _texts(root["request_payload"]) for row in rows_in(text, single=True)]
    answers = [
        answer for text in _texts(root.get("response_payload")) for answer in answers_in(text, single=True) or []
    ]
    return paired(rows, answers or None, about)


def _texts(given: Any) -> list[Any]:
    several = given if isinstance(given, list) else [] if given is None else [given]
    return [of_text(one, "payload") if isinstance(one, str) else one for one in several]


def bentoml(root: Row, around: Surroundings) -> list[Row]:  # noqa: ARG001 - one signature for all
    """BentoML's inference data: everything that was logged under its own name, beside time and ids."""
    own = {"timestamp", "request_id", "trace_id", "prediction", "pred"}
    features = {name: value for name, value in root.items() if name not in own}
    about = {"prediction_id": root.get("request_id"), "timestamp": root.get("timestamp")}
    return [{**about, "prediction": root.get("prediction", root.get("pred")), "features": features}]


PRESETS: dict[str, Callable[[Row, Surroundings], list[Row]]] = {
    "cloudevents": cloudevents,
    "inference_v2": inference_v2,
    "inference_v1": inference_v1,
    "sagemaker": sagemaker,
    "databricks": databricks,
    "mlrun": mlrun,
    "vertex": vertex,
    "bentoml": bentoml,
    "mlflow": inference_v1,
    "kserve": logged,
    "seldon": logged,
}


class PresetCodec:
    """Decodes messages of a preset: JSON, an object, several on a line each, or an array of them.

    Args:
        name: of the preset.
        decode: decodes a message of another format; None for JSON.
    """

    def __init__(self, name: str, decode: Callable[[bytes, Surroundings], Any] | None = None) -> None:
        self._name = name
        self._rows = PRESETS[name]
        self._decode = decode

    def __call__(self, value: bytes, around: Surroundings) -> list[Row]:
        """The rows of a message.

        Raises:
            UnreadableError: it is none of the preset's.
        """
        found: list[Row] = []
        for root in self._roots(value, around):
            if not isinstance(root, dict):
                raise UnreadableError(Reason.WRONG_TYPE, f"preset {self._name}: an object is needed")
            try:
                found += self._rows(root, around)
            except UnreadableError as error:
                raise UnreadableError(error.reason, f"preset {self._name}: {error}") from None
            except ASTRAY as error:
                said = f"preset {self._name}: a value of another kind than its system writes ({type(error).__name__})"
                raise UnreadableError(Reason.BAD_FORMAT, said) from None
            if len(found) > MOST_RECORDS:
                raise too_many()
        return found

    def _roots(self, value: bytes, around: Surroundings) -> list[Any]:
        if self._decode is not None:
            found = self._decode(value, around)
            return found if isinstance(found, list) else [found]
        roots = []
        for line in records_in(value):
            try:
                roots.append(parsed(line))
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                raise UnreadableError(Reason.BROKEN_JSON, str(error)) from None
        return roots


def _unbased(given: Any, name: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode()
    except (binascii.Error, ValueError, TypeError) as error:
        raise UnreadableError(Reason.BAD_FORMAT, f"{name}: no text in base64 ({error})") from None
