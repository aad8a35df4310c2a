"""Memory and snapshot cost at size: 50 models x 100 features x 2 windows, every ring full.

`python load_tests/state.py`: each mode runs in a process of its own. First an hour of thin traffic fills the rings (not
timed), then dense traffic, at about the event-time rate it is processed at, is timed with and without recovery. Prints
resident memory, bytes of state on disk, and the throughput of both in one run; ends with an error when memory is over
1 GB or snapshots cost more than 5 % of throughput.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import resource
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bytewax._bytewax import cluster_main
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink
from scipy.stats import norm

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

import machine  # noqa: E402  the path comes first

from operators.plans.model import ModelPlan, plan_models  # noqa: E402
from operators.records import NoEnvelopes, Origin, RawBatch  # noqa: E402
from operators.settings.alerting import AlertingSettings  # noqa: E402
from operators.settings.event_time import TimeSettings  # noqa: E402
from operators.settings.model import ModelSettings  # noqa: E402
from stream.dataflow import Edges, build  # noqa: E402
from stream.engine.garbage import spared  # noqa: E402
from windows.references.reference import Reference, seal  # noqa: E402
from windows.sketches.profiles import NumericProfile  # noqa: E402

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from stream.metrics.reports import Report

PANE = 10_000
FILL = 3_600_000 // PANE
START = 1_790_000_000_000 // 3_600_000 * 3_600_000
PLACEHOLDER = b"1000000000000"
BATCH = 8_000
MAX_RSS = 1024
LEAST_RATIO = 0.95


def reference(name: str, features: int) -> Reference:
    """Return a reference of normal features with 128 bins each."""
    profile = NumericProfile(
        edges=np.concatenate(([-6.0], norm.ppf(np.arange(1, 128) / 128), [6.0])),
        counts=np.full(128, 1_000, dtype=np.int64),
        coarse=np.arange(128, dtype=np.int64) * 10 // 128,
        missing=0,
        non_finite=0,
        center=0.0,
        scale=1.0,
        overdispersion=1.0,
    )
    return seal(
        Reference(
            model=name,
            rows=128_000,
            start=None,
            end=None,
            features={f"f{i}": profile for i in range(features)},
            prediction=profile,
            latency=None,
            error_rows=0,
            segments={},
            id="",
        )
    )


def lines(models: int, features: int, count: int) -> list[bytes]:
    """Return `count` predictions of the models in turn, with a placeholder for the time."""
    rng = np.random.default_rng(1)
    made = []
    for row, values in enumerate(np.round(rng.normal(size=(count, features)), 6).tolist()):
        record = {
            "prediction_id": f"{row:032x}",
            "timestamp": int(PLACEHOLDER),
            "model": f"model-{row % models}",
            "version": "1",
            "prediction": values[0],
            "latency_ms": 12.5,
            "features": {f"f{i}": value for i, value in enumerate(values)},
        }
        made.append(json.dumps(record, separators=(",", ":")).encode())
    return made


@dataclass
class Traffic:
    """Thin batches that fill the rings, then dense ones; `marks` are (wall, CPU) seconds around the dense ones."""

    thin: list[bytes]
    dense: list[bytes]
    batches: int
    rate: int
    marks: list[tuple[float, float]] = field(default_factory=list)

    def batch(self, at: int) -> RawBatch:
        """Return batch number `at`."""
        dense = at - FILL
        chosen = self.thin if dense < 0 else self.dense
        stamp = START + (at * PANE if dense < 0 else FILL * PANE + dense * len(self.dense) * 1_000 // self.rate)
        values = b"\n".join(chosen).replace(PLACEHOLDER, str(stamp).encode()).split(b"\n")
        return RawBatch(Origin("p"), values, [stamp] * len(values), NoEnvelopes(), stamp)

    def mark(self) -> None:
        """Take the time."""
        self.marks.append((time.perf_counter(), time.process_time()))


class Part(StatefulSourcePartition[RawBatch, int]):
    """The traffic as the one partition of a source."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.at = 0

    def next_batch(self) -> list[RawBatch]:
        """Return the next batch."""
        if self.at in {FILL, FILL + self.traffic.batches}:
            self.traffic.mark()
        if self.at == FILL + self.traffic.batches:
            raise StopIteration
        self.at += 1
        return [self.traffic.batch(self.at - 1)]

    def snapshot(self) -> int:
        """Return how far it is."""
        return self.at


