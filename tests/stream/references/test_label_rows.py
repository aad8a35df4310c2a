"""Labels and predictions of rows, in the spellings and forms that they come in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from estimated import Given, binary_rows, built, multiclass_rows
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from stream.errors import UsageError
from stream.references.build import build
from stream.references.plan import BuildOptions, OutcomeOptions
from windows.outcomes.layout import task_layout
from windows.outcomes.metrics import task_metrics
from windows.references.reference import Reference, from_json, to_json
from windows.sketches.profiles import NumericProfile

ANIMALS = ("bird", "cat", "dog")


def measured(reference: Reference) -> dict[str, float]:
    """What its outcomes say."""
    assert reference.task is not None
    assert reference.outcomes is not None
    layout = task_layout(reference.task, reference.prediction)
    return {name: float(one.value[0]) for name, one in task_metrics(layout, reference.outcomes[None, :], 0.01).items()}


def named(rows: dict[str, Any]) -> dict[str, Any]:
    """The rows of three classes with names for labels."""
    return {**rows, "label": np.array(ANIMALS)[rows["label"]]}


@pytest.mark.parametrize("task", ["binary", None])
def test_both_probabilities_are_the_score_of_the_second(task: Any) -> None:
    """[0.3, 0.7] is 0.7, whether the task is said or guessed; the profile is one of numbers."""
    rows = binary_rows(2_000)
    pairs = pa.array([[1 - one, one] for one in rows["prediction"].tolist()])
    kept = {name: rows[name] for name in rows if name not in {"prediction", "p"}}
    reference = build(Given({**kept, "prediction": pairs}), BuildOptions("m", task=task)).reference
    assert isinstance(reference.prediction, NumericProfile)
    assert measured(reference)["auc"] == pytest.approx(roc_auc_score(rows["label"], rows["prediction"]), abs=5e-3)
    assert measured(reference)["accuracy"] == accuracy_score(rows["label"], rows["prediction"] >= 0.5)


def test_names_say_whose_score_is_whose() -> None:
    """scikit-learn sorts its classes: with fraud before legit the first score is the positive one."""
    rows = binary_rows(2_000)
    label = np.where(rows["label"] == 1, "fraud", "legit")
    pairs = pa.array([[one, 1 - one] for one in rows["prediction"].tolist()])
    given = {**rows, "prediction": pairs, "label": label}
    options = OutcomeOptions(positive="fraud", classes=("fraud", "legit"))
    reference = built(given, "binary", outcomes=options).reference
    assert measured(reference)["auc"] == pytest.approx(roc_auc_score(rows["label"], rows["prediction"]), abs=5e-3)
    assert reference.positions == ("fraud", "legit")
    bare = built(given, "binary", outcomes=OutcomeOptions(positive="fraud"))
    assert bare.reference.outcomes is None
    assert any("which is whose is not known" in note for note in bare.notes)


def test_names_for_the_positions_of_a_list_of_scores() -> None:
    """With `classes` the labels are found; the profile, the file and the estimator have the names."""
    rows = multiclass_rows(2_000)
    reference = built(named(rows), "multiclass", outcomes=OutcomeOptions(classes=ANIMALS)).reference
    found = measured(reference)
    assert found["accuracy"] == accuracy_score(rows["label"], rows["prediction"].argmax(axis=1))
    scores = rows["prediction"] / rows["prediction"].sum(axis=1, keepdims=True)
    assert found["log_loss"] == pytest.approx(log_loss(rows["label"], scores, labels=[0, 1, 2]), rel=1e-6)
    assert set(reference.classes) == set(ANIMALS)
    back = from_json(to_json(reference))
    assert (back.positions, back.classes, back.id) == (ANIMALS, reference.classes, reference.id)


def test_names_without_positions_are_refused() -> None:
    """Before, every row was wrong, and the baseline was 0."""
    done = built(named(multiclass_rows(1_000)), "multiclass")
    assert done.reference.outcomes is None
    (note,) = [note for note in done.notes if "labels are not used" in note]
    assert "is none of the classes " in note
    assert "1,000 of 1,000 labels" in note


def test_a_few_labels_that_are_none_are_left_out_with_a_note() -> None:
    """Slips do not cost the baseline; they are neither negatives nor misses."""
    rows = binary_rows(2_000)
    label = rows["label"].astype(object)
    label[:7] = "unknown"
    done = built({**rows, "label": label.astype(str)}, "binary")
    assert measured(done.reference)["labelled"] == 1_993
    assert measured(done.reference)["accuracy"] == accuracy_score(rows["label"][7:], rows["prediction"][7:] >= 0.5)
    assert any("7 of 2,000 labels are left out, mostly 'unknown' (7)" in note for note in done.notes)


def test_a_class_that_is_never_predicted_is_a_class() -> None:
    """Its labels are misses of their own, and its name is known to feedback."""
    rows = multiclass_rows(2_000)
    said = np.array(ANIMALS)[rows["prediction"].argmax(axis=1)]
    label = np.array(ANIMALS)[rows["label"]]
    label[:50] = "emu"
    reference = built({**rows, "prediction": said, "label": label}, "multiclass").reference
    assert "emu" in reference.classes
    assert measured(reference)["accuracy"] == accuracy_score(label, said)


def test_more_classes_than_are_told_apart_are_no_more_right_for_it() -> None:
    """Of forty classes, one beyond the 32nd that is taken for another is no hit; macro means have no value."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 40, 3_000)
    said = np.where(rng.random(3_000) < 0.6, truth, rng.integers(0, 40, 3_000))
    rows = {"x": rng.normal(size=3_000), "prediction": said.astype(str), "label": truth.astype(str)}
    found = measured(built(rows, "multiclass").reference)
    assert found["accuracy"] == accuracy_score(truth, said)
    assert np.isnan(found["macro_f1"])


SEVERAL = {
    "labels": ({"prediction": pa.array([[0.1, 0.9]] * 60), "label": pa.array([[0, 1]] * 60)}, "multiclass", "several"),
    "outputs": ({"prediction": pa.array([[1.5, 2.5]] * 60), "label": pa.array([[1.0, 2.0]] * 60)}, None, "several"),
    "numbers": ({"prediction": pa.array([[1.5, 2.5]] * 60), "label": np.ones(60)}, "regression", "one number"),
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_several_labels_or_outputs_are_refused_in_one_sentence(kind: str) -> None:
    """Multi-label and multi-output models are not read as something else."""
    columns, task, words = SEVERAL[kind]
    with pytest.raises(UsageError, match=words) as caught:
        build(Given({"x": np.arange(60.0), **columns}), BuildOptions("m", task=task))
    assert "\n" not in str(caught.value)
