import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from brokers import Broker
from profiles_zoo import small_reference
from waiting import GUARD

from operators.settings.metrics import LABEL_METRICS, OF_TASK
from operators.settings.model import ModelSettings
from operators.settings.performance import PerformanceSettings
from stream.config.load import load, load_references
from stream.config.performance_template import performance_text
from stream.kafka.embedded import EmbeddedBroker
from stream.references.show import bar
from windows.outcomes.layout import Task
from windows.references.reference import from_json, to_json

MODEL = "models: [{name: click, task: binary, reference: click.json}]\n"


def _driftgauge(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stream.cli.app", *map(str, arguments)],
        cwd=cwd,
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[3]), "COLUMNS": "100", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )


def _rows(path: Path, n: int = 5_000, seed: int = 1) -> Path:
    random = np.random.default_rng(seed)
    columns = {
        "age": random.normal(40, 10, n),
        "we ird: name, $x": random.poisson(0.3, n),
        "country": random.choice(["de", "fr"], n),
        "prediction": random.random(n),
        "latency_ms": random.lognormal(3, 0.5, n),
        "timestamp": 1_700_000_000_000 + np.arange(n) * 100,
    }
    pq.write_table(pa.table(columns), path)
    return path


def test_init_then_check(tmp_path: Path) -> None:
    """What `init` writes passes `check`, holds every default but windows, and is not overwritten unless forced."""
    rows = _rows(tmp_path / "train.parquet")
    arguments = ("init", "--from", rows, "--model", "click $x/1", "--segment", "country", "-o", tmp_path / "out")
    done = _driftgauge(*arguments)
    assert done.returncode == 0
    taken, seasons, unlabelled = done.stderr.splitlines()
    assert "every hour of the week is needed twice" in seasons
    assert "taken `prediction` for the predictions" in taken
    assert "no column `label`" in unlabelled
    config = tmp_path / "out" / "driftgauge.yaml"
    assert (tmp_path / "out" / "click-x-1.reference.json").is_file()
    checked = _driftgauge("check", config)
    assert (checked.returncode, checked.stderr) == (0, taken.replace("note: ", "note: click $x/1: ") + "\n")
    assert "binary, 3 features, 1 segment key, " in checked.stdout
    loaded = load(config, {})
    model = loaded.models[0]
    assert model.name == "click $x/1"
    assert model.segments == ("country",)
    defaults = type(loaded)(models=[{"name": "m", "task": "binary"}])
    for section in ("kafka", "topics", "http", "time", "alerting", "actions"):
        assert getattr(loaded, section) == getattr(defaults, section)
    for section in ("drift", "prediction", "quality"):
        written, default = (getattr(one, section) for one in (model, defaults.models[0]))
        assert written.model_copy(update={"windows": default.windows}) == default
    assert (model.sla, model.max_versions) == (defaults.models[0].sla, defaults.models[0].max_versions)
    assert min(model.drift.windows) == 20_000, "ten predictions a second: 200 rows"
    assert "about 860,000 predictions a day" in done.stdout
    again = _driftgauge(*arguments)
    assert again.returncode == 2
    assert "--force overwrites it" in again.stderr
    assert _driftgauge(*arguments, "--force").returncode == 0


