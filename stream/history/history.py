"""History: what memory and disk know together, for who reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from stream.history.tiers import tiers_from

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from operators.alerts.event import AlertEvent
    from stream.history.archive import Archive, Stored
    from stream.history.frame import Frame, Source
    from stream.history.recent import Recent
    from windows.arrays import IntArray


class Past(Protocol):
    """What pages and reports read: the running monitor, a history file, or the results of a replay."""

    def latest(self, model: str) -> tuple[Frame, ...]:
        """The latest frame of each window of a model, predictions before labels, smallest windows first."""

    def series(self, model: str, source: Source, size: int, since: int, until: int) -> Sequence[Frame]:
        """The frames of a window (ms) that end in [since, until], oldest first, without segments."""

    def counts(self, model: str, size: int) -> Mapping[str, IntArray]:
        """What each version of a window (ms) of a model held when it last changed, as of a Sketch."""

    def sketches(self, model: str, since: int, until: int) -> list[Stored]:
        """What predictions were in spans of time that begin in [since, until), oldest first."""

    def events(self) -> tuple[AlertEvent, ...]:
        """Alert events, oldest first."""


class History:
    """Of the running monitor: the last minutes from memory, what is before them from disk."""

    def __init__(self, recent: Recent, archive: Archive | None) -> None:
        self.recent = recent
        self._archive = archive

    def latest(self, model: str) -> tuple[Frame, ...]:
        """See Past."""
        return self.recent.latest(model)

    def series(self, model: str, source: Source, size: int, since: int, until: int) -> list[Frame]:
        """See Past; as coarse as the span is long."""
        recent = [one for one in self.recent.frames(model, source, size) if since <= one.end <= until]
        start = recent[0].end if recent else until + 1
        if self._archive is None or start - since <= size:
            return recent
        for tier in tiers_from(since, until):
            stored = self._archive.frames(model, source, size, tier.number, since, start - 1)
            if stored:
                return [*stored, *_thinned(recent, tier.step)]
        return recent

    def counts(self, model: str, size: int) -> Mapping[str, IntArray]:
        """See Past."""
        sketch = self.recent.sketch(model, size)
        return {} if sketch is None else sketch.counts

    def sketches(self, model: str, since: int, until: int) -> list[Stored]:
        """See Past."""
        return [] if self._archive is None else self._archive.sketches(model, since, until)

    def events(self) -> tuple[AlertEvent, ...]:
        """See Past."""
        return tuple(sorted(self.recent.events(), key=lambda event: event.event_time))


def _thinned(frames: Sequence[Frame], step: int) -> list[Frame]:
    """The last frame of each step, as those on disk are."""
    return list({frame.end // step: frame for frame in frames}.values())


class Stands:
    """Of a file alone: a history that nobody writes to, or the results of a replay.

    Args:
        archive: the file.
        layouts: model -> names of its bins; what was counted in others is left out.
    """

    def __init__(self, archive: Archive, layouts: Mapping[str, Collection[str]]) -> None:
        self._archive = archive
        self._layouts = layouts

    def latest(self, model: str) -> tuple[Frame, ...]:
        """See Past."""
        return tuple(self._archive.latest(model))

    def series(self, model: str, source: Source, size: int, since: int, until: int) -> list[Frame]:
        """See Past; the finest there is of the whole span."""
        for tier in tiers_from(since, until):
            found = self._archive.frames(model, source, size, tier.number, since, until)
            if found:
                return found
        return []

    def counts(self, model: str, size: int) -> Mapping[str, IntArray]:
        """See Past."""
        stored = self._archive.last_sketches(model, size)
        return {one.version: one.counts for one in stored if one.layout in self._layouts.get(model, ())}

    def sketches(self, model: str, since: int, until: int) -> list[Stored]:
        """See Past."""
        stored = self._archive.sketches(model, since, until)
        return [one for one in stored if one.layout in self._layouts.get(model, ())]

    def events(self) -> tuple[AlertEvent, ...]:
        """See Past."""
        return tuple(self._archive.events(MOST_EVENTS))


MOST_EVENTS = 20_000
"""Alert events of a report."""
