"""A topic that holds predictions and feedback: each record counts as what it is, and once as what it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from factories import batch, click_layout

from operators.dead_letters import Reason
from operators.intake.account import entry_of
from operators.intake.both import DecodeBoth
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.feedback import DecodeFeedback, FeedbackConfig, FeedbackModel
from operators.intake.label_codes import LabelCodes
from operators.records import Topic
from operators.settings.source import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.intake.decode import Decoded

PREDICTION = {"prediction_id": "a", "features": {"age": 33}, "prediction": 0.5}
LABEL = {"prediction_id": "a", "label": 1}
BOTH = {"prediction_id": "b", "features": {"age": 33}, "prediction": 0.5, "label": 0}
NEITHER = {"prediction_id": "c"}
OTHER = {"type": "heartbeat"}
MAP = {"model": {"constant": "click"}}


def both(values: Sequence[bytes | None], **given: Any) -> Decoded:
    """What becomes of messages of a topic that holds both."""
    layouts, clock = (click_layout(),), (10_000, 5_000, 60_000)
    source = SourceSettings.model_validate({"topic": "predictions", "holds": "both", "map": MAP, **given})
    decode = Decode(DecodeConfig(layouts, *clock, {"click": "binary"}, {0: source}))
    models = (FeedbackModel(layouts[0], LabelCodes("binary")),)
    raw = replace(batch(values), source=0)
    also = replace(raw.origin, holds=Topic.FEEDBACK)
    return DecodeBoth(decode, DecodeFeedback(FeedbackConfig(models, *clock, {0: source})))(replace(raw, also=also))


@pytest.mark.parametrize("given", [{"format": "json"}, {"format": "msgpack"}], ids=["json", "msgpack"])
@pytest.mark.parametrize("together", [False, True], ids=["one a message", "all in one"])
def test_each_record_counts_as_what_it_is(given: dict[str, str], *, together: bool) -> None:
    """A prediction, a label, both at once, and what is neither: skipped once, and nothing else is."""
    encode = msgspec.json.encode if given["format"] == "json" else msgspec.msgpack.encode
    records = [PREDICTION, LABEL, BOTH, NEITHER, PREDICTION]
    read = both([encode(records)] if together else [encode(record) for record in records], **given)
    assert read.feedback is not None
    ((_, labels),) = read.feedback.labels
    assert (read.read, read.skipped, read.columns["click"].panes.size) == (3, 1, 3)
    assert (read.feedback.read, read.feedback.skipped, list(labels.ids)) == (2, 0, ["a", "b"])
    assert read.feedback.origin.holds == Topic.FEEDBACK
    assert (read.dead, read.feedback.dead) == ((), ())


def test_what_the_filter_leaves_out_is_skipped_once() -> None:
    """Both readers leave it out."""
    where = {"path": "type", "in": ["score", "label"]}
    records = [{**PREDICTION, "type": "score"}, {**LABEL, "type": "label"}, OTHER, {**NEITHER, "type": "score"}]
    read = both([msgspec.json.encode(record) for record in records], where=where)
    assert read.feedback is not None
    assert [(entry_of(one).read, entry_of(one).skipped) for one in (read, read.feedback)] == [(1, 2), (1, 0)]


def test_what_cannot_be_read_is_one_dead_letter() -> None:
    """Broken bytes are refused by both readers and told once; a bad label by one only, with a record's twin apart."""
    bad = msgspec.json.encode({**LABEL, "label": "perhaps"})
    read = both([b"{", msgspec.json.encode(PREDICTION), bad, b"{", b"{x}\n{x}", b"", None])
    assert read.feedback is not None
    assert [letter.reason for letter in read.dead] == [Reason.EMPTY] + [Reason.BROKEN_JSON] * 4
    assert [letter.reason for letter in read.feedback.dead] == [Reason.BAD_LABEL]
    assert (read.read, read.feedback.read) == (6, 1)
    assert [(one.skipped, one.tombstones) for one in (read, read.feedback)] == [(1, 1), (0, 0)]


def test_a_topic_of_predictions_alone_is_decoded_as_before() -> None:
    """Where no model awaits labels, what is no prediction is skipped."""
    raw = replace(batch([msgspec.json.encode(one) for one in (PREDICTION, LABEL)]), source=0)
    source = SourceSettings.model_validate({"topic": "predictions", "holds": "both", "map": MAP})
    read = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000, {}, {0: source}))(raw)
    assert (read.read, read.skipped, read.feedback) == (1, 1, None)
