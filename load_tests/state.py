"""Memory and snapshot cost at size: 50 models x 100 features x 2 windows, every ring full.

Each mode runs in a process of its own: first an hour of thin traffic fills the rings (not timed), then dense traffic, at about the event-time rate
it is processed at, is timed with and without recovery. Prints resident memory, bytes of state on disk, and the throughput of both in one run.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import machine
import numpy as np

PANE = 10_000
START = 1_790_000_000_000 // 3_600_000 * 3_600_000
PLACEHOLDER = b"1000000000000"


def reference(name: str, features: int) -> object:
    """A reference of normal features, 128 bins each."""
    from scipy.stats import norm

    from windows.profiles import NumericProfile
    from windows.reference import Reference, seal

    edges = np.concatenate(([-6.0], norm.ppf(np.arange(1, 128) / 128), [6.0]))
    profile = NumericProfile(
        edges=edges,
        counts=np.full(128, 1_000, dtype=np.int64),
        coarse=np.arange(128, dtype=np.int64) * 10 // 128,
        missing=0,
        non_finite=0,
        center=0.0,
        scale=1.0,
        overdispersion=1.0,
    )
    columns = {f"f{i}": profile for i in range(features)}
    return seal(
        Reference(
            model=name,
            rows=128_000,
            start=None,
            end=None,
            features=columns,
            prediction=profile,
            latency=None,
            error_rows=0,
            segments={},
            id="",
        )
    )


def lines(models: int, features: int, count: int) -> list[bytes]:
    """`count` predictions of models in turn, with a placeholder for the time."""
    rng = np.random.default_rng(1)
    values = np.round(rng.normal(size=(count, features)), 6)
    made = []
    for row in range(count):
        record = {
            "prediction_id": f"{row:032x}",
            "timestamp": int(PLACEHOLDER),
            "model": f"model-{row % models}",
            "version": "1",
            "prediction": float(values[row, 0]),
            "latency_ms": 12.5,
            "features": {f"f{i}": float(value) for i, value in enumerate(values[row])},
        }
        made.append(json.dumps(record, separators=(",", ":")).encode())
    return made


def child(recovering: bool, options: argparse.Namespace, pipe: object) -> None:
    """Fill, then measure."""
    from bytewax._bytewax import cluster_main
    from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
    from bytewax.recovery import RecoveryConfig, init_db_dir
    from bytewax.testing import TestingSink

    from operators.model_steps import plan_models
    from operators.records import NoEnvelopes, RawBatch
    from operators.settings import AlertingSettings, ModelSettings, TimeSettings
    from stream.dataflow import Edges, build

    names = [f"model-{i}" for i in range(options.models)]
    windows = (60_000, 3_600_000)
    settings = [
        ModelSettings.model_validate(
            {
                "name": name,
                "task": "binary",
                "drift": {"windows": ["1m", "1h"]},
                "prediction": {"windows": ["1m", "1h"]},
                "quality": {"windows": ["1m", "1h"]},
            }
        )
        for name in names
    ]
    time_settings = TimeSettings()
    models = plan_models(
        settings,
        {name: reference(name, options.features) for name in names},
        time_settings,
        AlertingSettings(),
        everything=False,
    )
    assert {window.size for window in models[names[0]].windows} == set(windows)
    thin = lines(options.models, options.features, options.models * 20)
    dense = lines(options.models, options.features, 8_000)
    marks: list[tuple[float, float]] = []
    fill = 3_600_000 // PANE
    batches = options.records // len(dense)

    class Source(StatefulSourcePartition):
        def __init__(self) -> None:
            self.at = 0

        def next_batch(self) -> list[RawBatch]:
            if self.at == fill:
                marks.append((time.perf_counter(), time.process_time()))
            if self.at >= fill + batches:
                marks.append((time.perf_counter(), time.process_time()))
                raise StopIteration
            if self.at < fill:
                stamp, chosen = START + self.at * PANE, thin
            else:
                stamp = START + fill * PANE + (self.at - fill) * len(dense) * 1_000 // options.rate
                chosen = dense
            self.at += 1
            text = b"\n".join(chosen).replace(PLACEHOLDER, str(stamp).encode())
            values = text.split(b"\n")
            return [RawBatch("p", 0, 1, values, [stamp] * len(values), NoEnvelopes(), stamp)]

        def snapshot(self) -> int:
            return self.at

    class Sources(FixedPartitionedSource):
        def list_parts(self) -> list[str]:
            return ["0"]

        def build_part(self, step_id: str, for_part: str, resume_state: object) -> Source:
            del step_id, for_part, resume_state
            return Source()

    class Reporter:
        def send(self, report: object) -> None:
            del report

    directory = Path(tempfile.mkdtemp())
    recovery = None
    if recovering:
        init_db_dir(directory, 4)
        recovery = RecoveryConfig(str(directory))
    sink: list[object] = []
    flow = build(
        models,
        time_settings,
        AlertingSettings(),
        Edges(Sources(), TestingSink(sink), TestingSink([]), None, Reporter()),
    )
    cluster_main(flow, [], 0, epoch_interval=dt.timedelta(seconds=1), recovery_config=recovery)
    (wall0, cpu0), (wall1, cpu1) = marks
    stored = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    shutil.rmtree(directory)
    count = batches * len(dense)
    pipe.send(  # type: ignore[attr-defined]
        {
            "rate": count / (wall1 - wall0),
            "cpu_us": (cpu1 - cpu0) / count * 1e6,
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "disk_mb": stored / 1e6,
            "alerts": len(sink),
        }
    )


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
    print(f"work: {options.models} models x {options.features} features, windows 1m and 1h full, {options.records:,} records")
    results: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    context = multiprocessing.get_context("spawn")
    for _ in range(options.rounds):
        for recovering in (False, True):
            ours, theirs = context.Pipe()
            process = context.Process(target=child, args=(recovering, options, theirs))
            process.start()
            theirs.close()
            result = ours.recv()
            process.join()
            results[recovering].append(result)
            print(
                f"  {'with' if recovering else 'without':8} snapshots: {result['rate']:9,.0f}/s {result['cpu_us']:6.2f} us CPU"
                f"  RSS {result['rss_mb']:6.0f} MB  on disk {result['disk_mb']:7.1f} MB  alerts {result['alerts']:.0f}"
            )
    ratios = [w["cpu_us"] / o["cpu_us"] for o, w in zip(results[False], results[True], strict=True)]
    rate = [w["rate"] / o["rate"] for o, w in zip(results[False], results[True], strict=True)]
    rss = max(result["rss_mb"] for result in results[True])
    print(f"throughput with / without snapshots: {min(rate):.3f} to {max(rate):.3f}; CPU per record: {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"peak RSS {rss:.0f} MB (promised: under 1024)")
    kept = rss < 1024 and float(np.median(rate)) > 0.95
    print("kept" if kept else "NOT KEPT")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
