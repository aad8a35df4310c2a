"""Build a reference from rows: two passes over record batches, in memory that does not grow with the rows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from stream.config.checks import reference_notes
from stream.errors import UsageError
from stream.references.column_notes import column_notes, value_notes
from stream.references.count import (
    SPARE_SEGMENT_VALUES,
    CategorySlots,
    NumericSlots,
    PaneTally,
    SegmentTally,
    Tally,
    fold,
    slot_sizes,
)
from stream.references.far_times import DayVolumes, far_note
from stream.references.frames import PREDICTION, Odd, frames
from stream.references.hour_volumes import HourVolumes
from stream.references.joint import with_joint
from stream.references.label_names import LabelNames
from stream.references.labels import with_labels
from stream.references.like import (
    categorical_like,
    categories_like,
    edges_like,
    numeric_like,
    planned_like,
    segments_like,
    slots_as_they_are,
    without_estimator,
)
from stream.references.pace_tally import FINEST, PaceTally
from stream.references.plan import BuildOptions, Plan, plan_build
from stream.references.scan import CategoryScan, Scan
from stream.references.seasons import hour_tally, with_seasons, with_zone
from stream.references.segment_notes import segment_notes
from stream.references.skipped_hour import skipped_hour
from stream.references.truths import with_truths
from stream.rows.columns import Rows
from stream.rows.kinds import DRESSED, odd_cells
from stream.rows.repeats import repeats_note, repeats_of
from windows.arrays import FloatArray, IntArray
from windows.references.pace import Pace
from windows.references.reference import Reference, seal
from windows.segments import OTHER
from windows.sketches.edges import coarse_bins, fine_edges
from windows.sketches.profiles import (
    MAX_SEGMENT_VALUES,
    MIN_SEGMENT_ROWS,
    TOP_CATEGORIES,
    CategoricalProfile,
    NumericProfile,
    Profile,
    SegmentCounts,
)
from windows.values import AS_IT_IS, Reading

__all__ = ["BuildOptions", "Built", "build"]

Progress = Callable[[str, float], None]
"""Told the name of the pass and the share of it that is done."""

MOST_ODD = 0.05
"""The share of odd cells up to which a column of numbers is one."""
_NOTHING = np.array([0.0, np.nextafter(0.0, 1.0)])
"""Edges of a numeric column without a finite value."""


@dataclass(frozen=True, slots=True)
class Built:
    """A reference, and what the user should know about how it came about."""

    reference: Reference
    notes: tuple[str, ...]


def build(rows: Rows, options: BuildOptions, progress: Progress = lambda _name, _share: None) -> Built:
    """Build the reference of one model.

    Raises:
        UsageError: columns do not fit the options, a value does not fit its column, or there is nothing to profile.
    """
    plan = plan_build(rows, options)
    if options.like is not None:
        plan = planned_like(rows, plan, options.like)
    scan, odd, names = Scan(), Odd(), LabelNames(plan)
    for frame in frames(rows, plan, odd):
        scan.add(frame)
        names.add(frame)
        progress("reading", frame.share)
    _refuse_empty(rows, plan, scan)
    plan, far = _with_usual_times(rows, with_truths(plan, scan), scan)
    heard = tuple(_odd_notes(rows, plan, odd, scan.rows))
    plan = with_zone(plan, scan)
    tally = _tally(plan, scan)
    for frame in frames(rows, plan):
        tally.add(frame)
        progress("counting", frame.share)
    plan, notes = _without_useless(plan, scan, tally)
    if not plan.features:
        raise UsageError(f"{rows.path}: no features are left: {'; '.join(notes)}")
    orders = {name: _order(plan, slots, tally.counts[name]) for name, slots in tally.categorical.items()}
    plain = replace(_reference(plan, scan, tally, orders), positions=_positions(plan))
    seasonal = with_seasons(rows, plan, plain, scan, tally, {name: orders.get(name) for name in tally.counts})
    together = with_joint(rows, plan, seasonal.reference, seasonal.clock)
    bare = seal(together.reference)
    labelled = with_labels(rows, plan, bare, names, progress)
    lasting = (
        *notes,
        *heard,
        *_failures(plan, scan),
        *getattr(rows, "notes", ()),
        *column_notes(plan, options),
        *_repeated(rows, plan),
        *far,
        *filter(None, [skipped_hour(scan.volumes)]),
        *value_notes(bare.features, bare.rows),
        *(note for key, part in tally.segments.items() for note in segment_notes(key, part)),
        *labelled.notes,
    )
    columns = {role: name for role, name in plan.roles.items() if role != name}
    found = labelled.reference if plan.like is None else without_estimator(labelled.reference)
    reference = replace(found, notes=lasting, columns=columns)
    return Built(reference, (*lasting, *seasonal.notes, *together.notes, *_notes(plan, reference)))


def _positions(plan: Plan) -> tuple[str, ...]:
    """Names of the positions of lists of scores, where the predictions are such."""
    return plan.outcomes.classes if plan.prediction in {"scores", "pair"} else ()


def _refuse_empty(rows: Rows, plan: Plan, scan: Scan) -> None:
    if scan.rows and (scan.rows >= scan.failed or plan.model_column):
        return
    if not scan.rows and not scan.failed and not plan.model_column:
        raise UsageError(f"{rows.path}: no rows; a row for each prediction is needed")
    of_model = f" of model {plan.model!r}" if plan.model_column else ""
    if not scan.failed:
        raise UsageError(f"{rows.path}: no predictions{of_model} to profile")
    column, count = plan.roles["error"], scan.rows + scan.failed
    raise UsageError(
        f"{rows.path}: no predictions{of_model} to profile: {scan.failed:,} of {count:,} rows have a value in column"
        f" {column!r} and count as failed; --ignore {column} if it says nothing of that"
    )


def _failures(plan: Plan, scan: Scan) -> Iterator[str]:
    if scan.failed:
        column = plan.roles["error"]
        yield (
            f"{scan.failed:,} of {scan.rows + scan.failed:,} rows have a value in `{column}` and are left out as failed"
            f" predictions; --ignore {column} if it says nothing of that"
        )


def _with_usual_times(rows: Rows, plan: Plan, scan: Scan) -> tuple[Plan, tuple[str, ...]]:
    """The plan in which times far from all others are none, the scan without them, and what to say of it."""
    days, usual = scan.days, scan.days.usual()
    if usual is None:
        return plan, ()
    scan.start = scan.end = None
    scan.timed, scan.volumes, scan.days = 0, HourVolumes(), DayVolumes()
    plan = replace(plan, usual=usual)
    for frame in frames(rows, plan):
        if frame.times is not None:
            scan.span(frame.times)
    return plan, (far_note(days, usual, plan.roles["timestamp"]),)


def _repeated(rows: Rows, plan: Plan) -> Iterator[str]:
    """Predictions that are there twice; ids of several models may be the same."""
    column = plan.roles.get("prediction_id")
    if column is not None and not plan.model_column and plan.read[column].kind in {"number", "category"}:
        found = repeats_of(rows, column)
        if found.again:
            yield repeats_note(found.again, found.rows, column)


def _odd_notes(rows: Rows, plan: Plan, odd: Odd, count: int) -> Iterator[str]:
    """Cells that are no numbers in columns of numbers, beyond those that the first rows told of.

    Raises:
        UsageError: there are too many of them.
    """
    for name, found in odd.items():
        total = sum(found.values())
        if total > MOST_ODD * count:
            raise UsageError(
                f"{rows.path}: column {name!r}: {total / count:.0%} of the rows are no numbers: {odd_cells(found)};"
                f" --missing TEXT for what stands for none, --categorical {name} if these are categories"
            )
        if found and not plan.read[name].note:
            yield (
                f"column {name!r}: numbers, but for {odd_cells(found)}, which count as missing;"
                f" --missing {next(iter(found))!r} says so, --categorical {name} if these are categories"
            )


def _without_useless(plan: Plan, scan: Scan, tally: Tally) -> tuple[Plan, tuple[str, ...]]:
    """The plan without the columns that nothing could be told by, and notes on them. What a config lists stays."""
    empty = [name for name in plan.features if _is_empty(name, scan, tally)]
    if plan.listed:
        named = f"without a value in any row, yet listed under the model's features: {', '.join(empty)}"
        return plan, (named,) if empty else ()
    wide = [name for name in plan.features if name not in empty and _is_wide(name, scan, tally)]
    kept = {name: kind for name, kind in plan.features.items() if name not in {*empty, *wide}}
    keep = "to watch them all the same, list them under the model's features and build the reference again"
    notes = []
    if empty:
        notes.append(f"left out, having no values: {', '.join(empty)}; {keep}")
    dressed = [name for name in wide if DRESSED in plan.read[name].note]
    if dressed:
        notes.append(f"left out: {', '.join(dressed)}: {DRESSED}")
    wide = [name for name in wide if name not in dressed]
    if wide:
        few = f"more than half of the rows are outside the {TOP_CATEGORIES} most frequent values"
        notes.append(f"left out, for {few}, as with ids and dates: {', '.join(wide)}; {keep}")
    return replace(plan, features=kept, dressed=tuple(dressed)), tuple(notes)


def _is_empty(name: str, scan: Scan, tally: Tally) -> bool:
    """Whether a column has no value, or none but infinities."""
    if name in tally.numeric:
        return scan.numeric[name].finite == 0
    return int(tally.counts[name][-2]) == scan.rows


def _is_wide(name: str, scan: Scan, tally: Tally) -> bool:
    """Whether most rows of a column are in categories that the profile would not name."""
    if name in tally.numeric:
        return False
    counts = tally.counts[name]
    return 2 * int(fold(counts, _ranked(tally.categorical[name], counts))[-3]) > scan.rows


def _tally(plan: Plan, scan: Scan) -> Tally:
    like = plan.like
    numeric = {name: _edges(scan, name) if like is None else edges_like(like, name) for name in scan.numeric}
    categorical = {
        name: column.candidates() if like is None else categories_like(like, name)
        for name, column in scan.categorical.items()
    }
    panes = pace = hours = None
    if scan.start is not None and scan.end is not None:
        panes = PaneTally(slot_sizes(numeric, categorical), (scan.start, scan.end), plan.pane, scan.timed)
        pace = PaceTally(scan.start, scan.end) if scan.end - scan.start >= FINEST else None  # a moment is no traffic
        hours = hour_tally(plan, scan, numeric, categorical)
    segments = {key: _segment_values(values) for key, values in scan.segments.items()}
    if like is not None:
        segments = segments_like(like)
    return Tally(numeric, categorical, segments, panes, pace, hours, own=like is None)


def _edges(scan: Scan, name: str) -> FloatArray:
    column = scan.numeric[name]
    return fine_edges(_sampled(scan, name), column.low, column.high) if column.finite else _NOTHING


def _sampled(scan: Scan, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The sampled finite values; the extremes where the sample caught none of a rare column's values."""
    sample = scan.sample.finite(name)
    if len(sample):
        return sample
    return np.array([scan.numeric[name].low, scan.numeric[name].high])


