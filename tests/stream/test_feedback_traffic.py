"""Simulated feedback: true to the predictions, late as asked for, in the order of its time, and no more than fits."""

from __future__ import annotations

import heapq
import json
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stream.click_model import CATEGORICAL, MODEL, click_rows
from stream.demo_reference import ClickRows
from stream.feedback_traffic import FeedbackOptions, FeedbackTraffic
from stream.label_draws import BinaryLabels, labels_of
from stream.label_queue import LabelQueue
from stream.reference_build import BuildOptions, build
from stream.rows import Column
from stream.shifts import ShiftError, parse
from stream.simulate import FeedbackOut, Progress, simulate
from stream.traffic import Generator
from windows.task_layout import task_layout
from windows.task_metrics import task_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from stream.label_draws import Labels
    from windows.reference import Reference

START = 1_700_000_000_000
N = 100_000


class PlainRows(ClickRows):
    """Any columns as a build reads them."""

    def __init__(self, rows: dict[str, Any]) -> None:
        super().__init__({name: rows[name] for name in rows if name not in CATEGORICAL})
        kinds = {
            name: "number" if np.asarray(column).dtype.kind in "if" else "category" for name, column in rows.items()
        }
        self.columns = tuple(Column(name, kind) for name, kind in kinds.items())  # type: ignore[arg-type]
        self._batch = pa.record_batch({name: pa.array(values) for name, values in rows.items()})


def reference_of(task: Any, **columns: Any) -> Reference:
    """A reference of these columns."""
    return build(PlainRows(columns), BuildOptions("m", task=task)).reference


@pytest.fixture(scope="module")
def click() -> Reference:
    """The click model's reference, built from labelled rows."""
    return build(ClickRows(click_rows(60_000)), BuildOptions(MODEL, task="binary")).reference


@pytest.fixture(scope="module")
def sorter() -> Reference:
    """Three classes that are taken for each other unequally often."""
    rng = np.random.default_rng(0)
    truth = rng.choice(3, 30_000, p=[0.5, 0.3, 0.2])
    moved = rng.random(len(truth)) < np.array([0.1, 0.3, 0.2])[truth]
    predicted = np.where(moved, (truth + 1) % 3, truth)
    names = np.array(["cat", "dog", "owl"], dtype=object)
    return reference_of("multiclass", size=rng.normal(size=len(truth)), prediction=names[predicted], label=names[truth])


@pytest.fixture(scope="module")
def arrival() -> Reference:
    """Minutes until arrival, promised a minute too late on average."""
    rng = np.random.default_rng(0)
    promised = rng.gamma(6.0, 3.0, 30_000)
    label = promised - 1.0 + rng.normal(0.0, 2.0, len(promised))
    return reference_of("regression", distance=rng.normal(size=len(promised)), prediction=promised, label=label)


def drawn(reference: Reference, task: Any, *shifts: str, seed: int = 3, n: int = N) -> tuple[Any, Any]:
    """Predictions with labels, and what drew them."""
    labels = labels_of(reference, task)
    assert labels is not None
    generator = Generator(reference, seed, shifts=[parse(text) for text in shifts], labels=labels)
    return generator.batch(n, START, START + 10_000), labels


def recorded(reference: Reference, metric: str) -> float:
    """What the metric was on the reference's rows."""
    assert reference.task is not None
    assert reference.outcomes is not None
    layout = task_layout(reference.task, reference.prediction)
    return float(task_metrics(layout, reference.outcomes[None, :], 0.025)[metric].value[0])


def test_labels_are_as_likely_as_the_true_probability(click: Reference) -> None:
    """In the click model a score is its label's probability: so it is here, in every tenth, within what 60,000 tell."""
    traffic, _ = drawn(click, "binary", n=400_000)
    tenth = np.minimum((traffic.prediction * 10).astype(np.int64), 9)
    for one in range(8):
        scores, labels = traffic.prediction[tenth == one], traffic.labels[tenth == one]
        rows = np.count_nonzero(tenth == one) * 60_000 / 400_000
        error = np.sqrt(scores.mean() * (1 - scores.mean()) / rows)
        assert labels.mean() == pytest.approx(scores.mean(), abs=4 * error), one
    right = ((traffic.prediction >= 0.5) == traffic.labels).mean()
    assert right == pytest.approx(np.maximum(traffic.prediction, 1 - traffic.prediction).mean(), abs=0.004)


