from stream.backoff import Backoff, BackoffPolicy


def test_waits_double_up_to_the_longest() -> None:
    """Failures in a row, however many, wait no longer than that."""
    backoff = Backoff(BackoffPolicy(first=0.5, longest=30.0, forgiven_after=60.0))
    waits = [backoff.after(lived=1.0) for _ in range(2_000)]
    assert waits[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert set(waits[8:]) == {30.0}


def test_a_long_life_is_forgiven() -> None:
    """After it the wait is the first one again."""
    backoff = Backoff(BackoffPolicy(first=0.5, longest=30.0, forgiven_after=60.0))
    assert [backoff.after(lived) for lived in (1.0, 1.0, 60.0, 1.0)] == [0.5, 1.0, 0.5, 1.0]
