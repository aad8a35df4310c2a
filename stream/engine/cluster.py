"""Addresses at which the processes of a cluster meet."""

from __future__ import annotations

import contextlib
import socket


def free_addresses(processes: int) -> tuple[str, ...]:
    """An address on the loopback for each process of a cluster; none for a lone process, which talks to nobody.

    Another program may take a port before the worker does; the worker then fails and the set starts again with others.
    """
    if processes == 1:
        return ()
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(processes)]
        for place in held:
            place.bind(("127.0.0.1", 0))
        return tuple(f"127.0.0.1:{place.getsockname()[1]}" for place in held)
