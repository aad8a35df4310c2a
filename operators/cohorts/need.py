"""Slices of the headline metric: what the forecast of a model's need to be trained anew is made of.

Slices of the shortest window are put together into those of the forecast as they become mature, version by version.
A label that comes after that changes nothing any more, as with a canary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from operators.actions.inputs import MetricSlice, NeedReading
from windows.outcomes.metrics import task_metrics
from windows.segments import WHOLE

if TYPE_CHECKING:
    from windows.arrays import IntArray
    from windows.cohort_ring import CohortRing
    from windows.outcomes.layout import TaskLayout

ONE_SIGMA = 0.15865525393145707
"""Probability that a normal value is beyond one standard deviation on one side: half of such an interval is one."""

NEVER = -1


@dataclass(frozen=True, slots=True)
class NeedConfig:
    """Of one model: the metric, and how long its slices are, ms."""

    metric: str
    slice: int


@dataclass(slots=True)
class NeedSlicesState:
    """What is kept of a model.

    Attributes:
        until: end of the latest slice of the ring that was taken, ms; NEVER.
        sums: version -> int64[size], the counts of the slice that is not whole yet.
    """

    until: int = NEVER
    sums: dict[str, IntArray] = field(default_factory=dict)


class NeedSlices:
    """Puts slices of a ring together."""

    def __init__(self, config: NeedConfig, layout: TaskLayout, state: NeedSlicesState) -> None:
        """Continue from `state`."""
        self.config = config
        self.layout = layout
        self.state = state

    def __call__(self, ring: CohortRing, slide: int, end: int) -> NeedReading | None:
        """Take the slices that are mature by `end` (ms); those that became whole, None where none did.

        Args:
            ring: of slices.
            slide: length of one, ms.
            end: all before it is mature.
        """
        state, length = self.state, self.config.slice
        begin = end // slide - 1 if state.until == NEVER else state.until // slide
        state.until = max(end, state.until)
        found: list[MetricSlice] = []
        last = NEVER
        for index in range(max(begin, ring.oldest), end // slide):
            for (version, segment), packed in ring.slices.get(index, {}).items():
                if segment == WHOLE:
                    known = state.sums.get(version)
                    state.sums[version] = packed.unpack() if known is None else known + packed.unpack()
            if (index + 1) * slide % length == 0:
                last = (index + 1) * slide
                found += self._measured(last - length)
                state.sums = {}
        return None if last == NEVER else NeedReading(last, tuple(found))

    def _measured(self, start: int) -> list[MetricSlice]:
        """The metric of every version in the slice that is whole; without those that have none."""
        versions, metric = sorted(self.state.sums), self.config.metric
        if not versions:
            return []
        vectors = np.stack([self.state.sums[version] for version in versions])
        found = task_metrics(self.layout, vectors, ONE_SIGMA, (metric,))[metric]
        served = vectors[:, self.layout.predictions]
        labelled = np.minimum(vectors[:, self.layout.labelled], served)
        slices = []
        for row, version in enumerate(versions):
            value, half = float(found.value[row]), float(found.upper[row] - found.lower[row]) / 2
            if np.isfinite(value) and np.isfinite(half):
                covered = float(labelled[row] / served[row]) if served[row] else float("nan")
                slices.append(MetricSlice(version, start, value, half * half, int(found.samples[row]), covered))
        return slices
