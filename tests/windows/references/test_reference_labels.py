"""Labels in a reference: its JSON, older files, and merging."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from estimated import binary_rows, built, multiclass_rows, regression_rows
from sklearn.metrics import accuracy_score, mean_absolute_error, roc_auc_score

from windows.estimates.estimate import Estimates
from windows.outcomes.layout import task_layout
from windows.outcomes.metrics import task_metrics
from windows.references.merge import merge
from windows.references.reference import Reference, from_json, seal, to_json
from windows.sketches.profiles import ReferenceError_

if TYPE_CHECKING:
    from windows.outcomes.layout import Task

ROWS: dict[Task, Any] = {"binary": binary_rows, "multiclass": multiclass_rows, "regression": regression_rows}


def labelled(task: Task, n: int = 6_000, seed: int = 0, **more: Any) -> Reference:
    """A reference of labelled rows."""
    return built(ROWS[task](n, seed=seed, **more), task).reference


def metrics(reference: Reference) -> dict[str, float]:
    """What its outcomes say."""
    assert reference.task is not None
    assert reference.outcomes is not None
    layout = task_layout(reference.task, reference.prediction)
    return {name: float(one.value[0]) for name, one in task_metrics(layout, reference.outcomes[None, :], 0.01).items()}


@pytest.mark.parametrize("task", ROWS)
def test_the_json_form_gives_it_back(task: Task) -> None:
    """Written and read: the same id, the same outcomes, the same estimates, bit for bit."""
    reference = labelled(task)
    back = from_json(to_json(reference))
    assert back.id == reference.id
    assert back.task == reference.task
    np.testing.assert_array_equal(back.outcomes, reference.outcomes)
    assert to_json(back) == to_json(reference)
    assert back.estimator is not None
    assert reference.estimator is not None
    counts = np.random.default_rng(0).integers(0, 50, size=(2, reference.estimator.size))
    one, other = (Estimates(estimator)(counts, 1.0, 0.01) for estimator in (back.estimator, reference.estimator))
    for name, found in one.items():
        np.testing.assert_array_equal(found.value, other[name].value)
        np.testing.assert_array_equal(found.upper, other[name].upper)


def test_a_reference_of_a_former_format_is_to_be_built_again() -> None:
    """Its edges and its outcomes were counted in another way, and would be misread."""
    file = json.loads(to_json(seal(replace(labelled("binary"), task=None, outcomes=None, estimator=None))))
    file["format_version"] = 2
    with pytest.raises(ReferenceError_, match="format version 2; this driftgauge reads version 3: build it again"):
        from_json(json.dumps(file).encode())


def test_labels_change_the_id() -> None:
    """Other labels are another reference: the state of one must not be read as the other's."""
    rows = binary_rows(3_000)
    ids = {
        built(rows, "binary").reference.id,
        built({**rows, "label": 1 - rows["label"]}, "binary").reference.id,
        built({name: rows[name] for name in rows if name != "label"}, "binary").reference.id,
    }
    assert len(ids) == 3


def _set(value: Any, *path: str | int) -> Any:
    def change(content: Any) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return change


BREAKS: list[tuple[Task, Any, str]] = [
    ("binary", _set([0.5], "estimator", "cells", "edges"), "edges"),
    ("binary", _set(0.123, "estimator", "threshold"), "threshold"),
    ("binary", _set([1, 2], "outcomes", "slots"), "slots"),
    ("binary", _set("ranking", "outcomes", "task", "task"), "slots"),
    ("binary", _set(7.0, "outcomes", "task", "threshold"), "threshold"),
    ("multiclass", _set(["0"], "estimator", "classes"), "two classes"),
    ("multiclass", _set([], "estimator", "predicted"), "two classes"),
    ("regression", _set([[999]], "estimator", "columns"), "questions"),
    ("regression", _set([], "estimator", "codes"), "codes"),
    ("regression", _set([1], "estimator", "cells", "rows"), "cells"),
    ("regression", _set([], "estimator", "line", "weights"), "line"),
    ("regression", _set(10**17, "estimator", "line", "start"), "line"),
]


