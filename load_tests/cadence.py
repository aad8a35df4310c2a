"""What retraining costs when P(need) asks for it, against fixed cadences and against a CUSUM of the metric.

    python load_tests/cadence.py [--quick] [--seeds FIRST]

Model-years as in `need.py`: stationary; gradual decay; abrupt losses, half of which pass by themselves; covariates
that drift and harm nothing; seasons of the week and the year. Here a policy decides when a model is trained anew, and
that has consequences: training cures decay and losses that stay, and neither seasons nor losses that pass; a version
trained before a loss has it, one trained after it has not. Labels of a day are 500 to 20,000, two days late, and the
same draws whatever the policy. A year costs the accuracy that it was below that of a model trained that day, summed
over its days, and each training as much as the loss that matters (two points) over one horizon (seven days); half and
twice of that are printed, too.

P(need) asks from 0.8 on for 24 h, as by default, and from other limits on; both it and the CUSUM are told a loss that
matters of two, one or half a point, for which the CUSUM counts what is worse than half of it (Page's rule). Each policy
is given its best setting in hindsight, of those printed, over all the years that are reported, for whoever chooses one
knows no better. Exits 1 if P(need) surely (by two standard errors of the paired difference) costs more than the best
cadence, or than 1.05 of the best CUSUM.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from machine import show
from need import DAY, DAYS, KINDS, LATE, PLAN, START, facts

from operators.actions.forecast_state import NeedState
from operators.actions.inputs import MetricSlice, NeedReading
from operators.actions.need import Need

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import FloatArray

HORIZON = PLAN.slices
TRAINING = PLAN.loss * HORIZON
"""What a training costs, in accuracy times days."""

WEIGHTS = (0.5, 1.0, 2.0)
"""Of the cost of a training."""

CADENCES = (7, 14, 21, 30, 45, 60, 90, 120, 180)
LOSSES = (0.02, 0.01, 0.005)
"""That P(need) and the CUSUM are told to matter."""

DECISIONS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Limits of the CUSUM, in losses times days."""

SHIPPED = 0.8
LIMITS = (0.5, SHIPPED, 0.95)
CUSUM_MARGIN = 1.05
SURE = 2.0


@dataclass(frozen=True)
class World:
    """A model-year, whatever is done in it.

    Attributes:
        kind: one of KINDS.
        level: accuracy of a model that is trained on that day, by day.
        decay: what a version loses a day.
        losses: (day, points) that stay until the model is trained anew.
        rows: labels a day.
        noise: by day, in standard errors.
        seed: of alerts that fire.
    """

    kind: str
    level: FloatArray
    decay: float
    losses: tuple[tuple[int, float], ...]
    rows: int
    noise: FloatArray
    seed: int

    def lost(self, trained: int, day: int) -> float:
        """By how much a version of that day is below one that is trained on this day."""
        return self.decay * (day - trained) + sum(points for at, points in self.losses if trained < at <= day)


class Policy(Protocol):
    """Decides each day, by what is known then, whether the model is trained anew."""

    def __call__(self, day: int, trained: int, seen: FloatArray) -> bool:
        """Whether to train.

        Args:
            day: today.
            trained: when the version that serves was.
            seen: measured accuracy by day, of days whose labels are there.
        """


def world(kind: str, number: int) -> World:
    """A model-year."""
    rng = np.random.default_rng(number)
    rows = int(10 ** rng.uniform(np.log10(500), np.log10(20_000)))
    days = np.arange(DAYS)
    level = np.full(DAYS, rng.uniform(0.88, 0.97))
    decay, losses, at = 0.0, [], 0.0
    if kind == "gradual":
        decay = rng.uniform(0.0, 0.0008)
    while kind == "abrupt" and (at := at + rng.exponential(90)) < DAYS:
        points = rng.uniform(0.005, 0.06)
        if rng.random() < 0.5:
            losses.append((int(at), points))
        else:
            level[int(at) : int(at + rng.uniform(2, 15))] -= points
    if kind == "seasonal":
        level += rng.uniform(0, 0.012) * np.cos(2 * np.pi * (days - rng.integers(7)) / 7)
        level += 0.015 * np.cos(2 * np.pi * (days - 40) / 365)
    return World(kind, level, float(decay), tuple(losses), rows, rng.standard_normal(DAYS), number)


def lived(one: World, policy: Policy) -> tuple[float, int]:
    """What was lost over the year (accuracy times days), and how often the model was trained."""
    seen, trained, trainings, lost = np.zeros(DAYS), 0, 0, 0.0
    for day in range(DAYS):
        below = one.lost(trained, day)
        lost += below
        truth = min(max(float(one.level[day]) - below, 0.01), 0.99)
        seen[day] = truth + one.noise[day] * np.sqrt(truth * (1 - truth) / one.rows)
        if policy(day, trained, seen[: max(day - LATE + 1, 0)]):
            trained, trainings = day + 1, trainings + 1
    return lost, trainings


@dataclass
class Cadence:
    """Every so many days."""

    every: int

    def __call__(self, day: int, trained: int, _: FloatArray) -> bool:
        """See Policy."""
        return day + 1 - trained >= self.every


@dataclass
class Cusum:
    """Page's sum of what is worse than half a loss, against the version's first days, as P(need) has them."""

    loss: float
    limit: float

    def __call__(self, _: int, trained: int, seen: FloatArray) -> bool:
        """See Policy."""
        mine = seen[trained:]
        if len(mine) <= HORIZON:
            return False
        worse = (mine[:HORIZON].mean() - mine[HORIZON:]) / self.loss - 0.5
        total = np.cumsum(worse)
        return bool(total[-1] - min(float(total.min()), 0.0) > self.limit)


