import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from windows.watermark import PartitionClocks

EVENTS = st.lists(
    st.tuples(st.sampled_from(["advance", "silent", "close"]), st.integers(0, 3), st.integers(0, 50)), max_size=60
)

P = [("t", number) for number in range(4)]


def clocks(partitions: int) -> PartitionClocks:
    """Clocks of a topic with this many partitions, none of which has been read."""
    return PartitionClocks(partitions={"t": partitions})


def test_the_watermark_is_the_minimum_over_partitions() -> None:
    """The slowest partition holds all panes open that it may still add to."""
    topic = clocks(3)
    for partition, floor in enumerate((7, 5, 9)):
        topic.advance(P[partition], floor)
    assert topic.watermark() == 5


def test_a_partition_that_was_never_read_makes_the_watermark_unknown() -> None:
    """Nothing is closed while a partition may hold anything."""
    topic = clocks(2)
    topic.advance(P[0], 7)
    assert topic.watermark() is None


def test_no_partitions_no_watermark() -> None:
    """A topic of which nothing is known has no progress."""
    assert PartitionClocks().watermark() is None


def test_a_new_partition_holds_the_watermark_where_it_is() -> None:
    """When a topic grows, what is closed stays closed and nothing more closes until the new partition speaks."""
    topic = clocks(1)
    topic.advance(P[0], 7)
    topic.closed = topic.watermark()
    topic.exist({"t": 2}, None)
    topic.advance(P[0], 12)
    assert topic.watermark() == 7
    topic.advance(P[1], 10)
    assert topic.watermark() == 10


def test_a_topic_that_grows_moves_no_clock_of_another() -> None:
    """Each partition is known by its topic and its number there, however many the topics before it have."""
    both = PartitionClocks(partitions={"a": 1, "b": 2})
    both.advance(("a", 0), 100)
    both.advance(("b", 0), 50)
    both.advance(("b", 1), 60)
    both.closed = both.watermark()
    assert both.closed == 50
    both.exist({"a": 2, "b": 2}, None)
    both.advance(("a", 1), 100)
    assert both.watermark() == 50
    assert not both.is_late(("b", 0), 50)
    both.advance(("b", 0), 70)
    assert both.watermark() == 60
    assert both.is_late(("b", 1), 59)


def test_a_topic_that_is_no_longer_read_holds_nothing_back() -> None:
    """What counts is which partitions there are now; what is closed stays closed."""
    both = PartitionClocks(partitions={"a": 1, "b": 1}, closed=10)
    both.advance(("a", 0), 100)
    both.advance(("b", 0), 10)
    both.exist({"a": 1}, None)
    assert both.watermark() == 100


def test_who_learned_of_a_new_topic_later_does_not_take_it_back() -> None:
    """Of what two processes say there is, the word counts that was asked for last."""
    both = PartitionClocks()
    both.exist({"a": 1, "b": 1}, 20)
    both.complete(20)
    both.exist({"a": 1}, 19)
    assert both.partitions == {"a": 1, "b": 1}
    both.exist({"b": 1}, 20)
    assert both.partitions == {"b": 1}


def test_clocks_of_a_former_release_keep_what_is_closed() -> None:
    """They numbered the partitions of all topics through: each has to say anew how far it is, and none goes back."""
    former = PartitionClocks.__new__(PartitionClocks)
    kept = {"partitions": 2, "floors": {0: 9, 1: 7}, "idle": {1: 8}, "ended": set(), "closed": 7}
    former.__setstate__((None, {**kept, "complete_until": 12, "watched_since": 3}))
    assert former == PartitionClocks(closed=7, complete_until=12, watched_since=3)
    former.exist({"t": 2}, 12)
    assert former.watermark() == 7
    former.advance(P[0], 10)
    assert former.watermark() == 7
    former.silent(P[1], 11)
    assert former.watermark() == 10
    assert former.is_late(P[1], 6)


@given(st.builds(PartitionClocks, partitions=st.just({"a": 2}), floors=st.just({("a", 1): 3}), closed=st.integers()))
def test_clocks_are_kept_as_they_are(kept: PartitionClocks) -> None:
    """What is pickled comes back the same."""
    assert pickle.loads(pickle.dumps(kept, protocol=5)) == kept


def test_a_silent_partition_is_passed_as_far_as_its_silence_is_confirmed() -> None:
    """An idle partition stands where the broker confirmed it to be empty, even if it was never read."""
    topic = clocks(2)
    topic.advance(P[0], 20)
    topic.silent(P[1], 15)
    assert topic.watermark() == 15
    topic.silent(P[1], 30)
    assert topic.watermark() == 20


def test_silence_is_over_with_the_next_record() -> None:
    """A partition that speaks again holds the watermark at its own floor, which never takes back what is closed."""
    topic = clocks(2)
    topic.advance(P[0], 20)
    topic.advance(P[1], 4)
    topic.silent(P[1], 18)
    assert topic.watermark() == 18
    topic.closed = 18
    topic.advance(P[1], 5)
    assert topic.watermark() == 18
    assert topic.is_late(P[1], 17)
    assert not topic.is_late(P[1], 18)


def test_silence_in_the_past_does_not_hold_a_partition_back() -> None:
    """A partition whose records are ahead of the confirmed silence stands at its records."""
    topic = clocks(1)
    topic.advance(P[0], 20)
    topic.silent(P[0], 15)
    assert topic.watermark() == 20


def test_ended_partitions_are_left_out() -> None:
    """A file that was read to its end holds nothing open; when all have ended, the last pane is over too."""
    topic = clocks(2)
    topic.advance(P[0], 20)
    topic.advance(P[1], 4)
    topic.end(P[1])
    assert topic.watermark() == 20
    topic.end(P[0])
    assert topic.all_ended
    assert topic.watermark() == 21


def test_lateness_is_decided_by_the_own_partition_and_by_what_is_closed() -> None:
    """A record behind its own partition's floor is late, one behind another partition's floor is not."""
    topic = clocks(2)
    topic.advance(P[0], 20)
    topic.advance(P[1], 4)
    assert topic.is_late(P[0], 19)
    assert not topic.is_late(P[1], 19)
    assert topic.is_late(P[1], 3)


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.integers(1, 4))
def test_what_is_closed_stays_closed(events: list[tuple[str, int, int]], partitions: int) -> None:
    """Whatever happens in whatever order, the watermark never falls below what was closed."""
    topic = clocks(partitions)
    for kind, partition, pane in events:
        if kind == "advance":
            topic.advance(P[partition % partitions], pane)
        elif kind == "silent":
            topic.silent(P[partition % partitions], pane)
        else:
            topic.closed = topic.watermark()
        mark = topic.watermark()
        assert topic.closed is None or (mark is not None and mark >= topic.closed)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=60))
def test_without_silence_the_watermark_is_the_least_of_the_greatest_floors(moves: list[tuple[int, int]]) -> None:
    """Floors only rise, and their minimum is what counts."""
    topic = clocks(4)
    for partition, floor in moves:
        topic.advance(P[partition], floor)
    greatest = [max((floor for at, floor in moves if at == partition), default=None) for partition in range(4)]
    known = [floor for floor in greatest if floor is not None]
    assert topic.watermark() == (min(known) if len(known) == 4 else None)
