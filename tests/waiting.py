"""Waiting for a condition, with a deadline; never for a length of time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

GUARD = 600.0
"""Seconds after which a wait is given up: thirty times what the longest usual one takes. It guards against hanging and
says nothing of speed, to which load_tests/ hold the program."""
INSTALL = 3_000.0
"""Seconds, likewise, for what is downloaded, and built, once."""


def until(condition: Callable[[], T | None], seconds: float = GUARD, pause: float = 0.01) -> T:
    """The first true value of the condition, which is asked for again after each pause.

    Raises:
        AssertionError: there was none before the guard.
    """
    deadline = time.monotonic() + seconds  # noqa: TID251 - against hanging
    waiting = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"  # noqa: TID251 - as above
        waiting.wait(pause)
    return value
