from pathlib import Path

import pytest
from chaos import outage_of, says
from chaos_monitor import kill_process
from chaos_outputs import Outputs, Rows, differences, read_outputs
from chaos_run import Bench, Run
from chaos_traffic import references
from kafka_node import KafkaNode
from waiting import until

OUTAGE = 10.0


def outputs(alert: bytes) -> Outputs:
    """Evaluations and dead letters without rows, and one alert."""
    alerts = Rows()
    alerts.add(b"a", alert)
    return Outputs(Rows(), alerts, Rows())


def test_a_difference_of_one_byte_is_found() -> None:
    """In what is there twice, and in what one side lacks."""
    assert differences(outputs(b"x"), outputs(b"x")) == []
    assert differences(outputs(b"x"), outputs(b"y"))[0] == "alerts: 1 other content: a"
    twice = outputs(b"x")
    twice.alerts.add(b"a", b"y")
    twice.alerts.add(b"b", b"z")
    assert twice.duplicates == 1
    assert differences(twice, outputs(b"x")) == [
        "alerts: 1 not expected: b",
        "alerts: 1 came again with other content: a",
    ]


@pytest.mark.real_broker
def test_disturbances_leave_no_trace_in_the_results(kafka_node: KafkaNode, tmp_path: Path) -> None:
    """Two SIGTERMs, two kills and an outage: all that is written and counted is that of an undisturbed run."""
    bench = Bench(kafka_node, references(), tmp_path, rate=300.0, seed=1)
    with Run(bench, "test") as run:
        monitor = run.monitor
        run.traffic.shifted.set()
        monitor.start()
        for _ in range(2):
            run.progress()
            run.terminate()
            monitor.start()
        assert read_outputs(kafka_node.bootstrap, monitor.topics).duplicates == 0
        run.progress()
        kill_process(monitor.workers()[1])
        run.progress()
        monitor.kill()
        monitor.start()
        run.progress()
        workers = monitor.workers()
        outage_of(run, OUTAGE, kafka_node.stop, kafka_node.start)
        says(run, 200)
        until(lambda: run.alerts("firing") > 0)
        assert monitor.workers() == workers
        result = run.settle()
    assert result.problems == []
