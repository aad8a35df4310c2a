"""How much is asked for at once: as many messages as ever where they are small, so many bytes where they are not."""

import pytest

from stream.kafka.portion import POLL, PROBE, Portions

MOST = 1_000_000
ROOM = 8_000


def batch(portions: Portions, size: int, waiting: int = 10 * ROOM) -> list[int]:
    """The portions of a batch of messages of this size."""
    portions.begin()
    taken: list[int] = []
    while asked := portions.next(ROOM - sum(taken)):
        came = min(asked, waiting - sum(taken))
        portions.took([bytes(size)] * came)
        taken.append(came)
        if came < asked:
            break
    return taken


@pytest.mark.parametrize("size", [0, 1, 100])
def test_small_messages_come_as_many_as_a_batch_has_room_for(size: int) -> None:
    """A thousand at once; only the first of all is a probe."""
    portions = Portions(MOST)
    assert batch(portions, size)[:3] == [PROBE, POLL, POLL]
    assert batch(portions, size) == [POLL] * (ROOM // POLL)


@pytest.mark.parametrize("size", [200, 1_000, 40_000])
def test_a_batch_of_large_messages_is_full_at_its_bytes(size: int) -> None:
    """It ends with the message that reaches them."""
    portions = Portions(MOST)
    for _ in range(3):
        assert MOST <= sum(batch(portions, size)) * size <= MOST + size


def test_a_message_that_is_larger_than_a_batch_is_one() -> None:
    """Nothing is too large to be read."""
    portions = Portions(MOST)
    batch(portions, 3 * MOST)
    assert batch(portions, 3 * MOST) == [1]


def test_messages_that_become_larger_are_noticed_with_the_next_portion() -> None:
    """A portion of small ones says nothing of those behind it, so it is at most one that is too much."""
    portions = Portions(MOST)
    batch(portions, 10)
    first, *others = batch(portions, 40_000)
    assert (first, others) == (POLL, [])
    assert sum(batch(portions, 40_000)) == MOST // 40_000


def test_small_messages_between_large_ones_are_taken_for_large_ones_a_while() -> None:
    """The size that is reckoned with falls with each portion."""
    portions = Portions(MOST)
    batch(portions, 40_000)
    taken = batch(portions, 10)
    assert taken[0] == MOST // 40_000
    assert taken[:4] == sorted(taken[:4])
    assert sum(taken) == ROOM


def test_what_is_not_there_is_not_waited_for() -> None:
    """A portion that falls short ends a batch, and says how large its messages are."""
    portions = Portions(MOST)
    assert batch(portions, 1_000, waiting=3) == [3]
    assert portions.next(ROOM) == (MOST - 3_000) // 1_000
