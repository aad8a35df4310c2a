import hashlib
import itertools
import multiprocessing
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rocksdict import Options, Rdict
from waiting import GUARD

from operators.join.store import Bucket, JoinStore
from stream.state import rocks_table
from stream.state.directory import StateError
from stream.state.lock import StateInUseError
from stream.state.rocks_commits import Before
from stream.state.rocks_store import RocksStore
from stream.state.rocks_table import LARGE

SPAWN = multiprocessing.get_context("spawn")
HOUR = (3_600_000, 0)
NEXT_HOUR = (3_600_000, 1)


def key(number: int) -> bytes:
    """A key; neighbours in number are far apart in order."""
    return (number * 0x9E3779B97F4A7C15 % (1 << 64)).to_bytes(8, "big")


def keys(count: int, first: int = 0) -> list[bytes]:
    """As many keys."""
    return [key(number) for number in range(first, first + count)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RocksStore]:
    """A store of shard 3 that can take three commits back."""
    store = RocksStore(tmp_path, 3, reach=3)
    yield store
    store.close()


# Putting and asking


def test_it_is_a_join_store(store: RocksStore) -> None:
    """Its methods have the signatures that the join was written against."""
    checked: JoinStore = store
    assert checked.stubs([], []) == []


def test_what_is_put_is_seen_at_once_and_after_the_commit(store: RocksStore) -> None:
    """Stubs and histories of one key are apart."""
    for _ in range(2):
        store.put_stubs(HOUR, [key(1)], [b"stub"])
        store.put_histories(HOUR, [key(1)], [b"history"])
        assert store.stubs(keys(3), [HOUR]) == [None, b"stub", None]
        assert store.histories(keys(3), [HOUR]) == [None, b"history", None]
        store.commit(store.sequence + 1)
    assert store.stubs([key(1)], [NEXT_HOUR]) == [None]


@pytest.mark.parametrize("count", [LARGE - 1, LARGE], ids=["with the batch", "as a file"])
def test_of_two_values_of_a_key_the_later_counts(store: RocksStore, count: int) -> None:
    """Within a commit and over commits, whichever way they are taken in."""
    for turn, small in itertools.product(range(3), [True, False]):
        asked = keys(1) if small else keys(count)
        for text in ("former", "later"):
            value = f"{text} {turn} {small}".encode()
            store.put_stubs(HOUR, asked, [value] * len(asked))
            store.put_histories(HOUR, asked, [value] * len(asked))
        store.commit(store.sequence + 1)
        assert store.stubs(asked, [HOUR]) == [value] * len(asked)
        assert store.histories(asked, [HOUR]) == [value] * len(asked)


def test_the_first_bucket_that_has_a_key_wins(store: RocksStore) -> None:
    """Wherever the others have it: in the database, or put since the last commit."""
    store.put_stubs(HOUR, [key(1)], [b"stored"])
    store.commit(1)
    store.put_stubs(NEXT_HOUR, keys(3), [b"put 0", b"put 1", b"put 2"])
    assert store.stubs(keys(4), [HOUR, NEXT_HOUR]) == [b"put 0", b"stored", b"put 2", None]
    assert store.stubs(keys(4), [NEXT_HOUR, HOUR]) == [b"put 0", b"put 1", b"put 2", None]


def test_a_key_may_be_asked_for_twice_and_in_any_order(store: RocksStore) -> None:
    """Answers come in the order of the question."""
    numbers = [5, 3, 5, 9, 0, 3]
    store.put_stubs(HOUR, keys(8), [b"%d" % number for number in range(8)])
    store.commit(1)
    expected = [b"5", b"3", b"5", None, b"0", b"3"]
    assert store.stubs([key(number) for number in numbers], [NEXT_HOUR, HOUR]) == expected


def test_keys_and_values_come_in_pairs(store: RocksStore) -> None:
    """Otherwise the error says how many there were."""
    with pytest.raises(ValueError, match="2 keys with 1 values"):
        store.put_stubs(HOUR, keys(2), [b"one"])


def test_keys_are_8_bytes(store: RocksStore) -> None:
    """They are sorted as numbers."""
    with pytest.raises(ValueError, match="8 bytes"):
        store.stubs([bytes(16)], [HOUR])


def test_a_commit_has_a_number_of_its_own(store: RocksStore) -> None:
    """A former number would make the undo records lie."""
    store.commit(1)
    with pytest.raises(ValueError, match="commit 1 after commit 1"):
        store.commit(1)


