"""A real dataflow for the supervisor's tests: numbers through a keyed step, over the whole cluster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import bytewax.operators as op
from bytewax._bytewax import cluster_main
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.testing import TestingSink

from stream.engine.witness import Witness
from stream.errors import UsageError
from stream.metrics.reports import GaugeBlock, Increments, Status
from stream.workers.gate import left_unlinked

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Sequence

    from stream.metrics.reports import Reporter

AFTER = 10


class Ticks(StatefulSourcePartition[tuple[str, int], int]):
    """1, 2, 3, ... until stopped."""

    def __init__(self, partition: str, stop: threading.Event, *, fails: bool) -> None:
        self._partition, self._stop, self._fails, self._count = partition, stop, fails, 0

    def next_batch(self) -> list[tuple[str, int]]:
        """The next number."""
        if self._stop.is_set():
            raise StopIteration
        self._count += 1
        if self._fails and self._count > AFTER:
            raise UsageError("the topic has fewer partitions than it had")
        return [(self._partition, self._count)]

    def next_awake(self) -> datetime | None:
        """Soon."""
        return datetime.now(UTC) + timedelta(milliseconds=5)

    def snapshot(self) -> int:
        """The number."""
        return self._count


@dataclass(frozen=True)
class TickSource(FixedPartitionedSource[tuple[str, int], int]):
    """A partition for each process, or for the first alone; that of process 1 fails if told to."""

    process: int
    stop: threading.Event
    fails: bool
    idle: bool = False

    def list_parts(self) -> list[str]:
        """The partition of this process."""
        return [] if self.idle and self.process else [str(self.process)]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Ticks:  # noqa: ARG002
        """The partition."""
        return Ticks(for_part, self.stop, fails=self.fails and self.process == 1)


class Last(StatefulBatchLogic[int, int, int]):
    """Passes numbers on, lazily; the step named "lazy" fails after a while, only when its output is run."""

    def __init__(self, *, fails: bool) -> None:
        self._fails = fails

    def on_batch(self, values: list[int]) -> tuple[Iterable[int], bool]:
        """The same numbers."""
        return (self._checked(value) for value in values), StatefulBatchLogic.RETAIN

    def _checked(self, value: int) -> int:
        if self._fails and value > AFTER:
            raise ValueError(f"{value} is one too many")
        return value

    def snapshot(self) -> int:
        """Nothing."""
        return 0


@dataclass(frozen=True)
class Cluster:
    """The dataflow; `mode` says which part of it fails: source, step or none; "idle": process 1 has nothing to do."""

    mode: str

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Run until stopped."""
        flow = Dataflow("ticks")
        ticks = op.input("ticks", flow, TickSource(process, stop, self.mode == "source", self.mode == "idle"))
        last = op.stateful_batch("last", ticks, lambda _: Last(fails=self.mode == "step"))
        seen: list[Any] = []
        counted = op.map("count", last, lambda item: self._count(reporter, item))
        op.output("out", counted, TestingSink(seen))
        reporter.send(Status(process, "running"))
        reporter.send(GaugeBlock("w", "watermark_timestamp_seconds", (("ticks",),), (1_000.0,)))
        with Witness() as witness, left_unlinked(stop, partial(getattr, witness, "begun"), addresses):
            interval = timedelta(milliseconds=200)
            cluster_main(witness.over(flow), list(addresses), process, epoch_interval=interval)  # type: ignore[no-untyped-call]
        begun = (f"begun-{process}",)
        reporter.send(GaugeBlock(f"b-{process}", "watermark_timestamp_seconds", (begun,), (float(witness.begun),)))

    @staticmethod
    def _count(reporter: Reporter, item: tuple[str, int]) -> tuple[str, int]:
        reporter.send(Increments("records_read_total", {("ticks", item[0]): 1.0}))
        return item


@dataclass(frozen=True)
class Alone(Cluster):
    """All but process 0 are stopped before they have come to connect."""

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Connect, or wait for the stop."""
        if process == 0:
            super().__call__(reporter, stop, process, addresses)
        reporter.send(Status(process, "running"))
        stop.wait()