@dataclass
class Parts(FixedPartitionedSource[RawBatch, int]):
    """A source of one partition."""

    traffic: Traffic

    def list_parts(self) -> list[str]:
        """Return its name."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Part:  # noqa: ARG002
        """Return it."""
        return Part(self.traffic)


class Silent:
    """A reporter that nobody reads."""

    def send(self, report: Report) -> None:
        """Drop the report."""


def plans(models: int, features: int) -> dict[str, ModelPlan]:
    """Return the plans of all models, with windows of a minute, five (the objectives' own) and an hour."""
    windows = {"windows": ["1m", "1h"]}
    settings = [
        ModelSettings.model_validate(
            {"name": f"model-{i}", "task": "binary", "drift": windows, "prediction": windows, "quality": windows}
        )
        for i in range(models)
    ]
    references = {model.name: reference(model.name, features) for model in settings}
    return plan_models(settings, references, TimeSettings(), AlertingSettings(), everything=False)


def child(options: argparse.Namespace, pipe: Connection[Any, Any], *, recovering: bool) -> None:
    """Fill, then measure, and send what came out."""
    traffic = Traffic(
        lines(options.models, options.features, options.models * 20),
        lines(options.models, options.features, BATCH),
        options.records // BATCH,
        options.rate,
    )
    directory = Path(tempfile.mkdtemp())
    recovery = None
    if recovering:
        init_db_dir(directory, 4)
        recovery = RecoveryConfig(str(directory))
    alerts: list[Any] = []
    edges = Edges(Parts(traffic), TestingSink(alerts), TestingSink([]), None, Silent())
    flow = build(plans(options.models, options.features), TimeSettings(), AlertingSettings(), edges)
    with spared():
        cluster_main(flow, [], 0, epoch_interval=dt.timedelta(seconds=1), recovery_config=recovery)
    (wall0, cpu0), (wall1, cpu1) = traffic.marks
    stored = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    shutil.rmtree(directory)
    count = traffic.batches * BATCH
    pipe.send(
        {
            "rate": count / (wall1 - wall0),
            "cpu_us": (cpu1 - cpu0) / count * 1e6,
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "disk_mb": stored / 1e6,
        }
    )


def run(options: argparse.Namespace, *, recovering: bool) -> dict[str, float]:
    """Run one mode in a process of its own, print and return its figures."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=child, args=(options, theirs), kwargs={"recovering": recovering})
    process.start()
    theirs.close()
    result: dict[str, float] = ours.recv()
    process.join()
    print(
        f"  {'with' if recovering else 'without':8} snapshots: {result['rate']:9,.0f}/s {result['cpu_us']:6.2f} us CPU"
        f"  RSS {result['rss_mb']:5.0f} MB  on disk {result['disk_mb']:6.1f} MB"
    )
    return result


def main() -> int:
    """Run both modes in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--features", type=int, default=100)
    parser.add_argument("--records", type=int, default=1_200_000, help="dense predictions that are timed")
    parser.add_argument("--rate", type=int, default=50_000, help="dense predictions a second of event time")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    machine.show()
    print(
        f"work       {options.models} models x {options.features} features, windows full, {options.records:,} records"
    )
    pairs = [(run(options, recovering=False), run(options, recovering=True)) for _ in range(options.rounds)]
    rates = [after["rate"] / before["rate"] for before, after in pairs]
    costs = [after["cpu_us"] / before["cpu_us"] for before, after in pairs]
    rss = max(after["rss_mb"] for _, after in pairs)
    print(f"throughput with / without snapshots: {', '.join(f'{ratio:.3f}' for ratio in rates)}")
    print(f"CPU a record with / without snapshots: {', '.join(f'{ratio:.3f}' for ratio in costs)}")
    print(f"peak RSS {rss:.0f} MB (promised: under {MAX_RSS})")
    kept = rss < MAX_RSS and statistics.median(rates) > LEAST_RATIO
    print("kept" if kept else "NOT KEPT")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
