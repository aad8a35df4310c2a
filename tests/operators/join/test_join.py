"""The join: order, repetition, lateness and crashes do not matter."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from factories import START, batch, click
from joining import JoinChain

from operators.intake.label_codes import LabelCodes
from operators.plans.join import JoinPlan, families_of
from windows.outcomes.fold import Outcomes, fold_outcomes, fold_predictions
from windows.outcomes.layout import TaskOptions, task_layout
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from operators.join.ticks import CohortTick
    from windows.arrays import IntArray

LAYOUT = layout_of(click(), ("country", "device"))
TICK = 30_000
MINUTE = 60_000


def plan(negative_after: int | None = None, **changes: Any) -> JoinPlan:
    """The join of `click`: predictions are kept an hour, labels wait ten minutes."""
    options = TaskOptions("binary", negative_after=negative_after is not None)
    fields: dict[str, Any] = {
        "layout": LAYOUT,
        "task": task_layout(options, click().prediction),
        "labels": LabelCodes("binary"),
        "tick": TICK,
        "keep": 60 * MINUTE,
        "wait": 10 * MINUTE,
        "negative_after": negative_after,
        "sample": 1.0,
        "families": families_of(LAYOUT, [("country", "device")]),
    }
    return JoinPlan(**{**fields, **changes})


@dataclass(frozen=True)
class Made:
    """A prediction."""

    id: str
    at: int
    score: float
    version: str
    country: str

    def value(self) -> bytes:
        """As it is sent."""
        fields = {"model": "click", "prediction_id": self.id, "timestamp": self.at, "version": self.version}
        return json.dumps(
            {**fields, "prediction": self.score, "features": {"country": self.country}, "context": {"device": "web"}}
        ).encode()


@dataclass(frozen=True)
class Said:
    """A label."""

    id: str
    at: int
    label: int | None
    value: float | None = None

    def message(self) -> bytes:
        """As it is sent."""
        fields = {"model": "click", "prediction_id": self.id, "timestamp": self.at}
        return json.dumps({**fields, "label": self.label, "value": self.value}).encode()


def world(rng: random.Random, count: int, span: int) -> tuple[list[Made], list[Said]]:
    """Predictions over `span` ms, and what is said about most of them.

    Once, twice, again, too early, too late, and of nobody.
    """
    made = [
        Made(
            f"p{at}",
            START + rng.randrange(span),
            rng.choice([0.1, 0.3, 0.6, 0.9]),
            rng.choice("12"),
            rng.choice(["de", "fr", "xx"]),
        )
        for at in range(count)
    ]
    said = []
    for one in made:
        for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
            at = one.at + rng.choice([rng.randrange(-2 * MINUTE, 0), rng.randrange(40 * MINUTE), rng.randrange(3)])
            label, value = rng.choice([(0, None), (1, None), (1, 2.5), (None, 1.5)])
            said.append(Said(one.id, at, label, value))
    said += [Said(f"nobody{at}", START + rng.randrange(span), 1) for at in range(count // 20)]
    said += [rng.choice(said) for _ in range(count // 10)]
    return made, said


def final(plan_: JoinPlan, made: list[Made], said: list[Said], until: int | None = None) -> dict[Any, IntArray]:
    """What is known of each (cohort, version, segment) at `until`, worked out by brute force from all there is."""
    rows: dict[Any, list[tuple[float, float, float, int]]] = {}
    counted: dict[Any, list[float]] = {}
    for one in made:
        known = [other for other in set(said) if other.id == one.id]
        known = [other for other in known if until is None or max(other.at, one.at) < until]
        known = [other for other in known if other.at <= one.at + plan_.keep and one.at <= other.at + plan_.wait]
        rank = sorted(known, key=lambda other: (other.at, repr((0, _number(other.label), other.value))))
        label = next((other for other in reversed(rank) if other.label is not None), None)
        value = next((other for other in reversed(rank) if other.value is not None), None)
        assumed = plan_.negative_after is not None and (until is None or one.at + plan_.negative_after < until)
        country = one.country if one.country in {"de", "fr", "us"} else "other"
        names = ["", f"country={country}", "device=web", f"country={country},device=web"]
        for name in names:
            key = (one.at // TICK, one.version, name)
            if until is None or one.at < until:
                counted.setdefault(key, []).append(one.score)
            if label is None and value is None and not assumed:
                continue
            given = label.label if label is not None else 0 if assumed else None
            at = label.at if label is not None else one.at + (plan_.negative_after or 0) if assumed else value.at  # type: ignore[union-attr]
            rows.setdefault(key, []).append(
                (
                    one.score,
                    np.nan if given is None else given,
                    np.nan if value is None or value.value is None else value.value,
                    max(at - one.at, 0),
                )
            )
    found = {}
    for key in counted.keys() | rows.keys():
        scores = np.array(counted.get(key, []))
        vector = fold_predictions(plan_.task, scores, np.zeros(len(scores), dtype=np.int64), 1)[0]
        if key in rows:
            score, labels, values, delay = map(np.array, zip(*rows[key], strict=True))
            ones = np.ones(len(score), dtype=np.int64)
            outcomes = Outcomes(
                score, None, None, labels.astype(float), None, values.astype(float), delay.astype(np.int64), ones
            )
            vector = vector + fold_outcomes(plan_.task, outcomes, ones * 0, 1)[0]
        found[key] = vector
    return found


def _number(label: int | None) -> float | None:
    return None if label is None else float(label)


def interleaved(
    rng: random.Random,
    chain: JoinChain,
    made: list[Made],
    said: list[Said],
    *,
    jitter: int = 0,
    largest: int = 60,
) -> None:
    """Feed both topics, two partitions each, in random batches; with `jitter` (ms) out of order within a partition."""
    lanes: list[tuple[bool, int, list[bytes]]] = []
    for feedback, items in ((False, made), (True, said)):
        given = sorted(items, key=lambda one: one.at + rng.uniform(0, jitter))
        parts: list[list[bytes]] = [[], []]
        for one in given:
            parts[rng.randrange(2)].append(one.value() if isinstance(one, Made) else one.message())  # type: ignore[attr-defined]
        lanes += [(feedback, partition, part) for partition, part in enumerate(parts)]
    at = [0] * len(lanes)
    while open_ := [number for number, lane in enumerate(lanes) if at[number] <= len(lane[2])]:
        number = rng.choice(open_)
        feedback, partition, values = lanes[number]
        part = values[at[number] : at[number] + rng.randint(1, largest)]
        ended = at[number] + len(part) >= len(values)
        at[number] = len(values) + 1 if ended else at[number] + len(part)
        chain.feed(
            batch(part, partition=partition, partitions=2, ended=ended, written=START + 10**9, feedback=feedback)
        )


def sums(chain: JoinChain, until: int | None = None) -> dict[Any, IntArray]:
    """All deltas told of ticks that ended by `until`, added up."""
    total: dict[Any, IntArray] = {}
    for _, tick in chain.ticks:
        if until is None or tick.end <= until:
            for key, delta in tick.deltas.items():
                total[key] = total[key] + delta if key in total else delta
    return total


def _filled(vectors: dict[Any, IntArray]) -> set[Any]:
    return {key for key, vector in vectors.items() if vector.any()}


def assert_same(found: dict[Any, IntArray], expected: dict[Any, IntArray]) -> None:
    """Every vector is the same to the last count."""
    assert _filled(found) == _filled(expected)
    for key, vector in expected.items():
        if vector.any():
            np.testing.assert_array_equal(found[key], vector, err_msg=str(key))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("negative_after", [None, 15 * MINUTE])
def test_the_end_is_that_of_the_final_state_of_the_data(seed: int, negative_after: int | None) -> None:
    """Shuffled, early, late, repeated and revised labels end where a look at all the data ends."""
    rng = random.Random(seed)
    joined = plan(negative_after)
    made, said = world(rng, 150, 20 * MINUTE)
    chain = JoinChain([joined])
    interleaved(rng, chain, made, said)
    last = max(tick.end for _, tick in chain.ticks)
    assert_same(sums(chain), final(joined, made, said, None if negative_after is None else last))


@pytest.mark.parametrize("seed", range(6))
def test_what_is_known_at_each_moment_does_not_depend_on_the_order_of_arrival(seed: int) -> None:
    """At every tick the sum so far is what all that had been said by then amounts to."""
    rng = random.Random(100 + seed)
    joined = plan(7 * MINUTE)
    made, said = world(rng, 80, 10 * MINUTE)
    chain = JoinChain([joined])
    interleaved(rng, chain, made, said)
    ends = sorted({tick.end for _, tick in chain.ticks})
    for until in ends[:: max(1, len(ends) // 8)]:
        assert_same(sums(chain, until), final(joined, made, said, until))


@pytest.mark.parametrize("seed", range(6))
def test_a_crash_at_any_moment_changes_nothing(seed: int) -> None:
    """Going on from an older snapshot, with stores that are ahead of it, gives the same ticks."""
    joined = plan(15 * MINUTE)
    made, said = world(random.Random(200 + seed), 120, 15 * MINUTE)
    calm = JoinChain([joined])
    interleaved(random.Random(seed), calm, made, said, jitter=20_000, largest=12)
    shaken = JoinChain([joined])
    crashing = _Crashing(shaken, random.Random(seed + 1))
    interleaved(random.Random(seed), crashing, made, said, jitter=20_000, largest=12)  # type: ignore[arg-type]
    assert crashing.crashes > 1
    assert len(calm.ticks) == len(shaken.ticks)
    for (_, one), (_, other) in zip(calm.ticks, shaken.ticks, strict=True):
        assert (one.end, one.last_feedback) == (other.end, other.last_feedback)
        assert one.last_prediction == other.last_prediction
        assert_same(other.deltas, one.deltas)
    assert calm.ticks[-1][1].totals == shaken.ticks[-1][1].totals


class _Crashing:
    """Feeds a chain, saves it now and then, and now and then goes back to what was saved and reads on from there."""

    def __init__(self, chain: JoinChain, rng: random.Random) -> None:
        self.chain = chain
        self.rng = rng
        self.since: list[Any] = []
        self.saved = chain.save()
        self.crashes = 0

    def feed(self, raw: Any) -> None:
        """One batch."""
        self.chain.feed(raw)
        self.since.append(raw)
        fate = self.rng.random()
        if fate < 0.2:
            self.saved, self.since = self.chain.save(), []
        elif fate < 0.4:
            self.crashes += 1
            if self.rng.random() < 0.5:
                self.chain.save()  # the stores get ahead of what is recovered
            self.chain.restore(self.saved)
            for again in self.since:
                self.chain.feed(again)


def test_every_word_is_accounted_for() -> None:
    """The sum feedback = matched + revised + duplicates + unmatched, once nothing waits."""
    rng = random.Random(5)
    chain = JoinChain([plan()])
    made, said = world(rng, 200, 20 * MINUTE)
    interleaved(rng, chain, made, said)
    totals = chain.ticks[-1][1].totals
    assert sum(totals.feedback.values()) == len(said)
    assert totals.matched + totals.revised + totals.duplicates + totals.waiting + sum(totals.unmatched.values()) == len(
        said
    )


def test_a_prediction_that_comes_again_is_counted_and_gets_one_label() -> None:
    """Delivered twice by a producer, it counts twice among the predictions, and once among the labelled."""
    chain = JoinChain([plan()])
    made = [Made(f"q{at}", START + at, 0.7, "1", "de") for at in range(400)]
    interleaved(random.Random(7), chain, [*made, *made[:100]], [Said(one.id, one.at + 1_000, 1) for one in made])
    totals, task = chain.ticks[-1][1].totals, chain.plans[0].task
    assert (totals.repeated, totals.matched) == (100, 400)
    whole = [vector for key, vector in sums(chain).items() if key[2] == ""]
    assert sum(vector[task.predictions] for vector in whole) == 500
    assert sum(vector[task.labelled] for vector in whole) == 400


def test_a_sample_is_chosen_by_id_alone() -> None:
    """A tenth of the predictions is joined, the same whatever comes when, and labels of the others are counted."""
    rng = random.Random(6)
    chain = JoinChain([plan(sample=0.1)])
    made = [Made(f"q{at}", START + at, 0.7, "1", "de") for at in range(4_000)]
    said = [Said(one.id, one.at + 1_000, 1) for one in made]
    interleaved(rng, chain, made, said)
    task = chain.plans[0].task
    whole = sum(vector[task.predictions] for key, vector in sums(chain).items() if key[2] == "")
    labelled = sum(vector[task.labelled] for key, vector in sums(chain).items() if key[2] == "")
    assert whole == labelled
    assert 320 < whole < 480
    totals = chain.ticks[-1][1].totals
    assert totals.unmatched == {"not_sampled": 4_000 - whole}


def test_feedback_that_brings_its_prediction_needs_no_join() -> None:
    """An embedded prediction is folded into the cohort of its time, with the segments of its context."""
    chain = JoinChain([plan()])
    fields = {"model": "click", "timestamp": START + 5_000, "label": 1, "prediction": 0.9, "predicted_at": START}
    more = {"version": "7", "context": {"country": "fr", "device": "phone"}}
    chain.feed(batch([json.dumps({**fields, **more}).encode()], feedback=True, ended=True))
    chain.feed(batch([], ended=True))
    found = sums(chain)
    assert set(found) == {
        (START // TICK, "7", name) for name in ("", "country=fr", "device=phone", "country=fr,device=phone")
    }
    assert all(vector[chain.plans[0].task.labelled] == 1 for vector in found.values())


@pytest.mark.parametrize("seed", range(4))
def test_where_batches_end_does_not_matter(seed: int) -> None:
    """A crash cuts what is read anew: late words, some with their prediction in them, some that say nothing yet."""
    rng = random.Random(seed)
    made = [json.dumps(_prediction(number)).encode() for number in range(60)]
    said = [json.dumps(_words(rng, number)).encode() for number in range(300)]
    found, totals = [], []
    for size in (1, 7, 300):
        chain = JoinChain([plan()])
        chain.feed(batch(made, written=START + 60 * MINUTE))
        for first in range(0, len(said), size):
            chain.feed(batch(said[first : first + size], feedback=True, first=first, written=START + 60 * MINUTE))
        for feedback in (False, True):
            chain.feed(batch([], feedback=feedback, ended=True))
        found.append([_content(tick) for _, tick in chain.ticks])
        totals.append(chain.ticks[-1][1].totals)
    assert totals[1] == totals[0] == totals[2]
    assert sum(len(deltas) for _, deltas, *_ in found[0]) > 20
    assert found[1] == found[0]
    assert found[2] == found[0]


def _prediction(number: int) -> dict[str, Any]:
    fields = {"model": "click", "prediction_id": f"p{number}", "timestamp": START + number * 1_000, "version": "1"}
    return {**fields, "prediction": 0.3, "features": {"country": "de"}, "context": {"device": "web"}}


def _words(rng: random.Random, number: int) -> dict[str, Any]:
    """Feedback of a partition whose clock goes on a second a record, each record up to a minute late."""
    at = START + 120_000 + number * 1_000 - rng.choice((0, 0, 4_000, 60_000))
    fields: dict[str, Any] = {"model": "click", "timestamp": at, "label": rng.choice((0, 1, None))}
    if rng.random() < 0.5:
        return {**fields, "prediction_id": f"p{rng.randrange(60)}"}
    return {**fields, "prediction": 0.4, "predicted_at": START + rng.randrange(100) * 1_000, "version": "1"}


def _content(tick: CohortTick) -> tuple[Any, ...]:
    """All that a tick says, but counts of what was read beyond it."""
    deltas = {key: delta.tolist() for key, delta in tick.deltas.items()}
    newest = tick.totals.prediction, tick.totals.about
    return tick.end, deltas, tick.last_feedback, tick.last_prediction, tick.heard, newest