def test_an_empty_commit_counts(tmp_path: Path) -> None:
    """A snapshot may be made at it."""
    store = RocksStore(tmp_path, 0)
    for number in range(1, 4):
        store.commit(number)
    store.close()
    store = RocksStore(tmp_path, 0)
    store.rewind(3)
    assert store.sequence == 3
    store.close()


def test_its_size_is_known(store: RocksStore) -> None:
    """Records by kind, bytes on disk, and what is pending."""
    before = store.size
    store.put_stubs(HOUR, keys(5_000), [b"s" * 40] * 5_000)
    store.put_histories(HOUR, keys(50), [b"h" * 40] * 50)
    assert store.size.pending == 5_050
    store.commit(1)
    size = store.size
    assert (size.stubs, size.histories, size.pending) == (5_000, 50, 0)
    assert size.disk - before.disk > 5_000 * 8


def test_two_shards_keep_apart(tmp_path: Path) -> None:
    """One directory, one process, the same keys."""
    stores = [RocksStore(tmp_path, shard) for shard in range(2)]
    for number, store in enumerate(stores):
        store.put_stubs(HOUR, keys(1), [b"%d" % number])
        store.commit(1 + number)
    assert [store.stubs(keys(1), [HOUR]) for store in stores] == [[b"0"], [b"1"]]
    assert [store.sequence for store in stores] == [1, 2]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["shard-00", "shard-01"]
    for store in stores:
        store.close()


def test_thin_traffic_makes_no_column_families(tmp_path: Path) -> None:
    """Buckets of a few records share one; a bucket that grows large gets its own, and keeps what it held."""
    store = RocksStore(tmp_path, 0)
    for number in range(50):
        store.put_stubs((1_000, number), keys(3, number), [b"thin"] * 3)
        store.commit(number + 1)
    store.close()
    names = Rdict.list_cf(str(tmp_path / "shard-00"))
    assert not [name for name in names if name.startswith("stubs-1000")]
    store = RocksStore(tmp_path, 0)
    store.put_stubs((1_000, 7), keys(LARGE, 100), [b"many"] * LARGE)
    store.commit(51)
    assert store.stubs(keys(3, 7), [(1_000, 7)]) == [b"thin"] * 3
    assert store.stubs(keys(2, 100), [(1_000, 7)]) == [b"many"] * 2
    assert store.stubs(keys(3, 49), [(1_000, 49)]) == [b"thin"] * 3
    store.close()
    assert "stubs-1000-7" in Rdict.list_cf(str(tmp_path / "shard-00"))


