"""The part of the dataflow that pairs requests with their responses, where these are messages of their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import bytewax.operators as op

from operators.intake.halves import Halve
from operators.intake.pairs import Pairs, PairsConfig, PairsState, PairsTold
from operators.records import SHARDS, RawBatch, Topic
from operators.step import Stateful, only, per_name, values_to
from stream.metrics.exports import of_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bytewax.dataflow import Stream

    from operators.intake.decode import Decoded
    from operators.intake.halves import Chunk, Halved
    from operators.settings.event_time import TimeSettings
    from operators.settings.source import SourceSettings
    from stream.metrics.reports import Report
    from windows.watermark import Place

    Moved = Callable[[Topic, Place, int | None], None]


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
        op.flat_map("of_pairs", only("paired_told", made, PairsTold), values_to(of_pairs)),
    )


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
    return Stateful(logic, lambda: logic.state)


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
