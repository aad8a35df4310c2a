"""Labels of a build's rows: outcomes as they would be folded live, an estimator, and a note where there is none."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from estimated import CLASSES, Given, binary_rows, built, multiclass_rows, regression_rows
from rich.console import Console
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, mean_absolute_error, roc_auc_score

from operators.settings.model import ModelSettings
from stream.references import sample
from stream.references.build import build
from stream.references.plan import BuildOptions, OutcomeOptions, outcome_options
from stream.references.show import drawing
from windows.estimates.estimate import Estimates
from windows.estimates.estimator import BinaryEstimator, MulticlassEstimator
from windows.outcomes.curves import confusion
from windows.outcomes.layout import task_layout
from windows.outcomes.metrics import task_metrics
from windows.references.reference import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from windows.outcomes.layout import Task
    from windows.references.reference import Reference


def metrics(reference: Reference) -> dict[str, float]:
    """What its outcomes say."""
    assert reference.task is not None
    assert reference.outcomes is not None
    layout = task_layout(reference.task, reference.prediction)
    return {name: float(one.value[0]) for name, one in task_metrics(layout, reference.outcomes[None, :], 0.01).items()}


def test_binary_outcomes_are_scikit_learns() -> None:
    """Labels as numbers: accuracy and log loss exactly, the area within its bin error; every row is a prediction."""
    rows = binary_rows(5_000)
    label = rows["label"].astype(np.float64)
    label[:1_000] = np.nan
    reference = built({**rows, "label": label}, "binary").reference
    found, known = metrics(reference), ~np.isnan(label)
    score = rows["prediction"][known]
    assert found["accuracy"] == accuracy_score(label[known], score >= 0.5)
    assert found["log_loss"] == pytest.approx(log_loss(label[known], score), rel=1e-6)
    assert found["auc"] == pytest.approx(roc_auc_score(label[known], score), abs=5e-3)
    assert (found["predictions"], found["labelled"]) == (5_000, 4_000)
    assert found["label_coverage"] == 0.8
    assert np.isnan(found["label_delay_p50_s"])


@pytest.mark.parametrize(
    ("task", "change", "labels", "said"),
    [
        ("binary", lambda score: 100 * score, (0, 1), "right only where these are decisions themselves"),
        ("binary", lambda score: np.log(score / (1 - score)), (0, 1), "log-odds, log the probability"),
        (None, lambda score: 100 * score, (0, 1), "the labels are 0 and 1 alone"),
        (None, lambda score: np.where(score > 0.5, 1, -1), (-1, 1), "the labels are -1 and 1 alone"),
        ("regression", lambda score: 100 * score, (0, 1), ""),
        ("binary", lambda score: score, (0, 1), ""),
        (None, lambda score: score > 0.5, (False, True), ""),
        (None, lambda score: np.append(score[1:], 1.0).astype(np.float16), (0, 1), ""),
    ],
    ids=["percent", "log-odds", "percent, no task", "-1 and 1", "said", "scores", "booleans", "halves"],
)
def test_predictions_on_another_scale_are_told(
    task: Task | None, change: Callable[[Any], Any], labels: tuple[Any, Any], said: str
) -> None:
    """Percent against a threshold of 0.5 are all positive, and 0 and 1 are no measures: neither may pass in silence."""
    rows = binary_rows(2_000)
    label = np.where(rows["label"].astype(bool), labels[1], labels[0])
    notes = built({**rows, "prediction": change(rows["prediction"]), "label": label}, task).notes
    told = [note for note in notes if "are scores of 0 to 1" in note or "alone, and the predictions" in note]
    assert (len(told) == 1 and said in told[0]) if said else not told


LABELS: dict[str, Mapping[int, Any]] = {
    "booleans": {0: False, 1: True},
    "text of numbers": {0: "0", 1: "1"},
    "text": {0: "false", 1: "true"},
    "floats": {0: 0.0, 1: 1.0},
    "names": {0: "fine", 1: "fraud"},
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_read_as_feedback_is(kind: str) -> None:
    """0 and 1 in any form; other names where the config says which one is positive."""
    rows = binary_rows(2_000)
    label = [LABELS[kind][int(value)] for value in rows["label"]]
    options = OutcomeOptions(positive="fraud" if kind == "names" else None)
    done = built({**rows, "label": label}, "binary", outcomes=options)
    assert metrics(done.reference) == pytest.approx(metrics(built(rows, "binary").reference), nan_ok=True)


def test_labels_of_no_known_meaning_are_left_out_with_a_note() -> None:
    """Names without a positive one: the reference is built all the same, and says why it has no outcomes."""
    rows = binary_rows(2_000)
    done = built({**rows, "label": np.where(rows["label"], "fraud", "fine")}, "binary")
    assert done.reference.outcomes is None
    assert done.reference.estimator is None
    (note,) = [note for note in done.notes if "labels are not used" in note]
    assert "performance.positive" in note


def test_without_labels_nothing_is_said_and_nothing_is_kept() -> None:
    """No label column: no outcomes, no estimator, no note; a column of nothing but gaps is noted."""
    rows = binary_rows(2_000)
    bare = built({name: rows[name] for name in rows if name != "label"}, "binary")
    assert (bare.reference.task, bare.reference.outcomes, bare.reference.estimator) == (None, None, None)
    assert not any("label" in note for note in bare.notes)
    empty = built({**rows, "label": np.full(2_000, np.nan)}, "binary")
    assert empty.reference.outcomes is None
    assert any("no row has one" in note for note in empty.notes)


def test_few_labels_give_outcomes_but_no_estimates() -> None:
    """Below 200 labelled rows a calibration would say nothing."""
    rows = binary_rows(2_000)
    label = rows["label"].astype(np.float64)
    label[150:] = np.nan
    done = built({**rows, "label": label}, "binary")
    assert metrics(done.reference)["labelled"] == 150
    assert done.reference.estimator is None
    assert any("150 rows" in note for note in done.notes)


def test_the_threshold_of_the_config_is_kept() -> None:
    """Outcomes and estimator are of the threshold that `performance:` gives."""
    given = {"name": "m", "task": "binary", "performance": {"threshold": 0.3}}
    options = outcome_options(ModelSettings.model_validate(given))
    rows = binary_rows(3_000)
    reference = built(rows, "binary", outcomes=options).reference
    assert reference.task is not None
    assert reference.task.threshold == 0.3
    assert isinstance(reference.estimator, BinaryEstimator)
    assert reference.estimator.threshold == 0.3
    assert metrics(reference)["f1"] == pytest.approx(f1_score(rows["label"], rows["prediction"] >= 0.3))


def test_without_performance_settings_the_threshold_is_a_half() -> None:
    """The default of the setting."""
    assert outcome_options(ModelSettings(name="m", task="binary")).threshold == 0.5


@pytest.mark.parametrize("labels", ["numbers", "text", "floats"])
def test_multiclass_outcomes_are_scikit_learns(labels: str) -> None:
    """Class scores by position: the confusion matrix is scikit-learn's, whatever type the labels have."""
    rows = multiclass_rows(4_000)
    forms = {"numbers": rows["label"], "text": rows["label"].astype(str), "floats": rows["label"].astype(np.float64)}
    reference = built({**rows, "label": forms[labels]}, "multiclass").reference
    assert reference.task is not None
    assert reference.outcomes is not None
    found = confusion(task_layout(reference.task, reference.prediction), reference.outcomes).counts
    order = [int(name) for name in reference.task.classes]
    expected = confusion_matrix(rows["label"], rows["prediction"].argmax(axis=1), labels=order)
    np.testing.assert_array_equal(found[:CLASSES, :CLASSES], expected)
    assert isinstance(reference.estimator, MulticlassEstimator)
    assert reference.estimator.classes == reference.task.classes


