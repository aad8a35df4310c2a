"""How reports go through the pipe: what numbers are of is said once, and from then on by its place in what was said.

A tick of a model with fifty features tells a thousand numbers, and what they are of hardly ever changes: said in full,
names were nine tenths of all that a process had to pickle, and its parent to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stream.metrics.reports import GaugeBlock, Looked, Report

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    import numpy.typing as npt

    from stream.metrics.reports import Head, Labels

MOST = 100_000
"""Sets of names that are remembered; beyond it all are said anew."""


class Said(NamedTuple):
    """Names: in full where they are said for the first time, and their place in all that was said."""

    place: int
    names: tuple[Any, ...] | None


class _Gauges(NamedTuple):
    owner: str
    metric: str
    rows: Said
    values: npt.NDArray[np.float64]
    beside: tuple[tuple[str, str], ...]


class _Look(NamedTuple):
    model: str
    source: str
    window: str
    size: int
    end: int
    heads: Said
    numbers: npt.NDArray[np.float32]


class _Forget(NamedTuple):
    """All that was said so far: what follows begins anew."""


Sent = Report | _Gauges | _Look | _Forget


class Speaker:
    """The sender's end. What it gives must be heard in order, and all of it.

    A gauge block without rows takes the former one away: said once, it need not be said again until there are rows.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._said: dict[Hashable, int] = {}
        self._empty: set[tuple[str, str]] = set()

    def __call__(self, reports: Iterable[Report]) -> list[Sent]:
        """The reports as they are sent."""
        sent: list[Sent] = []
        if len(self._said) > self._most:
            self._said.clear()
            self._empty.clear()
            sent.append(_Forget())
        for report in reports:
            match report:
                case GaugeBlock():
                    sent += self._gauges(report)
                case Looked(model, source, window, size, end, heads, numbers):
                    sent.append(_Look(model, source, window, size, end, self._say(heads), numbers))
                case _:
                    sent.append(report)
        return sent

    def _gauges(self, block: GaugeBlock) -> list[Sent]:
        """A block; nothing of one that has no rows still."""
        key = (block.owner, block.metric)
        if block.rows:
            self._empty.discard(key)
        elif key in self._empty:
            return []
        else:
            self._empty.add(key)
        return [_Gauges(*key, self._say(block.rows), np.array(block.values, dtype=np.float64), block.beside)]

    def _say(self, names: tuple[Any, ...]) -> Said:
        place = self._said.get(names)
        if place is not None:
            return Said(place, None)
        place = self._said[names] = len(self._said)
        return Said(place, names)


class Listener:
    """The receiver's end: gives the reports that were sent, with the very names that it was given before."""

    def __init__(self) -> None:
        self._said: list[tuple[Any, ...]] = []

    def __call__(self, sent: Iterable[Sent]) -> Iterator[Report]:
        """The reports."""
        for one in sent:
            match one:
                case _Gauges(owner, metric, rows, values, beside):
                    labels: tuple[Labels, ...] = self._hear(rows)
                    yield GaugeBlock(owner, metric, labels, tuple(values.tolist()), beside)
                case _Look(model, source, window, size, end, said, numbers):
                    heads: tuple[Head, ...] = self._hear(said)
                    yield Looked(model, source, window, size, end, heads, numbers)  # type: ignore[arg-type]
                case _Forget():
                    self._said.clear()
                case _:
                    yield one

    def _hear(self, said: Said) -> tuple[Any, ...]:
        if said.names is not None:
            self._said.append(said.names)
        return self._said[said.place]
