"""`references:` in a config: what is refused and where, and what `check` says of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from estimated import Given, binary_rows
from seasonal import seasonal_rows

from stream.config.load import ConfigError, load, load_references
from stream.config.summary import model_lines
from stream.references.build import build
from stream.references.like import asked_like
from stream.references.plan import BuildOptions, SeasonOptions
from windows.references.reference import seal, to_json

if TYPE_CHECKING:
    from pathlib import Path

    from windows.references.reference import Reference

ROWS: dict[str, Any] = {**binary_rows(6_000), "site": ["a", "b"] * 3_000}
OPTIONS = BuildOptions("m", task="binary", segments=("site",))
BASE = build(Given(ROWS), OPTIONS).reference
MOVED = {**ROWS, **binary_rows(6_000, 1, shift=1.0)}
OWN = build(Given(MOVED), asked_like(OPTIONS, BASE)).reference


def site(directory: Path, own: Reference, base: Reference = BASE, keys: str = "") -> Path:
    """A config of a model of which version 8 has its own reference."""
    (directory / "m.json").write_bytes(to_json(base))
    (directory / "m.8.json").write_bytes(to_json(own))
    path = directory / "c.yaml"
    path.write_text(
        "models: [{name: m, task: binary, reference: m.json, segments: [site], "
        f'references: {{"8": m.8.json}}{keys}}}]\n'
    )
    return path


def test_it_is_read_beside_the_models(tmp_path: Path) -> None:
    """And `check` tells its rows, and that estimates go by the model's."""
    config = load(site(tmp_path, OWN), {})
    reference = load_references(config)["m"]
    assert {version: one.id for version, one in reference.versions.items()} == {"8": OWN.id}
    (line,) = [line for line in model_lines(config, config.models[0], reference) if "references" in line]
    assert line == (
        "  references: version 8: 6,000 rows of its own; estimates before labels come go by the model's reference"
    )


def test_features_that_the_config_leaves_out_are_left_out_of_both(tmp_path: Path) -> None:
    """They go on having the same edges."""
    config = load(site(tmp_path, OWN, keys=", features: {x0: numeric}"), {})
    reference = load_references(config)["m"]
    assert [*reference.features] == [*reference.versions["8"].features] == ["x0"]


def test_what_it_lacks_is_said(tmp_path: Path) -> None:
    """Labels and a value of a segment: its performance is held against the model's, that segment is not judged."""
    some: dict[str, Any] = {"site": {"a": OWN.segments["site"]["a"]}}
    for segments, lacks in ((some, "site=b"), ({}, "site=a, site=b")):
        own = seal(replace(OWN, task=None, outcomes=None, segments=segments))
        config = load(site(tmp_path, own), {})
        lines = model_lines(config, config.models[0], load_references(config)["m"])
        (line,) = [one for one in lines if "references" in one]
        said = "its performance is compared with the model's reference; its drift in segments that it lacks is not"
        assert f"; without labels, {lacks}; {said} judged" in line


@pytest.mark.parametrize(
    ("own", "keys", "said"),
    [
        (
            build(Given(ROWS), replace(OPTIONS, model="n")).reference,
            "",
            "it is of model 'n', not of 'm'; build it with",
        ),
        (build(Given(MOVED), OPTIONS).reference, "", "has other edges or categories; build it with: driftgauge"),
        (OWN, ", multivariate: conditional", "given beside multivariate; one of the two must go"),
    ],
    ids=["model", "edges", "multivariate"],
)
def test_what_does_not_go_together_is_refused_by_its_key(tmp_path: Path, own: Reference, keys: str, said: str) -> None:
    """At the start, before anything is compared."""
    at = "models.0.references" if keys else "models.0.references.8"
    with pytest.raises(ConfigError) as caught:
        load_references(load(site(tmp_path, own, keys=keys), {}))
    assert f"{at}: " in str(caught.value)
    assert said in str(caught.value)


def test_a_season_is_refused(tmp_path: Path) -> None:
    """Classes of hours are not told apart by version; one that is built like a reference with a season has none."""
    options = BuildOptions("m", task="binary", segments=("site",), seasonal=SeasonOptions("Europe/Berlin"))
    seasonal = build(Given(seasonal_rows(30_000, days=21)), options).reference
    assert seasonal.seasons is not None
    assert asked_like(options, seasonal).seasonal is None
    plain = seal(replace(seasonal, seasons=None))
    keys = ", seasonal: {timezone: Europe/Berlin}"
    with pytest.raises(ConfigError, match=r"models\.0\.references\.8.*classes of hours are not told apart"):
        load_references(load(site(tmp_path, plain, seasonal, keys), {}))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Is told with its path."""
    path = site(tmp_path, OWN)
    (tmp_path / "m.8.json").unlink()
    with pytest.raises(ConfigError, match=r"models\.0\.references\.8: .*m\.8\.json: No such file"):
        load_references(load(path, {}))
