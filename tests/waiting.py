"""Waiting for a condition, with a deadline; never for a length of time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def until(condition: Callable[[], T | None], seconds: float = 20.0) -> T:
    """The first true value of the condition.

    Raises:
        AssertionError: there was none in time.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        pause.wait(0.01)
    return value
