"""How much a metric differs from one day to the next beyond what its rows explain, and bounds that allow for it.

Labels of a day are alike as inputs are: a storm makes every flight late, a fraud ring strikes in one night. So a window
is not only a sample of rows but also one of days. The metric of each day is a draw about the metric of all (a
random-effects model): the variance between days is found by the method of moments from days weighted by their rows
(Hedges, "A random effects model for effect sizes", Psychological Bulletin 93, 1983), and days that follow each other
may be alike, too (AR(1)). A mean over few days is judged by Student's t, for the deviation was itself found from so
many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtri, ndtr, stdtrit

from windows.outcomes.metrics import METRICS, task_metrics
from windows.statistics.measured import Measured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windows.arrays import FloatArray, IntArray
    from windows.outcomes.layout import TaskLayout

FEWEST_DAYS = 14
"""Of fewer it is not told how much days differ."""

BY_CHANCE = 0.001
"""Probability that a metric whose days differ as their rows do is taken to differ more."""

MOST_ALIKE = 0.9
"""Correlation of neighbouring days at most."""

NOT_MEASURED = ("labelled", "predictions", "label_coverage", "label_delay_p50_s", "label_delay_p95_s")
"""What says how labels come, not how good the model is."""

Ends = tuple["float | FloatArray", "float | FloatArray"]
"""The least and the most that a metric, or a difference of each group, can be."""

_LONG = 84.0
"""Days over which neighbours have their full weight."""

_ONE_SIGMA = float(ndtr(-1.0))


@dataclass(frozen=True, slots=True)
class DayVariation:
    """How one metric differs from day to day.

    Attributes:
        deviation: standard deviation between days, on the metric's own scale, beyond what rows explain.
        correlation: of a day with the next, 0 to MOST_ALIKE.
        days: that it was found from.
    """

    deviation: float
    correlation: float
    days: int

    def of_mean(self, days: FloatArray) -> FloatArray:
        """The standard deviation, of any shape, of means over so many days in a row; less than a day is one."""
        whole = np.maximum(days, 1.0)
        r = self.correlation
        # The variance of the mean of n neighbours of an AR(1): Box, Jenkins and Reinsel, Time Series Analysis, 2.1.
        alike = 1.0 + 2.0 * r / (1.0 - r) * (1.0 - (1.0 - r**whole) / (whole * (1.0 - r)))
        found: FloatArray = self.deviation * np.sqrt(alike / whole)
        return found


def variation_of(layout: TaskLayout, days: IntArray, numbers: IntArray) -> dict[str, DayVariation]:
    """How each metric differs between days.

    Args:
        layout: of the task.
        days: int64[D, layout.size], the outcomes of each day.
        numbers: int64[D], ascending: which day each is.

    Returns:
        metric -> variation, of those whose days differ more than their rows explain.
    """
    names = [name for name in METRICS[layout.options.task] if name not in NOT_MEASURED]
    every = task_metrics(layout, days, _ONE_SIGMA, names)
    found = ((name, _variation(one, numbers)) for name, one in every.items())
    return {name: one for name, one in found if one is not None}


def _variation(found: Measured, numbers: IntArray) -> DayVariation | None:
    """Of one metric; None where it cannot be told, or days differ no more than by chance."""
    spread = (found.upper - found.lower) / 2
    used = np.isfinite(found.value) & np.isfinite(spread) & (spread > 0) & (found.samples > 1)
    count = int(used.sum())
    if count < FEWEST_DAYS:
        return None
    values, noise = found.value[used], np.square(spread[used])
    sure = 1 / noise
    if (sure * np.square(values - (sure * values).sum() / sure.sum())).sum() < chdtri(count - 1, BY_CHANCE):
        return None
    rows = found.samples[used].astype(np.float64)
    total = rows.sum()
    apart = values - (rows * values).sum() / total
    expected = (rows * noise * (1 - rows / total)).sum()
    between = ((rows * np.square(apart)).sum() - expected) / (total - np.square(rows).sum() / total)
    if between <= 0:
        return None
    next_day = np.diff(numbers[used]) == 1
    pairs = (apart[:-1] * apart[1:])[next_day]
    alike = float(pairs.mean() / between) if len(pairs) >= FEWEST_DAYS else 0.0
    return DayVariation(float(np.sqrt(between)), float(np.clip(alike, 0.0, MOST_ALIKE)), count)


def worth(layout: TaskLayout, outcomes: IntArray, varied: Mapping[str, DayVariation], a_day: float) -> float:
    """What a day of labels is worth in independent ones, by the metric that suffers most; `a_day` where none does.

    Args:
        layout: of the task.
        outcomes: int64[layout.size], of all days.
        varied: how much the days of each metric differ.
        a_day: labels of a day.
    """
    every = task_metrics(layout, outcomes[None], _ONE_SIGMA, varied)
    found = a_day
    for name, one in every.items():
        rows = float(np.square((one.upper - one.lower) / 2)[0] * one.samples[0])
        days = float(varied[name].of_mean(np.array(_LONG))) ** 2 * _LONG
        if np.isfinite(rows) and rows > 0:
            found = min(found, rows / (rows / a_day + days))
    return found


def widened(found: Measured, between: FloatArray, days: int, alpha: float, ends: Ends) -> Measured:
    """A metric, or a difference of two, as one of days that are draws themselves.

    Args:
        found: [G], with bounds at alpha for the days that it was measured on.
        between: float64[G], standard deviation of it by the days alone.
        days: that this deviation was found from.
        alpha: probability of error per bound.
        ends: what no bound goes beyond.

    Returns:
        the same values with both distances to their bounds joined by square and add. No laws: it is their sum with
        something else.
    """
    reach = -stdtrit(days - 1, alpha) * between
    lower = np.maximum(found.value - np.hypot(found.value - found.lower, reach), np.minimum(ends[0], found.lower))
    upper = np.minimum(found.value + np.hypot(found.upper - found.value, reach), np.maximum(ends[1], found.upper))
    return Measured(found.value, lower, upper, found.samples)
