"""Canary: a new version beside the one that it is to replace, slice by slice of mature cohorts.

Of every slice in which both served, each value of a segment key is a stratum, and what has none is another. Sums over
slices are all that is kept (`windows.statistics.stratified`), with the counts of both arms for an interval of
independent samples: the wider of the two counts. Looks are at slices that grow by a tenth each, so that two weeks are
some fifty looks, not thousands; each bound is at the level of all others of the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from operators.actions.inputs import CanaryReading
from operators.settings.metrics import BETTER
from windows.outcomes.difference import difference
from windows.outcomes.metrics import task_metrics
from windows.segments import WHOLE, segment_name
from windows.statistics.stratified import Stratified, weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operators.settings.model import ModelSettings
    from windows.arrays import IntArray
    from windows.cohort_ring import CohortRing, PackedSigned
    from windows.outcomes.layout import TaskLayout
    from windows.ring import Key

FEWEST_SLICES = 50
"""Slices in which both must have served before anything is said of them."""

GROWTH = 1.1
"""From one look to the next the slices grow by this factor."""

NEVER = -1


@dataclass(frozen=True, slots=True)
class CanaryConfig:
    """Of one model.

    Attributes:
        metric: that versions are compared by.
        strata: segments that are compared one by one within a slice; empty for the whole alone.
        longest: how long (ms) a pair is compared.
    """

    metric: str
    strata: frozenset[str]
    longest: int


def canary_config(model: ModelSettings, segments: Iterable[tuple[str, Iterable[str]]]) -> CanaryConfig | None:
    """What a model's settings say, with the values of its segment keys; None where they say nothing."""
    canary = model.canary
    if canary is None:
        return None
    by = canary.by or (model.segments[0] if model.segments else None)
    names = (segment_name(key, value) for key, values in segments for value in values if key == by)
    return CanaryConfig(canary.metric, frozenset(names), canary.most)


@dataclass(slots=True)
class PairState:
    """A new version and its champion.

    Attributes:
        candidate: the new one.
        champion: the other.
        since: when both served first, ms.
        look: slices at which the next look is.
        sums: over slices, of how much better the new one is.
        arms: int64[2, size], the counts of both over the slices that are in `sums`; None before the first.
        served: predictions of both.
    """

    candidate: str
    champion: str
    since: int
    look: int = FEWEST_SLICES
    sums: Stratified = field(default_factory=Stratified)
    arms: IntArray | None = None
    served: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class CanaryState:
    """What is kept of a model.

    Attributes:
        pair: that is compared; None where there is none.
        until: end of the latest slice that was taken, ms; NEVER.
        past: versions that were compared for as long as may be.
    """

    pair: PairState | None = None
    until: int = NEVER
    past: set[str] = field(default_factory=set)


