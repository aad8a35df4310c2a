"""Where the program `driftgauge` begins: it hears a SIGTERM before it has loaded anything else.

Loading takes a second. Until a handler is there the signal would end it with 143 instead of 0, and as process 1 of a
container it would not be heard at all: the kernel gives that process only the signals that it handles.
"""

import contextlib
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

    try:
        command_line()
    except SystemExit as end:
        if sys.argv[1:2] == ["run"]:
            _leave(end.code)
        raise


def _end(*_: object) -> None:
    """End at once: nothing has begun."""
    os._exit(0)


def _leave(code: object) -> None:
    """End now that all is saved and closed, if this is an exit code.

    Taking the interpreter apart with its libraries takes half a second, and on a loaded machine two or three, out of
    the few that a stop has.
    """
    if code is not None and not isinstance(code, int):
        return
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # whoever read it is gone
            stream.flush()
    os._exit(code or 0)
