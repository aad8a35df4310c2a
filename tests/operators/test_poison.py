import random
from collections import Counter

import pytest
from chain import Chain
from factories import START, batch, click, click_layout, plan_of
from poison_corpus import CORPUS, GOOD, ODD, Poison

from operators.dead_letters import DETAIL_LIMIT, DeadLetter, Reason
from operators.intake.decode import Decode, DecodeConfig

DECODE = Decode(DecodeConfig((click_layout(),), 10_000, 5_000, 60_000))


def test_the_corpus_covers_every_reason_in_many_ways() -> None:
    """At least thirty kinds, each named once, and each reason of the bounded set comes up."""
    assert len({kind.name for kind in CORPUS}) == len(CORPUS) >= 30
    assert {kind.reason for kind in CORPUS} == set(Reason) - {Reason.BAD_LABEL, Reason.UNKNOWN_SCHEMA}


@pytest.mark.parametrize("kind", CORPUS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("company", [0, 1, 50])
def test_each_kind_has_its_reason_whatever_surrounds_it(kind: Poison, company: int) -> None:
    """Alone or among good messages: the same reason, the original bytes, the right offset, and no good record lost."""
    decoded = DECODE(batch([GOOD] * company + [kind.value] + [GOOD] * company, first=1_000))
    assert [(letter.reason, letter.value) for letter in decoded.dead] == [(kind.reason, dead) for dead in kind.letters]
    assert {letter.offset for letter in decoded.dead} == {1_000 + company}
    assert decoded.read == 2 * company + kind.good + len(kind.letters)
    folded = sum(len(columns.panes) for columns in decoded.columns.values())
    assert folded == 2 * company + kind.good
    assert decoded.late == {}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_an_odd_spelling_is_no_poison(value: bytes) -> None:
    """One reading of a value: numbers, versions and times count however a writer spells them."""
    decoded = DECODE(batch([GOOD, value, GOOD]))
    assert [letter.detail for letter in decoded.dead] == []
    assert decoded.read == 3


@pytest.mark.parametrize("kind", CORPUS, ids=lambda kind: kind.name)
def test_details_are_short_and_hold_no_value_of_the_record(kind: Poison) -> None:
    """The explanation names the offence; what the record held stays in its bytes."""
    for letter in DECODE(batch([kind.value])).dead:
        assert 0 < len(letter.detail) <= DETAIL_LIMIT
        assert not any(value in letter.detail for value in ("nobody", "Paulo", "yesterday", "loss is"))


def test_a_poisoned_stream_is_accounted_for_to_the_last_record() -> None:
    """Every kind five times among 5,000 good records, in batches of any size, through every step: counts are exact."""
    rng = random.Random(7)
    chain = Chain({"click": plan_of(click())})
    messages: list[bytes | None] = [*[GOOD] * 5_000, *(kind.value for kind in CORPUS for _ in range(5))]
    rng.shuffle(messages)
    at = 0
    while at < len(messages):
        size = rng.choice([1, 2, 30, 2_000])
        chain.feed(batch(messages[at : at + size], first=at, written=START + at))
        at += size
    chain.feed(batch([], written=START + at, ended=True))

    expected = Counter({reason: 5 * sum(len(k.letters) for k in CORPUS if k.reason == reason) for reason in Reason})
    assert Counter(letter.reason for letter in chain.dead) == expected
    folded = sum(int(tick.groups["1", ""][chain.models["click"].layout.rows]) for tick in chain.ticks if tick.groups)
    assert folded == 5_000 + 5 * sum(kind.good for kind in CORPUS)
    assert chain.read == folded + chain.ticks[-1].totals.late + len(chain.dead)
    assert chain.ticks[-1].totals.late == 0
    assert all(_came_from(letter, messages[letter.offset]) for letter in chain.dead)


def _came_from(letter: DeadLetter, message: bytes | None) -> bool:
    """Whether the letter's bytes are those of the message at its offset, or one of its lines."""
    return letter.value == message or (message is not None and letter.value in message.split(b"\n"))
