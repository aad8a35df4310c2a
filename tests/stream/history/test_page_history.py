"""History: what is read back is what was measured, within its bounds, whatever becomes of the file."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pictured import START, Pictured, pictured
from waiting import until

from operators.predictions.sketch import Sketch
from operators.tables import Kind, Table
from stream.history.archive import LATEST, Archive, Slot, Stored
from stream.history.codec import pack_counts, pack_values, unpack_counts, unpack_values
from stream.history.frame import Column, Frame, frame_of, merged
from stream.history.history import History, Stands
from stream.history.recent import LEAST_FRAMES, MOST_FRAMES, Recent
from stream.history.recorder import WAITING, Recorder
from stream.history.tiers import DAY, HOUR, MINUTE, TIERS, tier_for, tiers_of
from stream.history.tiles import Kept
from stream.metrics.looks import looked_at
from stream.metrics.reports import Beat, Looked, Sketched
from windows.panes import Window
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


KEPT = {"m": Kept(HOUR, 10_000, "bins")}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Pictured:
    """A replay with its history."""
    return pictured(tmp_path_factory.mktemp("history"))


def looked(
    end: int,
    value: float = 1.0,
    *,
    features: int = 3,
    size: int = 10_000,
    model: str = "m",
    segments: tuple[str, ...] = ("",),
) -> Looked:
    """A look at a window of one version, in which every feature has the same psi."""
    shape = (len(segments), features)
    names = tuple(f"f{at}" for at in range(features))
    numbers = np.full(shape, value)
    groups = tuple(("1", segment) for segment in segments)
    table = Table(
        Kind.FEATURE, "psi", groups, names, numbers, numbers / 2, numbers * 2,
        np.full(shape, 500), None, np.full(shape, 9_000),
    )  # fmt: skip
    return looked_at(model, "predictions", "10s", size, end, (table,))


def psi(frame: Frame, feature: str = "f0") -> float:
    """What looked() put there."""
    found = frame.reading(Column("feature", "psi", "1", "", feature))
    assert found is not None
    return found.value


def test_frames_hold_what_the_evaluations_say(shown: Pictured) -> None:
    """Every number of the latest window is that of the evaluations file, to three digits."""
    frames = {frame.window: frame for frame in shown.archive.latest("click")}
    last = {size: max(row["window"]["end"] for row in shown.rows("evaluations") if row["window"]["size"] == size)
            for size in frames}  # fmt: skip
    compared: Counter[str] = Counter()
    for row in shown.rows("evaluations"):
        size = row["window"]["size"]
        if row["window"]["end"] != last[size] or row["value"] is None:
            continue
        column = Column(row["kind"], row["metric"], row["version"], row["segment"], row["feature"])
        found = frames[size].reading(column)
        assert found is not None, column
        assert found.value == pytest.approx(row["value"], rel=1e-3)
        assert found.samples == pytest.approx(row["samples"], rel=1e-3)
        compared[row["kind"]] += 1
    assert set(compared) == {"feature", "prediction", "quality", "service", "estimate"}
    assert sum(compared.values()) > 200


def test_sketches_count_the_values_that_were_sent(shown: Pictured) -> None:
    """The counts of a numeric feature in the last five seconds are numpy's own of the rows that were written."""
    layout = shown.knowledge.plans["click"].layout
    (sketch,) = shown.archive.last_sketches("click", 5_000)
    (field,) = (one for one in layout.features if one.name == "age")
    assert isinstance(field.profile, NumericProfile)
    traffic = shown.traffic
    inside = (traffic.timestamps >= sketch.start) & (traffic.timestamps < sketch.end) & ~traffic.failed
    values = traffic.features["age"][inside]
    edges = field.profile.edges
    kept = values[(values >= edges[0]) & (values < edges[-1])]
    expected = np.histogram(kept, bins=np.append(edges[:-1], np.inf))[0]
    counts = sketch.counts[field.start : field.stop]
    assert counts[1:-3].tolist() == expected.tolist()
    assert counts[0] == (values < edges[0]).sum()
    assert sketch.counts[layout.rows] == inside.sum()