@dataclass
class ByNeed:
    """P(need), by the step of the dataflow, of this loss and with this limit."""

    loss: float
    limit: float
    one: World
    need: Need = field(init=False)
    taken: int = 0
    version: int = 0

    def __post_init__(self) -> None:
        self.need = Need(replace(PLAN, loss=self.loss, above=self.limit, lasts=DAY), NeedState())
        self.rng = np.random.default_rng(self.one.seed)

    def __call__(self, day: int, trained: int, seen: FloatArray) -> bool:
        """See Policy; the slice that became mature today may be of a version before."""
        if not len(seen):
            return False
        at = len(seen) - 1
        now = (START + day + 1) * DAY
        slices = ()
        if at >= trained:
            value = float(seen[at])
            slices = (
                MetricSlice(str(trained), (START + at) * DAY, value, value * (1 - value) / self.one.rows, 1, 1.0),
            )
        self.need.take(NeedReading((START + at + 1) * DAY, slices), now, facts(self.one.kind, self.rng))
        since = self.need.state.since.get(str(trained))
        return since is not None and since + DAY <= now


MAKERS: dict[str, dict[str, Callable[[World], Policy]]] = {
    "cadence": {f"every {every} days": lambda _, every=every: Cadence(every) for every in CADENCES},
    "CUSUM": {
        f"CUSUM of {loss:g} above {limit:g}": lambda _, loss=loss, limit=limit: Cusum(loss, limit)
        for loss in LOSSES
        for limit in DECISIONS
    },
    "P(need)": {
        f"P(loss of {loss:g}) from {limit:g} on": lambda one, loss=loss, limit=limit: ByNeed(loss, limit, one)
        for loss in LOSSES
        for limit in LIMITS
    },
}
"""Name of a policy -> setting -> what makes it for a year."""


@dataclass
class Cost:
    """Of one policy, by world: what was lost, and trainings."""

    lost: FloatArray
    trainings: FloatArray

    def of(self, weight: float) -> FloatArray:
        """What each year cost, in trainings."""
        return self.lost / TRAINING + weight * self.trainings


def played(worlds: list[World], make: Callable[[World], Policy]) -> Cost:
    """All years under a policy."""
    found = [lived(one, make(one)) for one in worlds]
    return Cost(np.array([lost for lost, _ in found]), np.array([float(count) for _, count in found]))


def line(name: str, cost: Cost) -> None:
    """One row."""
    totals = " ".join(f"{cost.of(weight).mean():8.2f}" for weight in WEIGHTS)
    print(f"{name:28} {cost.lost.mean() / TRAINING:8.2f} {cost.trainings.mean():9.2f} {totals}", flush=True)


def best(costs: dict[str, Cost], weight: float) -> tuple[str, Cost]:
    """The setting that costs least in hindsight."""
    return min(costs.items(), key=lambda item: float(item[1].of(weight).mean()))


def compared(ours: Cost, rival: Cost, weight: float, factor: float) -> tuple[str, bool]:
    """The ratio of what two cost, and whether ours is no more than so much of the other's."""
    mine, theirs = ours.of(weight), rival.of(weight)
    gap = mine - factor * theirs
    error = float(gap.std(ddof=1)) / len(gap) ** 0.5
    ratio = float(mine.mean() / theirs.mean())
    return f"{ratio:.2f} of it (difference {gap.mean():+.2f}, standard error {error:.2f})", gap.mean() <= SURE * error


def main() -> int:
    """Print the figures; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the model-years")
    parser.add_argument("--seeds", type=int, default=30_000, help="first seed")
    given = parser.parse_args()
    years = (12 if given.quick else 60) * len(KINDS)
    show()
    began = time.monotonic()
    worlds = [world(KINDS[number % len(KINDS)], given.seeds + number) for number in range(years)]
    print(f"\n{years} model-years; costs of a year, in trainings; a training costs {TRAINING:g} points times days")
    head = " ".join(f"{f'x{weight:g}':>8}" for weight in WEIGHTS)
    print(f"{'trained anew':28} {'lost':>8} {'trainings':>9} {head}")
    never = played(worlds, lambda _: Cadence(DAYS + 1))
    line("never", never)
    found: dict[str, dict[str, Cost]] = {name: {} for name in MAKERS}
    for name, makers in MAKERS.items():
        for title, make in makers.items():
            found[name][title] = played(worlds, make)
            line(title, found[name][title])
    found["cadence"]["never"] = never
    good = True
    for weight in WEIGHTS:
        title, ours = best(found["P(need)"], weight)
        print(f"\na training costs {weight:g} of that: {title} costs")
        for name, factor in (("cadence", 1.0), ("CUSUM", CUSUM_MARGIN)):
            rival, cost = best(found[name], weight)
            text, holds = compared(ours, cost, weight, factor)
            print(f"  against {rival}: {text}{'' if holds else ': more than is wanted'}")
            good &= holds or weight != 1.0
    by_kind(worlds, {title: cost for name in MAKERS for title, cost in [best(found[name], 1.0)]})
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if good else 1


def by_kind(worlds: list[World], costs: dict[str, Cost]) -> None:
    """What each costs in each kind of world."""
    print(f"\n{'cost by kind':28} " + " ".join(f"{title:>28}" for title in costs))
    for kind in KINDS:
        mine = np.array([one.kind == kind for one in worlds])
        print(f"{kind:28} " + " ".join(f"{one.of(1.0)[mine].mean():28.2f}" for one in costs.values()))


if __name__ == "__main__":
    sys.exit(main())
