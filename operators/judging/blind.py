"""Blind streams: rows come, and yet nothing can be said.

A stream is one monitor on one feature of one segment of one version; it sees as long as any of its windows could tell a
value at the threshold from twice the threshold. Of a share that the reference has itself it is enough to see it double:
where a tenth of the values is missing, nobody calls a window blind that cannot tell a hundredth more. Whether it does
is looked at a few times a window, not at every tick.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from operators.findings import Finding, WindowSpan
from operators.judging.readings import breach_level
from operators.tables import Kind
from windows.panes import duration_text
from windows.statistics.needed import POWER_ONE, rows_needed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from operators.judging.readings import Readings
    from operators.judging.sheet import Sheet
    from operators.plans.monitors import Monitor
    from windows.arrays import BoolArray, FloatArray, IntArray

    Columns = Callable[[Monitor], tuple[str, ...]]

StreamName = tuple[str, str, str]
"""(monitor name, version, segment)."""

TOLD_AFTER = 86_400_000
"""A stream that cannot be judged for so long (ms) is a finding."""

LOOKS = 4
"""How many times in a window it is looked at ..."""

SELDOM = 60_000, 21_600_000
"""... but not more often than the first, nor more seldom than the second (ms)."""

NEVER = -1


@dataclass(slots=True)
class BlindStream:
    """F elements of one monitor, version and segment.

    Attributes:
        sees: window size (ms) -> bool[F], whether it could judge when it was last looked at.
        there: bool[F], whether any rows have come.
        since: int64[F], since when (ms) no window can; NEVER while one can, or may.
        worst: element that needs the most rows, of those that the longest window could not judge.
        needed: rows that it needs; infinite where the reference is too small.
        rows: rows that the longest window has once it is full.
        limit: the threshold that they are needed for.
    """

    sees: dict[int, BoolArray]
    there: BoolArray
    since: IntArray
    worst: int = 0
    needed: float = 0.0
    rows: int = 0
    limit: float = 0.0

    @property
    def longest(self) -> int:
        """Its longest window, ms."""
        return max(self.sees)

    def lasting(self, now: int, least: int) -> BoolArray:
        """bool[F]: what could not be judged for at least so long (ms)."""
        found: BoolArray = (self.since != NEVER) & (now - self.since >= least)
        return found


@dataclass(slots=True)
class BlindState:
    """When each window of each monitor is looked at next, the streams, and what was found at the latest look."""

    due: dict[tuple[str, int], int] = field(default_factory=dict)
    streams: dict[StreamName, BlindStream] = field(default_factory=dict)
    found: Blind | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Blind:
    """What cannot be judged of a model.

    Attributes:
        streams: that could not be judged for their longest window, or for a day.
        lasting: of them, for a day.
        all: streams in which rows came.
    """

    streams: int
    lasting: int
    all: int


def paging(readings: Readings) -> FloatArray:
    """How far the threshold that pages (the only one, where there is one) is from the base, float64[F]."""
    limit = np.where(np.isfinite(readings.major), readings.major, readings.minor)
    return np.abs(limit - readings.base)


def worth_seeing(squared: str | BoolArray, readings: Readings) -> FloatArray:
    """How far a value has to go that a window must see, float64[F]: the threshold that pages, or a share's double."""
    limit = paging(readings)
    of_share = squared in POWER_ONE if isinstance(squared, str) else ~squared
    with np.errstate(invalid="ignore"):
        found: FloatArray = np.where(of_share & np.isfinite(readings.base), np.maximum(limit, readings.base), limit)
    return found


def needs(
    metric: str | BoolArray, readings: Readings, reference_rows: IntArray, limit: FloatArray | None = None
) -> FloatArray:
    """Rows that each element needs in a window to be judged, float64[F]; NaN where nothing is known."""
    with np.errstate(invalid="ignore"):
        width = np.maximum(readings.upper - readings.value, 1e-12)
    return rows_needed(metric, width, paging(readings) if limit is None else limit, readings.samples, reference_rows)


