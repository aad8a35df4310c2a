"""A canary through the whole dataflow: two versions beside each other, labels later, and what is asked for."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from monitored import PANE, acting, reference

from operators.records import Topic
from stream.replay.files import FileLane
from stream.replay.results import ACTIONS, lines_of
from stream.replay.run import replay
from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from pathlib import Path

    from stream.config.load import Config

START = 1_780_000_000_000
RATE, SECONDS = 80, 260


def config_at(directory: Path, margin: float, approval: str) -> Config:
    """A config in a directory: panes of a second, cohorts of a minute in slices of two and a half seconds."""
    limits = f"margin: {margin}, share: 0.5, min: 1m, max: 4m, approval: {approval}"
    return acting(directory, f"canary: {{metric: accuracy, {limits}}}")


def traffic(directory: Path, right: dict[str, float]) -> tuple[Path, Path]:
    """Predictions of 1, and half of them of 2 from ten seconds on; labels a second later, so many right of each."""
    generator, chance = Generator(reference(), seed=5, rfc3339=False), random.Random(3)
    served, known = [], []
    for line in generator.encode(generator.batch(SECONDS * RATE, START, START + SECONDS * PANE)):
        row: dict[str, Any] = json.loads(line)
        row["version"] = "2" if row["timestamp"] >= START + 10 * PANE and chance.random() < 0.5 else "1"
        said = row["prediction"] >= 0.5
        label = int(said if chance.random() < right[row["version"]] else not said)
        served.append(row)
        said_at = {"prediction_id": row["prediction_id"], "timestamp": row["timestamp"] + PANE}
        known.append({**said_at, "model": "click", "label": label})
    files = directory / "p.jsonl", directory / "f.jsonl"
    for file, rows in zip(files, (served, known), strict=True):
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return files


def asked(directory: Path, config: Config, files: tuple[Path, Path]) -> list[dict[str, Any]]:
    """What is requested because of a canary."""
    lanes = [FileLane(files[0]), FileLane(files[1], Topic.FEEDBACK)]
    replay(config, {"click": reference()}, lanes, directory / "out", evaluations="none")
    return [one for one in lines_of(directory / "out" / ACTIONS) if one["trigger"] == "canary"]


@pytest.mark.parametrize(
    ("right", "action", "state", "target"),
    [
        ({"1": 0.95, "2": 0.70}, "rollback", "requested", "1"),
        ({"1": 0.90, "2": 0.99}, "promote", "awaiting_approval", "2"),
        ({"1": 0.70, "2": 0.70}, "review", "requested", None),
    ],
    ids=["worse", "better", "equal"],
)
def test_what_comes_of_a_new_version(
    tmp_path: Path, right: dict[str, float], action: str, state: str, target: str | None
) -> None:
    """Worse is rolled back, better promoted with approval; at four minutes equal ones are not told apart: a review."""
    margin = 0.001 if action == "review" else 0.05
    config = config_at(tmp_path, margin, "always" if action == "promote" else "never")
    (found,) = asked(tmp_path, config, traffic(tmp_path, right))
    assert (found["action"], found["state"], found["target_version"]) == (action, state, target)
    assert (found["version"], found["outcome"]["version"]) == ("2", "2")
    apart = right["2"] - right["1"]
    assert found["outcome"]["lower"] <= apart <= found["outcome"]["upper"]
    if action == "rollback":
        assert found["outcome"]["upper"] < -margin
    if action == "review":
        assert "undecided" in found["reason"]
