"""Pairs: requests and responses that are messages of their own become one message, or go alone when one never comes.

Keyed by a shard of the ids. What waits holds the watermark: a record is never late because its other half was. Which
two are a pair depends on ids and event times alone, so every reading gives the same pairs: two of one id are a pair
when the times that they count from (their own, or what their partition had come to before them) lie no further apart
than `wait`; one is let go alone once all partitions are past that. Only when more wait than `most` does the order in
which partitions are read matter: the oldest go alone then, and are counted as that.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from operators.formats.halves import Half
from operators.formats.pair_message import PairEnvelopes, paired
from operators.progress import progress_of
from operators.records import PAIRS, SHARDS, Origin, Paired, RawBatch
from windows.watermark import PartitionClocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operators.intake.halves import Chunk
    from operators.records import Headers

MOST_BYTES = 64 << 20
"""Bytes that may wait in a shard."""

HEADER = 64
"""Bytes that a header counts as."""

ALONE, FULL, UNPAIRED = "alone", "full", "unpaired"
"""Why a half goes alone: the other never came, too many wait, or the source says that they are not paired."""

REQUEST, RESPONSE = "request", "response"


@dataclass(frozen=True, slots=True)
class PairsConfig:
    """How halves are paired.

    Attributes:
        pane: ms.
        waits: number of each source -> how far apart (ms) two halves may be; 0: they are not paired.
        most: halves that may wait in a shard.
    """

    pane: int
    waits: Mapping[int, int]
    most: int


@dataclass(slots=True)
class PairsState:
    """What waits, how far the partitions have come, and counts since the beginning.

    `waiting` has (number, half) by key, `order` (time it counts from, number, key) of them as a heap, in which those
    that are gone are left for a while; where it is saved, both are in `packed`. `pairs` counts by topic, `alone` by
    topic, half and reason.
    """

    clocks: PartitionClocks = field(default_factory=PartitionClocks)
    waiting: dict[str, list[tuple[int, Half]]] = field(default_factory=dict)
    order: list[tuple[int, int, str]] = field(default_factory=list)
    count: int = 0
    size: int = 0
    next: int = 0
    ended: bool = False
    pairs: dict[str, int] = field(default_factory=dict)
    alone: dict[tuple[str, str, str], int] = field(default_factory=dict)
    packed: bytes = b""
    version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class PairsTold:
    """Counts of a shard since the beginning, and how many halves wait."""

    shard: int
    pairs: dict[str, int]
    alone: dict[tuple[str, str, str], int]
    waiting: int


@dataclass(frozen=True, slots=True)
class _Messages:
    """Messages that come out together, of one topic and kind."""

    values: list[bytes] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)


class Pairs:
    """Pairs the halves of one shard."""

    def __init__(self, config: PairsConfig, shard: int, state: PairsState) -> None:
        """Continue from `state`."""
        self.config = config
        self.shard = shard
        waiting = _unpacked(state.packed) if state.packed else state.waiting
        order = [(half.known, number, key) for key, held in waiting.items() for number, half in held]
        heapq.heapify(order)
        self.state = replace(state, waiting=waiting, order=order, packed=b"")
        self._told: tuple[int, int | None] | None = None
        self._waiting = 0
        self._ready: dict[tuple[int, str, bool, int | None], _Messages] = {}

    def __call__(self, chunks: list[Chunk]) -> list[RawBatch | PairsTold]:
        """Take what was read; give what is paired, or goes alone, and how far that has come."""
        state = self.state
        for chunk in chunks:
            progress = progress_of(replace(chunk.origin, census=chunk.origin.halves), chunk.floor, 1)
            for half in chunk.halves:
                self._take(half, progress.place)
            progress.tell(state.clocks)
            self._let_go()
        if len(state.order) > 2 * state.count + 1_000:
            live = [(half.known, number, key) for key, held in state.waiting.items() for number, half in held]
            heapq.heapify(live)
            state.order = live
        return self._out(chunks[-1])

    @property
    def saved(self) -> PairsState:
        """The state as it is pickled, with what waits as bytes: pickling each half would take five times as long."""
        return replace(self.state, waiting={}, order=[], packed=msgspec.msgpack.encode(self.state.waiting))

    def _take(self, half: Half, place: tuple[str, int]) -> None:
        clocks = self.state.clocks
        since = max(half.known, clocks.floors.get(place, half.known), clocks.closed or half.known)
        half = half if since == half.known else half._replace(known=since)
        wait = self.config.waits.get(half.source, 0)
        if not wait:
            self._emit_alone(half, UNPAIRED)
            return
        held = self.state.waiting.get(half.key, [])
        for at, (_, other) in enumerate(held):
            if other.answers is not half.answers and abs(other.known - half.known) <= wait:
                self._drop(half.key, at)
                request, response = (other, half) if half.answers else (half, other)
                self.state.pairs[request.topic] = self.state.pairs.get(request.topic, 0) + 1
                self._emit(request, response)
                return
        self._wait_for(half)

    def _wait_for(self, half: Half) -> None:
        state = self.state
        state.waiting.setdefault(half.key, []).append((state.next, half))
        heapq.heappush(state.order, (half.known, state.next, half.key))
        state.next += 1
        state.count += 1
        state.size += _size(half)
        while state.count > self.config.most or state.size > MOST_BYTES:
            self._pop(FULL)

    def _let_go(self) -> None:
        """Let those go alone whose other half can no longer come."""
        state = self.state
        if state.clocks.all_ended:
            while self._oldest() is not None:
                self._pop(ALONE)
            return
        mark = state.clocks.watermark()
        if mark is None:
            return
        state.clocks.closed = mark
        while (oldest := self._oldest()) is not None and oldest.known + self.config.waits.get(oldest.source, 0) < mark:
            self._pop(ALONE)

    def _oldest(self) -> Half | None:
        """The one that waits since the earliest time."""
        order = self.state.order
        while order:
            _, number, key = order[0]
            found = next((half for at, half in self.state.waiting.get(key, ()) if at == number), None)
            if found is not None:
                return found
            heapq.heappop(order)
        return None

    def _pop(self, reason: str) -> None:
        """Let the oldest go alone."""
        oldest = self._oldest()
        if oldest is None:
            return
        _, number, key = heapq.heappop(self.state.order)
        self._drop(key, next(at for at, (known, _) in enumerate(self.state.waiting[key]) if known == number))
        self._emit_alone(oldest, reason)

    def _drop(self, key: str, at: int) -> None:
        held = self.state.waiting[key]
        _, half = held.pop(at)
        if not held:
            del self.state.waiting[key]
        self.state.count -= 1
        self.state.size -= _size(half)

    def _emit_alone(self, half: Half, reason: str) -> None:
        key = (half.topic, RESPONSE if half.answers else REQUEST, reason)
        self.state.alone[key] = self.state.alone.get(key, 0) + 1
        self._emit(*((None, half) if half.answers else (half, None)))

    def _emit(self, request: Half | None, response: Half | None) -> None:
        first = request or response
        if first is None:
            return
        pane = first.known // self.config.pane
        late = pane if pane > first.stamp // self.config.pane else None
        messages = self._ready.setdefault((first.source, first.topic, request is None, late), _Messages())
        messages.values.append(paired(request, response))
        messages.written.append(first.written)
        messages.keys.append(first.message_key)
        both = first.headers if request is None or response is None else (*request.headers, *response.headers)
        messages.headers.append(both)
        messages.places.append(first.place)

    def _out(self, last: Chunk) -> list[RawBatch | PairsTold]:
        """What is ready; the last of it tells how far all have come, for each is judged by what was told before."""
        state, ready = self.state, self._ready
        self._ready = {}
        floor, over = self._floor(), state.clocks.all_ended and not state.ended
        origin = Origin(
            last.origin.topic,
            self.shard,
            SHARDS,
            feed=PAIRS,
            census=last.origin.census,
            complete_until=last.origin.complete_until,
            account=PAIRS,
        )
        found: list[RawBatch | PairsTold] = [
            self._batch(origin, key, messages, last.received) for key, messages in ready.items()
        ]
        if found or state.count != self._waiting:
            self._waiting = state.count
            found.append(PairsTold(self.shard, dict(state.pairs), dict(state.alone), state.count))
        if over or (floor is not None and self._is_news(floor, origin.complete_until)):
            state.ended = state.ended or over
            end = replace(origin, ended=over)
            found.append(RawBatch(end, (), (), PairEnvelopes((), (), ()), last.received, paired=Paired(floor)))
        return found

    def _batch(
        self, origin: Origin, key: tuple[int, str, bool, int | None], messages: _Messages, received: int
    ) -> RawBatch:
        source, topic, bare, late = key
        return RawBatch(
            replace(origin, topic=topic, account=f"{PAIRS}/{topic}"),
            messages.values,
            messages.written,
            PairEnvelopes(messages.keys, messages.headers, messages.places),
            received,
            source,
            None,
            Paired(None, None if late is None else late * self.config.pane, bare, messages.places),
        )

    def _floor(self) -> int | None:
        """The time (ms) before which nothing more comes out; None while that is unknown."""
        clocks = self.state.clocks
        mark, oldest = clocks.closed, self._oldest()
        if clocks.all_ended:
            return max(clocks.floors.values(), default=mark)
        if mark is None or oldest is None:
            return mark
        return min(mark, oldest.known)

    def _is_news(self, floor: int, complete: int | None) -> bool:
        """Whether the watermark behind may move: within a pane it does not."""
        pane = floor // self.config.pane
        now = (pane, None if complete is None else min(pane, complete // self.config.pane))
        if now == self._told:
            return False
        self._told = now
        return True


def _unpacked(packed: bytes) -> dict[str, list[tuple[int, Half]]]:
    """What waits, out of a saved state."""
    found: dict[str, list[tuple[int, list[Any]]]] = msgspec.msgpack.decode(packed)
    return {key: [(number, _half(given)) for number, given in held] for key, held in found.items()}


def _half(given: list[Any]) -> Half:
    half = Half._make(given)
    return half._replace(
        place=(half.place[0], half.place[1]), headers=tuple((name, held) for name, held in half.headers)
    )


def _size(half: Half) -> int:
    """About the bytes that a half holds: headers are short, and measuring each would cost more than all else here."""
    return len(half.body) + len(half.about) + HEADER * len(half.headers)