def test_labels_that_are_text_need_the_positive_one(tmp_path: Path) -> None:
    """`--positive` writes it, and turns the labels into a baseline; one that no row has, or numbers, are refused."""
    plain = _rows(tmp_path / "plain.parquet")
    table = pq.read_table(plain)
    scores = table.column("prediction").to_numpy()
    hits = np.random.default_rng(2).random(len(scores)) < scores
    pq.write_table(table.append_column("label", pa.array(np.where(hits, "no: fraud", "fine"))), tmp_path / "t.parquet")
    pq.write_table(table.append_column("label", pa.array(hits.astype(np.int64))), tmp_path / "n.parquet")
    init = ("init", "--model", "click", "--from")
    for rows, label, said in (
        ("t.parquet", "froud", "none of the labelled rows has the label 'froud'; they have 'fine', 'no: fraud'\n"),
        ("t.parquet", "false", "0, 1, true, false are read without it"),
        ("n.parquet", "yes", "n.parquet has labels that are no text"),
        ("plain.parquet", "yes", "plain.parquet has no column `label`"),
    ):
        refused = _driftgauge(*init, rows, "--positive", label, cwd=tmp_path)
        assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
        assert not (tmp_path / "driftgauge.yaml").exists()
    assert "--positive" in _driftgauge(*init, "t.parquet", cwd=tmp_path).stderr
    done = _driftgauge(*init, "t.parquet", "--positive", "no: fraud", "--force", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (model,) = load(tmp_path / "driftgauge.yaml", {}).models
    assert model.performance is not None
    assert (model.task, model.performance.positive) == ("binary", "no: fraud")
    checked = _driftgauge("check", "driftgauge.yaml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    accuracy = np.mean((scores >= 0.5) == hits)
    assert f"accuracy: max_drop 0.05 (major) against the reference ({accuracy:.4g})" in checked.stdout
    config = tmp_path / "driftgauge.yaml"
    config.write_text(config.read_text().replace('positive: "no: fraud"', 'positive: "No: fraud"'))
    refused = _driftgauge("check", "driftgauge.yaml", cwd=tmp_path)
    assert refused.returncode == 2
    assert "performance.positive: the reference was built with 'no: fraud'" in refused.stderr


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, "no column `label` and no column `prediction`, so performance has no baseline"),
        ({"prediction": 0.5}, "no column `label`, so performance has no baseline"),
        ({"prediction": 0.5, "target": 1.0}, "if it is there under another name: --label COLUMN"),
        ({"label": 1}, "no column `prediction`, so performance has no baseline"),
        ({"label": 1, "prediction": 0.5}, None),
    ],
)
def test_rows_that_are_no_baseline_of_performance_are_told(
    tmp_path: Path, columns: dict[str, float], said: str | None
) -> None:
    """`init` says in one line which column is missing for it, by the name that it must have."""
    rows = tmp_path / "rows.csv"
    names = ["x", *columns]
    lines = [",".join(names), *(",".join(map(str, [row, *columns.values()])) for row in range(200))]
    rows.write_text("\n".join(lines) + "\n")
    done = _driftgauge("init", "--from", rows, "--model", "click", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "no baseline" in line]
    assert [said in line for line in told] == ([] if said is None else [True]), done.stderr


def test_other_readers_of_yaml_may_write_a_config_of_init_anew(tmp_path: Path) -> None:
    """A reader of YAML 1.1 takes a bare `on` for true; what it writes is the same config."""
    _driftgauge("init", "--from", _rows(tmp_path / "t.parquet"), "--model", "click", cwd=tmp_path)
    config = tmp_path / "driftgauge.yaml"
    before = load(config, {}).model_dump()
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text())))
    assert load(config, {}).model_dump() == before


def test_every_default_is_written_and_commented(tmp_path: Path) -> None:
    """Each key of the settings is in the file that `init` writes."""
    _driftgauge("init", "--from", _rows(tmp_path / "t.parquet"), "--model", "click", cwd=tmp_path)
    text = (tmp_path / "driftgauge.yaml").read_text()
    loaded = load(tmp_path / "driftgauge.yaml", {})
    for section in ("kafka", "topics", "state", "http", "time", "alerting"):
        for key in type(getattr(loaded, section)).model_fields:
            assert re.search(rf"^  {key}: ", text, re.MULTILINE), key
    for key in type(loaded.models[0]).model_fields:
        assert re.search(rf'^  (- |  )"?{key}"?:', text, re.MULTILINE), key
    written = text.partition("    # performance:")[2].partition("    # objectives")[0]
    for key in PerformanceSettings.model_fields.keys() - set(LABEL_METRICS) | set(OF_TASK[loaded.models[0].task]):
        assert re.search(rf"^    # .*\b{key}\b", written, re.MULTILINE), key


def test_labelled_rows_turn_performance_on(tmp_path: Path) -> None:
    """`init` says so; what it writes is the default with one rule against the reference, and passes `check`."""
    rows = pq.read_table(_rows(tmp_path / "plain.parquet"))
    scores = rows.column("prediction").to_numpy()
    labels = (np.random.default_rng(2).random(len(scores)) < scores).astype(np.int64)
    pq.write_table(rows.append_column("label", pa.array(labels)), tmp_path / "t.parquet")
    done = _driftgauge("init", "--from", "t.parquet", "--model", "click", cwd=tmp_path)
    assert done.returncode == 0
    assert "prediction_id" in done.stderr
    checked = _driftgauge("check", "driftgauge.yaml", cwd=tmp_path)
    assert (checked.returncode, checked.stderr.count("\n")) == (0, 1)
    assert "taken `prediction` for the predictions, `label` for the labels" in checked.stderr
    (model,) = load(tmp_path / "driftgauge.yaml", {}).models
    assert model.performance is not None
    assert set(model.performance.rules) == {"accuracy", "auc"}
    assert {rule.baseline.kind for (rule,) in model.performance.rules.values()} == {"reference"}
    bare = {"accuracy": None, "auc": None, "windows": None}
    assert model.performance.model_copy(update=bare) == PerformanceSettings()
    plain = _driftgauge("init", "--from", "plain.parquet", "--model", "click", "--force", cwd=tmp_path)
    assert "prediction_id" not in plain.stderr
    assert load(tmp_path / "driftgauge.yaml", {}).models[0].performance is None


