"""Growth of a long run: memory and state, sampled now and then, and how fast they grow by a straight line."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from usage import usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVERY = 15.0
"""Seconds between two samples."""

SETTLED = 0.5
"""Share of the run after which windows, stores and caches are as full as they get."""


@dataclass(frozen=True)
class Sample:
    """At a time (s): resident MB of all processes together, MB of the state directory."""

    at: float
    memory: float
    state: float


class Growth(threading.Thread):
    """Samples a product until closed.

    Args:
        pid: gives the process whose tree is looked at; raises RuntimeError while there is none.
        state: the state directory.
    """

    def __init__(self, pid: Callable[[], int], state: Path) -> None:
        super().__init__(name="growth", daemon=True)
        self.samples: list[Sample] = []
        self._pid, self._state = pid, state
        self._done = threading.Event()

    def run(self) -> None:
        """Sample."""
        while not self._done.wait(EVERY):
            try:
                memory = usage(self._pid()).rss / 1e6
                state = sum(path.stat().st_size for path in self._state.rglob("*") if path.is_file()) / 1e6
            except (OSError, RuntimeError):  # between two lives
                continue
            self.samples.append(Sample(time.monotonic(), memory, state))

    def close(self) -> str:
        """End; what was found, in a line."""
        self._done.set()
        self.join()
        return growth_text(self.samples)


def growth_text(samples: list[Sample]) -> str:
    """The largest values, and the slopes over the later part of the run."""
    late = samples[int(len(samples) * SETTLED) :]
    if len(late) < 3:
        return f"{len(samples)} samples: too few for a slope"
    hours = (np.array([one.at for one in late]) - late[0].at) / 3_600
    parts = []
    for name in ("memory", "state"):
        values = np.array([getattr(one, name) for one in late])
        slope = float(np.polyfit(hours, values, 1)[0])
        most = max(getattr(one, name) for one in samples)
        parts.append(f"{name} {values[-1]:.0f} MB (most {most:.0f}), {slope:+.1f} MB/h")
    return f"{'; '.join(parts)} over the last {hours[-1]:.2f} h"