def test_tiles_cover_time_once(shown: Pictured) -> None:
    """The kept histograms follow each other without a gap, and none is of windows that overlap."""
    tiles = shown.archive.sketches("click", START, START + DAY)
    spans = sorted({(one.start, one.end) for one in tiles})
    assert len(spans) >= 2
    assert all(after[0] == before[1] for before, after in pairwise(spans))


@given(arrays(np.float32, (5, 7), elements=st.floats(-(2.0**99), 2.0**99, width=32, allow_nan=False) | st.just(np.nan)))
def test_numbers_are_kept_to_three_digits(values: np.ndarray) -> None:
    """NaN stays NaN; everything else is within a part in four thousand."""
    found = unpack_values(pack_values(values))
    assert (np.isnan(found) == np.isnan(values)).all()
    np.testing.assert_allclose(found, values, rtol=1 / 2048, atol=1e-38)


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=50))
def test_counts_are_kept_exactly(counts: list[int]) -> None:
    """Of any width."""
    assert unpack_counts(pack_counts(np.array(counts, dtype=np.int64))).tolist() == counts


def test_a_coarser_history_keeps_the_strongest_evidence() -> None:
    """Of two frames of one span, distances are those with the higher lower bound, whichever came first."""
    weak, strong = frame_of(looked(10_000, 0.1)), frame_of(looked(20_000, 0.8))
    for older, newer in ((weak, strong), (strong, weak)):
        both = merged(older, newer)
        assert (psi(both), both.end) == (pytest.approx(0.8), newer.end)


def recorded(path: Path, looks: Sequence[Looked | Sketched]) -> Archive:
    """What a recorder makes of reports."""
    archive = Archive(path)
    recorder = Recorder(Recent(), archive, KEPT)
    for one in looks:
        recorder(one)
    recorder.flush(everything=True)
    assert not recorder.problem
    return archive


def test_every_tier_has_one_frame_a_step(tmp_path: Path) -> None:
    """An hour of looks is 60 frames of a minute, 7 spans of ten minutes that it touches, and one or two hours."""
    start = 1_000 * DAY
    looks = [looked(start + at * 10_000, float(at)) for at in range(1, 361)]
    archive = recorded(tmp_path / "h" / "history.sqlite", looks)
    for tier, expected in zip(TIERS, (60, 6, 1, 1), strict=True):
        frames = archive.frames("m", "predictions", 10_000, tier.number, 0, start * 2)
        assert len(frames) == expected
        assert psi(frames[-1]) == pytest.approx(360, rel=1e-3)


def test_a_restart_goes_on_with_the_span_that_was_open(tmp_path: Path) -> None:
    """Half an hour strong, then another process with half an hour weak: the hour is strong."""
    path, start = tmp_path / "history.sqlite", 1_000 * DAY
    recorded(path, [looked(start + MINUTE, 5.0)])
    archive = recorded(path, [looked(start + 40 * MINUTE, 0.1)])
    (hour,) = archive.frames("m", "predictions", 10_000, 2, 0, start * 2)
    assert psi(hour) == pytest.approx(5.0, rel=1e-3)


def test_what_is_older_than_its_tier_is_forgotten(tmp_path: Path) -> None:
    """After three days of a look each minute, minutes reach back six hours and spans of ten minutes two days."""
    start = 1_000 * DAY
    archive = recorded(tmp_path / "history.sqlite", [looked(start + at * MINUTE) for at in range(3 * 24 * 60)])
    for tier in (0, 1):
        frames = archive.frames("m", "predictions", 10_000, tier, 0, start * 2)
        assert frames[-1].end - frames[0].end <= TIERS[tier].keep
        assert frames[-1].end - frames[0].end >= TIERS[tier].keep - TIERS[tier].step - MINUTE


