"""A segment key with a million distinct values: memory and series stay bounded, and nobody is paged for it.

    python load_tests/segment_cap.py [--values N]

As much traffic runs twice through the whole dataflow, each time in a process of its own, as files in event time: a
binary model with four known countries, a label for one prediction in five, and an accuracy that drops half-way. The
first time N more predictions come from the same countries, the second time each of them has a country of its own.
Compared are peak memory, series of /metrics, the overflow counter and the alerts. Exits 1 when memory grows by more
than noise explains, series are more than those of one segment `other`, the counter is off, or other pages are told.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [place for place in (str(ROOT), str(ROOT / "load_tests")) if place not in sys.path]

import machine  # noqa: E402  the path comes first
import numpy as np  # noqa: E402
from bare import peak_rss  # noqa: E402
from bytewax._bytewax import run_main  # noqa: E402

from operators.plans.model import plan_models  # noqa: E402
from operators.records import Topic  # noqa: E402
from operators.settings.alerting import AlertingSettings  # noqa: E402
from operators.settings.event_time import TimeSettings  # noqa: E402
from operators.settings.model import ModelSettings  # noqa: E402
from stream.dataflow import Edges, build  # noqa: E402
from stream.demo.reference import ClickRows  # noqa: E402
from stream.engine.garbage import spared  # noqa: E402
from stream.metrics.registry import Registry  # noqa: E402
from stream.metrics.reports import LocalReporter  # noqa: E402
from stream.references.build import BuildOptions  # noqa: E402
from stream.references.build import build as build_reference  # noqa: E402
from stream.replay.files import FileLane  # noqa: E402
from stream.replay.lanes import LaneSource  # noqa: E402
from stream.replay.results import CallSink  # noqa: E402
from stream.state.join_stores import JoinStores  # noqa: E402

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from windows.arrays import FloatArray
    from windows.references.reference import Reference

START = 1_780_012_800_000
SPAN = 2 * 3_600_000
KNOWN = ("de", "fr", "us", "jp")
BASE = 400_000
"""Predictions with a known country."""
LABELLED, DELAY = 0.2, 60_000
RIGHT, WORSE = 0.9, 0.75
MORE_MEMORY = 60.0
"""MB by which two runs may differ by chance: how far files are read ahead. A million values would cost more if kept."""
CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Found:
    """What a run came to.

    Attributes:
        rss: most resident memory, MB.
        series: of /metrics, by name of the metric.
        overflow: the counter of segments.
        pages: (alert, version, segment, state, event time) of all critical events.
        segments: of gauges.
        seconds: it took.
    """

    rss: float
    series: dict[str, int]
    overflow: float
    pages: list[tuple[Any, ...]]
    segments: list[str]
    seconds: float


def settings() -> ModelSettings:
    """The model."""
    performance = {"windows": ["10m"], "label_delay": "5m", "accuracy": {"baseline": RIGHT, "max_drop": 0.05}}
    return ModelSettings.model_validate(
        {"name": "model", "task": "binary", "segments": ["country"], "performance": performance}
    )


def reference() -> Reference:
    """Rows like the traffic; a few have a country that is too rare to be told apart."""
    rng = np.random.default_rng(0)
    score, label = _draw(rng, np.full(50_000, RIGHT))
    country = rng.choice(np.array([*KNOWN, "nowhere"], dtype=object), 50_000, p=[0.2499] * 4 + [0.0004])
    rows = {"x": rng.standard_normal(50_000), "country": country, "prediction": score, "label": label}
    options = BuildOptions("model", features={"x": "numeric"}, segments=("country",), task="binary", pane=10_000)
    return build_reference(ClickRows(rows), options).reference


def _draw(rng: np.random.Generator, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    label = (rng.random(len(right)) < 0.4).astype(np.float64)
    agrees = rng.random(len(right)) < right
    strong = rng.uniform(0.5, 1.0, len(right))
    return np.where(agrees == (label == 1), strong, 1.0 - strong), label


def write(directory: Path, count: int, prefix: str, *, distinct: bool) -> None:
    """A file of predictions and one of feedback, spread over the span."""
    rng = np.random.default_rng(len(prefix))
    due: list[tuple[int, str]] = []
    with (directory / f"{prefix}.predictions").open("w") as file:
        for first in range(0, count, CHUNK):
            rows = min(CHUNK, count - first)
            times = START + (first + np.arange(rows, dtype=np.int64)) * SPAN // count
            score, label = _draw(rng, np.where(times < START + SPAN // 2, RIGHT, WORSE))
            x, country = rng.standard_normal(rows), rng.integers(0, len(KNOWN), rows)
            labelled, delays = rng.random(rows) < LABELLED, rng.integers(0, DELAY, rows)
            for row in range(rows):
                name = f"{prefix}{first + row}"
                where = name if distinct else KNOWN[country[row]]
                file.write(
                    f'{{"model":"model","prediction_id":"{name}","timestamp":{times[row]},"version":"1",'
                    f'"prediction":{score[row]:.4f},"features":{{"x":{x[row]:.4f}}},"context":{{"country":"{where}"}}}}\n'
                )
                if labelled[row]:
                    at = int(times[row] + delays[row])
                    said = {"model": "model", "prediction_id": name, "timestamp": at, "label": int(label[row])}
                    due.append((at, json.dumps(said)))
    with (directory / f"{prefix}.feedback").open("w") as file:
        file.writelines(f"{line}\n" for _, line in sorted(due))


def child(directory: Path, prefixes: tuple[str, ...], given: Reference, pipe: Connection[Any, Any]) -> None:
    """Run the dataflow over the files, and send what came out."""
    began, registry, time_ = time.monotonic(), Registry(), TimeSettings()
    reporter = LocalReporter(registry.apply)
    models = plan_models([settings()], {"model": given}, time_, AlertingSettings(), everything=False)
    pages: list[tuple[Any, ...]] = []

    def alerted(item: tuple[str, Any]) -> None:
        event = item[1]
        if event.severity == "critical":
            pages.append((event.alert, event.version, event.segment, event.state, event.event_time))

    lanes = [
        FileLane(directory / f"{prefix}.{kind}", Topic(kind))
        for prefix in prefixes
        for kind in ("predictions", "feedback")
    ]
    source = LaneSource(lanes, int(time.time() * 1e3), lambda *_: None, threading.Event())
    with JoinStores(directory / f"join-{prefixes[-1]}", reporter) as stores, spared():
        nothing = CallSink(lambda _: None)
        edges = Edges(source, CallSink(alerted), nothing, None, reporter, moved=source.moved, open_store=stores)
        run_main(build(models, time_, AlertingSettings(), edges), epoch_interval=dt.timedelta(days=1))  # type: ignore[no-untyped-call]
    series: dict[str, int] = {}
    segments: set[str] = set()
    overflow = 0.0
    for line in registry.render().decode().splitlines():
        name, _, rest = line.partition("{")
        if not line.startswith("driftgauge_") or not rest:
            continue
        series[name] = series.get(name, 0) + 1
        if 'segment="' in rest:
            segments.add(rest.partition('segment="')[2].partition('"')[0])
        if name == "driftgauge_overflow_total" and 'reason="segments"' in rest:
            overflow = float(line.rpartition(" ")[2])
    pipe.send(Found(peak_rss() / 1e6, series, overflow, pages, sorted(segments), time.monotonic() - began))


def run(directory: Path, prefixes: tuple[str, ...], given: Reference) -> Found:
    """Run it in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=child, args=(directory, prefixes, given, theirs))
    process.start()
    theirs.close()
    found: Found = ours.recv()
    process.join()
    return found


