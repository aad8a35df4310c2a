from __future__ import annotations

from typing import TYPE_CHECKING

from pushing import CRITICAL, INFO, SEGMENT, START, Kept, active, board, event, told
from waiting import until

from stream.metrics.reports import AlertsFiring, GaugeBlock, Status
from stream.push.board import Board, Entry
from stream.push.memory import EMPTY, FILE, Memory

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOW = START + 100_000


def _firing(of: Board) -> list[Entry]:
    return list(of.wait(-1, 0).firing)


def _ended(of: Board) -> list[Entry]:
    return list(of.wait(-1, 0).ended)


def test_an_alert_fires_from_the_start_of_its_event_and_ends_by_a_tick_without_it() -> None:
    """Words first, gauge after, as the dataflow reports them; it is not forgotten before it is said to be known."""
    on = board()
    on.hear(told(event()))
    assert _firing(on) == []
    on.hear(active(CRITICAL))
    assert _firing(on) == [Entry(CRITICAL, START + 60_000, None, event())]
    on.hear(active())
    assert _firing(on) == []
    (ended,) = _ended(on)
    assert (ended.labels, ended.started_at, ended.ended_at) == (CRITICAL, START + 60_000, NOW)
    on.forget([ended])
    assert _ended(on) == []


def test_what_does_not_concern_it_changes_nothing() -> None:
    """Other reports, other models' alerts, and the same rows again leave the number as it is."""
    on = board()
    on.hear(told(event()))
    on.hear(active(CRITICAL))
    number = on.wait(-1, 0).number
    on.hear(Status(0, "running"))
    on.hear(GaugeBlock("click", "alert_active", (), ()))
    on.hear(active(CRITICAL))
    on.hear(told(event()))
    assert on.wait(-1, 0).number == number
    on.hear(active(model="rank"))
    assert [entry.labels for entry in _firing(on)] == [CRITICAL]


def test_a_worse_level_is_another_alert_with_the_same_words() -> None:
    """The severity is a label: the milder alert ends, the worse one fires."""
    on = board()
    on.hear(told(event(INFO)))
    on.hear(active(INFO))
    worse = event(CRITICAL, state="updated", value=0.5)
    on.hear(told(worse))
    on.hear(active(CRITICAL))
    assert _firing(on) == [Entry(CRITICAL, START + 60_000, None, worse)]
    assert [entry.labels for entry in _ended(on)] == [INFO]


def test_new_words_are_news_and_keep_the_start() -> None:
    """An updated event replaces the one before."""
    on = board()
    on.hear(told(event()))
    on.hear(active(CRITICAL))
    number = on.wait(-1, 0).number
    on.hear(told(event(state="updated", value=0.4)))
    (entry,) = _firing(on)
    assert entry.event is not None
    assert (entry.event.value, entry.started_at) == (0.4, START + 60_000)
    assert on.wait(number, 0).number == number + 1


def test_an_alert_without_words_is_told_a_moment_later() -> None:
    """The gauge may come first by milliseconds; after a restart no event comes at all."""
    on = board()
    on.hear(active(CRITICAL))
    assert _firing(on) == []
    assert until(lambda: _firing(on)) == [Entry(CRITICAL, NOW)]


def test_an_alert_that_fires_again_before_its_end_was_told_has_not_ended() -> None:
    """Only the present counts."""
    on = board()
    on.hear(told(event()))
    on.hear(active(CRITICAL))
    on.hear(active())
    (former,) = _ended(on)
    on.hear(told(event(id="b" * 32, started_at=NOW)))
    on.hear(active(CRITICAL))
    assert _ended(on) == []
    on.forget([former])
    assert [entry.started_at for entry in _firing(on)] == [NOW]


def test_an_end_before_its_beginning_is_put_after_it() -> None:
    """Event time may be ahead of the clock; Alertmanager refuses such an alert."""
    on = board(now=START)
    on.hear(told(event()))
    on.hear(active(CRITICAL))
    on.hear(active())
    assert [(entry.started_at, entry.ended_at) for entry in _ended(on)] == [(START + 60_000, START + 60_001)]


