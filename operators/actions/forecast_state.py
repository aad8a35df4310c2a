"""What is kept for the forecast of a model's need to be trained anew: levels, forecasts that wait, and scores."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from windows.need.level import Level, dynamics, usual_prior

if TYPE_CHECKING:
    from windows.need.learnt import Learnt
    from windows.need.level import Dynamics

MAX_FORECASTS = 128
"""Forecasts of one model that wait for what they are of; the oldest are given up beyond it."""
MAX_TRACKS = 3
"""Versions of one model whose levels are followed: the newest."""
BINS = 10
"""Of probabilities, for calibration."""

DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class NeedPlan:
    """What is forecast of one model; times in ms.

    Attributes:
        metric: the headline metric.
        rises: whether it is bad when it is high.
        loss: how much worse than in the version's first mature slices it must be, in its own unit.
        slice: length of one.
        slices: in one horizon.
        delay: age at which labels are mature.
        above: probability from which a retraining is asked for; None for never.
        lasts: how long it must have been so.
        learnt: what corrects the filter, and how far levels usually walk; None for nothing.
    """

    metric: str
    rises: bool
    loss: float
    slice: int
    slices: int
    delay: int
    above: float | None = None
    lasts: int = 0
    learnt: Learnt | None = None

    @property
    def key(self) -> tuple[str, float, int, int]:
        """What a state is of: with another it starts anew."""
        return self.metric, self.loss, self.slice, self.slices

    @property
    def moves(self) -> Dynamics:
        """How levels move."""
        usual = None if self.learnt is None else self.learnt.walk
        prior = None if usual is None else usual_prior(usual)
        return dynamics(self.loss, self.slices, self.slice / DAY, prior)

    @property
    def stride(self) -> int:
        """Every so manyeth slice has a forecast that is kept until it can be scored."""
        waiting = 2 * (self.slices + -(-self.delay // self.slice) + 2)
        return -(-waiting // MAX_FORECASTS)


@dataclass(slots=True)
class Track:
    """A version.

    Attributes:
        level: of the metric, bad when high.
        latest: index of the latest slice; -1 before the first.
        first: (sum of value times rows, rows, slices) of the first mature slices, until there are as many as in a
            horizon.
        recent: (index, value, rows) of the slices of the last horizon.
        coverage: share of the predictions of the latest slice that have a label.
    """

    level: Level = field(default_factory=Level)
    latest: int = -1
    first: tuple[float, int, int] = (0.0, 0, 0)
    recent: list[tuple[int, float, int]] = field(default_factory=list)
    coverage: float = 1.0

    def baseline(self, slices: int) -> float:
        """Mean of the first mature slices; NaN before there are enough."""
        total, rows, seen = self.first
        return total / rows if seen >= slices and rows else math.nan


@dataclass(frozen=True, slots=True)
class Forecast:
    """That was made and is not scored yet.

    Attributes:
        version: of the model.
        start: index of the first slice that it is of.
        chances: (source, probability).
    """

    version: str
    start: int
    chances: tuple[tuple[str, float], ...]


@dataclass(slots=True)
class Score:
    """Of one source of probabilities.

    Attributes:
        count: forecasts that were scored.
        happened: of them, those whose loss came.
        squares: sum of (probability - outcome)^2.
        bins: (forecasts, sum of probabilities, losses that came) by probability.
    """

    count: int = 0
    happened: int = 0
    squares: float = 0.0
    bins: list[tuple[int, float, int]] = field(default_factory=lambda: [(0, 0.0, 0)] * BINS)

    def take(self, chance: float, *, happened: bool) -> None:
        """One more."""
        self.count += 1
        self.happened += happened
        self.squares += (chance - happened) ** 2
        at = min(int(chance * BINS), BINS - 1)
        count, total, came = self.bins[at]
        self.bins[at] = (count + 1, total + chance, came + happened)

    @property
    def brier(self) -> float:
        """Mean square of what was wrong: Brier (1950); NaN before the first."""
        return self.squares / self.count if self.count else math.nan

    @property
    def base(self) -> float:
        """The same of whoever always says the share of losses that came."""
        share = self.happened / self.count if self.count else math.nan
        return share * (1 - share)

    @property
    def miscalibrated(self) -> float:
        """Mean distance, over bins, of what was said from what came; NaN before the first."""
        return sum(abs(total - came) for _, total, came in self.bins) / self.count if self.count else math.nan

    def copy(self) -> Score:
        """As it is now."""
        return Score(self.count, self.happened, self.squares, list(self.bins))


@dataclass(frozen=True, slots=True)
class Chance:
    """The latest forecast of a version: P(need), what it is from, and when (ms) it was made."""

    version: str
    value: float
    source: str
    at: int


@dataclass(slots=True)
class NeedState:
    """What is kept of a model.

    Attributes:
        of: the key of its plan.
        tracks: by version.
        waiting: forecasts that are not scored yet, the oldest first.
        latest: by version.
        scores: by source.
        censored: forecasts that could never be scored: their version served no more, or there was no room.
        since: version -> when (ms) its probability went above the limit and stayed there.
    """

    of: tuple[str, float, int, int] | None = None
    tracks: dict[str, Track] = field(default_factory=dict)
    waiting: list[Forecast] = field(default_factory=list)
    latest: dict[str, Chance] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)
    censored: int = 0
    since: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NeedTold:
    """What is shown: the latest forecasts, and how good those before were."""

    latest: tuple[Chance, ...]
    scores: dict[str, Score]
    censored: int
    waiting: int


@dataclass(frozen=True, slots=True)
class NeedRow:
    """A number of a forecast for evaluations.

    Attributes:
        model: its name.
        version: of the model.
        metric: retrain_probability, retrain_input, retrain_outcome or retrain_outcome_delay_s.
        name: source of a probability, or name of an input; "" for others.
        value: of it.
        start: of the horizon, ms.
        end: likewise.
        rows: predictions with a label that the version has had in the latest slices.
        reason: a sentence.
    """

    model: str
    version: str
    metric: str
    name: str
    value: float
    start: int
    end: int
    rows: int
    reason: str
