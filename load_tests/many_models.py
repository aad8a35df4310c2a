"""Many models in one process: what they take at rest, and with a prediction a second each, on a real broker.

    python load_tests/many_models.py [--models N] [--seconds S] [--processes P]

Every model has 50 features and the pane and windows that `model add` writes for a prediction a second. Measured are CPU
time and memory of all processes of `driftgauge run`: before anything came, while N predictions a second come, and
afterwards, when all windows hold something and nothing comes any more. While they come, what is asked is also how far
the watermark of every model is behind the clock, and at the end whether all were counted. Exits 1 when a hundred models
at rest take more than 5 % of a core, or anything is missing.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "load_tests")]

import machine  # noqa: E402  the path comes first
import numpy as np  # noqa: E402
import yaml  # noqa: E402
from bench_topic import create  # noqa: E402
from confluent_kafka import Producer  # noqa: E402
from fleet import write  # noqa: E402
from kafka_node import KafkaNode, free_ports  # noqa: E402
from patience import until  # noqa: E402
from product import Product  # noqa: E402
from usage import usage  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 20_000
"""Of a model's training rows: so many seconds of a prediction a second."""

PARTITIONS = 4
AT_REST = 0.05
"""Share of a core that a hundred models may take at rest."""

_WATERMARK = re.compile(r"^driftgauge_watermark_timestamp_seconds\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)


def messages(models: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(model, JSON up to the time) without end, every model in turn; the time is the sender's to write."""
    rng = np.random.default_rng(seed)
    while True:
        numbers = rng.normal(size=(models, 40)).round(4).tolist()
        names = rng.integers(0, 8, size=(models, 10)).tolist()
        scores = rng.random(models).round(4).tolist()
        for at in range(models):
            features = {f"number_{one}": value for one, value in enumerate(numbers[at])}
            features |= {f"name_{one}": "abcdefgh"[value] for one, value in enumerate(names[at])}
            record = {"model": f"m{at:03d}", "version": "1", "prediction": scores[at], "features": features}
            yield record["model"], json.dumps(record, separators=(",", ":"))[:-1].encode()


class Sender:
    """Sends so many predictions a second, evenly, until it is told to stop. A context manager."""

    def __init__(self, bootstrap: str, topic: str, models: int) -> None:
        self.sent = 0
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20})
        self._topic, self._models = topic, models
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        source, began = messages(self._models, 2), time.monotonic()
        while not self._ended.wait(0.1):
            due = int((time.monotonic() - began) * self._models) - self.sent
            stamp = b',"timestamp":%d}' % int(time.time() * 1e3)
            for _ in range(due):
                key, text = next(source)
                self._producer.produce(self._topic, text + stamp, key)
            self._producer.poll(0)
            self.sent += due

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._producer.flush()


def taken(product: Product, seconds: float) -> float:
    """Share of a core that it takes over so many seconds."""
    before, began = usage(product.pid), time.monotonic()
    threading.Event().wait(seconds)
    return (usage(product.pid).cpu - before.cpu) / (time.monotonic() - began)


def behind(product: Product) -> tuple[float, float]:
    """Median and most that watermarks are behind the clock, s."""
    page = product.metrics()
    lags = time.time() - np.array([float(one) for one in _WATERMARK.findall(page)])
    return float(np.median(lags)), float(lags.max())


def say(what: str, share: float, product: Product, models: int) -> None:
    """Print a line."""
    rss = usage(product.pid).rss / 1e6
    of_hundred = share / models * 100
    print(f"{what:16} {share:6.1%} of a core, {of_hundred:6.2%} a hundred models, RSS {rss:,.0f} MB", flush=True)


def measure(directory: Path, node: KafkaNode, models: int, seconds: float, processes: int) -> bool:
    """Print what they take; whether that is as promised."""
    names = ("predictions", "feedback", "alerts", "actions", "control", "dead_letters")
    for name in names:
        create(node.bootstrap, name, PARTITIONS if name == "predictions" else 1)
    config = {
        "kafka": {"brokers": node.bootstrap, "start": "earliest"},
        "topics": {name: name for name in names},
        "state": {"directory": str(directory / "state")},
        "http": {"listen": f"127.0.0.1:{free_ports(1)[0]}"},
    }
    product = Product(directory, config, processes)  # writes a config, which is written anew: that of many models
    write(directory, models, ROWS * 1_000, yaml.safe_dump(config))
    with product:
        until(lambda: "driftgauge_epoch_age_seconds" in product.metrics(), 600, "it runs")
        threading.Event().wait(10)
        rest = taken(product, seconds / 2)
        say("before any", rest, product, models)
        with Sender(node.bootstrap, "predictions", models) as sender:
            threading.Event().wait(seconds)
            busy = taken(product, seconds)
            say("one a second", busy, product, models)
            median, most = behind(product)
            print(f"{'watermarks':16} behind the clock: median {median:.1f} s, most {most:.1f} s")
        until(lambda: product.predictions() == sender.sent, 600, f"all {sender.sent:,} predictions are counted")
        print(f"{'counted':16} {sender.sent:,} of {sender.sent:,} predictions")
        threading.Event().wait(30)
        after = taken(product, seconds / 2)
        say("at rest again", after, product, models)
    return max(rest, after) / models * 100 <= AT_REST


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    machine.show()
    with tempfile.TemporaryDirectory(prefix="driftgauge-many-") as scratch, KafkaNode(heap="512m") as node:
        return 0 if measure(Path(scratch), node, options.models, options.seconds, options.processes) else 1


if __name__ == "__main__":
    sys.exit(main())
