"""The registry: takes the reports of all dataflow processes and shows them to Prometheus.

It lives in the parent process, so a scrape never holds a worker's interpreter, and survives the workers: after a crash
the last known gauges stay until the recovered dataflow replaces them, and counters go on from where they were.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from stream.metrics import catalog
from stream.metrics.heartbeats import Heartbeats
from stream.metrics.reports import (
    AlertsFiring,
    AlertTold,
    Beat,
    Concern,
    GaugeBlock,
    Increments,
    Looked,
    Observation,
    OwnerGone,
    Report,
    Sketched,
    Status,
    Totals,
    Unmatched,
)
from stream.metrics.stores import (
    CounterStore,
    GaugeStore,
    HistogramStore,
    UnknownReportError,
    declared,
    gauge_families,
    gauge_text,
    gauge_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.metrics.heartbeats import Silence
    from stream.metrics.reports import Labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.core import Metric as Family

    from stream.metrics.reports import Labels
    from stream.metrics.stores import Block

    Probe = Callable[[], Iterable[Report]]
    Others = Callable[[], tuple[list[str], bool]]

_OWNER = "registry"

QUIET = 8.0
"""Seconds without a sign of life, of a process or of its dataflow, after which nobody should rely on it."""


NO_WATERMARK = "the watermark is unknown: no partition has given a record yet"


class _Snapshot(NamedTuple):
    gauges: dict[str, list[Block]]
    others: list[Family]


class _Rest(Collector):
    """Ready-made families, for prometheus_client to print."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


