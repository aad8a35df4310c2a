"""Kubernetes manifests without a Kubernetes: rendered by kustomize, checked against the schemas of the API server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from paging import DEPLOY, REQUIRED
from waiting import GUARD, INSTALL

from stream.demo.click_model import click_rows
from stream.demo.reference import ClickRows
from stream.references.build import BuildOptions, build
from windows.references.reference import to_json

MANIFESTS = DEPLOY / "kubernetes"
EXAMPLE = MANIFESTS / "example"
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.2"
SCHEMAS = "kubernetes-validate==1.37.0"
"""The schemas of each release of Kubernetes in a Python package, with a program that checks against them."""
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.92.0"
"""Holds the definitions of PodMonitor and PrometheusRule that the operator installs."""

Json = dict[str, Any]


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftgauge"


def _fetched(what: str, command: list[object], **environment: str) -> str:
    """What a command says that gets a tool; without it the test is skipped, or fails where tools are required."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env={**os.environ, "GOFLAGS": "-buildvcs=false", **environment},
            capture_output=True,
            text=True,
            timeout=INSTALL,
            check=False,
        )
    except OSError as error:
        _missing(f"no {what}: {error.filename}: {error.strerror}")
    if done.returncode != 0:
        _missing(f"no {what}: {done.stderr.strip()[-200:]}")
    return done.stdout


def _missing(reason: str) -> None:
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1 and {reason}", pytrace=False)
    pytest.skip(reason)


@cache
def _kustomize() -> Path:
    program = _cache() / f"kustomize-{KUSTOMIZE.rpartition('@')[2]}" / "kustomize"
    if not program.exists():
        _fetched("kustomize", ["go", "install", KUSTOMIZE], GOBIN=str(program.parent))
    return program


@cache
def _validator() -> Path:
    """A directory for PYTHONPATH with the validator."""
    place = _cache() / SCHEMAS.replace("==", "-")
    if not place.is_dir():
        scratch = place.with_suffix(f".{os.getpid()}")
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--target",
            scratch,
            SCHEMAS,
        ]
        _fetched("kubernetes-validate", [*pip])
        scratch.rename(place)  # whole or not at all
    return place


@cache
def definitions() -> dict[str, Json]:
    """Kind -> schema of the operator's own resources, in which what is not defined is an error."""
    module = json.loads(_fetched("prometheus-operator", ["go", "mod", "download", "-json", OPERATOR]))
    found = {}
    for file in (Path(module["Dir"]) / "example" / "prometheus-operator-crd").glob("*.yaml"):
        resource = yaml.load(file.read_text(), _Loader)["spec"]  # noqa: S506 - a safe loader
        (version,) = [each for each in resource["versions"] if each["storage"]]
        kind = f"{resource['group']}/{version['name']}/{resource['names']['kind']}"
        found[kind] = _closed(version["schema"]["openAPIV3Schema"])
    return found


class _Loader(yaml.SafeLoader):
    """Takes a lone = for the text that it is meant to be."""


_Loader.add_constructor("tag:yaml.org,2002:value", yaml.SafeLoader.construct_yaml_str)


def _closed(schema: Any) -> Any:
    """The schema as the API server reads it with strict field validation."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items() if name != "type"}
    if schema.get("x-kubernetes-int-or-string"):
        return closed
    if "type" in schema:
        closed["type"] = _closed(schema["type"])
    if schema.get("type") == "object" and "properties" in schema and "additionalProperties" not in schema:
        closed["additionalProperties"] = schema.get("x-kubernetes-preserve-unknown-fields", False)
    return closed


def example(directory: Path) -> Path:
    """A copy of the example with what its user adds; the directory to build."""
    shutil.copytree(
        MANIFESTS, directory, ignore=shutil.ignore_patterns("*.env", "kafka-ca.crt", "click.reference.json")
    )
    place = directory / EXAMPLE.name
    (place / "credentials.env").write_text("KAFKA_USERNAME=driftgauge\nKAFKA_PASSWORD=hunter2\n")
    (place / "pages.env").write_text("token=t0ken\n")
    (place / "kafka-ca.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    options = BuildOptions("click", segments=("country", "device"), task="binary", pane=10_000)
    (place / "click.reference.json").write_bytes(to_json(build(ClickRows(click_rows(30_000)), options).reference))
    return place


def rendered(place: Path) -> list[Json]:
    """What `kubectl apply -k` would send."""
    done = subprocess.run([_kustomize(), "build", place], capture_output=True, text=True, timeout=GUARD, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def complaints(resources: list[Json], directory: Path, release: str) -> str:
    """What the schemas of a release of Kubernetes, and the operator's, have against resources; empty for nothing."""
    own = [each for each in resources if f"{each['apiVersion']}/{each['kind']}" not in definitions()]
    others = [each for each in resources if each not in own]
    file = directory / "resources.yaml"
    file.write_text(yaml.safe_dump_all(own))
    program = [sys.executable, "-m", "kubernetes_validate", "--quiet", "--no-warn", "--strict", "-k", release, file]
    environment = {**os.environ, "PYTHONPATH": str(_validator())}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=GUARD, check=False)
    said = done.stdout + done.stderr if done.returncode else ""
    pairs = [(definitions()[f"{each['apiVersion']}/{each['kind']}"], each) for each in others]
    checked = subprocess.run(
        [sys.executable, "-c", _CHECK],
        input=json.dumps(pairs),
        env=environment,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    return said + checked.stdout + checked.stderr


_CHECK = """
import json, sys, jsonschema
for schema, resource in json.load(sys.stdin):
    for error in jsonschema.Draft202012Validator(schema).iter_errors(resource):
        print(resource["kind"], error.json_path, error.message[:300])
"""
