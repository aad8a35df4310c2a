"""Quiet: what happens of itself in a gap of event time, in which no window changes and nothing comes in.

Ticks in which nothing can happen are left out of a gap (see `operators.predictions.due`). But time goes on in it: data
becomes overdue, a version is forgotten, a stream has been clear for a window's length, an alert may be updated again
or ends. All of that is known beforehand, so the judge makes the ticks it needs by itself, each at its own event time,
and what comes out is what a tick for every pane would give.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from operators.alerts.news import GATHER, UPDATE_INTERVAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from operators.findings import Finding
    from operators.judging.decision import StreamState
    from operators.judging.streams import StreamKey
    from operators.predictions.slices import Header
    from operators.tables import Part

Standing = frozenset[tuple[object, ...]]
"""What findings there are, whatever their values."""


@dataclass(frozen=True, slots=True)
class QuietConfig:
    """One model: pane, slide of each window and trail, how long alerts take to end and versions are remembered; ms."""

    pane: int
    slides: Mapping[Part, int]
    resolve_after: int
    remember: int


@dataclass(slots=True)
class QuietState:
    """The latest tick, and what may follow from it.

    Attributes:
        header: of the latest tick.
        looks: window or trail -> end of the latest look, ms.
        wholes: window or trail -> (monitor, version) of the wholes that were measurable at that look.
        standing: what findings there were at the latest tick.
        timers: ends of panes (ms) at which an alert may have something to say because findings changed before.
    """

    header: Header | None = None
    looks: dict[Part, int] = field(default_factory=dict)
    wholes: dict[Part, frozenset[tuple[str, str]]] = field(default_factory=dict)
    standing: Standing = frozenset()
    timers: set[int] = field(default_factory=set)


def next_quiet(
    config: QuietConfig,
    state: QuietState,
    streams: Mapping[StreamKey, StreamState],
    parts: Mapping[StreamKey, Part],
    before: int,
    silent: Callable[[Header], int],
) -> Header | None:
    """The header of the next tick at which anything can happen of itself, earlier than `before` (ms); None for none.

    `parts` tells what each stream looks at, `silent` when (ms) there will be NoData.
    """
    header = state.header
    if header is None or header.end + config.pane >= before:
        return None
    after = header.end
    moments = [
        *state.timers,
        *_moments(config, state, streams, parts, header),
        _up(silent(header), config.pane),
        before,
    ]
    if state.standing:  # what an alert ends with is what was found of it a pane before
        moments += [at - config.pane for at in moments]
    times = [at for at in moments if after < at < before]
    if not times:
        return None
    end = min(times)
    seen = {name: seen for name, seen in header.seen.items() if seen.last >= end - config.remember}
    return replace(header, end=end, due=(), seen=seen)


def _moments(
    config: QuietConfig,
    state: QuietState,
    streams: Mapping[StreamKey, StreamState],
    parts: Mapping[StreamKey, Part],
    header: Header,
) -> Iterator[int]:
    pane = config.pane
    going = {parts[key] for key, stream in streams.items() if _goes_on(state, key, parts[key], stream)}
    for part in going & config.slides.keys():
        slide = config.slides[part]
        yield header.end // slide * slide + slide
    for seen in header.seen.values():
        yield (seen.last + config.remember) // pane * pane + pane


def _up(at: int, pane: int) -> int:
    """The end of a pane that is not before a moment."""
    return -(-at // pane) * pane


def _goes_on(state: QuietState, key: StreamKey, part: Part, stream: StreamState) -> bool:
    """Whether another look at the same window can change a stream: there is something of it, or of the whole."""
    name, _, version, _ = key
    return stream.advanced == state.looks.get(part) or (name, version) in state.wholes.get(part, ())


def passed(config: QuietConfig, state: QuietState, header: Header, findings: Iterable[Finding]) -> None:
    """A tick is done: remember what may follow from it."""
    standing = frozenset(
        (found.version, found.segment, found.alert, found.monitor, found.subject, found.level) for found in findings
    )
    pane, end = config.pane, header.end
    if standing != state.standing:
        # An alert tells news again after the interval, and what it told may keep one of a segment back until then.
        state.timers.update(range(end + pane, end + UPDATE_INTERVAL + 2 * pane + 1, pane))
        over = _up(end + config.resolve_after, pane)
        state.timers |= {over, over + pane, _up((end // GATHER + 1) * GATHER, pane)}
    state.timers = {at for at in state.timers if at > end}
    state.standing = standing
    state.header = header
