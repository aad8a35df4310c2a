"""Replay: the same dataflow over files and offset ranges, with nothing lost and nothing left to chance."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Producer
from monitored import PANE, ROOT, Monitor, Site, Traffic, reference
from pyarrow import csv
from typer.testing import CliRunner
from waiting import GUARD, until

from operators.records import Topic
from stream.cli.app import app
from stream.cli.replay import overrides
from stream.config.load import Config, load
from stream.errors import UsageError
from stream.kafka.messages import rfc3339
from stream.replay.files import FileLane, files_of
from stream.replay.lanes import PANES_A_BLOCK, Block, Lane
from stream.replay.results import ACTIONS, ALERTS, DEAD_LETTERS, EVALUATIONS, FILES, lines_of
from stream.replay.run import InterruptedReplay, replay
from stream.replay.tables import TableLane
from stream.replay.topics import Place, parse_place, ranges
from stream.simulate.generator import Generator
from stream.simulate.shifts import Shift
from windows.references.reference import seal, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from brokers import Broker
    from click.testing import Result

    from operators.records import Envelopes
    from stream.replay.summary import Summary
    from windows.references.reference import Reference

START = 1_780_000_000_000
RATE = 300


def config_at(directory: Path, env: dict[str, str] | None = None) -> Config:
    """A config in a directory, with panes of a second."""
    (directory / "reference.json").write_bytes(to_json(reference()))
    path = directory / "c.yaml"
    path.write_text("""
time: {pane: 1s, lateness: 500ms, idle_after: 1s}
alerting: {resolve_after: 5s}
models:
  - name: click
    task: binary
    reference: reference.json
    drift: {windows: ["1s", "5s"]}
    prediction: {windows: ["1s", "5s"]}
    quality: {windows: ["1s"], no_data_after: 30s}
""")
    return load(path, env or {})


def predictions(seconds: int, *shifts: Shift, rate: int = RATE) -> list[bytes]:
    """Predictions of some seconds of event time."""
    generator = Generator(reference(), seed=5, shifts=shifts, error_rate=0.01)
    return generator.encode(generator.batch(seconds * rate, START, START + seconds * PANE))


SECONDS = 12
SHIFTED = Shift("mean", "age", 1.0, 6 * PANE)


def write(path: Path, lines: Iterable[bytes]) -> Path:
    """A file of lines."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def run(directory: Path, *files: Path, env: dict[str, str] | None = None, out: str = "out", **options: Any) -> Summary:
    """Replay files."""
    config = config_at(directory, env)
    return replay(config, {"click": reference()}, [FileLane(path) for path in files], directory / out, **options)


def contents(directory: Path, out: str = "out") -> dict[str, bytes]:
    """The bytes of every file a replay wrote."""
    return {path.name: path.read_bytes() for path in (directory / out).iterdir() if path.is_file()}


def alerts(directory: Path, out: str = "out") -> list[dict[str, Any]]:
    """Alert events."""
    return list(lines_of(directory / out / ALERTS))


def with_other(config: Config) -> tuple[Config, dict[str, Reference]]:
    """The config with a second model like the first, and the references of both."""
    (click,) = config.models
    both = config.model_copy(update={"models": (click, click.model_copy(update={"name": "other"}))})
    return both, {"click": reference(), "other": seal(dataclasses.replace(reference(), model="other"))}


def test_a_shift_in_a_file_becomes_an_alert(tmp_path: Path) -> None:
    """The alert names the shifted feature, within two panes of event time, and was emitted at the time of its event."""
    summary = run(tmp_path, write(tmp_path / "p.jsonl", predictions(SECONDS, SHIFTED)))
    assert summary.read == summary.folded == SECONDS * RATE
    assert summary.balanced
    (fired,) = [event for event in alerts(tmp_path) if event["state"] == "firing"]
    assert (fired["alert"], fired["causes"][0]["feature"]) == ("DataDrift", "age")
    assert fired["started_at"] in {rfc3339(START + at * PANE) for at in (7, 8)}
    assert fired["emitted_at"] == fired["event_time"]
    assert summary.fired == {"DataDrift": 1}
    assert summary.firing == (("click", "1", "", "DataDrift", "critical"),)
    assert set(contents(tmp_path)) == set(FILES)
    assert contents(tmp_path)[ACTIONS] == b""


