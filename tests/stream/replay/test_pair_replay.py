"""A replay pairs requests and responses as the monitor does, and labels join what was paired."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from events import structured, v1
from test_shapes import CONFIG, encoded, feedback, replayed, rows

if TYPE_CHECKING:
    from pathlib import Path

KSERVE = {"topic": "theirs", "preset": "kserve", "map": {"version": "endpoint"}}


def paired(predictions: list[dict[str, Any]]) -> list[list[bytes]]:
    """The events of each prediction: its request and its response."""
    return [[one.value for one in structured([row], v1([row], []))] for row in predictions]


def found(directory: Path, messages: list[bytes], labels: list[bytes]) -> dict[str, bytes]:
    """What a replay of events makes."""
    return replayed(directory, {**CONFIG, "sources": [KSERVE]}, messages, labels)


def test_events_are_judged_as_the_native_rows(tmp_path: Path) -> None:
    """Features, predictions, latencies, errors and labels: the same evaluations and alerts, to the last byte."""
    predictions = rows()
    labels = encoded(feedback(predictions))
    native = replayed(tmp_path / "native", CONFIG, encoded(predictions), labels)
    theirs = found(tmp_path / "theirs", [event for pair in paired(predictions) for event in pair], labels)
    assert b'"accuracy"' in native["evaluations.jsonl"]
    assert theirs["dead_letters.jsonl"] == b""
    assert sorted(theirs["evaluations.jsonl"].splitlines()) == sorted(native["evaluations.jsonl"].splitlines())
    assert theirs["alerts.jsonl"] == native["alerts.jsonl"]


def test_requests_alone_are_judged_by_their_features(tmp_path: Path) -> None:
    """What is measured of features is the same without any response, and no prediction is made up."""
    predictions = [row for row in rows() if not row.get("error")]
    whole = [event for pair in paired(predictions) for event in pair]
    alone = [pair[0] for pair in paired(predictions)]
    both, half = (found(tmp_path / name, given, []) for name, given in (("both", whole), ("half", alone)))

    def of(kind: str, given: dict[str, bytes]) -> list[Any]:
        read = (json.loads(line) for line in given["evaluations.jsonl"].splitlines())
        wanted = ("version", "segment", "feature", "metric", "window", "value", "lower", "upper", "samples")
        return sorted(str([row[name] for name in wanted]) for row in read if row["kind"] == kind)

    assert len(of("feature", half)) > 100
    assert of("feature", half) == of("feature", both)
    assert half["alerts.jsonl"] == both["alerts.jsonl"] == b""
