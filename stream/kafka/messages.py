"""Outgoing messages: alert events, evaluations and dead letters as the contract has them.

Output headers are CloudEvents, binary mode.
"""

from __future__ import annotations

import datetime as dt
import shlex
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from operators.actions.event import ActionEvent
    from operators.alerts.event import AlertEvent
    from operators.dead_letters import DeadLetter
    from operators.judging.evaluations import Evaluation

Headers = tuple[tuple[str, bytes | None], ...]

SHORT_CAUSES = 10
"""Causes left of an alert that is too large for its topic."""

SMALL = 1 << 16
"""Bytes of key and headers that a dead letter keeps although its value was too large."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ENCODER = msgspec.json.Encoder()
_TIMES = ("started_at", "ended_at", "event_time", "emitted_at")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message about to be written."""

    key: bytes | None
    value: bytes | None
    headers: Headers


@lru_cache(maxsize=4096)
def rfc3339(ms: int) -> str:
    """A time in ms as RFC 3339, UTC, to the millisecond."""
    moment = _EPOCH + dt.timedelta(milliseconds=ms)  # in whole numbers: a float would lose milliseconds of far years
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cloud_event(event_id: str, kind: str, source: str, time: int) -> Headers:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", f"io.driftgauge.{kind}.v1".encode()),
        ("ce_source", source.encode()),
        ("ce_time", rfc3339(time).encode()),
        ("content-type", b"application/json"),
    )


def alert_json(event: AlertEvent, now: int) -> dict[str, Any]:
    """An alert event as JSON values, with its times as RFC 3339 and `emitted_at` set to `now` (ms)."""
    fields: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(event, emitted_at=now))
    for name in _TIMES:
        if fields[name] is not None:
            fields[name] = rfc3339(fields[name])
    fields["window"] = _window(fields["window"])
    return fields


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as JSON values, with its times as RFC 3339."""
    fields: dict[str, Any] = msgspec.to_builtins(evaluation)
    fields["window"] = _window(fields["window"])
    return fields


def action_json(event: ActionEvent, now: int) -> dict[str, Any]:
    """A step of an action as JSON values, with its times as RFC 3339 and `emitted_at` set to `now` (ms)."""
    fields: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(event, emitted_at=now))
    for name in ("requested_at", "complete_by", "event_time", "emitted_at"):
        fields[name] = rfc3339(fields[name])
    if fields["data"] is not None:
        for period in (fields["data"], *fields["data"]["exclude"]):
            _write_period(period)
        fields["data"]["command"] = export_command(event.model, fields["data"])
    return fields


def export_command(model: str, data: dict[str, Any]) -> str:
    """What writes the rows of a period to a file, with times as RFC 3339; to be run beside driftgauge.yaml."""
    given = [("--model", model), ("--from", data["from"]), ("--until", data["until"])]
    given += [("--exclude", f"{one['from']}/{one['to']}") for one in data["exclude"]]
    words = " ".join(f"{name} {shlex.quote(value)}" for name, value in given)
    return f"driftgauge export labelled {words} -o {shlex.quote(f'{model}.parquet')}"


def _write_period(period: dict[str, Any]) -> None:
    for name in ("from", "until", "to"):
        if name in period:
            period[name] = rfc3339(period[name])


def _window(window: dict[str, Any]) -> dict[str, Any]:
    return {"size": window["size"], "start": rfc3339(window["start"]), "end": rfc3339(window["end"])}


def encode_alert(item: AlertEvent, now: int) -> Outgoing:
    """An alert event, keyed by its fingerprint so that the life of an alert stays in order."""
    return Outgoing(
        item.fingerprint.encode(),
        _ENCODER.encode(alert_json(item, now)),
        _cloud_event(item.id, "alert", f"driftgauge/{item.model}", item.event_time),
    )


def encode_short_alert(item: AlertEvent, now: int) -> Outgoing:
    """An alert event with its strongest causes only, for where all of them are too large."""
    return encode_alert(msgspec.structs.replace(item, causes=item.causes[:SHORT_CAUSES]), now)


def encode_action(item: ActionEvent, now: int) -> Outgoing:
    """A step of an action, keyed by model so that the actions of a model stay in order."""
    return Outgoing(
        item.model.encode(),
        _ENCODER.encode(action_json(item, now)),
        _cloud_event(item.event_id, "action", f"driftgauge/{item.model}", item.event_time),
    )


def encode_short_action(item: ActionEvent, now: int) -> Outgoing:
    """The same with its leading causes only, for where all of them are too large."""
    return encode_action(msgspec.structs.replace(item, causes=item.causes[:SHORT_CAUSES]), now)


def evaluation_id(evaluation: Evaluation) -> str:
    """What identifies an evaluation: model, version, segment, kind, feature, metric, window."""
    row = evaluation
    parts = (
        row.model,
        row.version,
        row.segment,
        row.kind,
        row.feature,
        row.metric,
        row.window.size,
        str(row.window.end),
    )
    return "/".join(parts)


def encode_evaluation(item: Evaluation, now: int) -> Outgoing:  # noqa: ARG001 - one signature for all encoders
    """An evaluation, keyed by model."""
    return Outgoing(
        item.model.encode(),
        _ENCODER.encode(evaluation_json(item)),
        _cloud_event(evaluation_id(item), "evaluation", f"driftgauge/{item.model}", item.window.end),
    )


def encode_dead_letter(item: DeadLetter, now: int) -> Outgoing:  # noqa: ARG001 - one signature for all encoders
    """The record as it came, with why it was rejected and where it was read in headers."""
    return Outgoing(item.key, item.value, (*item.headers, *_why(item)))


def encode_truncated_dead_letter(item: DeadLetter, now: int) -> Outgoing:
    """Without the value, its size in a header instead, for where it is too large; key and headers stay if small."""
    size = len(item.key or b"") + sum(len(name.encode()) + len(value or b"") for name, value in item.headers)
    if size > SMALL:
        return encode_bare_dead_letter(item, now)
    return Outgoing(item.key, None, (*item.headers, *_why(item), _truncated(item)))


def encode_bare_dead_letter(item: DeadLetter, now: int) -> Outgoing:  # noqa: ARG001 - one signature for all encoders
    """Nothing of the record itself: why it was rejected, where it was read, and how large its value was."""
    return Outgoing(None, None, (*_why(item), _truncated(item)))


def _truncated(item: DeadLetter) -> tuple[str, bytes]:
    return ("driftgauge.error.truncated", str(len(item.value or b"")).encode())


def _why(item: DeadLetter) -> Headers:
    return (
        ("driftgauge.error.reason", item.reason.value.encode()),
        ("driftgauge.error.detail", item.detail.encode("utf-8", "replace")),
        ("driftgauge.error.topic", item.topic.encode()),
        ("driftgauge.error.partition", str(item.partition).encode()),
        ("driftgauge.error.offset", str(item.offset).encode()),
    )