def test_the_commented_performance_is_the_default() -> None:
    """Without the comment signs it loads, and all but its example is what `performance: {}` means."""
    for task in get_args(Task):
        lines = [line.removeprefix("    # ") for line in performance_text(task).splitlines()]
        model = ModelSettings.model_validate({"name": "m", "task": task, **yaml.safe_load("\n".join(lines))})
        assert model.performance is not None
        assert model.performance.windows == PerformanceSettings().cohort_windows
        unset = dict.fromkeys(model.performance.rules) | {"windows": None}
        assert model.performance.model_copy(update=unset) == PerformanceSettings()


def test_reference_commands(tmp_path: Path) -> None:
    """A reference is built before its file exists, shown, and merged from parts."""
    config = tmp_path / "c.yaml"
    config.write_text("models: [{name: click, task: binary, reference: click.json, segments: [country]}]\n")
    for part in (1, 2):
        rows = _rows(tmp_path / f"{part}.parquet", seed=part)
        output = tmp_path / f"{part}.json"
        done = _driftgauge("reference", "build", "--config", config, "--model", "click", "--from", rows, "-o", output)
        assert done.returncode == 0
        assert [line.startswith("note: taken `prediction`") for line in done.stderr.splitlines()] == [True]
    merged = _driftgauge("reference", "merge", tmp_path / "1.json", tmp_path / "2.json", "-o", tmp_path / "click.json")
    assert merged.returncode == 0
    assert re.search(r"note: .*age: bins differ; a share of it may be off by up to 0?\.\d+ %", merged.stderr)
    assert from_json((tmp_path / "click.json").read_bytes()).rows == 10_000
    assert load_references(load(config, {}))["click"].segments["country"].keys() == {"de", "fr"}
    shown = _driftgauge("reference", "show", tmp_path / "click.json")
    assert shown.returncode == 0
    for text in ("click", "10,000", "age", "numeric, mean ", "█", "segment country", "p99"):
        assert text in shown.stdout
    only = _driftgauge("reference", "show", tmp_path / "click.json", "--feature", "country")
    assert "country" in only.stdout
    assert "age" not in only.stdout


