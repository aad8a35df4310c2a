from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from composed import COMPOSE
from packaging.requirements import Requirement
from paging import DEPLOY, REQUIRED
from waiting import GUARD, INSTALL

ROOT = DEPLOY.parent
DOCKERFILE = DEPLOY / "Dockerfile"
LOCKS = (DEPLOY / "requirements.lock", DEPLOY / "requirements-build.lock")
COPIED = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "deploy/requirements.lock",
    "deploy/requirements-build.lock",
    "stream",
    "operators",
    "windows",
)


def _instructions() -> list[tuple[str, str]]:
    """(instruction, rest) of the Dockerfile, with continued lines joined."""
    text = re.sub(r"\\\n", "", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in text.splitlines() if line.strip()]


def _stage(number: int) -> list[tuple[str, str]]:
    starts = [at for at, (name, _) in enumerate(_instructions()) if name == "FROM"]
    return _instructions()[starts[number] : [*starts, None][number + 1]]


def _locked(lock: Path) -> dict[str, list[str]]:
    """Name==version -> hashes."""
    found: dict[str, list[str]] = {}
    for block in re.split(r"\n(?=[a-z])", lock.read_text()):
        pinned = re.match(r"([a-z0-9-]+==\S+)", block)
        if pinned:
            found[pinned[1]] = re.findall(r"--hash=sha256:([0-9a-f]{64})", block)
    return found


def test_the_lock_pins_every_dependency_with_hashes() -> None:
    """What pyproject.toml asks for is there in a version that it allows, and nothing without a hash."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for lock in LOCKS:
        assert all(_locked(lock).values())
    pinned = dict(name.split("==") for name in _locked(LOCKS[0]))
    for text in project["project"]["dependencies"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pinned[wanted.name.lower().replace("_", "-")]), text
    (setuptools,) = _locked(LOCKS[1])
    assert Requirement(project["build-system"]["requires"][0]).specifier.contains(setuptools.split("==")[1])


def test_the_lock_holds_nothing_for_development() -> None:
    """Tests and linters stay out of the image."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {Requirement(text).name for texts in project["optional-dependencies"].values() for text in texts}
    assert not extra & {name.split("==")[0] for name in _locked(LOCKS[0])}


def test_the_context_holds_what_is_copied_and_nothing_else() -> None:
    """.dockerignore lets through exactly what the Dockerfile copies, and all of it is there."""
    sources = [part for name, rest in _stage(0) if name == "COPY" for part in rest.split()[:-1]]
    assert sorted(sources) == sorted(COPIED)
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert ignored[1] == "*"
    assert sorted(line[1:] for line in ignored if line.startswith("!")) == sorted(COPIED)
    assert all((ROOT / source).exists() for source in sources)


def test_the_image_runs_without_rights() -> None:
    """A user by number, so that Kubernetes can tell it is not root; the one that compose names."""
    final = dict(_stage(1))
    assert final["USER"] == "10001:10001"
    assert f'user: "{final["USER"]}"' in COMPOSE.read_text()
    assert final["ENTRYPOINT"] == '["driftgauge"]'
    assert {rest.split(" AS ")[0] for name, rest in _instructions() if name == "FROM"} == {final["FROM"]}
    assert re.fullmatch(r"python:3\.12\.\d+-slim-bookworm", final["FROM"])


def test_the_steps_of_the_image_make_a_driftgauge_that_runs(tmp_path: Path) -> None:
    """The build stage's own commands in an empty place, on this Python: hashes match, and the demo finds its shift."""
    if os.environ.get(REQUIRED) != "1":
        pytest.skip(f"downloads 150 MB: set {REQUIRED}=1")
    source, home, build, wheels = (tmp_path / name for name in ("src", "driftgauge", "build", "wheels"))
    source.mkdir()
    env = {**os.environ, "PYTHONPATH": "", "PIP_NO_CACHE_DIR": "0"}
    places = {"/opt/driftgauge": home, "/opt/build": build, "/opt/wheels": wheels}
    for name, rest in _stage(0):
        if name == "COPY":
            *parts, target = rest.split()
            for part in parts:
                _copy(ROOT / part, source / target / (Path(part).name if target.endswith("/") else ""))
        if name == "RUN":
            for inside, outside in places.items():
                rest = rest.replace(inside, str(outside))  # noqa: PLW2901 - the same command, elsewhere
            shell = f'set -e; python() {{ {sys.executable} "$@"; }}; {rest}'
            done = subprocess.run(
                ["bash", "-c", shell], cwd=source, env=env, capture_output=True, text=True, timeout=INSTALL, check=False
            )
            assert done.returncode == 0, f"{rest}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}"
    (wheel,) = wheels.iterdir()
    shipped = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in shipped if not name.endswith(".dist-info")} == {"stream", "operators", "windows"}
    program = [home / "bin" / "driftgauge", "demo", "--duration", "12", "--listen", "127.0.0.1:0"]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=GUARD, check=False)
    # Whether its alerts came within its twelve seconds is the machine's business.
    assert "predictions written in" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / "bin" / "pip").exists()
    size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    sys.stderr.write(f"\nthe virtual environment of the image: {size / 2**20:.0f} MB on this Python\n")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