class Registry(Collector):
    """All metrics and the states of `processes` dataflow processes, numbered from `first` on.

    `clock` gives seconds since the epoch.

    Thread-safe. Register it with a prometheus_client registry, or `render` it.
    """

    def __init__(self, processes: int = 1, clock: Callable[[], float] = time.time, first: int = 0) -> None:
        self._lock = threading.Lock()
        self._scrape = threading.Lock()
        self._clock = clock
        self._gauges = GaugeStore()
        self._counters = CounterStore()
        self._histograms = HistogramStore()
        self._statuses = {process: Status(process, "starting") for process in range(first, first + processes)}
        self._others: Others | None = None
        self._heartbeats = Heartbeats()
        self._concerns: dict[tuple[int, str], str] = {}
        self._probes: list[Probe] = [self._watermark_lag, self._states]
        self._own = ProcessCollector(registry=None)
        self._listeners: list[Callable[[Report], None]] = []

    def apply(self, report: Report) -> None:
        """Take in one report, and tell it to the listeners.

        Raises:
            UnknownReportError: it does not fit the declarations; nothing has changed then.
        """
        self._take(report)
        for listener in self._listeners:
            listener(report)

    def _take(self, report: Report) -> None:
        with self._lock:
            match report:
                case GaugeBlock():
                    self._gauges.replace(report)
                case OwnerGone():
                    self._gauges.forget(report.owner)
                case Totals():
                    self._counters.raise_to(report)
                case Increments():
                    self._counters.add(report)
                case Observation():
                    self._histograms.observe(report)
                case Status():
                    self._status(report)
                case Beat():
                    self._heartbeats.hear(report)
                case Concern():
                    self._concern(report)
                case AlertTold() | AlertsFiring() | Looked() | Sketched() | Unmatched():
                    pass  # for listeners

    def _status(self, report: Status) -> None:
        if report.process not in self._statuses:
            raise UnknownReportError(f"there are {len(self._statuses)} processes, process {report.process} reports")
        self._statuses[report.process] = report
        if report.state in {"starting", "stopping"}:
            self._heartbeats.forget(report.process)
            self._concerns = {key: why for key, why in self._concerns.items() if key[0] != report.process}

    def _concern(self, report: Concern) -> None:
        key = (report.process, report.subject)
        self._concerns.pop(key, None)
        if report.why:
            self._concerns[key] = report.why

    def forget_model(self, model: str) -> None:
        """Show nothing more of a model that is watched no more; what was counted stays."""
        with self._lock:
            self._gauges.forget_below(model)

    def add_probe(self, probe: Probe) -> None:
        """Ask `probe` for reports at the beginning of each scrape."""
        with self._lock:
            self._probes.append(probe)

    def add_listener(self, listener: Callable[[Report], None]) -> None:
        """Tell `listener` every report that was taken in, in the thread that brought it; before the first report."""
        self._listeners.append(listener)

    def statuses(self) -> tuple[Status, ...]:
        """The last known state of each process, in order."""
        with self._lock:
            return tuple(self._statuses.values())

    def silences(self) -> dict[int, Silence]:
        """For how long each process, or a part of it, has given no sign of life; of those that give such signs."""
        with self._lock:
            return self._heartbeats.silences()

    def values(self, name: str) -> dict[Labels, float]:
        """Value of each row of the gauge or counter of this short name."""
        if catalog.BY_NAME[name].kind == "counter":
            with self._lock:
                return self._counters.values(name)
        declared(name, "gauge")
        with self._lock:
            blocks = self._gauges.snapshot().get(name, [])
        return gauge_values(blocks)

    def ask_others(self, others: Others) -> None:
        """Be ready only where other hosts are, too: `others` gives why not, and whether they know a watermark."""
        self._others = others

    def not_ready(self) -> tuple[str, ...]:
        """Why this, with all other hosts, is not ready, a line each; empty when it is."""
        reasons, watermark = self.own_reasons()
        if self._others is not None:
            of_others, elsewhere = self._others()
            reasons, watermark = [*reasons, *of_others], watermark or elsewhere
        return (*reasons, *(() if watermark else (NO_WATERMARK,)))

    def own_reasons(self) -> tuple[list[str], bool]:
        """Why the processes here are not ready, and whether they know the watermark of a model or more."""
        watermarks = self.values(catalog.WATERMARK_TIMESTAMP_SECONDS.name)
        with self._lock:
            concerns = sorted({f"process {process}: {why}" for (process, _), why in self._concerns.items()})
        known = any(math.isfinite(watermark) for watermark in watermarks.values())
        return [*reasons_not_ready(self.statuses(), self.silences()), *concerns], known

    def collect(self) -> Iterator[Family]:
        """All families, for a prometheus_client registry."""
        snapshot = self._snapshot()
        yield from gauge_families(snapshot.gauges)
        yield from snapshot.others

    def render(self) -> bytes:
        """The scrape in Prometheus' text format 0.0.4. One at a time: two at once would each take twice as long."""
        with self._scrape:
            snapshot = self._snapshot()
            texts = [gauge_text(name, blocks) for name, blocks in snapshot.gauges.items()]
            rest: bytes = generate_latest(_Rest([*snapshot.others, *self._own.collect()]))
            return "".join(texts).encode() + rest

    def _snapshot(self) -> _Snapshot:
        with self._lock:
            probes = tuple(self._probes)
        for probe in probes:
            for report in probe():
                self.apply(report)
        with self._lock:
            others = [*self._counters.families(), *self._histograms.families()]
            return _Snapshot(self._gauges.snapshot(), others)

    def _watermark_lag(self) -> Iterable[Report]:
        known = self.values(catalog.WATERMARK_TIMESTAMP_SECONDS.name)
        now = self._clock()
        lags = {row: now - watermark for row, watermark in known.items() if math.isfinite(watermark)}
        yield GaugeBlock(_OWNER, catalog.WATERMARK_LAG_SECONDS.name, tuple(lags), tuple(lags.values()))

    def _states(self) -> Iterable[Report]:
        states = self.statuses()
        rows = tuple((str(status.process),) for status in states)
        silences = self.silences()
        quiet = {process for process, silence in silences.items() if silence.seconds > QUIET}
        running = tuple(float(status.state == "running" and status.process not in quiet) for status in states)
        yield GaugeBlock(_OWNER, catalog.WORKER_RUNNING.name, rows, running)
        with self._lock:
            epochs = self._heartbeats.epochs()
        ages = tuple((str(process),) for process in epochs)
        yield GaugeBlock(_OWNER, catalog.EPOCH_AGE_SECONDS.name, ages, tuple(epochs.values()))
        yield GaugeBlock(_OWNER, catalog.READY.name, ((),), (float(not self.not_ready()),))


def reasons_not_ready(statuses: Iterable[Status], silences: Mapping[int, Silence]) -> list[str]:
    """A line for each process that is not running.

    Args:
        statuses: the last known state of each process.
        silences: for how long processes have given no sign of life.
    """
    reasons = [_reason(status) for status in statuses if status.state != "running"]
    reasons += [f"process {process}: {silence}" for process, silence in silences.items() if silence.seconds > QUIET]
    return reasons


def _reason(status: Status) -> str:
    state = status.state.replace("_", " ")
    return f"process {status.process}: {state}" + (f" ({status.detail})" if status.detail else "")
