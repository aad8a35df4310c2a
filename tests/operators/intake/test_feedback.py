"""Feedback: what is read of a record, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factories import START, batch, click_layout

from operators.dead_letters import Reason
from operators.intake.feedback import DecodedFeedback, DecodeFeedback, FeedbackConfig, FeedbackModel, Labels
from operators.intake.label_codes import KINDS, LabelCodes
from operators.settings.source import SourceSettings

LAYOUT = click_layout()


def decoding(codes: LabelCodes) -> DecodeFeedback:
    """The decoder of one model."""
    return DecodeFeedback(FeedbackConfig((FeedbackModel(LAYOUT, codes),), 10_000, 5_000, 60_000))


def said(**changes: Any) -> bytes:
    """A good record; a change of None leaves the field out."""
    fields = {"model": "click", "prediction_id": "p1", "timestamp": START, "label": 1, **changes}
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode()


def decoded(*records: bytes, codes: LabelCodes | None = None) -> DecodedFeedback:
    """One batch."""
    return decoding(codes or LabelCodes("binary"))(batch(records, feedback=True))


def labels(*records: bytes, codes: LabelCodes | None = None) -> Labels:
    """The labels of a batch in which all are of one kind."""
    found = decoded(*records, codes=codes)
    assert found.dead == ()
    ((model, only),) = found.labels
    assert model == "click"
    return only


def test_a_record_as_columns() -> None:
    """Id, times, kind, label and value."""
    found = labels(said(value=2.5, kind="implicit"), said(prediction_id="p2", label=None, value=1))
    assert list(found.ids) == ["p1", "p2"]
    assert found.times.tolist() == found.known.tolist() == [START, START]
    assert [KINDS[kind] for kind in found.kinds.tolist()] == ["implicit", "explicit"]
    np.testing.assert_array_equal(found.labels, [1.0, np.nan])
    assert found.values.tolist() == [2.5, 1.0]
    assert found.embedded is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [(1, 1.0), (0, 0.0), (True, 1.0), (False, 0.0), (1.0, 1.0), ("1", 1.0), ("false", 0.0)],
)
def test_labels_of_a_binary_task(given: Any, expected: float) -> None:
    """Numbers, booleans and their names are all understood."""
    assert labels(said(label=given)).labels.tolist() == [expected]


def test_named_classes_of_a_binary_task() -> None:
    """The positive class, the others that the model has, and what says itself whether it is positive."""
    codes = LabelCodes("binary", ("fine", "fraud"), "fraud")
    given = ["fraud", "fine", 1, 0, "1", "0.0", True, "False", 1.0]
    found = labels(*(said(label=one) for one in given), codes=codes).labels.tolist()
    assert found == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("classes", [("1", "2"), ("-1", "1")])
def test_classes_that_are_numbers_are_themselves(classes: tuple[str, str]) -> None:
    """Where the classes are called 1 and 2, 1 does not mean true, and 0 is none of them."""
    positive, other = "2" if "2" in classes else "1", classes[0]
    codes = LabelCodes("binary", classes, positive)
    found = labels(said(label=int(positive)), said(label=other), said(label=float(other)), codes=codes)
    assert found.labels.tolist() == [1.0, 0.0, 0.0]
    (letter,) = decoded(said(label=0), said(label=int(positive)), codes=codes).dead
    assert letter.reason == Reason.BAD_LABEL


REFUSED = [
    (
        LabelCodes("binary", ("fine", "fraud"), "fraud"),
        "Fraud",
        "'Fraud' is none of fraud (positive), fine, 1, 0, true",
    ),
    (LabelCodes("binary"), "fraud", "'fraud' is neither 0 nor 1 nor true or false; performance.positive (init"),
    (LabelCodes("binary"), ["fraud"], "one label a prediction"),
    (LabelCodes("multiclass", ("0", "1", "2")), "bird", "'bird' is none of the classes 0, 1, 2"),
    (LabelCodes("multiclass", ("0", "1", "2")), 3, "3 is none of the classes 0, 1, 2"),
    (LabelCodes("multiclass", ("a", "b")), ["a", "b"], "one label a prediction"),
    (LabelCodes("multiclass", tuple(map(str, range(99)))), "x", "8, 9 and 89 more"),
    (LabelCodes("regression"), "n/a", "'n/a' is no number"),
    (LabelCodes("regression"), True, "True is no number"),
    (LabelCodes("regression"), [1.0, 2.0], "one label a prediction"),
]


@pytest.mark.parametrize(("codes", "given", "words"), REFUSED)
def test_a_label_that_is_none_is_refused_in_words(codes: LabelCodes, given: Any, words: str) -> None:
    """The dead letter names the label and what is allowed; nothing is taken for a negative or for a miss."""
    (letter,) = decoded(said(label=given), codes=codes).dead
    assert letter.reason == Reason.BAD_LABEL
    assert words in letter.detail


CODES = [
    LabelCodes("binary"),
    LabelCodes("multiclass", ("a", "b")),
    LabelCodes("regression"),
    LabelCodes("ranking"),
]


def odd(record: bytes, instead: str) -> bytes:
    """The record with other JSON for its label."""
    return record.replace(b'"label": 1', f'"label": {instead}'.encode())


@pytest.mark.parametrize("codes", CODES, ids=lambda codes: codes.task)
@pytest.mark.parametrize("written", ["null", '""', '" "'], ids=["null", "empty", "blank"])
def test_a_label_that_is_there_and_empty_is_none_yet(codes: LabelCodes, written: str) -> None:
    """As a left join writes it: skipped and counted, no dead letter. What has a value as well counts for that."""
    good = said(label="a" if codes.task == "multiclass" else 1)
    found = decoded(good, odd(said(), written), odd(said(value=2.5, timestamp=START + 9_000), written), codes=codes)
    assert (found.read, found.skipped, found.dead) == (2, 1, ())
    ((_, only),) = found.labels
    assert len(only.ids) == 2
    assert np.isnan(only.labels[1])
    assert only.values.tolist()[1] == 2.5
    assert only.clicked is None or only.clicked[1] is None


def test_feedback_without_a_label_moves_time_on() -> None:
    """It proves what time it is as any other record does."""
    later = START + 60_000
    none = decoded(odd(said(timestamp=later), "null"))
    assert none.floor == decoded(said(timestamp=later)).floor
    assert (none.read, none.skipped, none.labels) == (0, 1, ())


@pytest.mark.parametrize("at", [START, "2026-01-01T00:00Z"], ids=["at once", "field by field"])
def test_a_label_is_none_yet_or_not_there_at_all_by_a_map_too(at: Any) -> None:
    """Where the map leads to nothing at all the record is refused, for the path may be wrong."""
    source = SourceSettings.model_validate(
        {
            "topic": "t",
            "holds": "feedback",
            "map": {
                "prediction_id": "id",
                "timestamp": "at",
                "model": {"constant": "click"},
                "label": {"path": "truth.fraud", "values": {"yes": 1, "no": 0}},
                "value": {"path": "money", "scale": 0.01},
            },
        }
    )
    known = FeedbackModel(LAYOUT, LabelCodes("binary"))
    decode = DecodeFeedback(FeedbackConfig((known,), 10_000, 5_000, 60_000, {0: source}))
    fields = {"id": "p1", "at": at}
    records = [
        {**fields, "truth": {"fraud": "yes"}},
        {**fields, "truth": {"fraud": None}},
        {**fields, "truth": {}},
        {**fields, "money": 250},
        {**fields, "money": None},
    ]
    values = [json.dumps(record).encode() for record in records]
    found = decode(replace(batch(values, feedback=True), source=0))
    assert (found.read, found.skipped) == (3, 2)
    assert [letter.reason for letter in found.dead] == [Reason.MISSING_FIELD]
    ((_, only),) = found.labels
    np.testing.assert_array_equal(only.labels, [1.0, np.nan])
    np.testing.assert_array_equal(only.values, [np.nan, 2.5])


@pytest.mark.parametrize("given", [2.5, "2.5", "25e-1", " 2.5 "])
def test_a_number_is_one_as_text_too(given: Any) -> None:
    """As some encoders write decimals."""
    assert labels(said(label=given), codes=LabelCodes("regression")).labels.tolist() == [2.5]


@pytest.mark.parametrize("given", [2, "yes", 0.5, "fraud"])
def test_what_is_no_label_of_a_binary_task_is_a_dead_letter(given: Any) -> None:
    """It is not taken for a negative."""
    found = decoded(said(label=given), said())
    assert [letter.reason for letter in found.dead] == [Reason.BAD_LABEL]
    assert found.read == 2


@pytest.mark.parametrize("given", [-1, -1.0, 0, 1e300])
def test_any_number_is_a_label_of_a_regression(given: float) -> None:
    """None of them stands for something else."""
    assert labels(said(label=given), codes=LabelCodes("regression")).labels.tolist() == [given]


@pytest.mark.parametrize("given", [10**30, ["a", 10**30]])
def test_item_ids_fit_64_bits(given: Any) -> None:
    """A larger number is a dead letter, and ends nothing else."""
    found = decoded(said(label=given), said(label="a"), codes=LabelCodes("ranking"))
    assert len(found.dead) == 1
    assert [one for _, part in found.labels for one in part.ids] == ["p1"]


def test_classes_of_a_multiclass_task() -> None:
    """Names and numbers of classes have codes, in every spelling."""
    codes = LabelCodes("multiclass", ("cat", "7", "dog"))
    given = [said(label="dog"), said(label=7), said(label="7"), said(label=7.0), said(label="7.0"), said(label="cat")]
    assert labels(*given, codes=codes).labels.tolist() == [2.0, 1.0, 1.0, 1.0, 1.0, 0.0]


def test_clicked_items_of_a_ranking() -> None:
    """A list, a single item, and none at all."""
    found = labels(said(label=["a", 3]), said(label="b"), said(label=[]), codes=LabelCodes("ranking"))
    assert found.clicked == [["a", 3], ["b"], []]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (said(label=None), Reason.MISSING_FIELD),
        (said(prediction_id=None), Reason.MISSING_FIELD),
        (said(prediction_id=None, prediction=0.5), Reason.MISSING_FIELD),
        (said(prediction_id=""), Reason.MISSING_FIELD),
        (said(model="rank"), Reason.UNKNOWN_MODEL),
        (said(model=None), Reason.MISSING_FIELD),
        (said(kind="guess"), Reason.WRONG_TYPE),
        (said(value="much"), Reason.WRONG_TYPE),
        (said(prediction_id="x" * 513), Reason.WRONG_TYPE),
        (said(timestamp=START + 120_000), Reason.TIMESTAMP_AHEAD),
        (said(prediction=0.5, predicted_at=1_000), Reason.BAD_TIMESTAMP),
        (said(prediction=0.5, predicted_at=START + 61_000), Reason.TIMESTAMP_AHEAD),
        (b'{"model": "click", "prediction_id": "\\ud800", "label": 1}', Reason.INVALID_TEXT),
        (b"{", Reason.BROKEN_JSON),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_with_its_reason(record: bytes, reason: Reason) -> None:
    """And nothing else of its batch is lost."""
    found = decoded(said(), record, said(prediction_id="p3"))
    assert [letter.reason for letter in found.dead] == [reason]
    assert [one for _, part in found.labels for one in part.ids] == ["p1", "p3"]


def test_feedback_is_never_too_late_but_counts_as_known_when_it_came() -> None:
    """A record behind the partition's clock has the start of the first open pane as its effective time."""
    old = START - 86_400_000
    records = [said(timestamp=START + 7_000), said(timestamp=old)]
    ((_, found),) = decoding(LabelCodes("binary"))(batch(records, written=START + 60_000, feedback=True)).labels
    assert found.times.tolist() == [START + 7_000, old]
    assert found.known.tolist() == [START + 7_000, START]


def test_an_embedded_prediction_comes_with_its_segments_and_version() -> None:
    """It needs no id; unknown segment values count as other."""
    context = {"country": "fr", "device": "tv"}
    record = said(prediction_id=None, prediction=0.25, predicted_at=START - 5, version="7", context=context)
    found = labels(record)
    assert found.embedded is not None
    assert found.embedded.times.tolist() == [START - 5]
    assert list(found.embedded.versions) == ["7"]
    names = [values for _, values in LAYOUT.segments]
    found_at = found.embedded.segments[:, 0].tolist()
    assert [values[at] for values, at in zip(names, found_at, strict=True)] == ["fr", "other"]


@pytest.mark.parametrize("version", [7, 7.0, "7"])
def test_a_version_is_text_or_a_number(version: Any) -> None:
    """As in predictions: whoever writes the prediction and the feedback about it writes it in the same way."""
    found = labels(said(prediction_id=None, prediction=0.7, predicted_at=START, version=version))
    assert found.embedded is not None
    assert list(found.embedded.versions) == ["7"]