def test_rows_without_time_are_told(tmp_path: Path) -> None:
    """`init` and `check` say what a reference without timestamps means, and a constant is shown with its true sd."""
    (tmp_path / "t.csv").write_text("x,c\n" + "".join(f"{number % 9},4\n" for number in range(900)))
    done = _driftgauge("init", "--from", "t.csv", "--model", "click", cwd=tmp_path)
    said = "the reference has no timestamps, so how much traffic varies is learnt from live traffic: until 7 pairs"
    assert done.returncode == 0
    assert f"note: {said}" in done.stderr
    checked = _driftgauge("check", "driftgauge.yaml", cwd=tmp_path)
    assert checked.returncode == 0
    assert checked.stderr.startswith(f"note: click: {said}")
    assert len(checked.stderr.splitlines()) == 1
    shown = _driftgauge("reference", "show", "click.reference.json", cwd=tmp_path).stdout
    assert "c  numeric, mean 4, sd 0, 1 bin, " in shown
    assert "x  numeric, mean 4, sd 2.58199, " in shown  # sqrt((81 - 1) / 12), of 0 to 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("init", "--from", "header.csv", "--model", "m"), "header.csv: no rows"),
        (("check", "absent.yaml"), "absent.yaml: No such file or directory"),
        (("check", "."), "Is a directory"),
        (("reference", "show", "absent.json"), "absent.json: No such file"),
        (("reference", "show", "click.json", "-f", "aeg"), "no feature 'aeg'; did you mean \"age\"?"),
        (("reference", "merge", "click.json", "-o", "x.json"), "at least two"),
        (("reference", "merge", "click.json", "other.json", "-o", "x"), "models differ: 'click' and 'other'"),
        (("reference", "build", "-c", "c.yaml", "-m", "clack", "--from", "x.csv", "-o", "x"), "no model 'clack'"),
        (("reference", "build", "-c", "c.yaml", "-m", "click", "--from", "x.csv", "-o", "x"), "x.csv: no such file"),
        (
            ("reference", "build", "-c", "c.yaml", "-m", "click", "--from", "t.csv", "-o", "/proc/x"),
            "cannot be written",
        ),
        (("init", "--from", "t.csv", "--model", ""), "--model"),
        (("init", "--from", "t.csv", "--model", "m", "--segment", "land"), "segment 'land'"),
        (("init", "--from", "t.csv", "--model", "m", "--task", "guess"), "guess"),
        (("nonsense",), "nonsense"),
        (("check",), "CONFIG"),
    ],
)
def test_a_users_mistake(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """A mistake ends with exit code 2 and says what is wrong, without a traceback."""
    (tmp_path / "click.json").write_bytes(to_json(small_reference()))
    (tmp_path / "other.json").write_bytes(to_json(small_reference("other")))
    (tmp_path / "c.yaml").write_text("models: [{name: click, task: binary}]\n")
    (tmp_path / "t.csv").write_text("x\n1\n2\n")
    (tmp_path / "header.csv").write_text("x,prediction,timestamp\n")
    done = _driftgauge(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_check_connect(tmp_path: Path) -> None:
    """`check --connect` lists the topics of a broker that answers."""
    (tmp_path / "click.json").write_bytes(to_json(small_reference()))
    config = tmp_path / "c.yaml"
    with EmbeddedBroker() as broker:
        config.write_text(f"kafka: {{brokers: {broker.bootstrap!r}}}\n" + MODEL)
        absent = _driftgauge("check", config, "--connect")
        assert absent.returncode == 2
        assert (
            "topics.predictions: topic 'predictions' does not exist; create it with: driftgauge topics create"
            in absent.stderr
        )
        for topic in load(config, {}).topics.model_dump().values():
            if topic:
                broker.create(topic)
        done = _driftgauge("check", config, "--connect")
        assert (done.returncode, done.stderr) == (0, "")
        assert "topic predictions: 4 partitions" in done.stdout


def test_the_readmes_second_step_ends_with_ok(tmp_path: Path, real_broker: Broker) -> None:
    """Its commands, in its order, on a broker without any of the topics: what is missing is made, then checked."""
    readme = Path(__file__).resolve().parents[3] / "README.md"
    step = readme.read_text().partition("\n2. ")[2].partition("```sh\n")[2].partition("```")[0]
    commands = [line.split()[1:] for line in step.splitlines() if line.strip()]
    assert [command[0] for command in commands] == ["topics", "check"]
    (tmp_path / "click.json").write_bytes(to_json(small_reference()))
    names = {role: f"step2-{role}-{uuid.uuid4().hex[:8]}" for role in ("predictions", "feedback", "alerts", "actions")}
    text = f"kafka: {{brokers: {real_broker.bootstrap!r}}}\ntopics: {yaml.safe_dump(names, default_flow_style=True)}"
    (tmp_path / "driftgauge.yaml").write_text(text + MODEL)
    for command in commands:
        done = _driftgauge(*command, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"topic {names['predictions']}: 4 partitions\n" in done.stdout
    assert f"topic {names['alerts']}: 1 partition\n" in done.stdout
    assert done.stdout.endswith("driftgauge.yaml: OK\n")


def test_check_connect_without_a_broker(tmp_path: Path) -> None:
    """No broker is exit code 3 and one line; a wrong property is exit code 2; no secret is shown."""
    (tmp_path / "click.json").write_bytes(to_json(small_reference()))
    config = tmp_path / "c.yaml"
    config.write_text("kafka: {brokers: '127.0.0.1:1'}\n" + MODEL)
    done = _driftgauge("check", config, "--connect")
    assert done.returncode == 3
    assert "no answer from 127.0.0.1:1" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    config.write_text("kafka: {properties: {sasl.password: hunter2, no.such: 1}}\n" + MODEL)
    wrong = _driftgauge("check", config, "--connect")
    assert wrong.returncode == 2
    assert "kafka.properties" in wrong.stderr
    assert "hunter2" not in wrong.stderr


def test_help_and_version() -> None:
    """The help lists every command; the version is the package's."""
    shown = _driftgauge("--help")
    assert shown.returncode == 0
    for command in ("init", "check", "reference", "run"):
        assert command in shown.stdout
    assert re.fullmatch(r"driftgauge \d+\.\d+\.\d+\n", _driftgauge("--version").stdout)


def test_bars() -> None:
    """Bars are proportional, in eighths; any count above zero is seen."""
    assert bar(0, 100) == ""
    assert bar(100, 100) == "█" * 40
    assert bar(1, 10**9) == "▏"
    assert bar(50, 100) == "█" * 20
