"""Throughput on a real broker: what driftgauge does in a second, beside what bounds it and what others do.

usage: python load_tests/throughput.py [--records N] [--repeats R] [--flink-dir DIR] [--rows NAME,NAME...]

Rows are measured in turn, all of them R times, and medians are shown; every ratio is to the bare consume rate of the
same run with the same client settings. CPU is that of the reader, all threads and processes; the broker's is left out,
though it runs on the same machine. The rows "native" need driftgauge-native; all others read in Python.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "load_tests")]

import bench_topic  # noqa: E402  the path comes first
import machine  # noqa: E402
from kafka_node import KafkaNode  # noqa: E402
from product import Measure, Product, config_of, run_product  # noqa: E402
from usage import usage  # noqa: E402

from operators.intake.native import chosen  # noqa: E402
from stream.config.load import load  # noqa: E402
from stream.kafka.portion import POLL  # noqa: E402
from stream.kafka.topics import create, plan  # noqa: E402
from stream.simulate.generator import Generator  # noqa: E402
from windows.references.reference import from_json, seal, to_json  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from windows.references.reference import Reference

PARTITIONS = 4
SPAN = 300_000
"""Event time the predictions are spread over, ms."""
CEILING = "bare consume"
AT_ONCE = 100
"""Predictions of a message that holds several."""
MODELS = (50, 400)
"""How many models the rows of thin models have; each has every so-many-th record."""
SOURCE = {
    "topic": "mapped",
    "map": {
        "model": {"constant": bench_topic.MODEL},
        "timestamp": "meta.at",
        "version": "meta.version",
        "prediction": "out.score",
        "latency_ms": "out.took",
        "features": {"path": "in", "rename": {"land": "country"}},
    },
}
"""The source of messages that `_nested` writes."""


@dataclass(frozen=True)
class Bench:
    """The broker, the topics on it and where files go."""

    bootstrap: str
    directory: Path
    records: int
    narrow: Reference
    wide: Reference
    properties: dict[str, str]

    @property
    def few(self) -> int:
        """Records for the rows that are an order of magnitude slower."""
        return max(1000, self.records // 8)

    @property
    def half(self) -> int:
        """Records for the rows of other shapes."""
        return max(1000, self.records // 2)


def prepare(bootstrap: str, directory: Path, records: int, properties: dict[str, str]) -> Bench:
    """Build the references and fill the topics."""
    narrow, wide = bench_topic.reference(directory), bench_topic.reference(directory, numeric=98)
    bench = Bench(bootstrap, directory, records, narrow, wide, properties)
    start = int(time.time() * 1000) - SPAN
    topics: tuple[tuple[str, Reference, int, Callable[[list[bytes]], list[bytes]]], ...] = (
        ("predictions", narrow, records, list),
        ("few", narrow, bench.few, list),
        ("wide", wide, bench.few, list),
        ("mapped", narrow, bench.half, _nested),
        ("batches", narrow, bench.half, _together),
        *((f"models-{count}", narrow, bench.half, partial(_of_many, models=count)) for count in MODELS),
    )
    for topic, reference, count, reshape in topics:
        bench_topic.create(bootstrap, topic, PARTITIONS)
        began = time.perf_counter()
        size = bench_topic.fill(
            bootstrap,
            topic,
            Generator(reference, 1),
            count,
            partitions=PARTITIONS,
            start=start,
            span=SPAN,
            reshape=reshape,
        )
        rate = count / (time.perf_counter() - began)
        print(f"{topic:12} {count:>9,} records of {size:,.0f} bytes, written at {rate:,.0f}/s", flush=True)
    return bench


def _nested(values: list[bytes]) -> list[bytes]:
    """Records in the shape of a system of one's own."""
    found = []
    for value in values:
        given = json.loads(value)
        features = given["features"]
        features["land"] = features.pop("country")
        meta = {"at": given["timestamp"], "version": given.get("version")}
        out = {"score": given["prediction"], "took": given["latency_ms"], "error": given.get("error")}
        found.append(json.dumps({"meta": meta, "in": features, "out": out}, separators=(",", ":")).encode())
    return found


def _together(values: list[bytes]) -> list[bytes]:
    """AT_ONCE records a message, one a line."""
    return [b"\n".join(values[at : at + AT_ONCE]) for at in range(0, len(values), AT_ONCE)]


