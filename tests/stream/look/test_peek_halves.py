"""Requests and responses of a topic are put together where people look at it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from events import Given, as_json, binary, in_topics, structured, v1, v1_lists, v2

from operators.formats.guesses import guess
from operators.records import Origin, RawBatch
from stream.look.peek import peeked

if TYPE_CHECKING:
    from events import Message


NAMES = ["age", "country"]
ROW: dict[str, Any] = {
    "prediction_id": "r1",
    "timestamp": "2026-05-28T20:26:40.000+00:00",
    "model": "fraud",
    "version": "7",
    "latency_ms": 12.5,
    "prediction": 0.25,
    "features": {"age": 33, "country": "de"},
}


def looked(messages: list[Message], topic: str = "logs", said: dict[str, Any] | None = None) -> str:
    """What peek says of messages."""
    written = [1_780_000_000_000] * len(messages)
    raw = RawBatch(Origin(topic), [one.value for one in messages], written, Given(messages), 0)
    return "\n".join(peeked(raw, [f"m{at}" for at in range(len(messages))], said, None))


@pytest.mark.parametrize("write", [binary, structured], ids=["binary", "structured"])
@pytest.mark.parametrize("bodies", [v1, v2], ids=["V1", "V2"])
def test_the_log_of_kserve_is_recognised(write: Any, bodies: Any) -> None:
    """Proposed, with everything of the pair shown once."""
    rows = [{**ROW, "prediction_id": f"r{number}"} for number in range(3)]
    text = looked([message for row in rows for message in write([row], bodies([row], NAMES))])
    assert "6 of 6 messages are read as predictions, by what is proposed below" in text
    assert "models: fraud (3)" in text
    assert "m0 with m1: " in text
    assert "latency_ms: 12.5 at latency_ms" in text
    assert "prediction: 0.25 at prediction" in text
    assert "preset: kserve" in text


def test_features_by_position_and_halves_alone_are_read() -> None:
    """Names are asked for; what is neither a request nor a response is said to be left out."""
    pairs = binary([ROW], v1_lists([ROW], NAMES))
    other = binary([{**ROW, "prediction_id": "r2"}], v1_lists([ROW], NAMES))
    strange = structured([ROW], v1([ROW], NAMES))[0]
    event = {**json.loads(strange.value), "type": "org.kubeflow.serving.inference.explain"}
    text = looked([*pairs, other[1], type(strange)(json.dumps(event).encode())])
    assert "names: [f0, f1]" in text
    assert "m3: neither a request nor a response: left out" in text
    assert "4 of 4 messages are read" in text


def test_a_topic_of_seldon_is_recognised_by_its_name() -> None:
    """Its model is there, too."""
    message = in_topics([ROW], as_json(v2([ROW], NAMES)))[0]
    text = looked([message], "seldon.default.model.fraud.inputs")
    assert "preset: seldon" in text
    assert "models: fraud (1)" in text


def test_a_message_of_kserve_that_is_refused_is_called_by_its_name() -> None:
    """In the log and /readyz, too."""
    assert guess(structured([ROW], v1([ROW], NAMES))[0].value).endswith("preset: kserve")