def test_without_labelled_rows_a_score_is_a_probability(click: Reference) -> None:
    """There is nothing better to go by."""
    bare = replace(click, task=None, outcomes=None, estimator=None)
    traffic, _ = drawn(bare, "binary")
    high = traffic.prediction > 0.4
    assert (
        stats.binomtest(int(traffic.labels[high].sum()), int(high.sum()), traffic.prediction[high].mean()).pvalue > 1e-6
    )


def test_without_an_estimator_the_outcomes_say_it(click: Reference) -> None:
    """The shares of positives by score bin are enough."""
    traffic, _ = drawn(replace(click, estimator=None), "binary")
    right = ((traffic.prediction >= 0.5) == traffic.labels).mean()
    assert right == pytest.approx(recorded(click, "accuracy"), abs=0.006)


def test_classes_are_confused_as_the_rows_were(sorter: Reference) -> None:
    """For each predicted class the true ones come in the shares of the reference's rows."""
    traffic, labels = drawn(sorter, "multiclass")
    names = np.array(labels.shown(traffic.labels))
    predicted = np.array(["cat", "dog", "owl"])[
        np.array([sorted(["cat", "dog", "owl"]).index(name) for name in sorter.prediction.categories])[  # type: ignore[union-attr]
            traffic.prediction
        ]
    ]
    assert set(names) == {"cat", "dog", "owl"}
    assert (names == predicted).mean() == pytest.approx(recorded(sorter, "accuracy"), abs=0.006)
    # Of 100 promised owls, 0.2 * 0.8 are owls and 0.3 * 0.3 dogs.
    assert (names[predicted == "owl"] == "owl").mean() == pytest.approx(0.16 / 0.25, abs=0.015)
    assert (names[predicted == "owl"] == "dog").mean() == pytest.approx(0.09 / 0.25, abs=0.015)


def test_errors_of_values_are_those_of_the_rows(arrival: Reference) -> None:
    """Bias and mean absolute error, within the 2.5 % of the bins and a few standard errors."""
    traffic, _ = drawn(arrival, "regression")
    error = traffic.prediction - traffic.labels
    assert np.abs(error).mean() == pytest.approx(recorded(arrival, "mae"), rel=0.04)
    assert error.mean() == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_without_labelled_rows_models_are_mostly_right(task: Any, sorter: Reference, arrival: Reference) -> None:
    """The shares are those that the documentation names."""
    given = {"multiclass": sorter, "regression": arrival}[task]
    traffic, labels = drawn(replace(given, task=None, outcomes=None, estimator=None), task)
    if task == "multiclass":
        names = given.prediction.categories  # type: ignore[union-attr]
        said = [names[code] for code in traffic.prediction]
        assert np.mean(np.array(labels.shown(traffic.labels)) == said) == pytest.approx(0.9, abs=0.01)
    else:
        assert (traffic.prediction - traffic.labels).std() == pytest.approx(0.25 * np.sqrt(6.0) * 3.0, rel=0.03)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_concept_shift_leaves_the_inputs_alone(
    task: Any, click: Reference, sorter: Reference, arrival: Reference
) -> None:
    """Features and predictions are the same to the last bit; a third of the later labels is not what it was."""
    given = {"binary": click, "multiclass": sorter, "regression": arrival}[task]
    plain, _ = drawn(given, task, n=30_000)
    shifted, _ = drawn(given, task, "concept:0.3@5s", n=30_000)
    for name in given.features:
        np.testing.assert_array_equal(plain.features[name], shifted.features[name])
    np.testing.assert_array_equal(plain.prediction, shifted.prediction)
    changed = plain.labels != shifted.labels
    later = shifted.timestamps >= START + 5_000
    assert not changed[~later].any()
    assert changed[later].mean() == pytest.approx(0.3, abs=0.02)


