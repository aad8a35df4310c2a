"""Several topics as one source: lists, patterns that new topics come to match, and topics that hold both kinds."""

from __future__ import annotations

import json
import logging
import time
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from monitored import PANE, Monitor, Site, Traffic, with_sources

from stream.workers.topics import chooser

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

COUNTERS = ("records_folded_total", "late_records_total", "feedback_total", "labels_total", "dead_letters_total")


def now() -> int:
    """This moment, ms."""
    return int(time.time() * 1e3)


def labelled_rows(site: Site) -> list[tuple[bytes, bytes]]:
    """What the site's own topic holds, each with its label."""
    rows = [json.loads(message.value() or b"") for message in site.broker.read_all(site.predictions)]
    rows.sort(key=itemgetter("timestamp"))
    said = [{name: row[name] for name in ("prediction_id", "timestamp", "model")} for row in rows]
    return [
        (json.dumps(row).encode(), json.dumps({**label, "label": number % 2}).encode())
        for number, (row, label) in enumerate(zip(rows, said, strict=True))
    ]


def test_a_topic_that_comes_to_match_is_read_from_its_oldest_record(broker: Broker, tmp_path: Path) -> None:
    """It is noticed while traffic flows, and during a stop: all it holds counts, also with start: latest, none late."""
    first = broker.topic("scores")
    sites = [Site(tmp_path / str(number), broker, f"{first}.{number}", evaluations=False) for number in range(2)]
    site = Site(tmp_path / "site", broker, first, evaluations=False, start="latest", idle_after="15s")
    with_sources(site, [{"pattern": rf"{first}(\.\d)?"}])
    own, other, third = (Traffic(each, now() - 200) for each in (site, *sites))
    with Monitor(site) as running:
        running.until(lambda: len(running.registry.values("consumer_lag_messages")) == 4)
        begun = now()
        while now() < begun + 8_000:
            running.until(lambda: now() > own.at + PANE)
            own.write(1)
            if now() > begun + 4_000:
                if not other.count:
                    broker.topic(name=sites[0].predictions)
                other.at = own.at - PANE
                other.write(1)
        running.until_read(own.count + other.count)
        running.until(lambda: running.total("records_folded_total") == own.count + other.count)
        assert running.total("records_read_total", topic=f"{first}.0") == other.count
        assert running.total("late_records_total") == 0
    broker.topic(name=sites[1].predictions)
    third.at = now() // PANE * PANE
    third.write(1)
    with Monitor(site) as running:
        running.until(lambda: running.total("records_folded_total") == own.count + other.count + third.count)
        assert running.total("records_read_total", topic=f"{first}.1") == third.count
        assert running.total("late_records_total") == 0


def test_a_topic_that_holds_both_is_read_once_and_counts_as_two_would(
    broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The same records in one topic, or in two of predictions and two of feedback, come to the same counts."""
    caplog.set_level(logging.INFO, logger="driftgauge.monitor")
    one, several = (Site(tmp_path / name, broker, broker.topic(name), evaluations=False) for name in ("one", "several"))
    start = now() - 60 * PANE
    own = Traffic(one, start)
    own.write(4)
    rows = labelled_rows(one)
    both, scores, labels = (
        broker.topic("both"),
        *([broker.topic(f"{stem}{number}") for number in range(2)] for stem in ("scores", "labels")),
    )
    for number in range(4):
        mine = rows[number::4]
        broker.produce(both, [value for row in mine for value in row] + [b"{", b'{"model":"click"}'], partition=number)
        for half, (topic, other) in enumerate(zip(scores, labels, strict=True)):
            broker.produce(topic, [value for value, _ in mine[half::2]] + [b"{"] * (half == 0), partition=number)
            broker.produce(other, [label for _, label in mine[half::2]], partition=number)
    with_sources(one, [{"topic": both, "holds": "both"}])
    with_sources(several, [{"topics": scores}, {"topics": labels, "holds": "feedback"}])
    found: list[dict[str, int]] = []
    for site in (one, several):
        config = yaml.safe_load(site.path.read_text())
        config["models"][0]["performance"] = {"windows": ["5s"], "label_delay": "2s"}
        site.path.write_text(yaml.safe_dump(config))
        with Monitor(site) as running:
            running.until_read(2 * len(rows) + 4)
            running.until(lambda seen=running: seen.total("labels_total", event="matched") == _labelled(rows))
            running.until(lambda seen=running: seen.total("records_folded_total") == len(rows))
            running.until(lambda seen=running: seen.total("dead_letters_total") == 4)
            found.append({name: running.total(name) for name in COUNTERS})
            if site is one:
                assert running.total("records_skipped_total") == 4
    assert found[0] == found[1]
    assert found[0]["feedback_total"] == len(rows)
    assert sum(both in line for line in caplog.messages if line.startswith("reading ")) == 1
    assert len(one.read("dead_letters")) == 4


def _labelled(rows: list[tuple[bytes, bytes]]) -> int:
    """Failed predictions get no label."""
    return sum("error" not in json.loads(value) for value, _ in rows)


@pytest.mark.parametrize(
    ("sources", "chosen"),
    [
        ([{"pattern": r"a\..*"}], ["a.b", "a.c"]),
        ([{"pattern": r"a"}], []),
        ([{"pattern": r".*"}], ["a.b", "a.c", "predictions"]),
        ([{"topic": "a.b"}, {"pattern": r"a.*"}], ["a.c"]),
        ([{"topic": "predictions"}, {"topic": "a.b", "holds": "feedback"}, {"pattern": r"a.*"}], ["a.c"]),
        ([{"pattern": r".*\.c"}, {"pattern": r"a.*"}], ["a.c", "a.b"]),
        ([{"pattern": r"a.*", "holds": "both"}], ["a.b", "a.c", "a.b", "a.c"]),
    ],
    ids=["some", "whole names", "all but ours", "but the named", "but of the other kind", "once", "both"],
)
def test_what_a_pattern_matches(
    broker: Broker, tmp_path: Path, sources: list[dict[str, Any]], chosen: list[str]
) -> None:
    """Whole names; never what the config reads or writes by name, nor a broker's own; of two patterns the first's."""
    ours = {"alerts": "o.alerts", "dead_letters": "o.dead"}
    site = Site(tmp_path, broker, "x", evaluations=False, topics=ours)
    with_sources(site, sources)
    config = site.config
    outputs = [name for key, name in config.topics if name is not None and key not in {"predictions", "feedback"}]
    names = ["a.c", "a.b", "predictions", "feedback", "__consumer_offsets", *outputs]
    assert chooser(config)(names) == chosen
