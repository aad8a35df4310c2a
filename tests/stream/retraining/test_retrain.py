"""`driftgauge retrain`: from evaluations to a file that a config names, and why a forecast is what it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from scipy.special import expit
from typer.testing import CliRunner

from operators.action_steps import need_evaluation
from operators.actions.forecast_state import NeedRow
from operators.plans.need import need_plan
from stream.cli.retrain import app
from stream.config.learnt import learnt_notes
from stream.config.load import ConfigError, load
from stream.errors import UsageError
from stream.kafka.messages import evaluation_json
from windows.need.learnt import INPUTS, learnt_of

if TYPE_CHECKING:
    from pathlib import Path

DAY, WEEK = 86_400_000, 7 * 86_400_000
T0 = 1_780_012_800_000
"""A midnight."""


def lines(signal: float, models: int = 8, days: int = 200, seed: int = 3) -> list[str]:
    """Evaluations as the monitor writes them: forecasts on every third day, whose outcomes follow `drift` so much."""
    rng, rows = np.random.default_rng(seed), []
    for model in range(models):
        for day in range(0, days, 3):
            values = dict(zip(INPUTS, rng.normal(0, 1, len(INPUTS)).tolist(), strict=True))
            default = float(expit(values["odds"] - 1))
            start = T0 + day * DAY
            head = (f"m{model}", "7", start, start + WEEK)
            rows.append(_row(head, "retrain_probability", "default", default, "accuracy is 0.93, and so on"))
            rows += [_row(head, "retrain_input", *one, "known") for one in {**values, "walk": 0.25}.items()]
            if day < days - 12:
                came = rng.random() < expit(values["odds"] - 1 + signal * values["drift"])
                rows.append(_row(head, "retrain_outcome", "", float(came), "it is decided"))
                rows.append(_row(head, "retrain_outcome_delay_s", "", DAY / 1e3, "when"))
    other = {"kind": "feature", "feature": "need", "metric": "psi", "model": "m0"}
    return [json.dumps(other), *(msgspec.json.encode(evaluation_json(need_evaluation(one))).decode() for one in rows)]


def _row(head: tuple[str, str, int, int], metric: str, name: str, value: float, reason: str) -> NeedRow:
    model, version, start, end = head
    return NeedRow(model, version, metric, name, value, start, end, 1_000, reason)


def run(*given: object) -> str:
    """What a command says; the exception where it refuses."""
    found = CliRunner().invoke(app, [str(one) for one in given])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.stdout


def written(directory: Path, signal: float = 1.5) -> tuple[Path, Path]:
    """A file of evaluations, and where to write."""
    file = directory / "evaluations.jsonl"
    file.write_text("\n".join(lines(signal)) + "\n")
    return file, directory / "need.json"


def config_at(directory: Path, horizon: str = "7d") -> Path:
    """A config that names what was learnt."""
    path = directory / "c.yaml"
    path.write_text(
        "models:\n  - name: m0\n    task: binary\n    performance: {windows: [1d], label_delay: 1d}\n"
        f"    retrain: {{need: {{loss: 0.02, horizon: {horizon}, learnt: need.json}}}}\n"
    )
    return path


def test_what_is_learnt_is_used_by_the_config_that_names_it(tmp_path: Path) -> None:
    """The weight that was planted, through the file, to the plan of the model."""
    evaluations, output = written(tmp_path)
    said = run("fit", "--evaluations", evaluations, "-o", output)
    assert f"{output}: will be used: better on" in said
    assert "forecasts of 8 models" in said
    assert "strength of drift (drift)" in said.splitlines()[2]
    config = load(config_at(tmp_path), {})
    plan = need_plan(config.models[0], 3_600_000)
    assert plan is not None
    assert plan.learnt == learnt_of(json.loads(output.read_text()))
    assert (plan.learnt.used, plan.learnt.walk, plan.learnt.horizon) == (True, 0.25, WEEK)
    assert list(learnt_notes(config.models[0])) == []
    assert config == load(config_at(tmp_path), {})  # a reload that changes nothing changes nothing


def test_what_is_not_better_is_written_and_not_used(tmp_path: Path) -> None:
    """With why; `check` notes it."""
    evaluations, output = written(tmp_path, signal=0.0)
    said = run("fit", "--evaluations", evaluations, "-o", output)
    assert "will not be used, the filter alone is: not surely better" in said
    (note,) = learnt_notes(load(config_at(tmp_path), {}).models[0])
    assert "is not used, P(need) is the filter's alone: not surely better" in note


def test_what_something_was_done_about_is_no_lesson(tmp_path: Path) -> None:
    """Forecasts within whose horizon an action was completed; those that were tried or failed count for nothing."""
    evaluations, output = written(tmp_path)
    steps = [
        {"state": state, "action": action, "dry_run": dry, "model": "m0", "event_time": "2026-06-10T00:00:00Z"}
        for state, action, dry in [
            ("completed", "rollback", False),
            ("completed", "retrain", True),
            ("failed", "retrain", False),
            ("completed", "notify", False),
        ]
    ]
    for chosen, left_out in ((steps, 2), (steps[1:], 0)):
        actions = tmp_path / "actions.jsonl"
        actions.write_text("".join(json.dumps(one) + "\n" for one in chosen))
        said = run("fit", "--evaluations", evaluations, "--actions", actions, "-o", output)
        assert f", {left_out} left out: something was done about the model" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, "models.0.retrain.need.learnt: .*No such file"),
        ("[1]", "models.0.retrain.need.learnt: .*no file of `driftgauge retrain fit`"),
        ("{", "models.0.retrain.need.learnt: .*no JSON"),
        ("14d", "models.0.retrain.need.learnt: .*it is of a horizon of 7d, and 14d is asked for"),
    ],
    ids=["missing", "another", "damaged", "horizon"],
)
def test_a_file_that_does_not_fit_is_refused_with_its_key(tmp_path: Path, change: str | None, said: str) -> None:
    """At the start, in words."""
    evaluations, output = written(tmp_path)
    if change == "14d":
        run("fit", "--evaluations", evaluations, "-o", output)
    elif change is not None:
        output.write_text(change)
    with pytest.raises(ConfigError, match=said):
        load(config_at(tmp_path, "14d" if change == "14d" else "7d"), {})


def test_a_forecast_is_explained_in_words_and_numbers(tmp_path: Path) -> None:
    """The filter's sentence, then what each input does to the odds, the strongest first; all of it multiplies."""
    evaluations, output = written(tmp_path)
    run("fit", "--evaluations", evaluations, "-o", output)
    said = run("explain", "--evaluations", evaluations, "--model", "m1", "--need", output).splitlines()
    assert said[0].startswith("m1 version 7, 2026-")
    assert said[1] == "  accuracy is 0.93, and so on"
    factors = [float(line.split(" x ")[1].split(":")[0].split(" ")[0]) for line in said[2:]]
    assert len(factors) == len(INPUTS) + 1
    before, after = float(said[-1].split("filter's ")[1].split(" ")[0]), float(said[-1].rsplit(" ", 1)[1])
    odds = before / (1 - before) * np.prod(factors)
    assert odds / (1 + odds) == pytest.approx(after, abs=0.02)
    plain = run("explain", "--evaluations", evaluations, "--model", "m1")
    assert "odds x" not in plain
    assert "losses that it is worse than when it was new: " in plain


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """File and line, or what is missing."""
    file, output = tmp_path / "e.jsonl", tmp_path / "need.json"
    with pytest.raises(UsageError, match="No such file"):
        run("fit", "--evaluations", file, "-o", output)
    file.write_text('{"kind": "need"\n')
    with pytest.raises(UsageError, match="1: no JSON"):
        run("fit", "--evaluations", file, "-o", output)
    file.write_text('{"kind": "need", "model": "m"}\n')
    with pytest.raises(UsageError, match="1: no evaluation of a forecast: KeyError"):
        run("fit", "--evaluations", file, "-o", output)
    file.write_text("{}\n")
    with pytest.raises(UsageError, match="0 forecasts, of which 0 are decided: nothing to learn from"):
        run("fit", "--evaluations", file, "-o", output)
    with pytest.raises(UsageError, match="no forecasts of need"):
        run("explain", "--evaluations", file)
    file, _ = written(tmp_path)
    with pytest.raises(UsageError, match="no forecasts of 'none'; there are m0, m1"):
        run("explain", "--evaluations", file, "--model", "none")
    assert not output.exists()
