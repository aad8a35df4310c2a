"""Presets: the logs of serving systems are read as the native rows are."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from factories import START, batch
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored import reference
from presets import ALL, ONLY, POSITIONS, Preset, databricks, mlrun, packed, v1
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
    from collections.abc import Sequence

    from operators.intake.decode import Decoded
    from operators.records import Headers

Row = dict[str, Any]

PANE = 10_000
LAYOUT = layout_of(reference())
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
    found = outcome(decoded(decoder(preset.source), *preset.messages(REQUESTS)))
    assert found == native(preset.lacks)
    assert found["dead"] == []


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.name)
def test_what_is_no_message_of_the_preset_is_a_dead_letter(preset: Preset) -> None:
    """Another shape, another type, none at all: each says what is lacking, and nothing breaks."""
    messages, headers = preset.messages(REQUESTS)
    others = [b'{"a": 1}', b"[1]", b'{"oops', b'"text"']
    found = decoded(decoder(preset.source), [*messages[:3], *others], [*headers[:3], *([()] * len(others))])
    bad = [letter for letter in found.dead if letter.offset >= 3]
    expected = 3 if preset.source["preset"] == "bentoml" else 4  # any object is inference data of BentoML's
    assert len({letter.offset for letter in bad}) >= expected
    assert all(letter.detail for letter in bad)
    assert not [letter for letter in found.dead if letter.offset < 3]


def test_a_request_that_failed_counts_as_failed() -> None:
    """By its status: it has no prediction, and no features count."""
    row = {**databricks(REQUESTS[0]), "status_code": 500, "response": None}
    found = decoded(decoder({"preset": "databricks"}), [json.dumps(row).encode()], [()])
    failed = found.columns["click"].failed
    assert failed is not None
    assert failed.all()


def test_other_operations_of_a_server_are_skipped() -> None:
    """MLRun logs explanations, too."""
    (event,) = mlrun(REQUESTS[0])
    found = decoded(
        decoder({"preset": "mlrun", "map": POSITIONS}), [json.dumps({**event, "op": "explain"}).encode()], [()]
    )
    assert (found.read, found.skipped, found.dead) == (0, 1, ())


@pytest.mark.parametrize(
    ("response", "said"), [([0.1], "1 of 4 rows"), (None, ""), ([0.1, 0.2, 0.3, 0.4, 0.5], "5 of 4 rows")]
)
def test_rows_and_predictions_go_together(response: list[float] | None, said: str) -> None:
    """As many of one as of the other, or none: a prediction is never given to another row."""
    message = {**v1(REQUESTS[0]), "predictions": response}
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
    messages, headers = preset.messages(REQUESTS)
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
