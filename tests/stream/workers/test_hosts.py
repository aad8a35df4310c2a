"""Several hosts on one machine: programs with addresses, ports and state of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import TYPE_CHECKING

import yaml
from hosts import PROCESSES, Hosts
from monitored import PARTITIONS, Monitor, Site, Traffic
from waiting import GUARD, until

from stream.engine.placement import owner
from stream.simulate.shifts import Shift

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from brokers import Broker

START = 1_790_000_000_000
MONTH = "30d"
"""Silence moves no window: all is decided by what was written."""
COUNTERS = ("records_folded_total", "predictions_total", "late_records_total", "dead_letters_total", "alerts_total")
OF_HOST = {"ready", "build_info", "python_gc", "config_reloads_total"}
"""Series that each host has of itself."""


def rows(site: Site, name: str) -> dict[str, str]:
    """What was written to an output topic by id, without the time by the clock at which it left."""
    found = {}
    for message in site.read(name):
        row = json.loads(message.value() or b"")
        row.pop("emitted_at", None)
        found[row.get("id") or json.dumps(row, sort_keys=True)] = json.dumps(row, sort_keys=True)
    return found


def compare(site: Site, hosts: Hosts, several: Site, traffic: Traffic) -> None:
    """What one host makes of the topic is what several made of it."""
    until(lambda: marks(hosts) * 1e3 >= traffic.closable)
    with Monitor(site) as alone:
        alone.until(lambda: alone.watermark >= traffic.closable)
        alone.until(lambda: alone.total("records_read_total") == traffic.count)
        for name in COUNTERS:
            until(lambda name=name: hosts.total(name) >= alone.total(name))  # type: ignore[misc]
            assert hosts.total(name) == alone.total(name), name
    for name in ("alerts", "evaluations"):
        until(lambda name=name: len(rows(several, name)) >= len(rows(site, name)))  # type: ignore[misc]
        assert rows(several, name) == rows(site, name), name
    assert rows(site, "alerts")


def marks(hosts: Hosts) -> float:
    """The watermark in seconds, wherever it is known."""
    return max(
        (value for host in hosts for name, value in host.series().items() if "watermark_time" in name), default=0
    )


def owners(hosts: Hosts) -> Counter[str]:
    """On how many hosts each series is, but those of a host itself."""
    from collections import Counter  # noqa: PLC0415 - of this alone

    return Counter(
        name for host in hosts for name in host.series() if "{" in name and name.partition("{")[0] not in OF_HOST
    )


def test_three_hosts_write_what_one_does(embedded_broker: Broker, tmp_path: Path) -> None:
    """Each prediction is counted once, each partition read by one host; alerts and evaluations are the same."""
    topic = embedded_broker.topic("predictions")
    several, alone = (Site(tmp_path / name, embedded_broker, topic, MONTH, "365d") for name in ("several", "alone"))
    traffic = Traffic(several, START, shifts=(Shift("mean", "age", 1.0, 3_000),))
    traffic.write(12)
    with Hosts(several, 3) as hosts:
        hosts.until_ready()
        hosts.until_read(traffic.count)
        until(lambda: marks(hosts) * 1e3 >= traffic.closable)
        # A partition's lag is told at its reader's next look at the broker, which is not that of the others.
        until(lambda: sum(name.startswith("consumer_lag_messages") for name in owners(hosts)) == PARTITIONS)
        found = owners(hosts)
        assert {name: count for name, count in found.items() if count != 1} == {}
        judge = owner("click", 3 * PROCESSES) // PROCESSES
        assert [any("watermark_time" in name for name in host.series()) for host in hosts] == [
            host.number == judge for host in hosts
        ]
        assert not [*hosts[1].state.glob("*.sqlite3"), *hosts[2].state.glob("*.sqlite3")]
        compare(alone, hosts, several, traffic)
        assert hosts.stop() == [0, 0, 0]
        assert all("killed" not in host.log for host in hosts)


def test_whatever_happens_to_a_host_leaves_no_trace_in_the_results(embedded_broker: Broker, tmp_path: Path) -> None:
    """A process killed, a host stopped and started, one frozen, one lost for a while, a supervisor killed."""
    topic = embedded_broker.topic("predictions")
    several, alone = (Site(tmp_path / name, embedded_broker, topic, MONTH, "365d") for name in ("several", "alone"))
    traffic = Traffic(several, START, shifts=(Shift("mean", "age", 1.0, 3_000),))
    traffic.write(3)
    with Hosts(several, 3, processes=1) as hosts:
        hosts.until_ready()
        hosts.until_read(traffic.count)

        os.kill(hosts[1].workers()[0], signal.SIGKILL)
        until(lambda: "process 1 was killed by SIGKILL" in hosts[1].log)
        until(lambda: all('reason="peer"' in host.page("metrics") for host in (hosts[0], hosts[2])))
        traffic.write(2)
        hosts.until_ready()
        hosts.until_read(traffic.count)

        hosts[0].signal(signal.SIGTERM)
        assert hosts[0].wait() == 0
        until(lambda: "is missing" in hosts[1].page("readyz") and "it was stopped" in hosts[1].page("readyz"))
        assert all("state saved" in host.log for host in hosts)
        traffic.write(2)
        hosts[0].start()
        hosts.until_ready()
        hosts.until_read(traffic.count)

        frozen = [hosts[2].pid, *hosts[2].workers()]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        traffic.write(2)
        until(lambda: f"host 2 ({hosts.addresses[2]}) is missing, silent" in hosts[0].page("readyz"))
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        hosts.until_ready()
        hosts.until_read(traffic.count)

        hosts[1].kill()
        until(lambda: f"host 1 ({hosts.addresses[1]}) is missing" in hosts[2].page("readyz"))
        traffic.write(2)
        hosts[1].start()
        hosts.until_ready()
        hosts.until_read(traffic.count)

        os.kill(hosts[0].pid, signal.SIGKILL)
        hosts[0].wait()
        hosts[0].start()
        hosts.until_ready()
        traffic.write(3)  # a partition that nothing comes to says nothing of its count after a start
        hosts.until_read(traffic.count)
        compare(alone, hosts, several, traffic)
        assert hosts.stop() == [0, 0, 0]


def test_hosts_that_differ_end_with_the_reason(embedded_broker: Broker, tmp_path: Path) -> None:
    """Exit code 2 on both, who differs in what; nothing is read."""
    site = Site(tmp_path / "site", embedded_broker, embedded_broker.topic("predictions"))
    hosts = Hosts(site, 2)
    config = yaml.safe_load(hosts[1].path.read_text())
    config["time"]["lateness"] = "700ms"
    hosts[1].path.write_text(yaml.safe_dump(config))
    with hosts:
        assert [host.wait() for host in hosts] == [2, 2]
        assert f"host 1 ({hosts.addresses[1]}) differs in time" in hosts[0].log
        assert f"host 0 ({hosts.addresses[0]}) differs in time" in hosts[1].log
        assert all("reading" not in host.log for host in hosts)


def test_strangers_at_the_meeting_disturb_nobody(embedded_broker: Broker, tmp_path: Path) -> None:
    """While hosts wait for another one, and afterwards."""
    site = Site(tmp_path / "site", embedded_broker, embedded_broker.topic("predictions"))
    traffic = Traffic(site, START)
    traffic.write(3)
    hosts = Hosts(site, 2)
    try:
        hosts[0].start()
        until(lambda: "is missing: not met yet" in hosts[0].page("readyz"))
        host, _, port = hosts.addresses[0].partition(":")
        for _ in range(50):
            with socket.create_connection((host, int(port)), GUARD) as line:
                line.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
                assert b"refused" in line.recv(1000)
        hosts[1].start()
        hosts.until_ready()
        hosts.until_read(traffic.count)
        assert "127.0.0.1 was refused: this is no card of a host" in hosts[0].log
    finally:
        hosts.__exit__()


def test_a_new_partition_is_read_from_its_beginning_on_every_host(embedded_broker: Broker, tmp_path: Path) -> None:
    """With `start: latest`, by a host without recovery files: what it continues from is on the first."""
    topic = embedded_broker.topic("predictions")
    site = Site(tmp_path / "site", embedded_broker, topic, start="latest")
    with Hosts(site, 2, processes=1) as hosts:
        until(lambda: sum(host.log.count("from latest") for host in hosts) == 2)
        until(lambda: len([name for name in owners(hosts) if name.startswith("consumer_lag")]) == PARTITIONS)
        traffic = Traffic(site, START)
        traffic.write(3)
        hosts.until_read(traffic.count)
        hosts.until_ready()
        assert hosts.stop() == [0, 0]
        for host in hosts:
            host.start()
        hosts.until_ready()
        assert all("4 partitions, continuing from state" in host.log for host in hosts)
        traffic.write(2)
        hosts.until_read(traffic.count)
