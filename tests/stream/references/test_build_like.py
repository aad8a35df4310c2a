"""`reference build --like`: the counts of other rows on the edges and categories of a reference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from estimated import Given
from typer.testing import CliRunner

from stream.cli.app import app
from stream.config.load import load_reference
from stream.errors import UsageError
from stream.references.build import build
from stream.references.like import asked_like
from stream.references.plan import BuildOptions
from windows.references.edges import edge_differences, edges_id
from windows.references.merge import merge
from windows.references.reference import ReferenceError_, from_json, to_json
from windows.segments import OTHER
from windows.sketches.profiles import CategoricalProfile, NumericProfile, slots

if TYPE_CHECKING:
    from pathlib import Path

    from windows.references.reference import Reference

START = 1_789_000_000_000


def rows(count: int, seed: int, shift: float = 0.0, colours: str = "rgb", sites: str = "ab") -> dict[str, Any]:
    """A number, a category, a score, a segment and the label."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1.0 + abs(shift) / 4, count)
    score = 1 / (1 + np.exp(-x))
    return {
        "x": x,
        "colour": rng.choice([*colours], count).tolist(),
        "site": rng.choice([*sites], count).tolist(),
        "prediction": score,
        "label": (rng.random(count) < score).astype(np.int64),
        "timestamp": START + 100 * np.arange(count),
    }


OPTIONS = BuildOptions("m", features={"x": "numeric", "colour": "categorical"}, segments=("site",), task="binary")
BEFORE = rows(20_000, 0)
MOVED = rows(8_000, 1, shift=2.0, colours="bgv", sites="abc")


@pytest.fixture(scope="module")
def base() -> Reference:
    """The reference of the model."""
    return build(Given(BEFORE, 3), OPTIONS).reference


@pytest.fixture(scope="module")
def like(base: Reference) -> Reference:
    """That of a version whose inputs moved."""
    return build(Given(MOVED, 3), asked_like(OPTIONS, base)).reference


def test_the_edges_are_the_models_and_the_counts_the_rows(base: Reference, like: Reference) -> None:
    """Each value is in the bin that numpy finds; what lies outside is kept below and above; own mean and deviation."""
    profile, origin = like.features["x"], base.features["x"]
    assert isinstance(profile, NumericProfile)
    assert isinstance(origin, NumericProfile)
    expected = np.histogram(MOVED["x"], [-np.inf, *origin.edges, np.inf])[0]
    assert [profile.below, *profile.counts, profile.above] == expected.tolist()
    assert profile.above > 0
    assert profile.mean == pytest.approx(MOVED["x"].mean())
    assert profile.deviation == pytest.approx(MOVED["x"].std())
    assert (profile.center, profile.scale) == (origin.center, origin.scale)
    assert (like.rows, like.id == base.id) == (8_000, False)
    assert list(edge_differences(base, like)) == []


def test_categories_keep_their_order_and_new_ones_are_others(base: Reference, like: Reference) -> None:
    """Of three colours one is new, one has gone."""
    profile, origin = like.features["colour"], base.features["colour"]
    assert isinstance(profile, CategoricalProfile)
    assert isinstance(origin, CategoricalProfile)
    assert profile.categories == origin.categories
    assert profile.counts.tolist() == [MOVED["colour"].count(name) for name in origin.categories]
    assert profile.other == MOVED["colour"].count("v")


def test_segments_are_the_models(like: Reference) -> None:
    """A site that the model's reference does not know is other."""
    assert {name: counts.rows for name, counts in like.segments["site"].items()} == {
        "a": MOVED["site"].count("a"),
        "b": MOVED["site"].count("b"),
        OTHER: MOVED["site"].count("c"),
    }


def test_a_rare_value_of_a_segment_is_not_counted_among_others(base: Reference) -> None:
    """It has too few rows to be compared with, and live rows of it are not `other` either."""
    few = rows(3_000, 2)
    few["site"] = ["b" if at < 10 else "a" for at in range(3_000)]
    found = build(Given(few), asked_like(OPTIONS, base)).reference
    assert {name: counts.rows for name, counts in found.segments["site"].items()} == {"a": 2_990}


def test_labels_are_counted_and_estimates_left_to_the_model(base: Reference, like: Reference) -> None:
    """Outcomes are its own; cells of an estimator would be others than those that live predictions are counted in."""
    assert base.estimator is not None
    assert like.estimator is None
    assert like.task == base.task
    assert like.outcomes is not None


def test_the_file_holds_all_of_it(like: Reference, base: Reference) -> None:
    """There and back; and a reference that is built on its own has the id that it always had: nothing is added."""
    again = from_json(to_json(like))
    assert (again.id, edges_id(again)) == (like.id, edges_id(like))
    assert b'"below"' not in to_json(base)
    assert b'"own"' not in to_json(base)


def test_parts_that_were_built_like_the_same_are_merged_exactly(base: Reference, like: Reference) -> None:
    """As if all rows had been counted at once; with one of other edges it is refused."""
    halves = [{name: values[part] for name, values in MOVED.items()} for part in (slice(3_000), slice(3_000, None))]
    one, other = (build(Given(half), asked_like(OPTIONS, base)).reference for half in halves)
    merged, whole = merge(one, other).reference.features["x"], like.features["x"]
    assert isinstance(merged, NumericProfile)
    assert isinstance(whole, NumericProfile)
    assert merged.counts.tolist() == whole.counts.tolist()
    assert (merged.below, merged.above) == (whole.below, whole.above)
    assert (merged.mean, merged.deviation) == pytest.approx((whole.mean, whole.deviation))
    apart = build(Given(MOVED), OPTIONS).reference
    with pytest.raises(ReferenceError_, match="built like"):
        merge(one, apart)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prediction": ["yes"] * 8_000}, "its predictions are numeric, those of the rows are categorical"),
        ({"x": ["1"] * 7_999 + ["a"]}, "'x' is configured as numeric"),
        ({"x": None}, "feature 'x' is not among its columns"),
    ],
    ids=["prediction", "text", "absent"],
)
def test_rows_that_do_not_fit_are_refused(base: Reference, change: dict[str, Any], said: str) -> None:
    """With what does not."""
    given = {name: values for name, values in {**MOVED, **change}.items() if values is not None and name != "label"}
    with pytest.raises(UsageError, match=said):
        build(Given(given), asked_like(OPTIONS, base))


def test_another_model_is_refused(base: Reference) -> None:
    """By its name."""
    with pytest.raises(UsageError, match="a reference of model 'm', not of 'n'"):
        asked_like(replace(OPTIONS, model="n"), base)


def test_from_the_command_line(tmp_path: Path, base: Reference, like: Reference) -> None:
    """`reference build --like base.json`."""
    (tmp_path / "base.json").write_bytes(to_json(base))
    pq.write_table(pa.table(MOVED), tmp_path / "moved.parquet")
    config = tmp_path / "c.yaml"
    config.write_text("models: [{name: m, task: binary, reference: base.json, segments: [site]}]\n")
    asked = ["reference", "build", "--config", str(config), "--model", "m", "--from", str(tmp_path / "moved.parquet")]
    done = CliRunner().invoke(app, [*asked, "--like", str(tmp_path / "base.json"), "-o", str(tmp_path / "own.json")])
    assert done.exit_code == 0, done.output
    written = load_reference(tmp_path / "own.json")
    assert {name: slots(one).tolist() for name, one in written.features.items()} == {
        name: slots(one).tolist() for name, one in like.features.items()
    }
    assert edges_id(written) == edges_id(like)
