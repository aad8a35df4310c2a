"""Reload on several hosts: one SIGHUP, and all go on with the new config, or none does."""

from __future__ import annotations

import dataclasses
import json
import signal
from typing import TYPE_CHECKING, Any

import yaml
from hosts import Host, Hosts
from monitored import PANE, Site, Traffic, reference_of
from waiting import until

from stream.engine.placement import owner
from windows.references.reference import seal, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from brokers import Broker

START = 1_790_000_000_000
COUNT = 3
USUAL = 0.1
"""The least psi that is told where the config does not say."""
STRICT = {"minor": 0.01, "major": 0.02}


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


def with_models(site: Site) -> list[str]:
    """Give the site a model for each host, which is judged there; their names."""
    names = {owner(name, COUNT): name for name in (f"model-{number}" for number in range(40))}
    config = yaml.safe_load(site.path.read_text())
    (model,) = config["models"]
    config["models"] = [{**model, "name": names[host], "reference": f"{names[host]}.json"} for host in range(COUNT)]
    site.path.write_text(yaml.safe_dump(config))
    for name in names.values():
        (site.directory / f"{name}.json").write_bytes(to_json(reference_of(name)))
    return [names[host] for host in range(COUNT)]


def rewrite(host: Host, psi: Mapping[str, Any] | None, **sections: Any) -> None:
    """Give all models of a host's config these thresholds of psi, None for those of the product; change sections."""
    config = yaml.safe_load(host.path.read_text())
    for model in config["models"]:
        model["drift"] = {"windows": ["1s", "5s"], **({} if psi is None else {"psi": dict(psi)})}
    host.path.write_text(yaml.safe_dump({**config, **sections}))


def thresholds(site: Site) -> dict[tuple[str, str], float]:
    """By model and end of a window of a second: from where on the psi of its feature `age` is told."""
    rows = [json.loads(message.value() or b"") for message in site.read("evaluations")]
    return {
        (row["model"], row["window"]["end"]): row["threshold"]
        for row in rows
        if (row["kind"], row["feature"], row["metric"], row["window"]["size"]) == ("feature", "age", "psi", "1s")
    }


def write_all(hosts: Hosts, site: Site, traffics: list[Traffic]) -> str:
    """Two more seconds of every model; the end of the last window, once that is judged for all of them."""
    for _ in range(2):  # no model's second is late because of another's next one
        for traffic in traffics:
            traffic.write(1)
    hosts.until_read(sum(traffic.count for traffic in traffics))
    closed = sum((traffic.closable - START) // PANE for traffic in traffics)
    until(lambda: len(thresholds(site)) >= closed, pause=0.2)
    return max(end for _, end in thresholds(site))


def refuse(hosts: Hosts, where: int, said: str) -> None:
    """A signal to the second host, after which this host says why it does not go on with what is in the files."""
    known = hosts[where].log.count(said)
    hosts[1].signal(signal.SIGHUP)
    until(lambda: hosts[where].log.count(said) > known)


def test_a_threshold_reaches_all_hosts_and_a_config_that_one_refuses_none(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    """Each host judges a model: what is written of all three has the new threshold after one signal to one of them.

    No host's processes are started anew by a config with a mistake in one of the files, by a section that is read at
    the start only, or by a reference that would have a model start anew; the former thresholds hold everywhere.
    """
    site = Site(tmp_path / "site", embedded_broker, embedded_broker.topic("predictions"), "30d", "365d")
    models = with_models(site)
    traffics = [Traffic(site, START, model=name) for name in models]
    with Hosts(site, COUNT, processes=1) as hosts:
        hosts.until_ready()
        write_all(hosts, site, traffics)

        for host in hosts:
            rewrite(host, {"major": "much"} if host.number == 2 else STRICT)
        refuse(hosts, 1, f"that of host 2 ({hosts.addresses[2]}) says something else; it has to be the same")
        until(lambda: f"that of host 2 ({hosts.addresses[2]}) says something else" in hosts[0].log)
        assert "drift.psi.major" in hosts[2].log

        time = yaml.safe_load(hosts[0].path.read_text())["time"]
        for host in hosts:
            rewrite(host, STRICT, time={**time, "lateness": "700ms"})
        refuse(hosts, 1, "time: changed; that takes a stop and a start")

        for host in hosts:
            rewrite(host, STRICT, time=time)
        plain = reference_of(models[0])
        age: Any = plain.features["age"]
        moved = {**plain.features, "age": dataclasses.replace(age, center=age.center + 1)}
        path = site.directory / f"{models[0]}.json"
        path.write_bytes(to_json(seal(dataclasses.replace(plain, features=moved))))
        refuse(hosts, 1, "several hosts start no model anew")

        path.write_bytes(to_json(plain))
        last = write_all(hosts, site, traffics)
        assert taken(hosts) == [0] * COUNT
        assert [host.log.count("started 1 dataflow processes") for host in hosts] == [1] * COUNT
        assert set(thresholds(site).values()) == {USUAL}

        hosts[1].signal(signal.SIGHUP)
        until(lambda: taken(hosts) == [1] * COUNT)
        hosts.until_ready()
        strict = write_all(hosts, site, traffics)
        assert {end <= last: value for (_, end), value in sorted(thresholds(site).items())} == {
            True: USUAL,
            False: STRICT["minor"],
        }

        for host in hosts:
            rewrite(host, None)
        for host in hosts:  # as what rolls a config out does
            host.signal(signal.SIGHUP)
        until(lambda: taken(hosts) == [2] * COUNT)
        hosts.until_ready()
        write_all(hosts, site, traffics)
        found = thresholds(site)
        assert {name for name, end in found if end > strict} == set(models)
        assert {value for (_, end), value in found.items() if end > strict} == {USUAL}
        assert hosts.stop() == [0] * COUNT
        assert all("says something else" not in host.log.rpartition("is taken")[2] for host in hosts)
