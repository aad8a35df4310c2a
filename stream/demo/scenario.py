"""What the demo plays: normal traffic, one feature that moves, labels, and a few records that no good service sends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stream.demo.click_model import click_probability
from stream.simulate.feedback import FeedbackOptions, FeedbackTraffic
from stream.simulate.generator import Generator
from stream.simulate.labels import BinaryLabels
from stream.simulate.shifts import Shift
from stream.view.quality import Watched

if TYPE_CHECKING:
    from stream.simulate.traffic import Traffic
    from windows.references.reference import Reference

RATE = 4_000.0
"""Predictions a second: the embedded broker keeps some 14 s of them, so a slow start loses nothing."""

VERSION = "7"
SHIFT = Shift("mean", "relevance", 0.8)
"""More clicks, and less certain ones: the model stays calibrated and gets less accurate."""
SHIFT_TEXT = "is up by 0.8 standard deviations, about 0.13 on a mean of 0.29"
PANE = 2_000
"""ms, as in CONFIG."""
SHOWN_METRIC, SHOWN_WINDOW = "psi", "10s"
"""What the bars show."""
ERROR_RATE = 0.001
LATE = (0.0005, 10_000)
"""Share of predictions that come too late, and by how many ms."""
BROKEN_EVERY = 5_000
"""One record in so many is cut off in the middle."""

LABELS = FeedbackOptions(ratio=0.4, delay=1_200, spread=0.35, duplicates=0.005, revisions=0.005)
"""Nearly all labels are there after 3 s, which is what CONFIG waits for."""
WATCHED = Watched("accuracy", "10s", 0.02)
"""What is shown as estimated and by labels; its limit is that of CONFIG."""

FIRST, LASTS, PERIOD = 10.0, 20.0, 80.0
"""Seconds from the first prediction to the shift, that it lasts, and from one to the next."""

CONFIG = """\
# What `driftgauge demo` runs on. Times are about five times shorter than the defaults, to be worth watching.
kafka: {{brokers: "{brokers}", start: earliest}}
state: {{directory: state}}
http: {{listen: "{listen}"}}
time: {{pane: 2s, lateness: 1s}}
alerting: {{resolve_after: 2s}}
models:
  - name: click
    task: binary
    reference: click.reference.json
    drift: {{windows: [2s, 10s]}}
    prediction: {{windows: [2s, 10s]}}
    quality: {{windows: [10s]}}
    performance: {{windows: [10s], label_delay: 3s, wait: 5s, accuracy: {{baseline: reference, max_drop: 0.02}}}}
    retrain: {{schedule: null, drift: {{level: major, for: 0s}}}}
    sla:
      latency_p99_ms: {{objective: "< 100", window: 10s}}
      availability: {{objective: ">= 0.99", window: 10s}}
"""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the feature is shifted, in seconds of traffic: from `first` on for `lasts`, and again every `period`."""

    first: float = FIRST
    lasts: float = LASTS
    period: float = PERIOD

    @classmethod
    def within(cls, duration: float | None) -> Schedule:
        """The usual schedule, with an earlier shift in a short demo so that there is time to notice."""
        return cls() if duration is None else cls(first=min(FIRST, duration / 3))

    def shifted(self, seconds: float) -> bool:
        """Whether the feature is shifted then."""
        return seconds >= self.first and (seconds - self.first) % self.period < self.lasts

    def next_change(self, seconds: float) -> float:
        """When it next begins or ends."""
        if seconds < self.first:
            return self.first
        rounds, within = divmod(seconds - self.first, self.period)
        return self.first + rounds * self.period + (self.lasts if within < self.lasts else self.period)


class DemoTraffic(Generator):
    """The generator, with a shift that comes and goes, and with broken records in between.

    Scores are what the click model makes of the features, and labels come with just that probability: the world moves,
    and what the model has learned of it still holds.

    Attributes:
        began: event time (ms) of the first prediction; None before it.
        changes: event times (ms) at which the shift came or went, with whether it came.
    """

    def __init__(self, reference: Reference, schedule: Schedule, seed: int = 0) -> None:
        super().__init__(reference, seed, version=VERSION, error_rate=ERROR_RATE, late=LATE, rfc3339=False)
        self.schedule = schedule
        self.began: int | None = None
        self.changes: tuple[tuple[int, bool], ...] = ()
        self._clicks = np.random.default_rng((seed, 3))

    def batch(self, n: int, start: int, end: int) -> Traffic:
        """Draw n predictions, shifted or not as the schedule has it at their start."""
        if self.began is None:
            self.began = start
        due = self.schedule.shifted((start - self.began) / 1e3)
        if due != bool(self.shifts):
            self.shifts = (SHIFT,) if due else ()
            self.changes = (*self.changes, (start, due))
        traffic = super().batch(n, start, end)
        score = click_probability(traffic.features)
        return replace(traffic, prediction=score, labels=(self._clicks.random(len(score)) < score).astype(np.float64))

    def encode(self, traffic: Traffic) -> list[bytes]:
        """One JSON object a prediction; now and then only the first half of one."""
        values = super().encode(traffic)
        for at in range(-traffic.first % BROKEN_EVERY, len(values), BROKEN_EVERY):
            values[at] = values[at][: len(values[at]) // 2]
        return values


def feedback_of(traffic: DemoTraffic) -> FeedbackTraffic:
    """The labels of the demo's predictions."""
    return FeedbackTraffic(traffic, BinaryLabels(traffic.reference), LABELS)


def config_text(brokers: str, listen: str) -> str:
    """The demo's config file."""
    return CONFIG.format(brokers=brokers, listen=listen)
