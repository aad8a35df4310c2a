"""Throughput with feedback joined: every prediction is stored, one in five gets a label.

    python load_tests/label_throughput.py [--records N] [--repeats R] [--labelled SHARE]

Rows are measured in turn, all of them R times, and medians are shown. Bare consume reads both topics, as the product
does, and does nothing with them; rates are of predictions, each with its share of labels. A row ends when predictions
and feedback have both been read, decoded and counted; the join works in the same epoch. Exits 1 when the product with
the join, in one process, is below 0.35 of bare consume with the client's default settings, or with the product's own.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "load_tests")]

import bench_topic  # noqa: E402  the path comes first
import machine  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from confluent_kafka import Producer  # noqa: E402
from kafka_node import KafkaNode  # noqa: E402
from product import PATIENCE, POLL_SECONDS, Measure, Product, config_of  # noqa: E402
from throughput import child  # noqa: E402
from usage import usage  # noqa: E402

from stream.config.load import load  # noqa: E402
from stream.kafka.portion import POLL  # noqa: E402
from stream.kafka.topics import create, plan  # noqa: E402
from stream.references.build import BuildOptions, build  # noqa: E402
from stream.rows.open import open_rows  # noqa: E402
from stream.simulate.generator import Generator  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from windows.arrays import FloatArray, IntArray
    from windows.references.reference import Reference

PARTITIONS = 4
SPAN = 300_000
"""Event time the predictions are spread over, ms."""
DELAY = 20_000
"""Mean time from a prediction to its label, ms."""
PREDICTIONS, FEEDBACK = "predictions", "labels"
LEAST_RATIO = 0.35
UNMATCHED = "driftgauge_unmatched_feedback_total{"
CEILINGS = "bare consume", "bare consume, client's defaults"
JOINED = "driftgauge, joined"
PERFORMANCE: dict[str, Any] = {
    "windows": ["10m", "1h"],
    "label_delay": "1m",
    "accuracy": {"baseline": 0.5, "max_drop": 0.3},
}
"""Labels follow the score, so that accuracy is 0.75 and nothing fires."""


@dataclass(frozen=True)
class Bench:
    """The broker, its topics, the references without and with labelled rows, and where files go."""

    bootstrap: str
    directory: Path
    records: int
    labels: int
    plain: Reference
    labelled: Reference


def reference(directory: Path, *, labels: bool) -> Reference:
    """The reference of the throughput topic; with labelled rows it can estimate performance, too."""
    rows = bench_topic.rows(200_000)
    if labels:
        rows["label"] = (np.random.default_rng(1).random(200_000) < rows["prediction"]).astype(np.int64)
    path = directory / f"rows-{labels}.parquet"
    pq.write_table(pa.table(rows), path)
    return build(open_rows(path, {}), BuildOptions(bench_topic.MODEL, task="binary")).reference


def fill(bootstrap: str, generator: Generator, count: int, share: float, start: int) -> int:
    """Write the predictions, then a label for a share of them in the order of their times; returns how many labels."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 200_000,
            "compression.type": "none",
        }
    )
    rng, chunk = np.random.default_rng(2), bench_topic.CHUNK
    times: list[IntArray] = []
    numbers: list[IntArray] = []
    scores: list[FloatArray] = []
    for index, first in enumerate(range(0, count, chunk)):
        last = min(first + chunk, count)
        traffic = generator.batch(last - first, start + first * SPAN // count, start + last * SPAN // count)
        bench_topic.send(producer, PREDICTIONS, index % PARTITIONS, generator.encode(bench_topic.rounded(traffic)))
        chosen = np.flatnonzero(rng.random(len(traffic)) < share)
        times.append(traffic.timestamps[chosen] + rng.exponential(DELAY, len(chosen)).astype(np.int64))
        numbers.append(traffic.first + chosen)
        scores.append(np.asarray(traffic.prediction, dtype=np.float64)[chosen])
    at, number = np.concatenate(times), np.concatenate(numbers)
    label = rng.random(len(at)) < np.concatenate(scores)
    order = np.argsort(at, kind="stable")
    values = _feedback(at[order], number[order], label[order])
    for index in range(-(-len(at) // chunk)):
        bench_topic.send(producer, FEEDBACK, index % PARTITIONS, list(islice(values, chunk)))
    if producer.flush(120):
        raise TimeoutError("the broker did not confirm every record")
    return len(at)


def _feedback(times: IntArray, numbers: IntArray, labels: Any) -> Iterator[bytes]:
    form = b'{"prediction_id":"b-%x","timestamp":%d,"model":"' + bench_topic.MODEL.encode() + b'","label":%d}'
    for at, number, label in zip(times.tolist(), numbers.tolist(), labels.tolist(), strict=True):
        yield form % (number, at, label)


def bare(bench: Bench, settings: str) -> Measure:
    """Read both topics with one consumer a partition in one process, and do nothing with them."""
    partitions = ",".join(map(str, range(PARTITIONS)))
    topics, records = f"{PREDICTIONS},{FEEDBACK}", bench.records + bench.labels
    found = child("bare.py", "consume", bench.bootstrap, topics, partitions, str(records), settings, str(POLL), "{}")
    return Measure(bench.records, found.seconds, found.cpu, found.rss)


@dataclass(frozen=True)
class Join:
    """What the join's stores take (bytes), and how many labels met no prediction although all have one."""

    size: int
    lost: int


def monitor(bench: Bench, given: Reference, joins: list[Join], *, joined: bool, processes: int = 1) -> Measure:
    """Run the product over the full topics, from an empty state directory."""
    with tempfile.TemporaryDirectory(dir=bench.directory) as scratch:
        directory = Path(scratch)
        config = config_of(bench.bootstrap, PREDICTIONS, directory, given)
        config["topics"]["feedback"] = FEEDBACK
        if joined:
            config["models"][0]["performance"] = PERFORMANCE
        product = Product(directory, config, processes)
        results = create({"bootstrap.servers": bench.bootstrap}, plan(load(product.path).topics, replication=1))
        if any(result.outcome == "failed" for result in results):
            raise RuntimeError(f"topics: {results}")
        found, lost = run(product, bench.records, bench.labels if joined else 0)
        if joined:
            files = [file for file in (directory / "state" / "join").rglob("*") if file.is_file()]
            joins.append(Join(sum(file.stat().st_size for file in files), lost))
        return found


def run(product: Product, predictions: int, labels: int) -> tuple[Measure, int]:
    """Measure from a tenth of the records on (start-up is over) until all have been counted.

    How far it is, is the smaller of the shares of predictions and of labels that it has counted; see `run_product`.
    Returns that, and the labels lost by then.
    """
    steps: list[tuple[float, float, float]] = []
    largest, done, text = 0.0, 0.0, ""
    deadline = time.monotonic() + PATIENCE
    with product:
        while done < 1.0:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{done:.1%} of the records after {PATIENCE} s")
            text = product.metrics()
            read = _read(text)
            shares = [read.get(PREDICTIONS, 0.0) / predictions]
            if labels:
                shares.append(read.get(FEEDBACK, 0.0) / labels)
            used = usage(product.pid)
            largest = max(largest, used.rss)
            if min(shares) > done:
                done = min(shares)
                steps.append((time.perf_counter(), done, used.cpu))
            time.sleep(POLL_SECONDS)
    inside = [step for step in steps if 0.1 <= step[1] < 1.0]
    first, last = (inside[0], inside[-1]) if len(inside) > 2 else (steps[0], steps[-1])
    if last[0] <= first[0]:
        raise RuntimeError(f"{predictions} predictions are too few to measure: all came in one step")
    lost = sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(UNMATCHED))
    return Measure((last[1] - first[1]) * predictions, last[0] - first[0], last[2] - first[2], largest), int(lost)


def _read(text: str) -> dict[str, float]:
    """Records read so far, by topic."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("driftgauge_records_read_total{"):
            topic = line.partition('topic="')[2].partition('"')[0]
            found[topic] = found.get(topic, 0.0) + float(line.rpartition(" ")[2])
    return found


def rows_of(bench: Bench, joins: list[Join]) -> dict[str, Callable[[], Measure]]:
    """Every row by name, in the order of measuring."""
    return {
        CEILINGS[0]: lambda: bare(bench, "product"),
        CEILINGS[1]: lambda: bare(bench, "defaults"),
        "driftgauge, no join": lambda: monitor(bench, bench.plain, joins, joined=False),
        JOINED: lambda: monitor(bench, bench.plain, joins, joined=True),
        JOINED + " and estimated": lambda: monitor(bench, bench.labelled, joins, joined=True),
        JOINED + ", 2 processes": lambda: monitor(bench, bench.plain, joins, joined=True, processes=2),
        CEILINGS[0] + " again": lambda: bare(bench, "product"),
    }


def show(found: dict[str, list[Measure]], bench: Bench, joins: list[Join]) -> bool:
    """Print the table and the verdict; whether the requirement is met."""
    ceilings = {name: statistics.median(item.rate for item in found[name]) for name in CEILINGS}
    head = f"{'row':34}{'predictions/s':>14}{'labels/s':>10}{'of product':>11}{'of default':>11}"
    print(f"\n{head}{'CPU us each':>13}{'RSS MB':>8}   range of rates")
    for name, items in found.items():
        rates = [item.rate for item in items]
        rate = statistics.median(rates)
        ratios = "".join(f"{rate / ceiling:>11.3f}" for ceiling in ceilings.values())
        cost = statistics.median(item.cost for item in items)
        labels = rate * bench.labels / bench.records if name != "driftgauge, no join" else 0.0
        print(f"{name:34}{rate:>14,.0f}{labels:>10,.0f}{ratios}{cost:>13.2f}", end="")
        print(f"{max(item.rss for item in items) / 1e6:>8,.0f}   {min(rates):,.0f} to {max(rates):,.0f}")
    print(f"disk of the join's stores: {max(join.size for join in joins) / bench.records:.1f} bytes a prediction")
    lost = max(join.lost for join in joins)
    print(f"labels that met no prediction: {lost}{'  NOT KEPT: every one has its prediction' if lost else ''}")
    rate = statistics.median(item.rate for item in found[JOINED])
    kept = not lost
    for name, ceiling in ceilings.items():
        met = rate >= LEAST_RATIO * ceiling
        kept &= met
        print(f"{rate / ceiling:.3f} of {name}, at least {LEAST_RATIO}: {'kept' if met else 'NOT KEPT'}")
    return kept


def main() -> int:
    """Measure and print; 1 when the requirement is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--labelled", type=float, default=0.2, help="share of the predictions that get a label")
    parser.add_argument("--rows", default="", help="beside bare consume, only rows that contain one of these words")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that broker and files go with it
    machine.show()
    with tempfile.TemporaryDirectory(prefix="driftgauge-load-") as scratch, KafkaNode() as node:
        directory = Path(scratch)
        plain, labelled = (reference(directory, labels=labels) for labels in (False, True))
        for topic in (PREDICTIONS, FEEDBACK):
            bench_topic.create(node.bootstrap, topic, PARTITIONS)
        generator = Generator(plain, 1, prefix="b-")
        start = int(time.time() * 1000) - 2 * SPAN
        labels = fill(node.bootstrap, generator, options.records, options.labelled, start)
        print(
            f"{'work':10} {options.records:,} predictions, {labels:,} labels, {PARTITIONS} partitions each", flush=True
        )
        bench = Bench(node.bootstrap, directory, options.records, labels, plain, labelled)
        joins: list[Join] = []
        found: dict[str, list[Measure]] = {}
        words = [word for word in options.rows.split(",") if word]
        for repeat in range(options.repeats):
            for name, measured in rows_of(bench, joins).items():
                if words and not name.startswith("bare") and not any(word in name for word in words):
                    continue
                result = measured()
                found.setdefault(name.removesuffix(" again"), []).append(result)
                print(f"  {repeat + 1}/{options.repeats} {name:34} {result.rate:>12,.0f}/s", flush=True)
        return 0 if show(found, bench, joins) else 1


if __name__ == "__main__":
    sys.exit(main())
