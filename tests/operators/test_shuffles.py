"""Event time decides: arrival order, batches and the interleaving of partitions do not."""

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from factories import START, batch, click, record
from oracles import late_by_hand

from operators.intake.decode import Decode, DecodeConfig
from operators.predictions.close import Close, CloseConfig, CloseState, Tick
from operators.predictions.fold import Fold
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from windows.predictions.fold import Sketches

PANE, LATENESS = 10_000, 5_000
LAYOUT = layout_of(click(), ("country",))
DECODE = Decode(DecodeConfig((LAYOUT,), PANE, LATENESS, 10_000_000))

Panes = dict[int, dict[tuple[str, str], bytes]]


@dataclass(frozen=True)
class Message:
    """A record and its time."""

    time: int
    value: bytes


def messages(rng: random.Random, count: int, span: int) -> list[Message]:
    """Records over `span` ms in order of time, of two versions, some of them failures."""
    times = sorted(START + rng.randrange(span) for _ in range(count))
    return [
        Message(
            time,
            record(
                time,
                version=rng.choice("12"),
                latency_ms=rng.randrange(1, 500),
                error=rng.choice([None] * 9 + ["boom"]),
                features={"age": rng.randrange(15, 100), "country": rng.choice(["de", "fr", "es"])},
            ),
        )
        for time in times
    ]


def delayed(rng: random.Random, given: list[Message], most: int) -> list[Message]:
    """The messages in the order in which they arrive when each is delayed by up to `most` ms."""
    return sorted(given, key=lambda message: message.time + rng.uniform(0, most))


def ticks_of(rng: random.Random, partitions: list[list[Message]], largest: int) -> list[Tick]:
    """The ticks when partitions are read in batches of random size, in a random order."""
    fold = Fold((LAYOUT,), PANE, {LAYOUT.model: 16})
    close = Close(CloseConfig(LAYOUT, PANE, 16, 8_640), CloseState())
    at = [0] * len(partitions)
    ticks: list[Tick] = []
    while waiting := [p for p, given in enumerate(partitions) if at[p] < len(given)]:
        partition = rng.choice(waiting)
        values = [
            message.value for message in partitions[partition][at[partition] : at[partition] + rng.randint(1, largest)]
        ]
        at[partition] += len(values)
        ticks += _through(fold, close, partition, len(partitions), values)
    for partition in rng.sample(range(len(partitions)), len(partitions)):
        ticks += _through(fold, close, partition, len(partitions), [], ended=True)
    return ticks


def _through(
    fold: Fold, close: Close, partition: int, partitions: int, values: list[bytes], *, ended: bool = False
) -> list[Tick]:
    raw = batch(values, partition=partition, partitions=partitions, ended=ended, written=START + 86_400_000)
    return close([partial for _, partial in fold(DECODE(raw))])


def panes(ticks: list[Tick]) -> Panes:
    """What each pane with data holds, byte by byte."""
    return {tick.pane: {key: vector.tobytes() for key, vector in tick.groups.items()} for tick in ticks if tick.groups}


def by_hand(partitions: list[list[Message]]) -> tuple[Panes, int]:
    """Panes of the records that are in time, decoded and added up one by one, and how many are late."""
    expected: Panes = {}
    late = 0
    sums: Sketches = {}
    for given in partitions:
        flags = late_by_hand([message.time for message in given], LATENESS, PANE)
        late += sum(flags)
        for message, flag in zip(given, flags, strict=True):
            if flag:
                continue
            for name, one in Fold((LAYOUT,), PANE, {LAYOUT.model: 16})(DECODE(batch([message.value]))):
                assert name == "click"
                for key, vector in one.sketches.items():
                    sums[key] = vector if key not in sums else sums[key] + vector
    for (pane, version, segment), vector in sums.items():
        expected.setdefault(pane, {})[version, segment] = vector.tobytes()
    return expected, late


def test_a_thousand_shuffles_within_the_lateness_give_identical_panes() -> None:
    """Each record up to 5 s behind, in any order, any batches: the same panes to the last bit and nothing late."""
    rng = random.Random(1)
    given = messages(rng, 60, 25_000)
    expected, _ = by_hand([given])
    for _ in range(1_000):
        ticks = ticks_of(rng, [delayed(rng, given, LATENESS)], rng.choice([20, 60]))
        assert panes(ticks) == expected
        assert ticks[-1].totals.late == 0


def test_beyond_the_lateness_the_late_counter_is_exact() -> None:
    """Records up to 60 s behind over three partitions: panes and counter equal a simulation record by record."""
    rng = random.Random(2)
    total = 0
    for _ in range(25):
        given = messages(rng, 120, 120_000)
        partitions: list[list[Message]] = [[], [], []]
        for message in given:
            partitions[rng.randrange(3)].append(message)
        partitions = [delayed(rng, part, rng.choice([6_000, 20_000, 60_000])) for part in partitions]
        expected, late = by_hand(partitions)
        ticks = ticks_of(rng, partitions, rng.choice([3, 20, 60]))
        assert panes(ticks) == expected
        assert ticks[-1].totals.late == late
        served = sum(ticks[-1].totals.served.values()) + sum(ticks[-1].totals.failed.values())
        assert served + late == len(given)
        total += late
    assert total > 200, "the simulation made records late"


def test_batches_and_interleaving_do_not_change_a_tick() -> None:
    """The same partitions cut and interleaved at random, late records among them: tick for tick the same."""
    rng = random.Random(3)
    given = messages(rng, 600, 200_000)
    partitions: list[list[Message]] = [[], [], [], []]
    for message in given:
        partitions[rng.randrange(4)].append(message)
    partitions = [delayed(rng, part, 15_000) for part in partitions]
    first = ticks_of(rng, partitions, 1)
    for _ in range(15):
        again = ticks_of(rng, partitions, rng.choice([1, 10, 100, 600]))
        assert [tick.pane for tick in again] == [tick.pane for tick in first]
        assert panes(again) == panes(first)
        assert again[-1].totals == first[-1].totals


def test_a_partition_that_lags_an_hour_behind_makes_nothing_late() -> None:
    """One partition read to its end before another is begun: lateness is a matter of the own partition only."""
    rng = random.Random(4)
    given = messages(rng, 300, 3_600_000)
    partitions = [given[::2], given[1::2]]
    fold = Fold((LAYOUT,), PANE, {LAYOUT.model: 16})
    close = Close(CloseConfig(LAYOUT, PANE, 16, 8_640), CloseState())
    ticks = [
        tick
        for partition, part in enumerate(partitions)
        for tick in _through(fold, close, partition, 2, [message.value for message in part])
    ]
    for partition in range(2):
        ticks += _through(fold, close, partition, 2, [], ended=True)
    assert ticks[-1].totals.late == 0
    assert panes(ticks) == by_hand([given])[0]
