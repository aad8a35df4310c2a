"""The dataflow as a worker that never lacks records: many models, endless traffic with the present as event time."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import state
from bytewax._bytewax import cluster_main
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.testing import TestingSink

from operators.plans.model import plan_models
from operators.records import NoEnvelopes, Origin, RawBatch
from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.dataflow import Edges, build
from stream.engine.garbage import spared
from stream.metrics.reports import Status

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from stream.metrics.reports import Reporter

PANE = TimeSettings().pane
MODELS, FEATURES = 72, 100
BATCH = 4_000
_STAMP = b'"timestamp":' + state.PLACEHOLDER + b","


class _Part(StatefulSourcePartition[RawBatch, None]):
    """The same lines again and again, as written now."""

    def __init__(self, lines: list[bytes], stop: threading.Event) -> None:
        self._lines, self._stop = lines, stop

    def next_batch(self) -> list[RawBatch]:
        """Return a batch."""
        if self._stop.is_set():
            raise StopIteration
        now = int(time.time() * 1e3)
        return [RawBatch(Origin("p"), list(self._lines), [now] * len(self._lines), NoEnvelopes(), now)]

    def snapshot(self) -> None:
        """Nothing is remembered."""


@dataclass
class _Source(FixedPartitionedSource[RawBatch, None]):
    lines: list[bytes]
    stop: threading.Event

    def list_parts(self) -> list[str]:
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Part:  # noqa: ARG002
        return _Part(self.lines, self.stop)


@dataclass(frozen=True)
class Endless:
    """A flow for the supervisor: reads as fast as it can until it is stopped."""

    models: int = MODELS
    features: int = FEATURES

    def __call__(self, reporter: Reporter, stop: threading.Event, process: int, addresses: Sequence[str]) -> None:
        """Run until stopped."""
        settings = [ModelSettings(name=f"model-{number}", task="binary") for number in range(self.models)]
        references = {model.name: state.reference(model.name, self.features) for model in settings}
        models = plan_models(settings, references, TimeSettings(), AlertingSettings(), everything=False)
        lines = [line.replace(_STAMP, b"") for line in state.lines(self.models, self.features, BATCH)]
        edges = Edges(_Source(lines, stop), TestingSink([]), TestingSink([]), None, reporter)
        flow = build(models, TimeSettings(), AlertingSettings(), edges)
        reporter.send(Status(process, "running"))
        with spared():
            cluster_main(flow, list(addresses), process, epoch_interval=dt.timedelta(seconds=1))
