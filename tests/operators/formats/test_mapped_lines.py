from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from factories import START, batch, click, click_layout, record

from operators.dead_letters import Reason
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.feedback import DecodeFeedback, FeedbackConfig, FeedbackModel
from operators.intake.label_codes import LabelCodes
from operators.settings.source import SourceSettings
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.intake.decode import Decoded
    from operators.intake.feedback import DecodedFeedback

LAYOUTS = (click_layout(), layout_of(click("rank")))
NESTED = {"map": {"model": "about.model", "features": "x", "prediction": "out.0.score", "version": "about.version"}}


def source(**given: Any) -> SourceSettings:
    """A source."""
    return SourceSettings.model_validate({"topic": "t", **given})


def decoded(values: Sequence[bytes | None], given: SourceSettings, layouts: Any = LAYOUTS) -> Decoded:
    """What becomes of messages of this source."""
    decode = Decode(DecodeConfig(layouts, 10_000, 5_000, 60_000, {}, {0: given}))
    return decode(replace(batch(values), source=0))


def labelled(values: Sequence[bytes | None], given: SourceSettings) -> DecodedFeedback:
    """What becomes of feedback."""
    models = (FeedbackModel(click_layout(), LabelCodes("binary")),)
    decode = DecodeFeedback(FeedbackConfig(models, 10_000, 5_000, 60_000, {0: given}))
    return decode(replace(batch(values, feedback=True), source=0))


def nested(model: str | None = "click", **changes: Any) -> bytes:
    """A good record of NESTED."""
    about = {"model": model, "version": "2"}
    fields = {"timestamp": START, "about": about, "x": {"age": 33}, "out": [{"score": 0.25}], **changes}
    return json.dumps(fields).encode()


def reasons(read: Decoded | DecodedFeedback) -> list[Reason]:
    """Why records are refused, in their order."""
    return [letter.reason for letter in read.dead]


def test_models_are_told_apart_wherever_they_are_named() -> None:
    """Inside of an object as well as on top, in one batch."""
    read = decoded([nested(), nested("rank"), nested()], source(**NESTED))
    assert {model: columns.panes.size for model, columns in read.columns.items()} == {"click": 2, "rank": 1}
    on_top = source(map={"model": "m"})
    values = [record(model=None, m=model) for model in ("rank", "click", "rank")]
    read = decoded(values, on_top)
    assert {model: columns.panes.size for model, columns in read.columns.items()} == {"click": 1, "rank": 2}


@pytest.mark.parametrize("named", [NESTED, {"map": {**NESTED["map"], "model": "about.model"}}])
@pytest.mark.parametrize("layouts", [LAYOUTS, LAYOUTS[:1]], ids=["two models", "one model"])
def test_bad_messages_are_dead_letters_and_good_ones_count(named: dict[str, Any], layouts: Any) -> None:
    """Each with the reason that it has in the contract's own shape; read = good + dead."""
    bad = {
        nested("clack"): Reason.UNKNOWN_MODEL,
        nested(None): Reason.MISSING_FIELD,
        nested(about=None): Reason.MISSING_FIELD,
        nested(x="old"): Reason.WRONG_TYPE,
        nested(x=None): Reason.MISSING_FIELD,
        nested(about={"model": "click", "version": [2]}): Reason.WRONG_TYPE,
        nested(timestamp="yesterday"): Reason.BAD_TIMESTAMP,
        nested()[:-2]: Reason.BROKEN_JSON,
        b"": Reason.EMPTY,
    }
    good = [nested()] * 3
    read = decoded([*good, *bad, *good], source(**named), layouts)
    assert sorted(reasons(read)) == sorted(bad.values())
    assert read.read == len(bad) + 6
    assert read.columns["click"].panes.size == 6


def test_what_is_absent_or_null_on_the_way_is_a_missing_value() -> None:
    """An object or array that is not there has no values; the record counts."""
    given = source(map={"model": {"constant": "click"}, "prediction": "out.0.score", "features": {"path": "x"}})
    lines = [b'{"x":{"age":33}}', b'{"x":{"age":33},"out":null}', b'{"x":{"age":33},"out":[]}', b'{"x":{},"out":[{}]}']
    read = decoded(lines, given)
    assert reasons(read) == []
    assert np.isnan(read.columns["click"].numeric[-1]).all()
    assert read.columns["click"].numeric[0].tolist()[:3] == [33.0] * 3


