"""Performance metrics of outcome vectors, each with its interval.

Names that every task has: labelled, predictions, label_coverage, label_delay_p50_s, label_delay_p95_s, value_mean.
Those of a task: `windows.outcomes.binary`, `multiclass`, `regression`, `ranking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes import binary, multiclass, ranking, regression
from windows.outcomes.layout import DELAYS
from windows.outcomes.metric import Metric
from windows.statistics.measured import Measured, by_laws, exact, measured, share
from windows.statistics.skewed_mean import Moments, mean_laws

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from windows.arrays import IntArray
    from windows.outcomes.layout import Task, TaskLayout
    from windows.outcomes.metric import Measure

__all__ = ["METRICS", "Measured", "metric_names", "task_metrics"]


def metric_names(layout: TaskLayout) -> tuple[str, ...]:
    """The metrics this layout can give, in the order they are shown."""
    names = tuple(METRICS[layout.options.task])
    if layout.options.tolerance is None:
        return tuple(name for name in names if name != "within_tolerance")
    return names


def task_metrics(
    layout: TaskLayout, vectors: IntArray, alpha: float, names: Collection[str] | None = None
) -> dict[str, Measured]:
    """The metrics of G groups.

    Args:
        layout: of the task.
        vectors: int64[G, layout.size], `fold_predictions` and `fold_outcomes` merged.
        alpha: probability of error per bound.
        names: the metrics wanted; None for all. Names this task does not have are left out.
    """
    wanted = metric_names(layout) if names is None else [name for name in metric_names(layout) if name in names]
    table = METRICS[layout.options.task]
    return {name: table[name].measure(layout, vectors, alpha) for name in wanted}


def _labelled(layout: TaskLayout, vectors: IntArray, _alpha: float) -> Measured:
    return exact(vectors[:, layout.labelled])


def _predictions(layout: TaskLayout, vectors: IntArray, _alpha: float) -> Measured:
    return exact(vectors[:, layout.predictions])


def _label_coverage(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
    predictions = vectors[:, layout.predictions]
    return share(np.minimum(vectors[:, layout.labelled], predictions), predictions, alpha)


def _value_mean(layout: TaskLayout, vectors: IntArray, alpha: float, beside: IntArray | None = None) -> Measured:
    moments = _values(layout, vectors)
    laws = mean_laws(moments, -np.inf, np.inf, alpha, None if beside is None else _values(layout, beside))
    return by_laws(moments.mean, laws, -np.inf, np.inf, vectors[:, layout.valued], alpha)


def _values(layout: TaskLayout, vectors: IntArray) -> Moments:
    sums = layout.blocks["value"]
    powers = (sums.read(vectors, name) for name in ("value", "value_2", "value_3"))
    return Moments.of_sums(vectors[:, layout.valued], *powers)


def _label_delay(q: float) -> Measure:
    def delay(layout: TaskLayout, vectors: IntArray, alpha: float) -> Measured:
        counts = vectors[:, layout.spans["delay"]]
        return measured(DELAYS.quantile(counts, q), DELAYS.quantile_bounds(counts, q, alpha), counts.sum(axis=1))

    return delay


_COMMON: Mapping[str, Metric] = {
    "value_mean": Metric(_value_mean, beside=_value_mean),
    "label_coverage": Metric(_label_coverage),
    "label_delay_p50_s": Metric(_label_delay(0.5), added=True),
    "label_delay_p95_s": Metric(_label_delay(0.95), added=True),
    "labelled": Metric(_labelled),
    "predictions": Metric(_predictions),
}
METRICS: Mapping[Task, Mapping[str, Metric]] = {
    "binary": {**binary.METRICS, **_COMMON},
    "multiclass": {**multiclass.METRICS, **_COMMON},
    "regression": {**regression.METRICS, **_COMMON},
    "ranking": {**ranking.METRICS, **_COMMON},
}
"""The metrics of each task, in the order they are shown."""
