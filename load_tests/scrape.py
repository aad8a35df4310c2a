"""What a scrape costs: its time by the number of series, and what it takes from a busy worker process.

Each scrape goes over HTTP, as Prometheus does it. "library" is prometheus_client's own text of the same registry in the
same run. The busy worker folds numbers without pause and reports 100,000 series every second, ten times as often as
panes close; times without scrapes and with one after each report take turns.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import statistics
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import machine
import numpy as np
from prometheus_client import generate_latest

from stream.http import Server
from stream.registry import Registry
from stream.reports import GaugeBlock, Status, Totals
from stream.supervisor import Supervisor
from stream.usage import usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.reports import Reporter

SIZES = (1_000, 10_000, 100_000)
PER_MODEL = 2_000  # series in a block
SLICE = 5.0  # seconds of a round's half
LIMIT = 1.0  # seconds, for the 99th percentile at 100,000 series


def blocks(series: int, value: float) -> list[GaugeBlock]:
    """Drift of many models: as many series as asked for."""
    found = []
    for start in range(0, series, PER_MODEL):
        model = f"model-{start // PER_MODEL}"
        rows = tuple((model, "7", "country=DE", f"feature_{i}", "psi", "10s") for i in range(min(PER_MODEL, series)))
        found.append(GaugeBlock(model, "feature_drift", rows, tuple(value + i / 7 for i in range(len(rows)))))
    return found


def scrape(server: Server, encoding: str = "identity") -> bytes:
    """One scrape, read to its end."""
    headers = {"Accept-Encoding": encoding}
    with closing(http.client.HTTPConnection(*server.address, timeout=60)) as connection:
        connection.request("GET", "/metrics", headers=headers)
        return connection.getresponse().read()


def scrape_gzip(server: Server) -> bytes:
    """One compressed scrape."""
    return gzip.decompress(scrape(server, "gzip"))


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Seconds that each run took."""
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    return spent


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def by_size(scrapes: int) -> float:
    """Print the time of a scrape for each size; return the 99th percentile for the largest."""
    print(f"{'series':>8} {'MB':>6} {'p50 ms':>8} {'p99 ms':>8} {'gzip p50':>9} {'gzip p99':>9} {'library ms':>11}")
    worst = 0.0
    for size in SIZES:
        registry = Registry()
        for block in blocks(size, 0.1):
            registry.apply(block)
        server = Server("127.0.0.1:0", registry)
        server.start()
        plain = timed(partial(scrape, server), scrapes)
        packed = timed(partial(scrape_gzip, server), scrapes)
        library = statistics.median(timed(partial(generate_latest, registry), 5))
        body = scrape(server)
        if body.count(b"\ndriftgauge_feature_drift{") != size:
            sys.exit(f"a scrape does not show its {size} series")
        server.close()
        times = [1e3 * quantile(spent, share) for spent in (plain, packed) for share in (0.5, 0.99)]
        columns = f"{times[0]:8.1f} {times[1]:8.1f} {times[2]:9.1f} {times[3]:9.1f} {1e3 * library:11.1f}"
        print(f"{size:8} {len(body) / 1e6:6.1f} {columns}")
        worst = max(times[1], times[3]) / 1e3
    return worst


@dataclass(frozen=True)
class Busy:
    """Folds batches without pause; counts them."""

    series: int

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:  # noqa: ARG002
        """Fold and report until stopped."""
        values = np.random.default_rng(1).integers(0, 4_096, 8_000)
        reporter.send(Status(process, "running"))
        folded, due, found = 0, time.monotonic(), blocks(self.series, 0.5)
        while not stop.is_set():
            np.bincount(values, minlength=4_096)
            folded += 1
            if time.monotonic() >= due:
                due += 1.0
                for block in found:
                    reporter.send(block)
                reporter.send(Totals("records_folded_total", {("busy",): float(folded)}))


class Meter:
    """Batches that the worker has folded, and the CPU time it has had, from one of its reports to another."""

    def __init__(self, registry: Registry, supervisor: Supervisor) -> None:
        self._registry, self._supervisor = registry, supervisor

    def _folded(self) -> float:
        return self._registry.values("records_folded_total").get(("busy",), 0.0)

    def _next(self) -> tuple[float, float, float]:
        before, pause = self._folded(), threading.Event()
        while (count := self._folded()) == before:
            pause.wait(0.005)
        used = usage(self._supervisor.pids()[0])
        return time.monotonic(), count, used.cpu if used else 0.0

    def rates(self, seconds: float, work: Callable[[], object]) -> tuple[float, float]:
        """Batches a second, and batches a second of CPU time, over this time; `work` is done after each report."""
        begin, count, cpu = now, later, used = self._next()
        while now < begin + seconds:
            work()
            now, later, used = self._next()
        return (later - count) / (now - begin), (later - count) / (used - cpu)


def beside_a_worker(rounds: int) -> None:
    """Print what a busy worker does with and without scrapes, and the time of the scrapes beside it."""
    registry = Registry()
    supervisor = Supervisor(Busy(SIZES[-1]), 1, registry)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    server = Server("127.0.0.1:0", registry)
    server.start()
    meter = Meter(registry, supervisor)
    spent: list[float] = []
    pairs: list[tuple[float, float]] = []
    meter.rates(2.0, lambda: None)
    print(
        f"{'round':>8} {'batches/s':>10} {'scraped':>8} {'ratio':>6} {'batches/CPU s':>14} {'scraped':>8} {'ratio':>6}"
    )
    for number in range(rounds):
        quiet = meter.rates(SLICE, lambda: None)
        busy = meter.rates(SLICE, lambda: spent.extend(timed(partial(scrape_gzip, server), 1)))
        pairs.append((busy[0] / quiet[0], busy[1] / quiet[1]))
        wall = f"{quiet[0]:10.0f} {busy[0]:8.0f} {pairs[-1][0]:6.3f}"
        print(f"{number + 1:8} {wall} {quiet[1]:14.0f} {busy[1]:8.0f} {pairs[-1][1]:6.3f}")
    supervisor.stop()
    thread.join()
    server.close()
    by_wall, by_cpu = (statistics.median(ratios) for ratios in zip(*pairs, strict=True))
    p50, p99 = (1e3 * quantile(spent, share) for share in (0.5, 0.99))
    print(
        f"median ratio {by_wall:.3f} by the clock (the machine shares its cores), {by_cpu:.3f} by the worker's CPU time"
    )
    print(f"beside the worker a scrape took {p50:.0f} ms (p99 {p99:.0f} ms)")


def main() -> None:
    """Print the tables; exit 1 if the largest scrape is too slow."""
    parser = argparse.ArgumentParser(description="What a scrape costs.")
    parser.add_argument("--scrapes", type=int, default=100, help="of each size")
    parser.add_argument("--rounds", type=int, default=5, help="beside a busy worker")
    given = parser.parse_args()
    machine.show()
    print(f"work       {given.scrapes} scrapes of each size over HTTP; {given.rounds} rounds of twice {SLICE:.0f} s")
    worst = by_size(given.scrapes)
    beside_a_worker(given.rounds)
    print(f"99th percentile at {SIZES[-1]} series: {worst:.3f} s, allowed {LIMIT:.0f} s")
    sys.exit(worst >= LIMIT)


if __name__ == "__main__":
    # Under its importable name, so that the worker can unpickle the flow.
    from scrape import main as importable_main

    importable_main()
