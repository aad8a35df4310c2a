"""A finding: one breach that stands, with the evidence it stands on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

MAX_WEIGHT = 1e6
"""However far the evidence is past a limit of 0."""


class Source(StrEnum):
    """What findings come from, each with a clock of its own; of two that end together, the later one here ends last."""

    PREDICTIONS = "predictions"
    LABELS = "labels"
    ACTIONS = "actions"


@dataclass(frozen=True, slots=True)
class WindowSpan:
    """Size, start and end of a window, ms."""

    size: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach.

    Attributes:
        alert: the alert kind it feeds.
        monitor: the rule that found it.
        version: version of the model; "" for the model as such.
        segment: "" for the whole.
        level: 1 minor, 2 major.
        feature: "" where no feature is concerned.
        metric: what was measured.
        value: measured at the latest breach; likewise lower, upper (interval), samples and window.
        lower: see value.
        upper: see value.
        threshold: the limit of this level.
        falling: True when values below the threshold are the breach.
        samples: see value.
        window: see value.
        baseline: what the value was compared with; NaN where it is no comparison.
        against: what that was, for people: "the 14d before".
        partner: the feature that no longer goes with this one; "" where that is not known.
        trailing: whether it is a change since what came before, and not a distance from the reference.
        coverage: share of the predictions behind the value that have a label; NaN where labels play no part.
        detail: what may be behind it, in words; "" where that is not known.
    """

    alert: str
    monitor: str
    version: str
    segment: str
    level: int
    feature: str
    metric: str
    value: float
    lower: float
    upper: float
    threshold: float
    falling: bool
    samples: int
    window: WindowSpan
    baseline: float = math.nan
    against: str = ""
    coverage: float = math.nan
    partner: str = ""
    trailing: bool = False
    detail: str = ""

    @property
    def subject(self) -> str:
        """What is to blame, as far as an alert tells it apart: a feature, the predictions as such (""), or a metric.

        A change since before is another thing to know of a feature than that it is far from the reference.
        """
        if self.trailing:
            return f"{self.feature} beside {self.against}"
        return self.feature if self.feature or self.alert == "PredictionDrift" else self.metric

    @property
    def strength(self) -> float:
        """How far the evidence is past the threshold, as a ratio: what causes are ranked by. 1 is just past."""
        bound = self.upper if self.falling else self.lower
        worse, limit = (self.threshold, bound) if self.falling else (bound, self.threshold)
        return worse / limit if limit > 0 else float("inf")

    @property
    def weight(self) -> float:
        """The strength, with a cap for limits of 0: what shares of evidence are of."""
        return min(self.strength, MAX_WEIGHT)
