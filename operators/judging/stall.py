"""LabelStall: labels stopped coming while predictions go on. Quality is then unknown, not bad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.findings import Finding, WindowSpan
from operators.join.ticks import NEVER

if TYPE_CHECKING:
    from operators.cohorts.measures import CohortMeasures


@dataclass(frozen=True, slots=True)
class StallConfig:
    """How long (ms) without a label is a stall, and how long labels take when all is well."""

    after: int
    delay: int


@dataclass(slots=True)
class StallState:
    """Whether labels have stopped, whether predictions have, and when these last began, ms; NEVER before the start.

    `matched` is when a label last found its prediction (ms), `heard` how many feedback records had come by then.
    """

    stalled: bool = False
    paused: bool = False
    serving: int = NEVER
    matched: int = NEVER
    heard: int = 0


def watch(config: StallConfig, state: StallState, measures: CohortMeasures) -> Finding | None:
    """The finding while labels have stopped. Begins only while predictions go on; ends only with a label.

    Where no label came since predictions began, at first or after a pause, the time counts from a label delay after
    that: until then none could have come.
    """
    latest = measures.last_prediction
    goes_on = latest != NEVER and measures.end - latest < config.after
    if state.serving == NEVER:
        state.serving = measures.started
    elif state.paused and goes_on:
        state.serving = latest
    state.paused = not goes_on
    due = measures.last_feedback if measures.last_feedback >= state.serving else state.serving + config.delay
    silence = measures.end - due
    if measures.last_feedback != state.matched:
        state.matched, state.heard = measures.last_feedback, measures.heard
    state.stalled = silence >= config.after and (state.stalled or goes_on)
    return _finding(config, measures, silence, measures.heard - state.heard) if state.stalled else None


def _finding(config: StallConfig, measures: CohortMeasures, silence: int, useless: int) -> Finding:
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
        threshold=config.after / 1e3,
        falling=False,
        samples=useless,
        window=WindowSpan(config.after, measures.end - config.after, measures.end),
    )