def _of_many(values: list[bytes], models: int) -> list[bytes]:
    """Each record of another model than the one before."""
    name = f'"model":"{bench_topic.MODEL}'.encode()
    return [value.replace(name, name + b"-%d" % (at % models), 1) for at, value in enumerate(values)]


def child(*command: str) -> Measure:
    """Run a script that prints its own measure as JSON."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = [sys.executable, str(ROOT / "load_tests" / command[0]), *command[1:]]
    done = subprocess.run(script, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip().splitlines()[-1:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    return Measure(result["records"], result["seconds"], result["cpu"], result["rss"])


def bare(bench: Bench, topic: str, records: int, settings: str) -> Measure:
    """Read a topic with one consumer a partition in one process, and do nothing with it."""
    partitions = ",".join(map(str, range(PARTITIONS)))
    given = json.dumps(bench.properties if settings == "product" else {})
    return child("bare.py", "consume", bench.bootstrap, topic, partitions, str(records), settings, str(POLL), given)


def monitor(
    bench: Bench,
    topic: str,
    reference: Reference,
    records: int,
    processes: int = 1,
    native: str = "0",
    change: Callable[[dict[str, Any], Path], None] | None = None,
) -> Measure:
    """Run the product over a full topic, from an empty state directory, in Python or with driftgauge-native.

    `change` changes its config, given the directory of its files.
    """
    with tempfile.TemporaryDirectory(dir=bench.directory) as scratch:
        directory = Path(scratch)
        config = config_of(bench.bootstrap, topic, directory, reference, bench.properties)
        if change is not None:
            change(config, directory)
        product = Product(directory, config, processes, {"DRIFTGAUGE_NATIVE": native})
        _create_outputs(bench, product)
        return run_product(product, records)


def _by_map(config: dict[str, Any], _: Path) -> None:
    """Read `mapped` by its map."""
    config["sources"] = [SOURCE]


def _many(config: dict[str, Any], directory: Path, models: int) -> None:
    """Watch so many models that differ in their names."""
    (model,) = config["models"]
    reference = from_json(Path(model["reference"]).read_bytes())
    config["models"] = []
    for number in range(models):
        name, path = f"{bench_topic.MODEL}-{number}", directory / f"reference-{number}.json"
        path.write_bytes(to_json(seal(replace(reference, model=name))))
        config["models"].append({**model, "name": name, "reference": str(path)})


def _create_outputs(bench: Bench, product: Product) -> None:
    results = create({"bootstrap.servers": bench.bootstrap}, plan(load(product.path).topics, replication=1))
    if any(result.outcome == "failed" for result in results):
        raise RuntimeError(f"topics: {results}")


def straightforward(bench: Bench) -> Measure:
    """Run the pipeline of Bytewax's own operators."""
    path = bench.directory / "reference.json"
    path.write_bytes(to_json(bench.narrow))
    return child("baseline_bytewax.py", bench.bootstrap, "few", str(path))


_FLINK = re.compile(r"net_s=(?P<seconds>\S+) .*cpu_s=(?P<cpu>\S+)")


def flink(bench: Bench, directory: Path, jobs: int = 3) -> list[Measure]:
    """Run a Flink SQL job that counts the same bins, `jobs` times in one JVM: the first is fresh, the last warmed."""
    if not (directory / "target").is_dir():
        built = bench.directory / "flink"
        if not built.is_dir():
            shutil.copytree(directory, built)
            subprocess.run(["chmod", "-R", "u+w", str(built)], check=True)
            subprocess.run(["mvn", "-q", "-B", "package"], cwd=built, check=True)
        directory = built
    environment = {**os.environ, "BOOTSTRAP": bench.bootstrap, "TOPIC": "predictions", "ROWS": str(bench.records)}
    command = ["sh", str(directory / "run.sh"), "raw", "1", str(jobs)]
    largest = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        measures = []
        for line in process.stdout or ():
            largest = max(largest, usage(process.pid).rss)
            if found := _FLINK.search(line):
                measures.append(Measure(bench.records, float(found["seconds"]), float(found["cpu"]), largest))
    if len(measures) != jobs:
        raise RuntimeError(f"Flink did not finish: {process.returncode}")
    return measures


