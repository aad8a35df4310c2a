"""Histories: what counts of a prediction at each moment, whatever order the words came in."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from operators.join.history import (
    MOST_WORDS,
    NOTHING,
    Change,
    FeedbackHistory,
    FeedbackRecord,
    changes,
    decode,
    difference,
    encode,
    extended,
    first,
)

TICK = 10
words = st.builds(
    FeedbackRecord,
    at=st.integers(0, 60),
    known=st.integers(0, 90),
    kind=st.integers(0, 2),
    label=st.sampled_from([None, 0.0, 1.0]),
    value=st.sampled_from([None, 1.5, 2.5]),
)
histories = st.lists(words, max_size=4, unique=True)


def at(found: Counter[Change], tick: int) -> tuple[object, object] | None:
    """What counts once `tick` is over: the one state that has begun and not ended."""
    standing: Counter[object] = Counter()
    for (when, state), count in found.items():
        if when <= tick:
            standing[state.label, state.value] += count
    left = [state for state, count in standing.items() if count]
    assert all(standing[state] == 1 for state in left)
    assert len(left) <= 1
    return left[0] if left else None  # type: ignore[return-value]


def by_hand(
    given_words: list[FeedbackRecord], made: int, until: int, negative_after: int | None
) -> tuple[object, object] | None:
    """The latest label and the latest value among the words known by then; an assumed negative where there is none."""
    heard = sorted((word for word in given_words if max(word.known, made) < until), key=lambda w: (w.at, repr(w[2:])))
    label = next((word.label for word in reversed(heard) if word.label is not None), None)
    value = next((word.value for word in reversed(heard) if word.value is not None), None)
    if label is None and negative_after is not None and made + negative_after < until:
        label = 0.0
    return (label, value) if heard or label is not None else None


@given(histories, st.integers(0, 50), st.sampled_from([None, 5, 40]))
def test_the_latest_word_known_counts(given_words: list[FeedbackRecord], made: int, negative_after: int | None) -> None:
    """At every moment the step function says what a look at all the words says."""
    found = changes(given_words, made, made, TICK, negative_after)
    for tick in range(12):
        assert at(found, tick) == by_hand(given_words, made, (tick + 1) * TICK, negative_after)


@given(st.lists(words, min_size=1, max_size=3, unique=True), st.sampled_from([None, 20]))
def test_whatever_order_words_arrive_in_the_contributions_add_up(
    said: list[FeedbackRecord], negative_after: int | None
) -> None:
    """The sum of all differences is the final step function less what was assumed beforehand."""
    final = changes(said, 5, 5, TICK, negative_after)
    assumed = changes([], 5, 5, TICK, negative_after)
    for order in permutations(said):
        total: Counter[Change] = Counter(assumed)
        for count in range(len(order)):
            before = changes(order[:count], 5, 5, TICK, negative_after)
            after = changes(order[: count + 1], 5, 5, TICK, negative_after)
            for tick, state, sign in difference(before, after):
                total[tick, state] += sign
        assert {key: count for key, count in total.items() if count} == {key: n for key, n in final.items() if n}


@given(words.filter(lambda word: word.label is not None or word.value is not None))
def test_a_first_word_is_the_short_cut_of_the_general_case(word: FeedbackRecord) -> None:
    """Both say the same."""
    tick, state, sign = first(word, 7, TICK)
    assert changes([word], 7, 7, TICK, None) == {(tick, state): sign}


@given(histories)
def test_a_history_survives_its_bytes(said: list[FeedbackRecord]) -> None:
    """Encoding and decoding give the same words."""
    for stub in (None, b"a stub"):
        assert decode(encode(FeedbackHistory(said, stub, 9))) == FeedbackHistory(said, stub, 9)
    assert decode(None) == NOTHING


def test_a_history_is_bounded() -> None:
    """The earliest words are forgotten first."""
    said: list[FeedbackRecord] = []
    for time in range(20):
        said = extended(said, FeedbackRecord(time, time, 0, 1.0, None))
    assert [word.at for word in said] == list(range(20 - MOST_WORDS, 20))
