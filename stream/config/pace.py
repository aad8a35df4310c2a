"""The pace of a model: which pane and windows can decide something at so many predictions a day, and what they see.

Windows hold from FEWEST_ROWS rows, below which only a feature that breaks is seen, to MOST_ROWS, at which hardly a
shift past a threshold is left to find, each about GROWTH times the one before: a shift is found by the window that
holds just enough rows of it, and the next larger one takes as many times longer.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from operators.settings.durations import UNITS, show_duration
from operators.settings.event_time import TimeSettings
from operators.settings.metrics import RULED
from operators.settings.model import QualitySettings
from operators.settings.performance import PerformanceSettings
from windows.outcomes.days import worth
from windows.outcomes.layout import task_layout
from windows.panes import MAX_SLICES, plan
from windows.references.pace import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from windows.references.reference import Reference
    from windows.references.seasons import SeasonClock

SECOND, MINUTE, HOUR = UNITS["s"], UNITS["m"], UNITS["h"]

FEWEST_ROWS = 150
MOST_ROWS = 8_000
GROWTH = 1.9
MOST_WINDOWS = 7

SIZES = (
    *(seconds * SECOND for seconds in (10, 20, 30)),
    *(minutes * MINUTE for minutes in (1, 2, 3, 5, 10, 15, 20, 30, 45)),
    *(hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12)),
    *(days * DAY for days in (1, 2, 3, 4, 7, 10, 14, 21, 28, 42, 60, 90)),
)
"""Windows that people think in, each a multiple of a pane that suits it."""

PANES = (
    *(seconds * SECOND for seconds in (10, 20, 30)),
    *(minutes * MINUTE for minutes in (1, 5, 10, 15, 30)),
    HOUR,
    2 * HOUR,
    4 * HOUR,
)
"""Panes, ascending. Four hours is the longest by default: objectives and silence are seen no finer."""

MOST_PANES = 168
"""Panes of the longest default window, where the pane is not the default one: hours of a week."""

FEWEST_PANES = 6
"""Panes of the shortest window, so that it does not jump."""

LATENESS = tuple(seconds * SECOND for seconds in (5, 10, 30, 60, 120))

LABELS = 500
"""Labels that the shortest window of cohorts should hold: accuracy to within twelve points at a level of 1e-7."""

COHORTS = ((HOUR, 7 * DAY), (6 * HOUR, 7 * DAY), (DAY, 7 * DAY), (7 * DAY, 28 * DAY), (28 * DAY, 84 * DAY))
"""Windows of labels where nobody chose them, by what the pane allows."""

COHORT_SIZES = (HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 28 * DAY, 84 * DAY)
"""Windows of labels at a known pace: a drop that one is too small for is found by the next, a few times as long. At
4,000 labels a day a fall of accuracy by 0.1 is found after 4.3 d with 6h and 7d alone; with 1d between, after 0.8 d."""

ANY_COHORTS: tuple[int, ...] = (HOUR, 6 * HOUR, DAY, 7 * DAY)
"""Those of a new config where nothing is known of the pace."""

LONGEST = (7 * DAY, 28 * DAY, 84 * DAY)
"""Longest windows of labels, of which the first counts that is at least three of the shortest."""

ENOUGH_LABELS = 40_000
"""Of a window that holds more, the bound is nearer to the value than a fifth of the usual limit (0.05): up to the
longest, longer ones find nothing that matters."""

STALE_ROWS = 30
"""Predictions without a value that go by at the mean pace before a feature may be called stale."""

DELAY_ROWS = 30
"""Predictions that go by at the mean pace within the label delay of a new config."""


ANY_PACE = (10 * SECOND, MINUTE, 10 * MINUTE, HOUR, DAY, 7 * DAY, 28 * DAY)
ANY_PACE_QUALITY = (MINUTE, HOUR, 7 * DAY)
"""Windows of a new config where nothing is known of the pace: some of them decide at 50 predictions a day as at 5,000 a
second."""


@dataclass(frozen=True, slots=True)
class PacePlan:
    """What suits a pace; ms.

    Attributes:
        per_day: predictions a day.
        pane: see `time`.
        lateness: see `time`.
        windows: of drift and of the prediction.
        quality: windows of ratios.
        stale_after: see `quality`.
        cohorts: windows of labels; None where none are known to come.
        label_delay: see `performance`: how late labels come is not known, but not that they come faster than these.
        wait: the same.
    """

    per_day: float
    pane: int
    lateness: int
    windows: tuple[int, ...]
    quality: tuple[int, ...]
    stale_after: int
    cohorts: tuple[int, ...] | None
    label_delay: int
    wait: int


def plan_pace(reference: Reference, per_day: float | None = None) -> PacePlan | None:
    """What suits so many predictions a day, or the pace of a reference; None where its rows had no timestamps."""
    if per_day is None and reference.pace is not None:
        per_day = reference.pace.per_day
    if per_day is None:
        return None
    labels = per_day if reference.outcomes is not None else 0.0
    worth = labels * _worth(reference)
    rarest, factor = per_day * rarest_share(reference), usual_factor(reference)
    clock = None if reference.seasons is None else reference.seasons.clock
    return pace_of(per_day, labels=labels, worth=worth, rarest=rarest, factor=factor, clock=clock)


def pace_of(
    per_day: float,
    *,
    labels: float = 0.0,
    worth: float | None = None,
    rarest: float = 0.0,
    factor: float = 1.0,
    clock: SeasonClock | None = None,
) -> PacePlan:
    """What suits a pace.

    Args:
        per_day: predictions a day, > 0.
        labels: labels a day; 0 for none.
        worth: what these are worth in independent ones, where days differ; None where they do not.
        rarest: predictions a day of the rarest segment that is watched; 0 without segments.
        factor: overdispersion: so many rows are worth an independent one.
        clock: of a season that was found: a pane lies within one hour of its zone.
    """
    windows = _windows(per_day / factor, rarest / factor)
    possible = [pane for pane in PANES if clock is None or clock.suits(pane)] or [PANES[0]]
    usual = PerformanceSettings()
    pane = max((pane for pane in possible if _suits(pane, windows)), default=possible[0])
    return PacePlan(
        per_day=per_day,
        pane=pane,
        lateness=LATENESS[min(bisect_left(LATENESS, pane // 30), len(LATENESS) - 1)],
        windows=windows,
        quality=_few(windows),
        stale_after=max(QualitySettings().stale_after, _nice(STALE_ROWS * DAY / per_day)),
        cohorts=tuple(sorted({*_cohorts(labels), *_cohorts(worth or labels)})) if labels else None,
        label_delay=max(usual.label_delay, pane, min(_nice(DELAY_ROWS * DAY / per_day), 7 * DAY)),
        wait=max(usual.wait, pane),
    )


def at_pane(plan: PacePlan, pane: int, lateness: int) -> PacePlan:
    """The plan with the pane and lateness (ms) of a config that other models share."""
    windows = default_windows(plan.windows, pane)
    kept = tuple(size for size in plan.windows if fits(size, pane)) or windows
    cohorts = plan.cohorts
    if cohorts is not None and any(size % pane for size in cohorts):
        whole = tuple(size for size in cohorts if size % pane == 0)
        fitting = (pair for pair in COHORTS if not any(size % pane for size in pair))
        cohorts = whole if len(whole) > 1 else next(fitting, COHORTS[-1])
    return replace(
        plan,
        pane=pane,
        lateness=lateness,
        windows=kept,
        quality=tuple(size for size in plan.quality if size in kept) or _few(kept),
        cohorts=cohorts,
        label_delay=-(-plan.label_delay // pane) * pane,
        wait=max(plan.wait, pane),
    )


def default_windows(windows: Sequence[int], pane: int) -> tuple[int, ...]:
    """The default windows where they are multiples of the pane; else about as many panes as of the default one.

    A pane of 1h has windows of 1h, 6h and 7d.
    """
    if all(fits(size, pane) for size in windows):
        return tuple(windows)
    usual = TimeSettings().pane
    found = {_of_panes(min(size // usual, MOST_PANES), pane) for size in windows}
    return tuple(sorted(found))


def _of_panes(count: int, pane: int) -> int:
    """The first window that people think in of at least so many panes; so many panes where none suits."""
    least = min(count * pane, SIZES[-1])
    return next((nice for nice in SIZES if least <= nice <= 2 * least and fits(nice, pane)), least // pane * pane)


def rarest_share(reference: Reference) -> float:
    """Share of the rows in the rarest segment that is watched; 0 without segments."""
    rows = [counts.rows for values in reference.segments.values() for counts in values.values()]
    return min(rows, default=0) / max(reference.rows, 1)


def _worth(reference: Reference) -> float:
    """What a label is worth where those of a day are alike, by the metrics that `init` writes rules on."""
    pace, varied = reference.pace, {name: reference.label_days[name] for name in RULED if name in reference.label_days}
    if not varied or pace is None or reference.task is None or reference.outcomes is None:
        return 1.0
    layout = task_layout(reference.task, reference.prediction)
    return worth(layout, reference.outcomes, varied, pace.per_day) / pace.per_day


def usual_factor(reference: Reference) -> float:
    """Median overdispersion of the features; 1 where it is not known."""
    known = [profile.overdispersion for profile in reference.features.values() if profile.overdispersion is not None]
    if not known:
        return 1.0
    ranked, middle = sorted(known), len(known) // 2
    return (ranked[middle] + ranked[~middle]) / 2


def _windows(per_day: float, rarest: float) -> tuple[int, ...]:
    """Sizes in about equal ratios; beyond them 1m and 1h, where they are longer, for what is rare."""
    first = max(FEWEST_ROWS * DAY / per_day, SIZES[0])
    last = max(MOST_ROWS * DAY / per_day, first)
    if rarest:
        last = max(last, MOST_ROWS / GROWTH**3 * DAY / rarest)
    last = min(last, SIZES[-1])
    first = min(first, last)
    steps = min(max(math.ceil(math.log(last / first) / math.log(GROWTH)), 0) + 1, MOST_WINDOWS)
    found = {_nice(first * (last / first) ** (at / max(steps - 1, 1))) for at in range(steps)}
    found |= {size for size in (MINUTE, HOUR) if size > 2 * max(found)}
    return tuple(sorted(found))


def _few(windows: tuple[int, ...]) -> tuple[int, ...]:
    """Three of the windows: ratios are seen at less volume, and a month of them is enough."""
    return tuple(sorted({windows[len(windows) // 3], windows[2 * len(windows) // 3], windows[-1]}))


def _cohorts(labels: float) -> tuple[int, ...]:
    """Windows for so many labels a day: from the first that holds LABELS, over those between, to a long one."""
    usable = [size for size in COHORT_SIZES if size * labels / DAY >= LABELS and size < LONGEST[-1]]
    first = usable[0] if usable else LONGEST[-2]
    last = next(size for size in LONGEST if size >= 3 * first)
    enough = next((size for size in usable if size * labels / DAY >= ENOUGH_LABELS), last)
    return tuple(size for size in COHORT_SIZES if first <= size <= min(enough, last) or size == last)


def _nice(size: float) -> int:
    """The window that people think in which is nearest on the scale of ratios."""
    return min(SIZES, key=lambda nice: abs(math.log(nice / size)))


def _suits(pane: int, windows: Iterable[int]) -> bool:
    shortest = min(windows)
    wide = pane == PANES[0] or pane * FEWEST_PANES <= shortest
    return wide and all(fits(size, pane) for size in windows)


def fits(size: int, pane: int) -> bool:
    """Whether a window is whole panes, in slices that are not too coarse."""
    if size < pane or size % pane:
        return False
    return plan(size, pane).slices >= min(FEWEST_PANES, size // pane, MAX_SLICES)


def show_windows(windows: Iterable[int]) -> str:
    """As in the config: "[10s, 1m, 1h]"."""
    return f"[{', '.join(show_duration(size) for size in windows)}]"
