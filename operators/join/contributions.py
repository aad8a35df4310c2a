"""Outcomes: joined predictions become signed sketches by group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from operators.join.groups import grouped, heads_of
from windows.outcomes.fold import Outcomes, fold_outcomes, fold_predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from operators.join.groups import GroupKey
    from operators.join.history import State
    from operators.join.stub import Stubs
    from operators.plans.join import JoinPlan
    from windows.arrays import FloatArray, IntArray

Sketches = dict["GroupKey", "IntArray"]


@dataclass(slots=True)
class Contributions:
    """What joining found, row by row: index of the stub, known tick, state and sign."""

    rows: list[int]
    ticks: list[int]
    states: list[State]
    signs: list[int]

    def add(self, row: int, tick: int, state: State, sign: int) -> None:
        """One contribution."""
        self.rows.append(row)
        self.ticks.append(tick)
        self.states.append(state)
        self.signs.append(sign)

    def extend(self, rows: Sequence[int], ticks: Sequence[int], states: Sequence[State]) -> None:
        """As many states that begin."""
        self.rows.extend(rows)
        self.ticks.extend(ticks)
        self.states.extend(states)
        self.signs.extend(repeat(1, len(rows)))


@dataclass(frozen=True, slots=True)
class Unfolded:
    """n rows that are to be counted: of predictions made, or of what became known of them.

    Attributes:
        ticks: int64[n], known tick.
        cohorts: int64[n].
        versions: names.
        version: int64[n], index into `versions`.
        segments: int64[S, n].
        content: what became known, or float64[n], the scores of predictions made.
    """

    ticks: IntArray
    cohorts: IntArray
    versions: Sequence[str]
    version: IntArray
    segments: IntArray
    content: Outcomes | FloatArray

    def named(self, names: Callable[[str, int], str]) -> Unfolded:
        """The same with the name in place of each version that a cohort of it counts under."""
        heads, head = heads_of(self.ticks, self.cohorts, self.versions, self.version)
        place: dict[str, int] = {}
        chosen = [place.setdefault(names(version, cohort), len(place)) for _, cohort, version in heads]
        return replace(self, versions=tuple(place), version=np.array(chosen, dtype=np.int64)[head])


Counted = Sketches | Unfolded
"""Sketches; or the rows themselves where they have more versions than are told apart. A sketch of each version would
cost a hundred times what its rows do, and which of them count by name is for the one who knows all."""


def counted(plan: JoinPlan, rows: Unfolded) -> Counted:
    """The rows as they are told."""
    return rows if len(rows.versions) > plan.max_versions else folded(plan, rows)


def folded(plan: JoinPlan, rows: Unfolded) -> Sketches:
    """The signed sketch of every group that occurs."""
    groups = grouped(plan.families, rows.ticks, rows.cohorts, rows.versions, rows.version, rows.segments)
    content, count = rows.content, len(groups.keys)
    found = (
        fold_outcomes(plan.task, content.part(groups.rows), groups.groups, count)
        if isinstance(content, Outcomes)
        else fold_predictions(plan.task, content[groups.rows], groups.groups, count)
    )
    return dict(zip(groups.keys, found, strict=True))


def contributed(plan: JoinPlan, stubs: Stubs, found: Contributions) -> Counted:
    """What joining found."""
    if not found.rows:
        return {}
    rows = np.array(found.rows, dtype=np.int64)
    names = sorted(set(stubs.versions))
    index = {name: at for at, name in enumerate(names)}
    version = np.array([index[stubs.versions[row]] for row in found.rows], dtype=np.int64)
    times = stubs.times[rows]
    ticks = np.array(found.ticks, dtype=np.int64)
    outcomes = _outcomes(stubs, found, rows, times)
    return counted(plan, Unfolded(ticks, times // plan.tick, names, version, stubs.segments[:, rows], outcomes))


def assumed(plan: JoinPlan, stubs: Stubs, versions: Sequence[str], version: IntArray, rows: IntArray) -> Counted:
    """The negative labels that count for `rows` from `negative_after` on, unless feedback comes."""
    after = plan.negative_after or 0
    times = stubs.times[rows]
    due = np.maximum(times + after, stubs.known[rows]) // plan.tick
    count = len(rows)
    picked = rows.tolist()
    outcomes = Outcomes(
        score=stubs.score[rows],
        probabilities=None if stubs.probabilities is None else stubs.probabilities[rows],
        ranked=None if stubs.ranked is None else [stubs.ranked[row] for row in picked],
        label=np.zeros(count) if stubs.ranked is None else np.full(count, np.nan),
        clicked=None if stubs.ranked is None else [()] * count,
        value=np.full(count, np.nan),
        delay=np.full(count, after, dtype=np.int64),
        sign=np.ones(count, dtype=np.int64),
    )
    return counted(plan, Unfolded(due, times // plan.tick, versions, version[rows], stubs.segments[:, rows], outcomes))


def _outcomes(stubs: Stubs, found: Contributions, rows: IntArray, times: IntArray) -> Outcomes:
    given = np.array([state.at for state in found.states], dtype=np.int64)
    ranking = stubs.ranked is not None
    labels = [
        np.nan if state.label is None or isinstance(state.label, tuple) else state.label for state in found.states
    ]
    return Outcomes(
        score=stubs.score[rows],
        probabilities=None if stubs.probabilities is None else stubs.probabilities[rows],
        ranked=[stubs.ranked[row] for row in found.rows] if stubs.ranked is not None else None,
        label=np.array(labels, dtype=np.float64),
        clicked=[_clicked(state) for state in found.states] if ranking else None,
        value=np.array([np.nan if state.value is None else state.value for state in found.states], dtype=np.float64),
        delay=np.maximum(given - times, 0),
        sign=np.array(found.signs, dtype=np.int64),
    )


def _clicked(state: State) -> Sequence[object] | None:
    """Clicked items; none for an assumed negative; None where there is no label."""
    if state.label is None:
        return None
    return state.label if isinstance(state.label, tuple) else ()