def test_a_store_of_the_former_format_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had a column family for every bucket, however small."""
    with monkeypatch.context() as former:
        former.setattr("stream.state.rocks_commits.FORMAT", 1)
        former.setattr("stream.state.rocks_table.LARGE", 1)
        store = RocksStore(tmp_path, 0)
        store.put_stubs(HOUR, keys(3), [b"former"] * 3)
        store.commit(1)
        store.close()
    store = RocksStore(tmp_path, 0)
    store.put_stubs(HOUR, keys(3, 2), [b"later"] * 3)
    store.commit(2)
    assert store.stubs(keys(5), [HOUR]) == [b"former"] * 2 + [b"later"] * 3
    store.close()


# Against a model

KEYS = keys(8)
SPANS = (100, 250)
TIMES = st.sampled_from([(span, index) for span in SPANS for index in range(4)])
VALUES = st.dictionaries(st.sampled_from(KEYS), st.binary(max_size=3), min_size=1, max_size=len(KEYS))
REACH = 4
Model = dict[tuple[Bucket, bytes], bytes]


class Disturbed(RuleBasedStateMachine):
    """A store against plain dictionaries: of stubs, and of histories as they were at each commit."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.store = RocksStore(self.directory, 0, reach=REACH)
        self.emptied()

    def emptied(self) -> None:
        """Nothing was ever kept."""
        self.stubs: Model = {}
        self.histories: list[Model] = [{}]
        self.expired = [0]
        self.oldest = 0
        self.back()

    def back(self) -> None:
        """Nothing is pending."""
        self.new_stubs: Model = {}
        self.new_histories = dict(self.histories[-1])
        self.new_expired = self.expired[-1]

    def lives(self, bucket: Bucket) -> bool:
        """Whether the join would still ask there."""
        span, index = bucket
        return (index + 1) * span > self.new_expired

    @initialize()
    def start(self) -> None:
        """Let some buckets be taken in as files."""
        rocks_table.LARGE = 4

    def teardown(self) -> None:
        """Leave nothing."""
        rocks_table.LARGE = LARGE
        self.store.close()
        shutil.rmtree(self.directory)

    @rule(bucket=TIMES, values=VALUES)
    def put_stubs(self, bucket: Bucket, values: dict[bytes, bytes]) -> None:
        """Put where nothing has expired."""
        if self.lives(bucket):
            self.store.put_stubs(bucket, list(values), list(values.values()))
            self.new_stubs |= {(bucket, name): value for name, value in values.items()}

    @rule(bucket=TIMES, values=VALUES, ask=st.booleans())
    def put_histories(self, bucket: Bucket, values: dict[bytes, bytes], ask: bool) -> None:
        """The same, with or without a look at what was there."""
        if self.lives(bucket):
            if ask:
                found = self.store.histories(list(values), [bucket])
                assert found == [self.new_histories.get((bucket, name)) for name in values]
            self.store.put_histories(bucket, list(values), list(values.values()))
            self.new_histories |= {(bucket, name): value for name, value in values.items()}

    @rule(before=st.integers(0, 600))
    def expire(self, before: int) -> None:
        """Expiry only ever goes on."""
        if before >= self.new_expired:
            self.store.expire(before)
            self.new_expired = before

    @rule()
    def commit(self) -> None:
        """All that was put counts."""
        self.store.commit(len(self.histories))
        self.stubs |= self.new_stubs
        self.histories.append(self.new_histories)
        self.expired.append(self.new_expired)
        self.oldest = max(self.oldest, len(self.histories) - 1 - REACH)
        self.back()

    @rule(data=st.data())
    def rewind(self, data: st.DataObject) -> None:
        """Histories and expiry as they were; stubs stay ahead."""
        to = data.draw(st.integers(self.oldest, len(self.histories) - 1))
        self.store.rewind(to)
        del self.histories[to + 1 :], self.expired[to + 1 :]
        self.back()

    @precondition(lambda self: self.oldest > 0)
    @rule(data=st.data())
    def rewind_too_far(self, data: st.DataObject) -> None:
        """Refused, and nothing has changed but that what was pending is gone."""
        to = data.draw(st.integers(0, self.oldest - 1))
        with pytest.raises(StateError, match=rf"goes back to commit {self.oldest}, .* at commit {to}:"):
            self.store.rewind(to)
        self.back()

    @rule()
    def rewind_to_nothing(self) -> None:
        """As if nothing had ever been kept."""
        self.store.rewind(None)
        self.emptied()

    @rule()
    def reopen(self) -> None:
        """What was not committed is gone."""
        self.store.close()
        self.store = RocksStore(self.directory, 0, reach=REACH)
        self.back()

    @invariant()
    def answers(self) -> None:
        """All that has not expired is what the model says, in any order of the buckets."""
        stubs = self.stubs | self.new_stubs
        living = [(span, index) for span in SPANS for index in range(4) if self.lives((span, index))]
        for buckets in (living, living[::-1]):
            for ask, model in ((self.store.stubs, stubs), (self.store.histories, self.new_histories)):
                expected = [
                    next((model[bucket, name] for bucket in buckets if (bucket, name) in model), None) for name in KEYS
                ]
                assert ask(KEYS, buckets) == expected


Disturbed.TestCase.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAgainstAModel = Disturbed.TestCase


# kill -9

COMMITS = 24
REACH_OF_KILLED = 8


