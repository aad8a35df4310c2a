"""Close: merge the partials of all partitions into panes, and let a pane go once the watermark has passed it.

Keyed by model. Holds open panes only, a few at a time, because its state is saved with every batch's epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from windows.segments import OTHER, WHOLE, segment_name
from windows.watermark import PartitionClocks

if TYPE_CHECKING:
    from operators.predictions.fold import Partial
    from windows.predictions.layout import Layout
    from windows.ring import Groups

MAX_EMPTY_PANES = 360
"""After a gap in event time this many empty panes are ticked through one by one; the rest of the gap is one step."""

STATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class CloseConfig:
    """One model's layout, the pane (ms), the cap on versions and how many panes a silent version is remembered."""

    layout: Layout
    pane: int
    max_versions: int
    remember: int


@dataclass(slots=True)
class Totals:
    """Counts since the beginning, exactly once: predictions per version and outcome, all folded, late, overflow.

    `unnamed` counts a prediction once for each segment key whose value the reference does not tell apart.
    """

    served: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    folded: int = 0
    late: int = 0
    overflow: int = 0
    unnamed: int = 0

    def forget(self, version: str) -> None:
        """Drop a version that has been silent for so long that it makes room for another."""
        self.served.pop(version, None)
        self.failed.pop(version, None)


@dataclass(slots=True)
class CloseState:
    """Open panes, the partitions' progress, the versions that were seen and when last, and totals."""

    clocks: PartitionClocks = field(default_factory=PartitionClocks)
    open: dict[int, Groups] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    format: int = STATE_VERSION


@dataclass(frozen=True, slots=True)
class Tick:
    """A closed pane of a model, possibly empty. `groups` is (version, segment) -> vector.

    Attributes:
        pane: its index.
        groups: what it holds.
        totals: counts up to and including this pane.
        watermark: end of the last closed pane, ms.
    """

    pane: int
    groups: Groups
    totals: Totals
    watermark: int


class Close:
    """Merges partials, closes panes."""

    def __init__(self, config: CloseConfig, state: CloseState) -> None:
        """Continue from `state`."""
        self.config = config
        self.state = state
        self.others = {segment_name(key, OTHER) for key, _ in config.layout.segments}

    def __call__(self, partials: list[Partial]) -> list[Tick]:
        """Take partials in the order of each partition; give the panes that closed."""
        ticks: list[Tick] = []
        for partial in partials:
            self._take(partial)
            ticks += self._closed()
        return ticks

    def _take(self, partial: Partial) -> None:
        clocks = self.state.clocks
        self.state.totals.late += partial.late
        for (pane, version, segment), sketch in partial.sketches.items():
            if clocks.is_late(partial.progress.partition, pane):
                if segment == WHOLE:
                    layout = self.config.layout
                    self.state.totals.late += int(sketch[layout.rows] + sketch[layout.errors])
                continue
            key = (self._version(version, pane, int(sketch[self.config.layout.rows]), segment), segment)
            groups = self.state.open.setdefault(pane, {})
            known = groups.get(key)
            groups[key] = sketch if known is None else known + sketch
        partial.progress.tell(clocks)

    def _version(self, version: str, pane: int, rows: int, segment: str) -> str:
        """The version itself while there is room among the versions told apart, else OTHER."""
        versions = self.state.versions
        if version not in versions and len(versions) >= self.config.max_versions:
            for old in [name for name, last in versions.items() if last < pane - self.config.remember]:
                del versions[old]
                self.state.totals.forget(old)
            if len(versions) >= self.config.max_versions:
                if segment == WHOLE:
                    self.state.totals.overflow += rows
                return OTHER
        versions[version] = max(pane, versions.get(version, pane))
        return version

    def _closed(self) -> list[Tick]:
        state = self.state
        mark, over = state.clocks.watermark(), state.clocks.all_ended
        if mark is None:
            return []
        if over:
            mark = max([mark, *(pane + 1 for pane in state.open)])
        begin = state.clocks.closed
        if begin is None and not state.open and not over:
            # A model that never had a record: its panes count from here, or its silence would never be noticed.
            state.clocks.closed = mark
            return []
        if begin is None:
            # At the very end there is a tick for a model without data too: it may have had late records.
            begin = min(state.open, default=mark - 1 if over else mark)
        if mark <= begin:
            return []
        state.clocks.closed = mark
        return [self._tick(pane) for pane in self._due(begin, mark)]

    def _due(self, begin: int, mark: int) -> list[int]:
        """Panes to tick in [begin, mark).

        All that hold data, and the empty ones of each gap up to a limit, and the last.
        """
        if mark - begin <= MAX_EMPTY_PANES:
            return list(range(begin, mark))
        held = sorted(pane for pane in self.state.open if pane < mark)
        due: list[int] = []
        at = begin
        for pane in (*held, mark - 1):
            due += range(at, min(pane, at + MAX_EMPTY_PANES))
            if pane >= at:
                due.append(pane)
            at = max(at, pane + 1)
        return due

    def _tick(self, pane: int) -> Tick:
        groups = self.state.open.pop(pane, {})
        totals, layout = self.state.totals, self.config.layout
        for (version, segment), sketch in groups.items():
            if segment == WHOLE:
                totals.served[version] = totals.served.get(version, 0) + int(sketch[layout.rows])
                totals.failed[version] = totals.failed.get(version, 0) + int(sketch[layout.errors])
                totals.folded += int(sketch[layout.rows] + sketch[layout.errors])
            elif segment in self.others:
                totals.unnamed += int(sketch[layout.rows])
        copy = replace(totals, served=dict(totals.served), failed=dict(totals.failed))
        return Tick(pane, groups, copy, (pane + 1) * self.config.pane)
