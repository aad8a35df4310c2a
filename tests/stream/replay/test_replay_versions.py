"""A retrained version whose inputs moved: quiet beside its own reference, a page without; others are not touched."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from monitored import PANE, reference

from stream.config.load import load, load_references
from stream.references.build import build
from stream.references.like import asked_like
from stream.references.plan import BuildOptions
from stream.replay.files import FileLane
from stream.replay.results import ALERTS, EVALUATIONS, lines_of
from stream.replay.run import replay
from stream.rows.columns import Wishes
from stream.rows.open import open_rows
from stream.simulate.generator import Generator
from stream.simulate.shifts import Shift
from windows.references.reference import seal, to_json

if TYPE_CHECKING:
    from pathlib import Path

START = 1_780_000_000_000
RATE, SECONDS, SINCE = 300, 16, 6
MOVED = (Shift("mean", "age", 1.0, 0), Shift("category", "country", 0.3, 0))


def lines(version: str, since: int, seconds: int, seed: int, *shifts: Shift, model: str = "click") -> list[bytes]:
    """Predictions of a version."""
    known = seal(dataclasses.replace(reference(), model=model))
    generator = Generator(known, seed=seed, version=version, shifts=shifts, error_rate=0.0)
    begin = START + since * PANE
    return generator.encode(generator.batch((seconds - since) * RATE, begin, START + seconds * PANE))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Traffic of an old version, of a new one with other inputs, and of another model; a reference for the new one."""
    directory = tmp_path_factory.mktemp("versions")
    both = lines("1", 0, SECONDS, 5) + lines("2", SINCE, SECONDS, 6, *MOVED)
    both += lines("1", 0, SECONDS, 7, Shift("mean", "age", 1.0, 9 * PANE), model="other")
    both.sort(key=lambda line: json.loads(line)["timestamp"])
    (directory / "p.jsonl").write_bytes(b"".join(line + b"\n" for line in both))
    (directory / "rows.jsonl").write_bytes(b"".join(line + b"\n" for line in lines("2", 0, 40, 8, *MOVED)))
    options = asked_like(BuildOptions("click", task="binary", pane=PANE), reference())
    own = build(open_rows(directory / "rows.jsonl", Wishes()), options).reference
    for name, one in (
        ("click", reference()),
        ("click.2", own),
        ("other", seal(dataclasses.replace(reference(), model="other"))),
    ):
        (directory / f"{name}.json").write_bytes(to_json(one))
    return directory


def played(site: Path, out: str, references: str) -> list[dict[str, Any]]:
    """The alert events of a replay."""
    path = site / "c.yaml"
    rules = 'drift: {windows: ["1s", "5s"]}, prediction: {windows: ["1s", "5s"]}, quality: {windows: ["5s"]}'
    path.write_text(f"""
time: {{pane: 1s, lateness: 500ms, idle_after: 1s}}
models:
  - {{name: click, task: binary, reference: click.json, references: {references}, {rules}}}
  - {{name: other, task: binary, reference: other.json, {rules}}}
""")
    config = load(path, {})
    replay(config, load_references(config), [FileLane(site / "p.jsonl")], site / out, evaluations="all")
    return list(lines_of(site / out / ALERTS))


def test_a_version_with_legitimately_moved_inputs_does_not_page(site: Path) -> None:
    """With the model's reference it does, for drift and for categories nobody knew; the old version never does."""
    without, with_own = played(site, "without", "{}"), played(site, "with", '{"2": click.2.json}')
    fired = {(one["model"], one["version"], one["alert"]) for one in without if one["state"] == "firing"}
    assert fired == {("click", "2", "DataDrift"), ("click", "2", "DataQuality"), ("other", "1", "DataDrift")}
    assert {(one["model"], one["version"], one["alert"]) for one in with_own} == {("other", "1", "DataDrift")}

    def of_others(out: str) -> list[dict[str, Any]]:
        rows = lines_of(site / out / EVALUATIONS)
        return [
            {name: value for name, value in row.items() if name != "against"}
            for row in rows
            if (row["model"], row["version"]) != ("click", "2")
        ]

    assert len(of_others("with")) > 1_000
    assert of_others("with") == of_others("without")
    assert [one for one in without if one["model"] == "other"] == [one for one in with_own if one["model"] == "other"]
