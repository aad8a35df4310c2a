"""Labels in flight while the monitor is killed: a short version of `load_tests/chaos_labels.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chaos_labels import LabelRun
from chaos_labels_traffic import references
from chaos_monitor import kill_process
from chaos_run import Bench
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_node import KafkaNode


@pytest.mark.real_broker
def test_kills_leave_no_trace_in_what_labels_say(kafka_node: KafkaNode, tmp_path: Path) -> None:
    """A worker, all of them and the supervisor: performance, alerts and counters are those of an undisturbed run."""
    bench = Bench(kafka_node, references(), tmp_path, rate=400.0, seed=1)
    with LabelRun(bench, "test labels") as run:
        monitor = run.monitor
        monitor.start()
        run.progress()
        run.traffic.shifted.set()
        kill_process(monitor.workers()[1])
        run.progress()
        for pid in monitor.workers():
            kill_process(pid)
        run.progress()
        monitor.kill()
        monitor.start()
        run.progress()
        until(lambda: _dropped(run))
        result = run.settle()
    assert result.problems == []


def _dropped(run: LabelRun) -> bool:
    return any('alert="PerformanceDrop"' in labels for labels in run.monitor.series("alerts_total"))
