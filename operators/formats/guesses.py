"""Guesses: what a message that cannot be read may be, from its first bytes and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from operators.formats.json_lines import FRAME
from operators.formats.literals import parsed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from operators.settings.source import SourceSettings

_MAGIC = (
    (b"Obj\x01", "it is an Avro file, which is not read"),
    (b"\xff\xff\xff\xff", "it is an Arrow IPC stream: format: arrow"),
    (b"PAR1", "it is a Parquet file, which is not read as a message"),
    (b"\xef\xbb\xbf", "it begins with a byte order mark (U+FEFF), which JSON has not: send UTF-8 without one"),
    (b"\xff\xfe", "it is UTF-16, and JSON is UTF-8"),
)

SHAPES: tuple[tuple[frozenset[str], str, str], ...] = (
    (frozenset({"specversion", "type", "source", "data"}), "cloudevents", "CloudEvents"),
    (frozenset({"specversion", "type", "source", "data_base64"}), "cloudevents", "CloudEvents"),
    (frozenset({"dataframe_split"}), "mlflow", "MLflow's dataframe_split"),
    (frozenset({"dataframe_records"}), "mlflow", "MLflow's dataframe_records"),
    (frozenset({"captureData"}), "sagemaker", "SageMaker's data capture"),
    (frozenset({"instances"}), "inference_v1", "the V1 inference protocol"),
    (frozenset({"inputs", "predictions"}), "inference_v1", "the V1 inference protocol"),
    (frozenset({"databricks_request_id", "request"}), "databricks", "a Databricks inference table"),
    (frozenset({"request_payload", "deployed_model_id"}), "vertex", "Vertex AI's request-response log"),
    (frozenset({"request", "resp", "microsec"}), "mlrun", "MLRun's stream"),
    (frozenset({"headers", "values", "function_uri"}), "mlrun", "MLRun's stream"),
    (frozenset({"inputs", "outputs", "model_name"}), "inference_v2", "the Open Inference Protocol (V2)"),
    (frozenset({"request_id", "trace_id", "timestamp"}), "bentoml", "BentoML's inference data"),
    (frozenset({"groundTruthData"}), "sagemaker", "SageMaker's ground truth"),
    (frozenset({"model_name", "outputs"}), "", "a response of the Open Inference Protocol (V2)"),
)
"""Keys of a message, the preset that reads it ("" for none), and whose it is."""

_USUAL: dict[str, tuple[str, ...]] = {
    "prediction_id": (
        "prediction_id", "predictionId", "request_id", "requestId", "txn_id", "transaction_id", "transactionId",
        "event_id", "eventId", "id", "uuid", "txn", "order_id",
    ),
    "timestamp": (
        "timestamp", "event_time", "eventTime", "event_ts", "time", "ts", "created_at", "createdAt", "@timestamp",
        "scored_at", "predicted_at", "event_timestamp", "prediction_time", "inference_time", "at", "datetime",
        "event_datetime", "logged_at", "served_at", "occurred_at", "request_time",
    ),
    "model": ("model", "model_name", "modelName", "model_id"),
    "version": ("version", "model_version", "modelVersion", "model_ver", "ver"),
    "prediction": (
        "prediction", "score", "probability", "predicted", "pred", "output", "result", "proba", "prob", "y_pred",
        "y_hat", "risk_score", "predicted_class", "predicted_label", "probabilities", "scores",
    ),
    "latency_ms": ("latency_ms", "latency", "duration_ms", "elapsed_ms"),
    "features": ("features", "inputs", "input", "payload", "attributes"),
    "label": (
        "label", "target", "ground_truth", "actual", "is_fraud", "outcome", "chargeback", "clicked", "converted",
        "y_true",
    ),
}  # fmt: skip
"""Field -> names under which it is often found, in whatever case, with or without underscores, hyphens and blanks."""


def _bare(name: str) -> str:
    """A name without what languages spell differently: scored_at, scoredAt, Scored-At and "scored at" are one."""
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


_NAMES = {field: tuple(dict.fromkeys(map(_bare, names))) for field, names in _USUAL.items()}

_LIMIT = 1 << 16
_DEEP = 4


def guess(value: bytes | None, source: SourceSettings | None = None) -> str:
    """What these bytes may be, in words; empty where there is no guess.

    Args:
        value: of a message.
        source: how it was read: what its map finds there needs no other.
    """
    if not value:
        return ""
    if value[0] == 0 and len(value) > FRAME:
        schema = int.from_bytes(value[1:FRAME], "big")
        what = f"it begins with five bytes of a schema registry (schema {schema})"
        return f"{what}: Avro or Protobuf (format: avro or protobuf, with schema_registry)"
    magic = next((words for magic, words in _MAGIC if value.startswith(magic)), None)
    return magic or _of_json(_parsed(value), source)


def _of_json(found: Any, source: SourceSettings | None) -> str:
    """What a JSON value may be."""
    if isinstance(found, list):
        return "it is an array of arrays or values; its elements must be objects" if found else "it is an empty array"
    if not isinstance(found, dict):
        return ""
    if source is not None and source.preset is not None:
        return ""
    kind = found.get("type")
    if isinstance(kind, str) and kind.endswith((".inference.request", ".inference.response")):
        preset, whose = ("seldon", "Seldon") if "seldon" in kind else ("kserve", "KServe")
        return f"it looks like {whose}'s log of requests and responses: preset: {preset}"
    looks = next(
        (f"{words}: preset: {preset}" if preset else words for keys, preset, words in SHAPES if keys <= found.keys()),
        None,
    )
    if looks is not None:
        return f"it looks like {looks}"
    places = {field: path for field, path in usual_places(found).items() if not _mapped(field, found, source)}
    listed = ", ".join(f"{field}: {path}" for field, path in places.items())
    return listed and f"a map may be needed: {listed}"


def _mapped(field: str, record: dict[str, Any], source: SourceSettings | None) -> bool:
    """Whether the source's map finds something of a field in a record, or takes it from elsewhere."""
    if source is None:
        return False
    if source.split is not None:
        return True
    given = source.map.features if field == "features" else source.map.place(field)
    if given is None or given.path is None or getattr(given, "default", None) is not None:
        return field in source.map.model_fields_set or field == "model"
    here: Any = record
    for step in given.path or ():
        here = here.get(step) if isinstance(here, dict) else None
    return here is not None