def buckets_at(number: int) -> list[Bucket]:
    """The buckets that live at a commit; a bucket lasts two commits."""
    return [(2, index) for index in range(number // 2, number // 2 + 4)]


def step(store: JoinStore, number: int) -> None:
    """What happens up to commit `number`: it depends on what was kept, so that an error would spread."""
    draw = random.Random(number)
    living = buckets_at(number)
    for kept in range(3):
        bucket = draw.choice(living)
        asked = keys(draw.choice([5, 200, LARGE]), draw.randrange(2_000))
        store.put_stubs(bucket, asked, [b"%d %d" % (number, kept)] * len(asked))
        found = store.histories(asked, living)
        changed = [hashlib.sha256((value or b"") + b"%d" % number).digest()[:9] for value in found]
        store.put_histories(bucket, asked, changed)
    store.expire(number)
    store.commit(number)


def digest(store: JoinStore, number: int) -> str:
    """All that is in effect at a commit."""
    answers = [store.histories(keys(4_000), [bucket]) for bucket in buckets_at(number + 1)]
    return hashlib.sha256(repr(answers).encode()).hexdigest()


def stubs_digest(store: JoinStore, number: int) -> str:
    """All stubs at a commit; these may be ahead after a kill, until the run has caught up."""
    answers = [store.stubs(keys(4_000), [bucket]) for bucket in buckets_at(number + 1)]
    return hashlib.sha256(repr(answers).encode()).hexdigest()


def work(directory: Path, resumed: int | None, channel: Any) -> None:
    """Go on from a snapshot to the end; report what is in effect then, and each commit.

    It is never more than two commits ahead of what was acknowledged.
    """
    store = RocksStore(directory, 0, reach=REACH_OF_KILLED)
    store.rewind(resumed)
    channel.send((resumed or 0, digest(store, resumed or 0)))
    for number in range((resumed or 0) + 1, COMMITS + 1):
        step(store, number)
        channel.send((number, ""))
        channel.recv()
    channel.send((COMMITS, digest(store, COMMITS) + stubs_digest(store, COMMITS)))
    store.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is in effect at each commit of an undisturbed run, and at its end with all stubs."""
    store = RocksStore(tmp_path_factory.mktemp("undisturbed"), 0)
    found = [digest(store, 0)]
    for number in range(1, COMMITS + 1):
        step(store, number)
        found.append(digest(store, number))
    found.append(found[-1] + stubs_digest(store, COMMITS))
    store.close()
    return found


@pytest.mark.parametrize("seed", range(3))
def test_no_kill_shows_in_what_is_in_effect(tmp_path: Path, undisturbed: list[str], seed: int) -> None:
    """Killed at random moments and resumed from snapshots a few commits old, it goes as if undisturbed.

    Each start finds what the undisturbed run had at that commit, and the end is the same.
    """
    draw = random.Random(seed)
    kills: list[int] = []
    resumed: int | None = None
    while True:
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=work, args=(tmp_path, resumed, theirs), daemon=True)
        process.start()
        theirs.close()
        done, found = ours.recv()
        assert found == undisturbed[done], f"resumed at {resumed}, killed at {kills}"
        last = min(COMMITS, done + draw.randrange(1, 10))
        while done < last:
            ours.send("go on") if done != (resumed or 0) else None
            done, _ = ours.recv()
        if done == COMMITS:
            break
        ours.send("go on")
        ours.poll(draw.uniform(0, 0.06))  # at any moment of the next commit, or just after it
        process.kill()
        process.join()
        kills.append(done)
        resumed = max(1, done - draw.randrange(4))
    ours.send("go on")
    assert ours.recv() == (COMMITS, undisturbed[-1]), f"killed at {kills}"
    process.join()
    assert len(kills) > 2


def test_half_a_commit_takes_no_effect(tmp_path: Path) -> None:
    """Not even for one who does not rewind: histories that were taken in before the number of the commit."""
    store = RocksStore(tmp_path, 0)
    store.put_histories(HOUR, keys(LARGE), [b"former"] * LARGE)
    store.commit(1)
    asked = keys(LARGE + 1)
    former = store.histories(asked, [HOUR])
    store._log.prepare(2, [Before(*HOUR, asked, former)])
    store._histories._ingest(store._histories._families[HOUR], dict.fromkeys(asked, b"half"))
    store.close()
    store = RocksStore(tmp_path, 0)
    assert store.histories(asked, [HOUR]) == [b"former"] * LARGE + [None]
    store.close()


def test_a_file_left_by_a_kill_is_not_written_over(tmp_path: Path) -> None:
    """Killed while it takes a file in, RocksDB leaves it with two names; through the old one data would be lost."""
    store = RocksStore(tmp_path, 0)
    store.put_stubs(HOUR, keys(LARGE), [b"former"] * LARGE)
    store.commit(1)
    (taken_in,) = [path for path in (tmp_path / "shard-00").glob("*.sst") if path.stat().st_size > LARGE * 8]
    (tmp_path / "shard-00/incoming/stubs.sst").hardlink_to(taken_in)
    store.put_stubs(HOUR, keys(LARGE, LARGE), [b"later"] * LARGE)
    store.commit(2)
    store.close()
    store = RocksStore(tmp_path, 0)
    assert store.stubs(keys(2 * LARGE), [HOUR]) == [b"former"] * LARGE + [b"later"] * LARGE
    store.close()


# Going back


def test_rewinding_further_than_it_remembers_says_what_to_do(store: RocksStore) -> None:
    """The commits it reaches, the one that was asked for, and the ways out."""
    for number in range(1, 6):
        store.commit(number)
    with pytest.raises(StateError, match=r"shard-03: goes back to commit 2, .* at commit 1: .* restore .* or start"):
        store.rewind(1)
    store.rewind(2)


def test_a_store_behind_the_snapshot_is_refused(store: RocksStore) -> None:
    """Labels that were matched would be matched again: it was removed, or is an older copy."""
    store.commit(1)
    with pytest.raises(StateError, match=r"shard-03: ends at commit 1, .* at commit 2: .* restore .* or start"):
        store.rewind(2)


def test_numbers_go_on_after_a_rewind(store: RocksStore) -> None:
    """The same numbers stand for new commits, and can be taken back again."""
    for value in (b"one", b"two"):
        store.put_histories(HOUR, keys(1), [value])
        store.commit(store.sequence + 1)
    for value in (b"again", b"once more"):
        store.rewind(1)
        assert store.histories(keys(1), [HOUR]) == [b"one"]
        store.put_histories(HOUR, keys(1), [value])
        store.commit(2)
        assert store.histories(keys(1), [HOUR]) == [value]


def test_what_was_taken_back_is_forgotten(tmp_path: Path) -> None:
    """A record of a commit that has not been must not be played back in the name of the one that took its number."""
    store = RocksStore(tmp_path, 0)
    for number in range(1, 4):
        store.put_histories(HOUR, keys(1), [b"former %d" % number])
        store.commit(number)
    store.rewind(1)
    store.put_histories(HOUR, keys(1), [b"later 2"])
    store.commit(2)
    store.commit(3)
    store.close()
    store = RocksStore(tmp_path, 0)
    store.rewind(2)
    assert store.histories(keys(1), [HOUR]) == [b"later 2"]
    store.close()


def test_a_rewind_does_not_reach_further_after_another(store: RocksStore) -> None:
    """The records it would need are gone since the first time the numbers came so far."""
    for number in range(1, 7):
        store.put_histories(HOUR, keys(1), [b"%d" % number])
        store.commit(number)
    store.rewind(3)
    store.commit(4)
    with pytest.raises(StateError, match="goes back to commit 3,"):
        store.rewind(2)


# Expiry


def test_disk_space_comes_back(store: RocksStore) -> None:
    """Once the expiry is out of reach; until then a rewind still finds all of it."""
    draw = random.Random(1)
    for number in range(1, 6):
        store.put_stubs(HOUR, keys(5_000, number * 5_000), [draw.randbytes(40) for _ in range(5_000)])
        store.put_histories(HOUR, keys(100, number * 100), [b"history"] * 100)
        store.commit(number)
    held = store.size
    assert (held.stubs, held.histories) == (25_000, 500)
    store.expire(HOUR[0])
    for number in range(6, 9):
        store.commit(number)
        assert store.size.stubs == 25_000
    store.rewind(5)
    assert None not in store.stubs(keys(25_000, 5_000), [HOUR])
    store.expire(HOUR[0])
    for number in range(6, 10):
        store.commit(number)
    assert store.stubs(keys(25_000, 5_000), [HOUR]) == [None] * 25_000
    assert (store.size.stubs, store.size.histories) == (0, 0)
    assert held.disk - store.size.disk > 25_000 * 40


def test_an_expiry_can_be_taken_back(store: RocksStore) -> None:
    """What had not expired at the commit gone back to stays, however many commits follow."""
    store.put_stubs(HOUR, keys(9), [b"value"] * 9)
    store.commit(1)
    store.expire(HOUR[0])
    store.commit(2)
    store.rewind(1)
    for number in range(2, 9):
        store.commit(number)
    assert store.stubs(keys(9), [HOUR]) == [b"value"] * 9


def test_what_comes_after_the_expiry_goes_the_same_way(store: RocksStore) -> None:
    """A prediction that is late by its whole time to live opens its bucket anew, for the reach of a rewind."""
    store.expire(HOUR[0])
    store.commit(1)
    store.put_stubs(HOUR, keys(9), [b"late"] * 9)
    for number in range(2, 6):
        assert store.stubs(keys(1), [HOUR]) == [b"late"]
        store.commit(number)
    assert store.stubs(keys(1), [HOUR]) == [None]


def test_expiry_is_remembered_over_a_restart(tmp_path: Path) -> None:
    """A process that never lives long still gives the space back."""
    store = RocksStore(tmp_path, 0, reach=3)
    store.put_stubs(HOUR, keys(9), [b"value"] * 9)
    store.put_stubs(NEXT_HOUR, keys(9), [b"next"] * 9)
    store.expire(HOUR[0])
    for number in range(1, 5):
        store.commit(number)
        store.close()
        store = RocksStore(tmp_path, 0, reach=3)
    assert store.stubs(keys(1), [HOUR]) == [None]
    assert store.stubs(keys(1), [NEXT_HOUR]) == [b"next"]
    store.close()


# Directories


def hold(directory: Path, channel: Any) -> None:
    """Hold a shard until killed."""
    store = RocksStore(directory, 0)
    channel.send(store.sequence)
    channel.recv()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Any]:
    """Another process that has shard 0 open."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=hold, args=(tmp_path, theirs), daemon=True)
    process.start()
    assert ours.poll(GUARD)
    ours.recv()
    yield process
    process.kill()
    process.join()


def test_a_shard_that_is_open_elsewhere_is_refused(tmp_path: Path, holder: Any) -> None:
    """In one line that names it."""
    assert holder.is_alive()
    with pytest.raises(StateInUseError, match=rf"{tmp_path}/shard-00: another process has this part"):
        RocksStore(tmp_path, 0, patience=0.0)


def test_it_waits_for_the_process_that_had_the_shard(tmp_path: Path, holder: Any) -> None:
    """Killed -9, it leaves no lock."""
    holder.kill()
    store = RocksStore(tmp_path, 0)
    assert store.sequence == 0
    store.close()


def test_the_directories_are_its_users_alone(tmp_path: Path) -> None:
    """They hold what was predicted for whom."""
    RocksStore(tmp_path / "join", 0).close()
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "join", tmp_path / "join/shard-00")] == [0o700] * 2


