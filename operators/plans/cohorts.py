"""How cohorts are cut: the slide of every window, the rings that hold the slices, and the tick that drives them.

A ring holds at most MAX_RING slices, so what a window and its baseline cost does not depend on how long they are. A
window slides in steps that divide it, every step is a multiple of the tick, and the tick is the smallest step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.settings.durations import UNITS, show_duration
from operators.settings.metrics import LABEL_METRICS
from windows.panes import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from operators.settings.model import ModelSettings
    from operators.settings.performance import PerformanceSettings, Rule

MAX_RING = 240
"""Slices that a ring holds at most."""

SLACK = 3
"""Slices of it that are not whole: the one being filled, and the rounding of both ends."""

MOST_STEPS = 24
"""A window of cohorts moves in at most this many steps: labels are not known to the second, and each look costs."""

DEFAULT_TRAILING = 14 * UNITS["d"]
"""Two weeks: every hour of the week twice, so that a weekly rhythm is in the baseline."""

FEWEST_STEPS = 4
"""... and in at least this many: otherwise it would jump."""

Path = tuple[str | int, ...]
"""Where a setting stands, from the model's mapping on."""


@dataclass(frozen=True, slots=True, order=True)
class Trail:
    """A trailing baseline: [start of the window - size, start of the window), cut at multiples of `slide`."""

    window: int
    size: int
    slide: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Two periods for the curve shift, in slices of `slide`; all ms."""

    recent: int
    before: int
    slide: int


@dataclass(frozen=True, slots=True)
class PerformancePlan:
    """The windows of a model's cohorts.

    Attributes:
        windows: ascending by size.
        tick: the smallest slide, ms.
        trails: the trailing baselines.
        shifts: (window size, shift) of each baseline some time ago, ms.
        curve: None without a curve rule.
        rings: slide -> number of slices, of each ring.
    """

    windows: tuple[Window, ...]
    tick: int
    trails: tuple[Trail, ...]
    shifts: tuple[tuple[int, int], ...]
    curve: Curve | None
    rings: dict[int, int]

    def window(self, size: int) -> Window:
        """The window of this size."""
        return next(window for window in self.windows if window.size == size)

    def trail(self, window: int, size: int) -> Trail:
        """The trailing baseline of this size for this window."""
        return next(trail for trail in self.trails if (trail.window, trail.size) == (window, size))


class PlanError(ValueError):
    """Windows, delay and baselines that do not go together; `path` says which key to change, and `allowed` how."""

    def __init__(self, path: Path, allowed: str) -> None:
        """Say what is allowed at the path."""
        super().__init__(f"{'.'.join(map(str, path))}: {allowed}")
        self.path = path
        self.allowed = allowed


@dataclass(slots=True)
class _Wanted:
    """A window: where it is asked for first, and the shifts of its baselines."""

    path: Path
    shifts: dict[int, Path]


def plan_performance(model: ModelSettings, pane: int) -> PerformancePlan:
    """The plan of a model that has `performance:`.

    Raises:
        PlanError: the combination would need too many slices, or windows that do not divide.
        ValueError: the model has no `performance:`.
    """
    if model.performance is None:
        raise ValueError(f"{model.name} has no performance settings")
    wanted = _wanted(model, model.performance)
    delay = model.performance.label_delay
    options = {size: _steps(size, ask, delay, pane) for size, ask in wanted.items()}
    tick, slides = _choose(options, wanted)
    windows = tuple(Window(size, slides[size]) for size in sorted(slides))
    trails = tuple(sorted(_trails(model.performance, windows, tick)))
    curve = _curve(model.performance, tick)
    rings: dict[int, int] = {}
    for window in windows:
        _hold(rings, window.slide, _reach(delay, window.size, wanted[window.size].shifts))
    for trail in trails:
        _hold(rings, trail.slide, delay + trail.window + trail.size)
    if curve is not None:
        _hold(rings, curve.slide, delay + curve.recent + curve.before)
    shifts = tuple(sorted((size, shift) for size, ask in wanted.items() for shift in ask.shifts))
    return PerformancePlan(windows, tick, trails, shifts, curve, rings)


def rules_of(performance: PerformanceSettings) -> Iterator[tuple[Path, str, Rule]]:
    """Every rule with its path and its metric; the error rules of `concept` under the name "error"."""
    for metric, rules in performance.rules.items():
        for index, rule in enumerate(rules):
            yield ("performance", metric, index), metric, rule
    for index, rule in enumerate(performance.concept.error or ()):
        yield ("performance", "concept", "error", index), "error", rule


def sizes_of(rule: Rule, performance: PerformanceSettings) -> tuple[int, ...]:
    """The windows that a rule is judged over."""
    return performance.cohort_windows if rule.window is None else (rule.window,)


def _wanted(model: ModelSettings, performance: PerformanceSettings) -> dict[int, _Wanted]:
    found: dict[int, _Wanted] = {}
    for index, size in enumerate(performance.cohort_windows):
        found.setdefault(size, _Wanted(("performance", "windows", index), {}))
    for path, _, rule in rules_of(performance):
        for size in sizes_of(rule, performance):
            ask = found.setdefault(size, _Wanted((*path, "window"), {}))
            if rule.baseline.shift is not None:
                ask.shifts.setdefault(rule.baseline.shift, (*path, "baseline"))
    for metric, objective in model.sla.items():
        if metric in LABEL_METRICS and objective.window is not None:
            found.setdefault(objective.window, _Wanted(("sla", metric, "window"), {}))
    return found


def _reach(delay: int, size: int, shifts: Iterable[int]) -> int:
    """How far back a window and its shifted baselines look, ms."""
    return delay + size + max(shifts, default=0)


def _steps(size: int, ask: _Wanted, delay: int, pane: int) -> list[int]:
    """Slides that suit a window, ascending."""
    if size < pane or size % pane:
        raise PlanError(ask.path, f"a multiple of time.pane ({show_duration(pane)}) is needed")
    if not _fitting(size, 0, (), pane):
        allowed = f"a window of {FEWEST_STEPS} to {MOST_STEPS} equal steps of whole panes is needed"
        raise PlanError(ask.path, f"{allowed}, such as {show_duration(-(-size // (12 * pane)) * 12 * pane)}")
    if not _fitting(size, _reach(delay, size, ()), (), pane):
        raise PlanError(ask.path, f"{_longer(delay, (), pane)} is needed: labels that late allow no shorter steps")
    for shift, path in ask.shifts.items():
        if not _fitting(size, _reach(delay, size, [shift]), (shift,), pane):
            allowed = f"{_longer(delay, (shift,), pane)} is needed: it is kept in equal steps up to the baseline"
            raise PlanError(path, f"with it, a window of {allowed}")
    slides = _fitting(size, _reach(delay, size, ask.shifts), tuple(ask.shifts), pane)
    if not slides:
        raise PlanError(next(iter(ask.shifts.values())), "shifts that are multiples of a common step are needed")
    return slides


def _fitting(size: int, reach: int, shifts: tuple[int, ...], pane: int) -> list[int]:
    """Slides that cut the window and the shifts, and a ring that reaches so far, ascending."""
    fewest = min(FEWEST_STEPS, size // pane)
    slides = [size // parts for parts in range(MOST_STEPS, fewest - 1, -1) if size % (parts * pane) == 0]
    return [at for at in slides if _slices(reach, at) <= MAX_RING and not any(shift % at for shift in shifts)]


def _longer(delay: int, shifts: tuple[int, ...], pane: int) -> str:
    """The shortest window in round numbers that would do."""
    hour, day = UNITS["h"], UNITS["d"]
    minutes = [count * UNITS["m"] for count in (1, 5, 10, 15, 30)]
    rounds = [*minutes, *(n * hour for n in (1, 2, 4, 6, 12)), *(n * day for n in (1, 2, 4, 7, 14, 28, 56))]
    for size in rounds:
        if size >= pane and size % pane == 0 and _fitting(size, _reach(delay, size, shifts), shifts, pane):
            return f"{show_duration(size)} or more"
    return f"more steps of {show_duration(pane)}"


def _slices(reach: int, slide: int) -> int:
    return -(-reach // slide) + SLACK


def _choose(options: dict[int, list[int]], wanted: dict[int, _Wanted]) -> tuple[int, dict[int, int]]:
    """The finest tick that divides a slide of every window and is one of them."""
    worst: int | None = None
    for tick in sorted({slide for slides in options.values() for slide in slides}):
        chosen = {}
        for size, slides in options.items():
            fits = [slide for slide in slides if slide % tick == 0]
            if not fits:
                worst = size
                break
            chosen[size] = fits[0]
        else:
            if tick in chosen.values():
                return tick, chosen
    size = max(options) if worst is None else worst
    raise PlanError(wanted[size].path, "a multiple of the shortest window is needed: they share their steps")


def trailing_of(rule: Rule, performance: PerformanceSettings, window: int) -> int:
    """The length of a trailing baseline, ms: the rule's, the model's, or 14 days and at least two windows."""
    given = performance.trailing if rule.trailing is None else rule.trailing
    return max(DEFAULT_TRAILING, 2 * window) if given is None else given


def _trails(performance: PerformanceSettings, windows: tuple[Window, ...], tick: int) -> set[Trail]:
    found = set()
    for path, _, rule in rules_of(performance):
        if rule.baseline.kind != "trailing":
            continue
        at = ("performance", "trailing") if rule.trailing is None else (*path, "trailing")
        for window in windows:
            if window.size not in sizes_of(rule, performance):
                continue
            size = trailing_of(rule, performance, window.size)
            if size < window.size:
                raise PlanError(at, f"at least the window ({window.label}) is needed")
            slide = _finest(size, performance.label_delay + window.size + size, tick)
            if slide is None:
                example = show_duration(-(-size // (12 * tick)) * 12 * tick)
                raise PlanError(at, f"a length of equal steps of {show_duration(tick)} is needed, such as {example}")
            found.add(Trail(window.size, size, slide))
    return found


def _finest(size: int, reach: int, tick: int, also: int = 0) -> int | None:
    """The finest slide of whole ticks that cuts `size` and `also`, with a ring that reaches so far."""
    for parts in range(MOST_STEPS, 0, -1):
        slide, rest = divmod(size, parts)
        if not rest and slide % tick == 0 and also % slide == 0 and _slices(reach, slide) <= MAX_RING:
            return slide
    return None


def _curve(performance: PerformanceSettings, tick: int) -> Curve | None:
    curve = performance.concept.curve
    if curve is None:
        return None
    slide = _finest(curve.recent, performance.label_delay + curve.recent + curve.before, tick, curve.before)
    if slide is None:
        allowed = "a period that divides `before`, and is not short beside it and label_delay, is needed"
        raise PlanError(("performance", "concept", "curve", "recent"), allowed)
    return Curve(curve.recent, curve.before, slide)


def _hold(rings: dict[int, int], slide: int, reach: int) -> None:
    rings[slide] = max(rings.get(slide, 0), _slices(reach, slide))
