"""What a map reads as prediction_id is a feature only where the config says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from monitored import reference

from stream.config.id_features import id_notes
from stream.config.load import load, load_references
from windows.references.reference import seal, to_json

if TYPE_CHECKING:
    from pathlib import Path

    from stream.config.load import Config


def config_at(directory: Path, sources: str, features: str) -> Config:
    """A config whose reference has the features of `monitored`, of which `age` is called like an id."""
    (directory / "r.json").write_bytes(to_json(seal(replace(reference()))))
    model = f"{{name: click, task: binary, reference: r.json{features}}}"
    (directory / "c.yaml").write_text(f"sources: {sources}\nmodels: [{model}]\n")
    return load(directory / "c.yaml", {})


@pytest.mark.parametrize(
    "given",
    ["{prediction_id: age}", "{prediction_id: inputs.age, features: inputs}", "{prediction_id: age, features: $}"],
)
def test_an_id_is_not_watched_unless_it_is_listed(tmp_path: Path, given: str) -> None:
    """Of the reference's features all others are; listed, it is watched, and noted."""
    known = set(reference().features)
    sources = f"[{{topic: p, map: {given}}}]"
    plain = config_at(tmp_path, sources, "")
    assert set(load_references(plain)["click"].features) == known - {"age"}
    assert list(id_notes(plain.sources, plain.models[0])) == []
    listed = config_at(tmp_path, sources, ", features: {age: numeric}")
    assert set(load_references(listed)["click"].features) == {"age"}
    (note,) = id_notes(listed.sources, listed.models[0])
    assert "`age` is a feature, and what the map of a source reads as prediction_id" in note


@pytest.mark.parametrize(
    "sources",
    ["[]", "[{topic: p, map: {prediction_id: txn}}]", "[{topic: f, holds: feedback, map: {prediction_id: age}}]"],
)
def test_other_maps_leave_the_features_alone(tmp_path: Path, sources: str) -> None:
    """Of feedback no feature is read."""
    config = config_at(tmp_path, sources, "")
    assert load_references(config)["click"].features.keys() == reference().features.keys()
