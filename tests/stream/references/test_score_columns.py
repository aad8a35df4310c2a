"""Scores of the classes that have a column each are no features; what only looks so is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from stream.errors import UsageError
from stream.references.build import BuildOptions, Built, build
from stream.rows.columns import Wishes
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 300
RANDOM = np.random.default_rng(5)
PETS = np.array(["bird", "cat", "dog"])
TRUTH = RANDOM.choice(PETS, ROWS)
SCORES = RANDOM.dirichlet([1, 1, 1], ROWS)
LEFT = "being scores of the classes"


def _built(path: Path, columns: dict[str, Any], options: BuildOptions | None = None) -> Built:
    pd.DataFrame({"x": RANDOM.normal(size=ROWS), **columns}).to_csv(path / "r.csv", index=False)
    return build(open_rows(path / "r.csv", Wishes()), options or BuildOptions("m"))


def _each(pattern: str, names: Any = PETS, scores: Any = SCORES) -> dict[str, Any]:
    return {pattern.format(name): scores[:, at] for at, name in enumerate(names)}


@pytest.mark.parametrize(
    "pattern", ["proba_{}", "p_{}", "Score {}", "y_pred_proba_{}", "{}_probability", "P({})", "{}", "out.{}", "{}-p"]
)
def test_scores_of_named_classes_are_left_out_and_named(tmp_path: Path, pattern: str) -> None:
    """Beside the class that was predicted, whatever they are called, as long as the class is in their names."""
    scores = _each(pattern)
    built = _built(tmp_path, {"prediction": PETS[SCORES.argmax(1)], "label": TRUTH, **scores})
    assert list(built.reference.features) == ["x"]
    (note,) = [note for note in built.notes if LEFT in note]
    assert all(name in note for name in scores)


@pytest.mark.parametrize("pattern", ["proba_{}", "score{}", "prob[{}]", "{}"])
def test_scores_of_numbered_classes_are_left_out(tmp_path: Path, pattern: str) -> None:
    """So are those of a list that was spread over columns, though some of the classes never came true."""
    labels = RANDOM.integers(0, 2 if pattern != "{}" else 3, ROWS)
    built = _built(tmp_path, {"label": labels, **_each(pattern, range(3))})
    assert list(built.reference.features) == ["x"]


def test_the_other_score_of_a_binary_model_is_left_out(tmp_path: Path) -> None:
    """1 - prediction is the prediction. Rounded scores do not add up to 1 exactly."""
    score = np.round(SCORES[:, 0], 2)
    pair = {"proba_0": np.round(1 - score, 2) + 0.001, "proba_1": score, "label": RANDOM.integers(0, 2, ROWS)}
    built = _built(tmp_path, pair, BuildOptions("m", roles={"prediction": "proba_1"}))
    assert list(built.reference.features) == ["x"]
    bare = _built(tmp_path, pair)
    assert any(LEFT in note and "--prediction proba_1" in note for note in bare.notes)


def test_scores_that_do_not_add_up_are_known_by_all_class_names(tmp_path: Path) -> None:
    """One against the rest: a score of each class by itself."""
    built = _built(tmp_path, {"prediction": TRUTH, **_each("score_{}", scores=RANDOM.random((ROWS, 3)))})
    assert list(built.reference.features) == ["x"]


def test_what_only_looks_like_scores_stays_a_feature(tmp_path: Path) -> None:
    """Columns of one category (`get_dummies`), shares of something else, numbers beyond 1, a single score."""
    hot = np.eye(2)[RANDOM.integers(0, 2, ROWS)].astype(int)
    soil = _each("p_{}", ("sand", "silt", "clay"))
    exams = _each("score_{}", range(2), RANDOM.integers(0, 100, (ROWS, 2)))
    kept = {**_each("sex_{}", range(2), hot), **_each("conf_{}", ("a", "b"), hot), **soil, **exams, "prob": 0.5}
    built = _built(tmp_path, {**kept, "prediction": TRUTH})
    assert list(built.reference.features) == ["x", *kept]
    said = "watched as features beside the predictions in `prediction`: `score_0`, `score_1`, `prob`;"
    assert any(said in note for note in built.notes)


def test_the_user_may_watch_scores(tmp_path: Path) -> None:
    """By name, or by the list in a config; where nothing else is left the error says so."""
    columns = {"prediction": TRUTH, **_each("p_{}")}
    built = _built(tmp_path, columns, BuildOptions("m", chosen=("p_cat", "p_dog", "p_bird")))
    assert "p_cat" in built.reference.features
    listed = _built(tmp_path, columns, BuildOptions("m", features={"x": "numeric", "p_dog": "numeric"}))
    assert list(listed.reference.features) == ["x", "p_dog"]
    with pytest.raises(UsageError, match=r"no features: beside p_bird, p_cat, p_dog, scores of the classes"):
        _built(tmp_path, columns, BuildOptions("m", ignored=("x",)))
