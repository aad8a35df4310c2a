"""One model gets another reference: its windows and labels start anew, and nobody else notices."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import time
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from estimated import Given, binary_rows
from monitored import PANE, Program, Site
from typer.testing import CliRunner
from waiting import GUARD, until

from operators.alerts.alert import STARTED_ANEW
from stream.cli.app import app
from stream.references.build import build
from stream.references.plan import BuildOptions
from stream.state.anew import KEPT, OF_LABELS, OF_PREDICTIONS, PANES
from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

MODELS = ("kept", "moved")
RATE = 80
SHIFT = 3.0
PHASE = 8
"""Seconds of traffic before the change, and after it."""


def write_reference(path: Path, model: str, shift: float) -> None:
    """A reference of rows whose first feature is moved by a shift."""
    rows = {name: values for name, values in binary_rows(4_000, 5, shift).items() if name != "p"}
    rows["timestamp"] = 1_790_000_000_000 + np.arange(4_000) * PANE // RATE
    made = build(Given(rows, batches=3), BuildOptions(model, task="binary", segments=("country",), pane=PANE))
    path.write_bytes(to_json(made.reference))


def site_of(directory: Path, broker: Broker, predictions: str, feedback: str) -> Site:
    """A monitor of two models with labels; the inputs of `moved` are not those of its reference."""
    site = Site(directory, broker, predictions, idle_after="1h")
    config = yaml.safe_load(site.path.read_text())
    (model,) = config["models"]
    performance = {
        "windows": ["5s"],
        "label_delay": "2s",
        "keep": "1m",
        "wait": "10s",
        "accuracy": {"baseline": 0.99, "max_drop": 0.1},
    }
    models = []
    for name in MODELS:
        write_reference(directory / f"{name}.json", name, 0.0)
        own = {"name": name, "reference": f"{name}.json", "segments": ["country"], "performance": performance}
        models.append({**model, **own})
    config["topics"]["feedback"] = feedback
    site.path.write_text(yaml.safe_dump({**config, "models": models}))
    return site


def write(site: Site, feedback: str, start: int, seconds: range) -> int:
    """Predictions of both models, and labels of those of the second before; how many predictions of each."""
    for second in seconds:
        at = start + second * PANE
        spread = (np.arange(RATE) * PANE // RATE).tolist()
        values, labels = [], []
        for model, shift in (("kept", 0.0), ("moved", SHIFT)):
            rows = binary_rows(RATE, 1_000 + second, shift)
            before = binary_rows(RATE, 999 + second, shift)["label"]
            for number, ms in enumerate(spread):
                features = {name: rows[name][number].item() for name in ("x0", "x1", "x2", "country")}
                head = {"model": model, "version": "1", "timestamp": at + ms}
                one = {"prediction_id": f"{model}-{second}-{number}", "prediction": float(rows["prediction"][number])}
                values.append(json.dumps({**head, **one, "features": features}).encode())
                said = {"prediction_id": f"{model}-{second - 1}-{number}", "label": int(before[number])}
                labels.append(json.dumps({**head, **said}).encode())
        for partition in range(4):
            site.broker.produce(site.predictions, values[partition::4], partition=partition)
            site.broker.produce(feedback, labels[partition::4], partition=partition)
    return RATE * len(seconds)


def evaluations(site: Site, model: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Every row about a model by what it is of."""
    named = ("version", "segment", "kind", "feature", "metric")
    found = (json.loads(message.value() or b"{}") for message in site.read("evaluations"))
    return {
        (row["window"]["size"], row["window"]["end"], *(row[name] for name in named)): row
        for row in found
        if row["model"] == model
    }


def steps_of_models(site: Site) -> set[str]:
    """Steps that keep something of a model."""
    found: set[str] = set()
    for path in (site.directory / "state").glob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as recovery:
            rows = recovery.execute("SELECT DISTINCT step_id, state_key FROM snaps").fetchall()
            found |= {step.removeprefix("driftgauge.") for step, key in rows if key.partition("|")[0] in MODELS}
    return found


def judged(site: Site, model: str, at: int, metric: str) -> bool:
    """Whether a metric of a model was measured over 5 s that ended so late (ms), or later."""
    return any(key[0] == "5s" and key[-1] == metric and _ms(key[1]) >= at for key in evaluations(site, model))


def _ms(text: str) -> int:
    import datetime as dt  # noqa: PLC0415 - beside its only use

    return round(dt.datetime.fromisoformat(text).timestamp() * 1e3)


def metrics(running: Program) -> str:
    """Its metrics; empty where there was no answer."""
    address = until(lambda: re.findall(r"http://127\.0\.0\.1:\d+", running.log))[-1]
    try:
        with urllib.request.urlopen(f"{address}/metrics", timeout=GUARD) as answer:  # noqa: S310 - its own address
            return str(answer.read().decode())
    except OSError:  # a busy machine: it is asked again
        return ""


