"""Halves of pairs in flight while the monitor is killed or stopped: a short version of `load_tests/chaos_pairs.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chaos_monitor import kill_process
from chaos_pairs import PairRun
from chaos_run import Bench
from chaos_traffic import references
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_node import KafkaNode


@pytest.mark.real_broker
def test_pairs_over_a_kill_and_a_stop_are_those_of_an_undisturbed_run(kafka_node: KafkaNode, tmp_path: Path) -> None:
    """Requests wait for their responses at each: what is said and counted afterwards is the same, to the last byte."""
    bench = Bench(kafka_node, references(), tmp_path, rate=300.0, seed=1)
    with PairRun(bench, "test pairs") as run:
        monitor = run.monitor
        run.traffic.shifted.set()
        monitor.start()
        run.progress()
        until(lambda: monitor.total("halves_waiting") > 0)
        run.terminate()
        monitor.start()
        run.progress()
        until(lambda: monitor.total("halves_waiting") > 0)
        kill_process(monitor.workers()[1])
        run.progress()
        until(lambda: monitor.total("halves_waiting") > 0)
        monitor.kill()
        monitor.start()
        run.progress()
        result = run.settle()
    assert result.problems == []