def test_bare_classes_have_outcomes_but_no_estimates() -> None:
    """Without class scores there is nothing to calibrate."""
    rows = multiclass_rows(3_000)
    names = np.array(["cat", "dog", "owl"])
    bare = {**rows, "prediction": names[rows["prediction"].argmax(axis=1)], "label": names[rows["label"]]}
    done = built(bare, "multiclass")
    assert metrics(done.reference)["accuracy"] == accuracy_score(bare["label"], bare["prediction"])
    assert done.reference.estimator is None
    assert any("they need scores" in note for note in done.notes)


def test_a_class_that_no_labelled_row_was_predicted_to_be() -> None:
    """It has cells all the same, of the rows predicted to be another; the file reads back."""
    rows = multiclass_rows(3_000)
    label = rows["label"].astype(np.float64)
    label[rows["prediction"].argmax(axis=1) == 2] = np.nan
    reference = built({**rows, "label": label}, "multiclass").reference
    assert isinstance(reference.estimator, MulticlassEstimator)
    at = reference.estimator.classes.index("2")
    assert reference.estimator.predicted[at].rows.sum() == 0
    assert from_json(to_json(reference)).id == reference.id
    estimates = Estimates(reference.estimator)
    counts = np.ones((1, reference.estimator.size), dtype=np.int64)
    assert all(np.isfinite(one.value[0]) for one in estimates(counts, 1.0, 0.01).values())


def test_a_class_without_scores_leaves_no_estimates() -> None:
    """Lists too short for a class that bare predictions name: the note says which."""
    rows = multiclass_rows(1_000)
    lists: list[Any] = [item[:2].tolist() for item in rows["prediction"]]
    longer = [[0.1, 0.2, 0.7]] * 5
    label = np.concatenate((np.minimum(rows["label"], 1).astype(np.float64), np.full(5, np.nan)))
    columns = {"x": np.arange(1_005.0), "prediction": pa.array(lists + longer), "label": label}
    done = build(Given(columns), BuildOptions("m", task="multiclass"))
    assert done.reference.estimator is None
    assert any("score of class '2'" in note for note in done.notes)


