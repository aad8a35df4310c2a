"""A host that is lost with its disk: a short version of `load_tests/hosts.py`, on addresses of the loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chaos_labels_traffic import references
from chaos_run import Bench
from hosts_monitor import HostsRun
from namespaces import Loopback
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_node import KafkaNode

HOSTS = 3


@pytest.mark.real_broker
def test_what_waits_for_labels_outlives_the_disk_of_a_host(kafka_node: KafkaNode, tmp_path: Path) -> None:
    """Each host but the first loses its disk in turn: all that is said is what an undisturbed run says."""
    bench = Bench(kafka_node, references(), tmp_path, rate=300.0, seed=1, processes=1)
    with HostsRun(bench, "lost disk", Loopback(HOSTS), HOSTS) as run:
        monitor = run.monitor
        monitor.start()
        monitor.until_ready()
        run.progress()
        run.traffic.shifted.set()
        for host in (1, 2):
            run.progress()
            monitor.until_saved()
            monitor.lose_disk(host)
            monitor.start()
            monitor.until_ready()
            until(lambda host=host: "made again out of" in monitor.log(host).read_text())  # type: ignore[misc]
        run.progress()
        until(lambda: any('alert="PerformanceDrop"' in labels for labels in run.monitor.series("alerts_total")))
        result = run.settle()
    assert result.problems == []