def test_a_filter_skips_what_could_not_even_be_read() -> None:
    """And counts it beside what is read."""
    given = source(where={"path": "meta.kind", "in": ["score", 7]}, **NESTED)
    other = b'{"meta":{"kind":"audit"},"timestamp":"never","x":3}'
    values = [
        nested(meta={"kind": "score"}),
        other,
        nested(meta={"kind": 7}),
        nested(),
        nested(meta={"kind": "score"}, x=3),
    ]
    read = decoded(values, given)
    assert (read.read, read.skipped) == (3, 2)
    assert reasons(read) == [Reason.WRONG_TYPE]


def test_elements_of_an_array_are_records_of_their_message() -> None:
    """An empty array is none; a bad element is a dead letter, and one with a bad feature counts."""
    given = source(
        split="items",
        map={"model": {"constant": "click"}, "features": "items.x", "prediction": "items.p", "version": "v"},
    )
    good = b'{"v":3,"items":[{"x":{"age":1},"p":0.1},{"x":{"age":2},"p":0.2}]}'
    read = decoded([good, b'{"items":[]}', b'{"items":[{"x":"old"}]}', good], given)
    assert read.columns["click"].numeric[0].tolist() == [1.0, 2.0, 1.0, 2.0]
    assert read.columns["click"].versions == ("3",)
    assert (read.read, read.skipped, reasons(read)) == (5, 1, [Reason.WRONG_TYPE])


def test_a_topic_may_hold_both() -> None:
    """Each reader takes what says something to it and skips the rest; a record may be both."""
    given = source(holds="both", map={"model": {"constant": "click"}})
    prediction = b'{"prediction_id":"a","features":{"age":33}}'
    label = b'{"prediction_id":"a","label":1}'
    both = b'{"prediction_id":"b","features":{"age":33},"label":0}'
    read = decoded([prediction, label, both], given)
    assert (read.read, read.skipped, read.columns["click"].panes.size) == (2, 1, 2)
    known = labelled([prediction, label, both], given)
    ((_, labels),) = known.labels
    assert (known.read, known.skipped) == (2, 1)
    assert (list(labels.ids), labels.labels.tolist()) == (["a", "b"], [1.0, 0.0])


def test_labels_have_their_spellings() -> None:
    """Text, booleans and numbers by their names; one that is not listed is what it is."""
    given = source(
        holds="feedback",
        map={
            "model": {"constant": "click"},
            "label": {"path": "outcome", "values": {"chargeback": 1, "ok": 0, True: 1, "2": 0}},
        },
    )
    spelled = ['"chargeback"', '"ok"', "true", "2", "0"]
    known = labelled([f'{{"prediction_id":"a","outcome":{text}}}'.encode() for text in spelled], given)
    assert known.labels[0][1].labels.tolist() == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert reasons(labelled([b'{"prediction_id":"a","outcome":"maybe"}'], given)) == [Reason.BAD_LABEL]


@pytest.mark.parametrize(("unit", "factor"), [("s", 1e-3), ("ms", 1), ("us", 1_000), ("ns", 1_000_000)])
def test_times_have_their_unit(unit: str, factor: float) -> None:
    """Also far from today, where their size would tell another one; absent ones are the message's own."""
    given = source(map={"model": {"constant": "click"}, "timestamp": {"path": "t", "unit": unit}})
    stamps = [START, START - 30 * 365 * 86_400_000 + 10_000]
    values = [json.dumps({"t": stamp * factor, "features": {}}).encode() for stamp in stamps]
    read = decoded([*values, b'{"features":{}}'], given)
    assert reasons(read) == [Reason.BAD_TIMESTAMP] * (stamps[1] < 946_684_800_000)
    assert read.columns["click"].panes.tolist()[0] == START // 10_000
    assert read.columns["click"].panes.tolist()[-1] == START // 10_000
