"""Connectors in a config: what is refused and where, what is secret, and what they become."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stream.config.load import load
from stream.config.problems import ConfigError
from stream.connectors.make import connectors_of

if TYPE_CHECKING:
    from pathlib import Path

ALL = """
actions:
  mode: live
  connectors:
    train: {airflow: {url: "https://airflow.example", dag: "retrain_{model}", auth: {token_file: token}}}
    registry: {mlflow: {url: "http://mlflow:5000", name: "{model}"}}
    hook: {webhook: {url: "https://serving.example/fallback", secret: "whsec_c2VjcmV0LW9mLWhvb2s="}}
    chat: {slack: {url_file: chat}}
    job: {kubernetes: {namespace: ml, manifest: job.yaml}}
    mail: {email: {host: smtp.example, from: a@b.example, to: [c@d.example], username: u, password: secret-of-mail}}
    dog: {datadog: {api_key: secret-of-dog}}
models:
  - name: click
    task: binary
    retrain: {via: [VIA]}
    on: [{alert: SlaBreach, action: rollback, via: [registry]}]
"""


def site(directory: Path, text: str = ALL, via: str = "train") -> Path:
    """A config with the files that it names."""
    (directory / "token").write_text("secret-of-airflow\n")
    (directory / "chat").write_text("https://hooks.slack.example/secret-of-slack\n")
    (directory / "job.yaml").write_text("apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {containers: []}}}\n")
    path = directory / "c.yaml"
    path.write_text(text.replace("VIA", via))
    return path


def test_every_kind_can_be_made_and_no_secret_is_shown(tmp_path: Path) -> None:
    """From the config, and from files beside it; secrets are known as such, and in no repr of it."""
    config = load(site(tmp_path), {})
    assert set(connectors_of(config)) == {"train", "registry", "hook", "chat", "job", "mail", "dog"}
    held = ("secret-of-airflow", "c2VjcmV0LW9mLWhvb2s=", "secret-of-slack", "secret-of-mail", "secret-of-dog")
    for secret in held:
        assert any(secret in known for known in config.secrets), secret
        assert secret not in repr(config)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[VIA]", "[trian]", "models.0.retrain.via.0"),
        ("{url_file: chat}", "{}", "one of url and url_file"),
        ("namespace: ml", "namespace: M_L", "actions.connectors.job.kubernetes.namespace"),
        ('dag: "retrain_{model}"', 'dag: "retrain_{modell}"', "text in which model, version"),
        ('url: "http://mlflow:5000"', "url: mlflow", "an http or https address"),
        ("datadog: {api_key: secret-of-dog}", "datadog: {api_key: x}, slack: {url_file: chat}", "exactly one of"),
        ("username: u, ", "", "username with password"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    """At the start, in a line."""
    assert old in ALL
    with pytest.raises(ConfigError, match=said.replace(".", r"\.")):
        load(site(tmp_path, ALL.replace(old, new)), {})


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [("token", "", "token"), ("job.yaml", "kind: Pod\n", "a Job of batch/v1"), ("chat", "a\nb\n", "not one line")],
)
def test_files_are_looked_at_before_anything_runs(tmp_path: Path, file: str, text: str, said: str) -> None:
    """A secret that is not there, or a manifest of something else."""
    path = site(tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(ConfigError, match=said):
        connectors_of(load(path, {}))


def test_a_webhook_secret_that_is_no_base64(tmp_path: Path) -> None:
    """Is told as such, without the secret."""
    config = load(site(tmp_path, ALL.replace("whsec_c2VjcmV0LW9mLWhvb2s=", "whsec_not!base64")), {})
    with pytest.raises(ConfigError, match="whsec_ and base64") as caught:
        connectors_of(config)
    assert "not!base64" not in str(caught.value)


@pytest.mark.parametrize(
    ("storm", "within", "said"),
    [
        ("{models: 3}", "10m", "models.2.retrain.complete_within.*more than actions.storm.settle \\(10m\\)"),
        ("{models: 3, within: 5m, settle: 6m}", "1h", "actions.storm.settle"),
        ("{models: 4}", "10m", None),
        ("{models: 3, settle: 9m}", "10m", None),
        ("null", "10m", None),
    ],
)
def test_a_retraining_must_not_be_overdue_before_it_is_asked_for(
    tmp_path: Path, storm: str, within: str, said: str | None
) -> None:
    """Only where so many models act that one settles at all; settling for longer than a storm lasts is refused."""
    models = "".join(f"- {{name: m{n}, task: binary, retrain: {{complete_within: 4h}}}}\n" for n in range(2))
    last = f"- {{name: m2, task: binary, retrain: {{complete_within: {within}}}}}\n"
    path = tmp_path / "c.yaml"
    path.write_text(f"actions: {{storm: {storm}}}\nmodels:\n{models}{last}")
    if said is None:
        assert load(path, {}).models[2].retrain is not None
        return
    with pytest.raises(ConfigError, match=said):
        load(path, {})
