"""Outgoing messages: what the contract says they look like."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from operators.alerts.event import AlertEvent, Cause, EventWindow
from operators.dead_letters import DeadLetter, Reason
from operators.judging.evaluations import Evaluation, WindowRow
from stream.kafka.messages import (
    SHORT_CAUSES,
    SMALL,
    Outgoing,
    encode_alert,
    encode_bare_dead_letter,
    encode_dead_letter,
    encode_evaluation,
    encode_short_alert,
    encode_truncated_dead_letter,
    evaluation_id,
    rfc3339,
)

START = 1_790_000_000_000
NOW = START + 70_123

ALERT = AlertEvent(
    id="a" * 32,
    fingerprint="f" * 16,
    alert="DataDrift",
    state="firing",
    severity="critical",
    model="click",
    version="2",
    segment="country=DE",
    monitor="drift.ks",
    metric="ks",
    value=0.31,
    lower=0.22,
    upper=0.4,
    threshold=0.1,
    samples=812,
    window=EventWindow("1m", START, START + 60_000),
    causes=[Cause("age", "ks", 0.31, 1.0)],
    reason="Feature age of click version 2 moved — away.",
    started_at=START + 60_000,
    ended_at=None,
    event_time=START + 60_000,
    emitted_at=None,
    runbook_url="https://example.org/DataDrift.md",
)
CONTRACT = {
    *("id", "fingerprint", "alert", "state", "severity", "model", "version", "segment", "monitor", "metric", "value"),
    *("lower", "upper", "threshold", "samples", "window", "causes", "reason", "started_at", "ended_at", "emitted_at"),
    *("runbook_url", "dashboard_url"),
}
EVALUATION = Evaluation(
    model="click",
    version="2",
    segment="",
    kind="feature",
    feature="age",
    metric="ks",
    window=WindowRow("1m", START, START + 60_000),
    value=0.31,
    lower=0.22,
    upper=None,
    threshold=0.1,
    samples=812,
    reference_samples=30_000,
    status="major",
    reason="the whole interval is past the major threshold",
)


def body(value: bytes | None) -> dict[str, Any]:
    """A message's value as JSON."""
    found: dict[str, Any] = json.loads(value or b"")
    return found


@pytest.mark.parametrize("ms", [0, 1, 999, START, 253_402_300_799_999])
def test_times_are_rfc_3339_in_utc_to_the_millisecond(ms: int) -> None:
    """They read back as the same millisecond, and end with Z."""
    text = rfc3339(ms)
    assert text.endswith("Z")
    assert len(text) == len("2026-01-01T00:00:00.000Z")
    assert round((datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e3) == ms


def test_an_alert_has_the_fields_of_the_contract() -> None:
    """All of them, times as text, `emitted_at` being now."""
    fields = body(encode_alert(ALERT, NOW).value)
    assert fields.keys() >= CONTRACT
    assert fields["window"] == {"size": "1m", "start": rfc3339(START), "end": rfc3339(START + 60_000)}
    assert fields["causes"] == [{"feature": "age", "metric": "ks", "value": 0.31, "share": 1.0}]
    assert fields["started_at"] == "2026-09-21T14:14:20.000Z"
    assert fields["emitted_at"] == "2026-09-21T14:14:30.123Z"
    assert fields["ended_at"] is None
    assert fields["reason"] == ALERT.reason


def test_an_alert_is_keyed_by_its_fingerprint_and_a_cloud_event() -> None:
    """Binary mode: what the event is stands in ce_ headers, the payload in the value."""
    message = encode_alert(ALERT, NOW)
    assert message.key == ALERT.fingerprint.encode()
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": ALERT.id.encode(),
        "ce_type": b"io.driftgauge.alert.v1",
        "ce_source": b"driftgauge/click",
        "ce_time": b"2026-09-21T14:14:20.000Z",
        "content-type": b"application/json",
    }


def test_the_same_alert_differs_in_emitted_at_only() -> None:
    """What is sent again after a crash can be told from the first by nothing else, and is dropped by its id."""
    first, second = (body(encode_alert(ALERT, now).value) for now in (NOW, NOW + 5))
    assert {name for name in first if first[name] != second[name]} == {"emitted_at"}


