"""Close: merge the partials of all partitions into panes, and let a pane go once the watermark has passed it.

Keyed by model. Holds open panes only, a few at a time, because its state is saved with every batch's epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from operators.predictions.due import due_panes, looks_at
from windows.panes import gone_through
from windows.predictions.fold import Binning, binning_of, fold
from windows.segments import OTHER, WHOLE, segment_name
from windows.watermark import PartitionClocks

if TYPE_CHECKING:
    from operators.predictions.fold import Partial
    from operators.progress import Progress
    from windows.panes import Window
    from windows.predictions.columns import Columns
    from windows.predictions.layout import Layout
    from windows.ring import Groups
    from windows.watermark import Place

MAX_EMPTY_PANES = 360
"""After a gap in event time this many empty panes are ticked through one by one; the rest of the gap is one step."""

NEVER = -1


@dataclass(frozen=True, slots=True)
class CloseConfig:
    """One model's layout, the pane (ms), the cap on versions and how many panes a silent version is remembered.

    With `windows` there are ticks only where one of them may change, and for the last pane.
    """

    layout: Layout
    pane: int
    max_versions: int
    remember: int
    windows: tuple[Window, ...] | None = None


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
    """Open panes, the partitions' progress, the versions that were seen and when last, and totals.

    Where ticks are left out: `due`, panes to be ticked, and whether any was.
    """

    clocks: PartitionClocks = field(default_factory=PartitionClocks)
    open: dict[int, Groups] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    due: set[int] = field(default_factory=set)
    ticked: bool = False
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Tick:
    """A closed pane of a model, possibly empty. `groups` is (version, segment) -> vector.

    Attributes:
        pane: its index.
        groups: what it holds.
        totals: counts up to and including this pane.
        watermark: end of the last closed pane, ms.
        since: when watching began, ms; NEVER where everything there is was seen.
    """

    pane: int
    groups: Groups
    totals: Totals
    watermark: int
    since: int = NEVER


class Close:
    """Merges partials, closes panes."""

    def __init__(self, config: CloseConfig, state: CloseState) -> None:
        """Continue from `state`."""
        self.config = config
        self.state = state
        self.binning: Binning | None = None
        self.told: dict[Place, Progress] = {}
        """What was last told of each partition: told again, nothing that it moves can close a pane."""
        self.learning = any(column.profile.overdispersion is None for column in config.layout.columns)
        self.others = {segment_name(key, OTHER) for key, _ in config.layout.segments}

    def __call__(self, partials: list[Partial]) -> list[Tick]:
        """Take partials in the order of each partition; give the panes that closed."""
        ticks: list[Tick] = []
        for partial in partials:
            self._take(partial)
            progress = partial.progress
            if progress.ended or self.told.get(progress.place) != progress:
                self.told[progress.place] = progress
                progress.tell(self.state.clocks)
                ticks += self._closed()
            elif self.state.clocks.closed is None:
                ticks += self._closed()
        return ticks

    def _take(self, partial: Partial) -> None:
        clocks = self.state.clocks
        self.state.totals.late += partial.late
        for (pane, version, segment), sketch in partial.sketches.items():
            if clocks.is_late(partial.progress.place, pane):
                if segment == WHOLE:
                    layout = self.config.layout
                    self.state.totals.late += int(sketch[layout.rows] + sketch[layout.errors])
                continue
            rows = int(sketch[self.config.layout.rows]) if segment == WHOLE else 0
            key = (self._version(version, pane, rows), segment)
            groups = self.state.open.setdefault(pane, {})
            known = groups.get(key)
            groups[key] = sketch if known is None else known + sketch
        if partial.unnamed is not None:
            self._take_unnamed(partial.progress.place, partial.unnamed)

    def _take_unnamed(self, partition: Place, columns: Columns) -> None:
        """Name the versions of a batch that has too many of them, then fold it: those without a name as one."""
        clocks = self.state.clocks
        panes, pane = np.unique(columns.panes, return_inverse=True)
        late = np.array([clocks.is_late(partition, index) for index in panes.tolist()])[pane.ravel()]
        self.state.totals.late += int(late.sum())
        if late.all():
            return
        if self.binning is None:
            self.binning = binning_of(self.config.layout, self.config.pane)
        kept = columns.at(~late)
        for (index, version, segment), sketch in fold(self.binning, self._named(kept)).items():
            groups = self.state.open.setdefault(index, {})
            known = groups.get((version, segment))
            groups[version, segment] = sketch if known is None else known + sketch

    def _named(self, columns: Columns) -> Columns:
        """The same with the names that its versions count under.

        A new version is told apart if it has its share of the batch: else the first requests of a flood would take the
        places of all versions to come.
        """
        count = len(columns.versions)
        first = int(columns.panes.min())
        pairs, pair = np.unique((columns.panes - first) * count + columns.version, return_inverse=True)
        pair = pair.ravel()
        served = pair if columns.failed is None else pair[~columns.failed]
        rows = np.bincount(served, minlength=len(pairs))
        known = np.fromiter(map(self.state.versions.__contains__, columns.versions), np.bool_, count)
        large = np.bincount(pair) >= len(pair) / self.config.max_versions
        apart = known[pairs % count] | large
        self.state.totals.overflow += int(rows[~apart].sum())
        place = {OTHER: 0}
        names = np.zeros(len(pairs), dtype=np.int64)
        for at in np.flatnonzero(apart).tolist():
            index, version = divmod(int(pairs[at]), count)
            name = self._version(columns.versions[version], first + index, int(rows[at]))
            names[at] = place.setdefault(name, len(place))
        return replace(columns, versions=tuple(place), version=names[pair])

    def _version(self, version: str, pane: int, rows: int) -> str:
        """The version itself while there is room among the versions told apart, else OTHER, with so many rows."""
        versions = self.state.versions
        if version not in versions and len(versions) >= self.config.max_versions:
            for old in [name for name, last in versions.items() if last < pane - self.config.remember]:
                del versions[old]
                self.state.totals.forget(old)
            if len(versions) >= self.config.max_versions:
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
        """Panes to tick in [begin, mark)."""
        if self.config.windows is not None:
            return self._jumps(begin, mark, self.config.windows)
        return gone_through(begin, mark, self.state.open, MAX_EMPTY_PANES)

    def _jumps(self, begin: int, mark: int, windows: tuple[Window, ...]) -> list[int]:
        """Panes of [begin, mark) in which anything can change."""
        state = self.state
        held = [pane for pane in state.open if pane < mark]
        for pane in held:
            state.due.update(looks_at(pane, windows, self.config.pane, learning=self.learning))
        if not state.ticked:  # the time of the model begins with its first tick
            state.due.add(begin)
            state.ticked = True
        due = due_panes(begin, mark, held, state.due)
        state.due = {pane for pane in state.due if pane >= mark}
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
        since = self.state.clocks.watched_since
        began = NEVER if since is None else since * self.config.pane
        return Tick(pane, groups, copy, (pane + 1) * self.config.pane, began)