def rows_of(bench: Bench) -> dict[str, Callable[[], Measure]]:
    """Return every row by name, in the order of measuring."""
    return {
        CEILING: lambda: bare(bench, "predictions", bench.records, "product"),
        "bare consume, client's defaults": lambda: bare(bench, "predictions", bench.records, "defaults"),
        "decode only, in memory": lambda: child(
            "bare.py", "decode", bench.bootstrap, "predictions", str(bench.records // PARTITIONS)
        ),
        "driftgauge, 1 process": lambda: monitor(bench, "predictions", bench.narrow, bench.records, 1),
        "driftgauge, 2 processes": lambda: monitor(bench, "predictions", bench.narrow, bench.records, 2),
        "driftgauge, 100 features": lambda: monitor(bench, "wide", bench.wide, bench.few),
        **_shaped_rows(bench, "driftgauge", "0"),
        **(_native_rows(bench) if chosen({}) is not None else {}),
        "bare consume, 100 features": lambda: bare(bench, "wide", bench.few, "product"),
        "Bytewax's own operators": lambda: straightforward(bench),
        CEILING + " again": lambda: bare(bench, "predictions", bench.records, "product"),
    }


def _native_rows(bench: Bench) -> dict[str, Callable[[], Measure]]:
    """Return the rows of driftgauge-native, where it is installed."""
    return {
        "native, 1 process": lambda: monitor(bench, "predictions", bench.narrow, bench.records, native="1"),
        "native, 2 processes": lambda: monitor(bench, "predictions", bench.narrow, bench.records, 2, native="1"),
        "native, 100 features": lambda: monitor(bench, "wide", bench.wide, bench.few, native="1"),
        **_shaped_rows(bench, "native", "1"),
    }


def _shaped_rows(bench: Bench, name: str, native: str) -> dict[str, Callable[[], Measure]]:
    """Return the rows of other shapes than one record of one model a message."""

    def row(topic: str, change: Callable[[dict[str, Any], Path], None] | None = None) -> Callable[[], Measure]:
        return lambda: monitor(bench, topic, bench.narrow, bench.half, native=native, change=change)

    return {
        f"{name}, by a map": row("mapped", _by_map),
        f"{name}, {AT_ONCE} a message": row("batches"),
        **{f"{name}, {count} models": row(f"models-{count}", partial(_many, models=count)) for count in MODELS},
    }


def measure(bench: Bench, repeats: int, wanted: list[str]) -> dict[str, list[Measure]]:
    """Measure the rows in turn, `repeats` times over."""
    found: dict[str, list[Measure]] = {}
    for repeat in range(repeats):
        for name, run in rows_of(bench).items():
            if wanted and name.removesuffix(" again") != CEILING and not any(word in name for word in wanted):
                continue
            result = run()
            found.setdefault(name.removesuffix(" again"), []).append(result)
            print(f"  {repeat + 1}/{repeats} {name:34} {result.rate:>12,.0f}/s", flush=True)
    return found


def show(found: dict[str, list[Measure]]) -> None:
    """Print the table: medians, and the range of the rates."""
    ceiling = statistics.median(item.rate for item in found[CEILING])
    print(f"\n{'row':34}{'predictions/s':>14}{'of ceiling':>12}{'CPU us each':>13}{'RSS MB':>9}   range of rates")
    for name, items in found.items():
        rates = [item.rate for item in items]
        rate = statistics.median(rates)
        cost = statistics.median(item.cost for item in items)
        rss = max(item.rss for item in items) / 1e6
        span = f"{min(rates):,.0f} to {max(rates):,.0f}"
        print(f"{name:34}{rate:>14,.0f}{rate / ceiling:>12.3f}{cost:>13.2f}{rss:>9,.0f}   {span}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--flink-dir", type=Path, help="a Flink job: run.sh and pom.xml; needs Java and Maven")
    parser.add_argument("--rows", default="", help="only rows whose name contains one of these, comma-separated")
    parser.add_argument("--property", action="append", default=[], help="KEY=VALUE for the client, in every own row")
    options = parser.parse_args()
    properties = dict(item.split("=", 1) for item in options.property)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that broker and files go with it
    machine.show()
    with tempfile.TemporaryDirectory(prefix="driftgauge-load-") as scratch, KafkaNode() as node:
        bench = prepare(node.bootstrap, Path(scratch), options.records, properties)
        found = measure(bench, options.repeats, [word for word in options.rows.split(",") if word])
        if options.flink_dir:
            fresh, *_, warmed = flink(bench, options.flink_dir.resolve())
            found |= {"Flink SQL, fresh JVM": [fresh], "Flink SQL, warmed": [warmed]}
        show(found)


if __name__ == "__main__":
    main()
