"""Replay: what alerts ask for is in actions.jsonl, the same bytes whatever the order in which things are read."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from monitored import PANE, reference

from operators.records import Topic
from stream.config.load import Config, load
from stream.kafka.messages import rfc3339
from stream.replay.files import FileLane
from stream.replay.results import ACTIONS, ALERTS, lines_of
from stream.replay.run import replay
from stream.simulate.generator import Generator
from stream.simulate.shifts import Shift
from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

START = 1_780_000_000_000
RATE = 300
SECONDS = 40
SHIFTED = Shift("mean", "age", 1.0, 6 * PANE)


def config_at(directory: Path, actions: str, retrain: str) -> Config:
    """A config in a directory, with panes of a second and a rule on the model."""
    (directory / "reference.json").write_bytes(to_json(reference()))
    path = directory / "c.yaml"
    path.write_text(f"""
time: {{pane: 1s, lateness: 500ms, idle_after: 1s}}
alerting: {{resolve_after: 5s}}
actions: {{{actions}}}
models:
  - name: click
    task: binary
    reference: reference.json
    drift: {{windows: ["1s", "5s"]}}
    prediction: {{windows: ["1s", "5s"]}}
    quality: {{windows: ["1s"], no_data_after: 30s}}
    retrain: {{{retrain}}}
""")
    return load(path, {})


@pytest.fixture(scope="module")
def predictions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty seconds of predictions, of which the last thirty-four are shifted."""
    generator = Generator(reference(), seed=5, shifts=(SHIFTED,), error_rate=0.01)
    lines = generator.encode(generator.batch(SECONDS * RATE, START, START + SECONDS * PANE))
    path = tmp_path_factory.mktemp("rows") / "p.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def asked(directory: Path, config: Config, predictions: Path, control: Path | None = None) -> list[dict[str, Any]]:
    """The actions of a replay."""
    lanes = [FileLane(predictions)] + ([] if control is None else [FileLane(control, Topic.CONTROL)])
    replay(config, {"click": reference()}, lanes, directory / "out", evaluations="changes")
    return list(lines_of(directory / "out" / ACTIONS))


def test_drift_asks_for_a_retraining(tmp_path: Path, predictions: Path) -> None:
    """In dry run unless told otherwise, three seconds after the alert that is its cause, with the sentence of that."""
    config = config_at(tmp_path, "", "schedule: null, drift: {for: 3s}")
    (action,) = asked(tmp_path, config, predictions)
    fired = next(event for event in lines_of(tmp_path / "out" / ALERTS) if event["state"] == "firing")
    assert (action["action"], action["state"], action["trigger"]) == ("retrain", "requested", "drift")
    assert action["dry_run"] is True
    assert action["cause"] == fired["id"]
    assert fired["reason"] in action["reason"]
    assert action["requested_at"] == rfc3339(_ms(fired["started_at"]) + 3 * PANE)
    since, until = action["data"]["from"], action["data"]["until"]
    assert until == action["requested_at"]
    assert action["data"]["command"] == (
        f"driftgauge export labelled --model click --from {since} --until {until} -o click.parquet"
    )


def test_what_people_say_is_heard(tmp_path: Path, predictions: Path) -> None:
    """A control file: approval lets the retraining go, a report ends it, in the order of event time."""
    config = config_at(tmp_path, "mode: live", "schedule: null, drift: {for: 3s}, approval: always")
    (first,) = asked(tmp_path, config, predictions)
    assert first["state"] == "awaiting_approval"
    control = tmp_path / "control.jsonl"
    words = [
        {"id": "1", "kind": "approve", "at": 14, "by": "ann"},
        {"id": "2", "kind": "done", "at": 20, "outcome": {"version": "2", "gain": 0.01}},
        {"id": "1", "kind": "approve", "at": 30},
    ]
    for word in words:
        word |= {"model": "click", "action": first["id"], "timestamp": START + word.pop("at") * PANE}
    control.write_text("".join(json.dumps(word) + "\n" for word in words))
    steps = asked(tmp_path, config, predictions, control)
    assert [step["state"] for step in steps] == ["awaiting_approval", "requested", "completed"]
    assert {step["id"] for step in steps} == {first["id"]}
    assert steps[1]["approved_by"] == "ann"
    assert steps[2]["outcome"]["version"] == "2"
    assert steps[2]["event_time"] == rfc3339((START + 20 * PANE) // PANE * PANE + PANE)


def test_what_is_not_done_in_time_is_an_alert(tmp_path: Path, predictions: Path) -> None:
    """At the deadline, in event time; a minute is the shortest that may be asked for, so the traffic stops before."""
    config = config_at(tmp_path, "mode: live", "schedule: null, drift: {for: 3s}, complete_within: 1m")
    control = tmp_path / "late.jsonl"
    late = {"id": "x", "kind": "request", "model": "click", "action": "review", "timestamp": START + 90 * PANE}
    control.write_text(json.dumps(late) + "\n")
    longer = tmp_path / "longer.jsonl"
    last = json.loads(predictions.read_bytes().splitlines()[-1])
    longer.write_bytes(predictions.read_bytes() + json.dumps({**last, "timestamp": START + 95 * PANE}).encode() + b"\n")
    steps = asked(tmp_path, config, longer, control)
    assert [step["action"] for step in steps] == ["retrain", "review"]
    alerts = [event for event in lines_of(tmp_path / "out" / ALERTS) if event["alert"] == "ActionOverdue"]
    assert [(event["state"], event["event_time"]) for event in alerts] == [("firing", steps[0]["complete_by"])]
    assert steps[0]["id"] in alerts[0]["reason"]


def test_the_same_bytes_from_one_file_and_from_three(tmp_path: Path, predictions: Path) -> None:
    """What is decided does not depend on how the traffic is spread over partitions."""
    config = config_at(tmp_path, "mode: live", "drift: {for: 3s}, schedule: {cron: '* * * * *'}, cooldown: 5s")
    asked(tmp_path, config, predictions)
    whole = (tmp_path / "out" / ACTIONS).read_bytes()
    lines = predictions.read_bytes().splitlines(keepends=True)
    parts = []
    for number in range(3):
        parts.append(tmp_path / f"{number}.jsonl")
        parts[-1].write_bytes(b"".join(lines[number::3]))
    replay(config, {"click": reference()}, list(map(FileLane, parts)), tmp_path / "parts", evaluations="all")
    assert whole.count(b"\n") >= 2
    assert (tmp_path / "parts" / ACTIONS).read_bytes() == whole


def test_off_is_off(tmp_path: Path, predictions: Path) -> None:
    """No step of actions is even built."""
    assert asked(tmp_path, config_at(tmp_path, "mode: off", "drift: {for: 3s}"), predictions) == []


def _ms(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp() * 1000)
