"""A shard is made again out of its log: what it held at a commit, whatever lives and disks were lost on the way."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest

from operators.join.changelog import Record, decode, encode
from stream.state.directory import StateError
from stream.state.logged_store import LoggedStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from operators.join.store import Bucket

SHARD = 3
BUCKETS: list[Bucket] = [(3_600_000, 0), (3_600_000, 1), (60_000, 7)]
KEYS = [number.to_bytes(8, "big") for number in range(40)]
DAY = 86_400_000
Held = dict[tuple[str, "Bucket", bytes], bytes]


class Journal:
    """A log in memory, as bytes; what is not settled is lost with the process."""

    name, identity = "changelog", "cluster/topic/8"

    def __init__(self, copy_after: int = DAY) -> None:
        self.copy_after = copy_after
        self.messages: list[bytes] = []
        self._open: list[bytes] = []

    def write(self, record: Record) -> None:
        """Hand over."""
        self._open.append(encode(record))

    def settle(self) -> None:
        """All are there."""
        self.messages += self._open
        self._open = []

    def read(self, shard: int) -> Iterator[Record]:
        """All of a shard."""
        return (record for record in map(decode, list(self.messages)) if record.shard == shard)


class Quiet:
    """Nobody listens."""

    def send(self, report: object) -> None:
        """Nothing."""


def opened(directory: Path, log: Journal) -> LoggedStore:
    """The store on a disk."""
    return LoggedStore(directory, SHARD, Quiet(), log)


def held(store: LoggedStore) -> Held:
    """All that a store holds."""
    found: Held = {}
    for bucket in BUCKETS:
        for name, ask in (("stubs", store.stubs), ("histories", store.histories)):
            for key, value in zip(KEYS, ask(KEYS, [bucket]), strict=True):
                if value is not None:
                    found[name, bucket, key] = value
    return found


def put(store: LoggedStore, chance: random.Random, held: Held, number: int) -> None:
    """Put some values into the store and into what it should hold."""
    for _ in range(chance.randrange(4)):
        name, bucket = chance.choice(("stubs", "histories")), chance.choice(BUCKETS)
        keys = chance.sample(KEYS, chance.randrange(1, 10))
        # A stub is the same whenever it is put: the same record gives the same bytes.
        values = [b"stub of " + key if name == "stubs" else b"%d: %s" % (number, key) for key in keys]
        (store.put_stubs if name == "stubs" else store.put_histories)(bucket, keys, values)
        held |= {(name, bucket, key): value for key, value in zip(keys, values, strict=True)}


def histories(found: Held) -> Held:
    """Those alone: stubs that a voided commit put may be there, and are put again."""
    return {place: value for place, value in found.items() if place[0] == "histories"}


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_lost_the_store_is_what_it_was_at_the_snapshot(tmp_path: Path, seed: int) -> None:
    """Commits, crashes that void some of them, lost disks, late words of former lives; against a plain dictionary."""
    chance = random.Random(seed)
    log = Journal(copy_after=chance.choice((DAY, 0)))
    disk, number = tmp_path / "disk-0", 0
    snapshots: dict[int, Held] = {0: {}}
    snapshot = 0
    late: list[bytes] = []
    for life in range(8):
        store = opened(disk, log)
        store.rewind(snapshot or None)
        expected = dict(snapshots[snapshot])
        assert histories(held(store)) == histories(expected)
        assert held(store).items() >= expected.items()
        log.messages += late
        for sequence in range(snapshot + 1, snapshot + 1 + chance.randrange(1, 8)):
            number += 1
            put(store, chance, expected, number)
            store.commit(sequence)
            snapshots[sequence] = dict(expected)
            if chance.random() < 0.7:
                snapshot = sequence
        void = Record(SHARD, f"{life}", "commit", snapshot + 1, values=[])
        late = [log.messages[-1], encode(void)] if chance.random() < 0.3 else []
        store.close()
        if chance.random() < 0.5:
            disk = tmp_path / f"disk-{life + 1}"
    shutil.rmtree(disk, ignore_errors=True)
    last = opened(disk, log)
    last.rewind(snapshot or None)
    assert histories(held(last)) == histories(snapshots[snapshot])
    last.close()


def filled(log: Journal, disk: Path, commits: int) -> Held:
    """A store with some commits."""
    store, expected = opened(disk, log), Held()
    store.rewind(None)
    for sequence in range(1, commits + 1):
        put(store, random.Random(sequence), expected, sequence)
        store.commit(sequence)
    store.close()
    return expected


def test_the_log_may_lose_its_beginning_once_there_is_another_copy(tmp_path: Path) -> None:
    """Topics forget: what is read begins with the first whole copy that is left."""
    log = Journal(copy_after=-1)
    expected = filled(log, tmp_path / "a", 9)
    del log.messages[: len(log.messages) // 2]
    store = opened(tmp_path / "b", log)
    store.rewind(9)
    assert held(store) == expected
    assert (store.oldest, store.sequence) == (9, 9)
    store.close()


@pytest.mark.parametrize(
    ("gone", "why"),
    [
        (slice(0, 1), "no whole copy"),
        (slice(4, 5), "no whole copy"),
        (slice(9, None), "up to commit 8, and the snapshot was made at commit 9"),
        (slice(0, None), "among 0 records"),
    ],
    ids=["the copy", "a commit", "the end", "all"],
)
def test_a_log_that_lacks_something_is_refused(tmp_path: Path, gone: slice, why: str) -> None:
    """With words, and never a store that holds less than it did."""
    log = Journal()
    filled(log, tmp_path / "a", 9)
    del log.messages[gone]
    store = opened(tmp_path / "b", log)
    with pytest.raises(StateError, match=why):
        store.rewind(9)
    store.close()


def test_a_log_begins_with_what_a_store_held_before_there_was_one(tmp_path: Path) -> None:
    """A changelog is named later, or another one: the next start copies all."""
    expected = filled(Journal(), tmp_path / "a", 5)
    other = Journal()
    other.identity = "cluster/another/8"
    store = opened(tmp_path / "a", other)
    store.rewind(5)
    store.close()
    again = opened(tmp_path / "b", other)
    again.rewind(5)
    assert held(again) == expected
    again.close()


def test_a_store_with_its_disk_reads_no_log(tmp_path: Path) -> None:
    """And says where its new life begins, without another copy."""
    log = Journal()
    expected = filled(log, tmp_path / "a", 5)
    before = len(log.messages)
    store = opened(tmp_path / "a", log)
    store.rewind(4)
    assert [decode(message).kind for message in log.messages[before:]] == ["begin"]
    store.rewind(None)
    assert held(store) == {}
    assert held(store) != expected
    store.close()


def test_many_values_are_many_records(tmp_path: Path) -> None:
    """Topics take messages of a megabyte: a commit of more has parts, and counts when all are there."""
    log = Journal()
    store = opened(tmp_path / "a", log)
    store.rewind(None)
    keys = [number.to_bytes(8, "big") for number in range(30_000)]
    store.put_stubs(BUCKETS[0], keys, [key * 8 for key in keys])
    store.commit(1)
    store.close()
    records = [decode(message) for message in log.messages]
    assert max(map(len, log.messages)) < 1_000_000
    assert [record.part for record in records[1:]] == list(range(len(records) - 1))
    assert [record.last for record in records[1:]] == [False] * (len(records) - 2) + [True]
    torn = Journal()
    torn.messages = log.messages[:2] + log.messages[3:]
    again = opened(tmp_path / "b", log)
    again.rewind(1)
    assert again.stubs(keys, [BUCKETS[0]]) == [key * 8 for key in keys]
    again.close()
    third = opened(tmp_path / "c", torn)
    with pytest.raises(StateError, match="commit 0"):
        third.rewind(1)
    third.close()
