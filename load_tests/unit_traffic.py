"""Much labelled traffic at little cost: a few kinds of predictions, and how often each occurs.

Outcome vectors are integers that add up, so a vector of a million rows of a kind is a million times the vector of one:
exactly what folding the rows one by one would give.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from operators.join.ticks import NEVER, CohortTick, LabelTotals
from windows.outcomes.fold import Outcomes, fold_outcomes, fold_predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from windows.outcomes.layout import TaskLayout

Shares = "npt.NDArray[np.float64]"


@dataclass(frozen=True)
class Kinds:
    """K kinds of predictions with what becomes known of them."""

    score: npt.NDArray[np.float64]
    label: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    ranked: Sequence[Sequence[str]] | None = None
    clicked: Sequence[Sequence[str]] | None = None

    def predictions(self, layout: TaskLayout) -> npt.NDArray[np.int64]:
        """int64[K, size]: one prediction of each kind."""
        return fold_predictions(layout, self.score, np.arange(len(self.score)), len(self.score))

    def outcomes(self, layout: TaskLayout, delay: int) -> npt.NDArray[np.int64]:
        """int64[K, size]: the label of each kind, this late (ms)."""
        count = len(self.score)
        rows = Outcomes(
            score=self.score,
            probabilities=None,
            ranked=self.ranked,
            label=self.label,
            clicked=self.clicked,
            value=self.value,
            delay=np.full(count, delay),
            sign=np.ones(count, dtype=np.int64),
        )
        return fold_outcomes(layout, rows, np.arange(count), count)


@dataclass(frozen=True)
class Stream:
    """Predictions of one version and segment in one cohort: how many, and the share of each kind (float64[K])."""

    version: str
    segment: str
    rows: float
    shares: Any


def unit_ticks(
    layout: TaskLayout,
    tick: int,
    kinds: Kinds,
    served: Callable[[int], list[Stream]],
    span: tuple[int, int],
    *,
    lags: Sequence[tuple[int, float]] = ((0, 1.0),),
    labels_until: int | None = None,
    sparse_until: int = 0,
    seed: int = 0,
) -> Iterator[CohortTick]:
    """Cohort ticks of the time [start, end) in `span`, ms.

    Args:
        layout: of the task.
        tick: ms.
        kinds: what there is.
        served: what is predicted in a cohort, by its start (ms); nothing where the list is empty.
        span: ms.
        lags: (delay in ticks, share of the predictions whose label comes then); the rest never gets one.
        sparse_until: before this moment, ms, ticks without news are left out.
        labels_until: no label comes from this moment on, ms.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    first = span[0] // tick
    units = kinds.predictions(layout)
    known = {lag: kinds.outcomes(layout, lag * tick) for lag, _ in lags}
    due: dict[int, dict] = defaultdict(dict)
    totals, newest, newest_label = LabelTotals(), NEVER, NEVER
    for at in range(first, span[1] // tick):
        deltas: dict = due.pop(at, {})
        if deltas:
            newest_label = (at + 1) * tick - 1
            totals = LabelTotals(feedback={"delayed": at})
        for stream in served(at * tick):
            counts = rng.multinomial(rng.poisson(stream.rows), stream.shares)
            _add(deltas, (at, stream.version), stream.segment, counts @ units)
            newest = (at + 1) * tick - 1
            rest, left = counts, 1.0
            for lag, share in lags:
                come = rng.binomial(rest, min(share / left, 1.0))
                rest, left = rest - come, left - share
                if labels_until is not None and (at + lag) * tick >= labels_until:
                    continue
                target = deltas if lag == 0 else due[at + lag]
                _add(target, (at, stream.version), stream.segment, come @ known[lag])
                if lag == 0:
                    newest_label = newest
        if deltas or at * tick >= sparse_until:
            yield CohortTick((at + 1) * tick, deltas, totals, newest_label, newest, ended=False)


def _add(deltas: dict, cohort: tuple[int, str], segment: str, vector: npt.NDArray[np.int64]) -> None:
    for name in {"", segment}:
        key = (*cohort, name)
        deltas[key] = deltas[key] + vector if key in deltas else vector