def test_a_concept_shift_lowers_accuracy_by_what_it_says(click: Reference) -> None:
    """A label that is turned is right where it was wrong: from a to a - (2 a - 1) times the share."""
    before, after = (drawn(click, "binary", *shifts)[0] for shifts in ((), ("concept:0.2",)))
    accuracy, fallen = (((one.prediction >= 0.5) == one.labels).mean() for one in (before, after))
    assert fallen == pytest.approx(accuracy - 0.2 * (2 * accuracy - 1), abs=0.006)


def test_the_truth_does_not_follow_a_broken_model(click: Reference) -> None:
    """Where predictions are shifted, labels stay those of the predictions that ought to have been made."""
    broken, _ = drawn(click, "binary", "prediction:constant:0.9")
    assert set(broken.prediction) == {0.9}
    assert broken.labels.mean() == pytest.approx(click_rows(60_000)["label"].mean(), abs=0.006)


def test_a_concept_shift_needs_labels(click: Reference) -> None:
    """Without them nothing would happen, so it is refused."""
    with pytest.raises(ShiftError, match="performance"):
        Generator(click, shifts=[parse("concept:0.2")])


def test_labels_change_no_prediction(click: Reference) -> None:
    """The bytes are those of the same seed without labels."""
    plain = Generator(click, 5)
    labelled = Generator(click, 5, labels=BinaryLabels(click))
    assert plain.encode(plain.batch(200, START, START + 9)) == labelled.encode(labelled.batch(200, START, START + 9))


def test_there_are_no_labels_of_a_ranking(click: Reference) -> None:
    """The reference does not know its items."""
    assert labels_of(replace(click, prediction=None), "ranking") is None
    assert labels_of(click, "ranking") is None


def given_out(
    reference: Reference, options: FeedbackOptions, *, n: int = 50_000, error_rate: float = 0.0
) -> tuple[list[dict[str, Any]], Any, Labels]:
    """All feedback on a batch, as JSON, with the batch."""
    labels = BinaryLabels(reference)
    generator = Generator(reference, 4, labels=labels, error_rate=error_rate, rfc3339=False)
    feedback = FeedbackTraffic(generator, labels, options, 4)
    traffic = generator.batch(n, START, START + 10_000)
    feedback.add(traffic)
    values = feedback.due(START + 10_000_000)
    assert feedback.waiting == 0
    return [json.loads(value) for value in values], traffic, labels


def number(one: dict[str, Any]) -> int:
    """Which prediction a label is of."""
    return int(one["prediction_id"].removeprefix("4-"), 16)


def test_feedback_says_the_truth_of_the_prediction_it_names(click: Reference) -> None:
    """Fields as in the contract, the share asked for, each prediction once, in the order of time."""
    found, traffic, _ = given_out(click, FeedbackOptions(ratio=0.3, kind="delayed"))
    assert len(found) == pytest.approx(0.3 * 50_000, rel=0.05)
    assert max(Counter(one["prediction_id"] for one in found).values()) == 1
    assert {(one["model"], one["kind"]) for one in found} == {(MODEL, "delayed")}
    assert all(one["label"] == traffic.labels[number(one)] for one in found)
    times = [one["timestamp"] for one in found]
    assert times == sorted(times)


def test_delays_are_lognormal_about_the_median(click: Reference) -> None:
    """By the test of Kolmogorov and Smirnov, the rounding to milliseconds apart."""
    found, traffic, _ = given_out(click, FeedbackOptions(ratio=0.5, delay=30_000, spread=0.8))
    delays = [one["timestamp"] - traffic.timestamps[number(one)] for one in found]
    assert stats.kstest(delays, stats.lognorm(0.8, scale=30_000).cdf).pvalue > 1e-4


def test_failed_predictions_get_no_label(click: Reference) -> None:
    """There is nothing to be right or wrong."""
    found, traffic, _ = given_out(click, FeedbackOptions(ratio=1.0), error_rate=0.3)
    assert {number(one) for one in found} == set(np.flatnonzero(~traffic.failed).tolist())


def test_silence_is_negative_where_only_positives_are_sent(click: Reference) -> None:
    """Every positive comes, and nothing else."""
    found, traffic, _ = given_out(click, FeedbackOptions(ratio=1.0, kind="implicit", positives_only=True))
    assert {one["label"] for one in found} == {1}
    assert {number(one) for one in found} == set(np.flatnonzero(traffic.labels == 1).tolist())