def test_what_was_remembered_fires_until_a_tick_says_otherwise() -> None:
    """Silence ends nothing; of a model that is not watched any more it has ended."""
    gone = ("rank", "1", "", "NoData", "critical")
    on = board([Entry(CRITICAL, START, None, event()), Entry(SEGMENT, START), Entry(gone, START), Entry(INFO, 1, NOW)])
    assert [entry.labels for entry in _firing(on)] == [CRITICAL, SEGMENT]
    assert {(entry.labels, entry.ended_at) for entry in _ended(on)} == {(gone, NOW), (INFO, NOW)}
    on.hear(active(CRITICAL))
    assert _firing(on) == [Entry(CRITICAL, START, None, event())]
    assert {entry.labels for entry in _ended(on)} == {gone, INFO, SEGMENT}


def test_a_dataflow_that_begins_again_before_the_alert_does_not_end_it() -> None:
    """A crash takes it back to its last snapshot: there nothing fired yet. At the same time again it does."""
    kept = Kept()
    on = board(kept=kept)
    on.hear(active(clock=START))
    on.hear(told(event()))
    on.hear(active(CRITICAL, clock=START + 2_000))
    for again in (on, Board(kept.views[-1], {"click"}, Kept(), 3_600_000, lambda: NOW)):
        for clock in (START, START + 1_000):
            again.hear(active(clock=clock))
            assert [entry.labels for entry in _firing(again)] == [CRITICAL]
        again.hear(active(CRITICAL, clock=START + 2_000))
        assert [entry.started_at for entry in _firing(again)] == [START + 60_000]
        assert _ended(again) == []
        again.hear(active(clock=START + 3_000))
        assert [entry.labels for entry in _ended(again)] == [CRITICAL]


def test_each_source_must_have_come_as_far() -> None:
    """Labels have a clock of their own."""
    on = board()
    on.hear(AlertsFiring("click", (CRITICAL,), {"predictions": START, "labels": START}))
    on.hear(AlertsFiring("click", (), {"predictions": START + 1_000}))
    assert _ended(on) == []
    on.hear(AlertsFiring("click", (), {"predictions": START, "labels": START}))
    assert [entry.labels for entry in _ended(on)] == [CRITICAL]


def test_an_end_is_kept_no_longer_than_the_alert_lasts_by_itself() -> None:
    """A replica that is away for longer has let it expire."""
    on = board([Entry(INFO, 1, NOW - 3_600_001)])
    on.wake()
    assert _ended(on) == []


def test_everything_is_kept_through_a_restart(tmp_path: Path) -> None:
    """Labels, times and words come back from the file, bounds that are not numbers too; it is this user's alone."""
    memory, kept = Memory(tmp_path), Kept()
    on = board(kept=kept)
    on.hear(told(event(lower=float("-inf"))))
    on.hear(active(CRITICAL, SEGMENT))
    on.hear(active(CRITICAL))
    memory.keep(kept.views[-1])
    found = memory.load()
    assert [*found.firing, *found.ended] == kept.last
    assert [entry.ended_at for entry in kept.last] == [None, NOW + 1]
    assert found.clocks == {"click": {"predictions": START}}
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_memory_that_cannot_be_read_or_written_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It only saves what can be lost; without a state directory it keeps nothing, and says nothing."""
    kept = Kept()
    on = board(kept=kept)
    on.hear(active(CRITICAL))
    Memory(tmp_path / "absent").keep(kept.views[-1])
    assert not (tmp_path / "absent").exists()
    assert Memory(tmp_path / "absent").load() == EMPTY
    assert caplog.messages == []
    (tmp_path / FILE).write_bytes(b"\x93\x01")
    assert Memory(tmp_path).load() == EMPTY
    assert "not used" in caplog.messages[-1]
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    Memory(tmp_path).keep(kept.views[-1])
    assert "would forget" in caplog.messages[-1]


def test_a_flipped_bit_of_the_memory_is_never_believed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whichever it is: an empty board and a warning, not an alert that never was."""
    memory, kept = Memory(tmp_path), Kept()
    board(kept=kept).hear(active(CRITICAL))
    memory.keep(kept.views[-1])
    whole = (tmp_path / FILE).read_bytes()
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / FILE).write_bytes(flipped)
        assert memory.load() == EMPTY
    assert len(caplog.messages) == 8 * len(whole)
    assert all("damaged" in message for message in caplog.messages)
