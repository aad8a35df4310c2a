import multiprocessing
import threading

from hypothesis import given
from hypothesis import strategies as st
from pushing import CRITICAL, SEGMENT, active, event, told
from waiting import until

from stream.metrics.registry import Registry
from stream.metrics.reports import GaugeBlock, Increments, Observation, OwnerGone, Report, Status, Totals
from stream.workers.pipe import Failure, Mailbox, PipeReporter
from stream.workers.wire import Listener

KEY = ("click", "7", "ok")


def block(owner: str, value: float) -> GaugeBlock:
    """A block with one row, which is the owner's own."""
    return GaugeBlock(owner, "availability_ratio", ((owner, "7", "1m"),), (value,))


number = st.integers(0, 100).map(float)
owner = st.sampled_from(["a", "b"])
report = st.one_of(
    st.builds(block, owner, number),
    st.builds(OwnerGone, owner),
    st.builds(lambda value, by: Totals("predictions_total", {KEY: value}, by), number, owner),
    st.builds(lambda value: Increments("predictions_total", {KEY: value}), number),
    st.builds(lambda value: Observation("event_to_alert_seconds", ("click", "DataDrift"), value), number),
    st.builds(Status, st.just(0), st.sampled_from(["running", "broker_lost"])),
)


def state_after(reports: list[Report]) -> object:
    """Everything that a registry shows after the reports, but for its own process."""
    registry = Registry(clock=lambda: 0.0)
    for each in reports:
        registry.apply(each)
    lines = [line for line in registry.render().splitlines() if line.startswith(b"driftgauge_")]
    return sorted(lines), registry.statuses()


def test_of_alerts_the_latest_word_is_kept() -> None:
    """One event for each alert, and what fires for each model; of other alerts and models they are kept beside."""
    mailbox = Mailbox()
    first, second, other = told(event()), told(event(state="updated", value=0.5)), told(event(SEGMENT))
    for each in (first, active(CRITICAL), active(model="rank"), other, second, active(CRITICAL, SEGMENT)):
        mailbox.put(each)
    assert mailbox.take() == [second, active(CRITICAL, SEGMENT), active(model="rank"), other]


@given(st.lists(report, max_size=30))
def test_coalesced_reports_mean_the_same(reports: list[Report]) -> None:
    """A registry cannot tell whether the reports came one by one or all at once out of the mailbox."""
    mailbox = Mailbox()
    for each in reports:
        mailbox.put(each)
    batch = mailbox.take()
    assert state_after(batch) == state_after(reports)
    assert not mailbox


def test_a_mailbox_stays_small_however_long_nobody_empties_it() -> None:
    """Reports take room by what they are about; observations beyond the cap are dropped, and the drop is counted."""
    mailbox = Mailbox()
    for value in range(12_000):
        mailbox.put(block("a", value))
        mailbox.put(Totals("predictions_total", {KEY: float(value)}))
        mailbox.put(Increments("alerts_total", {("click", "DataDrift", "firing"): 1.0}))
        mailbox.put(Observation("event_to_alert_seconds", ("click", "DataDrift"), 1.0))
    batch = mailbox.take()
    assert len(batch) == 10_000 + 4
    assert Increments("reports_dropped_total", {("backlog",): 2_000.0}) in batch
    assert Increments("alerts_total", {("click", "DataDrift", "firing"): 12_000.0}) in batch
    assert Totals("predictions_total", {KEY: 11_999.0}) in batch
    assert block("a", 11_999.0) in batch


def test_sending_does_not_wait_for_a_parent_that_does_not_read() -> None:
    """More than the pipe holds is sent while nobody reads; the reader then gets the last of everything."""
    ours, theirs = multiprocessing.Pipe()
    reporter = PipeReporter(theirs)
    rows = tuple((f"model-{i}", "7", "1m") for i in range(20_000))
    for value in range(50):
        reporter.send(GaugeBlock("a", "availability_ratio", rows, (float(value),) * len(rows)))
    registry = Registry()

    def read() -> None:
        listener = Listener()
        while True:
            try:
                for each in listener(ours.recv()):
                    registry.apply(each)
            except EOFError:
                return

    reader = threading.Thread(target=read)
    reader.start()
    until(lambda: registry.values("availability_ratio").get(rows[0]) == 49.0)
    reporter.close(patience=10.0)
    theirs.close()
    reader.join()


def test_close_hands_over_what_is_left_and_then_the_failure() -> None:
    """The last words come last."""
    ours, theirs = multiprocessing.Pipe()
    reporter = PipeReporter(theirs)
    reporter.send(block("a", 1.0))
    reporter.close(patience=10.0, failure=Failure(2, "state refused"))
    assert list(Listener()(ours.recv())) == [block("a", 1.0)]
    assert ours.recv() == Failure(2, "state refused")


def test_a_reporter_outlives_its_parent() -> None:
    """With the other end gone, sending goes on without error and without growing; closing returns."""
    ours, theirs = multiprocessing.Pipe()
    reporter = PipeReporter(theirs)
    ours.close()
    for value in range(1_000):
        reporter.send(block("a", float(value)))
    reporter.close(patience=10.0, failure=Failure(2, "nobody hears this"))