def test_sketches_of_a_day_that_is_over_become_one(tmp_path: Path) -> None:
    """Three days of an hour each: the days before yesterday are one row with the sum of their counts."""
    window, start = Window(HOUR, MINUTE), 1_000 * DAY
    sketches = [
        Sketched(Sketch("m", window, (start + (at + 1) * HOUR) // MINUTE - 1, {"1": np.array([1, at], dtype=np.int16)}))
        for at in range(72)
    ]
    archive = recorded(tmp_path / "history.sqlite", sketches)
    rows = archive.sketches("m", start, start + 4 * DAY)
    days = [row for row in rows if row.end - row.start > HOUR]
    assert [row.counts.tolist() for row in days] == [[24, sum(range(24))], [24, sum(range(24, 48))]]
    assert sum(row.counts[0] for row in rows) == 72


def test_the_file_never_outgrows_its_bound(tmp_path: Path) -> None:
    """Written to far beyond it, the file stays below; the newest is there, the oldest is gone."""
    most = 4 << 20
    archive = Archive(tmp_path / "history.sqlite", most)
    rng = np.random.default_rng(3)
    frame = frame_of(looked(DAY, features=400))
    for round_ in range(40):
        slots = []
        for at in range(round_ * 50, round_ * 50 + 50):
            noisy = rng.random(frame.values.shape).astype(np.float32)
            slots.append(Slot(0, at, dataclasses.replace(frame, end=DAY + at * MINUTE, values=noisy)))
        archive.write(slots, [], [])
        assert archive.path.stat().st_size <= most
    ends = [one.end for one in archive.frames("m", "predictions", 10_000, 0, 0, 10 * DAY)]
    assert max(ends) == DAY + 1_999 * MINUTE
    assert min(ends) > DAY
    archive.close()


@pytest.mark.parametrize("damage", [b"not a database at all" * 300, None])
def test_a_damaged_file_is_put_aside_and_said(tmp_path: Path, damage: bytes | None) -> None:
    """Overwritten, or with its pages mixed up: the problem is told, the file kept for who wants it, a new one begun."""
    path = tmp_path / "history.sqlite"
    recorded(path, [looked(1_000 * DAY + at * MINUTE) for at in range(300)]).close()
    whole = path.read_bytes()
    path.write_bytes(damage or whole[:4_096] + os.urandom(len(whole) - 4_096))
    recorder = Recorder(Recent(), Archive(path), KEPT)
    recorder(looked(2_000 * DAY))
    recorder.flush(everything=True)
    assert "put aside" in recorder.problem
    assert path.with_name("history.sqlite.damaged").exists()
    recorder(looked(2_000 * DAY + MINUTE))
    recorder.flush(everything=True)
    assert recorder.problem == ""
    assert len(Archive(path).latest("m")) == 1


def test_a_file_that_cannot_be_written_costs_the_history_only(tmp_path: Path) -> None:
    """Where a file stands in place of the directory the recorder says so; memory has everything all the same."""
    (tmp_path / "history").write_text("in the way")
    recent = Recent()
    recorder = Recorder(recent, Archive(tmp_path / "history" / "history.sqlite"), KEPT)
    recorder.start()
    recorder(looked(DAY, 3.0))
    recorder.close()
    assert "cannot be written" in recorder.problem
    assert psi(recent.latest("m")[0]) == pytest.approx(3.0)


def test_a_reader_is_not_held_up_by_a_file_of_another_program(tmp_path: Path) -> None:
    """A database without our tables, and no file at all, are an empty history."""
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (a)")
    for file in (path, tmp_path / "none.sqlite"):
        archive = Archive(file)
        assert archive.latest("m") == archive.events(5) == archive.sketches("m", 0, DAY) == []


def test_a_burst_is_lost_and_counted_rather_than_kept(tmp_path: Path) -> None:
    """The queue to the disk has an end; what does not fit is counted, and the latest is kept."""
    recorder = Recorder(Recent(), Archive(tmp_path / "h.sqlite"), KEPT)
    one = looked(DAY)
    for _ in range(WAITING + 7):
        recorder(one)
    assert (recorder.waiting, recorder.lost) == (WAITING, 7)
    recorder(Beat(0))
    assert recorder.lost == 7


def test_the_thread_writes_by_itself(tmp_path: Path) -> None:
    """Started, and closed soon after: what was heard is on disk."""
    archive = Archive(tmp_path / "h" / "h.sqlite")
    recorder = Recorder(Recent(), archive, KEPT)
    recorder.start()
    recorder(looked(DAY))
    recorder.close()
    assert until(lambda: archive.latest("m"))


def test_memory_is_bounded_by_frames_and_bytes() -> None:
    """A window keeps MOST_FRAMES; over the budget of bytes it keeps fewer, but not fewer than LEAST_FRAMES."""
    roomy, tight = Recent(), Recent(most_bytes=1)
    for at in range(MOST_FRAMES + 50):
        for recent in (roomy, tight):
            recent.take(looked(at * 10_000))
    assert len(roomy.frames("m", "predictions", 10_000)) == MOST_FRAMES
    assert len(tight.frames("m", "predictions", 10_000)) == LEAST_FRAMES


def test_an_older_state_starts_the_line_anew() -> None:
    """After a crash event time is where the snapshot was: the line does not go back and forth."""
    recent = Recent()
    for end in (10_000, 20_000, 30_000, 20_000):
        recent.take(looked(end))
    assert [frame.end for frame in recent.frames("m", "predictions", 10_000)] == [20_000]


def test_disk_and_memory_are_one_line(tmp_path: Path) -> None:
    """A day on disk and the last minutes in memory: one series, in order, each moment once."""
    path, start = tmp_path / "history.sqlite", 1_000 * DAY
    archive = recorded(path, [looked(start + at * MINUTE) for at in range(24 * 60)])
    recent = Recent()
    for at in range(24 * 60 - 5, 24 * 60 + 5):
        recent.take(looked(start + at * MINUTE))
    series = History(recent, archive).series("m", "predictions", 10_000, start, start + 2 * DAY)
    ends = [frame.end for frame in series]
    assert ends == sorted(set(ends))
    assert ends[0] < start + 20 * MINUTE
    assert ends[-1] == start + (24 * 60 + 4) * MINUTE


def test_a_span_is_read_from_the_finest_tier_that_reaches_back() -> None:
    """Six hours by the minute, a year by the day."""
    assert [tier_for(0, span).number for span in (HOUR, 6 * HOUR, 7 * HOUR, 10 * DAY, 365 * DAY)] == [0, 0, 1, 2, 3]


def test_looks_that_come_seldom_are_kept_once_in_each_tier_that_tells_them_apart() -> None:
    """Panes of ten seconds fill every tier; panes of two hours those of hours and days, panes of a day the last."""
    wanted = {10_000: [0, 1, 2, 3], 20 * MINUTE: [1, 2, 3], 2 * HOUR: [2, 3], DAY: [3]}
    assert {pane: [tier.number for tier in tiers_of(pane)] for pane in wanted} == wanted


def test_a_span_of_looks_that_come_seldom_is_read_from_where_they_are(tmp_path: Path) -> None:
    """An hour of a model whose pane is a day: the finest tiers hold nothing, the days do."""
    archive = Archive(tmp_path / "h.sqlite")
    recorder = Recorder(Recent(), archive, {"m": Kept(DAY, DAY, "bins")})
    recorder(looked(1_000 * DAY))
    recorder.flush(everything=True)
    past = Stands(archive, {"m": "bins"})
    assert len(past.series("m", "predictions", 10_000, 1_000 * DAY - HOUR, 1_000 * DAY)) == 1


def test_the_latest_look_keeps_its_segments(tmp_path: Path) -> None:
    """Tiers are of the whole; the latest frame is as it was measured."""
    archive = recorded(tmp_path / "h.sqlite", [looked(DAY, segments=("", "country=DE"))])
    (latest,) = archive.latest("m")
    assert {column.segment for column in latest.columns} == {"", "country=DE"}
    (minute,) = archive.frames("m", "predictions", 10_000, 0, 0, DAY)
    assert {column.segment for column in minute.columns} == {""}
    assert LATEST not in {tier.number for tier in TIERS}


def test_stored_counts_survive_as_they_are(tmp_path: Path) -> None:
    """A sketch written and read is the same."""
    archive = Archive(tmp_path / "h.sqlite")
    one = Stored("m", "7", DAY, DAY + HOUR, "sha256:x", np.array([1, 2, 70_000], dtype=np.int64))
    archive.write([], [one], [])
    (found,) = archive.sketches("m", 0, 2 * DAY)
    assert found[:5] == one[:5]
    assert found.counts.tolist() == [1, 2, 70_000]
