"""P(need): the probability that the headline metric will be worse by the loss that matters, over the horizon to come.

Worse than in the version's own first mature slices, as the mean over (t, t + horizon] will be measured once its labels
are mature. Every forecast is scored when that is known; one whose version does not serve through its horizon is
censored, and counted. A new version starts a level of its own.
"""

from __future__ import annotations

import math
from dataclasses import fields
from itertools import groupby
from typing import TYPE_CHECKING

from operators.actions.forecast_state import (
    MAX_FORECASTS,
    MAX_TRACKS,
    Chance,
    Forecast,
    NeedRow,
    NeedState,
    NeedTold,
    Score,
    Track,
)
from operators.actions.need_inputs import inputs_of, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from operators.actions.forecast_state import NeedPlan
    from operators.actions.inputs import Fact, MetricSlice, NeedReading

DEFAULT = "default"
"""Probabilities of the filter alone."""

LEARNT = "learnt"
"""Probabilities of the filter, corrected by what was learnt."""

SERVED = 0.9
"""Share of its horizon's slices in which a version must have served for a forecast to be scored."""


class Need:
    """Forecasts of one model."""

    def __init__(self, plan: NeedPlan, state: NeedState, model: str = "") -> None:
        """Continue from `state`; one of another plan starts anew."""
        self.model = model
        self.plan = plan
        self.moves = plan.moves
        if state.of != plan.key:
            _restart(state, plan)
        self.state = state

    def take(self, reading: NeedReading, now: int, facts: Sequence[Fact] = ()) -> list[NeedRow]:
        """Take slices that became mature; score what they decide, and forecast anew.

        Args:
            reading: the slices.
            now: ms.
            facts: alerts that fire.

        Returns:
            what evaluations are told.
        """
        end = reading.end // self.plan.slice
        rows: list[NeedRow] = []
        for start, slices in groupby(reading.slices, key=lambda one: one.start):
            self._observe(start // self.plan.slice, slices)
            rows += self._score(start // self.plan.slice + 1, now)
        rows += self._score(end, now)
        return [*rows, *self._forecast(end, now, facts)]

    def told(self) -> NeedTold:
        """What is shown."""
        state = self.state
        latest = tuple(state.latest[version] for version in sorted(state.latest))
        scores = {source: score.copy() for source, score in state.scores.items()}
        return NeedTold(latest, scores, state.censored, len(state.waiting))

    def _observe(self, index: int, slices: Iterable[MetricSlice]) -> None:
        state, plan = self.state, self.plan
        for one in slices:
            track = state.tracks.setdefault(one.version, Track())
            value = one.value if plan.rises else -one.value
            track.level.take(self.moves, value, one.variance, index - track.latest)
            track.latest, track.coverage = index, one.coverage
            total, rows, seen = track.first
            if seen < plan.slices:
                track.first = (total + value * one.rows, rows + one.rows, seen + 1)
            track.recent = [*(old for old in track.recent if old[0] > index - plan.slices), (index, value, one.rows)]
        newest = sorted(state.tracks, key=lambda name: (state.tracks[name].latest, name))[-MAX_TRACKS:]
        state.tracks = {name: track for name, track in state.tracks.items() if name in newest}

    def _score(self, end: int, now: int) -> list[NeedRow]:
        """Score forecasts whose horizon is over when all slices before `end` are mature."""
        state, slices, rows = self.state, self.plan.slices, []
        due = [one for one in state.waiting if one.start + slices <= end]
        state.waiting = [one for one in state.waiting if one.start + slices > end]
        for one in due:
            came = self._came(one)
            if came is None:
                state.censored += 1
                continue
            for source, chance in one.chances:
                state.scores.setdefault(source, Score()).take(chance, happened=came)
            said = "the loss came" if came else "the loss did not come"
            late = (now - (one.start + slices) * self.plan.slice) / 1e3
            rows.append(self._row(one.version, one.start, "retrain_outcome", "", float(came), said))
            rows.append(self._row(one.version, one.start, "retrain_outcome_delay_s", "", late, "when that was known"))
        return rows

    def _came(self, forecast: Forecast) -> bool | None:
        """Whether the loss came; None where the version did not serve through the horizon."""
        track, slices = self.state.tracks.get(forecast.version), self.plan.slices
        if track is None:
            return None
        span = range(forecast.start, forecast.start + slices)
        within = [(value, rows) for index, value, rows in track.recent if index in span]
        rows = sum(count for _, count in within)
        if len(within) < SERVED * slices or not rows:
            return None
        mean = sum(value * count for value, count in within) / rows
        return mean >= track.baseline(slices) + self.plan.loss

    def _forecast(self, end: int, now: int, facts: Sequence[Fact]) -> list[NeedRow]:
        state, plan, rows = self.state, self.plan, []
        start = max(-(-now // plan.slice), end)
        fresh = {name: one for name, one in state.tracks.items() if end - one.latest <= plan.slices}
        known = {(one.version, one.start) for one in state.waiting}
        state.latest = {}
        for version, track in sorted(fresh.items()):
            base = track.baseline(plan.slices)
            if math.isnan(base):
                continue
            gap = start - track.latest - 1
            value = track.level.beyond(self.moves, base + plan.loss, base, gap, plan.slices)
            mine = (fact for fact in facts if fact.version in {"", version})
            inputs = inputs_of(plan, self.moves, track, value, mine)
            chances = {DEFAULT: value}
            if plan.learnt is not None and plan.learnt.used:
                chances[LEARNT] = plan.learnt.chance(value, inputs)
            source, said = list(chances.items())[-1]
            state.latest[version] = Chance(version, said, source, now)
            if start % plan.stride or (version, start) in known:
                continue
            state.waiting.append(Forecast(version, start, tuple(chances.items())))
            words = words_of(plan, self.moves, track, gap)
            rows += [self._row(version, start, "retrain_probability", *one, words) for one in chances.items()]
            rows += [self._row(version, start, "retrain_input", *one, "known at the time") for one in inputs.items()]
        state.censored += max(len(state.waiting) - MAX_FORECASTS, 0)
        del state.waiting[:-MAX_FORECASTS]
        self._stands(now)
        return rows

    def _row(self, version: str, start: int, metric: str, name: str, value: float, reason: str) -> NeedRow:
        length = self.plan.slice
        track = self.state.tracks.get(version)
        rows = 0 if track is None else sum(count for *_, count in track.recent)
        end = (start + self.plan.slices) * length
        return NeedRow(self.model, version, metric, name, value, start * length, end, rows, reason)

    def _stands(self, now: int) -> None:
        """Since when each version's probability is above the limit."""
        above, since = self.plan.above, self.state.since
        standing = {name for name, one in self.state.latest.items() if above is not None and one.value >= above}
        self.state.since = {name: since.get(name, now) for name in sorted(standing)}


def key_of(version: str, since: int) -> str:
    """What tells one stay above the limit from all others."""
    return f"need {version}@{since}"


def keys_of(state: NeedState) -> Iterator[str]:
    """Keys of all that stand."""
    return (key_of(version, since) for version, since in state.since.items())


def _restart(state: NeedState, plan: NeedPlan) -> None:
    """Forget all that is of another plan."""
    fresh = NeedState(of=plan.key)
    for one in fields(NeedState):
        setattr(state, one.name, getattr(fresh, one.name))
