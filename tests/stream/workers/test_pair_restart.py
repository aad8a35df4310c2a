"""Requests that wait for their responses survive a stop of the monitor, and count alone when none comes."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING

from events import binary, v1
from monitored import Monitor, Site, Traffic, with_sources

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker
    from events import Message


def sent(broker: Broker, topic: str, lanes: list[list[Message]]) -> None:
    """Write messages to their partitions."""
    for partition, lane in enumerate(lanes):
        broker.send(topic, [(one.value, one.key, one.headers, one.written) for one in lane], partition)


def test_what_waits_survives_a_stop(embedded_broker: Broker, tmp_path: Path) -> None:
    """Requests before, responses after, in other partitions: each pair is one record; the last has no response."""
    broker = embedded_broker
    drafts = Site(tmp_path / "drafts", broker, broker.topic("drafts"))
    traffic = Traffic(drafts, int(time.time() * 1e3) - 60_000)
    traffic.write(2)
    rows = [json.loads(message.value() or b"") for message in broker.read_all(drafts.predictions)]
    rows = sorted((row for row in rows if not row.get("error")), key=lambda row: row["timestamp"])
    pairs = [binary([row], v1([row], [])) for row in rows]
    requests: list[list[Message]] = [[] for _ in range(traffic.partitions)]
    responses: list[list[Message]] = [[] for _ in range(traffic.partitions)]
    for number, (request, response) in enumerate(pairs):
        requests[number % traffic.partitions].append(request)
        if number < len(pairs) - 1:
            responses[(number + 1) % traffic.partitions].append(response)
    site = Site(tmp_path / "site", broker, broker.topic("logs"), idle_after="1h")
    with_sources(site, [{"topic": site.predictions, "preset": "kserve", "map": {"version": "endpoint"}}])
    sent(broker, site.predictions, requests)
    with Monitor(site) as running:
        running.until(lambda: running.total("halves_waiting") == len(rows))
    sent(broker, site.predictions, responses)
    later = {**rows[-1], "prediction_id": "later"}
    with Monitor(site) as running:
        running.until(lambda: running.total("pairs_total") == len(rows) - 1)
        ahead = _moved(later, 30)
        sent(broker, site.predictions, [binary([ahead], v1([ahead], []))[:1]] * traffic.partitions)
        running.until(lambda: running.total("unpaired_total", half="request", reason="alone") == 1)
        running.until(lambda: running.total("records_read_total") == len(rows))
        assert running.total("dead_letters_total") == 0
        assert running.total("unpaired_total", half="response") == 0


def _moved(row: dict[str, object], seconds: int) -> dict[str, object]:
    """The same, so much later."""
    at = dt.datetime.fromisoformat(str(row["timestamp"])) + dt.timedelta(seconds=seconds)
    return {**row, "timestamp": at.isoformat(timespec="milliseconds")}
