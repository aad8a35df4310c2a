"""Hosts that begin with nothing kept: in whatever order they are started, they are one monitor, and read as one."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hosts import Hosts
from monitored import PARTITIONS, Site, Traffic
from waiting import until

from stream.state.layout import LAYOUT

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

START = 1_790_000_000_000
COUNT = 3


def site_of(directory: Path, broker: Broker, start: str) -> Site:
    """A monitor whose time is moved by what is written alone."""
    return Site(directory, broker, broker.topic("predictions"), "30d", "365d", start)


def readers(hosts: Hosts) -> Counter[str]:
    """How many hosts read each partition."""
    return Counter(name for host in hosts for name in host.series() if name.startswith("consumer_lag_messages{"))


def states(hosts: Hosts) -> set[str]:
    """Of which state each host keeps a part."""
    return {json.loads((host.state / LAYOUT).read_text())["id"] for host in hosts}


def says(hosts: Hosts, which: int, words: list[str]) -> bool:
    """Whether a host says all of these of why it is not ready."""
    page = hosts[which].page("readyz")
    return all(one in page for one in words)


def begun(hosts: Hosts, words: str) -> list[int]:
    """How often each host said that it reads the partitions from there."""
    return [host.log.count(f"{PARTITIONS} partitions, {words}") for host in hosts]


@pytest.mark.real_broker
@pytest.mark.parametrize(
    ("start", "order"), [("earliest", (0, 1, 2)), ("latest", (2, 0, 1)), ("latest", (1, 2, 0))], ids=str
)
def test_hosts_that_keep_nothing_start_as_one(
    real_broker: Broker, tmp_path: Path, start: str, order: tuple[int, ...]
) -> None:
    """Nothing is read before the last is there; then each partition is by one, from where all say that it is.

    Once anything was saved nothing is left out any more, wherever the config says to start: the disks of all hosts but
    the first may be lost. Without that of the first the others refuse to begin anew.
    """
    site = site_of(tmp_path / "site", real_broker, start)
    traffic = Traffic(site, START)
    traffic.write(2)
    if start == "latest":
        traffic.count = 0  # that is what it means
    hosts = Hosts(site, COUNT, processes=1)
    try:
        for number, which in enumerate(order[:-1]):
            missing = [f"host {other} ({hosts.addresses[other]}) is missing" for other in order[number + 1 :]]
            hosts[which].start()
            until(lambda: says(hosts, which, missing))  # noqa: B023 - waited for here
        assert not any("reading" in hosts[which].log for which in order[:-1])
        hosts[order[-1]].start()
        until(lambda: begun(hosts, f"from {start}") == [1] * COUNT)
        until(lambda: sum(readers(hosts).values()) >= PARTITIONS)
        assert sorted(readers(hosts).values()) == [1] * PARTITIONS
        traffic.write(3)
        hosts.until_read(traffic.count)
        hosts.until_ready()
        assert len(states(hosts)) == 1
        assert hosts.stop() == [0] * COUNT

        for host in hosts[1:]:
            shutil.rmtree(host.state)
        traffic.write(2)
        for which in reversed(order):
            hosts[which].start()
        until(lambda: begun(hosts, "continuing from state") == [1] * COUNT)
        hosts.until_read(traffic.count)
        hosts.until_ready()
        assert hosts.stop() == [0] * COUNT

        for damage in (b"", b"no database" * 1_000):
            (hosts[0].state / "part-0.sqlite3").write_bytes(damage)
            assert hosts[0].start().wait() == 2
        assert hosts[0].log.count("damaged: ") == 2
        assert "Traceback" not in hosts[0].log

        shutil.rmtree(hosts[0].state)
        for host in hosts:
            host.start()
        assert [host.wait() for host in hosts] == [2] * COUNT
        assert all("another monitor's, or new" in host.log for host in hosts)
        assert (begun(hosts, f"from {start}"), begun(hosts, "continuing from state")) == ([1] * COUNT, [1] * COUNT)
    finally:
        hosts.__exit__()
