from hypothesis import given, settings
from hypothesis import strategies as st

from windows.watermark import PartitionClocks

EVENTS = st.lists(
    st.tuples(st.sampled_from(["advance", "silent", "close"]), st.integers(0, 3), st.integers(0, 50)), max_size=60
)


def clocks(partitions: int) -> PartitionClocks:
    """Clocks of a topic with this many partitions, none of which has been read."""
    return PartitionClocks(partitions=partitions)


def test_the_watermark_is_the_minimum_over_partitions() -> None:
    """The slowest partition holds all panes open that it may still add to."""
    topic = clocks(3)
    for partition, floor in enumerate((7, 5, 9)):
        topic.advance(partition, floor)
    assert topic.watermark() == 5


def test_a_partition_that_was_never_read_makes_the_watermark_unknown() -> None:
    """Nothing is closed while a partition may hold anything."""
    topic = clocks(2)
    topic.advance(0, 7)
    assert topic.watermark() is None


def test_no_partitions_no_watermark() -> None:
    """A topic of which nothing is known has no progress."""
    assert PartitionClocks().watermark() is None


def test_a_new_partition_holds_the_watermark_where_it_is() -> None:
    """When a topic grows, what is closed stays closed and nothing more closes until the new partition speaks."""
    topic = clocks(1)
    topic.advance(0, 7)
    topic.closed = topic.watermark()
    topic.partitions = 2
    topic.advance(0, 12)
    assert topic.watermark() == 7
    topic.advance(1, 10)
    assert topic.watermark() == 10


def test_a_silent_partition_is_passed_as_far_as_its_silence_is_confirmed() -> None:
    """An idle partition stands where the broker confirmed it to be empty, even if it was never read."""
    topic = clocks(2)
    topic.advance(0, 20)
    topic.silent(1, 15)
    assert topic.watermark() == 15
    topic.silent(1, 30)
    assert topic.watermark() == 20


def test_silence_is_over_with_the_next_record() -> None:
    """A partition that speaks again holds the watermark at its own floor, which never takes back what is closed."""
    topic = clocks(2)
    topic.advance(0, 20)
    topic.advance(1, 4)
    topic.silent(1, 18)
    assert topic.watermark() == 18
    topic.closed = 18
    topic.advance(1, 5)
    assert topic.watermark() == 18
    assert topic.is_late(1, 17)
    assert not topic.is_late(1, 18)


def test_silence_in_the_past_does_not_hold_a_partition_back() -> None:
    """A partition whose records are ahead of the confirmed silence stands at its records."""
    topic = clocks(1)
    topic.advance(0, 20)
    topic.silent(0, 15)
    assert topic.watermark() == 20


def test_ended_partitions_are_left_out() -> None:
    """A file that was read to its end holds nothing open; when all have ended, the last pane is over too."""
    topic = clocks(2)
    topic.advance(0, 20)
    topic.advance(1, 4)
    topic.end(1)
    assert topic.watermark() == 20
    topic.end(0)
    assert topic.all_ended
    assert topic.watermark() == 21


def test_lateness_is_decided_by_the_own_partition_and_by_what_is_closed() -> None:
    """A record behind its own partition's floor is late, one behind another partition's floor is not."""
    topic = clocks(2)
    topic.advance(0, 20)
    topic.advance(1, 4)
    assert topic.is_late(0, 19)
    assert not topic.is_late(1, 19)
    assert topic.is_late(1, 3)


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.integers(1, 4))
def test_what_is_closed_stays_closed(events: list[tuple[str, int, int]], partitions: int) -> None:
    """Whatever happens in whatever order, the watermark never falls below what was closed."""
    topic = clocks(partitions)
    for kind, partition, pane in events:
        if kind == "advance":
            topic.advance(partition % partitions, pane)
        elif kind == "silent":
            topic.silent(partition % partitions, pane)
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
        topic.advance(partition, floor)
    greatest = [max((floor for at, floor in moves if at == partition), default=None) for partition in range(4)]
    known = [floor for floor in greatest if floor is not None]
    assert topic.watermark() == (min(known) if len(known) == 4 else None)
