"""History: all that was said about one prediction, and what a further word changes.

What counts at a moment is the latest word by its own time among those known by then. So a history is a step function
over known time, and whatever order the words arrive in, the contributions emitted add up to that function: exactly.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.plans.join import JoinPlan

MOST_WORDS = 8
"""Words kept of one prediction: of more, the earliest by their own times are forgotten that do not count any more."""

_HEAD = struct.Struct("<qI")


class FeedbackRecord(NamedTuple):
    """One feedback record.

    Attributes:
        at: its own time, ms: the later one revises the earlier one.
        known: its effective time, ms.
        kind: index into KINDS.
        label: as in Labels, None for none; a list of clicked items for a ranking.
        value: business metric; None for none.
    """

    at: int
    known: int
    kind: int
    label: float | list[Any] | None
    value: float | None


class FeedbackHistory(NamedTuple):
    """What was said about one prediction.

    Attributes:
        words: without repetition.
        stub: the prediction as it was when it met its first words; they count from then on. None while it has not. What
            counts is taken back as it was added, even if another prediction has been given the same id since.
        newest: latest effective time of any of them, repetitions too, ms; it never goes back.
    """

    words: list[FeedbackRecord]
    stub: bytes | None
    newest: int


NOTHING = FeedbackHistory([], None, 0)


class State(NamedTuple):
    """What counts of a prediction at a moment: label and value, and when they were given (ms)."""

    label: float | tuple[Any, ...] | None
    value: float | None
    at: int


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(list[FeedbackRecord]).decode

Change = tuple[int, State]
"""(known tick, state that begins or ends then)."""


def assumed(made: int, negative_after: int) -> State:
    """The negative label of a prediction made at `made` (ms) that no feedback came for."""
    return State(0.0, None, made + negative_after)


def changes(
    words: Sequence[FeedbackRecord], made: int, known: int, tick: int, negative_after: int | None
) -> Counter[Change]:
    """+1 for each state at the tick it begins in, -1 for the one it replaces.

    Args:
        words: of one prediction, in any order.
        made: when the prediction was made, ms.
        known: when it became known, ms: no word counts before.
        tick: length of a tick, ms.
        negative_after: as in the plan.
    """
    base = None if negative_after is None else assumed(made, negative_after)
    steps = sorted(((max(word.known, known), word) for word in words), key=lambda step: (step[0], _rank(step[1])))
    if base is not None:
        steps.append((max(base.at, known), _BASE))
        steps.sort(key=lambda step: step[0])
    label: FeedbackRecord | None = None
    value: FeedbackRecord | None = None
    found: Counter[Change] = Counter()
    state: State | None = None
    for at, word in steps:
        if word is not _BASE:
            label = _later(label, word) if word.label is not None else label
            value = _later(value, word) if word.value is not None else value
        has_base = base is not None and at >= base.at
        now = _state(label, value, base if has_base else None)
        if now == state:
            continue
        if state is not None:
            found[at // tick, state] -= 1
        found[at // tick, now] += 1
        state = now
    return found


def first(word: FeedbackRecord, known: int, tick: int) -> tuple[int, State, int]:
    """What the first word about a prediction that became known at `known` (ms) adds, where nothing is assumed."""
    return max(word.known, known) // tick, state_of(word), 1


def state_of(word: FeedbackRecord) -> State:
    """What counts while this is all that was said."""
    label = tuple(word.label) if isinstance(word.label, list) else word.label
    return State(label, word.value, word.at)


def difference(before: Counter[Change], after: Counter[Change]) -> list[tuple[int, State, int]]:
    """(known tick, state, sign): what has to be added to get from `before` to `after`."""
    left = after.copy()
    left.subtract(before)
    return [(tick, state, count) for (tick, state), count in left.items() if count]


def extended(words: Sequence[FeedbackRecord], word: FeedbackRecord) -> list[FeedbackRecord]:
    """The history with one more word.

    The latest label and the latest value stay whatever is forgotten: a word that no longer counts can be left out of
    both sides of a difference, one that still does could not be taken back.
    """
    ranked = sorted((*words, word), key=_rank)
    if len(ranked) > MOST_WORDS:
        label = next((one for one in reversed(ranked) if one.label is not None), None)
        value = next((one for one in reversed(ranked) if one.value is not None), None)
        ranked.remove(next(one for one in ranked if one is not label and one is not value))
    return ranked


def live_of(
    words: Sequence[FeedbackRecord], newest: int, times: tuple[int, int], plan: JoinPlan
) -> list[FeedbackRecord]:
    """The words that count for a prediction: it had not expired when they came, nor had they when it came.

    Words about one prediction wait together, until `wait` after the `newest` of them.
    """
    made, known = times
    if newest < known - plan.wait:
        return []
    until = made + plan.keep
    return [word for word in words if word.known <= until]


def same(word: FeedbackRecord, other: FeedbackRecord) -> bool:
    """Whether two words say the same: what became known when is the medium's matter."""
    return word._replace(known=0) == other._replace(known=0)


def encode(said: FeedbackHistory) -> bytes:
    """A history as bytes."""
    stub = said.stub or b""
    return _HEAD.pack(said.newest, len(stub)) + stub + _ENCODE(said.words)


def encode_first(word: FeedbackRecord, stub: bytes) -> bytes:
    """The history of one word that met its prediction at once."""
    return _HEAD.pack(word.known, len(stub)) + stub + _ENCODE((word,))


def decode(data: bytes | None) -> FeedbackHistory:
    """The history of these bytes; NOTHING of None."""
    if data is None:
        return NOTHING
    newest, length = _HEAD.unpack_from(data)
    end = _HEAD.size + length
    return FeedbackHistory(_DECODE(memoryview(data)[end:]), data[_HEAD.size : end] or None, newest)


_BASE = FeedbackRecord(0, 0, 0, None, None)


def _rank(word: FeedbackRecord) -> tuple[int, str]:
    """Later times count; of equal times any fixed order will do."""
    return word.at, repr(word[2:])


def _later(known: FeedbackRecord | None, word: FeedbackRecord) -> FeedbackRecord:
    return word if known is None or _rank(word) > _rank(known) else known


def _state(label: FeedbackRecord | None, value: FeedbackRecord | None, base: State | None) -> State:
    number = None if value is None else value.value
    if label is not None and label.label is not None:
        given = tuple(label.label) if isinstance(label.label, list) else label.label
        return State(given, number, label.at)
    if base is not None:
        return State(base.label, number, base.at)
    return State(None, number, -1 if value is None else value.at)