def usually_called(field: str, names: Iterable[str]) -> list[str]:
    """Those of these names under which a field is often found, the likeliest first: of topics and of tables alike."""
    likely = {bare: at for at, bare in enumerate(_NAMES[field])}
    return sorted((name for name in names if _bare(name) in likely), key=lambda name: likely[_bare(name)])


def usual_places(record: dict[str, Any], fields: Collection[str] = _USUAL.keys()) -> dict[str, str]:
    """Where fields may be in a record that does not have them under their own names: field -> dotted path."""
    paths: dict[str, list[tuple[str, Any]]] = {}
    for path, value in paths_in(record):
        paths.setdefault(_bare(path[-1]), []).append((".".join(path), value))
        if path[-1] == "name" and len(path) > 1 and "model" in path[-2].lower():
            paths.setdefault(_bare("model_name"), []).append((".".join(path), value))
    around = "features" if "features" in record else _first("features", paths, "")
    found = {}
    for field in fields:
        if field in record and _may_be(field, record[field]):
            continue
        place = _first(field, paths, around)
        if place is not None:
            found[field] = place
    return found


def _first(field: str, paths: dict[str, list[tuple[str, Any]]], around: str | None) -> str | None:
    """The likeliest place of a field: one that is not among the features, where there is one."""
    places = [place for name in _NAMES[field] for place, value in paths.get(name, ()) if _may_be(field, value)]
    return next((place for place in places if not place.startswith(f"{around}.")), next(iter(places), None))


def _may_be(field: str, value: Any) -> bool:
    """Whether a value may be one of a field: features are an object or an array, all others are none."""
    return isinstance(value, dict | list) if field == "features" else not isinstance(value, dict)


def paths_in(value: Any, before: tuple[str, ...] = (), depth: int = _DEEP) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every path to a key with what is there, those nearer to the root first."""
    if not isinstance(value, dict) or not depth:
        return
    for key, inner in value.items():
        yield (*before, key), inner
    for key, inner in value.items():
        yield from paths_in(inner, (*before, key), depth - 1)


def _parsed(value: bytes) -> Any:
    """The value as JSON; None where it is none, or too long to look at."""
    if len(value) > _LIMIT:
        return None
    try:
        return parsed(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
