"""Outcome vectors: merging is exact whatever the rows, and a revision takes the old pair back to the last bit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outcome_rows import NAN, Row, any_row, groups_of, layouts, outcomes_of

from windows.outcomes import fold
from windows.outcomes.fold import fold_outcomes, fold_predictions
from windows.outcomes.layout import MAX_CLASSES, TaskOptions, task_layout
from windows.outcomes.metrics import task_metrics

if TYPE_CHECKING:
    from windows.outcomes.layout import TaskLayout

LAYOUTS = layouts()
GROUPS = 3


def folded(layout: TaskLayout, rows: list[Row], groups: int = GROUPS) -> np.ndarray:
    """The vectors of some rows."""
    classes = layout.classes - 1 if layout.options.task == "multiclass" else 0
    return fold_outcomes(layout, outcomes_of(rows, classes), groups_of(rows), groups)


@pytest.mark.parametrize("name", LAYOUTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_merge_laws(name: str, data: st.DataObject) -> None:
    """Associative, commutative, with an identity, equal to one big fold in any order; -1 is the exact negative."""
    layout = LAYOUTS[name]
    parts = [data.draw(st.lists(any_row(layout.options.task), max_size=12)) for _ in range(3)]
    a, b, c = (folded(layout, part) for part in parts)
    assert not folded(layout, []).any()
    assert np.array_equal((a + b) + c, a + (b + c))
    everything = [row for part in parts for row in part]
    assert np.array_equal(folded(layout, everything), a + b + c)
    assert np.array_equal(folded(layout, data.draw(st.permutations(everything))), a + b + c)
    back = [replace(row, sign=-row.sign) for row in everything]
    assert np.array_equal(folded(layout, back), -(a + b + c))
    assert not folded(layout, everything + back).any()
    assert a.dtype == np.int64


@pytest.mark.parametrize("name", LAYOUTS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_each_group_has_its_own_rows_only(name: str, data: st.DataObject) -> None:
    """A group's vector is that of its rows folded alone, and nothing crashes on what metrics then see."""
    layout = LAYOUTS[name]
    rows = [replace(row, sign=1) for row in data.draw(st.lists(any_row(layout.options.task), max_size=20))]
    together = folded(layout, rows)
    for group in range(GROUPS):
        alone = folded(layout, [replace(row, group=0) for row in rows if row.group == group], 1)
        assert np.array_equal(together[group], alone[0])
    for alpha in (0.05, 1e-9):
        for measured in task_metrics(layout, together, alpha).values():
            defined = ~np.isnan(measured.value)
            assert (measured.lower[defined] <= measured.value[defined]).all()
            assert (measured.upper[defined] >= measured.value[defined]).all()
            assert (measured.samples >= 0).all()


