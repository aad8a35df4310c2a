"""Simulated feedback: true to the predictions, late as asked for, in the order of its time, and no more than fits."""

from __future__ import annotations

import heapq
import json
import re
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner

from operators.records import Topic
from stream.cli.app import app
from stream.config.load import load
from stream.demo.click_model import MODEL, click_rows
from stream.demo.reference import ClickRows
from stream.errors import UsageError
from stream.references.build import BuildOptions, build
from stream.replay.files import FileLane
from stream.replay.results import ALERTS, EVALUATIONS, lines_of
from stream.replay.run import replay
from stream.rows.columns import Column
from stream.simulate.clock import FeedbackOut, Progress, simulate
from stream.simulate.feedback import FeedbackOptions, FeedbackTraffic
from stream.simulate.generator import Generator
from stream.simulate.label_queue import LabelQueue
from stream.simulate.labels import BinaryLabels, labels_of
from stream.simulate.shifts import ShiftError, parse
from windows.outcomes.layout import task_layout
from windows.outcomes.metrics import task_metrics
from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from brokers import Broker
    from typer.testing import Result

    from stream.simulate.labels import Labels
    from windows.references.reference import Reference

START = 1_700_000_000_000
N = 100_000


class PlainRows:
    """Any columns as a build reads them."""

    path = Path("rows")

    def __init__(self, rows: dict[str, Any]) -> None:
        self.columns = tuple(Column(name, _kind(column[0])) for name, column in rows.items())
        self._batch = pa.record_batch({name: pa.array(values) for name, values in rows.items()})

    def batches(self, names: Sequence[str]) -> Iterator[tuple[Any, float]]:
        """One batch with the named columns."""
        yield self._batch.select(list(names)), 1.0


def _kind(value: Any) -> Any:
    return "list" if isinstance(value, list) else "category" if isinstance(value, str) else "number"


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


def test_there_are_no_labels_without_predictions(click: Reference) -> None:
    """What the reference does not know cannot be right or wrong."""
    assert labels_of(replace(click, prediction=None), "binary") is None
    assert labels_of(click, "multiclass") is None


@pytest.fixture(scope="module")
def feed() -> Reference:
    """Lists of ten items, of which 40 % get a click, on the first place in half of the cases."""
    rng = np.random.default_rng(0)
    lists = [[f"a{i}" for i in rng.choice(1_000, 10, replace=False)] for _ in range(20_000)]
    place = np.minimum(rng.geometric(0.5, len(lists)) - 1, 9)
    clicked = [
        [items[at]] if yes else [] for items, at, yes in zip(lists, place, rng.random(len(lists)) < 0.4, strict=True)
    ]
    return reference_of("ranking", tenure=rng.normal(size=len(lists)), prediction=lists, label=clicked)


def test_clicks_are_as_many_and_as_far_up_as_in_the_rows(feed: Reference) -> None:
    """MRR and the share of clicked lists are those of the rows; a list names ten different items."""
    labels = labels_of(feed, "ranking")
    assert labels is not None
    generator = Generator(feed, 3, labels=labels)
    traffic = generator.batch(20_000, START, START + 9)
    assert traffic.labels is not None
    lists = [json.loads(value)["prediction"] for value in generator.encode(traffic)]
    clicked = labels.shown(traffic.labels)
    assert all(len(set(items)) == 10 for items in lists)
    assert all(set(one) <= set(items) for one, items in zip(clicked, lists, strict=True))
    reciprocals = [1 / (1 + items.index(one[0])) if one else 0.0 for one, items in zip(clicked, lists, strict=True)]
    assert np.mean(reciprocals) == pytest.approx(recorded(feed, "mrr"), abs=0.01)
    assert np.mean([bool(one) for one in clicked]) == pytest.approx(0.4, abs=0.015)
    assert labels.positive(traffic.labels).tolist() == [bool(one) for one in clicked]
    assert labels.shown(labels.contradicted(np.random.default_rng(0), traffic.labels)) == [[]] * 20_000


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
    queue, coming, lost = LabelQueue(most), 0, 0
    heap: list[tuple[int, int]] = []
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


CONFIG = """
time: {pane: 1s, lateness: 1s}
alerting: {resolve_after: 5s}
models:
  - name: click
    task: binary
    reference: click.json
    drift: {windows: [10s]}
    prediction: {windows: [10s]}
    quality: {windows: [10s]}
    performance: {windows: [10s], label_delay: 8s, accuracy: {baseline: reference, max_drop: 0.03}}
"""


