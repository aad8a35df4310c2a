"""Predictions that come again within a minute are counted, whatever the order, the batches and what dies in between."""

from __future__ import annotations

import pickle
import random
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from factories import START, batch, click, record
from joining import JoinChain

from operators.intake.label_codes import LabelCodes
from operators.join import twice
from operators.join.split import StubBlock
from operators.plans.join import SHARDS, JoinPlan, families_of
from windows.outcomes.layout import TaskOptions, task_layout
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTE = 60_000
END = START + 30 * MINUTE
LAYOUT = layout_of(click(), ("country", "device"))


def plan() -> JoinPlan:
    """The join of `click`."""
    return JoinPlan(
        layout=LAYOUT,
        task=task_layout(TaskOptions("binary"), click().prediction),
        labels=LabelCodes("binary"),
        tick=30_000,
        keep=60 * MINUTE,
        wait=10 * MINUTE,
        negative_after=None,
        sample=1.0,
        families=families_of(LAYOUT, [("country", "device")]),
    )


Sent = list[tuple[str, int]]
"""(id, time in ms) of predictions in the order of a partition."""


def traffic(rng: random.Random, count: int, again: float) -> Sent:
    """A hundred predictions a minute, some of which are sent a second time a moment later, with the time they had."""
    sent = []
    for at in range(count):
        one = f"p{at}", START + at * 600
        sent.append((at * 600.0, one))
        if rng.random() < again:
            sent.append((at * 600 + rng.random() * 3_000, one))
    return [one for _, one in sorted(sent)]


def repeated(sent: Iterable[tuple[str, int]]) -> int:
    """Those that are there already, counted one by one."""
    return sum(count - 1 for count in Counter(sent).values())


def batches(rng: random.Random, sent: Sent, partition: int) -> list[tuple[int, list[bytes]]]:
    """The records of a partition, cut into batches."""
    values = [record(at, prediction_id=one) for one, at in sent]
    found = []
    while values:
        size = rng.choice([1, 7, 60, 400])
        found.append((partition, values[:size]))
        values = values[size:]
    return found


def run(rng: random.Random, parts: list[Sent], deaths: float = 0.0) -> int:
    """What the join counts; it dies now and then, and goes on from a snapshot before that."""
    chain = JoinChain([plan()])
    queues = [batches(rng, part, at) for at, part in enumerate(parts)]
    saved, since = chain.save(), []
    while any(queues):
        partition, values = rng.choice([queue for queue in queues if queue]).pop(0)
        raw = batch(values, partition=partition, partitions=len(parts), ended=not queues[partition], written=END)
        chain.feed(raw)
        since.append(raw)
        if rng.random() < deaths:
            if rng.random() < 0.5:
                chain.save()  # the stores are ahead of what is recovered
            chain.restore(saved)
            for again in since:
                chain.feed(again)
        if rng.random() < 0.3:
            saved, since = chain.save(), []
    chain.feed(batch([], feedback=True, ended=True))
    return chain.ticks[-1][1].totals.repeated


@pytest.mark.parametrize("seed", range(4))
def test_what_comes_again_is_counted_once_whatever_dies(seed: int) -> None:
    """Against a count of all that was sent, in several partitions in any order, with deaths and without."""
    rng = random.Random(seed)
    sent = traffic(rng, 900, 0.1)
    where = {one: rng.randrange(3) for one in set(sent)}
    parts = [[one for one in sent if where[one] == part] for part in range(3)]
    assert repeated(sent) > 50
    assert run(random.Random(seed), parts) == repeated(sent)
    assert run(random.Random(seed + 10), parts, deaths=0.15) == repeated(sent)


def test_what_comes_again_too_late_to_count_is_not_counted() -> None:
    """Five seconds are the lateness: a record that no window takes has not come twice."""
    sent = traffic(random.Random(1), 400, 0.0)
    assert run(random.Random(2), [[*sent, *sent[:100]]]) == 0


def keys(ids: Iterable[int]) -> list[bytes]:
    """Hashes, evenly spread."""
    return [random.Random(one).randbytes(8) for one in ids]


def block(ids: list[int]) -> StubBlock:
    """Predictions of one minute."""
    times = np.full(len(ids), START // MINUTE * MINUTE)
    return StubBlock("click", keys(ids), [b""] * len(ids), times, times)


@pytest.mark.parametrize("ids", [100, twice.MOST, 3_000, 20_000])
def test_beyond_what_is_kept_the_share_is_that_of_a_sample(ids: int) -> None:
    """Exact up to MOST ids; beyond within four standard errors of a binomial share, and never more than MOST are kept.

    The order does not matter, and a snapshot between batches neither.
    """
    rng = random.Random(ids)
    sent = [*range(ids), *rng.sample(range(ids), ids // 20)]
    counts = []
    for _ in range(2):
        rng.shuffle(sent)
        minutes: dict[int, twice.Minute] = {}
        for begin in range(0, len(sent), 700):
            twice.see(minutes, MINUTE, block(sent[begin : begin + 700]), 0)
            minutes = pickle.loads(pickle.dumps(minutes))
        (minute,) = minutes.values()
        assert len(minute.keys) == len(minute.counts) == min(ids, twice.MOST)
        counts.append(twice.leave(minutes, MINUTE, None))
        assert not minutes
    first, second = counts
    error = 0.0 if ids <= twice.MOST else 4 * ids * (0.05 * 0.95 / twice.MOST) ** 0.5
    assert first == second == pytest.approx(ids // 20, abs=error)


def test_minutes_end_with_the_clock_and_are_few() -> None:
    """Whole panes of at least a minute; of a day and more at once the oldest are left first."""
    assert [twice.span_of(pane) for pane in (100, 7_000, 10_000, MINUTE, 90_000)] == [
        MINUTE,
        63_000,
        MINUTE,
        MINUTE,
        90_000,
    ]
    minutes = {at: twice.Minute() for at in range(2_000)}
    assert twice.leave(minutes, MINUTE, 100 * MINUTE) == 0
    assert sorted(minutes) == list(range(2_000 - twice.MOST_MINUTES, 2_000))
    for minute in minutes.values():
        minute.see(np.array([3, 3, 5], dtype=np.uint64))
    assert twice.leave(minutes, MINUTE, 1_000 * MINUTE) == 1_000 - (2_000 - twice.MOST_MINUTES)
    assert SHARDS * twice.MOST >= 1_000
