"""`export labelled` of requests and responses in topics of their own: the table of the same rows in one topic."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import yaml
from events import as_json, in_topics, v2
from monitored import reference
from test_export_labelled import ROWS, SAID, run, site, table, text

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

NAMES = [*reference().features, "note"]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """As Seldon logs it: latencies are those between the times of writing."""
    return {**row, "latency_ms": float(round(row["latency_ms"]))}


def test_pairs_of_two_topics_are_exported_as_rows(tmp_path: Path, embedded_broker: Broker) -> None:
    """Requests in some partitions, responses in others: every prediction has its features, its answer and its label."""
    rows = [plain(row) for row in ROWS if row["model"] == "click" and "prediction_id" in row and not row.get("error")]
    rows = list({row["prediction_id"]: row for row in rows}.values())
    (tmp_path / "native").mkdir()
    (tmp_path / "pairs").mkdir()
    native = site(tmp_path / "native", embedded_broker, rows, SAID)
    path = site(tmp_path / "pairs", embedded_broker, [], SAID)
    names = [embedded_broker.topic(name=f"s.{tmp_path.name}.model.click.{side}") for side in ("inputs", "outputs")]
    luck = random.Random(1)
    sent: dict[tuple[str, int], list[Any]] = {(name, number): [] for name in names for number in range(4)}
    for row in sorted(rows, key=lambda row: row["timestamp"]):
        stamped = {**row, "timestamp": text(row["timestamp"])}
        for topic, one in zip(names, in_topics([stamped], as_json(v2([stamped], NAMES))), strict=True):
            sent[topic, luck.randrange(4)].append((one.value, row["prediction_id"].encode(), one.headers, one.written))
    for (topic, partition), messages in sent.items():
        embedded_broker.send(topic, messages, partition)
    config = yaml.safe_load(path.read_text())
    config["sources"] = [{"topics": names, "preset": "seldon", "map": {"version": {"header": "x-version"}}}]
    path.write_text(yaml.safe_dump(config))
    for one in (native, path):
        done = run(one)
        assert done.exit_code == 0, (done.output, done.exception)
    mine, theirs = table(path), table(native)
    assert len(theirs) > 1_000
    assert mine.equals(theirs[mine.columns])
    assert sorted(mine.columns) == sorted(theirs.columns)
