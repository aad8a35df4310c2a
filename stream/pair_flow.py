"""The part of the dataflow that pairs requests with their responses, where these are messages of their own."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import bytewax.operators as op

from operators.intake.halves import Halve
from operators.intake.pairs import ALONE, FULL, REQUEST, RESPONSE, Pairs, PairsConfig, PairsState, PairsTold
from operators.records import SHARDS, RawBatch, Topic
from operators.step import Stateful, only, per_name, values_to
from stream.metrics.exports import of_pairs
from stream.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bytewax.dataflow import Stream

    from operators.intake.decode import Decoded
    from operators.intake.halves import Chunk, Halved
    from operators.settings.event_time import TimeSettings
    from operators.settings.source import SourceSettings
    from stream.metrics.reports import Report
    from windows.watermark import Place

    Moved = Callable[[Topic, Place, int | None], None]


EVERY = 600.0
"""Seconds in which the same is said once of a topic."""

LEAST, MEMORY = 100, 10_000
"""Of so many records at least is told how many stay alone; after so many it is counted anew."""

MANY = 0.2
"""The share of records with one half alone that is worth a word."""

PAIRED = "paired"

_LOG = logging.getLogger("driftgauge.monitor")


@dataclass(frozen=True, slots=True)
class PairFlow:
    """What comes out: messages with both halves (or one alone), what became of messages that are none, reports."""

    batches: Stream[RawBatch]
    rest: Stream[Decoded]
    reports: Stream[Report]


def pair_flow(
    entering: Stream[RawBatch], sources: Mapping[int, SourceSettings], time: TimeSettings, moved: Moved | None
) -> PairFlow:
    """Pair what comes from these sources; `moved` is told how far each partition has come."""
    halved = op.map("halve", entering, _halving(sources, time, moved))
    config = pairs_config(sources, time)
    made = per_name("pair", op.flat_map("halves", halved, _chunks), partial(pairs_step, config=config))
    return PairFlow(
        op.map("pairs", only("paired", made, RawBatch), _value),
        op.map("no_halves", halved, _rest),
        op.flat_map("of_pairs", only("paired_told", made, PairsTold), values_to(Telling(of_pairs))),
    )


class Telling:
    """Says in the log that many halves stay alone, and that some were let go because too many wait.

    Args:
        reports: what the counts become.
    """

    def __init__(self, reports: Callable[[PairsTold], Iterable[Report]]) -> None:
        self._reports = reports
        self._before: dict[int, Counter[tuple[str, str, str]]] = {}
        self._lately: Counter[tuple[str, str, str]] = Counter()
        self._throttle = Throttle(EVERY)

    def __call__(self, told: PairsTold) -> Iterable[Report]:
        """The reports of one shard's counts."""
        now = Counter({(topic, "", PAIRED): count for topic, count in told.pairs.items()}) + Counter(told.alone)
        if told.shard in self._before:  # what was counted before a restart was told then
            self._lately += now - self._before[told.shard]
        self._before[told.shard] = now
        for topic in {topic for topic, _, _ in self._lately}:
            self._tell(topic)
        return self._reports(told)

    def _tell(self, topic: str) -> None:
        mine = {key[1:]: count for key, count in self._lately.items() if key[0] == topic}
        full = sum(count for (_, reason), count in mine.items() if reason == FULL)
        alone = {half: mine.get((half, ALONE), 0) for half in (REQUEST, RESPONSE)}
        if full and self._throttle.due((topic, FULL)):
            _LOG.warning("%s: %d requests or responses count alone, for more than pair.most wait", topic, full)
        many = sum(alone.values()) > MANY * sum(mine.values())
        if sum(mine.values()) >= LEAST and many and self._throttle.due((topic, ALONE)):
            said = " and ".join(f"{count} {half}s" for half, count in alone.items() if count)
            _LOG.warning("%s: of the latest %d, %s stay without their other half", topic, sum(mine.values()), said)
        if sum(mine.values()) >= MEMORY:
            self._lately = Counter({key: count for key, count in self._lately.items() if key[0] != topic})


def pairs_config(sources: Mapping[int, SourceSettings], time: TimeSettings) -> PairsConfig:
    """How the halves of these sources are paired."""
    found = {number: source.pairing for number, source in sources.items() if source.in_halves}
    waits = {number: pairing.wait for number, pairing in found.items()}
    most = max((pairing.most for pairing in found.values()), default=0)
    return PairsConfig(time.pane, waits, max(most // SHARDS, 1))


def pairs_step(
    name: str, state: PairsState | None, *, config: PairsConfig
) -> Stateful[Chunk, RawBatch | PairsTold, PairsState]:
    """Pairs the halves of one shard."""
    logic = Pairs(config, int(name), state or PairsState())
    return Stateful(logic, lambda: logic.saved)


def _halving(
    sources: Mapping[int, SourceSettings], time: TimeSettings, moved: Moved | None
) -> Callable[[RawBatch], Halved]:
    halve = Halve(sources, time.lateness, time.max_ahead)
    if moved is None:
        return halve

    def halving(batch: RawBatch) -> Halved:
        halved = halve(batch)
        floor = halved.chunks[0][1].floor
        moved(Topic.PREDICTIONS, batch.origin.place, None if floor is None else floor // time.pane)
        return halved

    return halving


def _chunks(halved: Halved) -> list[tuple[str, Chunk]]:
    return halved.chunks


def _rest(halved: Halved) -> Decoded:
    return halved.rest


def _value(item: tuple[str, RawBatch]) -> RawBatch:
    return item[1]
