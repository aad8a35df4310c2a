"""`driftgauge reload`: have the running monitor read its config again, and say what came of it."""

import os
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from stream.cli.ask import Monitor
from stream.config.load import load
from stream.errors import Unreachable, UsageError
from stream.state.lock import supervisor_of

PATIENCE = 60.0
"""Seconds within which the monitor says what came of it."""


def reload(
    config: Annotated[Path, typer.Option("--config", "-c", help="The config of the running monitor, as it is to be.")],
    url: Annotated[str | None, typer.Option(help="The monitor's address, if it is not the config's.")] = None,
) -> None:
    """Have the running monitor read its config again; what cannot be taken is said, and the former config goes on.

    To be called on the monitor's own machine (SIGHUP to the process of `driftgauge run` does the same). Exits with 2
    when the config is refused.
    """
    loaded = load(config)
    monitor = Monitor(config, url)
    before = _count(monitor)
    process = supervisor_of(loaded.state.directory)
    if process is None:
        raise Unreachable(
            f"{loaded.state.directory}: no monitor of this machine uses it; where it runs, send SIGHUP to its process"
        )
    os.kill(process, signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = monitor.ask("/state")["reload"]
        if found is not None and found["count"] > before:
            if found["refused"]:
                raise UsageError(found["said"])
            typer.echo(found["said"])
            return
        time.sleep(0.2)
    raise UsageError(f"process {process} was told, and does not say within {PATIENCE:.0f} s what came of it")


def _count(monitor: Monitor) -> int:
    found = monitor.ask("/state")["reload"]
    if found is None:
        raise UsageError(f"{monitor.url}: this monitor reads no config again")
    return int(found["count"])
