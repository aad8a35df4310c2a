"""Presets: the logs of serving systems, written here from their public descriptions, are read as the native rows are.

CloudEvents: github.com/cloudevents/spec, JSON format and Kafka binding. Open Inference Protocol: kserve.github.io, V1
and V2. SageMaker: "Capture data from real-time endpoint" and "Ingest ground truth labels". Databricks: "Inference
tables, schema". MLRun: mlrun/serving/v2_serving.py, the stream pusher. Vertex AI: "Log online prediction requests and
responses". BentoML: "Monitoring and data collection". MLflow: "Deploy: input formats of the scoring server".
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from factories import START, batch
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored import reference
from test_surroundings import Letters

from operators.dead_letters import Reason
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.feedback import DecodeFeedback, FeedbackConfig, FeedbackModel
from operators.intake.label_codes import LabelCodes
from operators.predictions.fold import Fold
from operators.settings.source import SourceSettings
from stream.simulate.generator import Generator
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from operators.intake.decode import Decoded
    from operators.records import Headers

Row = dict[str, Any]

PANE = 10_000
LAYOUT = layout_of(reference())
NAMES = [field.name for field in LAYOUT.features]
GENERATOR = Generator(reference(), seed=9, error_rate=0.0)
SEVERAL = 4
"""Rows of a request, where a system takes several; they share their time, id and latency."""


def _rows() -> list[Row]:
    found = [json.loads(line) for line in GENERATOR.encode(GENERATOR.batch(240, START, START + 2 * PANE))]
    for number, row in enumerate(found):
        first = found[number - number % SEVERAL]
        row["timestamp"], row["version"] = first["timestamp"], first["version"]
        row["prediction_id"] = f"r{number // SEVERAL}/{number % SEVERAL}"
        row["latency_ms"] = round(first["latency_ms"])
    return found


ROWS = _rows()
REQUESTS = [ROWS[at : at + SEVERAL] for at in range(0, len(ROWS), SEVERAL)]


def ident(rows: Sequence[Row]) -> str:
    """The id of a request."""
    return str(rows[0]["prediction_id"]).partition("/")[0]


def values(row: Row) -> list[Any]:
    """Features by position."""
    return [row["features"].get(name) for name in NAMES]


def scores(rows: Sequence[Row]) -> list[Any]:
    """Predictions."""
    return [row["prediction"] for row in rows]


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
    """

    name: str
    source: Row
    write: Callable[[Sequence[Row]], Any] | None = None
    write_row: Callable[[Row], Any] | None = None
    headers: Callable[[Row], Headers] = lambda _: ()
    lacks: frozenset[str] = frozenset()

    def messages(self) -> tuple[list[bytes], list[Headers]]:
        """All rows as messages, with their headers."""
        if self.write is not None:
            return [json.dumps(self.write(rows)).encode() for rows in REQUESTS], [()] * len(REQUESTS)
        assert self.write_row is not None
        return [json.dumps(self.write_row(row)).encode() for row in ROWS], [self.headers(row) for row in ROWS]


def _event(row: Row) -> Row:
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
    event = _event(row)
    return {**event, "data_base64": packed(json.dumps(event.pop("data"))), "data": None}


def _ce_headers(row: Row) -> Headers:
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
            "data": [row["features"].get(name) for row in rows],
        }
        for name in NAMES
    ]


def _v2(rows: Sequence[Row]) -> Row:
    output = {"name": "score", "shape": [len(rows)], "datatype": "FP64", "data": scores(rows)}
    return {
        "request": {"id": ident(rows), "inputs": _tensors(rows)},
        "response": {
            "model_name": "click",
            "model_version": rows[0]["version"],
            "id": ident(rows),
            "outputs": [output],
        },
        "timestamp": rows[0]["timestamp"],
        "latency_ms": rows[0]["latency_ms"],
    }


def _v2_one_tensor(rows: Sequence[Row]) -> Row:
    nested = [values(row) for row in rows]
    inputs = [{"name": "input-0", "shape": [len(rows), len(NAMES)], "datatype": "FP64", "data": nested}]
    return {**_v2(rows), "request": {"id": ident(rows), "inputs": inputs}}


