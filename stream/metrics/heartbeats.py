"""Heartbeats: which dataflow processes, or parts of them, have given no sign of life for how long."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.metrics.reports import Beat

EPOCH = "epoch"
"""The part that moves with every epoch; it may take as long as the state says, so its silence is shown, not judged."""


@dataclass(frozen=True, slots=True)
class Silence:
    """For how long (seconds) nothing was heard, and of what: "" is the process as a whole."""

    seconds: float
    part: str = ""

    def __str__(self) -> str:
        what = f"the {self.part} has not moved" if self.part else "silent"
        return f"{what} for {self.seconds:.0f} s"


class Heartbeats:
    """The last beat of each process. One that never sent any is not expected to; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[int, tuple[float, Beat]] = {}

    def hear(self, beat: Beat) -> None:
        """Take in a beat."""
        self._last[beat.process] = (self._clock(), beat)

    def forget(self, process: int) -> None:
        """Expect nothing of a process that ends or has just begun."""
        self._last.pop(process, None)

    def silences(self) -> dict[int, Silence]:
        """The longest silence of each process that sends beats."""
        now = self._clock()
        return {
            process: max(
                (Silence(now - at), *(Silence(now - at + age, part) for part, age in beat.ages if part != EPOCH)),
                key=lambda silence: silence.seconds if not silence.part else silence.seconds - _BENEFIT,
            )
            for process, (at, beat) in self._last.items()
        }

    def epochs(self) -> dict[int, float]:
        """Seconds since the last epoch ended, by process; of those that have parts which say so."""
        now = self._clock()
        return {
            process: now - at + age
            for process, (at, beat) in self._last.items()
            for part, age in beat.ages
            if part == EPOCH
        }


_BENEFIT = 3.0
"""Seconds by which a part must have been silent longer than its process to be named instead of it."""
