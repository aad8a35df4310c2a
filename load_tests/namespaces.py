"""Network namespaces as hosts: a bridge with an address for this machine, and a wire to each host that can be cut."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from kafka_node import KafkaNode, free_ports

if TYPE_CHECKING:
    from types import TracebackType

PREFIX = 24


class NoNamespacesError(RuntimeError):
    """Namespaces cannot be made here; the message says why in one line."""


@dataclass(frozen=True)
class Place:
    """A host.

    Attributes:
        name: of its namespace; empty for this machine itself.
        address: in the network of all.
        wire: the end of its wire at the bridge.
    """

    name: str
    address: str
    wire: str

    def command(self, *words: str) -> list[str]:
        """The command, to be run there."""
        return ["ip", "netns", "exec", self.name, *words] if self.name else [*words]

    def cut(self) -> None:
        """Nothing comes through any more, and nobody is told."""
        _ip("link", "set", self.wire, "down")

    def mend(self) -> None:
        """Undo `cut`."""
        _ip("link", "set", self.wire, "up")


class Network:
    """A context manager: so many hosts, of which nothing is left afterwards.

    Args:
        count: of hosts.
        number: tells networks on this machine apart, 0 to 200.
    """

    def __init__(self, count: int, number: int = 0) -> None:
        self._base = f"10.{40 + number}.{os.getpid() % 250}"
        tag = f"dg{os.getpid() % 100_000}"
        self._bridge = f"{tag}b"
        self.address = f"{self._base}.1"
        self.places = [Place(f"{tag}-{host}", f"{self._base}.{10 + host}", f"{tag}w{host}") for host in range(count)]

    def __enter__(self) -> Self:
        if shutil.which("ip") is None or os.getuid() != 0:
            raise NoNamespacesError("network namespaces need the program `ip` and root")
        try:
            _ip("link", "add", self._bridge, "type", "bridge")
            _ip("addr", "add", f"{self.address}/{PREFIX}", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
            for place in self.places:
                self._make(place)
        except subprocess.CalledProcessError as error:
            self._remove()
            raise NoNamespacesError(f"{' '.join(error.cmd)}: {error.stderr.strip()}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _make(self, place: Place) -> None:
        _ip("netns", "add", place.name)
        _ip("link", "add", place.wire, "type", "veth", "peer", "name", "eth0", "netns", place.name)
        _ip("link", "set", place.wire, "master", self._bridge)
        _ip("link", "set", place.wire, "up")
        for words in (
            ("addr", "add", f"{place.address}/{PREFIX}", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", place.name, *words)

    def _remove(self) -> None:
        for place in self.places:
            _ip("netns", "del", place.name, check=False)
            _ip("link", "del", place.wire, check=False)
        _ip("link", "del", self._bridge, check=False)


class Loopback:
    """Hosts that are addresses of this machine's loopback: nothing can be cut, and nobody need be root."""

    def __init__(self, count: int) -> None:
        base = f"127.{1 + os.getpid() // 250 % 250}.{os.getpid() % 250}"
        self.places = [Place("", f"{base}.{10 + host}", "") for host in range(count)]


def broker(network: Network) -> KafkaNode:
    """A broker that every host reaches."""
    port, controller = free_ports(2)
    places = f"PLAINTEXT://{network.address}:{port}"
    settings = {
        "listeners": f"{places},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": places,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
    }
    node = KafkaNode(heap="512m", settings=settings)
    node.bootstrap = f"{network.address}:{port}"
    return node


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True, text=True)