def replayed(click: Reference, directory: Path, *shifts: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Alerts and evaluations of 40 s of simulated traffic with feedback."""
    labels = BinaryLabels(click)
    generator = Generator(click, 11, labels=labels, shifts=[parse(text) for text in shifts], rfc3339=False)
    feedback = FeedbackTraffic(generator, labels, FeedbackOptions(ratio=0.5, delay=2_000, spread=0.5), 11)
    traffic = generator.batch(60_000, START, START + 40_000)
    feedback.add(traffic)
    for name, values in (("p.jsonl", generator.encode(traffic)), ("f.jsonl", feedback.due(START + 1_000_000))):
        (directory / name).write_bytes(b"\n".join(values))
    (directory / "click.json").write_bytes(to_json(click))
    (directory / "c.yaml").write_text(CONFIG)
    lanes = [FileLane(directory / "p.jsonl"), FileLane(directory / "f.jsonl", Topic.FEEDBACK)]
    replay(load(directory / "c.yaml", {}), {"click": click}, lanes, directory / "out")
    return list(lines_of(directory / "out" / ALERTS)), list(lines_of(directory / "out" / EVALUATIONS))


def values_of(evaluations: list[dict[str, Any]], metric: str, after: str) -> list[float]:
    """What was measured over the windows that end after a time."""
    return [
        row["value"]
        for row in evaluations
        if row["metric"] == metric and row["value"] is not None and row["window"]["end"] > after
    ]


def test_unshifted_feedback_fires_nothing_and_agrees_with_the_estimate(click: Reference, tmp_path: Path) -> None:
    """What labels say is what scores let expect, within a few standard errors of 7,500 labels a window."""
    alerts, evaluations = replayed(click, tmp_path)
    assert alerts == []
    realised, estimated = (values_of(evaluations, name, "") for name in ("accuracy", "estimated_accuracy"))
    assert len(realised) > 5
    assert np.mean(realised) == pytest.approx(np.mean(estimated), abs=0.012)


def test_a_concept_shift_is_found_by_labels_alone(click: Reference, tmp_path: Path) -> None:
    """Accuracy falls by what the shift takes, PerformanceDrop fires and nothing else, and the estimate sees nothing."""
    alerts, evaluations = replayed(click, tmp_path, "concept:0.25@15s")
    assert {one["alert"] for one in alerts} == {"PerformanceDrop"}
    assert alerts[0]["state"] == "firing"
    late = "2023-11-14T22:13:46"  # 26 s after the first prediction
    realised, estimated = (values_of(evaluations, name, late) for name in ("accuracy", "estimated_accuracy"))
    usual = recorded(click, "accuracy")
    assert np.mean(realised) == pytest.approx(usual - 0.25 * (2 * usual - 1), abs=0.012)
    assert np.mean(estimated) == pytest.approx(usual, abs=0.012)


def simulated(directory: Path, click: Reference, bootstrap: str, performance: str, *options: str) -> Result:
    """`driftgauge simulate` for a second."""
    (directory / "click.json").write_bytes(to_json(click))
    path = directory / "c.yaml"
    path.write_text(f"""
kafka: {{brokers: "{bootstrap}"}}
topics: {{predictions: {directory.name}-p, feedback: {directory.name}-f}}
models: [{{name: click, task: binary, reference: click.json, performance: {performance}}}]
""")
    return CliRunner().invoke(
        app, ["simulate", "--config", str(path), "--rate", "2000", "--duration", "1s", *options], catch_exceptions=False
    )


def test_simulate_writes_predictions_and_labels(click: Reference, embedded_broker: Broker, tmp_path: Path) -> None:
    """Every label on the feedback topic names a prediction on the other one, and is of the kind asked for."""
    options = ("--label-ratio", "0.5", "--label-delay", "100ms", "--label-kind", "delayed")
    done = simulated(tmp_path, click, embedded_broker.bootstrap, "{}", *options)
    assert done.exit_code == 0, done.output
    labels = re.search(r"([\d,]+) labels, ([\d,]+) still to come", done.output)
    assert labels is not None
    written, waiting = (int(text.replace(",", "")) for text in labels.groups())
    assert written + waiting == pytest.approx(1_000, rel=0.2)
    read = [json.loads(one.value() or b"") for one in embedded_broker.read(f"{tmp_path.name}-f", written)]
    made = {json.loads(one.value() or b"")["prediction_id"] for one in embedded_broker.read_all(f"{tmp_path.name}-p")}
    assert len(read) == written
    assert {one["prediction_id"] for one in read} <= made
    assert {one["kind"] for one in read} == {"delayed"}
    assert {one["label"] for one in read} == {0, 1}


def test_simulate_says_nothing_but_clicks_where_silence_means_no(
    click: Reference, embedded_broker: Broker, tmp_path: Path
) -> None:
    """With `negative_after` only positives come, all of them, as implicit feedback, an eighth of that time later."""
    performance = "{negative_after: 800ms, label_delay: 1s}"
    done = simulated(tmp_path, click, embedded_broker.bootstrap, performance)
    assert "implicit, for 100% of the positive ones, after 100ms in the median" in done.output
    found = [json.loads(one.value() or b"") for one in embedded_broker.read_all(f"{tmp_path.name}-f")]
    assert {(one["label"], one["kind"]) for one in found} == {(1, "implicit")}


def test_labels_of_a_model_without_performance_are_refused(click: Reference, tmp_path: Path) -> None:
    """Nobody would read them; nothing is sent."""
    with pytest.raises(UsageError, match="click has no performance in the config"):
        simulated(tmp_path, click, "127.0.0.1:1", "null", "--label-ratio", "0.1")
