"""The straightforward pipeline to compare with: Bytewax's own operators, one Python object a prediction.

What one writes after reading Bytewax's guide: its Kafka source, json.loads, key_on, fold_window over 10 seconds of
event time, histograms kept with bisect on the reference's edges. It counts what driftgauge counts; it judges nothing.

usage: baseline_bytewax.py BOOTSTRAP TOPIC REFERENCE
Prints one JSON object: records, seconds, cpu (seconds of all threads), rss (bytes), windows, late.
"""

from __future__ import annotations

import json
import sys
import time
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bare import cpu, peak_rss
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower, fold_window
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import cluster_main

from windows.references.reference import Reference, from_json
from windows.sketches.profiles import NumericProfile

PANE = timedelta(seconds=10)
LATENESS = timedelta(seconds=5)
LATENCY_EDGES = [0.01 * 1.02**i for i in range(900)]


@dataclass
class Counts:
    """What one window of one model holds."""

    rows: int = 0
    bins: dict[str, Counter[int]] = field(default_factory=dict)
    categories: dict[str, Counter[str]] = field(default_factory=dict)
    prediction: Counter[int] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)


@dataclass
class Tally:
    """What came out, and when the first record came in."""

    rows: int = 0
    windows: int = 0
    late: int = 0
    began: float = 0.0
    used: float = 0.0


class _Totals(DynamicSink[Any], StatelessSinkPartition[Any]):
    """Counts windows and late records."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def build(self, _step: str, _index: int, _count: int) -> _Totals:
        return self

    def write_batch(self, items: list[Any]) -> None:
        for _key, (_window, value) in items:
            if isinstance(value, Counts):
                self._tally.windows += 1
                self._tally.rows += value.rows
            else:
                self._tally.late += 1


def flow_of(bootstrap: str, topic: str, reference: Reference, tally: Tally) -> Dataflow:
    """Return the pipeline."""
    edges = {n: p.edges.tolist() for n, p in reference.features.items() if isinstance(p, NumericProfile)}
    names = [name for name in reference.features if name not in edges]
    scores = reference.prediction.edges.tolist() if isinstance(reference.prediction, NumericProfile) else []

    def parse(message: Any) -> dict[str, Any]:
        if not tally.began:
            tally.began, tally.used = time.perf_counter(), cpu()
        record: dict[str, Any] = json.loads(message.value)
        record["timestamp"] = datetime.fromisoformat(record["timestamp"])
        return record

    def empty() -> Counts:
        return Counts(bins={name: Counter() for name in edges}, categories={name: Counter() for name in names})

    def fold(counts: Counts, record: dict[str, Any]) -> Counts:
        counts.rows += 1
        features = record["features"]
        for name, limits in edges.items():
            counts.bins[name][bisect_right(limits, features[name])] += 1
        for name in names:
            counts.categories[name][features[name]] += 1
        counts.prediction[bisect_right(scores, record["prediction"])] += 1
        counts.latency[bisect_right(LATENCY_EDGES, record["latency_ms"])] += 1
        return counts

    flow = Dataflow("straightforward")
    read = kop.input("read", flow, brokers=[bootstrap], topics=[topic], tail=False)
    parsed = op.map("parse", read.oks, parse)
    keyed = op.key_on("model", parsed, lambda record: record["model"])
    clock = EventClock(lambda record: record["timestamp"], LATENESS)
    windower = TumblingWindower(PANE, datetime(2020, 1, 1, tzinfo=UTC))
    # Order within a window does not matter to counts: the default, ordered=True, would sort for nothing.
    windows = fold_window("window", keyed, clock, windower, empty, fold, _merge, ordered=False)
    op.output("windows", windows.down, _Totals(tally))
    op.output("late", windows.late, _Totals(tally))
    return flow


def _merge(_left: Counts, _right: Counts) -> Counts:
    raise AssertionError("tumbling windows never merge")


def main(bootstrap: str, topic: str, reference: str) -> None:
    """Run the pipeline to the end of the topic."""
    tally = Tally()
    flow = flow_of(bootstrap, topic, from_json(Path(reference).read_bytes()), tally)
    cluster_main(flow, [], 0, worker_count_per_proc=1)
    seconds, used = time.perf_counter() - tally.began, cpu() - tally.used
    rss = peak_rss()
    result = {"records": tally.rows + tally.late, "seconds": seconds, "cpu": used, "rss": rss}
    print(json.dumps({**result, "windows": tally.windows, "late": tally.late}))


if __name__ == "__main__":
    main(*sys.argv[1:])