def _segment_values(scan: CategoryScan) -> list[str]:
    """Values counted by name: some more than are kept, since the counts so far are estimates."""
    return [value for value in scan.candidates() if value != OTHER][: MAX_SEGMENT_VALUES + SPARE_SEGMENT_VALUES]


def _reference(plan: Plan, scan: Scan, tally: Tally, orders: dict[str, IntArray]) -> Reference:
    profiles = {name: _profile(plan, name, scan, tally, orders.get(name)) for name in tally.counts}
    return seal(
        Reference(
            model=plan.model,
            rows=scan.rows,
            start=scan.start,
            end=scan.end,
            features={name: profiles[name] for name in plan.features},
            prediction=profiles.get(PREDICTION),
            latency=tally.latency if plan.latency else None,
            error_rows=scan.failed,
            segments={key: _segments(plan, part, orders) for key, part in tally.segments.items()},
            id="",
            readings={name: reading for name in plan.features if (reading := _reading(plan, name)) != AS_IT_IS},
            pace=None if tally.pace is None else _pace(plan, tally.pace),
        )
    )


def _reading(plan: Plan, name: str) -> Reading:
    return Reading(plan.read[name].missing, plan.resolutions.get(name))


def _pace(plan: Plan, tally: PaceTally) -> Pace:
    pace = tally.pace()
    return replace(pace, lacking={name: run for name, run in pace.lacking.items() if name in plan.features and run})


