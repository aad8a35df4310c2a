"""What a scrape costs: its time by the number of series, and what it takes from a busy worker process.

Each scrape goes over HTTP, as Prometheus does it. "library" is prometheus_client's own text of the same registry in the
same run. Beside them the whole dataflow of 72 models x 100 features reads, in a worker process under the supervisor, as
fast as it can, with the present as event time: 100,000 series are measured anew as panes close. Times in which it is
scraped every 5 s and times in which it is not take turns; each holds as many ends of panes as the other.
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
from functools import partial
from typing import TYPE_CHECKING

import machine
from patience import until
from prometheus_client import generate_latest
from scrape_flow import PANE, Endless

from stream.http.server import Server
from stream.metrics.registry import Registry
from stream.metrics.reports import GaugeBlock
from stream.workers.supervisor import Supervisor
from stream.workers.usage import usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZES = (1_000, 10_000, 100_000)
PER_MODEL = 2_000  # series in a block
SLICE = 2 * PANE / 1e3  # seconds of a round's half
EVERY = 5.0  # seconds between two scrapes
LIMIT = 1.0  # seconds, for the 99th percentile at 100,000 series
LEAST = 0.95  # of the throughput without scrapes
FILLING = 180.0  # seconds within which every window has been measured
_PAUSE = threading.Event()


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


class Meter:
    """What the dataflow has read, and the CPU time that its process has had."""

    def __init__(self, registry: Registry, supervisor: Supervisor) -> None:
        self._registry, self._supervisor = registry, supervisor

    def series(self) -> int:
        """Series of the gauges that depend on the number of features."""
        names = ("feature_drift", "feature_drift_bound", "feature_missing_ratio", "feature_age_seconds")
        return sum(len(self._registry.values(name)) for name in names)

    def until_full(self) -> None:
        """Wait until there are as many series as promised."""
        until(lambda: self.series() >= SIZES[-1], FILLING, f"{SIZES[-1]} series")

    def _next(self) -> tuple[float, float, float]:
        """Time, records and CPU seconds at the moment of the next report of what was read."""
        before = self._read()
        until(lambda: self._read() != before, FILLING, "a report of the dataflow")
        used = usage(self._supervisor.pids()[0])
        return time.monotonic(), self._read(), used.cpu if used else 0.0

    def _read(self) -> float:
        return sum(self._registry.values("records_read_total").values())

    def rates(self, work: Callable[[], object] | None) -> tuple[float, float]:
        """Records a second, and records a second of CPU time, over a slice; `work` is done every few seconds of it."""
        begin, records, cpu = self._next()
        due = begin
        while (now := time.monotonic()) < begin + SLICE:
            if work is not None and now >= due:
                work()
                due += EVERY
            _PAUSE.wait(0.05)
        end, later, used = self._next()
        return (later - records) / (end - begin), (later - records) / (used - cpu)


def beside_the_dataflow(rounds: int) -> tuple[float, float]:
    """Print what the dataflow does with and without scrapes; their ratio, and the 99th percentile of the scrapes."""
    registry = Registry()
    supervisor = Supervisor(Endless(), 1, registry)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    server = Server("127.0.0.1:0", registry)
    server.start()
    try:
        meter = Meter(registry, supervisor)
        meter.until_full()
        spent: list[float] = []
        pairs: list[tuple[float, float]] = []
        head = f"{'records/s':>10} {'scraped':>8} {'ratio':>6} {'a CPU second':>13} {'scraped':>8} {'ratio':>6}"
        print(f"{'round':>8} {head}")
        for number in range(rounds):
            halves = [False, True] if number % 2 else [True, False]  # neither is always the first
            rates = {scraped: meter.rates(partial(_scrape, server, spent) if scraped else None) for scraped in halves}
            quiet, busy = rates[False], rates[True]
            pairs.append((busy[0] / quiet[0], busy[1] / quiet[1]))
            wall = f"{quiet[0]:10,.0f} {busy[0]:8,.0f} {pairs[-1][0]:6.3f}"
            print(f"{number + 1:8} {wall} {quiet[1]:13,.0f} {busy[1]:8,.0f} {pairs[-1][1]:6.3f}", flush=True)
        size = len(scrape(server)) / 1e6
    finally:
        supervisor.stop()
        thread.join()
        server.close()
    by_wall, by_cpu = (statistics.median(ratios) for ratios in zip(*pairs, strict=True))
    p50, p99 = (quantile(spent, share) for share in (0.5, 0.99))
    print(f"median ratio {by_wall:.3f} by the clock, {by_cpu:.3f} by the worker's CPU time (others use the cores, too)")
    print(f"beside the dataflow {len(spent)} scrapes of {meter.series():,} series, {size:.0f} MB, took", end=" ")
    print(f"{1e3 * p50:.0f} ms (p99 {1e3 * p99:.0f} ms)")
    return by_wall, p99


def _scrape(server: Server, spent: list[float]) -> None:
    spent += timed(partial(scrape_gzip, server), 1)


def main() -> None:
    """Print the tables; exit 1 if the largest scrape is too slow, or takes too much from the dataflow."""
    parser = argparse.ArgumentParser(description="What a scrape costs.")
    parser.add_argument("--scrapes", type=int, default=100, help="of each size")
    parser.add_argument("--rounds", type=int, default=6, help="beside the dataflow")
    given = parser.parse_args()
    machine.show()
    print(
        f"work       {given.scrapes} scrapes of each size; {given.rounds} rounds of twice {SLICE:.0f} s beside the flow"
    )
    worst = by_size(given.scrapes)
    ratio, beside = beside_the_dataflow(given.rounds)
    print(f"99th percentile at {SIZES[-1]:,} series: {worst:.3f} s alone, {beside:.3f} s beside; allowed {LIMIT:.0f} s")
    print(f"throughput while scraped every {EVERY:.0f} s: {ratio:.3f} of unscraped; allowed {LEAST}")
    sys.exit(max(worst, beside) >= LIMIT or ratio < LEAST)


if __name__ == "__main__":
    # Under its importable name, so that the worker can unpickle the flow.
    from scrape import main as importable_main

    importable_main()
