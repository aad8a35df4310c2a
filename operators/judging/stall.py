"""LabelStall: labels stopped coming while predictions go on. Quality is then unknown, not bad."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from operators.findings import Finding, WindowSpan
from operators.join.ticks import NEVER
from operators.join.unmatched import why_unmatched
from windows.statistics.gaps import LIVE, Gaps

if TYPE_CHECKING:
    from operators.cohorts.measures import CohortMeasures


STALLS_A_MONTH = 0.05
"""False alarms a month of a model whose labels' own gaps say how long is a stall."""


UNKNOWN = 7 * 86_400_000
"""While fewer than LIVE gaps are known, a silence (ms) that is a stall whatever they make likely."""

AWAITED = 50
"""Mean gaps of predictions that go by before the first label is missed."""


@dataclass(frozen=True, slots=True)
class StallConfig:
    """How long (ms) without a label is a stall, and how long labels take when all is well.

    With a `budget` (false alarms a month) it takes longer where the labels' own gaps do: where they are few, or come in
    batches, `after` is over many a time in a month; before the first label, where the predictions do, since labels come
    no more often. None where the user has said how long.
    """

    after: int
    delay: int
    budget: float | None = None


@dataclass(slots=True)
class StallState:
    """Whether labels have stopped, whether predictions have, and when these last began, ms; NEVER before the start.

    `matched` is when a label last found its prediction (ms), `heard` how many feedback records had come by then.
    `gaps` are those of labels; of predictions before the first label.
    """

    stalled: bool = False
    paused: bool = False
    serving: int = NEVER
    matched: int = NEVER
    heard: int = 0
    gaps: Gaps = field(default_factory=Gaps)


def watch(config: StallConfig, state: StallState, measures: CohortMeasures) -> Finding | None:
    """The finding while labels have stopped. Begins only while predictions go on; ends only with a label.

    Where no label came since predictions began, at first or after a pause, the time counts from a label delay after
    that: until then none could have come.
    """
    latest, limit = measures.last_prediction, _limit(config, state)
    goes_on = latest != NEVER and measures.end - latest < limit
    if state.serving == NEVER:
        state.serving = measures.started
    elif state.paused and goes_on:
        state.serving = latest
    state.paused = not goes_on
    due = measures.last_feedback if measures.last_feedback >= state.serving else state.serving + config.delay
    silence = measures.end - due
    if measures.last_feedback != state.matched:
        if state.matched == NEVER:
            state.gaps = Gaps(state.serving, max(state.serving, measures.last_feedback))
        else:
            state.gaps.see(measures.last_feedback, measures.last_feedback + 1)
        state.matched, state.heard = measures.last_feedback, measures.heard
    elif state.matched == NEVER and latest != NEVER and not state.stalled:
        state.gaps.see(latest, latest + 1)
    state.stalled = silence >= limit and (state.stalled or goes_on)
    return _finding(limit, measures, silence, measures.heard - state.heard) if state.stalled else None


def _limit(config: StallConfig, state: StallState) -> int:
    """How long (ms) is a stall, by what is known of the gaps so far."""
    if config.budget is None:
        return config.after
    gaps = state.gaps
    if gaps.first is None or gaps.count == 0:
        return max(config.after, UNKNOWN)
    likely = math.ceil(gaps.limit(config.budget))
    if state.matched == NEVER:
        likely = min(max(likely, AWAITED * (gaps.last - gaps.first) // gaps.count), UNKNOWN)
    return max(config.after, likely if gaps.count >= LIVE else min(likely, UNKNOWN))


def _finding(limit: int, measures: CohortMeasures, silence: int, useless: int) -> Finding:
    """Its samples are the feedback records that came since a label last found its prediction."""
    seconds = silence / 1e3
    return Finding(
        alert="LabelStall",
        monitor="performance.label_stall",
        version="",
        segment="",
        level=2,
        feature="",
        metric="label_age_s",
        value=seconds,
        lower=seconds,
        upper=seconds,
        threshold=limit / 1e3,
        falling=False,
        samples=useless,
        window=WindowSpan(limit, measures.end - limit, measures.end),
        detail=why_unmatched(measures.totals) if useless else "",
    )
