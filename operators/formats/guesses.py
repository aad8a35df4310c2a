"""Guesses: what a message that cannot be read may be, from its first bytes and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from operators.formats.json_lines import FRAME

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_MAGIC = (
    (b"Obj\x01", "it is an Avro file, which is not read"),
    (b"\xff\xff\xff\xff", "it is an Arrow IPC stream, which is not read"),
    (b"PAR1", "it is a Parquet file, which is not read as a message"),
)

_SHAPES: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"specversion", "type", "source", "data"}), "CloudEvents: preset: cloudevents"),
    (frozenset({"dataframe_split"}), "MLflow's dataframe_split: preset: mlflow"),
    (frozenset({"dataframe_records"}), "MLflow's dataframe_records: preset: mlflow"),
    (frozenset({"captureData"}), "SageMaker's data capture: preset: sagemaker"),
    (frozenset({"instances"}), "the V1 inference protocol: preset: inference_v1"),
    (frozenset({"databricks_request_id", "request"}), "a Databricks inference table: preset: databricks"),
    (frozenset({"request_payload", "deployed_model_id"}), "Vertex AI's request-response log: preset: vertex"),
    (frozenset({"request", "resp", "microsec"}), "MLRun's stream: preset: mlrun"),
    (frozenset({"inputs", "outputs", "model_name"}), "the Open Inference Protocol (V2): preset: inference_v2"),
    (frozenset({"model_name", "outputs"}), "a response of the Open Inference Protocol (V2)"),
)

_USUAL: dict[str, tuple[str, ...]] = {
    "prediction_id": ("prediction_id", "request_id", "requestId", "txn_id", "transaction_id", "event_id", "id"),
    "timestamp": ("timestamp", "event_time", "event_ts", "time", "ts", "created_at", "@timestamp"),
    "model": ("model", "model_name", "modelName", "model_id"),
    "version": ("version", "model_version", "modelVersion"),
    "prediction": ("prediction", "score", "probability", "predicted", "output", "result"),
    "latency_ms": ("latency_ms", "latency", "duration_ms", "elapsed_ms"),
    "features": ("features", "inputs", "input", "payload", "attributes"),
    "label": ("label", "target", "ground_truth", "actual", "is_fraud", "outcome"),
}  # fmt: skip
"""Field -> names under which it is often found."""

_LIMIT = 1 << 16
_DEEP = 4


def guess(value: bytes | None) -> str:
    """What these bytes may be, in words; empty where there is no guess."""
    if not value:
        return ""
    if value[0] == 0 and len(value) > FRAME:
        schema = int.from_bytes(value[1:FRAME], "big")
        what = f"it begins with five bytes of a schema registry (schema {schema})"
        return f"{what}: Avro (format: avro, schema_registry) or Protobuf, which is not read"
    magic = next((words for magic, words in _MAGIC if value.startswith(magic)), None)
    return magic or _of_json(_parsed(value))


def _of_json(found: Any) -> str:
    """What a JSON value may be."""
    if isinstance(found, list):
        return "it is an array of arrays or values; its elements must be objects" if found else "it is an empty array"
    if not isinstance(found, dict):
        return ""
    looks = next((words for keys, words in _SHAPES if keys <= found.keys()), None)
    if looks is not None:
        return f"it looks like {looks}"
    listed = ", ".join(f"{field}: {path}" for field, path in usual_places(found).items())
    return listed and f"a map may be needed: {listed}"


def usual_places(record: dict[str, Any], fields: Collection[str] = _USUAL.keys()) -> dict[str, str]:
    """Where fields may be in a record that does not have them under their own names: field -> dotted path."""
    paths: dict[str, str] = {}
    for path in _paths(record, (), _DEEP):
        paths.setdefault(path[-1], ".".join(path))
    found = {}
    for field in fields:
        if field in record:
            continue
        name = next((name for name in _USUAL[field] if name in paths), None)
        if name is not None:
            found[field] = paths[name]
    return found


def _paths(value: Any, before: tuple[str, ...], depth: int) -> Iterator[tuple[str, ...]]:
    """Every path to a key, those nearer to the root first."""
    if not isinstance(value, dict) or not depth:
        return
    for key in value:
        yield (*before, key)
    for key, inner in value.items():
        yield from _paths(inner, (*before, key), depth - 1)


def _parsed(value: bytes) -> Any:
    """The value as JSON; None where it is none, or too long to look at."""
    if len(value) > _LIMIT:
        return None
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