def _order(plan: Plan, slots: CategorySlots, counts: IntArray) -> IntArray:
    """For each candidate's slot, its slot in the profile."""
    return _ranked(slots, counts) if plan.like is None else slots_as_they_are(slots.size)


def _ranked(slots: CategorySlots, counts: IntArray) -> IntArray:
    """For each candidate's slot, its slot in the profile: the most frequent first, the rest folded into other."""
    candidates = len(slots.names)
    ranked = sorted(range(candidates), key=lambda slot: (-int(counts[slot]), slots.names[slot]))
    kept = [slot for slot in ranked if counts[slot] > 0][:TOP_CATEGORIES]
    order = np.full(slots.size, len(kept), dtype=np.int64)
    order[kept] = np.arange(len(kept))
    order[candidates:] = len(kept) + np.arange(3)
    return order


def _profile(plan: Plan, name: str, scan: Scan, tally: Tally, order: IntArray | None) -> Profile:
    if plan.like is not None:
        return _alike(plan.like, name, scan, tally, order)
    if order is None:
        return _numeric(name, scan, tally, tally.numeric[name])
    counts = fold(tally.counts[name], order)
    kept = len(counts) - 3
    names = tally.categorical[name].names
    by_slot = {int(target): candidate for candidate, target in zip(names, order, strict=False) if target < kept}
    return CategoricalProfile(
        categories=tuple(by_slot[slot] for slot in range(kept)),
        counts=counts[:kept],
        other=int(counts[kept]),
        missing=int(counts[kept + 1]),
        overdispersion=None if tally.panes is None else tally.panes.overdispersion(name, order, 2),
    )


