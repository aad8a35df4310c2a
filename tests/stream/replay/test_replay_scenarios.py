"""Scenarios of deploy/examples that need no labels, from simulated traffic to alerts and actions, in event time."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from stream.config.load import load, load_references
from stream.references.build import build
from stream.references.plan import BuildOptions, outcome_options
from stream.replay.files import FileLane
from stream.replay.results import ACTIONS, ALERTS, lines_of
from stream.replay.run import replay
from stream.rows.columns import Wishes
from stream.rows.open import open_rows
from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).resolve().parents[3] / "deploy" / "examples"
START = 1_780_000_020_000
MINUTE, HOUR = 60_000, 3_600_000

Row = dict[str, Any]


def traffic(model: str, task: str, names: tuple[str, ...], seconds: int, seed: int) -> list[Row]:
    """Predictions twice a second, all as usual: 20 ms, of which one in a thousand takes twice as long."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(2 * seconds):
        score = float(rng.random())
        found.append({
            "prediction_id": str(number), "model": model, "timestamp": START + 500 * number,
            "prediction": 600 * score if task == "regression" else score,
            "latency_ms": float(rng.gamma(20.0)), "features": {name: float(rng.normal()) for name in names},
            "context": {"city": f"c{number % 2}"},
        })  # fmt: skip
    return found


def played(
    directory: Path, example: str, name: str, names: tuple[str, ...], minutes: int, change: Callable[[Row, int], None]
) -> tuple[list[Row], list[Row]]:
    """Alert events and steps of actions of one model of an example; `change` is told each row and its minute."""
    given = yaml.safe_load((EXAMPLES / f"{example}.yaml").read_text())
    given["models"] = [model for model in given["models"] if model["name"] == name]
    for one in given["models"]:  # YAML 1.1 takes the key for true
        one["on"] = one.pop(True, [])
    path = directory / "c.yaml"
    path.write_text(yaml.safe_dump(given))
    config = load(path, {})
    (model,) = config.models
    before = traffic(name, model.task, names, 3 * 3_600, 1)
    for row in before:
        row |= {"label": round(row["prediction"]), **row["context"]}
    (directory / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in before))
    options = BuildOptions(
        name, dict.fromkeys(names, "numeric"), model.segments, model.task, outcomes=outcome_options(model)
    )
    assert model.reference is not None
    built = build(open_rows(directory / "rows.jsonl", Wishes()), options)
    model.reference.write_bytes(to_json(built.reference))
    live = traffic(name, model.task, names, 60 * minutes, 2)
    for row in live:
        change(row, (row["timestamp"] - START) // MINUTE)
    (directory / "live.jsonl").write_text("".join(json.dumps(row) + "\n" for row in live))
    replay(
        config, load_references(config), [FileLane(directory / "live.jsonl")], directory / "out", evaluations="none",
        pictures=False,
    )  # fmt: skip
    alerts = list(lines_of(directory / "out" / ALERTS))
    return [one for one in alerts if one["state"] == "firing"], list(lines_of(directory / "out" / ACTIONS))


def minute(event: Row, name: str = "started_at") -> float:
    """When something was, in minutes of the traffic."""
    return (dt.datetime.fromisoformat(event[name]).timestamp() * 1e3 - START) / MINUTE


def nothing(row: Row, at: int) -> None:
    """Leave it as it is."""
    del row, at


def test_a_sensor_that_fails_is_missing_at_once_and_stale_after_half_an_hour(tmp_path: Path) -> None:
    """Of the safety model: more than a hundredth missing is told within five minutes; nothing else is."""

    def change(row: Row, at: int) -> None:
        if at >= 10:
            row["features"]["speed"] = None

    alerts, actions = played(tmp_path, "rides", "safety", ("speed", "angle"), 45, change)
    first = {one["alert"]: one for one in reversed(alerts)}
    assert first.keys() == {"DataQuality", "FeatureStale"}
    assert 10 < minute(first["DataQuality"]) <= 15
    assert 40 <= minute(first["FeatureStale"]) <= 41
    assert {cause["feature"] for cause in first["FeatureStale"]["causes"]} == {"speed"}
    assert actions == []


@pytest.mark.parametrize(("slow", "fired"), [(0.02, True), (0.004, False)])
def test_latency_past_the_objective_is_told(tmp_path: Path, slow: float, fired: bool) -> None:
    """Of the fraud model: p99 below 50 ms; four in a thousand that take 80 ms are no breach."""
    rng = np.random.default_rng(3)

    def change(row: Row, at: int) -> None:
        if at >= 10 and rng.random() < slow:
            row["latency_ms"] = 80.0

    alerts, actions = played(tmp_path, "fraud", "fraud", ("amount", "hour"), 60, change)
    breaches = [one for one in alerts if one["alert"] == "SlaBreach"]
    assert [one["causes"][0]["metric"] for one in breaches] == (["latency_p99_ms"] if fired else [])
    assert all(10 < minute(one) < 60 for one in breaches)
    assert [one for one in actions if one["trigger"] != "scheduled"] == []


TOP = ("distance_km", "traffic", "rain_mm", "hour", "weekday")


@pytest.mark.parametrize(("feature", "asked"), [("distance_km", 1), ("colour", 0)])
def test_a_feature_that_matters_asks_for_a_retraining_once_its_drift_has_lasted(
    tmp_path: Path, feature: str, asked: int
) -> None:
    """Of arrival times: an hour after the alert; one that matters little is an alert. So is little traffic."""

    def change(row: Row, at: int) -> None:
        if at >= 10:
            row["features"][feature] += 1.0

    alerts, actions = played(tmp_path, "rides", "arrival", (*TOP, "colour"), 100, change)
    drift = [one for one in alerts if one["alert"] == "DataDrift" and not one["segment"]]
    assert [{cause["feature"] for cause in one["causes"]} for one in drift] == [{feature}]
    assert 10 < minute(drift[0]) <= 70
    (breach,) = [one for one in alerts if one["alert"] == "SlaBreach"]
    assert breach["causes"][0]["metric"] == "throughput"
    requests = [one for one in actions if one["state"] == "requested"]
    assert [(one["action"], one["trigger"], one["cause"]) for one in requests] == [
        ("retrain", "drift", drift[0]["id"])
    ] * asked
    assert all(minute(one, "requested_at") >= minute(drift[0]) + 60 for one in requests)


@pytest.mark.parametrize(("example", "name"), [("rides", "safety"), ("fraud", "fraud")])
def test_traffic_as_usual_is_quiet(tmp_path: Path, example: str, name: str) -> None:
    """An hour of it: nothing fires, and nothing is asked for but by the calendar."""
    alerts, actions = played(tmp_path, example, name, ("speed", "angle"), 60, nothing)
    assert alerts == []
    assert [one for one in actions if one["trigger"] != "scheduled"] == []