def test_every_pane_is_judged_once(tmp_path: Path) -> None:
    """Twelve seconds of traffic are twelve windows of 1 s and as many of 5 s, the last pane included."""
    summary = run(tmp_path, write(tmp_path / "p.jsonl", predictions(SECONDS)))
    rows = list(lines_of(tmp_path / "out" / EVALUATIONS))
    ends = [rfc3339(START // PANE * PANE + at * PANE) for at in range(1, SECONDS + 1)]
    for size in ("1s", "5s"):
        found = [
            row["window"]["end"] for row in rows if row["window"]["size"] == size and row["metric"] == "throughput"
        ]
        assert found == ends
    assert summary.windows == 2 * SECONDS
    assert summary.evaluations == len(rows)
    second = [row for row in rows if row["metric"] == "throughput" and row["window"]["size"] == "1s"]
    assert [row["value"] for row in second] == [RATE] * SECONDS


def test_two_replays_are_the_same_bytes(tmp_path: Path) -> None:
    """Poison and several files included."""
    lines = predictions(10, SHIFTED)
    lines[5] = b"\xff"
    files = [write(tmp_path / "1.jsonl", lines[::2]), write(tmp_path / "2.jsonl", [*lines[1::2], b"nope"])]
    run(tmp_path, *files)
    run(tmp_path, *files, out="again")
    assert contents(tmp_path) == contents(tmp_path, "again")


def test_order_within_the_lateness_changes_nothing(tmp_path: Path) -> None:
    """Lines shuffled by less than the lateness give the same evaluations and alerts."""
    lines = predictions(SECONDS, SHIFTED)
    jitter = random.Random(3)
    shuffled = [line for _, line in sorted((at + jitter.random() * RATE * 0.4, line) for at, line in enumerate(lines))]
    assert shuffled != lines
    run(tmp_path, write(tmp_path / "p.jsonl", lines))
    summary = run(tmp_path, write(tmp_path / "s.jsonl", shuffled), out="shuffled")
    assert summary.late == 0
    assert contents(tmp_path) == contents(tmp_path, "shuffled")


@pytest.mark.parametrize("how", ["one after the other", "overlapping", "backwards", "one without records"])
def test_files_are_told_apart_as_partitions_are(tmp_path: Path, how: str) -> None:
    """However the predictions are spread over files, and in whatever order these are named, the result is the same."""
    lines = predictions(SECONDS, SHIFTED)
    half = len(lines) // 2
    parts = {
        "one after the other": [lines[:half], lines[half:]],
        "overlapping": [lines[::3], lines[1::3], lines[2::3]],
        "backwards": [lines[half:], lines[:half]],
        "one without records": [lines[:half], [], [b" " * 20], lines[half:]],
    }[how]
    run(tmp_path, write(tmp_path / "whole.jsonl", lines))
    summary = run(tmp_path, *(write(tmp_path / f"{at}.jsonl", part) for at, part in enumerate(parts)), out="parts")
    assert summary.late == 0
    assert contents(tmp_path) == contents(tmp_path, "parts")


@pytest.mark.parametrize("form", ["gzip", "crlf", "bom", "no last line break", "blank lines"])
def test_forms_of_the_same_lines(tmp_path: Path, form: str) -> None:
    """A file may be compressed, come from Windows, end without a line break and hold blank lines."""
    lines = predictions(5)
    plain = write(tmp_path / "p.jsonl", lines)
    data = plain.read_bytes()
    other = tmp_path / "other"
    other.write_bytes(
        {
            "gzip": gzip.compress(data[:5_000]) + gzip.compress(data[5_000:]),
            "crlf": data.replace(b"\n", b"\r\n"),
            "bom": b"\xef\xbb\xbf" + data,
            "no last line break": data[:-1],
            "blank lines": b"\n\r\n" + data.replace(b"\n", b"\n   \n\n"),
        }[form]
    )
    first, second = run(tmp_path, plain), run(tmp_path, other, out="other-out")
    assert first.read == second.read == len(lines)
    assert contents(tmp_path) == contents(tmp_path, "other-out")


def test_dead_letters_say_which_line_and_why(tmp_path: Path) -> None:
    """The bytes as they came (base64 where they are no text), the line's number, and the reason."""
    lines = predictions(1)
    bad = {
        3: b"nope",
        5: b'{"model":"click","version":"\xff","timestamp":1780000000000,"features":{}}',
        8: b'{"model":"other"}',
        9: b'{"model":"click","features":{"age":1.0}}',
        RATE + 4: b'{"model":"click","timestamp":"2199-01-01T00:00:00Z","features":{}}',
    }
    for number, line in bad.items():
        lines.insert(number - 1, line)
    path = write(tmp_path / "p.jsonl", [b"", *lines])
    summary = run(tmp_path, path)
    assert summary.dead == dict.fromkeys(
        ("broken_json", "invalid_text", "missing_field", "timestamp_ahead", "unknown_model"), 1
    )
    assert summary.read == len(lines)
    assert summary.balanced
    letters = {letter["offset"]: letter for letter in lines_of(tmp_path / "out" / DEAD_LETTERS)}
    assert set(letters) == {number + 1 for number in bad}
    for number, line in bad.items():
        letter = letters[number + 1]
        found = base64.b64decode(letter["value_base64"]) if "value_base64" in letter else letter["value"].encode()
        assert found == line
        assert (letter["topic"], letter["partition"], letter["key"], letter["headers"]) == (str(path), 0, None, [])
    assert letters[10]["reason"] == "missing_field"
    assert letters[10]["detail"].startswith("no timestamp")


@pytest.mark.parametrize("at_the_end", [True, False])
def test_late_lines_are_counted(tmp_path: Path, at_the_end: bool) -> None:
    """The sum read = folded + late + dead letters holds whether or not anything in time follows the late lines."""
    lines, late = predictions(10), predictions(1)[:7]
    lines = [*lines, *late] if at_the_end else [*lines[:2_500], *late, *lines[2_500:]]
    summary = run(tmp_path, write(tmp_path / "p.jsonl", lines))
    assert (summary.read, summary.late, summary.folded) == (len(lines), 7, len(lines) - 7)
    assert summary.balanced


def test_a_model_with_late_records_only_is_in_the_balance(tmp_path: Path) -> None:
    """Another model's time made them late, so nothing of theirs was ever folded; they are counted all the same."""
    config = config_at(tmp_path)
    config, references = with_other(config)
    late = [line.replace(b'"click"', b'"other"') for line in predictions(1)[:9]]
    path = write(tmp_path / "p.jsonl", [*predictions(5), *late])
    summary = replay(config, references, [FileLane(path)], tmp_path / "out")
    assert (summary.read, summary.folded, summary.late) == (5 * RATE + 9, 5 * RATE, 9)


def test_evaluations_of_several_models_are_in_the_order_of_time(tmp_path: Path) -> None:
    """Rows of both models are merged by the end of their window, the same each time."""
    config = config_at(tmp_path)
    config, references = with_other(config)
    lines = predictions(SECONDS)
    mixed = write(
        tmp_path / "m.jsonl",
        [line.replace(b'"click"', b'"other"') if at % 2 else line for at, line in enumerate(lines)],
    )
    replay(config, references, [FileLane(mixed)], tmp_path / "out")
    replay(config, references, [FileLane(mixed)], tmp_path / "again")
    rows = list(lines_of(tmp_path / "out" / EVALUATIONS))
    assert {row["model"] for row in rows} == {"click", "other"}
    ends = [row["window"]["end"] for row in rows]
    assert ends == sorted(ends)
    assert contents(tmp_path) == contents(tmp_path, "again")


def test_a_gap_in_time_is_no_data(tmp_path: Path) -> None:
    """Three quarters of a minute without predictions is NoData in replay too, and resolves once they are back."""
    lines = predictions(60, rate=50)
    gap = [*lines[: 5 * 50], *lines[50 * 50 :]]
    run(tmp_path, write(tmp_path / "p.jsonl", gap))
    events = [(event["state"], event["started_at"]) for event in alerts(tmp_path) if event["alert"] == "NoData"]
    fired = rfc3339(START // PANE * PANE + 35 * PANE)
    assert events == [("firing", fired), ("resolved", fired)]


def test_thresholds_can_be_tried(tmp_path: Path) -> None:
    """With higher thresholds in place of the config's, the same predictions fire nothing."""
    path = write(tmp_path / "p.jsonl", predictions(SECONDS, SHIFTED))
    given = overrides(["models.0.drift.ks=null", "models.0.drift.psi={major: 5.0}"])
    summary = run(tmp_path, path, env={"DRIFTGAUGE__MODELS__0__DRIFT__KS": "{major: 0.1}", **given})
    assert summary.fired == {}


def test_a_model_has_severities_of_its_own(tmp_path: Path) -> None:
    """The alert is the same, with another severity than it has for other models."""
    path = write(tmp_path / "p.jsonl", predictions(SECONDS, SHIFTED))
    run(tmp_path, path)
    given = overrides(["models.0.severity.DataDrift.major=info", "alerting.severity.DataDrift.major=warning"])
    run(tmp_path, path, env=given, out="own")
    usual, own = ([(one["alert"], one["state"]) for one in alerts(tmp_path, out)] for out in ("out", "own"))
    assert own == usual
    assert {one["severity"] for one in alerts(tmp_path) if one["alert"] == "DataDrift"} >= {"critical"}
    assert {one["severity"] for one in alerts(tmp_path, "own") if one["alert"] == "DataDrift"} == {"info"}


def test_without_evaluations_alerts_are_the_same(tmp_path: Path) -> None:
    """Not writing evaluations changes no verdict."""
    path = write(tmp_path / "p.jsonl", predictions(SECONDS, SHIFTED))
    run(tmp_path, path)
    run(tmp_path, path, out="fewer", evaluations="none")
    full, fewer = contents(tmp_path), contents(tmp_path, "fewer")
    assert fewer[EVALUATIONS] == b""
    assert full[EVALUATIONS]
    assert full[ALERTS] == fewer[ALERTS]


def test_changes_are_those_of_all_evaluations_that_say_something_new(tmp_path: Path) -> None:
    """Every row is one of the full file, each stream begins with its first, and alerts are the same.

    But for the bounds of latencies, which are made where an objective reads them.
    """
    path = write(tmp_path / "p.jsonl", predictions(SECONDS, SHIFTED))
    run(tmp_path, path)
    summary = run(tmp_path, path, out="changes", evaluations="changes")
    full, fewer = contents(tmp_path), contents(tmp_path, "changes")
    assert full[ALERTS] == fewer[ALERTS]
    every, chosen = full[EVALUATIONS].splitlines(), fewer[EVALUATIONS].splitlines()
    assert {line for line in chosen if b'"latency_p' not in line} < set(every)
    assert summary.evaluations == len(chosen)

    def judged(lines: list[bytes]) -> dict[tuple[str, ...], list[str]]:
        found: dict[tuple[str, ...], list[str]] = {}
        for row in map(json.loads, lines):
            key = tuple(row[name] for name in ("version", "segment", "kind", "feature", "metric"))
            found.setdefault((*key, row["window"]["size"]), []).append(row["status"])
        return found

    everything, told = judged(every), judged(chosen)
    assert {key[4] for key in told} >= {"psi", "ks", "missing_ratio", "throughput", "availability"}
    for key, statuses in told.items():
        assert statuses[0] == everything[key][0]
        assert {*statuses} == {*everything[key]}


class Sparse:
    """A lane that notes the sizes of its blocks: one record a pane."""

    topic, holds, source, largest = "sparse", Topic.PREDICTIONS, None, 1 << 12

    def __init__(self, lines: list[bytes]) -> None:
        self._lines, self.total, self.done, self.sizes = lines, len(lines), 0, list[int]()

    def read(self, size: int) -> Block:
        """The next `size` lines."""
        lines = self._lines[self.done : self.done + size]
        self.done += len(lines)
        self.sizes.append(len(lines))
        return Block(lines, None, NOTHING, self.done == self.total)

    def close(self) -> None:
        """Nothing."""


class _Nothing:
    def key(self, index: int) -> None:
        """None."""

    def headers(self, index: int) -> tuple[()]:  # noqa: ARG002 - the protocol's signature
        """None."""
        return ()

    def offset(self, index: int) -> int:
        """The position."""
        return index


NOTHING: Envelopes = _Nothing()


def test_thin_traffic_is_read_in_short_blocks(tmp_path: Path) -> None:
    """A block covers no more than about PANES_A_BLOCK panes, however many records would fit in."""
    lane = Sparse(predictions(600, rate=1))
    ready: Lane = lane
    summary = replay(config_at(tmp_path), {"click": reference()}, [ready], tmp_path / "out", evaluations="none")
    assert summary.folded == 600
    assert max(lane.sizes) <= 2 * PANES_A_BLOCK
    assert sum(lane.sizes) == 600


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_gives_what_its_lines_give(tmp_path: Path, form: str) -> None:
    """A column a feature, times as timestamps or numbers, no column for the only model: the same files."""
    lines = [line for line in predictions(SECONDS, SHIFTED) if b'"error"' not in line]
    records = [json.loads(line) for line in lines]
    rows = [
        {
            **{name: value for name, value in record.items() if name not in {"features", "context", "model"}},
            **record["features"],
            **record.get("context", {}),
        }
        for record in records
    ]
    table = pa.Table.from_pylist(rows)
    path = tmp_path / f"p.{form}"
    if form == "csv":
        csv.write_csv(table, path)
    else:
        stamps = pc.cast(table["timestamp"], pa.timestamp("ms", tz="UTC"))
        place = table.schema.get_field_index("timestamp")
        pq.write_table(table.set_column(place, "timestamp", stamps), path)
    run(tmp_path, write(tmp_path / "p.jsonl", lines))
    config = config_at(tmp_path)
    lane = TableLane(path, Topic.PREDICTIONS, config, {"click": reference()})
    summary = replay(config, {"click": reference()}, [lane], tmp_path / "table", evaluations="all")
    assert summary.folded == len(lines)
    whole, read = contents(tmp_path), contents(tmp_path, "table")
    assert read[ALERTS] == whole[ALERTS]
    assert read[EVALUATIONS] == whole[EVALUATIONS]


def test_feedback_may_be_a_table(tmp_path: Path) -> None:
    """Ids are text, whatever they look like, and other columns than those of feedback are left out."""
    path = tmp_path / "f.csv"
    path.write_text("prediction_id,timestamp,label,note\n007,1780000000000,1,x\n8,1780000000500.0,0,\n")
    lane = TableLane(path, Topic.FEEDBACK, config_at(tmp_path), {"click": reference()})
    block = lane.read(10)
    assert block.ended
    assert [json.loads(value or b"") for value in block.values] == [
        {"prediction_id": "007", "timestamp": 1780000000000, "label": 1, "model": "click"},
        {"prediction_id": "8", "timestamp": 1780000000500, "label": 0, "model": "click"},
    ]


def test_an_early_end_leaves_the_directory_as_it_was(tmp_path: Path) -> None:
    """Stopped before anything is found: no file is changed and none is left behind."""
    path = write(tmp_path / "p.jsonl", predictions(5))
    run(tmp_path, path)
    before = contents(tmp_path)
    stop = threading.Event()
    stop.set()
    with pytest.raises(InterruptedReplay, match="is as it was before"):
        run(tmp_path, write(tmp_path / "q.jsonl", predictions(9)), stop=stop)
    assert contents(tmp_path) == before


def test_what_was_found_until_it_was_stopped_is_written(tmp_path: Path) -> None:
    """Stopped in the middle: every file is whole lines, and the beginning of what the undisturbed replay writes."""
    path = write(tmp_path / "p.jsonl", predictions(60, SHIFTED))
    run(tmp_path, path)
    stop = threading.Event()

    def halfway(share: float, _: int) -> None:
        if share > 0.5:
            stop.set()

    with pytest.raises(InterruptedReplay, match="holds what was found up to"):
        run(tmp_path, path, out="half", progress=halfway, stop=stop)
    whole, half = contents(tmp_path), contents(tmp_path, "half")
    assert set(half) == set(FILES)
    for name in (ALERTS, EVALUATIONS):
        assert half[name].endswith(b"\n")
        assert whole[name].startswith(half[name])
    assert len(half[EVALUATIONS]) < len(whole[EVALUATIONS])


def test_progress_goes_from_0_to_1(tmp_path: Path) -> None:
    """The share that is read never falls and ends at 1, for compressed files too."""
    data = b"\n".join(predictions(20))
    (tmp_path / "1").write_bytes(data)
    (tmp_path / "2").write_bytes(gzip.compress(data))
    shares: list[float] = []
    run(tmp_path, tmp_path / "1", tmp_path / "2", progress=lambda share, _: shares.append(share))
    assert shares == sorted(shares)
    assert 0.0 < shares[0] < shares[-1] == 1.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(b"x\n" * 100_000, mtime=0)[:100], "cannot be read after line"),
        (b"\x1f\x8b\x00nonsense", "cannot be read after line 0: "),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    """A file that ends early or is no gzip after all is told by name, and nothing is written."""
    (tmp_path / "p.gz").write_bytes(content)
    with pytest.raises(UsageError, match=said) as caught:
        run(tmp_path, tmp_path / "p.gz")
    assert str(caught.value).startswith(f"{tmp_path}/p.gz: ")
    assert contents(tmp_path) == {}


def test_patterns_name_files_in_order(tmp_path: Path) -> None:
    """A pattern stands for its matches by name; what matches nothing, is a directory or comes twice is refused."""
    for name in ("b.jsonl", "a.jsonl", "c.txt"):
        (tmp_path / name).touch()
    assert files_of([f"{tmp_path}/c.txt", f"{tmp_path}/*.jsonl"]) == [
        tmp_path / name for name in ("c.txt", "a.jsonl", "b.jsonl")
    ]
    for given, said in [
        ([f"{tmp_path}/*.csv"], "no file matches"),
        ([f"{tmp_path}/d"], "no such file"),
        ([str(tmp_path)], "is a directory"),
        ([f"{tmp_path}/a.jsonl", f"{tmp_path}/*.jsonl"], "named twice"),
    ]:
        with pytest.raises(UsageError, match=said):
            files_of(given)


def test_lines_of_a_file_are_read_whole_at_any_size(tmp_path: Path) -> None:
    """Blocks of any size hold whole lines, all of them, in order, numbered from 1."""
    jitter = random.Random(1)
    lines = [b"%d:" % number + b"x" * jitter.randrange(1, 3_000) for number in range(500)]
    path = write(tmp_path / "p", lines)
    for size in (1, 100, 5_000, 1 << 20):
        lane = FileLane(path)
        found: list[bytes | None] = []
        ended = False
        while not ended:
            block = lane.read(size)
            ended = block.ended
            assert all(block.envelopes.offset(at) == len(found) + at + 1 for at in range(len(block.values)))
            found += block.values
        assert found == lines
        assert lane.done == lane.total == path.stat().st_size


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--predictions", "no-such-file"], "--predictions no-such-file: no such file"),
        (["--predictions", "c.yaml", "--from", "3"], "--from 3: needs --predictions kafka; files are read whole"),
        (["--predictions", "kafka", "--to", "tomorrow"], "--to tomorrow: allowed is an offset, a time such as"),
        (["--predictions", "kafka", "--from", "2026-01-01T00:00:00"], "--from 2026-01-01T00:00:00: allowed is"),
        (["--predictions", "kafka", "--predictions", "c.yaml"], "--predictions kafka: cannot be combined with files"),
        (["--predictions", "c.yaml", "--set", "time.pane"], "--set time.pane: allowed is PATH=VALUE"),
        (["--predictions", "c.yaml", "--set", "time.pain=1s"], "time.pain"),
    ],
)
def test_mistakes_are_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    """Options that cannot be meant are refused with what is allowed."""
    config_at(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["replay", "--config", "c.yaml", "--out", "out", *arguments])
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2
    assert said in str(result.exception)
    assert len(str(result.exception).splitlines()) == 1


