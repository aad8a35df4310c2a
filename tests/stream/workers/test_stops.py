"""A stop at any moment of a start: exit code 0, and the next start goes on where it was."""

from __future__ import annotations

import re
import signal
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from brokers import Broker
from monitored import Monitor, Program, Site, Traffic
from waiting import GUARD, until

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_node import KafkaNode

pytestmark = pytest.mark.real_broker

READS = "records are read"
MOMENTS = ("on http://", "started 1 dataflow processes", "reading ", READS)
"""What the log says before a stop comes; nothing for one that comes as soon as there is a process."""


def said(program: Program, words: str, before: int) -> bool:
    """Whether it has said so in this life, or has ended."""
    if program.process.poll() is not None:
        return True
    if words != READS:
        return program.log.count(words) > before
    found = re.findall(r"on (http://127\.0\.0\.1:\d+)", program.log)
    return len(found) > before and "driftgauge_records_read_total{" in _page(f"{found[-1]}/metrics")


def test_whenever_a_stop_comes_the_backlog_is_read_once(kafka_node: KafkaNode, tmp_path: Path) -> None:
    """Early and late, by SIGTERM and Ctrl-C, with a broker that answers nothing; then all is counted once."""
    broker = Broker("real", kafka_node.bootstrap)
    site = Site(tmp_path, broker, broker.topic("predictions"), idle_after="1h", evaluations=False)
    traffic = Traffic(site, int(time.time() * 1e3) - 90_000)
    traffic.write(30)
    for words in ("", *MOMENTS):
        # Before the program has begun a Ctrl-C is Python's own business, which tells of it as it likes.
        for number in (signal.SIGTERM, signal.SIGINT) if words else (signal.SIGTERM,):
            traffic.write(1)  # there is always something to read, however much the lives before have read
            before = _log(site).count("on http://" if words == READS else words) if words else 0
            with Program(site, 1) as program:
                until(lambda: said(program, words, before))  # noqa: B023 - waited for here
                program.process.send_signal(number)
                # Where Python itself has not begun the signal does what it does to any process.
                assert program.process.wait(GUARD) in ({0} if words else {0, -number}), words
    with Program(site, 1) as program:
        before = _log(site).count("reading ")
        until(lambda: said(program, "reading ", before))
        kafka_node.pause()
        try:
            assert program.terminate() == 0
        finally:
            kafka_node.resume()
    assert "Traceback" not in _log(site)
    traffic.write(1)  # a partition that nothing comes to says nothing of its count after a start
    with Monitor(site) as running:
        running.until_read(traffic.count)
        running.until(lambda: running.watermark >= traffic.closable)
        assert running.total("late_records_total") == 0


def _page(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=GUARD) as answer:  # noqa: S310 - its own address
            return str(answer.read().decode())
    except OSError:
        return ""


def _log(site: Site) -> str:
    path = site.directory / "log"
    return path.read_text() if path.exists() else ""