def test_a_directory_with_something_else_is_refused(tmp_path: Path) -> None:
    """And left as it is."""
    (tmp_path / "shard-00").mkdir()
    (tmp_path / "shard-00" / "thesis.txt").write_text("the only copy")
    with pytest.raises(StateError, match=r"shard-00: holds thesis.txt but no CURRENT: .* start with a new one"):
        RocksStore(tmp_path, 0)
    assert [path.name for path in (tmp_path / "shard-00").iterdir()] == ["thesis.txt"]


def test_another_database_is_refused(tmp_path: Path) -> None:
    """A RocksDB that is nobody's join store."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    with Rdict(str(tmp_path / "shard-00"), options) as database:
        database[b"key"] = b"value"
    with pytest.raises(StateError, match="shard-00: a database, but no join store of driftgauge"):
        RocksStore(tmp_path, 0)


def test_exchanged_shards_are_refused(tmp_path: Path) -> None:
    """Half of all labels would not find their predictions."""
    RocksStore(tmp_path, 1).close()
    (tmp_path / "shard-01").rename(tmp_path / "shard-00")
    with pytest.raises(StateError, match="shard-00: holds shard 1: directories were exchanged"):
        RocksStore(tmp_path, 0)


def test_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a later release has written."""
    monkeypatch.setattr("stream.state.rocks_commits.FORMAT", 3)
    RocksStore(tmp_path, 0).close()
    monkeypatch.undo()
    with pytest.raises(StateError, match="shard-00: of format 3, this release reads format 2"):
        RocksStore(tmp_path, 0)


