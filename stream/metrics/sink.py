"""The sink of reports: hands what metrics are made of to the reporter of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bytewax.outputs import DynamicSink, StatelessSinkPartition

if TYPE_CHECKING:
    from stream.metrics.reports import Report, Reporter


class _Partition(StatelessSinkPartition["Report"]):
    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def write_batch(self, items: list[Report]) -> None:
        for item in items:
            self._reporter.send(item)


class ReportSink(DynamicSink["Report"]):
    """Reports are absolute and idempotent: it does not matter if a dynamic sink repeats or loses some at a crash."""

    def __init__(self, reporter: Reporter) -> None:
        """Send to `reporter`."""
        self._reporter = reporter

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:  # noqa: ARG002
        """A partition for this worker."""
        return _Partition(self._reporter)
