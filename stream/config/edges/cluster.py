"""Settings of a monitor on several hosts."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from operators.settings.durations import Millis, from_to
from operators.settings.parts import Settings, Whole, unfit
from stream.config.edges.addresses import split_address

MOST_HOSTS = 64


def _host(address: str) -> str:
    try:
        host, port = split_address(address)
    except ValueError:
        host, port = "", 0
    if not host or not port:
        raise PydanticCustomError("address", 'host:port, such as "monitor-0:2101"')
    return address


class ClusterSettings(Settings):
    """The hosts that share the work, the same list on each; one host and no open port without any.

    Attributes:
        hosts: where each can be met, in an order that never changes; its processes use the ports after that one.
        processes: dataflow processes on each host.
        timeout: how long a host may be silent until the others stop and wait for it.
        insecure: listen beyond the loopback without encryption or authentication: whoever can connect can run code.
    """

    hosts: Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], Field(max_length=MOST_HOSTS)] = ()
    processes: Annotated[Whole, Field(ge=1, le=256)] = 1
    timeout: Annotated[Millis, from_to(1_000, 600_000)] = 6_000
    insecure: bool = False

    @property
    def several(self) -> bool:
        """Whether there is more than one host."""
        return len(self.hosts) > 1

    def addresses(self) -> tuple[str, ...]:
        """Where each process of each host listens, in the order of their numbers."""
        return tuple(
            _address(*split_address(host), 1 + process) for host in self.hosts for process in range(self.processes)
        )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        taken: dict[tuple[str, int], str] = {}
        for address in self.hosts:
            host, port = split_address(address)
            last = port + self.processes
            if last > 65_535:
                raise unfit("hosts", "{address} leaves no {count} ports after it", address=address, count=last - port)
            for one in range(port, last + 1):
                if (host, one) in taken:
                    need = "{address} and {other} need {count} ports each, one for meeting and one a process"
                    other = taken[host, one]
                    raise unfit("hosts", need, address=address, other=other, count=self.processes + 1)
                taken[host, one] = address
        return self

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        beyond = [address for address in self.hosts if not is_loopback(split_address(address)[0])]
        if self.several and beyond and not self.insecure:
            need = (
                "addresses of the loopback, with a TLS tunnel behind each (deploy/README.md, Several hosts), are "
                "needed instead of {address}; or cluster.insecure: true on a network that keeps all others out"
            )
            raise unfit("hosts", need, address=beyond[0])
        return self


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach this address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(host: str, port: int, after: int) -> str:
    return f"[{host}]:{port + after}" if ":" in host else f"{host}:{port + after}"
