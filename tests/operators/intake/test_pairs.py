"""Requests and responses that are messages of their own: each pair is one record, and nothing is lost or late."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from factories import START

from operators.dead_letters import Reason
from operators.intake.halves import Halve
from operators.intake.pairs import Pairs, PairsConfig, PairsState, PairsTold
from operators.records import PAIRS, SHARDS, Origin, RawBatch
from operators.settings.source import SourceSettings
from operators.step import read_snapshot, snapshot_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from operators.intake.halves import Halved
    from operators.records import Headers

PANE, LATENESS, WAIT = 1_000, 500, 2_000
SOURCE = SourceSettings.model_validate({"topic": "logs", "preset": "kserve", "pair": {"wait": "2s"}})
HALVE = Halve({0: SOURCE}, LATENESS, 60_000)
Said = tuple[str, bool, int]
"""Id, whether it is the response, time (ms after START)."""


class Read:
    """Envelopes of events in binary mode."""

    def __init__(self, said: Sequence[Said], first: int = 0) -> None:
        self._said = said
        self._first = first

    def key(self, index: int) -> bytes | None:
        """The id."""
        return self._said[index][0].encode()

    def headers(self, index: int) -> Headers:
        """Id, type and time."""
        ident, answers, at = self._said[index]
        kind = "response" if answers else "request"
        seconds, ms = divmod(START + at, 1_000)
        time = f"{_utc(seconds)}.{ms:03}Z".encode()
        named = (("ce_id", ident.encode()), ("ce_time", time), ("ce_inferenceservicename", b"click"))
        return (*named, ("ce_type", f"org.kubeflow.serving.inference.{kind}".encode()))

    def offset(self, index: int) -> int:
        """In order."""
        return self._first + index


def _utc(seconds: int) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%M:%S}"


def batch(said: Sequence[Said], partition: int = 0, partitions: int = 1, **origin: Any) -> RawBatch:
    """Messages of one partition."""
    bodies = [b'{"predictions": [0.5]}' if answers else b'{"instances": [{"age": 3}]}' for _, answers, _ in said]
    written = [START + at for _, _, at in said]
    here = Origin("logs", partition, partitions, halves=(("logs", partitions),), census=((PAIRS, SHARDS),), **origin)
    return RawBatch(here, bodies, written, Read(said), START + 3_600_000, 0)


class Rooms:
    """All shards, with what came out of them."""

    def __init__(self, most: int = 1_000, wait: int = WAIT) -> None:
        self.config = PairsConfig(PANE, {0: wait}, most)
        self.shards = {str(shard): Pairs(self.config, shard, PairsState()) for shard in range(SHARDS)}
        self.out: list[RawBatch] = []
        self.told: dict[int, PairsTold] = {}

    def __call__(self, read: RawBatch) -> Halved:
        """Take a batch."""
        halved = HALVE(read)
        for name, chunk in halved.chunks:
            for item in self.shards[name]([chunk]):
                if isinstance(item, RawBatch):
                    self.out.append(item)
                else:
                    self.told[item.shard] = item
        return halved

    def crash(self) -> None:
        """Every shard goes on from its snapshot."""
        for name, shard in self.shards.items():
            _, state = read_snapshot("pair", snapshot_of("pair", name, shard.saved))
            self.shards[name] = Pairs(self.config, shard.shard, state)

    def records(self) -> list[dict[str, Any]]:
        """Everything that came out, late or not."""
        found = []
        for one in self.out:
            for value in one.values:
                assert value is not None
                assert one.paired is not None
                found.append({**msgspec.json.decode(value), "late": one.paired.known is not None})
        return sorted(found, key=str)

    def pairs(self) -> int:
        """How many were paired."""
        return sum(sum(told.pairs.values()) for told in self.told.values())

    def alone(self) -> Counter[tuple[str, str]]:
        """How many went alone: (half, reason)."""
        found: Counter[tuple[str, str]] = Counter()
        for told in self.told.values():
            for (_, half, reason), count in told.alone.items():
                found[half, reason] += count
        return found


@pytest.mark.parametrize("first", [False, True], ids=["request first", "response first"])
def test_two_halves_of_one_id_are_one_record(first: bool) -> None:
    """At the time of the request, with the latency between them, whichever came first."""
    rooms = Rooms()
    rooms(batch([("a", first, 37 if first else 0), ("a", not first, 0 if first else 37)]))
    (record,) = rooms.records()
    assert record == {
        "prediction_id": "a",
        "model": "click",
        "timestamp": START,
        "latency_ms": 37.0,
        "request": {"instances": [{"age": 3}]},
        "response": {"predictions": [0.5]},
        "late": False,
    }
    assert (rooms.pairs(), rooms.alone()) == (1, Counter())


def test_what_waits_holds_the_watermark_until_its_time_is_over() -> None:
    """Nothing comes out below what was promised; a half whose other one never comes goes alone, and is counted."""
    rooms = Rooms()
    rooms(batch([("a", False, 100), ("b", True, 1_300), ("c", False, 1_400), ("c", True, 1_500)]))
    rooms(batch([("d", False, 2_400), ("d", True, 2_500)]))
    floors = [one.paired.floor for one in rooms.out if one.paired is not None and one.paired.floor is not None]
    assert {record["prediction_id"] for record in rooms.records()} == {"c", "d"}
    assert max(floors) == START + 2_000
    assert min(one.paired.floor for one in _last(rooms.out) if one.paired and one.paired.floor) == START + 100
    rooms(batch([("e", False, 2_600), ("e", True, 2_600)]))
    assert not rooms.alone()
    rooms(batch([("f", False, 2_700), ("f", True, 2_700)]))
    assert rooms.alone() == {("request", "alone"): 1}
    rooms(batch([("g", False, 9_000), ("g", True, 9_000)]))
    assert rooms.alone() == {("request", "alone"): 1, ("response", "alone"): 1}
    assert not any(record["late"] for record in rooms.records())
    _check_promises(rooms.out)


def _last(out: Iterable[RawBatch]) -> list[RawBatch]:
    """The last word of each shard."""
    found = {one.origin.partition: one for one in out if one.paired is not None and one.paired.floor is not None}
    return list(found.values())


def _check_promises(out: Sequence[RawBatch]) -> None:
    """No record that is not late lies before a pane that its shard had closed."""
    floors: dict[int, int] = {}
    for one in out:
        assert one.paired is not None
        shard = one.origin.partition
        for value in one.values:
            assert value is not None
            stamp = msgspec.json.decode(value)["timestamp"]
            late = stamp // PANE < floors.get(shard, 0) // PANE
            assert late <= (one.paired.known is not None)
        if one.paired.floor is not None:
            assert one.paired.floor >= floors.get(shard, 0)
            floors[shard] = one.paired.floor


def test_halves_too_far_apart_are_no_pair() -> None:
    """However long either one was kept: what is found depends on times alone."""
    rooms = Rooms()
    rooms(batch([("a", False, 0), ("a", True, WAIT + 1)]))
    rooms(batch([], ended=True))
    assert (rooms.pairs(), rooms.alone()) == (0, {("request", "alone"): 1, ("response", "alone"): 1})


def test_the_same_pairs_come_out_in_any_interleaving_and_after_crashes() -> None:
    """Partitions read in another order, in other batches, with crashes between: the same records, late or not."""
    luck = random.Random(5)
    lanes: list[list[Said]] = [[], [], []]
    for number in range(600):
        at = number * 20 + luck.randrange(40)
        if luck.random() < 0.03:
            at = max(0, at - luck.choice([700, 3_000]))
        took = luck.choice([3, 40, 900, 1_990, 2_100])
        halves = [(f"i{number}", False, at), (f"i{number}", True, at + took)]
        kept = halves if luck.random() > 0.1 else [luck.choice(halves)]
        for half in kept:
            luck.choice(lanes).append(half)
    for lane in lanes:
        lane.sort(key=lambda half: half[2] + (0 if hash_of(half) % 20 else 1_500))
    seen = []
    for seed in (1, 2, 3):
        order = random.Random(seed)
        rooms, left = Rooms(), [list(lane) for lane in lanes]
        while any(left):
            number = order.choice([at for at, lane in enumerate(left) if lane])
            size = order.randrange(1, 60)
            some, left[number] = left[number][:size], left[number][size:]
            rooms(batch(some, number, 3, ended=not left[number]))
            if order.random() < 0.2:
                rooms.crash()
        _check_promises(rooms.out)
        assert rooms.pairs() > 200
        seen.append((rooms.records(), rooms.pairs(), rooms.alone()))
    assert seen[0] == seen[1] == seen[2]
    assert any(record["late"] for record in seen[0][0])


def hash_of(half: Said) -> int:
    """The same in every process."""
    return sum(half[0].encode()) + half[2]


def test_more_than_may_wait_go_alone_oldest_first() -> None:
    """Their number is bounded, and what is let go is counted by why."""
    rooms = Rooms(most=5)
    rooms(batch([(f"i{number}", False, number) for number in range(200)]))
    waiting = sum(told.waiting for told in rooms.told.values())
    assert waiting == 5 * SHARDS
    assert rooms.alone() == {("request", "full"): 200 - waiting}
    times = [record["timestamp"] - START for record in rooms.records()]
    assert max(times) < 195


def test_a_source_that_does_not_pair_waits_for_nothing() -> None:
    """Each half counts at once, and by itself."""
    rooms = Rooms(wait=0)
    rooms(batch([("a", False, 0), ("a", True, 5)]))
    assert len(rooms.records()) == 2
    assert rooms.alone() == {("request", "unpaired"): 1, ("response", "unpaired"): 1}


def test_what_is_neither_is_skipped_and_what_cannot_be_read_is_a_dead_letter() -> None:
    """Other events are left out; no id, no type, a broken body and an impossible time are told."""
    good = Read([("a", False, 0)] * 8)
    headers = [
        good.headers(0),
        (("ce_type", b"org.kubeflow.serving.inference.explain"), ("ce_id", b"x")),
        (("ce_type", b"org.kubeflow.serving.inference.request"),),
        (),
        good.headers(0),
        ((*good.headers(0)[:1], *good.headers(0)[2:], ("ce_time", b"yesterday"))),
        ((*good.headers(0)[:1], *good.headers(0)[2:], ("ce_time", b"2099-01-01T00:00:00Z"))),
        good.headers(0),
    ]

    class Given(Read):
        def headers(self, index: int) -> Headers:
            return headers[index]

    values = [b'{"instances": [[1]]}'] * 8
    values[4] = b'{"instances": '
    values[7] = b""
    raw = replace(batch([("a", False, 0)] * 8), values=values, envelopes=Given([("a", False, 0)] * 8))
    rest = HALVE(raw).rest
    assert rest.skipped == 1
    assert [letter.reason for letter in rest.dead] == [
        Reason.BAD_FORMAT,
        Reason.BAD_FORMAT,
        Reason.BROKEN_JSON,
        Reason.BAD_TIMESTAMP,
        Reason.TIMESTAMP_AHEAD,
        Reason.EMPTY,
    ]
    assert [letter.offset for letter in rest.dead] == [2, 3, 4, 5, 6, 7]
