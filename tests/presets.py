"""Logs of serving systems, written here from the contract's own rows by the systems' public descriptions.

CloudEvents: github.com/cloudevents/spec, JSON format and Kafka binding. Open Inference Protocol: kserve.github.io, V1
and V2. SageMaker: "Capture data from real-time endpoint" and "Ingest ground truth labels". Databricks: "Inference
tables, schema", and the same of its gateway. MLRun: mlrun/serving/v2_serving.py, the stream pusher. Vertex AI: "Log
online prediction requests and responses". BentoML: "Monitoring and data collection". MLflow: "Deploy: input formats of
the scoring server".
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitored import reference

from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = dict[str, Any]
Headers = tuple[tuple[str, bytes | None], ...]

NAMES = [field.name for field in layout_of(reference()).features]
NOTHING: frozenset[str] = frozenset()


def ident(rows: Sequence[Row]) -> str:
    """The id of a request, whose rows are `id/0`, `id/1`."""
    return str(rows[0]["prediction_id"]).partition("/")[0]


def features(row: Row) -> Row:
    """The features of a row; none where it failed."""
    return row.get("features") or {}


def values(row: Row) -> list[Any]:
    """Features by position."""
    return [features(row).get(name) for name in NAMES]


def scores(rows: Sequence[Row]) -> list[Any]:
    """Predictions."""
    return [row.get("prediction") for row in rows]


def packed(text: str) -> str:
    """In base64."""
    return base64.b64encode(text.encode()).decode()


@dataclass(frozen=True)
class Preset:
    """A system's messages, each of one row or of a request of several.

    Attributes:
        name: for the test's id.
        source: what the config says.
        write: makes a message of a request's rows; None where it makes one of each row.
        write_row: makes a message of a row.
        headers: of a row's message.
        lacks: what the system does not log.
        failed: what it does not log of a request that failed; None: it logs none of those.
    """

    name: str
    source: Row
    write: Callable[[Sequence[Row]], Any] | None = None
    write_row: Callable[[Row], Any] | None = None
    headers: Callable[[Row], Headers] = lambda _: ()
    lacks: frozenset[str] = NOTHING
    failed: frozenset[str] | None = NOTHING

    def messages(self, requests: Sequence[Sequence[Row]]) -> tuple[list[bytes], list[Headers]]:
        """The rows of requests as messages, with their headers."""
        if self.write is not None:
            return [json.dumps(self.write(rows)).encode() for rows in requests], [()] * len(requests)
        assert self.write_row is not None
        all_rows = [row for rows in requests for row in rows]
        return [json.dumps(self.write_row(row)).encode() for row in all_rows], list(map(self.headers, all_rows))

    def logged(self, row: Row) -> Row | None:
        """What it logs of a row; None: nothing."""
        if row.get("error") and self.failed is None:
            return None
        lacks = self.lacks | ((self.failed or NOTHING) if row.get("error") else NOTHING)
        return {name: value for name, value in row.items() if name not in lacks}


def event(row: Row) -> Row:
    """A CloudEvent in structured mode."""
    data = {name: value for name, value in row.items() if name not in {"prediction_id", "timestamp"}}
    return {
        "specversion": "1.0",
        "id": row["prediction_id"],
        "source": "/scoring",
        "type": "com.example.scored",
        "time": row["timestamp"],
        "datacontenttype": "application/json",
        "data": data,
    }


def _event_in_base64(row: Row) -> Row:
    plain = event(row)
    return {**plain, "data_base64": packed(json.dumps(plain.pop("data"))), "data": None}


def ce_headers(row: Row) -> Headers:
    """The attributes of a CloudEvent in binary mode."""
    about = {
        "specversion": "1.0",
        "id": row["prediction_id"],
        "time": row["timestamp"],
        "type": "scored",
        "source": "/s",
    }
    return (
        *((f"ce_{name}", str(value).encode()) for name, value in about.items()),
        ("content-type", b"application/json"),
    )


def _tensors(rows: Sequence[Row]) -> list[Row]:
    return [
        {
            "name": name,
            "shape": [len(rows), 1],
            "datatype": "BYTES" if name in {"country", "device"} else "FP64",
            "data": [features(row).get(name) for row in rows],
        }
        for name in NAMES
    ]


def _told(rows: Sequence[Row], answer: Row) -> Row:
    """What a server answers: predictions, or why there are none."""
    return {"error": rows[0]["error"]} if rows[0].get("error") else answer


def _v2(rows: Sequence[Row]) -> Row:
    output = {"name": "score", "shape": [len(rows)], "datatype": "FP64", "data": scores(rows)}
    named = {"model_name": rows[0]["model"], "model_version": rows[0]["version"], "id": ident(rows)}
    return {
        "request": {"id": ident(rows), "inputs": _tensors(rows)},
        "response": {**named, **_told(rows, {"outputs": [output]})},
        "timestamp": rows[0]["timestamp"],
        "latency_ms": rows[0]["latency_ms"],
    }


def _v2_one_tensor(rows: Sequence[Row]) -> Row:
    nested = [values(row) for row in rows]
    inputs = [{"name": "input-0", "shape": [len(rows), len(NAMES)], "datatype": "FP64", "data": nested}]
    return {**_v2(rows), "request": {"id": ident(rows), "inputs": inputs}}


def v1(rows: Sequence[Row]) -> Row:
    """A request with its response in the V1 protocol."""
    return {
        "id": ident(rows),
        "model_name": rows[0]["model"],
        "model_version": rows[0]["version"],
        "timestamp": rows[0]["timestamp"],
        "latency_ms": rows[0]["latency_ms"],
        "instances": [features(row) for row in rows],
        **_told(rows, {"predictions": [[score] for score in scores(rows)]}),
    }


def _v1_apart(rows: Sequence[Row]) -> Row:
    return {**v1(rows), "response": _told(rows, {"predictions": scores(rows)})}


def _captured(rows: Sequence[Row], given: str, kind: str, encoding: str) -> Row:
    answer = json.dumps({"predictions": [{"score": score} for score in scores(rows)]})
    output = {"observedContentType": "application/json", "mode": "OUTPUT", "data": answer, "encoding": "JSON"}
    return {
        "captureData": {
            "endpointInput": {"observedContentType": kind, "mode": "INPUT", "data": given, "encoding": encoding},
            "endpointOutput": output,
        },
        "eventMetadata": {"eventId": ident(rows), "inferenceTime": rows[0]["timestamp"]},
        "eventVersion": "0",
    }


def _csv(rows: Sequence[Row]) -> str:
    return "\n".join(",".join("" if value is None else str(value) for value in values(row)) for row in rows)


def _in_json(rows: Sequence[Row]) -> str:
    return json.dumps({"instances": [features(row) for row in rows]})


def databricks(rows: Sequence[Row]) -> Row:
    """A row of an inference table."""
    split = {"columns": NAMES, "index": list(range(len(rows))), "data": [values(row) for row in rows]}
    moment = dt.datetime.fromisoformat(rows[0]["timestamp"])
    answer = _told(rows, {"predictions": scores(rows)})
    return {
        "databricks_request_id": ident(rows),
        "client_request_id": None,
        "date": moment.date().isoformat(),
        "timestamp_ms": round(moment.timestamp() * 1000),
        "status_code": 500 if "error" in answer else 200,
        "sampling_fraction": 1.0,
        "execution_time_ms": rows[0]["latency_ms"],
        "request": json.dumps({"dataframe_split": split}),
        "response": json.dumps(answer),
        "request_metadata": {
            "model_name": rows[0]["model"],
            "model_version": rows[0]["version"],
            "endpoint_name": "clicks",
        },
    }


def _databricks_gateway(rows: Sequence[Row]) -> Row:
    older = databricks(rows)
    same = ("databricks_request_id", "client_request_id", "status_code", "sampling_fraction", "request", "response")
    return {
        **{name: older[name] for name in same},
        "request_date": older["date"],
        "request_time": rows[0]["timestamp"],
        "execution_duration_ms": rows[0]["latency_ms"],
        "served_entity_id": "e1",
        "logging_error_codes": [],
        "requester": "somebody@example.com",
    }


def mlrun(rows: Sequence[Row]) -> list[Row]:
    """An event of a model server, in a list as it is pushed."""
    about = {
        "class": "ClickModel",
        "worker": "0",
        "model": rows[0]["model"],
        "version": rows[0]["version"],
        "host": "nuclio-1",
        "function_uri": "shop/clicks",
        "request": {"id": ident(rows), "inputs": [values(row) for row in rows]},
        "op": "infer",
        "when": str(dt.datetime.fromisoformat(rows[0]["timestamp"])),
    }
    if rows[0].get("error"):
        return [{**about, "error": rows[0]["error"]}]
    answer = {"id": ident(rows), "model_name": rows[0]["model"], "outputs": scores(rows)}
    return [{**about, "resp": answer, "microsec": rows[0]["latency_ms"] * 1000}]


def _mlrun_table(rows: Sequence[Row]) -> list[Row]:
    (one,) = mlrun(rows)
    columns = [name for name in ("request", "op", "resp", "when", "microsec", "error") if name in one]
    table = {"headers": columns, "values": [[one[name] for name in columns]]}
    return [{**{name: value for name, value in one.items() if name not in columns}, **table}]


def _vertex(rows: Sequence[Row]) -> Row:
    return {
        "endpoint": "projects/1/locations/x/endpoints/2",
        "deployed_model_id": rows[0]["model"],
        "logging_time": rows[0]["timestamp"],
        "request_id": ident(rows),
        "request_payload": [json.dumps(values(row)) for row in rows],
        "response_payload": [json.dumps(score) for score in scores(rows)],
    }


def _bentoml(row: Row) -> Row:
    about = {"timestamp": row["timestamp"], "request_id": row["prediction_id"], "trace_id": "0"}
    return {**features(row), "pred": row["prediction"], **about}


def _mlflow(rows: Sequence[Row], key: str, given: Any) -> Row:
    about = {
        "id": ident(rows),
        "model": rows[0]["model"],
        "version": rows[0]["version"],
        "timestamp": rows[0]["timestamp"],
    }
    return {
        **about,
        "latency_ms": rows[0]["latency_ms"],
        key: given,
        **_told(rows, {"predictions": scores(rows)}),
    }


def _split(rows: Sequence[Row]) -> Row:
    return {"columns": NAMES, "data": [values(row) for row in rows]}


POSITIONS = {"features": {"names": NAMES}}
ONLY = {"model": {"constant": "click"}}
UNTIMED, UNVERSIONED = frozenset({"latency_ms"}), frozenset({"latency_ms", "version"})

ALL = (
    Preset("CloudEvents, structured", {"preset": "cloudevents"}, write_row=event),
    Preset("CloudEvents, base64", {"preset": "cloudevents"}, write_row=_event_in_base64),
    Preset(
        "CloudEvents, binary",
        {"preset": "cloudevents"},
        write_row=lambda row: event(row)["data"],
        headers=ce_headers,
    ),
    Preset("V2, a tensor a feature", {"preset": "inference_v2"}, _v2),
    Preset("V2, one tensor", {"preset": "inference_v2", "map": POSITIONS}, _v2_one_tensor),
    Preset("V1", {"preset": "inference_v1"}, v1),
    Preset("V1, a response apart", {"preset": "inference_v1"}, _v1_apart),
    Preset(
        "SageMaker, CSV",
        {"preset": "sagemaker", "map": {**ONLY, **POSITIONS}},
        lambda rows: _captured(rows, _csv(rows), "text/csv", "CSV"),
        lacks=UNVERSIONED,
        failed=None,
    ),
    Preset(
        "SageMaker, CSV in base64",
        {"preset": "sagemaker", "map": {**ONLY, **POSITIONS}},
        lambda rows: _captured(rows, packed(_csv(rows)), "text/csv", "BASE64"),
        lacks=UNVERSIONED,
        failed=None,
    ),
    Preset(
        "SageMaker, JSON",
        {"preset": "sagemaker", "map": ONLY},
        lambda rows: _captured(rows, _in_json(rows), "application/json", "JSON"),
        lacks=UNVERSIONED,
        failed=None,
    ),
    Preset("Databricks", {"preset": "databricks"}, databricks),
    Preset(
        "Databricks, gateway",
        {"preset": "databricks", "map": ONLY},
        _databricks_gateway,
        lacks=frozenset({"version"}),
    ),
    Preset("MLRun", {"preset": "mlrun", "map": POSITIONS}, mlrun, failed=UNTIMED),
    Preset("MLRun, in batches", {"preset": "mlrun", "map": POSITIONS}, _mlrun_table, failed=UNTIMED),
    Preset("Vertex AI", {"preset": "vertex", "map": POSITIONS}, _vertex, lacks=UNVERSIONED, failed=None),
    Preset("BentoML", {"preset": "bentoml", "map": ONLY}, write_row=_bentoml, lacks=UNVERSIONED, failed=None),
    Preset(
        "MLflow, records",
        {"preset": "mlflow"},
        lambda rows: _mlflow(rows, "dataframe_records", list(map(features, rows))),
    ),
    Preset("MLflow, split", {"preset": "mlflow"}, lambda rows: _mlflow(rows, "dataframe_split", _split(rows))),
    Preset(
        "MLflow, columns",
        {"preset": "mlflow"},
        lambda rows: _mlflow(rows, "inputs", {name: [features(row).get(name) for row in rows] for name in NAMES}),
    ),
)