def test_duplicates_are_the_same_and_revisions_correct(click: Reference) -> None:
    """A label that comes twice carries the same time; of two different ones, the later is the truth."""
    found, traffic, _ = given_out(click, FeedbackOptions(ratio=0.4, duplicates=0.05, revisions=0.1))
    by_id: dict[int, list[dict[str, Any]]] = {}
    for one in found:
        by_id.setdefault(number(one), []).append(one)
    twice = [same for same in by_id.values() if len({json.dumps(one) for one in same}) < len(same)]
    revised = [same for same in by_id.values() if len({one["label"] for one in same}) > 1]
    assert len(twice) == pytest.approx(0.05 * len(by_id), rel=0.15)
    assert len(revised) == pytest.approx(0.1 * len(by_id), rel=0.15)
    for at, same in by_id.items():
        assert max(same, key=lambda one: one["timestamp"])["label"] == traffic.labels[at]


Puts = st.lists(st.tuples(st.integers(0, 50), st.lists(st.integers(0, 60), max_size=8)), max_size=40)


@given(Puts, st.integers(1, 400))
def test_the_queue_gives_what_a_heap_gives(puts: list[tuple[int, list[int]]], most: int) -> None:
    """In the order of time, and of coming for the same time; what does not fit is counted."""
    queue, heap, coming, lost = LabelQueue(most), [], 0, 0
    for now, dues in puts:
        numbers = np.arange(coming, coming + len(dues))
        queue.put(np.array(dues, dtype=np.int64), numbers * 2, numbers, numbers / 2)
        for due, one in zip(dues, numbers.tolist(), strict=True):
            if len(heap) < most:
                heapq.heappush(heap, (due, one))
            else:
                lost += 1
        coming += len(dues)
        expected = [heapq.heappop(heap) for _ in range(sum(due <= now for due, _ in heap))]
        found = queue.take(now)
        assert list(zip(found["due"].tolist(), found["number"].tolist(), strict=True)) == expected
        assert found["stamp"].tolist() == [2 * one for _, one in expected]
        assert found["label"].tolist() == [one / 2 for _, one in expected]
        assert (len(queue), queue.lost) == (len(heap), lost)


def test_a_long_queue_is_sorted_once_in_a_while() -> None:
    """Beyond what is searched row by row the order is the same."""
    rng = np.random.default_rng(1)
    due = rng.integers(0, 1_000_000, 90_000)
    queue = LabelQueue()
    for part in np.split(due, 90):
        queue.put(part, part, part, part.astype(np.float64))
    found = np.concatenate([queue.take(now)["due"] for now in range(100_000, 1_000_001, 100_000)])
    np.testing.assert_array_equal(found, np.sort(due))


def run(click: Reference, options: FeedbackOptions, seconds: float) -> tuple[Progress, list[bytes], list[bytes]]:
    """Simulate predictions and labels into lists."""
    labels = BinaryLabels(click)
    generator = Generator(click, labels=labels, rfc3339=False)
    predictions: list[bytes] = []
    feedback: list[bytes] = []
    out = FeedbackOut(FeedbackTraffic(generator, labels, options), feedback.extend)
    done = simulate(
        generator,
        predictions.extend,
        rate=2_000.0,
        duration=seconds,
        stop=threading.Event(),
        watch=lambda _: None,
        feedback=out,
    )
    return done, predictions, feedback


def test_a_simulation_writes_each_label_when_it_is_due(click: Reference) -> None:
    """By its end every label is written or still to come, and none was written before its prediction."""
    done, predictions, feedback = run(click, FeedbackOptions(ratio=0.5, delay=200), 1.0)
    made = {json.loads(value)["prediction_id"]: json.loads(value)["timestamp"] for value in predictions}
    given_ = [json.loads(value) for value in feedback]
    assert done.labels == len(feedback)
    assert done.labels + done.waiting == pytest.approx(0.5 * done.written, rel=0.15)
    assert done.waiting > 0
    assert done.lost == 0
    assert all(one["timestamp"] >= made[one["prediction_id"]] for one in given_)
    times = [one["timestamp"] for one in given_]
    assert times == sorted(times)
