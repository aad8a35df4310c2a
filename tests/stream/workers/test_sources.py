"""Several topics, each in a shape of its own, read by the monitor as one stream."""

from __future__ import annotations

import json
import time
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from monitored import PANE, Monitor, Site, Traffic, with_sources
from shapes import SHAPES

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

SHOP = next(shape for shape in SHAPES if shape.name == "shop")
FILTERED = next(shape for shape in SHAPES if shape.name.startswith("several places"))


def moved(site: Site, topics: dict[str, Any]) -> int:
    """Write what the site's own topic holds to others, in their shapes, each a share of it; how many records."""
    rows = [json.loads(message.value() or b"") for message in site.broker.read_all(site.predictions)]
    rows.sort(key=itemgetter("timestamp"))
    for number, (topic, shape) in enumerate(topics.items()):
        mine = rows[number :: len(topics)]
        for partition in range(4):
            site.broker.produce(topic, shape.messages(mine[partition::4]), partition=partition)
    return len(rows)


def test_two_topics_of_other_shapes_are_one_stream_that_goes_on_where_it_was(broker: Broker, tmp_path: Path) -> None:
    """All is read once, before and after a restart; dead letters and accounts are each topic's own."""
    site = Site(tmp_path / "site", broker, broker.topic("predictions"), evaluations=False)
    traffic = Traffic(site, int(time.time() * 1e3) - 60 * PANE)
    traffic.write(4)
    topics = {broker.topic("shop"): SHOP, broker.topic("filtered"): FILTERED}
    count = moved(site, topics)
    with_sources(site, [{"topic": topic, **shape.source} for topic, shape in topics.items()])
    first, second = topics
    with Monitor(site) as running:
        running.until(lambda: running.watermark >= traffic.closable)
        running.until_read(count)
        assert running.total("records_read_total", topic=second) == count // 2
        assert running.total("records_skipped_total", topic=second) == count // 2
        assert running.total("records_skipped_total", topic=first) == 0
        running.until(lambda: running.total("records_folded_total") == count)
    broker.produce(second, [b'{"type": "score", "x": {}}'], partition=3)
    with Monitor(site) as running:
        running.until(lambda: running.total("dead_letters_total", topic=second, reason="missing_field") == 1)
        # each partition's account goes on from the state
        assert running.total("records_read_total", topic=second, partition="3") == count // 8 + 1
    (letter,) = site.read("dead_letters")
    assert dict(letter.headers() or [])["driftgauge.error.partition"] == b"3"
