"""Models in files of their own: read as one config, with problems told by file and line."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml
from monitored import reference

from stream.config.load import load, load_references
from stream.config.problems import ConfigError
from stream.rules.routes import routes_text
from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path


def written(directory: Path, models: dict[str, str], include: str = '"models.d/*.yaml"') -> Path:
    """A config that includes these files, and a reference beside them."""
    (directory / "models.d").mkdir()
    (directory / "models.d" / "click.reference.json").write_bytes(to_json(reference()))
    for name, text in models.items():
        (directory / "models.d" / name).write_text(text)
    path = directory / "driftgauge.yaml"
    path.write_text(f"time: {{pane: 10s}}\nmodels: {{include: {include}}}\n")
    return path


CLICK = "name: click\nowner: growth\ntask: binary\nreference: click.reference.json\n"
BOTH = "models:\n  - {name: fraud, task: binary, owner: risk}\n  - {name: aml, task: binary, owner: risk}\n"


def test_files_are_one_config_in_the_order_of_their_names(tmp_path: Path) -> None:
    """A file of one model and a file of several; references are beside the file that names them."""
    config = load(written(tmp_path, {"b.yaml": BOTH, "a.yaml": CLICK}), {})
    assert [(model.name, model.owner) for model in config.models] == [
        ("click", "growth"), ("fraud", "risk"), ("aml", "risk"),
    ]  # fmt: skip
    alone = config.model_copy(update={"models": config.models[:1]})
    assert load_references(alone)["click"].id == reference().id


def test_a_problem_is_told_by_the_file_and_line_it_is_in(tmp_path: Path) -> None:
    """Of the second model of the second file; what --set says of it is still a setting."""
    wrong = ("models:", "  - {name: fraud, task: binary}", "  - name: aml", "    task: binary",
             "    drift: {psi: {minor: 0.5, major: 0.1}}", "")  # fmt: skip
    path = written(tmp_path, {"a.yaml": CLICK, "b.yaml": "\n".join(wrong)})
    with pytest.raises(ConfigError, match=r"b\.yaml:5: models\.2\.drift\.psi"):
        load(path, {})
    config = load(path, {"--set models.2.drift.psi.minor": "0.05"})
    assert config.models[2].drift.psi is not None
    assert config.models[2].drift.psi.minor == 0.05


@pytest.mark.parametrize(
    ("include", "said"),
    [
        ('"none/*.yaml"', "no file matches none"),
        ("5", "a pattern of files"),
        ('["models.d/a.yaml", 5]', "a pattern of files"),
    ],
)
def test_what_cannot_be_included_is_said(tmp_path: Path, include: str, said: str) -> None:
    """With what is allowed."""
    with pytest.raises(ConfigError, match=said):
        load(written(tmp_path, {"a.yaml": CLICK}, include), {})


def test_two_models_of_one_name_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    """As within one file."""
    with pytest.raises(ConfigError, match="click"):
        load(written(tmp_path, {"a.yaml": CLICK, "b.yaml": CLICK}), {})


def test_each_owner_gets_its_own_alerts(tmp_path: Path) -> None:
    """Alertmanager's own router sends the alerts of forty models, odd names among them, to their thirty owners."""
    if shutil.which("amtool") is None:
        pytest.skip("no amtool on this machine")
    names = {f"model-{at}": f"team-{at % 30}" for at in range(40)} | {
        "a.b+c (v2)": "odd",
        "axb+c (v2)": "other",
        'q"uote': "odd",
    }
    files = "".join(f"  - {{name: {json_of(name)}, task: binary, owner: {owner}}}\n" for name, owner in names.items())
    config = load(written(tmp_path, {"all.yaml": f"models:\n{files}"}), {})
    made = yaml.safe_load(routes_text(config.models))
    alertmanager = tmp_path / "alertmanager.yml"
    receivers = [{"name": "rest"}, *made["receivers"]]
    alertmanager.write_text(
        yaml.safe_dump({"route": {"receiver": "rest", "routes": made["routes"]}, "receivers": receivers})
    )
    for name, owner in [*names.items(), ("unowned", "rest"), ("model-1 ", "rest"), ("model-11x", "rest")]:
        command = [
            "amtool",
            "config",
            "routes",
            "test",
            f"--config.file={alertmanager}",
            f"model={json_of(name)}",
            "alertname=DataDrift",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert re.findall(r"\S+", done.stdout) == [owner], name


def json_of(text: str) -> str:
    """A text as YAML."""
    return yaml.safe_dump(text, default_style='"').strip()
