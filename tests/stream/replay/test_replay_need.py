"""The forecast of need through the whole dataflow: labels later, worse than when it was new, and what is asked for."""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import TYPE_CHECKING, Any

from monitored import PANE, acting, reference

from operators.records import Topic
from stream.replay.files import FileLane
from stream.replay.results import ACTIONS, EVALUATIONS, lines_of
from stream.replay.run import replay
from stream.simulate.generator import Generator

if TYPE_CHECKING:
    from pathlib import Path

    from stream.config.load import Config

START = 1_780_000_000_000 // 60_000 * 60_000
RATE, SECONDS, WORSE = 60, 300, 150


def config_at(directory: Path, retrain: str) -> Config:
    """A config in a directory: panes of half a second, slices of the forecast of seven and a half."""
    return acting(directory, f"retrain: {{schedule: null, drift: null, {retrain}}}")


def traffic(directory: Path) -> tuple[Path, Path]:
    """Predictions, and their labels a second later: 95 % right, and 75 % from the middle on."""
    generator, chance = Generator(reference(), seed=5, rfc3339=False), random.Random(3)
    served, known = [], []
    for line in generator.encode(generator.batch(SECONDS * RATE, START, START + SECONDS * PANE)):
        row: dict[str, Any] = json.loads(line)
        said = row["prediction"] >= 0.5
        right = 0.95 if row["timestamp"] < START + WORSE * PANE else 0.75
        label = int(said if chance.random() < right else not said)
        served.append(row)
        said_at = {"prediction_id": row["prediction_id"], "timestamp": row["timestamp"] + PANE}
        known.append({**said_at, "model": "click", "label": label})
    files = directory / "p.jsonl", directory / "f.jsonl"
    for file, rows in zip(files, (served, known), strict=True):
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return files


def asked(directory: Path, config: Config, files: tuple[Path, Path]) -> list[dict[str, Any]]:
    """What is requested."""
    lanes = [FileLane(files[0]), FileLane(files[1], Topic.FEEDBACK)]
    replay(config, {"click": reference()}, lanes, directory / "out", evaluations="all")
    return list(lines_of(directory / "out" / ACTIONS))


def test_a_model_that_got_worse_asks_for_a_retraining_by_probability(tmp_path: Path) -> None:
    """Once its probability has stood for ten seconds, within a minute; never where it is only shown."""
    files = traffic(tmp_path)
    need = "need: {horizon: 1m, loss: 0.1}"
    (event,) = asked(tmp_path, config_at(tmp_path, f'{need}, probability: {{above: 0.8, for: "10s"}}'), files)
    assert (event["action"], event["state"], event["trigger"]) == ("retrain", "requested", "probability")
    assert event["probability"] > 0.8
    assert event["reason"].startswith("click version ")
    later = dt.datetime.fromisoformat(event["requested_at"]).timestamp() - START / 1e3 - WORSE
    assert 10 <= later <= 60
    rows = [one for one in lines_of(tmp_path / "out" / EVALUATIONS) if one["kind"] == "need"]
    came = {one["window"]["start"]: one["value"] for one in rows if one["metric"] == "retrain_outcome"}
    said = {one["window"]["start"] for one in rows if one["metric"] == "retrain_probability"}
    assert came.keys() <= said
    assert set(came.values()) == {0.0, 1.0}
    config = config_at(tmp_path, need)
    assert config.models[0].retrain is not None
    assert asked(tmp_path, config, files) == []
