"""Waiting for a condition, with a deadline; never for a length of time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_PAUSE = threading.Event()


def until(condition: Callable[[], T | None], seconds: float, what: str) -> T:
    """Return the first true value of the condition.

    Raises:
        TimeoutError: there was none in time.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        _PAUSE.wait(0.02)
    return value


def until_it_rests(condition: Callable[[], T | None], progress: Callable[[], object], seconds: float, what: str) -> T:
    """Return the first true value of the condition, as long as something moves on.

    Raises:
        TimeoutError: for so many seconds `progress` gave the same.
    """
    seen, since = progress(), time.monotonic()
    while not (value := condition()):
        now = progress()
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > seconds:
            raise TimeoutError(f"nothing moves for {seconds:.0f} s: {what}; {now}")
        _PAUSE.wait(0.1)
    return value
