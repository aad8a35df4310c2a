"""Labelled traffic as cohort ticks: outcomes are drawn row by row and folded; JSON, ids and the join are left out.

What the join makes of labels is proved elsewhere (`label_orders.py`). From cohort ticks on, everything is the product.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from operators.join.ticks import CohortTick, LabelTotals
from windows.outcomes.fold import Outcomes, fold_outcomes, fold_predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from operators.join.ticks import CohortKey, Deltas
    from windows.arrays import FloatArray, IntArray
    from windows.outcomes.layout import TaskLayout

Draw = "Callable[[np.random.Generator, int, int], tuple[FloatArray, FloatArray]]"
"""(rng, rows, time in ms) -> scores and labels of so many predictions."""

SPREAD = (0.4, 0.3, 0.15, 0.1, 0.05)
"""Shares of the labels that come in the same tick as the prediction, in the next one, two, four and eight later."""
OFFSETS = (0, 1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Mix:
    """What traffic is made of.

    Attributes:
        groups: (version, segment), share; each prediction also counts in the whole of its version.
        coverage: share of the predictions that get a label.
        draw: see Draw.
    """

    groups: Sequence[tuple[str, str, float]]
    coverage: float
    draw: Callable[[np.random.Generator, int, int], tuple[FloatArray, FloatArray]]


class LabelCounts:
    """Makes the cohort ticks of one model, one after the other.

    Args:
        layout: of its outcomes.
        tick: ms.
        mix: what is drawn.
        rng: draws it.
    """

    def __init__(self, layout: TaskLayout, tick: int, mix: Mix, rng: np.random.Generator) -> None:
        self.layout, self.length, self.mix, self.rng = layout, tick, mix, rng
        self.rows = 0
        self.labels = 0
        self._later: dict[int, Deltas] = {}
        self._shares = np.array([share for *_, share in mix.groups])
        self._versions = sorted({version for version, *_ in mix.groups})
        self._keys = [(version, "") for version in self._versions]
        self._keys += [(version, segment) for version, segment, _ in mix.groups]
        self._whole = np.array([self._versions.index(version) for version, *_ in mix.groups])
        self._totals = LabelTotals()

    def tick(self, number: int, rate: float) -> CohortTick:
        """The tick of this number (time // length), with so many predictions a second on average."""
        rng, layout = self.rng, self.layout
        start, end = number * self.length, (number + 1) * self.length
        count = int(rng.poisson(rate * self.length / 1e3))
        score, label = self.mix.draw(rng, count, start)
        group = rng.choice(len(self._shares), count, p=self._shares)
        here: Deltas = {}
        self._add(number, here, fold_predictions(layout, *self._twice(score, group)))
        labelled = np.flatnonzero(rng.random(count) < self.mix.coverage)
        when = rng.choice(len(OFFSETS), len(labelled), p=SPREAD)
        for at, offset in enumerate(OFFSETS):
            rows = labelled[when == at]
            if not len(rows):
                continue
            scores, groups, kinds = self._twice(score[rows], group[rows])
            outcomes = _outcomes(scores, np.tile(label[rows], 2), offset * self.length + self.length // 2)
            later = here if not offset else self._later.setdefault(number + offset, {})
            self._add(number, later, fold_outcomes(layout, outcomes, groups, kinds))
        for key, delta in self._later.pop(number, {}).items():
            here[key] = here[key] + delta if key in here else delta
        known = sum(int(delta[layout.labelled]) for (_, _, segment), delta in here.items() if not segment)
        self.rows += count
        self.labels += known
        self._totals = replace(self._totals, feedback={"explicit": self.labels}, matched=self.labels)
        return CohortTick(end, here, self._totals, end - 1, end - 1, ended=False, heard=self.labels)

    def _twice(self, score: FloatArray, group: IntArray) -> tuple[FloatArray, IntArray, int]:
        """Each row in the whole of its version and in its segment."""
        groups = np.concatenate((self._whole[group], len(self._versions) + group))
        return np.tile(score, 2), groups, len(self._keys)

    def _add(self, number: int, deltas: Deltas, vectors: IntArray) -> None:
        for (version, segment), vector in zip(self._keys, vectors, strict=True):
            if vector.any():
                key: CohortKey = (number, version, segment)
                deltas[key] = deltas[key] + vector if key in deltas else vector


def _outcomes(score: FloatArray, label: FloatArray, delay: int) -> Outcomes:
    count = len(score)
    return Outcomes(
        score=score,
        probabilities=None,
        ranked=None,
        label=label,
        clicked=None,
        value=np.full(count, np.nan),
        delay=np.full(count, delay, dtype=np.int64),
        sign=np.ones(count, dtype=np.int64),
    )