def _v1(rows: Sequence[Row]) -> Row:
    return {
        "id": ident(rows),
        "model_name": "click",
        "model_version": rows[0]["version"],
        "timestamp": rows[0]["timestamp"],
        "latency_ms": rows[0]["latency_ms"],
        "instances": [row["features"] for row in rows],
        "predictions": [[score] for score in scores(rows)],
    }


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


def _databricks(rows: Sequence[Row]) -> Row:
    split = {"columns": NAMES, "index": list(range(len(rows))), "data": [values(row) for row in rows]}
    moment = dt.datetime.fromisoformat(rows[0]["timestamp"])
    return {
        "databricks_request_id": ident(rows),
        "client_request_id": None,
        "date": moment.date().isoformat(),
        "timestamp_ms": round(moment.timestamp() * 1000),
        "status_code": 200,
        "sampling_fraction": 1.0,
        "execution_time_ms": rows[0]["latency_ms"],
        "request": json.dumps({"dataframe_split": split}),
        "response": json.dumps({"predictions": scores(rows)}),
        "request_metadata": {"model_name": "click", "model_version": rows[0]["version"], "endpoint_name": "clicks"},
    }


def _mlrun(rows: Sequence[Row]) -> list[Row]:
    return [
        {
            "class": "ClickModel",
            "worker": "0",
            "model": "click",
            "version": rows[0]["version"],
            "host": "nuclio-1",
            "function_uri": "shop/clicks",
            "request": {"id": ident(rows), "inputs": [values(row) for row in rows]},
            "op": "infer",
            "resp": {"id": ident(rows), "model_name": "click", "outputs": scores(rows)},
            "when": str(dt.datetime.fromisoformat(rows[0]["timestamp"])),
            "microsec": rows[0]["latency_ms"] * 1000,
        }
    ]


def _mlrun_table(rows: Sequence[Row]) -> list[Row]:
    (event,) = _mlrun(rows)
    columns = ["request", "op", "resp", "when", "microsec"]
    table = {"headers": columns, "values": [[event[name] for name in columns]]}
    return [{**{name: value for name, value in event.items() if name not in columns}, **table}]


def _vertex(rows: Sequence[Row]) -> Row:
    return {
        "endpoint": "projects/1/locations/x/endpoints/2",
        "deployed_model_id": "click",
        "logging_time": rows[0]["timestamp"],
        "request_id": ident(rows),
        "request_payload": [json.dumps(values(row)) for row in rows],
        "response_payload": [json.dumps(score) for score in scores(rows)],
    }


def _bentoml(row: Row) -> Row:
    about = {"timestamp": row["timestamp"], "request_id": row["prediction_id"], "trace_id": "0"}
    return {**row["features"], "pred": row["prediction"], **about}


def _mlflow(rows: Sequence[Row], key: str, given: Any) -> Row:
    about = {"id": ident(rows), "model": "click", "version": rows[0]["version"], "timestamp": rows[0]["timestamp"]}
    return {**about, "latency_ms": rows[0]["latency_ms"], key: given, "predictions": scores(rows)}


POSITIONS = {"features": {"names": NAMES}}
ONLY = {"model": {"constant": "click"}}
UNTIMED, UNVERSIONED = frozenset({"latency_ms"}), frozenset({"latency_ms", "version"})

