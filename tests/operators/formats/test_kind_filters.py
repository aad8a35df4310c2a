"""Kinds: a filter on a text on top is followed by the decoder, and finds what looking at each message first finds."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from factories import START, batch
from test_formats import LAYOUT, outcome

from operators.formats.mapped_lines import MappedParser
from operators.intake.decode import Decode, DecodeConfig
from operators.settings.source import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.intake.decode import Decoded

SPLIT = {"split": "items", "map": {name: f"items.{name}" for name in ("prediction_id", "prediction", "features")}}


def decoder(where: dict[str, Any], *, told: bool, **given: Any) -> Decode:
    """Reads source 0; `told` is whether kinds are told apart by the decoder."""
    source = SourceSettings.model_validate({"topic": "t", "where": where, **given})
    decode = Decode(DecodeConfig((LAYOUT,), 10_000, 5_000, 60_000, {"click": "binary"}, {0: source}, native=None))
    parser = decode.mapped[0]
    assert isinstance(parser, MappedParser)
    if not told:
        parser.reader.kinds = None
    return decode


def decoded(decode: Decode, messages: Sequence[bytes]) -> Decoded:
    """What becomes of messages."""
    return decode(replace(batch(messages, written=START), source=0))


def scored(number: int, kind: Any, **more: Any) -> bytes:
    """A prediction of some kind; `...` stands for none."""
    named = {} if kind is ... else {"type": kind}
    record = {"prediction_id": f"p{number}", "timestamp": START, "model": "click", "prediction": 0.25}
    return json.dumps({**more, **record, **named, "features": {"age": number % 50, "country": "de"}}).encode()


def audit(kind: Any) -> bytes:
    """A message of another kind, whose fields are of other types."""
    return json.dumps({"timestamp": "never", "features": "none", "type": kind}).encode()


def both(messages: Sequence[Sequence[bytes]], where: dict[str, Any], **given: Any) -> list[tuple[Decoded, Decoded]]:
    """Some batches, one after the other, read in both ways."""
    told, looked = decoder(where, told=True, **given), decoder(where, told=False, **given)
    return [(decoded(told, some), decoded(looked, some)) for some in messages]


def test_kinds_are_learnt_as_they_come() -> None:
    """New ones in the middle of the stream, and in every place of a batch, leave each record where it was."""
    luck = random.Random(5)
    batches = []
    for number in range(12):
        kinds = ["score", *(f"audit{one}" for one in range(number))]
        some = [luck.choice(kinds) for _ in range(700)]
        batches.append([scored(at, kind) if kind == "score" else audit(kind) for at, kind in enumerate(some)])
        batches[-1].append(scored(700, "score"))
    for told, looked in both(batches, {"path": "type", "in": ["score"]}):
        assert outcome(told) == outcome(looked)
        assert told.skipped == looked.skipped == 701 - told.read
        assert told.dead == ()


@pytest.mark.parametrize(
    "odd",
    [..., None, 7, True, [1], {"a": 1}, "", "Score", "SCORE", "score ", "\u00e9", "1.0", "x" * 300],
    ids=lambda odd: "absent" if odd is ... else repr(odd)[:12],
)
def test_a_kind_that_is_no_text_or_spelt_otherwise_is_what_it_was(odd: Any) -> None:
    """The filter takes a text for what it stands for, and what is none or another one for no match."""
    messages = [scored(0, "score"), scored(1, odd), scored(2, "1"), scored(3, "score")]
    for told, looked in both([messages] * 3, {"path": "type", "in": ["score", "1"]}):
        assert outcome(told) == outcome(looked)
        assert (told.skipped, told.dead) == (looked.skipped, ())


def test_more_kinds_than_are_told_apart() -> None:
    """Of a field that is an id the decoder makes no types without end: it is given up, and all is read as before."""
    batches = [[scored(at, f"k{number}-{at}") for at in range(30)] + [scored(99, "score")] for number in range(40)]
    for told, looked in both(batches, {"path": "type", "in": ["score"]}):
        assert outcome(told) == outcome(looked)
        assert (told.read, told.skipped) == (1, 30)


def test_broken_messages_between_are_dead_letters_each() -> None:
    """Those of the kind that counts with their reasons; what is of another kind is skipped, whatever it holds."""
    messages = [scored(0, "score"), b"{oops", audit("audit"), b"", b'{"type": "score", "model": "clack"}', b"[1]"]
    messages += [scored(1, "score", latency_ms="slow"), b'{"type": "score", "timestamp": "never"}', audit("score")]
    ((told, looked),) = both([messages], {"path": "type", "in": ["score"]})
    assert outcome(told) == outcome(looked)
    assert len(told.dead) == 6
    assert told.skipped == 1


def test_several_records_a_message() -> None:
    """An array in a message of the kind that counts, also an empty one."""
    item = {"prediction_id": "a", "prediction": 0.5, "features": {"age": 3}}
    shared = {"type": "score", "model": "click", "timestamp": START}
    messages = [
        *(json.dumps({**shared, "items": [{**item, "prediction_id": f"a{at}"} for at in range(n)]}) for n in (2, 0, 3)),
        json.dumps({"type": "audit", "items": 4}),
        json.dumps({**shared, "items": [item]}),
    ]
    for told, looked in both([[one.encode() for one in messages]] * 2, {"path": "type", "in": ["score"]}, **SPLIT):
        assert told.read == 6
        assert (told.columns.keys(), told.dead, told.skipped) == (looked.columns.keys(), looked.dead, looked.skipped)
        assert list(told.served["click"].ids) == list(looked.served["click"].ids) == ["a0", "a1", "a0", "a1", "a2", "a"]
