"""Reload: SIGHUP takes a changed config whole or not at all; what did not change goes on as if nothing were."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from monitored import PANE, ROOT, Program, Site, Traffic, reference
from waiting import until

from operators.plans.model import plan_models
from stream.config.load import load, load_references
from stream.metrics.registry import Registry
from stream.state.directory import prepare
from stream.workers.reload import Reload
from windows.references.reference import seal, to_json

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

    from windows.references.reference import Reference

STRICT = "drift: {windows: ['1s', '5s'], psi: {minor: 0.01, major: 0.02}}"
CONFIG = """
kafka: {brokers: "localhost:1"}
state: {directory: state}
models:
  - {name: click, task: binary, reference: reference.json}
  - {name: other, task: binary, reference: other.json}
"""


@pytest.fixture
def reload(tmp_path: Path) -> Reload:
    """A config with a state that was begun under it."""
    (tmp_path / "reference.json").write_bytes(to_json(reference()))
    (tmp_path / "other.json").write_bytes(to_json(seal(dataclasses.replace(reference(), model="other"))))
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    config = load(path, {})
    references = load_references(config)
    plans = plan_models(config.models, references, config.time, config.alerting, everything=False)
    prepare(config.state, plans, config.topics)
    return Reload(path, config, references, Registry())


def outcomes(reload: Reload) -> dict[str, float]:
    """How often each outcome was counted."""
    return {row[0]: value for row, value in reload.registry.values("config_reloads_total").items()}


def test_a_config_that_says_the_same_changes_nothing(reload: Reload) -> None:
    """A comment is no change: no process is started anew."""
    reload.path.write_text(CONFIG + "# a remark\n")
    assert reload() is None
    assert outcomes(reload) == {"unchanged": 1}


def test_processes_of_the_command_line_are_no_change(reload: Reload) -> None:
    """`run --processes 3` goes before the config, at a reload as at the start."""
    cluster = reload.config.cluster.model_copy(update={"processes": 3})
    reload.config = reload.config.model_copy(update={"cluster": cluster})
    assert reload() is None
    assert outcomes(reload) == {"unchanged": 1}


def test_thresholds_owners_and_models_are_taken(reload: Reload) -> None:
    """What is run from then on is the new config, and what is told names the models; one that is gone is forgotten."""
    text = CONFIG.replace("name: click,", "name: click, owner: growth, labels: {team: a}, drift: {psi: {major: 0.5}},")
    text = "\n".join(line for line in text.splitlines() if "other" not in line)
    reload.path.write_text(text + "\nalerting: {resolve_after: 1m}\n")
    flow = reload()
    assert flow is not None
    (model,) = flow.config.models
    assert model.labels == {"team": "a"}
    assert (model.owner, model.drift.psi is not None and model.drift.psi.major) == ("growth", 0.5)
    assert reload.gone == ("other",)
    assert "1 models removed (other)" in reload.said
    assert "1 models changed (click)" in reload.said
    assert reload() is None
    assert outcomes(reload) == {"taken": 1, "unchanged": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('{brokers: "localhost:1"}', '{brokers: "localhost:2"}'), "kafka: changed; that takes a stop and a start"),
        (("task: binary", "task: cubic"), "c.yaml:5"),
        (("reference: other.json", "reference: gone.json"), "gone.json"),
        (("task: binary", "segments: [nothing], task: binary"), "segments"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_leaves_everything_as_it_was(reload: Reload, change: tuple[str, str], said: str) -> None:
    """A mistake, a section that is read at the start only: told by its name, counted, and the former config holds."""
    before = reload.config
    reload.path.write_text(CONFIG.replace(*change))
    assert reload() is None
    assert said in reload.said
    assert reload.refused
    assert reload.config is before
    assert outcomes(reload) == {"refused": 1}


def test_a_reference_on_other_edges_starts_its_model_anew(reload: Reload) -> None:
    """The other models are named nowhere; what was shown of this one is forgotten once the former flow has ended."""
    path = reload.path.with_name("other.json")
    path.write_bytes(to_json(other_edges()))
    assert reload() is not None
    assert "model other starts anew: edges and categories of the reference" in reload.said
    assert "click" not in reload.said
    assert reload.gone == ("other",)
    assert reload() is None
    assert outcomes(reload) == {"taken": 1, "unchanged": 1}


def other_edges() -> Reference:
    """The reference of `other`, summed about another center."""
    age: Any = reference().features["age"]
    features = {**reference().features, "age": dataclasses.replace(age, center=age.center + 1)}
    return seal(dataclasses.replace(reference(), model="other", features=features))


def test_a_version_gets_a_reference_of_its_own_without_a_stop(reload: Reload) -> None:
    """Taken, and again when the file is another; one that does not fit is refused by its key."""
    own = reload.path.with_name("click.2.json")
    reload.path.write_text(CONFIG.replace("name: click,", 'name: click, references: {"2": click.2.json},'))
    for error_rows in (77, 78):
        own.write_bytes(to_json(seal(dataclasses.replace(reference(), error_rows=error_rows))))
        flow = reload()
        assert flow is not None
        assert flow.references["click"].versions["2"].error_rows == error_rows
    assert reload() is None
    own.write_bytes(to_json(other_edges()))
    assert reload() is None
    assert "models.0.references.2: it is of model 'other'" in reload.said
    assert outcomes(reload) == {"taken": 2, "unchanged": 1, "refused": 1}


def rows(site: Site) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The evaluations that there are, by what they are of."""
    found = (json.loads(message.value() or b"{}") for message in site.read("evaluations"))
    return {
        (row["window"]["size"], row["window"]["end"], row["kind"], row["feature"], row["metric"], row["version"]): row
        for row in found
    }


