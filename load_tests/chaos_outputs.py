"""What a monitor wrote, and whether two monitors wrote the same."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from confluent_kafka import Message

SILENT_SECONDS = 120.0
"""Without a message, though there are some."""
_EMITTED = re.compile(rb'"emitted_at":"[^"]*"')
_STATE = re.compile(rb'"state":"(\w+)"')
_KIND = re.compile(rb'"alert":"(\w+)"')
_OF_LABELS = re.compile(rb'"kind":"(performance|comparison|concept)"')
SHOWN = 3


@dataclass
class Rows:
    """A topic after de-duplication by id.

    Attributes:
        by_id: id -> everything of the row that must be equal in every run.
        duplicates: rows that came again.
        conflicts: ids that came again with another content.
    """

    by_id: dict[bytes, bytes] = field(default_factory=dict)
    duplicates: int = 0
    conflicts: list[bytes] = field(default_factory=list)

    def add(self, identity: bytes, content: bytes) -> None:
        """Take a row in. A window of labels may be measured again and be the same: such a row is no duplicate."""
        known = self.by_id.setdefault(identity, content)
        if known is content:
            return
        self.duplicates += _OF_LABELS.search(content) is None
        if known != content:
            self.conflicts.append(identity)


@dataclass(frozen=True)
class Outputs:
    """Everything that a monitor wrote."""

    evaluations: Rows
    alerts: Rows
    dead_letters: Rows
    actions: Rows = field(default_factory=Rows)

    def topics(self) -> dict[str, Rows]:
        """Each topic by name."""
        return {
            "evaluations": self.evaluations,
            "alerts": self.alerts,
            "dead letters": self.dead_letters,
            "actions": self.actions,
        }

    @property
    def duplicates(self) -> int:
        """Rows that came again, over all topics."""
        return sum(rows.duplicates for rows in self.topics().values())

    def alert_states(self) -> dict[str, int]:
        """How many alert events there are, by alert and state."""
        counts: dict[str, int] = {}
        for content in self.alerts.by_id.values():
            kind, state = (pattern.search(content) for pattern in (_KIND, _STATE))
            name = b" ".join(found[1] for found in (kind, state) if found).decode()
            counts[name] = counts.get(name, 0) + 1
        return dict(sorted(counts.items()))


def read_outputs(bootstrap: str, topics: dict[str, str], until: int | None = None) -> Outputs:
    """Read all of a monitor's topics.

    Args:
        bootstrap: the broker.
        topics: the `topics` section of the monitor's config.
        until: event time (ms) after which evaluations and alerts are left out; None for all.
    """
    return Outputs(
        _rows(bootstrap, topics["evaluations"], _measured, until),
        _rows(bootstrap, topics["alerts"], _event, until),
        _rows(bootstrap, topics["dead_letters"], _letter, None),
        _rows(bootstrap, topics["actions"], _event, until),
    )


def differences(found: Outputs, expected: Outputs) -> list[str]:
    """Say in a line each where two monitors differ; nothing when they wrote the same."""
    lines = []
    for name, rows in found.topics().items():
        wanted = expected.topics()[name].by_id
        groups = {
            "missing": [key for key in wanted if key not in rows.by_id],
            "not expected": [key for key in rows.by_id if key not in wanted],
            "other content": [key for key, content in rows.by_id.items() if wanted.get(key, content) != content],
            "came again with other content": rows.conflicts,
        }
        for what, keys in groups.items():
            if keys:
                examples = ", ".join(key[:120].decode("utf-8", "replace") for key in keys[:SHOWN])
                lines.append(f"{name}: {len(keys)} {what}: {examples}")
                if what == "other content":
                    lines += [f"    {rows.by_id[keys[0]]!r}", f"    {wanted[keys[0]]!r}"]
    return lines


def keep_differences(path: Path, found: Outputs, expected: Outputs) -> None:
    """Write every row that one of two monitors wrote and the other did not, a line each with the one who did."""
    with path.open("wb") as file:
        for name, rows in found.topics().items():
            wanted = expected.topics()[name].by_id
            for who, ours, others in (("found", rows.by_id, wanted), ("expected", wanted, rows.by_id)):
                for key, content in ours.items():
                    if others.get(key) != content:
                        file.write(b"%s %s " % (name.encode(), who.encode()) + content.replace(b"\n", b" ") + b"\n")


def keep_topic(path: Path, bootstrap: str, topic: str) -> None:
    """Write a topic as it is, so that what was read can be read again: partition, offset, time, key, value."""
    with path.open("w", encoding="utf-8") as file:
        for message in _messages(bootstrap, topic):
            key, value = (None if held is None else held.decode("latin-1") for held in (message.key(), message.value()))
            place = (message.partition(), message.offset(), message.timestamp()[1])
            file.write(json.dumps([*place, key, value]) + "\n")


def _rows(bootstrap: str, topic: str, split: Callable[[Message], tuple[bytes, bytes]], until: int | None) -> Rows:
    rows = Rows()
    for message in _messages(bootstrap, topic):
        if until is None or _time(message) <= until:
            rows.add(*split(message))
    return rows


def _messages(bootstrap: str, topic: str) -> Iterator[Message]:
    settings = {"bootstrap.servers": bootstrap, "group.id": f"chaos-{uuid.uuid4()}", "enable.auto.commit": False}
    consumer = Consumer(settings)
    deadline = time.monotonic() + SILENT_SECONDS
    try:
        parts = [TopicPartition(topic, p, 0) for p in consumer.list_topics(topic, timeout=10).topics[topic].partitions]
        ends = {part.partition: consumer.get_watermark_offsets(part, timeout=10)[1] for part in parts}
        consumer.assign(parts)
        left = sum(ends.values())
        while left:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} messages of {topic} could not be read")
            messages = [message for message in consumer.consume(5_000, 0.1) if message.error() is None]
            left -= len(messages)
            yield from messages
            deadline = time.monotonic() + SILENT_SECONDS if messages else deadline
    finally:
        consumer.close()


def _headers(message: Message) -> dict[str, bytes]:
    return {name: value or b"" for name, value in message.headers() or []}


def _time(message: Message) -> int:
    return int(dt.datetime.fromisoformat(_headers(message)["ce_time"].decode()).timestamp() * 1e3)


def _event(message: Message) -> tuple[bytes, bytes]:
    """Id, and all the rest of an alert or evaluation but the time by the clock at which it left."""
    headers = _headers(message)
    value, _ = _EMITTED.subn(b"", message.value() or b"")
    return headers["ce_id"], b"\x00".join([message.key() or b"", repr(sorted(headers.items())).encode(), value])


def _measured(message: Message) -> tuple[bytes, bytes]:
    """An evaluation. One that is measured again as labels come has the same id: each of its states is a row."""
    identity, content = _event(message)
    return (identity + b"\x00" + content if _OF_LABELS.search(content) else identity), content


def _letter(message: Message) -> tuple[bytes, bytes]:
    """Where a dead letter was read and its bytes; and all the rest."""
    headers = _headers(message)
    where = b"/".join(headers[f"driftgauge.error.{name}"] for name in ("topic", "partition", "offset"))
    value = message.value()
    identity = where + (b"/none" if value is None else b"/" + value)
    return identity, repr((message.key(), sorted(headers.items()))).encode()