@pytest.mark.parametrize(("task", "change", "said"), BREAKS, ids=lambda part: part if isinstance(part, str) else "")
def test_broken_estimators_and_outcomes_are_refused(
    task: Task, change: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong shapes are told in one line, also where the id fits the broken content."""
    file = json.loads(to_json(labelled(task, 2_000)))
    change(file["reference"])
    monkeypatch.setattr("windows.references.reference._hash", lambda _content: file["id"])
    with pytest.raises(ReferenceError_, match=said) as caught:
        from_json(json.dumps(file).encode())
    assert len(str(caught.value).splitlines()) == 1


# ---- merging


@pytest.mark.parametrize("task", ROWS)
def test_merging_with_itself_doubles_the_outcomes(task: Task) -> None:
    """On equal bins every slot is added exactly, and metrics stay what they were."""
    reference = labelled(task)
    merged = merge(reference, reference).reference
    assert merged.outcomes is not None
    assert reference.outcomes is not None
    np.testing.assert_array_equal(merged.outcomes, 2 * reference.outcomes)
    counted = {"labelled": 12_000.0, "predictions": 12_000.0}
    assert metrics(merged) == pytest.approx({**metrics(reference), **counted}, nan_ok=True, rel=1e-9)
    assert from_json(to_json(merged)).id == merged.id


@pytest.mark.parametrize(("task", "shift"), [("binary", 0.7), ("multiclass", 0.7), ("regression", 3.0)])
def test_merged_outcomes_are_those_of_all_rows(task: Task, shift: float) -> None:
    """Parts with other bins, classes in another order, another unit of errors: scikit-learn's metrics on all rows."""
    parts = [ROWS[task](8_000, seed=1), ROWS[task](8_000, seed=2, shift=shift)]
    merged = merge(*(built(part, task).reference for part in parts)).reference
    rows = {name: np.concatenate([part[name] for part in parts]) for name in ("prediction", "label")}
    found = metrics(merged)
    if task == "binary":
        chosen = rows["prediction"] >= 0.5
        assert found["accuracy"] == pytest.approx(accuracy_score(rows["label"], chosen), abs=2e-3)
        assert found["auc"] == pytest.approx(roc_auc_score(rows["label"], rows["prediction"]), abs=2e-3)
        assert found["brier"] == pytest.approx(((rows["prediction"] - rows["label"]) ** 2).mean(), rel=1e-6)
        whole = metrics(built(_both(parts), task).reference)
        assert found["ece"] == pytest.approx(whole["ece"], abs=5e-3)
    elif task == "multiclass":
        assert found["accuracy"] == accuracy_score(rows["label"], rows["prediction"].argmax(axis=1))
    else:
        error = rows["label"] - rows["prediction"]
        assert found["mae"] == pytest.approx(mean_absolute_error(rows["label"], rows["prediction"]), rel=1e-6)
        assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-6)
        assert found["r2"] == pytest.approx(1 - (error**2).mean() / rows["label"].var(), rel=1e-6)
        assert found["bias"] == pytest.approx(-error.mean(), rel=1e-6)
        assert found["abs_error_p90"] == pytest.approx(np.quantile(np.abs(error), 0.9), rel=0.06)


def _both(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize("task", ROWS)
def test_merged_estimates_are_near_those_of_all_rows(task: Task) -> None:
    """Score cells hold the labelled rows of both parts, error cells those of the larger one."""
    one, other = labelled(task, 8_000, seed=1), labelled(task, 5_000, seed=2, shift=0.3)
    merged = merge(one, other)
    assert merged.reference.estimator is not None
    estimates = Estimates(merged.reference.estimator)
    assert estimates.labelled == (8_000 if task == "regression" else 13_000)
    assert bool(merged.notes) == (task == "regression")
    assert from_json(to_json(merged.reference)).id == merged.reference.id
    name = "estimated_mae" if task == "regression" else "estimated_accuracy"
    baseline = estimates(np.ones((1, estimates.estimator.size), dtype=np.int64), 1.0, 0.01)[name].baseline
    assert baseline == pytest.approx(metrics(merged.reference)[name.removeprefix("estimated_")], rel=0.1)


def test_a_part_without_labels_takes_no_label_away() -> None:
    """The labels of the other part are kept, on the merged bins."""
    one = labelled("binary")
    bare = seal(replace(labelled("binary", seed=5, shift=0.5), task=None, outcomes=None, estimator=None))
    for merged in (merge(one, bare).reference, merge(bare, one).reference):
        assert metrics(merged)["accuracy"] == pytest.approx(metrics(one)["accuracy"], abs=2e-3)
        assert metrics(merged)["labelled"] == 6_000
        assert merged.estimator is not None


def test_labels_held_against_other_thresholds_are_not_added() -> None:
    """Outcomes of different options are refused, in one line that names them."""
    one, other = labelled("binary"), labelled("binary", seed=1)
    assert other.task is not None
    with pytest.raises(ReferenceError_, match="different ways"):
        merge(one, seal(replace(other, task=replace(other.task, threshold=0.3))))


def test_the_positive_label_is_remembered() -> None:
    """In the file, and by merging with rows that had no labels; parts that disagree are not added."""
    numbers = labelled("binary")
    fraud = seal(replace(numbers, positive="fraud"))
    assert from_json(to_json(fraud)).positive == "fraud"
    assert (fraud.id == numbers.id, from_json(to_json(numbers)).positive) == (False, None)
    bare = seal(replace(numbers, task=None, outcomes=None, estimator=None))
    assert merge(bare, fraud).reference.positive == "fraud"
    for other in (numbers, seal(replace(numbers, positive="Fraud"))):
        with pytest.raises(ReferenceError_, match="positive by different names: 'fraud' and"):
            merge(fraud, other)


def test_a_class_that_one_part_never_predicted() -> None:
    """The part that has scores of every class stands for both, and the user is told; labels of both are counted."""
    rows = multiclass_rows(4_000, seed=3)
    few = multiclass_rows(4_000, seed=4)
    kept = few["prediction"].argmax(axis=1) != 2
    few = {name: values[kept] for name, values in few.items()}
    merged = merge(built(rows, "multiclass").reference, built(few, "multiclass").reference)
    assert merged.reference.estimator is not None
    assert Estimates(merged.reference.estimator).labelled == 4_000
    assert "every class" in merged.notes[0]
    assert metrics(merged.reference)["labelled"] == 4_000 + kept.sum()