def through(site: Site, start: int, *, reloaded: bool) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Twelve seconds of traffic, a stricter threshold from the middle on or from the start."""
    plain = site.path.read_text()
    strict = plain.replace('drift: {windows: ["1s", "5s"]}', STRICT)
    assert strict != plain
    if not reloaded:
        site.path.write_text(strict)
    traffic = Traffic(site, start)
    with Program(site, 1) as running:
        traffic.write(6)
        until(lambda: any(_ms(key[1]) >= start + 3 * PANE for key in rows(site)), pause=0.2)
        if reloaded:
            refused = strict.replace("lateness: 500ms", "lateness: 600ms")
            address = until(lambda: re.search(r"http://127\.0\.0\.1:\d+", running.log)).group()
            for text, code, said in ((refused, 2, "time: changed"), (strict, 0, "the new config is taken")):
                site.path.write_text(text)
                command = [
                    sys.executable,
                    "-m",
                    "stream.cli.app",
                    "reload",
                    "--config",
                    str(site.path),
                    "--url",
                    address,
                ]
                done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
                assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done
            until(lambda: "the new config is taken: 1 models changed (click)" in running.log, pause=0.1)
        traffic.write(6)
        until(lambda: any(_ms(key[1]) >= start + 11 * PANE for key in rows(site)), pause=0.2)
        assert running.terminate() == 0
        assert running.log.count("started 1 dataflow") == (2 if reloaded else 1)
    return rows(site)


def _ms(text: str) -> int:
    import datetime as dt  # noqa: PLC0415 - beside its only use

    return round(dt.datetime.fromisoformat(text).timestamp() * 1e3)


def test_windows_go_on_through_a_reload_as_if_it_were_none(tmp_path: Path, embedded_broker: Broker) -> None:
    """Every value of every window, those across the reload included, is that of a run with the final config.

    From the reload on thresholds and statuses are the same, too: no record is lost, none is counted twice.
    """
    # Time goes by what is written, not by the clock: what comes after a reload is not late.
    sites = [
        Site(tmp_path / name, embedded_broker, embedded_broker.topic(name), idle_after="1h")
        for name in ("reloaded", "whole")
    ]
    start = round(time.time()) * PANE - 90_000
    found, expected = through(sites[0], start, reloaded=True), through(sites[1], start, reloaded=False)
    common = found.keys() & expected.keys()
    assert len(common) > 500
    ends = sorted({key[1] for key in common})
    for key in common:
        mine, theirs = found[key], expected[key]
        assert [mine[name] for name in ("value", "lower", "upper", "samples")] == [
            theirs[name] for name in ("value", "lower", "upper", "samples")
        ], key
        if key[1] >= ends[-3]:
            assert (mine["threshold"], mine["status"]) == (theirs["threshold"], theirs["status"]), key
    assert {key for key in expected if key[1] <= ends[-1]} == {key for key in found if key[1] <= ends[-1]}