ALL = (
    Preset("CloudEvents, structured", {"preset": "cloudevents"}, write_row=_event),
    Preset("CloudEvents, base64", {"preset": "cloudevents"}, write_row=_event_in_base64),
    Preset(
        "CloudEvents, binary",
        {"preset": "cloudevents"},
        write_row=lambda row: _event(row)["data"],
        headers=_ce_headers,
    ),
    Preset("V2, a tensor a feature", {"preset": "inference_v2"}, _v2),
    Preset("V2, one tensor", {"preset": "inference_v2", "map": POSITIONS}, _v2_one_tensor),
    Preset("V1", {"preset": "inference_v1"}, _v1),
    Preset(
        "V1, a response apart",
        {"preset": "inference_v1"},
        lambda rows: {**_v1(rows), "response": {"predictions": scores(rows)}},
    ),
    Preset(
        "SageMaker, CSV",
        {"preset": "sagemaker", "map": {**ONLY, **POSITIONS}},
        lambda rows: _captured(rows, _csv(rows), "text/csv", "CSV"),
        lacks=UNVERSIONED,
    ),
    Preset(
        "SageMaker, CSV in base64",
        {"preset": "sagemaker", "map": {**ONLY, **POSITIONS}},
        lambda rows: _captured(rows, packed(_csv(rows)), "text/csv", "BASE64"),
        lacks=UNVERSIONED,
    ),
    Preset(
        "SageMaker, JSON",
        {"preset": "sagemaker", "map": ONLY},
        lambda rows: _captured(
            rows, json.dumps({"instances": [row["features"] for row in rows]}), "application/json", "JSON"
        ),
        lacks=UNVERSIONED,
    ),
    Preset("Databricks", {"preset": "databricks"}, _databricks),
    Preset("MLRun", {"preset": "mlrun", "map": POSITIONS}, _mlrun),
    Preset("MLRun, in batches", {"preset": "mlrun", "map": POSITIONS}, _mlrun_table),
    Preset("Vertex AI", {"preset": "vertex", "map": POSITIONS}, _vertex, lacks=UNVERSIONED),
    Preset("BentoML", {"preset": "bentoml", "map": ONLY}, write_row=_bentoml, lacks=UNVERSIONED),
    Preset(
        "MLflow, records",
        {"preset": "mlflow"},
        lambda rows: _mlflow(rows, "dataframe_records", [row["features"] for row in rows]),
    ),
    Preset(
        "MLflow, split",
        {"preset": "mlflow"},
        lambda rows: _mlflow(rows, "dataframe_split", {"columns": NAMES, "data": [values(row) for row in rows]}),
    ),
    Preset(
        "MLflow, columns",
        {"preset": "mlflow"},
        lambda rows: _mlflow(rows, "inputs", {name: [row["features"].get(name) for row in rows] for name in NAMES}),
    ),
)


def decoder(source: Row | None) -> Decode:
    """Reads source 0."""
    sources = {} if source is None else {0: SourceSettings.model_validate({"topic": "t", **source})}
    return Decode(DecodeConfig((LAYOUT,), PANE, 5_000, 60_000, {"click": "binary"}, sources))


def decoded(decode: Decode, messages: Sequence[bytes], headers: Sequence[Headers]) -> Decoded:
    """What becomes of messages."""
    letters = Letters([None] * len(messages), headers)
    return decode(replace(batch(messages), source=0 if decode.mapped else None, envelopes=letters))


def outcome(found: Decoded) -> Row:
    """All that is said of a batch."""
    ((_, partial),) = Fold((LAYOUT,), PANE, {"click": 16})(found)
    served = found.served["click"]
    return {
        "dead": [letter.detail for letter in found.dead],
        "unfit": found.unfit,
        "sketches": {key: sketch.tolist() for key, sketch in partial.sketches.items()},
        "labelled": Counter(zip(served.ids, served.times.tolist(), served.predictions, strict=True)),
    }


def native(lacks: frozenset[str]) -> Row:
    """What is found in the contract's own shape, without what a system does not log."""
    rows = [{name: value for name, value in row.items() if name not in lacks} for row in ROWS]
    return outcome(decoded(decoder(None), [json.dumps(row).encode() for row in rows], [()] * len(rows)))


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.name)
def test_a_preset_is_read_as_the_native_rows_are(preset: Preset) -> None:
    """Sketches, ids, times and predictions are the same: so is every evaluation that is made of them."""
    found = outcome(decoded(decoder(preset.source), *preset.messages()))
    assert found == native(preset.lacks)
    assert found["dead"] == []


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.name)
def test_what_is_no_message_of_the_preset_is_a_dead_letter(preset: Preset) -> None:
    """Another shape, another type, none at all: each says what is lacking, and nothing breaks."""
    messages, headers = preset.messages()
    others = [b'{"a": 1}', b"[1]", b'{"oops', b'"text"']
    found = decoded(decoder(preset.source), [*messages[:3], *others], [*headers[:3], *([()] * len(others))])
    bad = [letter for letter in found.dead if letter.offset >= 3]
    expected = 3 if preset.source["preset"] == "bentoml" else 4  # any object is inference data of BentoML's
    assert len({letter.offset for letter in bad}) >= expected
    assert all(letter.detail for letter in bad)
    assert not [letter for letter in found.dead if letter.offset < 3]