def test_an_evaluation_has_the_fields_of_the_contract_and_no_time_of_its_own() -> None:
    """Bounds that do not exist are null; the bytes do not depend on when it leaves."""
    message = encode_evaluation(EVALUATION, NOW)
    assert encode_evaluation(EVALUATION, NOW + 1) == message
    expected: dict[str, Any] = {name: getattr(EVALUATION, name) for name in EVALUATION.__struct_fields__}
    window = {"size": "1m", "start": rfc3339(START), "end": rfc3339(START + 60_000)}
    assert body(message.value) == {**expected, "window": window}
    assert message.key == b"click"
    assert dict(message.headers)["ce_id"] == evaluation_id(EVALUATION).encode()


def test_evaluations_of_different_things_have_different_ids() -> None:
    """Each of model, version, segment, kind, feature, metric and window makes another id; values do not."""
    fields = {name: getattr(EVALUATION, name) for name in EVALUATION.__struct_fields__}
    changes: list[dict[str, Any]] = [
        *({name: "x"} for name in ("model", "version", "segment", "kind", "feature", "metric")),
        {"window": WindowRow("5m", START, START + 60_000)},
        {"window": WindowRow("1m", START, START + 70_000)},
    ]
    ids = [evaluation_id(Evaluation(**{**fields, **change})) for change in changes]
    assert len({*ids, evaluation_id(EVALUATION)}) == len(changes) + 1
    assert evaluation_id(Evaluation(**{**fields, "value": 0.5})) == evaluation_id(EVALUATION)


def test_a_dead_letter_is_the_record_with_reasons_added() -> None:
    """Value, key and the record's own headers are untouched, in order; ours come after."""
    letter = DeadLetter(
        b"\xff{",
        b"\x00key",
        (("a", b"1"), ("a", None)),
        Reason.INVALID_TEXT,
        "not UTF-8 é",
        "predictions",
        3,
        77,
        START,
    )
    message = encode_dead_letter(letter, NOW)
    assert (message.value, message.key) == (b"\xff{", b"\x00key")
    assert message.headers == (
        ("a", b"1"),
        ("a", None),
        ("driftgauge.error.reason", b"invalid_text"),
        ("driftgauge.error.detail", "not UTF-8 é".encode()),
        ("driftgauge.error.topic", b"predictions"),
        ("driftgauge.error.partition", b"3"),
        ("driftgauge.error.offset", b"77"),
    )


def test_a_dead_letter_without_value_keeps_none() -> None:
    """A null value stays null, and text that no encoding holds does not stop it."""
    letter = DeadLetter(None, None, (), Reason.EMPTY, "\ud800", "predictions", 0, 0, None)
    message = encode_dead_letter(letter, NOW)
    assert (message.value, message.key) == (None, None)
    assert dict(message.headers)["driftgauge.error.detail"] == b"?"


def test_a_short_alert_has_its_strongest_causes_only() -> None:
    """The first of them, in order; all else as it was."""
    causes = [Cause(f"f{number}", "ks", 0.3, 0.01) for number in range(100)]
    event = msgspec.structs.replace(ALERT, causes=causes)
    short, whole = body(encode_short_alert(event, NOW).value), body(encode_alert(event, NOW).value)
    assert short == {**whole, "causes": whole["causes"][:SHORT_CAUSES]}
    assert encode_short_alert(ALERT, NOW) == encode_alert(ALERT, NOW)


def test_a_dead_letter_too_large_keeps_key_headers_and_the_size_of_its_value() -> None:
    """Without the value, and without key and headers as well when these are large."""
    letter = DeadLetter(b"v" * 99, b"key", (("a", b"1"),), Reason.EMPTY, "why", "predictions", 3, 77, START)
    own = (*encode_dead_letter(letter, NOW).headers[1:], ("driftgauge.error.truncated", b"99"))
    assert encode_truncated_dead_letter(letter, NOW) == Outgoing(b"key", None, (("a", b"1"), *own))
    assert encode_bare_dead_letter(letter, NOW) == Outgoing(None, None, own)
    for large in (replace(letter, key=b"k" * SMALL), replace(letter, headers=(("a", b"h" * SMALL),))):
        assert encode_truncated_dead_letter(large, NOW) == Outgoing(None, None, own)
