"""Alignment, step by step: which partition may read on, and how much."""

from stream.kafka.alignment import LEAST_BATCH, MAX_AHEAD, Alignment

P0, P1 = ("predictions", 0), ("predictions", 1)


def test_a_partition_far_ahead_waits_while_the_other_has_data() -> None:
    """It goes on at the allowed distance, or as soon as the other one is at its end."""
    alignment = Alignment()
    alignment.moved(P0, 100)
    alignment.moved(P1, 100 + MAX_AHEAD)
    assert not alignment.must_wait(P1)
    alignment.moved(P1, 101 + MAX_AHEAD)
    assert alignment.must_wait(P1)
    assert not alignment.must_wait(P0)
    alignment.read(P0, at_end=True)
    assert not alignment.must_wait(P1)
    alignment.read(P0, at_end=False)
    assert alignment.must_wait(P1)


def test_feedback_reads_no_further_than_the_slowest_predictions() -> None:
    """The next batch is expected to span what the last one did; at the end of the predictions nobody waits."""
    predictions = Alignment()
    feedback = Alignment(lead=predictions)
    feedback.moved(P0, 100)
    predictions.moved(P0, 200)
    predictions.moved(P1, 109)
    assert not feedback.must_wait(P0)
    feedback.moved(P0, 105)
    assert feedback.must_wait(P0)  # 105 and five panes more
    predictions.moved(P1, 110)
    assert not feedback.must_wait(P0)
    predictions.moved(P1, 104)  # late records take nothing back
    assert not feedback.must_wait(P0)
    feedback.moved(P0, 150)
    assert feedback.must_wait(P0)
    predictions.read(P1, at_end=True)
    assert not feedback.must_wait(P0)


def test_predictions_wait_for_no_feedback() -> None:
    """However far behind that is."""
    predictions = Alignment()
    feedback = Alignment(lead=predictions)
    feedback.moved(P0, 0)
    predictions.moved(P0, 10 * MAX_AHEAD)
    assert not predictions.must_wait(P0)
    assert not feedback.must_wait(P0)


def test_thin_traffic_is_read_in_small_batches() -> None:
    """A batch that spans many panes makes the next one smaller, down to a least; one within a pane, larger."""
    alignment = Alignment()
    sizes = []
    for floor in range(0, 2_000, 200):
        alignment.moved(P0, floor)
        sizes.append(alignment.pace(P0, 8_192))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == LEAST_BATCH
    for _ in range(10):
        alignment.moved(P0, 1_800)
        sizes.append(alignment.pace(P0, 8_192))
    assert sizes[-1] == 8_192