class Canary:
    """Compares the newest version of a model with the one that it is to replace."""

    def __init__(self, config: CanaryConfig, layout: TaskLayout, alpha: float, state: CanaryState) -> None:
        """Continue from `state`; every bound is at level `alpha`."""
        self.config = config
        self.layout = layout
        self.alpha = alpha
        self.state = state
        self._sign = -1.0 if BETTER[config.metric] == "low" else 1.0

    def __call__(self, ring: CohortRing, slide: int, end: int, first: Mapping[str, int]) -> CanaryReading | None:
        """Take the slices that are mature by `end` (ms); the latest look among them.

        Args:
            ring: of slices.
            slide: length of one, ms.
            end: all before it is mature.
            first: version -> its first cohort, ms.
        """
        state = self.state
        begin = end // slide - 1 if state.until == NEVER else state.until // slide
        state.until = max(end, state.until)
        state.past &= first.keys()
        found = None
        for index in range(max(begin, ring.oldest), end // slide):
            slices = ring.slices.get(index, {})
            self._choose(slices, index * slide, first)
            if state.pair is not None:
                found = self._take(state.pair, slices, (index + 1) * slide) or found
        return found

    def _choose(self, groups: Mapping[Key, PackedSigned], start: int, first: Mapping[str, int]) -> None:
        """Begin with a version that is new in this slice, beside the older one that serves most in it."""
        state, layout = self.state, self.layout
        traffic = {
            version: int(packed.unpack()[layout.predictions])
            for (version, segment), packed in groups.items()
            if segment == WHOLE
        }
        served = {version: count for version, count in traffic.items() if count > 0 and version in first}
        if not served:
            return
        newest = max(served, key=lambda name: (first[name], name))
        if newest in state.past or (state.pair is not None and newest == state.pair.candidate):
            return
        older = [name for name in served if first[name] < first[newest]]
        is_newer = state.pair is None or first[newest] > first.get(state.pair.candidate, NEVER)
        if older and is_newer:
            champion = max(older, key=lambda name: (served[name], name))
            state.pair = PairState(newest, champion, start)

    def _take(self, pair: PairState, groups: Mapping[Key, PackedSigned], end: int) -> CanaryReading | None:
        """A slice of a pair; a reading where it is time for a look."""
        arms = [self._strata(groups, version) for version in (pair.candidate, pair.champion)]
        wholes = [np.stack([*vectors.values()]).sum(axis=0) if vectors else None for vectors in arms]
        counts = [0 if whole is None else int(whole[self.layout.predictions]) for whole in wholes]
        pair.served = pair.served[0] + counts[0], pair.served[1] + counts[1]
        if self._add(pair, *arms):
            both = np.stack([whole for whole in wholes if whole is not None])
            pair.arms = both if pair.arms is None else pair.arms + both
        over = end - pair.since >= self.config.longest
        if not over and pair.sums.slices < pair.look:
            return None
        while pair.look <= pair.sums.slices:
            pair.look = math.ceil(pair.look * GROWTH)
        if over:
            self.state.past.add(pair.candidate)
            self.state.pair = None
        return self._reading(pair, end, over=over)

    def _strata(self, groups: Mapping[Key, PackedSigned], version: str) -> dict[str, IntArray]:
        """The counts of a version by stratum; "" for what has no value of the key, or for the whole."""
        packed = groups.get((version, WHOLE))
        if packed is None:
            return {}
        found = {WHOLE: packed.unpack()}
        for (name, segment), part in groups.items():
            if name == version and segment in self.config.strata:
                found[segment] = part.unpack()
                found[WHOLE] = found[WHOLE] - found[segment]
        return found

    def _add(self, pair: PairState, candidate: dict[str, IntArray], champion: dict[str, IntArray]) -> bool:
        """Take the strata of a slice that both served; whether there are any."""
        common = sorted(candidate.keys() & champion.keys())
        if not common:
            return False
        vectors = np.stack([arm[segment] for arm in (candidate, champion) for segment in common])
        found = task_metrics(self.layout, vectors, 0.5, (self.config.metric,))[self.config.metric]
        value, rows = found.value.reshape(2, -1), np.where(np.isnan(found.value), 0, found.samples).reshape(2, -1)
        return pair.sums.add(weights(*rows.astype(np.float64)), self._sign * (value[0] - value[1]))

    def _reading(self, pair: PairState, end: int, *, over: bool) -> CanaryReading:
        """The wider of the interval over slices and that of independent rows, about the value over strata."""
        gain, below = pair.sums.value, pair.sums.half(self.alpha)
        above, samples = below, (0, 0)
        if pair.arms is not None:
            name = self.config.metric
            apart = difference(self.layout, pair.arms[:1], pair.arms[1:], self.alpha, (name,))[name]
            gaps = float((apart.value - apart.lower)[0]), float((apart.upper - apart.value)[0])
            low, high = gaps if self._sign > 0 else gaps[::-1]
            below, above = max(below, low), max(above, high)
            rows = task_metrics(self.layout, pair.arms, 0.5, (name,))[name].samples
            samples = int(rows[0]), int(rows[1])
        return CanaryReading(
            pair.candidate,
            pair.champion,
            self.config.metric,
            pair.since,
            end,
            pair.sums.slices,
            gain,
            gain - below,
            gain + above,
            samples,
            pair.served,
            over,
        )
