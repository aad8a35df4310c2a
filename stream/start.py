"""Where the program `driftgauge` begins: it hears a SIGTERM before it has loaded anything else.

Loading takes a second. Until a handler is there the signal would end it with 143 instead of 0, and as process 1 of a
container it would not be heard at all: the kernel gives that process only the signals that it handles.
"""

import os
import signal
import sys

SERVICES = frozenset({"demo", "run"})
"""Commands that run until they are told to stop. Any other that is told to stop has not done what was asked of it."""


def main() -> None:
    """Load the command line and run a command."""
    if sys.argv[1:2] and sys.argv[1] in SERVICES:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _end)  # until the command has a better one
    from stream.cli.app import main as command_line  # noqa: PLC0415 - what takes the time

    command_line()


def _end(*_: object) -> None:
    """End at once: nothing has begun."""
    os._exit(0)