def test_a_request_that_failed_counts_as_failed() -> None:
    """By its status: it has no prediction, and no features count."""
    row = {**_databricks(REQUESTS[0]), "status_code": 500, "response": None}
    found = decoded(decoder({"preset": "databricks"}), [json.dumps(row).encode()], [()])
    failed = found.columns["click"].failed
    assert failed is not None
    assert failed.all()


def test_other_operations_of_a_server_are_skipped() -> None:
    """MLRun logs explanations, too."""
    (event,) = _mlrun(REQUESTS[0])
    found = decoded(
        decoder({"preset": "mlrun", "map": POSITIONS}), [json.dumps({**event, "op": "explain"}).encode()], [()]
    )
    assert (found.read, found.skipped, found.dead) == (0, 1, ())


@pytest.mark.parametrize(
    ("response", "said"), [([0.1], "1 of 4 rows"), (None, ""), ([0.1, 0.2, 0.3, 0.4, 0.5], "5 of 4 rows")]
)
def test_rows_and_predictions_go_together(response: list[float] | None, said: str) -> None:
    """As many of one as of the other, or none: a prediction is never given to another row."""
    message = {**_v1(REQUESTS[0]), "predictions": response}
    found = decoded(decoder({"preset": "inference_v1"}), [json.dumps(message).encode()], [()])
    assert [said in letter.detail for letter in found.dead] == ([True] if said else [])
    assert {letter.reason for letter in found.dead} <= {Reason.BAD_FORMAT}


@pytest.mark.parametrize(
    ("data", "encoding"), [("1", "CSV"), (packed("1"), "BASE64"), ('{"predictions": [1]}', "JSON")]
)
def test_sagemaker_s_ground_truth_is_feedback(data: str, encoding: str) -> None:
    """A label about the event that was captured."""
    message = {
        "groundTruthData": {"data": data, "encoding": encoding},
        "eventMetadata": {"eventId": "r0"},
        "eventVersion": "0",
    }
    source = SourceSettings.model_validate({"topic": "t", "holds": "feedback", "preset": "sagemaker", "map": ONLY})
    models = (FeedbackModel(LAYOUT, LabelCodes("binary")),)
    decode = DecodeFeedback(FeedbackConfig(models, PANE, 5_000, 60_000, {0: source}))
    found = decode(replace(batch([json.dumps(message).encode()], feedback=True), source=0))
    ((_, labels),) = found.labels
    assert (list(labels.ids), labels.labels.tolist(), found.dead) == (["r0"], [1.0], ())


EXTREMES = (
    10**30,
    10**400,
    -(10**400),
    10**18,
    1e308,
    "1" * 5000,
    "NaN",
    "[1]",
    "{}",
    "\x00",
    "é",
    [],
    {},
    [[]],
    [None],
)
"""What nobody writes, and what breaks arithmetic."""

ANYTHING = st.recursive(
    st.none()
    | st.sampled_from(EXTREMES)
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


def _spoilt(value: Any, draw: Any, depth: int = 0) -> Any:
    """The value with something else somewhere in it."""
    if depth > 4 or not isinstance(value, dict | list) or not value or draw(st.integers(0, 3)) == 0:
        if isinstance(value, str) and value[:1] in {"[", "{"} and draw(st.booleans()):
            return json.dumps(_spoilt(msgspec.json.decode(value), draw, depth + 1))
        return draw(ANYTHING)
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _spoilt(value[at], draw, depth + 1), *value[at + 1 :]]
    key = draw(st.sampled_from(sorted(value)))
    return {**value, key: _spoilt(value[key], draw, depth + 1)}


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.name)
def test_whatever_a_message_holds_it_is_counted_once(preset: Preset) -> None:
    """Nothing breaks, and read = counted + late + dead, exactly."""
    decode = decoder(preset.source)
    messages, headers = preset.messages()
    roots = [msgspec.json.decode(message) for message in messages[:5]]

    @settings(max_examples=30, deadline=None)
    @given(st.data())
    def holds(data: Any) -> None:
        at = data.draw(st.integers(0, 4))
        spoilt = json.dumps(_spoilt(roots[at], data.draw)).encode()
        found = decoded(decode, [messages[0], spoilt], [headers[0], headers[at]])
        counted = sum(columns.panes.size for columns in found.columns.values())
        assert found.read == counted + sum(found.late.values()) + len(found.dead)
        Fold((LAYOUT,), PANE, {"click": 16})(found)

    holds()