@pytest.mark.parametrize("name", LAYOUTS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_predictions_are_counted_in_any_order(name: str, data: st.DataObject) -> None:
    """Predictions of parts add up; each is counted once, and in one score bin if it has a score."""
    layout = LAYOUTS[name]
    rows = data.draw(st.lists(any_row(layout.options.task), max_size=30))
    scores, groups = np.array([row.score for row in rows], dtype=np.float64), groups_of(rows)
    whole = fold_predictions(layout, scores, groups, GROUPS)
    cut = len(rows) // 2
    parts = [fold_predictions(layout, scores[at], groups[at], GROUPS) for at in (slice(cut), slice(cut, None))]
    assert np.array_equal(parts[0] + parts[1], whole)
    assert whole[:, layout.predictions].tolist() == np.bincount(groups, minlength=GROUPS).tolist()
    if "score_predictions" in layout.spans:
        binned = whole[:, layout.spans["score_predictions"]].sum()
        assert binned <= len(rows)
        if layout.options.task == "binary":
            assert binned == (~np.isnan(scores)).sum()


@pytest.mark.parametrize("name", LAYOUTS)
def test_nothing_gives_zeros_and_metrics_of_nothing_are_undefined(name: str) -> None:
    """No rows: a vector of zeros; no metric has a value but the counts, which are 0."""
    layout = LAYOUTS[name]
    vectors = folded(layout, [])
    assert vectors.shape == (GROUPS, layout.size)
    for metric, measured in task_metrics(layout, vectors, 0.01).items():
        if metric in ("labelled", "predictions"):
            assert measured.value.tolist() == [0.0] * GROUPS
        else:
            assert np.isnan(measured.value).all(), metric
            assert np.isnan(measured.lower).all(), metric
        assert not measured.samples.any()


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_value_alone_is_no_label(name: str) -> None:
    """Rows with a business value only are valued and not labelled."""
    layout = LAYOUTS[name]
    vectors = folded(layout, [Row(score=0.4, value=2.5), Row(score=0.4, value=3.5)], 1)
    assert vectors[0, layout.labelled] == 0
    assert vectors[0, layout.valued] == 2
    found = task_metrics(layout, vectors, 0.01)
    assert found["value_mean"].value[0] == 3.0
    assert all(np.isnan(found[metric].value[0]) for metric in found if metric.endswith(("auc", "mae", "ndcg", "f1")))


def test_large_batches_are_folded_in_chunks_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of a chunk does not show in the result."""
    rng = np.random.default_rng(4)
    layout = LAYOUTS["binary"]
    rows = [
        Row(score=float(score), label=float(rng.random() < score), group=int(rng.integers(3)), value=float(score))
        for score in rng.random(300)
    ]
    whole = folded(layout, rows)
    monkeypatch.setattr(fold, "CHUNK", 7)
    assert np.array_equal(folded(layout, rows), whole)


@pytest.mark.parametrize("name", ["binary", "binary without reference", "regression"])
def test_few_and_many_scores_find_the_same_bins(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up table of large batches answers as the binary search of small ones."""
    layout = LAYOUTS[name]
    rng = np.random.default_rng(5)
    edges = layout.score_edges
    assert edges is not None
    scores = np.concatenate(
        (rng.normal(0.4, 0.5, 3_000), edges, np.nextafter(edges, -np.inf), [np.inf, -np.inf, 1e308])
    )
    groups = np.zeros(len(scores), dtype=np.int64)
    many = fold_predictions(layout, scores, groups, 1)
    monkeypatch.setattr(fold, "TABLE_FROM", 10**9)
    assert np.array_equal(fold_predictions(layout, scores, groups, 1), many)


def test_classes_beyond_the_cap_are_other() -> None:
    """A hundred classes keep 32 rows of their own; the vector stays bounded."""
    layout = task_layout(TaskOptions("multiclass", classes=tuple(f"c{number}" for number in range(100))), None)
    assert len(layout.options.classes) == MAX_CLASSES
    vector = fold_outcomes(
        layout, outcomes_of([Row(score=5.0, label=77.0), Row(score=32.0, label=5.0)]), np.zeros(2, dtype=np.int64), 1
    )
    matrix = vector[0, layout.spans["confusion"]].reshape(33, 33)
    assert matrix[32, 5] == 1
    assert matrix[5, 32] == 1
    assert layout.size < 1_500


@pytest.mark.parametrize("classes", [1, 2, 32])
def test_any_number_of_classes_works(classes: int) -> None:
    """From one class to the cap, other included."""
    layout = task_layout(TaskOptions("multiclass", classes=tuple(f"c{number}" for number in range(classes))), None)
    rows = [Row(score=float(code), label=float(code)) for code in range(classes + 1)]
    found = task_metrics(layout, fold_outcomes(layout, outcomes_of(rows), groups_of(rows), 1), 0.01)
    assert found["accuracy"].value[0] == 1.0
    assert found["macro_f1"].value[0] == 1.0
    assert np.isnan(found["log_loss"].value[0]), "no class scores were given"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (TaskOptions("binary", threshold=1.0), "threshold"),
        (TaskOptions("multiclass"), "classes"),
        (TaskOptions("ranking", k=0), "k must"),
        (TaskOptions("regression", tolerance=0.0), "tolerance"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: TaskOptions, said: str) -> None:
    """In one line that names the option."""
    with pytest.raises(ValueError, match=said):
        task_layout(options, None)


def test_labels_that_cannot_be_judged_are_counted() -> None:
    """A label without a score is labelled and unusable; it is in no other count."""
    layout = LAYOUTS["binary"]
    vectors = folded(layout, [Row(score=NAN, label=1.0), Row(score=0.9, label=1.0)], 1)
    assert vectors[0, layout.labelled] == 2
    assert vectors[0, layout.unusable] == 1
    assert task_metrics(layout, vectors, 0.01)["accuracy"].samples[0] == 1
