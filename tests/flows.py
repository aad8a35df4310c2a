"""Flows that the supervisor tests run in real worker processes, and a program that serves one of them.

`python flows.py FLOW DIRECTORY PROCESSES` serves it as `driftgauge run` would.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stream.errors import UsageError
from stream.metrics.reports import GaugeBlock, Increments, Status, Totals
from stream.service import Service, serve
from stream.workers.pulse import DATAFLOW, Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.metrics.reports import Reporter

FOREVER = 36_000.0


def _appear(directory: Path, process: int) -> int:
    """Leave the process id in the directory; which life of this process it is, from 1."""
    lives = directory / f"lives.{process}"
    with lives.open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len(lives.read_text().split())


def _report(reporter: Reporter, process: int, addresses: Sequence[str]) -> None:
    owner = f"process-{process}"
    reporter.send(GaugeBlock(owner, "watermark_timestamp_seconds", ((f"model-{process}",),), (1_000.0,)))
    reporter.send(Status(process, "running", ",".join(addresses)))


@dataclass(frozen=True)
class Steady:
    """Runs until it is stopped."""

    directory: Path

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Report, then wait for the stop; say so in the directory."""
        _appear(self.directory, process)
        _report(reporter, process, addresses)
        stop.wait(FOREVER)
        (self.directory / f"stopped.{process}").touch()


def _load(directory: Path) -> Steady:
    """What takes as long as a test: the modules of a flow on a machine that has other things to do."""
    (directory / f"loading.{os.getpid()}").touch()
    threading.Event().wait(FOREVER)
    return Steady(directory)


@dataclass(frozen=True)
class Loading(Steady):
    """Never gets so far as to run."""

    def __reduce__(self) -> tuple[Callable[[Path], Steady], tuple[Path]]:
        """How the worker gets it."""
        return _load, (self.directory,)


@dataclass(frozen=True)
class Recovering:
    """Counts 100 in its first life, and comes back with 60: the snapshot is older than what was last reported."""

    directory: Path

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Report the total of this life, then wait for the stop."""
        life = _appear(self.directory, process)
        total = 100.0 if life == 1 else 60.0
        labels = (f"model-{process}", "1", "ok")
        reporter.send(Totals("predictions_total", {labels: total}))
        reporter.send(Increments("alerts_total", {(f"model-{process}", "DataDrift", "firing"): 1.0}))
        if life == 1:
            alert = (f"model-{process}", "1", "", "DataDrift", "critical")
            reporter.send(GaugeBlock(f"alerts-{process}", "alert_active", (alert,), (1.0,)))
        _report(reporter, process, addresses)
        stop.wait(FOREVER)


@dataclass(frozen=True)
class Failing:
    """Process 1 fails in each of its lives; the others run on, as members of a cluster without that one would."""

    directory: Path

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Fail, or wait for the stop."""
        _appear(self.directory, process)
        _report(reporter, process, addresses)
        if process == 1:
            raise RuntimeError("the password is hunter2-hunter2")
        stop.wait(FOREVER)


@dataclass(frozen=True)
class Refusing:
    """Process 1 refuses its state, and the runtime wraps that in an error of its own."""

    directory: Path

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Raise a wrapped UsageError, or wait for the stop."""
        _appear(self.directory, process)
        _report(reporter, process, addresses)
        if process == 1:
            refusal = UsageError("state: /var/lib/driftgauge is of format 7, this is format 1")
            raise RuntimeError("error calling build in step recover") from refusal
        stop.wait(FOREVER)


@dataclass(frozen=True)
class Deaf:
    """Never stops by itself."""

    directory: Path

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Report, then wait for ever; that it was asked to stop is seen and ignored."""
        _appear(self.directory, process)
        _report(reporter, process, addresses)
        stop.wait(FOREVER)
        (self.directory / f"asked.{process}").touch()
        threading.Event().wait(FOREVER)


@dataclass(frozen=True)
class Beating:
    """Tells that its dataflow moves; in the first life of process 1 this one stops doing so when it is told to."""

    directory: Path

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Move until the stop."""
        life = _appear(self.directory, process)
        stuck = self.directory / "stuck"
        with Pulse(reporter, process) as pulse:
            move = pulse.mover(DATAFLOW)
            move()  # what has never moved is not expected to: it must have, before it may be told to stop
            _report(reporter, process, addresses)
            while not stop.wait(0.05):
                if (process, life) != (1, 1) or not stuck.exists():
                    move()


@dataclass(frozen=True)
class Flooding:
    """Sends more than the pipe holds, with undeclared metrics in between."""

    directory: Path

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Send all reports; the last total is sent at the very end of the flow."""
        _appear(self.directory, process)
        _report(reporter, process, addresses)
        rows = tuple(("m", "1", "", f"feature_{i}", "psi", "10s") for i in range(20_000))
        for round_ in range(20):
            reporter.send(GaugeBlock("flood", "feature_drift", rows, (float(round_),) * len(rows)))
            reporter.send(GaugeBlock("flood", "no_such_metric", ((),), (1.0,)))
            reporter.send(Totals("predictions_total", {("m", "1", "ok"): float(round_)}))
        stop.wait(FOREVER)
        reporter.send(Totals("predictions_total", {("m", "1", "ok"): 1_000.0}))


FLOWS = {flow.__name__: flow for flow in (Steady, Recovering, Failing, Refusing, Deaf, Beating, Flooding)}


def main() -> None:
    """Serve the flow named by the arguments."""
    name, directory, processes = sys.argv[1:]
    outcome = serve(FLOWS[name](Path(directory)), Service(int(processes), "127.0.0.1:0"))
    if outcome.message:
        sys.stderr.write(f"{outcome.message}\n")
    sys.exit(outcome.exit_code)


if __name__ == "__main__":
    # Under its importable name, so that the workers can unpickle the flow.
    from flows import main as importable_main

    importable_main()