@pytest.mark.parametrize("pattern", ["CURRENT", "MANIFEST-*", "*.sst"])
@pytest.mark.parametrize("damage", ["removed", "overwritten"])
def test_a_damaged_shard_is_refused(tmp_path: Path, pattern: str, damage: str) -> None:
    """In one line that says what to do, at the start."""
    store = RocksStore(tmp_path, 0)
    store.put_stubs(HOUR, keys(LARGE), [b"value"] * LARGE)
    store.commit(1)
    store.close()
    for path in (tmp_path / "shard-00").glob(pattern):
        if damage == "removed":
            path.unlink()
        else:
            path.write_bytes(b"damage\n" * 100)
    with pytest.raises(StateError, match=r"shard-00: .*damaged.*; restore the whole state.directory") as caught:
        RocksStore(tmp_path, 0)
    assert "\n" not in str(caught.value)


def test_a_creation_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    """RocksDB's first files without CURRENT are no damage."""
    RocksStore(tmp_path, 0).close()
    for path in (tmp_path / "shard-00").iterdir():
        if path.name in {"CURRENT", "rocksdict-config.json"} or path.suffix in {".log", ".sst"}:
            path.unlink()
        if path.name.startswith("OPTIONS"):
            path.unlink()
    RocksStore(tmp_path, 0).close()