def _alike(like: Reference, name: str, scan: Scan, tally: Tally, order: IntArray | None) -> Profile:
    varies = None if tally.panes is None else tally.panes.overdispersion(name, order, 2)
    if order is not None:
        return categorical_like(like, name, tally.counts[name], varies)
    moments = scan.numeric[name].center_and_scale(_sampled(scan, name))
    return numeric_like(like, name, tally.counts[name], moments, varies)


def _numeric(name: str, scan: Scan, tally: Tally, slots: NumericSlots) -> NumericProfile:
    counts = tally.counts[name]
    center, scale = scan.numeric[name].center_and_scale(_sampled(scan, name))
    return NumericProfile(
        edges=slots.edges,
        counts=counts[1:-3],
        coarse=coarse_bins(counts[1:-3]),
        missing=int(counts[-2]),
        non_finite=int(counts[-1]),
        center=center,
        scale=scale,
        overdispersion=None if tally.panes is None else tally.panes.overdispersion(name, None, 2),
    )


def _segments(plan: Plan, tally: SegmentTally, orders: dict[str, IntArray]) -> dict[str, SegmentCounts]:
    """The values with enough rows, at most MAX_SEGMENT_VALUES, by rows; all others together as "other"."""
    named = tally.values[:-1]
    ranked = sorted(range(len(named)), key=lambda index: (-int(tally.rows[index]), named[index]))
    kept = [index for index in ranked if tally.rows[index] >= MIN_SEGMENT_ROWS][:MAX_SEGMENT_VALUES]
    rest = [index for index in range(len(tally.rows)) if index not in set(kept)]
    if plan.like is not None:  # rows of a value that is too rare here are still not those of other values
        rest = [len(named)]
    groups = {named[index]: [index] for index in kept}
    if int(tally.rows[rest].sum()):
        groups[OTHER] = rest
    return {value: _segment(plan, tally, members, orders) for value, members in groups.items()}


def _segment(plan: Plan, tally: SegmentTally, members: list[int], orders: dict[str, IntArray]) -> SegmentCounts:
    def counts(name: str) -> IntArray:
        summed: IntArray = tally.counts[name][members].sum(axis=0)
        return fold(summed, orders[name]) if name in orders else summed

    return SegmentCounts(
        rows=int(tally.rows[members].sum()),
        features={name: counts(name) for name in plan.features},
        prediction=counts(PREDICTION) if plan.prediction is not None else None,
    )


def _notes(plan: Plan, reference: Reference) -> tuple[str, ...]:
    notes = []
    if plan.prediction is None:
        notes.append("no prediction profile: prediction drift will not be watched")
    if not plan.latency:
        notes.append("no latency_ms column: no latency profile")
    return (*notes, *reference_notes(reference))