def test_regression_outcomes_are_scikit_learns() -> None:
    """The mean error of the labelled rows."""
    rows = regression_rows(3_000)
    done = built(rows, "regression", outcomes=OutcomeOptions(tolerance=0.5))
    found = metrics(done.reference)
    assert found["mae"] == pytest.approx(mean_absolute_error(rows["label"], rows["prediction"]), rel=1e-9)
    assert found["within_tolerance"] == (np.abs(rows["label"] - rows["prediction"]) <= 0.5).mean()


@pytest.mark.parametrize("error", [0.0, 1e-300, 1e60, 1e200, np.inf])
def test_errors_of_any_size_can_be_read_back(error: float) -> None:
    """None at all, tiny ones, and some that are enormous: estimates are numbers, and the file reads back."""
    rows = regression_rows(1_000)
    label = rows["prediction"] + np.where(np.arange(1_000) % 3 == 0, error, 0.0)
    reference = from_json(to_json(built({**rows, "label": label}, "regression").reference))
    assert reference.estimator is not None
    counts = np.ones((1, reference.estimator.size), dtype=np.int64)
    for one in Estimates(reference.estimator)(counts, 1.0, 0.01).values():
        assert one.lower[0] <= one.value[0] <= one.upper[0]


def test_ranking_outcomes() -> None:
    """Lists of items and what was clicked: the reciprocal rank by hand; there are no estimates of rankings."""
    n = 600
    rng = np.random.default_rng(0)
    ranked = np.array([rng.permutation(10) for _ in range(n)])
    clicked = rng.integers(0, 10, n)
    rows = {"x": rng.normal(size=n), "prediction": ranked, "label": clicked[:, None]}
    done = built(rows, "ranking")
    places = (ranked == clicked[:, None]).argmax(axis=1) + 1
    assert metrics(done.reference)["mrr"] == pytest.approx((1 / places).mean())
    assert done.reference.estimator is None


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_task_is_guessed_where_none_is_given(task: Task) -> None:
    """As `init` guesses it: by the predictions."""
    rows = {"binary": binary_rows, "multiclass": multiclass_rows, "regression": regression_rows}[task](1_000)
    kept = {name: values for name, values in rows.items() if name not in {"p", "deviation"}}
    reference = build(Given(kept), BuildOptions("m")).reference
    assert reference.task is not None
    assert reference.task.task == task


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_all_labelled_rows_are_counted_beyond_the_sample(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample places the cells; the counts are of every row."""
    monkeypatch.setattr(sample, "SAMPLE_ROWS", 1_000)
    rows = (binary_rows if task == "binary" else multiclass_rows)(7_000)
    estimator = built(rows, task).reference.estimator
    if isinstance(estimator, MulticlassEstimator):
        for others, predicted, k in zip(estimator.others, estimator.predicted, estimator.classes, strict=True):
            assert others.rows.sum() + predicted.rows.sum() == 7_000
            assert others.hits.sum() + predicted.hits.sum() == (rows["label"] == int(k)).sum()
            assert predicted.rows.sum() == (rows["prediction"].argmax(axis=1) == int(k)).sum()
    else:
        assert isinstance(estimator, BinaryEstimator)
        assert (estimator.cells.rows.sum(), estimator.cells.hits.sum()) == (7_000, rows["label"].sum())
        assert estimator.cells.scores.sum() == pytest.approx(rows["prediction"].sum())


def test_failed_predictions_and_other_models_are_left_out() -> None:
    """A row with an error has no outcome."""
    rows = binary_rows(1_000)
    error = np.where(np.arange(1_000) < 300, "boom", None)
    reference = built({**rows, "error": error}, "binary").reference
    assert metrics(reference)["labelled"] == 700
    assert from_json(to_json(reference)).id == reference.id


@pytest.mark.parametrize(("task", "shown"), [("binary", "auc"), ("multiclass", "macro_f1"), ("regression", "rmse")])
def test_a_drawing_sums_up_the_labels(task: Task, shown: str) -> None:
    """How many there are, what they say, and whether performance is estimated from them."""
    rows = {"binary": binary_rows, "multiclass": multiclass_rows, "regression": regression_rows}[task](1_000)
    reference = built(rows, task).reference
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(drawing(reference))
    text = console.export_text()
    (line,) = [line for line in text.splitlines() if line.startswith("labels")]
    assert "1,000" in line
    assert f"{shown} {metrics(reference)[shown]:.4g}" in line
    assert "from 1,000 labelled rows" in text