def due(state: BlindState, monitor: Monitor, size: int, now: int) -> bool:
    """Whether this window of a monitor is looked at now."""
    return now >= state.due.get((monitor.name, size), NEVER)


def looked(state: BlindState, monitor: Monitor, size: int, now: int) -> None:
    """It has been."""
    state.due[monitor.name, size] = now + min(max(size // LOOKS, SELDOM[0]), SELDOM[1])


@dataclass(frozen=True, slots=True)
class _Sights:
    """What readings say of what can be judged: float64 or bool, as many as there are elements."""

    readings: Readings
    there: BoolArray
    needed: FloatArray
    limit: FloatArray
    rows: FloatArray
    sees: BoolArray


def _sights(
    squared: str | BoolArray, readings: Readings, level: IntArray, reference_rows: IntArray, scale: float | FloatArray
) -> _Sights:
    """`scale`: how many times its rows a window will have once it is full."""
    there = ~np.isnan(readings.value) & (readings.samples > 0)
    limit = worth_seeing(squared, readings)
    needed = needs(squared, readings, reference_rows, limit)
    with np.errstate(invalid="ignore"):
        rows: FloatArray = readings.samples.astype(np.float64) * scale
        sees: BoolArray = (needed <= rows) | ~there | (level > 0)
    return _Sights(readings, there, needed, limit, rows, sees)


def look(
    state: BlindState,
    monitor: Monitor,
    size: int,
    key: tuple[str, str],
    readings: Readings,
    reference_rows: IntArray,
    now: int,
    covered: int,
) -> None:
    """Take what a window says of one version and segment.

    Args:
        state: changed in place.
        monitor: the rule.
        size: of the window, ms.
        key: (version, segment).
        readings: the evaluation.
        reference_rows: int64[F], behind the comparison.
        now: end of the window, ms.
        covered: how much of the window (ms) lies after the version was first seen: a window that fills may see yet.
    """
    sights = _sights(monitor.metric, readings, breach_level(readings), reference_rows, _scale(size, covered))
    if sights.there.any():
        every = slice(0, len(sights.there))
        _take(state, monitor, (monitor.name, *key), every, sights, size, now, lacks=not sights.sees.all())


def look_at_all(
    state: BlindState, sheet: Sheet, looking: Sequence[int], covered: Sequence[int], size: int, now: int
) -> None:
    """The same of many at once: of the stretches of a sheet with these numbers, `covered` for each."""
    plan, judged = sheet.plan, sheet.plan.stretches[-1].stop
    scales = np.ones(len(plan.stretches))
    scales[looking] = [_scale(size, span) for span in covered]
    behind = sheet.reference[plan.take[:judged]]
    sights = _sights(
        plan.squared[:judged],
        sheet.readings.part(slice(0, judged)),
        sheet.level[:judged],
        behind,
        np.repeat(scales, plan.widths),
    )
    there = np.logical_or.reduceat(sights.there, plan.edges)[looking].tolist()
    sees = np.logical_and.reduceat(sights.sees, plan.edges)[looking].tolist()
    for number, any_there, all_seen in zip(looking, there, sees, strict=True):
        if any_there:
            one = plan.stretches[number]
            name = (one.monitor.name, *one.key[2:])
            _take(state, one.monitor, name, slice(one.start, one.stop), sights, size, now, lacks=not all_seen)


def _scale(size: int, covered: int) -> float:
    return size / max(min(covered, size), 1)


def _take(
    state: BlindState,
    monitor: Monitor,
    name: StreamName,
    part: slice,
    sights: _Sights,
    size: int,
    now: int,
    *,
    lacks: bool,
) -> None:
    """Take what a window says of one stream, this part of what is seen; `lacks` where not all of it can be judged."""
    there, sees = sights.there[part], sights.sees[part]
    stream = state.streams.get(name)
    if stream is None or len(stream.there) != len(there):
        none = np.full(len(there), NEVER, dtype=np.int64)
        stream = state.streams[name] = BlindStream({}, np.zeros(len(there), dtype=bool), none)
    stream.sees[size] = sees
    stream.there |= there
    if lacks and size == max(monitor.windows):
        _remember(stream, there & ~sees, sights, part)
    if not lacks or any(one not in stream.sees for one in monitor.windows):
        stream.since = np.full(len(there), NEVER, dtype=np.int64)
        return
    blind = stream.there & ~np.logical_or.reduce([stream.sees[one] for one in monitor.windows])
    stream.since = np.where(blind, np.where(stream.since == NEVER, now, stream.since), NEVER)


def _remember(stream: BlindStream, lacking: BoolArray, sights: _Sights, part: slice) -> None:
    """Keep what the worst element needs, and what the window will hold once it is full."""
    at = np.flatnonzero(lacking)
    if len(at) == 0:
        return
    needed = sights.needed[part]
    worst = int(at[np.argmax(np.where(np.isnan(needed[at]), -1.0, needed[at]))])
    stream.worst, stream.needed = worst, float(needed[worst])
    stream.rows, stream.limit = int(sights.rows[part][worst]), float(sights.limit[part][worst])


def conclude(
    state: BlindState, versions: Iterable[str], monitors: Sequence[Monitor], columns: Columns, now: int
) -> None:
    """Drop what belongs to a version or monitor that is no more, and find anew what cannot be judged."""
    known, names = set(versions), {monitor.name for monitor in monitors}
    for key in [key for key in state.streams if key[0] not in names or (key[1] and key[1] not in known)]:
        del state.streams[key]
    state.found = blind_of(state, now)
    state.findings = tuple(blind_findings(state, state.found, columns, monitors, now))


def blind_of(state: BlindState, now: int) -> Blind:
    """How many streams cannot be judged."""
    found = state.streams.values()
    return Blind(
        sum(int(stream.lasting(now, min(stream.longest, TOLD_AFTER)).sum()) for stream in found),
        sum(int(stream.lasting(now, TOLD_AFTER).sum()) for stream in found),
        sum(int(stream.there.sum()) for stream in found),
    )


def blind_findings(
    state: BlindState, found: Blind, columns: Columns, monitors: Iterable[Monitor], now: int
) -> list[Finding]:
    """The finding that something could not be judged for a day, headed by the stream that lacks most."""
    if not found.lasting:
        return []
    by_name = {monitor.name: monitor for monitor in monitors}
    blind = [(name, one) for name, one in sorted(state.streams.items()) if one.lasting(now, TOLD_AFTER).any()]
    (name, version, segment), stream = max(blind, key=lambda item: (item[1].needed / max(item[1].rows, 1), item[0]))
    by_feature = by_name[name].kind in {Kind.FEATURE, Kind.QUALITY} and not by_name[name].worst_only
    feature = columns(by_name[name])[stream.worst] if by_feature else ""
    what = " of ".join(part for part in (name, feature, segment, version and f"version {version}") if part)
    words = (
        f"{what} over {duration_text(stream.longest)} {lack(stream.needed, stream.limit, stream.rows, expected=True)}"
    )
    share, size = found.lasting / found.all, max(TOLD_AFTER, stream.longest)
    return [
        Finding(
            alert="DataQuality",
            monitor="quality.blind",
            version="",
            segment="",
            level=1,
            feature="",
            metric="blind_ratio",
            value=share,
            lower=share,
            upper=share,
            threshold=0.0,
            falling=False,
            samples=stream.rows,
            window=WindowSpan(size, now - size, now),
            against=words,
        )
    ]


def lack(needed: float, limit: float, rows: float, *, expected: bool = False) -> str:
    """In words: "needs about 900 predictions a window for 0.1; there are 150", or expected: of a full window."""
    if np.isnan(needed):
        return f"cannot be judged for {limit:g} on {rows:,} predictions"
    if np.isinf(needed):
        return f"cannot be judged for {limit:g}: the reference has too few rows of it"
    there = "expected in a full window:" if expected else "there are"
    return f"needs about {rounded(needed):,} predictions a window for {limit:g}; {there} {rows:,}"


def rounded(rows: float) -> int:
    """To two digits: these are estimates."""
    return int(float(f"{rows:.2g}")) if rows >= 100 else round(rows)
