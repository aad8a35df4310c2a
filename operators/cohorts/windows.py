"""Windows of cohorts whose counts are known, and measuring many of them at once.

Every metric is a dozen numpy calls on small arrays, so that sixty groups cost little more than one. Rows do not know of
each other: what is found of a window does not depend on what it is measured with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from operators.cohorts.compare import Pairs, compare
from operators.cohorts.curves import curves_of
from operators.cohorts.measures import Comparison, Newest, WindowMeasures
from operators.tables import Kind, Table, part_of
from windows.outcomes.absence import absence
from windows.outcomes.metrics import Measured, task_metrics
from windows.segments import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from operators.cohorts.compare import ComparisonRequest, VariationOf
    from operators.cohorts.curves import Curves
    from windows.arrays import IntArray
    from windows.outcomes.layout import TaskLayout
    from windows.panes import Window
    from windows.ring import Groups, Key

MOST_GROUPS = 256
"""Groups measured in one call."""


@dataclass(frozen=True, slots=True)
class Request:
    """A comparison of groups with their baselines: all asks are of one baseline."""

    asks: tuple[ComparisonRequest, ...]
    pairs: Pairs


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """One window of cohorts, not measured yet; attributes as in WindowMeasures.

    Attributes:
        window: size and slide.
        end: of the latest mature window, ms.
        moved: whether it ended earlier at the tick before.
        groups: counts of the mature window.
        newest: (end, counts of the wholes) of the newest window; None where everything is mature.
        requests: comparisons.
    """

    window: Window
    end: int
    moved: bool
    groups: Groups
    newest: tuple[int, Groups] | None
    requests: tuple[Request, ...]


class MeasureCohorts:
    """Measures windows of cohorts of one model.

    Args:
        layout: of the vectors.
        alpha: level of every bound.
        varied: how much days differ.
        curves: whether all curves are wanted, not only label coverage by score.
    """

    def __init__(self, layout: TaskLayout, alpha: float, varied: VariationOf, *, curves: bool) -> None:
        """Keep what every window is measured with."""
        self.varied = varied
        self.layout = layout
        self.alpha = alpha
        self.curves = curves

    def __call__(self, windows: Sequence[WindowCounts]) -> list[WindowMeasures]:
        """The measures of each window."""
        asked = [groups for one in windows for groups in (one.groups, {} if one.newest is None else one.newest[1])]
        tables = self._tables(asked)
        comparisons = self._comparisons([request for one in windows for request in one.requests])
        return [self._measures(one, next(tables), next(tables), comparisons) for one in windows]

    def _measures(
        self,
        one: WindowCounts,
        mature: tuple[Table, ...],
        newest: tuple[Table, ...],
        comparisons: Iterator[list[Comparison]],
    ) -> WindowMeasures:
        return WindowMeasures(
            window=one.window,
            end=one.end,
            moved=one.moved,
            tables=mature,
            comparisons=tuple(found for _ in one.requests for found in next(comparisons)),
            newest=None if one.newest is None else Newest(one.newest[0], newest),
            curves=tuple(self._curves(one.groups)),
        )

    def _curves(self, groups: Groups) -> Iterator[Curves]:
        for (version, segment), vector in sorted(groups.items(), key=lambda item: item[0]):
            if segment == WHOLE and vector[self.layout.predictions] > 0:
                yield curves_of(self.layout, version, vector, self.alpha, everything=self.curves)

    def _tables(self, asked: Sequence[Groups]) -> Iterator[tuple[Table, ...]]:
        """Every metric of the task, of all groups that have predictions; for each of the given in turn."""
        wanted = [tuple(key for key in sorted(one) if one[key][self.layout.predictions] > 0) for one in asked]
        for chunk in _chunks([len(keys) for keys in wanted]):
            keys = [key for at in chunk for key in wanted[at]]
            if not keys:
                yield from ((),) * len(chunk)
                continue
            vectors = np.stack([asked[at][key] for at in chunk for key in wanted[at]])
            found = task_metrics(self.layout, vectors, self.alpha)
            tables = [
                table_of(Kind.PERFORMANCE, metric, tuple(keys), each, self._lack(metric, each, vectors))
                for metric, each in found.items()
            ]
            stops = np.cumsum([len(wanted[at]) for at in chunk]).tolist()
            for at, stop in zip(chunk, stops, strict=True):
                start = stop - len(wanted[at])
                yield tuple(part_of(table, start, stop) for table in tables) if stop > start else ()

    def _lack(self, metric: str, found: Measured, vectors: IntArray) -> tuple[str, ...]:
        """Why groups have no value of a metric; nothing where all have one."""
        gaps = np.isnan(found.value)
        if not gaps.any():
            return ()
        return tuple(absence(self.layout, vectors[at], metric) if gap else "" for at, gap in enumerate(gaps.tolist()))

    def _comparisons(self, requests: Sequence[Request]) -> Iterator[list[Comparison]]:
        """The comparisons of each request, those with the same asks measured together."""
        together: dict[tuple[ComparisonRequest, ...], list[int]] = {}
        for at, request in enumerate(requests):
            together.setdefault(request.asks, []).append(at)
        found: dict[int, list[Comparison]] = {}
        for asks, places in together.items():
            for chunk in _chunks([len(requests[at].pairs.groups) for at in places]):
                chosen = [places[at] for at in chunk]
                pairs = _joined([requests[at].pairs for at in chosen])
                start = 0
                every = compare(self.layout, pairs, asks, self.alpha, self.varied)
                for at in chosen:
                    stop = start + len(requests[at].pairs.groups)
                    found[at] = [_part(one, start, stop) for one in every]
                    start = stop
        return iter([found[at] for at in range(len(requests))])


def table_of(kind: Kind, metric: str, groups: tuple[Key, ...], found: Measured, lack: tuple[str, ...] = ()) -> Table:
    """One metric of some groups as a table."""
    none = np.zeros((len(groups), 1), dtype=np.int64)
    columns = (found.value[:, None], found.lower[:, None], found.upper[:, None], found.samples[:, None])
    return Table(kind, metric, groups, ("",), *columns, None, none, lack)


def _chunks(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Positions in runs that have MOST_GROUPS groups at most together, unless one has more."""
    chunk: list[int] = []
    count = 0
    for at, size in enumerate(sizes):
        if chunk and count + size > MOST_GROUPS:
            yield chunk
            chunk, count = [], 0
        chunk.append(at)
        count += size
    if chunk:
        yield chunk


def _joined(pairs: Iterable[Pairs]) -> Pairs:
    every = list(pairs)
    return Pairs(
        tuple(group for one in every for group in one.groups),
        np.concatenate([one.current for one in every]),
        np.concatenate([one.baseline for one in every]),
        tuple(version for one in every for version in one.versus),
        np.concatenate([one.days for one in every]),
    )


def _part(one: Comparison, start: int, stop: int) -> Comparison:
    table = part_of(one.table, start, stop)
    return Comparison(one.against, one.form, table, one.versus[start:stop], one.coverage[start:stop])
