"""Reload on several hosts: one SIGHUP, and all go on with the new config, or none does."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import yaml
from hosts import Host, Hosts
from monitored import Site, Traffic
from waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

START = 1_790_000_000_000


def change(host: Host, owner: str) -> None:
    """Give the models of a host's config another owner."""
    config = yaml.safe_load(host.path.read_text())
    for model in config["models"]:
        model["owner"] = owner
    host.path.write_text(yaml.safe_dump(config))


def taken(hosts: Hosts) -> list[int]:
    """How often each host took another config."""
    return [host.log.count("the new config is taken") for host in hosts]


def test_one_signal_has_all_hosts_take_the_config_or_none(embedded_broker: Broker, tmp_path: Path) -> None:
    """Once the files are the same; until then the former config goes on everywhere, and it is said on whose account."""
    site = Site(tmp_path / "site", embedded_broker, embedded_broker.topic("predictions"), "30d", "365d")
    traffic = Traffic(site, START)
    traffic.write(3)
    with Hosts(site, 3, processes=1) as hosts:
        hosts.until_ready()
        hosts.until_read(traffic.count)
        change(hosts[0], "growth")
        hosts[0].signal(signal.SIGHUP)
        until(lambda: "says something else; it has to be the same on every host" in hosts[0].log)
        assert taken(hosts) == [0, 0, 0]
        traffic.write(2)
        hosts.until_read(traffic.count)
        for host in hosts:
            change(host, "growth")
        hosts[2].signal(signal.SIGHUP)
        until(lambda: taken(hosts) == [1, 1, 1])
        traffic.write(2)
        hosts.until_ready()
        hosts.until_read(traffic.count)
        assert hosts.stop() == [0, 0, 0]


def test_a_host_that_starts_with_the_new_config_has_the_others_read_theirs(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    """Killed after its file was changed, it comes back with what the others do not run yet."""
    site = Site(tmp_path / "site", embedded_broker, embedded_broker.topic("predictions"), "30d", "365d")
    traffic = Traffic(site, START)
    traffic.write(3)
    with Hosts(site, 2, processes=1) as hosts:
        hosts.until_ready()
        hosts.until_read(traffic.count)
        for host in hosts:
            change(host, "risk")
        hosts[1].kill()
        until(lambda: f"host 1 ({hosts.addresses[1]}) is missing" in hosts[0].page("readyz"))
        hosts[1].start()
        until(lambda: taken(hosts) == [1, 0])
        traffic.write(2)
        hosts.until_ready()
        hosts.until_read(traffic.count)
        assert hosts.stop() == [0, 0]
