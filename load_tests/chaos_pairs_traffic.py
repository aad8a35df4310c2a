"""Predictions as KServe's logger writes them, a request and its response apart, while a monitor is disturbed."""

from __future__ import annotations

import datetime as dt
import heapq
import json
import random
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from chaos_traffic import LATENESS, PARTITIONS, Sent, Traffic
from events import Message, attributes, binary, structured, v1, v2

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, Any]

STEP = 200
"""Event time (ms) that is written at once, however long the clock went on."""
DELAY = 900
"""A response is written up to so long (ms) after its time."""
SLOWEST = 1_500.0
"""No prediction takes longer (ms): a pair whose halves are further apart than the source waits would be two records."""
MANY = 3
"""Rows that a request may have."""
NO_RESPONSE, NO_REQUEST = 0.02, 0.01


class PairTraffic(Traffic):
    """What `Traffic` writes, as requests and responses: these come later, in any partition, and some never."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._chance = random.Random(arguments[-1] if arguments else 0)
        self._number = count()
        self._due: list[tuple[int, int, Message]] = []

    def finish(self) -> Sent:
        """Write the responses that are due, then end the traffic.

        Their times lie in the future of the clock: the end has to lie behind them.
        """
        self.stop()
        if self._due:
            self._newest = max(self._newest, *(due for due, _, _ in self._due))
        self._respond(self._newest)
        return super().finish()

    def _tick(self, number: int, start: int, end: int) -> None:
        """Small steps: a partition's records are out of order by no more than one of them."""
        steps = max(1, -(-(end - start) // STEP))
        for step in range(steps):
            since, until = (start + (end - start) * at // steps for at in (step, step + 1))
            for group in self._groups(list(self._values(-(-number // steps), since, until))):
                self._ask(group, until)
            self._newest = max(self._newest, until)
            self._respond(until)
        for messages, records, dead in _bad(self._counts.messages):
            partition = self._chance.randrange(PARTITIONS)
            for message in messages:
                self._write(message, partition)
            self._counts.records += records
            self._counts.dead += dead

    def _produce(self, value: bytes | None, partition: int, records: int, dead: int, written: int = 0) -> None:
        """Both halves of a record that ends the traffic."""
        row = _bounded(json.loads(value or b""))
        for message in self._halves([row]):
            self._write(message, partition, written)
        self._counts.records += records
        self._counts.dead += dead

    def _groups(self, values: list[bytes]) -> Iterator[list[Row]]:
        """Rows by request: those of one share model, version and time, and none of them failed, or it is alone."""
        rows = [_bounded(json.loads(value)) for value in values]
        at = 0
        while at < len(rows):
            most = self._chance.randint(1, MANY)
            group = [rows[at]]
            for row in rows[at + 1 : at + most]:
                if row.get("error") or group[0].get("error") or row["model"] != group[0]["model"]:
                    break
                group.append(row)
            at += len(group)
            shared = {name: group[0][name] for name in ("timestamp", "version")}
            ident = group[0]["prediction_id"]
            yield [
                {**row, **shared, "prediction_id": f"{ident}/{place}" if len(group) > 1 else ident}
                for place, row in enumerate(group)
            ]

    def _halves(self, rows: list[Row]) -> list[Message]:
        names = list(rows[0].get("features", {}))
        bodies = self._chance.choice((v1, v2))(rows, names)
        return self._chance.choice((binary, structured))(rows, bodies)

    def _ask(self, rows: list[Row], now: int) -> None:
        """Write a request, and have its response written later; both at once where it is late."""
        self._counts.records += len(rows)
        request, response = self._halves(rows)
        partition = self._chance.randrange(PARTITIONS)
        at = _ms(rows[0]["timestamp"])
        if at < now - LATENESS:
            self._write(request, partition)
            self._write(response, partition)
            return
        lot = self._chance.random()
        if lot >= NO_REQUEST:
            self._write(request, partition)
        if lot < 1 - NO_RESPONSE:
            due = at + int(rows[0].get("latency_ms") or 0) + self._chance.randrange(DELAY)
            heapq.heappush(self._due, (due, next(self._number), response))

    def _respond(self, now: int) -> None:
        while self._due and self._due[0][0] <= now:
            self._write(heapq.heappop(self._due)[2], self._chance.randrange(PARTITIONS))

    def _write(self, message: Message, partition: int, written: int = 0) -> None:
        self._producer.produce(
            self.topic,
            message.value,
            headers=message.headers,
            partition=partition,
            timestamp=written,
            on_delivery=self._delivered,
        )
        self._counts.messages += 1


def _bounded(row: Row) -> Row:
    return {**row, "latency_ms": min(row.get("latency_ms") or 0.0, SLOWEST)}


def _ms(stamp: str) -> int:
    return round(dt.datetime.fromisoformat(stamp).timestamp() * 1000)


def _bad(number: int) -> Iterator[tuple[list[Message], int, int]]:
    """What cannot be read, one kind a tick: its messages, the records that they count as, and its dead letters."""
    row = {"model": "click", "version": "1", "prediction_id": f"bad-{number}", "timestamp": "2026-01-01T00:00:00+00:00"}
    headers = [(f"ce_{name}", str(value).encode()) for name, value in attributes([row], answers=False).items()]
    nameless = [(name, value) for name, value in headers if name != "ce_id"]
    other = [
        (name, b"org.kubeflow.serving.inference.explain" if name == "ce_type" else value) for name, value in headers
    ]
    whole = b'{"instances": [[%d]]}' % number
    kinds: tuple[tuple[list[Message], int, int], ...] = (
        ([Message(whole, None, nameless)], 1, 1),
        ([Message(b'{"instances": [%d' % number, None, headers)], 1, 1),
        ([Message(whole, None, [])], 1, 1),
        ([Message(whole, None, other)], 0, 0),
        ([Message(b"\xff\xfe%d" % number, None, headers)], 1, 1),
    )
    yield kinds[number % len(kinds)]