def test_the_summary_is_printed(tmp_path: Path) -> None:
    """What was read, folded, late and rejected, what fired, and where it is written."""
    config_at(tmp_path)
    write(tmp_path / "p.jsonl", [*predictions(SECONDS, SHIFTED), b"nope"])
    arguments = ["replay", "-c", f"{tmp_path}/c.yaml", "--predictions", f"{tmp_path}/*.jsonl", "-o", f"{tmp_path}/out"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert (
        f"{SECONDS * RATE + 1:,} records read = {SECONDS * RATE:,} folded + 0 late + 1 dead letters (broken_json 1)"
        in result.output
    )
    assert f"{2 * SECONDS} windows judged" in result.output
    assert "1 alerts fired (DataDrift 1), 0 resolved" in result.output
    assert "firing at the end: DataDrift of click version 1, critical" in result.output


def invoke(directory: Path, name: str) -> Result:
    """The command on one file."""
    config_at(directory)
    return CliRunner().invoke(
        app, ["replay", "-c", f"{directory}/c.yaml", "--predictions", name, "-o", f"{directory}/out"]
    )


@pytest.mark.parametrize(
    ("late", "said"), [(30, ""), (31, "1.0 % of the records came late: the file is not in time order")]
)
def test_a_file_out_of_order_is_told(tmp_path: Path, late: int, said: str) -> None:
    """With more than 1 % late the last line says what to do about it."""
    on_time = predictions(10)[: 3_000 - 30]
    path = write(tmp_path / "p.jsonl", [*on_time, *predictions(1)[:late]])
    result = invoke(tmp_path, str(path))
    assert result.exit_code == 0, result.output
    assert f"{late} late" in result.output
    assert said in result.output.splitlines()[-1]
    assert ("sort it by timestamp" in result.output) == (late > 30)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("train.jsonl", b"age,country\n" + b"41.5,de\n" * 50, "; is the input JSON Lines, one prediction a line? All"),
        (
            "train.jsonl",
            b"PAR1\x00\xff" + bytes(range(256)) * 9,
            "; is the input JSON Lines, one prediction a line? All",
        ),
        ("train.jsonl", b'{"model":"clack","features":{},"timestamp":1780000000000}\n' * 7, "for unknown_model ("),
    ],
)
def test_a_file_of_another_format_is_an_error(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    """When no record can be used that is one line and exit code 2; the dead letters are written all the same."""
    path = tmp_path / name
    path.write_bytes(content)
    result = invoke(tmp_path, str(path))
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2
    assert said in str(result.exception)
    assert len(str(result.exception).splitlines()) == 1
    assert len(list(lines_of(tmp_path / "out" / DEAD_LETTERS))) > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_trace(tmp_path: Path, number: signal.Signals) -> None:
    """Exit 1 and one line; what is there is whole lines."""
    config_at(tmp_path)
    os.mkfifo(tmp_path / "endless")
    arguments = ["replay", "-c", f"{tmp_path}/c.yaml", "--predictions", f"{tmp_path}/endless", "-o", f"{tmp_path}/out"]
    process = subprocess.Popen([sys.executable, "-m", "stream.cli.app", *arguments], stderr=subprocess.PIPE, cwd=ROOT)
    lines = b"".join(line + b"\n" for line in predictions(2))
    try:
        with (tmp_path / "endless").open("wb", buffering=0) as pipe:
            pipe.write(lines)
            until((tmp_path / "out").exists)
            process.send_signal(number)
            with suppress(BrokenPipeError):
                until(lambda: process.poll() is not None or not pipe.write(lines))
        _, stderr = process.communicate(timeout=GUARD)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 1
    said = rf"interrupted: {tmp_path}/out (is as it was before|holds what was found up to [0-9T:.-]+Z)\n"
    assert re.fullmatch(said, stderr.decode())
    assert all(data.endswith(b"\n") for data in contents(tmp_path).values() if data)


def test_places_in_a_topic_can_be_named() -> None:
    """Offsets, times with an offset from UTC, and the two ends."""
    assert parse_place("--from", "12") == Place(offset=12)
    assert parse_place("--from", "2026-01-01T01:00:00+01:00") == Place(time=1_767_225_600_000)
    assert parse_place("--to", "latest") == Place(latest=True)
    assert parse_place("--to", "earliest") == Place()


def topic_lanes(site: Site, begin: str = "earliest", end: str = "latest") -> Sequence[Lane]:
    """The lanes between two places of a site's topic."""
    from stream.replay.topics import TopicLane, quiet_consumer  # noqa: PLC0415 - as the command does

    properties = quiet_consumer(site.config.kafka)
    chosen = ranges(properties, site.predictions, parse_place("--from", begin), parse_place("--to", end))
    return [TopicLane(properties, site.predictions, each) for each in chosen]


def test_a_topic_replays_to_what_the_monitor_found(broker: Broker, tmp_path: Path) -> None:
    """The same evaluations and alert ids as the live monitor wrote, as far as it had come; dead letters with keys."""
    site = Site(tmp_path / "live", broker, broker.topic("predictions"), idle_after="1h")
    traffic = Traffic(site, int(time.time() * 1e3) - 90_000, shifts=(Shift("mean", "age", 1.0, 6 * PANE),))
    traffic.write(10)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    producer.produce(site.predictions, b"nope", key=b"\xff", headers=[("a", b"1"), ("b", None)], partition=2)
    assert producer.flush(GUARD) == 0
    with Monitor(site) as running:
        running.until(lambda: running.watermark >= traffic.closable)
    live = {message.value() for message in site.read("evaluations")}
    summary = replay(site.config, {"click": reference()}, topic_lanes(site), tmp_path / "out")
    assert (summary.read, summary.folded) == (traffic.count + 1, traffic.count)
    replayed = (tmp_path / "out" / EVALUATIONS).read_bytes().splitlines()
    until_then = {line for line in replayed if json.loads(line)["window"]["end"] <= rfc3339(traffic.closable)}
    assert live == until_then
    assert len(live) > 500
    assert [event["id"] for event in site.alerts()] == [event["id"] for event in alerts(tmp_path)]
    (letter,) = lines_of(tmp_path / "out" / DEAD_LETTERS)
    assert (letter["partition"], letter["value"], letter["key_base64"]) == (2, "nope", "/w==")
    assert letter["headers"] == [{"name": "a", "value": "1"}, {"name": "b", "value": None}]


def test_a_range_of_offsets_is_read(broker: Broker, tmp_path: Path) -> None:
    """--from and --to as offsets hold in every partition; the second is not included; empty partitions end at once."""
    site = Site(tmp_path / "site", broker, broker.topic("predictions"), evaluations=False)
    lines = predictions(2)
    for partition in (0, 3):
        broker.produce(site.predictions, lines, partition=partition)
    summary = replay(site.config, {"click": reference()}, topic_lanes(site, "10", "25"), tmp_path / "out")
    assert summary.read == summary.folded == 30
    with pytest.raises(UsageError, match="holds no message between"):
        topic_lanes(site, "100000")


@pytest.mark.real_broker
def test_a_range_of_times_is_read(real_broker: Broker, tmp_path: Path) -> None:
    """--from and --to as times are those at which messages were written."""
    site = Site(tmp_path / "site", real_broker, real_broker.topic("predictions"), evaluations=False)
    producer = Producer({"bootstrap.servers": real_broker.bootstrap, "log_level": 0})
    for at, line in enumerate(predictions(4)):
        producer.produce(site.predictions, line, partition=at % 4, timestamp=START + at * PANE // RATE)
    assert producer.flush(GUARD) == 0
    lanes = topic_lanes(site, rfc3339(START + PANE), rfc3339(START + 3 * PANE))
    summary = replay(site.config, {"click": reference()}, lanes, tmp_path / "out", evaluations="none")
    assert summary.read == summary.folded == 2 * RATE
    lanes = topic_lanes(site, rfc3339(START + 3 * PANE), "2027-12-31T00:00:00Z")
    assert replay(site.config, {"click": reference()}, lanes, tmp_path / "out", evaluations="none").read == RATE
