"""Fold a batch of predictions into pane sketches: a handful of numpy calls, whatever versions and segments there are.

Every count of every group is one bincount over combined indices (group * slots + slot), instead of a loop over groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from windows.estimates.cells import Batch, Celling, celling_of
from windows.joint.reconstruct import errors, sums
from windows.predictions.layout import Layout
from windows.segments import WHOLE, segment_name
from windows.sketches.bins import Bins, bins_of
from windows.sketches.edges import single_valued
from windows.sketches.moments import moment_sums, units_of
from windows.sketches.profiles import NumericProfile
from windows.sketches.quantiles import LATENCY_BINS, LATENCY_ENDS, latency_slots
from windows.usage import usage_sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.predictions.columns import Columns
    from windows.predictions.layout import Layout

GroupKey = tuple[int, str, str]
"""(pane index, version, segment)."""

Sketches = dict[GroupKey, "IntArray"]

Whole = tuple[int, int, int, list[float], list[list[str]], str]
"""The first slot of latencies, the slot of failures, the length of the vector of all rows, the upper ends of the slots
of latencies, the names of the segments of each key, and of all rows."""


class Folder(Protocol):
    """Another way to the same counts and sums."""

    def fold(self, numeric: FloatArray, categorical: IntArray, group_of: IntArray, groups: int) -> IntArray | None:
        """Counts of every column, rows, and moment sums: int64[groups, segment_size]; None where it breaks down."""

    def fold_rows(self, rows: object, panes: IntArray, late: BoolArray | None, most: int) -> Sketches | None:
        """What `fold` makes of the columns of rows that are not late, if these are of at most `most` versions.

        Args:
            rows: n rows of one model as the package has read them.
            panes: int64[n], pane index of each.
            late: bool[n]; None where none is.
            most: versions.

        Returns:
            None where it breaks down, or was not told of the whole.
        """


class Folders(Protocol):
    """Makes them."""

    def Folder(  # noqa: N802 - a class there
        self,
        numeric: list[tuple[list[float], int, float, float]],
        categorical: list[int],
        rows: int,
        moments: int,
        size: int,
        whole: Whole | None = None,
    ) -> Folder:
        """One for a layout.

        Args:
            numeric: edges, first slot, center and unit of each numeric column.
            categorical: first slot of each categorical column.
            rows: the slot that counts rows.
            moments: where the moment sums begin.
            size: the length of a vector.
            whole: what else folding rows needs; None where that is not all there is to the layout.
        """


@dataclass(frozen=True, slots=True)
class Binning:
    """What folding needs of a layout, computed once; `folder` does most of it where there is one, or the `whole`."""

    layout: Layout
    bins: Bins
    bin_counts: IntArray
    numeric_starts: IntArray
    categorical_starts: IntArray
    centers: FloatArray
    units: FloatArray
    celling: Celling | None = None
    pane: int = 1
    folder: Folder | None = None
    whole: bool = False


def binning_of(layout: Layout, pane: int = 1) -> Binning:
    """Gather edges, offsets, centers and scales of a layout; `pane` (ms) tells when its panes are."""
    profiles = [field.profile for field in layout.numeric if isinstance(field.profile, NumericProfile)]
    return Binning(
        layout=layout,
        bins=bins_of([profile.edges for profile in profiles]),
        bin_counts=np.array([len(profile.counts) for profile in profiles], dtype=np.int64).reshape(-1, 1),
        numeric_starts=np.array([field.start for field in layout.numeric], dtype=np.int64),
        categorical_starts=np.array([field.start for field in layout.categorical], dtype=np.int64),
        centers=np.array([profile.center for profile in profiles], dtype=np.float64),
        units=moment_units(profiles),
        celling=None if layout.estimate is None else celling_of(layout.estimate.estimator, layout.estimate.start),
        pane=pane,
    )


def with_folder(binning: Binning, folders: Folders | None) -> Binning:
    """The same, in native code where that is to be had: an estimator's cells need each value's slot."""
    layout = binning.layout
    if folders is None or layout.estimate is not None:
        return binning
    starts, centers, units = (found.tolist() for found in (binning.numeric_starts, binning.centers, binning.units))
    edges = [found.tolist() for found in binning.bins.edges]
    numeric = list(zip(edges, starts, centers, units, strict=True))
    categorical = binning.categorical_starts.tolist()
    whole = _whole(layout)
    folder = folders.Folder(numeric, categorical, layout.rows, layout.moments, layout.segment_size, whole)
    return replace(binning, folder=folder, whole=whole is not None)


def _whole(layout: Layout) -> Whole | None:
    """What folding rows as they were read needs; None where some of their values go through Python."""
    rounds = any(feature.reading.resolution is not None for feature in layout.features)
    if rounds or layout.allowed or layout.phases is not None or layout.joint is not None or layout.usage is not None:
        return None
    named = [[segment_name(key, value) for value in values] for key, values in layout.segments]
    return layout.latency, layout.errors, layout.size, LATENCY_ENDS.tolist(), named, WHOLE


def moment_units(profiles: Sequence[NumericProfile]) -> FloatArray:
    """The unit that moments of each column are summed in, float64[F]."""
    return units_of(
        np.array([profile.center for profile in profiles], dtype=np.float64),
        np.array([profile.scale for profile in profiles], dtype=np.float64),
        np.array([len(profile.counts) == 1 and single_valued(profile.edges)[0] for profile in profiles], dtype=bool),
    )


def fold(binning: Binning, columns: Columns) -> Sketches:
    """The sketch of every (pane, version, segment) that occurs in the batch.

    Returns:
        int64[layout.size] for the segment WHOLE, int64[layout.segment_size] for any other.
    """
    if binning.folder is not None:
        try:
            return _fold(binning, columns)
        except _BrokenError:
            binning = replace(binning, folder=None)
    return _fold(binning, columns)


class _BrokenError(Exception):
    """The native fold broke down."""


def _fold(binning: Binning, columns: Columns) -> Sketches:
    if columns.bare is not None:
        return _fold_with_bare(binning, columns, columns.bare)
    sketches: Sketches = {}
    served, failed = _split(columns)
    if failed is not None:
        for (pane, version), rows in _pane_groups(failed):
            sketch = sketches.setdefault((pane, version, WHOLE), binning.layout.empty())
            sketch[binning.layout.errors] += int(rows.sum())
            _use(binning.layout, failed, np.where(rows, 0, 1), sketch[None, :])
    if served is None:
        return sketches
    groups = list(_pane_groups(served))
    group_of = np.zeros(len(served.panes), dtype=np.int64)
    for number, (_, rows) in enumerate(groups):
        group_of[rows] = number
    names = [name for name, _ in groups]
    phases = _phases(binning, names, group_of, served.segments)
    slots = _slots(binning, served, phases)
    _fold_whole(binning, served, slots, group_of, names, sketches, phases)
    for key_index, (key, values) in enumerate(binning.layout.segments):
        if len(values) == 1:  # without a known value, all rows are OTHER: that is the whole, once more
            continue
        _fold_segments(binning, served, slots, group_of, names, key_index, key, values, sketches)
    return sketches


def _fold_with_bare(binning: Binning, columns: Columns, bare: BoolArray) -> Sketches:
    """Of bare predictions there are rows, predictions, latencies and errors, of the whole alone."""
    sketches: Sketches = {}
    if not bare.all():
        sketches = _fold(binning, replace(columns.at(~bare), bare=None))
    if not bare.any():
        return sketches
    layout = binning.layout
    spans = [slice(field.start, field.stop) for field in layout.features]
    others = (layout.estimate, layout.joint, *layout.allowed)
    spans += [slice(span.start, span.stop) for span in others if span is not None]
    for key, sketch in _fold(binning, replace(columns.at(bare), bare=None)).items():
        if key[2] != WHOLE:
            continue
        for span in spans:
            sketch[span] = 0
        known = sketches.get(key)
        sketches[key] = sketch if known is None else known + sketch
    return sketches


def _split(columns: Columns) -> tuple[Columns | None, Columns | None]:
    """The served and the failed predictions of a batch."""
    if columns.failed is None:
        return columns, None
    served = None if columns.failed.all() else columns.at(~columns.failed)
    return served, columns.at(columns.failed)


def _pane_groups(columns: Columns) -> Iterator[tuple[tuple[int, str], BoolArray]]:
    """The (pane, version) pairs that occur, each with the records in it."""
    versions = len(columns.versions)
    first = int(columns.panes.min())
    combined = (columns.panes - first) * versions + columns.version
    lowest, highest = int(combined.min()), int(combined.max())
    if lowest == highest:
        yield (first + lowest // versions, columns.versions[lowest % versions]), np.ones(len(combined), dtype=bool)
        return
    for pair in np.unique(combined).tolist():
        yield (first + pair // versions, columns.versions[pair % versions]), combined == pair


def column_slots(binning: Binning, columns: Columns, spare: int = 0) -> IntArray:
    """The slot in the vector of every value of every column: int64[F + C + spare, n]; spare rows hold nothing yet."""
    numeric = columns.numeric
    slots = np.empty((len(numeric) + len(columns.categorical) + spare, numeric.shape[1]), dtype=np.int64)
    finite = np.isfinite(numeric)
    if finite.all():
        found = binning.bins.find(numeric)
    else:
        found = binning.bins.find(np.where(finite, numeric, binning.bins.low))
        odd = np.where(np.isnan(numeric), binning.bin_counts + 2, binning.bin_counts + 3)
        np.copyto(found, odd, where=~finite)
    np.add(found, binning.numeric_starts[:, None], out=slots[: len(numeric)])
    np.add(columns.categorical, binning.categorical_starts[:, None], out=slots[len(numeric) : len(slots) - spare])
    return slots


def _phases(binning: Binning, names: list[tuple[int, str]], group_of: IntArray, segments: IntArray) -> IntArray | None:
    """The slots of the class of hours of every record, a row for each move of the clock; None without seasons.

    `segments`: int64[S, n], index of the value of each segment key: some have hours of their own.
    """
    phases = binning.layout.phases
    if phases is None:
        return None
    times = np.array([pane * binning.pane for pane, _ in names], dtype=np.int64)
    moves = phases.clock.moves
    found = np.empty((len(moves), len(group_of)), dtype=np.int64)
    for at, move in enumerate(moves):
        start = phases.start + at * len(phases.names)
        found[at] = (start + phases.clock.classes_of(times, move))[group_of]
        for key, value, clock in reversed(phases.zones):
            of_zone = (start + clock.classes_of(times, move))[group_of]
            found[at] = np.where(segments[key] == value, of_zone, found[at])
    return found


def _slots(binning: Binning, columns: Columns, phases: IntArray | None) -> IntArray:
    """The slots of every value, and below them those of the estimator's cells, of what may be, and of the hours.

    With a native fold the first are left out.
    """
    layout, celling = binning.layout, binning.celling
    told = 0 if columns.forbidden is None else len(columns.forbidden)
    cells = 0 if celling is None else celling.rows
    hours = 0 if phases is None else len(phases)
    spare = cells + told + hours
    if binning.folder is None:
        slots, own = column_slots(binning, columns, spare), len(layout.columns)
    else:
        slots, own = np.empty((spare, len(columns.panes)), dtype=np.int64), 0
    if celling is not None:
        scored = layout.prediction is not None and layout.prediction.numeric
        predicted = None if scored or layout.prediction is None else columns.categorical[-1]
        batch = Batch(columns.numeric, scored, columns.probabilities, predicted, slots[:own])
        celling.fill(batch, slots[own : own + cells])
    if columns.forbidden is not None:
        starts = np.array([span.start for span in layout.allowed], dtype=np.int64)
        np.add(columns.forbidden, starts[:, None], out=slots[own + cells : own + cells + told])
    if phases is not None:
        slots[-hours:] = phases
    return slots


def _histograms(slots: IntArray, group_of: IntArray, groups: int, size: int) -> IntArray:
    """Counts of each slot in each group: int64[groups, size]."""
    if groups == 1:
        return np.bincount(slots.ravel(), minlength=size)[None, :]
    return np.bincount((slots + group_of * size).ravel(), minlength=groups * size).reshape(groups, size)


def _fill(binning: Binning, columns: Columns, slots: IntArray, group_of: IntArray, out: IntArray) -> None:
    """Write histograms, row counts and moment sums of each group into `out`, int64[groups, >= segment_size]."""
    layout, groups = binning.layout, len(out)
    if binning.folder is not None:
        _fill_natively(binning.folder, columns, group_of, out[:, : layout.segment_size])
        if len(slots):
            out[:, : layout.rows] += _histograms(slots, group_of, groups, layout.rows)
        _use(layout, columns, group_of, out)
        return
    out[:, : layout.rows] = _histograms(slots, group_of, groups, layout.rows)
    out[:, layout.rows] = np.bincount(group_of, minlength=groups)
    member = None if groups == 1 else group_of == np.arange(groups)[:, None]
    out[:, layout.moments : layout.segment_size] = moment_sums(columns.numeric, binning.centers, binning.units, member)
    _use(layout, columns, group_of, out)


def _fill_natively(folder: Folder, columns: Columns, group_of: IntArray, out: IntArray) -> None:
    numeric, categorical = np.ascontiguousarray(columns.numeric), np.ascontiguousarray(columns.categorical)
    found = folder.fold(numeric, categorical, np.ascontiguousarray(group_of), len(out))
    if found is None:
        raise _BrokenError
    out[:] = found


def _use(layout: Layout, columns: Columns, group_of: IntArray, into: IntArray) -> None:
    """Add what the predictions of each group used to `into`, int64[groups, >= segment_size]; of others nothing."""
    if layout.usage is not None and columns.usage is not None:
        found = usage_sums(columns.usage, group_of, max(len(into), int(group_of.max()) + 1))
        into[:, layout.usage.start : layout.usage.stop] += found[: len(into)]


def _fold_whole(
    binning: Binning,
    columns: Columns,
    slots: IntArray,
    group_of: IntArray,
    names: list[tuple[int, str]],
    into: Sketches,
    phases: IntArray | None,
) -> None:
    layout, groups = binning.layout, len(names)
    out = np.zeros((groups, layout.size), dtype=np.int64)
    _fill(binning, columns, slots, group_of, out)
    timed = ~np.isnan(columns.latency)
    latency = np.full(len(timed), LATENCY_BINS, dtype=np.int64)
    latency[timed] = latency_slots(columns.latency[timed])
    out[:, layout.latency : layout.errors] = _histograms(latency, group_of, groups, LATENCY_BINS + 1)
    if layout.joint is not None:
        hours = None if phases is None or layout.phases is None else phases[0] - layout.phases.start
        each = errors(layout.joint.joint, columns.numeric, columns.categorical, hours)
        out[:, layout.joint.start : layout.joint.stop] = sums(each, group_of, groups)
    for (pane, version), sketch in zip(names, out, strict=True):
        known = into.get((pane, version, WHOLE))
        into[pane, version, WHOLE] = sketch if known is None else known + sketch


def _fold_segments(
    binning: Binning,
    columns: Columns,
    slots: IntArray,
    group_of: IntArray,
    names: list[tuple[int, str]],
    key_index: int,
    key: str,
    values: tuple[str, ...],
    into: Sketches,
) -> None:
    present, compact = np.unique(group_of * len(values) + columns.segments[key_index], return_inverse=True)
    out = np.zeros((len(present), binning.layout.segment_size), dtype=np.int64)
    _fill(binning, columns, slots, compact.astype(np.int64), out)
    for combined, sketch in zip(present.tolist(), out, strict=True):
        pane, version = names[combined // len(values)]
        into[pane, version, segment_name(key, values[combined % len(values)])] = sketch
