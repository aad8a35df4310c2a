"""What a model's windows see at the pace of its reference, and which streams they cannot judge at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from operators.judging.blind import lack, rounded
from operators.settings.durations import show_duration
from operators.tables import Kind
from stream.config.pace import usual_factor
from windows.references.pace import DAY
from windows.shares import OF_METRIC
from windows.sketches.profiles import NumericProfile
from windows.statistics.distances.ks import ks_band
from windows.statistics.distances.psi import psi_interval
from windows.statistics.intervals import proportion_increase_interval
from windows.statistics.needed import rows_needed
from windows.statistics.smallest import COARSE_SLOTS, smallest_increase, smallest_ks, smallest_psi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.plans.model import ModelPlan
    from operators.plans.monitors import Monitor

MUCH = 0.02
"""A column whose rows of a day are alike by this correlation is named."""
FEW_NAMES = 3
RATIOS = {metric: share.words for metric, share in OF_METRIC.items()}


@dataclass(frozen=True, slots=True)
class Sight:
    """What a window sees.

    Attributes:
        window: its size, ms.
        rows: predictions it holds.
        least: metric -> the smallest value (of a ratio: rise) that pages; None where none does.
    """

    window: int
    rows: float
    least: dict[str, float | None]

    @property
    def text(self) -> str:
        """For people: "7d (about 1,120 predictions): KS from 0.19, PSI from 0.4"."""
        names = {"ks": "KS", "psi": "PSI", **RATIOS}
        shown = [
            f"{names[metric]} {'never' if least is None else f'from {least:.2g}'}"
            for metric, least in self.least.items()
        ]
        return f"{show_duration(self.window)} (about {rounded(self.rows):,} predictions): {', '.join(shown)}"


def _rate(plan: ModelPlan, per_day: float | None) -> float | None:
    """Predictions a day: those that somebody told, or those of the reference; None where neither is known."""
    if per_day is not None or plan.reference.pace is None:
        return per_day
    return plan.reference.pace.per_day


def sights(plan: ModelPlan, per_day: float | None = None, only: str | None = None) -> list[Sight]:
    """What each window of drift sees of the whole, by all metrics or one; empty where nothing tells the pace."""
    rate = _rate(plan, per_day)
    if rate is None:
        return []
    found = []
    for size in sorted({size for monitor in _judged(plan) for size in monitor.windows}):
        rows = rate * size / DAY
        least = {
            monitor.metric: _least(monitor, plan, rows)
            for monitor in _judged(plan)
            if size in monitor.windows and monitor.kind != Kind.PREDICTION and only in {None, monitor.metric}
        }
        if least:
            found.append(Sight(size, rows, least))
    return found


def pace_lines(plan: ModelPlan) -> Iterator[str]:
    """What `check` tells: the pace, the least shift that pages by window, and what is blind."""
    pace = plan.reference.pace
    yield from (f"  {line}" for line in few_rows(plan))
    if pace is None:
        return
    seen = [(sight, sight.least["ks"]) for sight in sights(plan, only="ks")]
    shown = ", ".join(
        f"{show_duration(sight.window)} {'never' if least is None else format(least, '.2g')}" for sight, least in seen
    )
    what = f"; the smallest KS that pages: {shown}" if shown else ""
    yield f"  pace: about {rounded(pace.per_day):,} predictions a day{what}"
    yield from (f"  {line}" for line in slow_lines(plan))
    for line in blind_lines(plan):
        yield f"  {line}"


def few_rows(plan: ModelPlan) -> Iterator[str]:
    """What a reference of few rows cannot tell, however much traffic comes."""
    rows = plan.reference.rows
    for monitor in _judged(plan):
        if monitor.metric == "ks" and monitor.kind != Kind.PREDICTION:
            least = smallest_ks(paging_limit(monitor), ANY_TRAFFIC, rows, plan.alpha)
            if least is None or least > FAR:
                seen = "nothing that is told by KS pages" if least is None else f"KS pages from {least:.2g} on"
                yield f"the reference has {rows:,} row{'s' if rows > 1 else ''}: {seen}, however much traffic comes"
            return


ANY_TRAFFIC = 1e15
"""Predictions; so many that their number does not matter."""
FAR = 0.3
"""Beyond it a reference that can tell no smaller KS is too small to go by."""

UNKNOWN = (
    "the reference has no timestamps, or the same on all rows, so its pace is not known: windows for any pace;"
    " --per-day N chooses those that suit N predictions a day"
)


def pace_comments(plan: ModelPlan, per_day: float | None = None) -> tuple[str, ...]:
    """What the windows of a new config see: lines for its comments, and for the terminal."""
    rate = _rate(plan, per_day)
    if rate is None:
        return (UNKNOWN, *few_rows(plan))
    head = f"about {rounded(rate):,} predictions a day; what each window pages for, from which size on:"
    seen = (sight.text for sight in sights(plan, per_day))
    return (head, *few_rows(plan), *seen, *slow_lines(plan, per_day), *blind_lines(plan, per_day))


def slow_lines(plan: ModelPlan, per_day: float | None = None) -> Iterator[str]:
    """What the windows see of the column whose days differ the most, by which alone a window of many days can tell."""
    rate, features = _rate(plan, per_day), plan.reference.features
    numeric = {name: one for name, one in features.items() if isinstance(one, NumericProfile)}  # KS is of these
    moving = sorted((-one.day_correlation, name) for name, one in numeric.items() if one.day_correlation >= MUCH)
    monitor = next((one for one in _judged(plan) if one.metric == "ks" and one.kind != Kind.PREDICTION), None)
    if rate is None or monitor is None or not moving:
        return
    (less, name), others = moving[0], [name for _, name in moving[1:]]
    usual = 0.0 if plan.reference.pace is None else plan.reference.pace.per_day
    seen = []
    for size in monitor.windows:
        rows = rate * size / DAY
        together = min(rows, max(usual, rate * size / max(size, DAY)))
        found = _least(monitor, plan, rows, -less * together)
        seen.append(f"{show_duration(size)} {'never' if found is None else f'from {found:.2g}'}")
    more = f" and {len(others) - FEW_NAMES} more" if len(others) > FEW_NAMES else ""
    beside = f" (less so {', '.join(others[:FEW_NAMES])}{more})" if others else ""
    yield f"{name}, whose days differ{beside}, needs windows of more days; its KS pages: {', '.join(seen)}"


def blind_lines(plan: ModelPlan, per_day: float | None = None) -> Iterator[str]:
    """A line for each monitor that no window of which can judge the whole, or its rarer segments."""
    rate = _rate(plan, per_day)
    if rate is None:
        return
    segments = plan.reference.segments.values()
    parts = [1.0, *(counts.rows / plan.reference.rows for values in segments for counts in values.values())]
    for monitor in _judged(plan):
        longest = max(monitor.windows)
        whole = rate * longest / DAY
        needs = [_needs(monitor, plan, share) for share in parts]
        lacking = [need for need, share in zip(needs, parts, strict=True) if need > whole * share]
        if not lacking:
            continue
        what = f"{monitor.name} over {show_duration(longest)}"
        need, limit = max(lacking), paging_limit(monitor)
        if needs[0] > whole:
            yield f"blind: {what} {lack(need, limit, rounded(whole), expected=True)}"
        else:
            rest = min(share for need, share in zip(needs, parts, strict=True) if need > whole * share)
            where = f"in {len(lacking)} of {len(parts) - 1} segments"
            yield f"blind: {what} {where} {lack(need, limit, rounded(whole * rest), expected=True)}"


def paging_limit(monitor: Monitor) -> float:
    """The threshold that pages, or the only one."""
    return monitor.lowest if monitor.major is None else monitor.major


def _judged(plan: ModelPlan) -> list[Monitor]:
    known = {"ks", "psi", *RATIOS}
    return [one for one in plan.monitors if one.metric in known and one.general and not one.worst_only]


def _least(monitor: Monitor, plan: ModelPlan, rows: float, days: float = 0.0) -> float | None:
    """The smallest value of a window of so many rows that pages; `days` is by how much more alike days let it vary."""
    factor, limit = usual_factor(plan.reference) + days, paging_limit(monitor)
    n, m = rows / factor, plan.reference.rows / factor
    if monitor.metric == "ks":
        return smallest_ks(limit, n, m, plan.alpha)
    if monitor.metric == "psi":
        return smallest_psi(limit, n, m, plan.alpha)
    return smallest_increase(limit, 0.0, n, m, plan.alpha)


def _needs(monitor: Monitor, plan: ModelPlan, share: float) -> float:
    """Predictions a window needs so that its bound is as near as the threshold, without drift."""
    factor = usual_factor(plan.reference)
    m = max(plan.reference.rows * share / factor, 1.0)
    limit = np.array([paging_limit(monitor)])
    width, reference = np.array([_width(monitor.metric, m, plan.alpha)]), np.array([m])
    needed = rows_needed(monitor.metric, width, limit, np.array([SOME_ROWS]), reference.astype(np.int64))
    return float(needed[0]) * factor


SOME_ROWS = 1_000
"""Of the window whose bound is scaled to what others need."""


@lru_cache(maxsize=1_024)
def _width(metric: str, m: float, alpha: float) -> float:
    """Upper bound of a metric without drift, between that many rows and those of the reference."""
    rows, reference = np.array([float(SOME_ROWS)]), np.array([m])
    if metric == "ks":
        return float(ks_band(rows, reference, alpha)[0])
    if metric == "psi":
        even = np.full((1, COARSE_SLOTS), 1 / COARSE_SLOTS)
        return float(psi_interval(even * rows, even * reference, None, rows, reference, alpha)[1][0])
    return float(proportion_increase_interval(np.zeros(1), rows, np.zeros(1), reference, alpha)[1][0])
