"""LabelStall: labels stopped coming while predictions go on. Quality is then unknown, not bad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.cohort_tick import NEVER
from operators.findings import Finding, WindowSpan

if TYPE_CHECKING:
    from operators.cohort_measures import CohortMeasures


@dataclass(frozen=True, slots=True)
class StallConfig:
    """How long (ms) without a label is a stall, and how long labels take when all is well."""

    after: int
    delay: int


def stalled(config: StallConfig, measures: CohortMeasures, *, before: bool) -> bool:
    """Whether labels have stopped. Begins only while predictions go on; ends only with a label.

    Where no label ever came, the time counts from a label delay after the start: until then none could have come.
    """
    silence = silence_of(config, measures)
    if silence < config.after:
        return False
    goes_on = measures.last_prediction != NEVER and measures.end - measures.last_prediction < config.after
    return before or goes_on


def silence_of(config: StallConfig, measures: CohortMeasures) -> int:
    """How long (ms) a label has been due and has not come."""
    never = measures.last_feedback == NEVER
    return measures.end - (measures.started + config.delay if never else measures.last_feedback)


def stall_finding(config: StallConfig, measures: CohortMeasures) -> Finding:
    """The finding while labels are stopped. Its samples are the labels that ever came."""
    silence = silence_of(config, measures) / 1e3
    return Finding(
        alert="LabelStall",
        monitor="performance.label_stall",
        version="",
        segment="",
        level=2,
        feature="",
        metric="label_age_s",
        value=silence,
        lower=silence,
        upper=silence,
        threshold=config.after / 1e3,
        falling=False,
        samples=sum(measures.totals.feedback.values()),
        window=WindowSpan(config.after, measures.end - config.after, measures.end),
    )
