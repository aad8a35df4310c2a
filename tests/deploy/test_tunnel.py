"""The tunnels of deploy/hosts between hosts: network namespaces, stunnel beside each, a broker that all reach."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from brokers import Broker, unavailable
from certificates import Authority
from hosts import Host, Hosts
from kafka_node import NoBrokerError
from monitored import ROOT, Site, Traffic
from namespaces import Network, NoNamespacesError
from namespaces import broker as broker_of
from paging import DEPLOY, REQUIRED
from waiting import GUARD, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from namespaces import Place

START = 1_790_000_000_000
HTTP = 9108
PORTS = (2100, 2200)
SCRIPT = DEPLOY / "hosts" / "stunnel.sh"


class TunnelledHost(Host):
    """A host in a namespace of its own, with a tunnel beside it."""

    place: Place

    def start(self) -> TunnelledHost:
        """Start it, as root of its namespace."""
        with self._log.open("ab") as log:
            command = [*self.place.command(*self.command)]
            self.process = subprocess.Popen(command, stderr=log, cwd=ROOT, start_new_session=True)
        return self

    def page(self, name: str) -> str:
        """A page, over the bridge."""
        command = ["curl", "-s", f"http://{self.place.address}:{HTTP}/{name}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=GUARD).stdout


@pytest.fixture
def network() -> Iterator[Network]:
    """Two hosts."""
    missing = "" if shutil.which("stunnel") else "no stunnel: install the Debian package stunnel4"
    with ExitStack() as stack:
        try:
            made = stack.enter_context(Network(2, 1))
        except NoNamespacesError as error:
            missing = str(error)
        if missing:
            if os.environ.get(REQUIRED) == "1":
                pytest.fail(f"{REQUIRED}=1 and {missing}", pytrace=False)
            pytest.skip(missing)
        yield made


@contextmanager
def tunnelled(network: Network, directory: Path, authority: Authority) -> Iterator[None]:
    """Tunnels on all hosts, by the script."""
    addresses = [f"{place.address}:{port}" for place, port in zip(network.places, PORTS, strict=True)]
    running = []
    try:
        for number, place in enumerate(network.places):
            own = directory / f"tunnel-{number}"
            own.mkdir(parents=True)
            pair = authority.pair(f"host-{number}", names=f"subjectAltName=IP:{place.address}")
            shutil.copy(pair.certificate, own / "host.crt")
            shutil.copy(pair.key, own / "host.key")
            shutil.copy(authority.certificate, own / "ca.crt")
            (own / "host.key").chmod(0o600)
            done = subprocess.run([SCRIPT, str(number), "1", *addresses], capture_output=True, text=True, check=True)
            (own / "stunnel.conf").write_text(done.stdout)
            with (own / "log").open("wb") as log:
                running.append(
                    subprocess.Popen(place.command("stunnel", "stunnel.conf"), cwd=own, stdout=log, stderr=log)
                )
        yield
    finally:
        for program in running:
            program.kill()
            program.wait()


def hosts_of(site: Site, network: Network) -> Hosts:
    """The monitor of one process a host."""
    hosts = Hosts(site, 2, processes=1, addresses=[f"127.0.0.1:{port}" for port in PORTS], kind=TunnelledHost)
    for host, place in zip(hosts, network.places, strict=True):
        assert isinstance(host, TunnelledHost)
        host.place = place
        config: dict[str, Any] = yaml.safe_load(host.path.read_text())
        config["http"]["listen"] = f"0.0.0.0:{HTTP}"
        host.path.write_text(yaml.safe_dump(config))
    return hosts


def listening(place: Place) -> set[str]:
    """Addresses that are listened on beyond the loopback."""
    done = subprocess.run(place.command("ss", "-Hltn"), capture_output=True, text=True, check=True)
    return {line.split()[3] for line in done.stdout.splitlines() if not line.split()[3].startswith("127.")}


def answer(address: tuple[str, int], context: ssl.SSLContext | None) -> bytes:
    """What somebody hears who connects and asks; empty for nothing."""
    with socket.create_connection(address, GUARD) as line:
        try:
            spoken = line if context is None else context.wrap_socket(line)
            spoken.sendall(b"GET / HTTP/1.1\r\n\r\n")
            return spoken.recv(1_000)
        except OSError:
            return b""


def test_the_script_names_every_port_once() -> None:
    """Own ports come in, those of others go out, each checked by the name of its certificate."""
    done = subprocess.run(
        [SCRIPT, "1", "2", "a:2100", "b:2200", "10.0.0.3:2300"], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("accept")] == [
        *(f"accept = 127.0.0.1:{port}" for port in (2100, 2101, 2102)),
        *(f"accept = b:{port}" for port in (2200, 2201, 2202)),
        *(f"accept = 127.0.0.1:{port}" for port in (2300, 2301, 2302)),
    ]
    assert [lines.count(check) for check in ("checkHost = a", "checkIP = 10.0.0.3", "verifyChain = yes")] == [3, 3, 1]
    assert subprocess.run([SCRIPT, "3", "2", "a:2100"], capture_output=True, check=False).returncode == 2


@pytest.mark.real_broker
def test_hosts_work_through_tunnels_and_nobody_else_gets_in(network: Network, tmp_path: Path) -> None:
    """Counted once, through a killed process and a cut; who has no certificate of the authority hears nothing."""
    authority, other = Authority(tmp_path / "authority"), Authority(tmp_path / "other")
    with ExitStack() as stack:
        try:
            node = stack.enter_context(broker_of(network))
        except NoBrokerError as error:
            unavailable(str(error))
        broker = Broker("real", node.bootstrap)
        site = Site(tmp_path / "site", broker, broker.topic("predictions"))
        traffic = Traffic(site, START)
        traffic.write(3)
        stack.enter_context(tunnelled(network, tmp_path, authority))
        hosts = stack.enter_context(hosts_of(site, network))
        hosts.until_ready()
        hosts.until_read(traffic.count)

        open_ports = {address.rpartition(":")[2] for place in network.places for address in listening(place)}
        assert open_ports == {str(HTTP), *(str(port + offset) for port in PORTS for offset in (0, 1))}
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        stranger.check_hostname = False
        stranger.load_verify_locations(authority.certificate)
        pair = other.pair("stranger")
        for certificate in (None, pair):
            if certificate is not None:
                stranger.load_cert_chain(certificate.certificate, certificate.key)
            for place, port in zip(network.places, PORTS, strict=True):
                assert answer((place.address, port), stranger) == b""
                assert answer((place.address, port + 1), stranger) == b""
                assert answer((place.address, port), None) == b""
        assert hosts.is_ready()

        os.kill(hosts[1].workers()[0], signal.SIGKILL)
        until(lambda: "was killed by SIGKILL" in hosts[1].log)
        traffic.write(2)
        hosts.until_ready()
        hosts.until_read(traffic.count)

        network.places[0].cut()
        until(lambda: "has been silent for" in hosts[1].log)
        traffic.write(2)
        network.places[0].mend()
        hosts.until_ready()
        hosts.until_read(traffic.count)
        assert hosts.stop() == [0, 0]
