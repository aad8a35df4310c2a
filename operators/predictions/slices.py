"""Slices: closed panes become slices of each window, and the facts that no window holds.

When data and values were last seen.

Keyed by model; awakened once a pane. A long window's ring is a step of its own, so that its large state is saved once
a slice only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from operators.predictions.close import NEVER
from windows.predictions.compare import gather, gather_of
from windows.segments import WHOLE
from windows.statistics.dispersion import Dispersion, nothing_seen

if TYPE_CHECKING:
    from operators.predictions.close import Tick, Totals
    from windows.arrays import FloatArray, IntArray
    from windows.panes import Window
    from windows.predictions.layout import Layout
    from windows.ring import Groups
    from windows.statistics.dispersion import Variation


LEARNING = 86_400_000
"""How long (ms; or the longest window, if longer) overdispersion may take to be learnt where the reference does not
tell it; what is known by then has to do."""


@dataclass(frozen=True, slots=True)
class SlicesConfig:
    """One model's layout, its windows, the pane, and how long a silent version is remembered (ms)."""

    layout: Layout
    windows: tuple[Window, ...]
    pane: int
    remember: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A finished slice of a window: `index` counts slides since the epoch.

    `factors`: float64[F (+1)], overdispersion of each column as found live; None when the reference says it for all.
    """

    window: Window
    index: int
    groups: Groups
    factors: FloatArray | None


@dataclass(slots=True)
class Seen:
    """When a version was first and last seen, last served, and each feature last had a value: ms, ends of panes.

    A failed prediction is seen but not served; `served` is NEVER before the first that did not fail. `lacking` counts
    the predictions since each feature last had a value.
    """

    first: int
    last: int
    served: int
    values: IntArray
    lacking: IntArray


@dataclass(frozen=True, slots=True)
class Header:
    """What the judge must know of a tick: which slices belong to it, and how fresh everything is.

    Attributes:
        end: end of the closed pane, ms.
        due: (window size, slice index) of every slice that this tick finished.
        started: start of the first pane ever ticked, or when watching began if that was later, ms.
        last_data: end of the last pane with data, ms; NEVER if there was none.
        seen: version -> Seen, for the versions of late.
        totals: counts so far.
        variation: how it came about what is known of the traffic's variation.
    """

    end: int
    due: tuple[tuple[int, int], ...]
    started: int
    last_data: int
    seen: dict[str, Seen]
    totals: Totals
    variation: Variation = "known"


@dataclass(slots=True)
class SlicesState:
    """Unfinished slices per window size, and when what was last seen."""

    unfinished: dict[int, tuple[int, Groups]] = field(default_factory=dict)
    started: int = NEVER
    last_data: int = NEVER
    seen: dict[str, Seen] = field(default_factory=dict)
    dispersion: Dispersion | None = None
    version: ClassVar[int] = 1


class Slices:
    """Cuts ticks into slices."""

    def __init__(self, config: SlicesConfig, state: SlicesState) -> None:
        """Continue from `state`."""
        self.config = config
        self.state = state
        self.missing = np.array([feature.missing for feature in config.layout.features], dtype=np.int64)
        columns = config.layout.columns
        self.calibrates = any(column.profile.overdispersion is None for column in columns)
        self.where = gather_of(columns, config.layout.rows)
        if self.calibrates and state.dispersion is None:
            state.dispersion = nothing_seen(len(columns))

    def __call__(self, tick: Tick) -> tuple[Header, list[Slice]]:
        """The header of the tick and the slices it finished, of each window at most two."""
        start = tick.pane * self.config.pane
        end = start + self.config.pane
        if self.state.started == NEVER:
            self.state.started = max(start, tick.since)
        slices = [done for window in self.config.windows for done in self._cut(window, start, end, tick.groups)]
        self._see(tick, end)
        self._calibrate(tick, start)
        header = Header(
            end,
            tuple((done.window.size, done.index) for done in slices),
            self.state.started,
            self.state.last_data,
            {
                name: replace(seen, values=seen.values.copy(), lacking=seen.lacking.copy())
                for name, seen in self.state.seen.items()
            },
            tick.totals,
            "known" if self.state.dispersion is None else self.state.dispersion.variation,
        )
        return header, slices

    def _cut(self, window: Window, start: int, end: int, groups: Groups) -> list[Slice]:
        index = start // window.slide
        if window.slide == self.config.pane:
            return [self._slice(window, index, groups)]
        done: list[Slice] = []
        held_index, held = self.state.unfinished.pop(window.size, (index, {}))
        if held_index != index:
            if held:
                done.append(self._slice(window, held_index, held))
            held = {}  # of an empty slice that no tick ended: nothing came, and nothing left with it
        merged = dict(held)
        for key, vector in groups.items():
            known = merged.get(key)
            merged[key] = vector if known is None else known + vector
        if end % window.slide == 0:
            done.append(self._slice(window, index, merged))
        else:
            self.state.unfinished[window.size] = (index, merged)
        return done

    def _slice(self, window: Window, index: int, groups: Groups) -> Slice:
        dispersion = self.state.dispersion
        return Slice(window, index, groups, None if dispersion is None else dispersion.factors())

    def _calibrate(self, tick: Tick, start: int) -> None:
        """Learn from panes with data how much they differ; once there are enough, the estimate stands."""
        dispersion = self.state.dispersion
        if dispersion is None or dispersion.settled is not None:
            return
        whole = [vector for (_, segment), vector in tick.groups.items() if segment == WHOLE]
        if whole:
            counts = gather(self.where, [sum(whole[1:], start=whole[0])]).coarse
            dispersion.see(counts, start, self.config.pane)
        deadline = max([LEARNING, *(window.size for window in self.config.windows)])
        dispersion.pass_by(start + self.config.pane, deadline)

    def _see(self, tick: Tick, end: int) -> None:
        state = self.state
        self._forget(end - self.config.pane)  # where the pane before had no tick
        if tick.groups:
            state.last_data = end
        for (version, segment), vector in tick.groups.items():
            if segment != WHOLE:
                continue
            rows = vector[self.config.layout.rows]
            seen = state.seen.get(version)
            if seen is None:
                unseen = np.full(len(self.missing), end - self.config.pane, dtype=np.int64)
                seen = state.seen[version] = Seen(end, end, NEVER, unseen, np.zeros_like(unseen))
            seen.last = end
            if rows == 0:
                continue
            if seen.served == NEVER:
                seen.values[:] = end - self.config.pane
            seen.served = end
            present = vector[self.missing] < rows
            seen.values[present] = end
            seen.lacking += rows
            seen.lacking[present] = 0
        self._forget(end)

    def _forget(self, end: int) -> None:
        for version in [name for name, seen in self.state.seen.items() if seen.last < end - self.config.remember]:
            del self.state.seen[version]
