"""Which keys came again, among the latest."""

from __future__ import annotations

from operators.join.recent import Recent


def test_keys_come_again_within_a_call_and_over_calls() -> None:
    """Each time counts but the first."""
    recent = Recent()
    assert recent.again([b"a", b"b", b"a"]) == 1
    assert recent.again([b"a", b"c", b"c"]) == 2
    assert recent.again([]) == 0


def test_at_least_so_many_of_the_latest_are_known_and_not_twice_as_many() -> None:
    """What is kept is bounded: the oldest are taken for new ones."""
    recent = Recent(most=100)
    keys = [b"%d" % number for number in range(1_000)]
    for key in keys:
        assert recent.again([key]) == 0
    assert Recent.again(recent, keys[-100:]) == 100
    assert recent.again(keys[:700]) == 0
