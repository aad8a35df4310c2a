"""Metrics of a ranking model.

- ndcg (at k), mrr: means over the lists (`windows.statistics.skewed_mean`); a list without a click counts as 0.
- ctr: clicked places over shown places, within k. Places of one list are not independent: the share is worth as many
  independent places as give its variance over lists (delta method for a ratio), at least as many as there are lists.
- clicked_ratio: share of the lists with a click anywhere.
- unlisted_ratio: share of the clicked items that were not in their list: ids that do not match, mostly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes.metric import Metric
from windows.statistics.intervals import proportion_interval
from windows.statistics.law import share_laws
from windows.statistics.measured import Measured, by_laws, measured, share
from windows.statistics.skewed_mean import Moments, mean_laws

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import FloatArray, IntArray
    from windows.outcomes.layout import TaskLayout


def _lists(layout: TaskLayout, vectors: IntArray) -> IntArray:
    lists: IntArray = vectors[:, layout.labelled] - vectors[:, layout.unusable]
    return lists


def _mean(name: str) -> Callable[[TaskLayout, IntArray, float], Measured]:
    def mean(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
        sums, lists = layout.blocks["lists"], _lists(layout, vectors)
        powers = (sums.read(vectors, power) for power in (name, f"{name}_2", f"{name}_3"))
        moments = Moments.of_sums(lists, *powers)
        return by_laws(moments.mean, mean_laws(moments, 0.0, 1.0, alpha), 0.0, 1.0, lists, alpha)

    return mean


def _ctr(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    lists = _lists(layout, vectors)
    shown, clicks, shown_2, both, clicks_2 = (
        vectors[:, layout.slot(name)].astype(np.float64)
        for name in ("shown", "clicks", "shown_2", "shown_clicks", "clicks_2")
    )
    places = np.maximum(shown, 1.0)
    ratio = clicks / places
    spread = np.maximum(clicks_2 - 2 * ratio * both + ratio**2 * shown_2, 0.0) / places**2
    fair: FloatArray = ratio * (1 - ratio)
    worth = np.divide(fair, spread, out=np.zeros_like(fair), where=spread > 0)
    worth = np.minimum(np.maximum(worth, np.minimum(lists, shown)), shown)
    interval, laws = proportion_interval(ratio * worth, worth, alpha), share_laws(ratio * worth, worth)
    return measured(ratio, interval, np.where(shown > 0, lists, 0), laws)


def _clicked_ratio(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    return share(vectors[:, layout.slot("clicked_lists")], _lists(layout, vectors), alpha)


def _unlisted_ratio(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    return share(vectors[:, layout.slot("unlisted")], vectors[:, layout.slot("clicked")], alpha)


METRICS = {
    "ndcg": Metric(_mean("ndcg")),
    "mrr": Metric(_mean("reciprocal")),
    "ctr": Metric(_ctr),
    "clicked_ratio": Metric(_clicked_ratio),
    "unlisted_ratio": Metric(_unlisted_ratio),
}
