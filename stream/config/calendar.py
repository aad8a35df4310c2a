"""`calendar:` of a model: days that count as other days of the week, and days with a reference of their own."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from operators.settings.calendar import EPOCH, days_like
from stream.config.zones import zone_of
from windows.references.edges import edge_differences
from windows.references.pace import DAY, HOUR, WEEK
from windows.references.seasons import SeasonClock, Seasons
from windows.sketches.profiles import SegmentCounts, slots

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from operators.settings.calendar import CalendarEntry
    from operators.settings.model import ModelSettings
    from windows.references.reference import Reference

LIKE = "build it with: driftgauge reference build --like"


def dated_findings(reference: Reference, own: Reference) -> Iterator[tuple[str, str]]:
    """What is wrong between a model's reference and that of some days: what was given, and what is needed."""
    for said in edge_differences(reference, own):
        yield said, LIKE
    if own.seasons is not None:
        yield "it has classes of hours", f"one without is needed for days of their own: {LIKE}"


def dated_clock(model: ModelSettings, reference: Reference) -> SeasonClock:
    """A clock for days alone, of a reference without a season."""
    zone = "UTC" if model.seasonal is None else model.seasonal.timezone
    spans = [one.span for one in model.calendar] or [(0, 0)]
    first = min(span[0] for span in spans) * DAY if reference.start is None else reference.start
    return SeasonClock(zone_of(zone, first, max(span[1] for span in spans) * DAY), (0,) * WEEK)


def with_calendar(reference: Reference, model: ModelSettings, own: Mapping[int, Reference]) -> Reference:
    """The reference with what the calendar says of days.

    Args:
        reference: of the model.
        model: its settings.
        own: number of the entry -> the reference of its days.
    """
    seasons = reference.seasons
    if seasons is not None:
        days = days_like(model.calendar)
        tolerance = 0 if model.seasonal is None else model.seasonal.tolerance // HOUR
        seasons = replace(seasons, clock=replace(seasons.clock, days=days, tolerance=tolerance))
    if own:
        seasons = _dated(seasons or _one_class(model, reference), reference, model, own)
    return reference if seasons is None else replace(reference, seasons=seasons)


def _one_class(model: ModelSettings, reference: Reference) -> Seasons:
    """All hours alike."""
    segments: dict[str, dict[str, tuple[SegmentCounts, ...]]] = {
        key: {value: (counts,) for value, counts in values.items() if counts.rows}
        for key, values in reference.segments.items()
    }
    return Seasons(dated_clock(model, reference), (_whole(reference),), segments)


def _dated(seasons: Seasons, reference: Reference, model: ModelSettings, own: Mapping[int, Reference]) -> Seasons:
    """A class for each reference of days; entries that share a file share a class."""
    files = {number: str(model.calendar[number].reference) for number in own}
    names = list(dict.fromkeys(files.values()))
    first = len(seasons.classes)
    of_file = {files[number]: one for number, one in own.items()}
    dated = tuple((*model.calendar[number].span, first + names.index(file)) for number, file in files.items())
    return replace(
        seasons,
        clock=replace(seasons.clock, dated=dated),
        classes=(*seasons.classes, *(_whole(of_file[name]) for name in names)),
        segments={
            key: {
                value: (*each, *(_of_segment(of_file[name], key, value, reference) for name in names))
                for value, each in values.items()
            }
            for key, values in seasons.segments.items()
        },
        dated=tuple(_named(model.calendar[number]) for number in sorted(own) if _is_first(number, files)),
    )


def _is_first(number: int, files: Mapping[int, str]) -> bool:
    return number == min(other for other, file in files.items() if file == files[number])


def _named(entry: CalendarEntry) -> str:
    """What the class of an entry is called: its file, without its ending."""
    return "" if entry.reference is None else entry.reference.name.removesuffix(".json")


def _whole(reference: Reference) -> SegmentCounts:
    return SegmentCounts(
        rows=reference.rows,
        features={name: slots(profile) for name, profile in reference.features.items()},
        prediction=None if reference.prediction is None else slots(reference.prediction),
    )


def _of_segment(own: Reference, key: str, value: str, reference: Reference) -> SegmentCounts:
    """The counts of a segment; where there are none, a single row: nothing can be decided by it."""
    found = own.segments.get(key, {}).get(value)
    if found is not None and found.rows:
        return found
    usual = reference.segments[key][value]
    return SegmentCounts(
        rows=1,
        features={name: _single(counts) for name, counts in usual.features.items()},
        prediction=None if usual.prediction is None else _single(usual.prediction),
    )


def _single(counts: np.ndarray) -> np.ndarray:
    one = np.zeros_like(counts)
    one[int(np.argmax(counts))] = 1
    return one


def calendar_lines(model: ModelSettings) -> Iterator[str]:
    """What `check` says of the days."""
    for one in model.calendar:
        first, last = ((EPOCH + dt.timedelta(days=day)).isoformat() for day in one.span)
        days = first if first == last else f"{first} to {last}"
        yield f"  calendar: {days} {f'like a {one.like}' if one.like else f'beside {_named(one)}'}"