def main() -> int:
    """Run both and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=int, default=1_000_000, help="distinct values of the segment key")
    options = parser.parse_args()
    machine.show()
    work = f"{BASE:,} predictions of {len(KNOWN)} countries; {options.values:,} more of these, then each of its own"
    print(f"{'work':10} {work}")
    with tempfile.TemporaryDirectory(prefix="driftgauge-segments-") as scratch:
        directory = Path(scratch)
        given = reference()
        write(directory, BASE, "known", distinct=False)
        write(directory, options.values, "more", distinct=False)
        write(directory, options.values, "other", distinct=True)
        before = run(directory, ("known", "more"), given)
        after = run(directory, ("known", "other"), given)
    print(f"\n{'':14}{'RSS MB':>9}{'series':>9}{'segments':>10}{'overflow':>12}{'pages':>7}{'s':>7}")
    for name, found in (("known", before), ("of their own", after)):
        total = sum(found.series.values())
        print(f"{name:14}{found.rss:>9.0f}{total:>9,}{len(found.segments):>10}{found.overflow:>12,.0f}", end="")
        print(f"{len(found.pages):>7}{found.seconds:>7.0f}")
    print(f"segments with values of their own: {', '.join(found.segments)}")
    for page in after.pages:
        print(f"page: {page}")
    problems = check(before, after, options.values)
    for problem in problems:
        print(f"NOT AS IT MUST BE: {problem}")
    print("kept" if not problems else "NOT KEPT")
    return 1 if problems else 0


def check(before: Found, after: Found, values: int) -> list[str]:
    """Everything that is not as promised, a line each."""
    problems = []
    if after.rss > before.rss + MORE_MEMORY:
        problems.append(f"{after.rss:.0f} MB, {before.rss:.0f} MB without them")
    strangers = set(after.segments) - {"", "country=other", *(f"country={name}" for name in KNOWN)}
    if strangers:
        problems.append(f"{len(strangers)} segments that the reference does not name: {sorted(strangers)[:3]}")
    more = {name: after.series[name] - before.series.get(name, 0) for name in after.series}
    allowed = {name: before.series.get(name, 0) for name in after.series}
    if any(count > allowed[name] for name, count in more.items()):
        problems.append(f"series grew: { ({name: n for name, n in more.items() if n > allowed[name]}) }")
    if (before.overflow, after.overflow) != (0.0, float(values)):
        problems.append(f"overflow counted {before.overflow:.0f} and {after.overflow:.0f}, must be 0 and {values}")
    if not before.pages or [page[:4] for page in before.pages] != [page[:4] for page in after.pages]:
        problems.append(f"pages {before.pages} became {after.pages}")
    return problems


if __name__ == "__main__":
    sys.exit(main())
