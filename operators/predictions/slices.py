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
    from operators.tables import Part
    from windows.arrays import FloatArray, IntArray
    from windows.panes import Window
    from windows.predictions.layout import Layout
    from windows.ring import Groups
    from windows.statistics.dispersion import Variation
    from windows.trail import Trail


LEARNING = 86_400_000
"""How long (ms; or the longest window, if longer) overdispersion may take to be learnt where the reference does not
tell it; what is known by then has to do."""


@dataclass(frozen=True, slots=True)
class SlicesConfig:
    """One model's layout, its windows, the pane, how long a silent version is remembered (ms), and trails by name."""

    layout: Layout
    windows: tuple[Window, ...]
    pane: int
    remember: int
    trails: tuple[tuple[str, Trail], ...] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """A finished slice of a window: `index` counts slides since the epoch.

    `factors`: float64[F (+1)], overdispersion of each column as found live; None when the reference says it for all.
    """

    window: Window
    index: int
    groups: Groups
    factors: FloatArray | None


@dataclass(frozen=True, slots=True)
class TrailSlice:
    """A finished slice of a trail, of wholes alone; for the attributes see Slice."""

    name: str
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
        due: (window size or name of the trail, slice index) of every slice that this tick finished.
        started: start of the first pane ever ticked, or when watching began if that was later, ms.
        last_data: end of the last pane with data, ms; NEVER if there was none.
        seen: version -> Seen, for the versions of late.
        totals: counts so far.
        variation: how it came about what is known of the traffic's variation.
    """

    end: int
    due: tuple[tuple[Part, int], ...]
    started: int
    last_data: int
    seen: dict[str, Seen]
    totals: Totals
    variation: Variation = "known"


@dataclass(slots=True)
class SlicesState:
    """Unfinished slices per window size or (trail, slide), and when what was last seen."""

    unfinished: dict[int | tuple[str, int], tuple[int, Groups]] = field(default_factory=dict)
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
        slides = {(name, trail.slide) for name, trail in config.trails}
        for part in [part for part in state.unfinished if isinstance(part, tuple) and part not in slides]:
            del state.unfinished[part]  # the config has come to ask for another
        self.missing = np.array([feature.missing for feature in config.layout.features], dtype=np.int64)
        columns = config.layout.columns
        self.calibrates = any(column.profile.overdispersion is None for column in columns)
        self.where = gather_of(columns, config.layout.rows)
        if self.calibrates and state.dispersion is None:
            state.dispersion = nothing_seen(len(columns))

    def __call__(self, tick: Tick) -> tuple[Header, list[Slice | TrailSlice]]:
        """The header of the tick and the slices it finished, of each window and trail at most two."""
        start = tick.pane * self.config.pane
        end = start + self.config.pane
        if self.state.started == NEVER:
            self.state.started = max(start, tick.since)
        slices, due = self._cut_all(start, end, tick.groups)
        self._see(tick, end)
        self._calibrate(tick, start)
        header = Header(
            end,
            due,
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

    def _cut_all(
        self, start: int, end: int, groups: Groups
    ) -> tuple[list[Slice | TrailSlice], tuple[tuple[Part, int], ...]]:
        """The slices that a pane finishes, and what they are of."""
        wholes = {key: vector for key, vector in groups.items() if key[1] == WHOLE} if self.config.trails else {}
        of_windows = [
            (window, *cut)
            for window in self.config.windows
            for cut in self._cut(window.size, window.slide, start, end, groups)
        ]
        of_trails = [
            (name, *cut)
            for name, trail in self.config.trails
            for cut in self._cut((name, trail.slide), trail.slide, start, end, wholes)
        ]
        if not of_windows and not of_trails:
            return [], ()
        factors = None if self.state.dispersion is None else self.state.dispersion.factors()
        slices = [Slice(window, index, held, factors) for window, index, held in of_windows]
        trailing = [TrailSlice(name, index, held, factors) for name, index, held in of_trails]
        parts = ((window.size, index) for window, index, _ in of_windows)
        return [*slices, *trailing], (*parts, *((name, index) for name, index, _ in of_trails))

    def _cut(
        self, part: int | tuple[str, int], slide: int, start: int, end: int, groups: Groups
    ) -> list[tuple[int, Groups]]:
        """The slices (index, groups) of one part that a pane finishes."""
        index = start // slide
        if slide == self.config.pane:
            return [(index, groups)]
        done: list[tuple[int, Groups]] = []
        held_index, held = self.state.unfinished.pop(part, (index, {}))
        if held_index != index:
            if held:
                done.append((held_index, held))
            held = {}  # of an empty slice that no tick ended: nothing came, and nothing left with it
        merged = dict(held)
        for key, vector in groups.items():
            known = merged.get(key)
            merged[key] = vector if known is None else known + vector
        if end % slide == 0:
            done.append((index, merged))
        else:
            self.state.unfinished[part] = (index, merged)
        return done

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
