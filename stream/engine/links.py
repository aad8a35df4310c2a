"""What the kernel says of the sockets of this process, for Bytewax does not say whether it listens or is connected."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

_SELF = Path("/proc/self")
_ESTABLISHED, _LISTENING = "01", "0A"
_INODE = 9


class Link(NamedTuple):
    """A TCP socket: the ports of both ends, and its state as /proc/net/tcp writes it."""

    local: int
    remote: int
    state: str


def links() -> list[Link]:
    """The TCP sockets of this process; none where there is no /proc."""
    held = set()
    with contextlib.suppress(OSError):
        for descriptor in (_SELF / "fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    held.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_SELF / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[_INODE] in held:
                    found.append(Link(_port(fields[1]), _port(fields[2]), fields[3]))
    return found


def listens(found: list[Link], port: int) -> bool:
    """Whether one of the sockets listens on a port."""
    return any(link.local == port and link.state == _LISTENING for link in found)


def is_linked(found: list[Link], ports: list[int], process: int) -> bool:
    """Whether a process is connected with all others, whose ports are in the order of their numbers.

    It connects to those before it, and those after it connect to it.
    """
    live = [link for link in found if link.state == _ESTABLISHED]
    mine, before = ports[process], ports[:process]
    towards = [link for link in live if link.local != mine and link.remote in before]
    from_others = [link for link in live if link.local == mine]
    return len(towards) >= process and len(from_others) >= len(ports) - 1 - process


def _port(text: str) -> int:
    return int(text.rpartition(":")[2], 16)