def served(running: Program) -> dict[str, float]:
    """Predictions that each model is said to have made."""
    found = re.findall(r'predictions_total\{model="(\w+)",outcome="ok",version="1"\} (\S+)', metrics(running))
    return {name: float(count) for name, count in found}


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_one_models_new_reference_touches_nobody_else(tmp_path: Path, embedded_broker: Broker, how: str) -> None:
    """Windows, waiting labels and alerts of the other model are those of a run in which nothing was changed.

    The changed one's alert ends and says why, its counts go on but for open panes, its windows hold what came since.
    """
    predictions, feedback = embedded_broker.topic("predictions"), embedded_broker.topic("feedback")
    changed, plain = (site_of(tmp_path / name, embedded_broker, predictions, feedback) for name in ("changed", "plain"))
    start = round(time.time()) * PANE - 90_000
    first = write(changed, feedback, start, range(PHASE))
    closed = start + (PHASE - 2) * PANE
    running = Program(changed, 1)
    try:
        until(lambda: all(judged(changed, name, closed, "psi") for name in MODELS), pause=0.2)
        until(lambda: all(judged(changed, name, closed - 3_000, "accuracy") for name in MODELS), pause=0.2)
        until(lambda: [one for one in changed.alerts() if one["model"] == "moved" and one["alert"] == "DataDrift"])
        write_reference(changed.directory / "moved.json", "moved", SHIFT)
        said = CliRunner().invoke(app, ["check", str(changed.path), "--against-state"])
        assert said.exit_code == 0, said.output
        assert "model moved starts anew: edges and categories of the reference" in said.output
        assert "model kept starts" not in said.output
        if how == "reload":
            running.process.send_signal(signal.SIGHUP)
            until(lambda: "the new config is taken: model moved starts anew" in running.log)
        else:
            assert running.terminate() == 0
            running = Program(changed, 1)
        until(lambda: 'logger=state msg="model moved starts anew' in running.log, pause=0.1)
        second = write(changed, feedback, start, range(PHASE, 2 * PHASE + 2))
        ended = start + 2 * PHASE * PANE
        until(lambda: all(judged(changed, name, ended, "psi") for name in MODELS), pause=0.2)
        until(lambda: all(judged(changed, name, ended - 3_000, "accuracy") for name in MODELS), pause=0.2)
        total = first + second - RATE  # those of the last second are in open panes
        counts = until(lambda: found if (found := served(running)).get("kept") == total else None, pause=0.2)
        assert total - 2 * RATE <= counts["moved"] < total  # its open panes were given up
        assert running.terminate() == 0
    finally:
        running.__exit__(None, None, None)
    with Program(plain, 1) as undisturbed:
        until(lambda: all(judged(plain, name, ended, "psi") for name in MODELS), pause=0.2)
        until(lambda: judged(plain, "kept", ended - 3_000, "accuracy"), pause=0.2)
        assert undisturbed.terminate() == 0
    known = {PANES, *OF_PREDICTIONS, *OF_LABELS, *KEPT}
    assert steps_of_models(changed) <= known  # a new step is said to go or to stay
    _compare(changed, plain)
    _is_new(changed, closed)


def _compare(changed: Site, plain: Site) -> None:
    """The model that was not touched."""
    found, expected = evaluations(changed, "kept"), evaluations(plain, "kept")
    common = found.keys() & expected.keys()
    assert len(common) > 500
    assert {key: found[key] for key in common} == {key: expected[key] for key in common}
    last = min(max(key[1] for key in one) for one in (found, expected))
    assert {key for key in found if key[1] < last} == {key for key in expected if key[1] < last}
    alerts = [
        [(one["id"], one["state"]) for one in site.alerts() if one["model"] == "kept"] for site in (changed, plain)
    ]
    assert sorted(alerts[0]) == sorted(alerts[1])
    assert alerts[0]


def _is_new(changed: Site, closed: int) -> None:
    """The model that was."""
    drift = [one for one in changed.alerts() if (one["model"], one["alert"]) == ("moved", "DataDrift")]
    states = {one["fingerprint"]: one for one in sorted(drift, key=lambda one: one["event_time"])}
    assert {one["state"] for one in states.values()} == {"resolved"}
    assert all(one["reason"].startswith(STARTED_ANEW) for one in states.values())
    found = evaluations(changed, "moved")
    samples = {
        _ms(key[1]): row["samples"]
        for key, row in found.items()
        if (key[0], *key[3:]) == ("5s", "", "feature", "x0", "psi")
    }
    assert samples[closed] == 5 * RATE
    since = {at: count for at, count in samples.items() if at > closed + PANE}
    assert min(since.values()) < 5 * RATE  # what was before the change is in none of them
    assert max(since.values()) == 5 * RATE
