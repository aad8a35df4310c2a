"""The metrics of labelled predictions: one row each, everything else about them is derived from it.

A new metric is a row here and a function in windows/outcomes/ (binary.py, multiclass.py, regression.py, ranking.py, or
class_scores.py for what comes of a confusion matrix), with its line in METRICS of that file; why it may have no value
says windows/outcomes/absence.py. The config's key, objectives, the template of `init`, checks, alert sentences and
series follow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from windows.outcomes.layout import TASKS, Task

Better = Literal["high", "low", "neither"]
"""Which values are good; a metric of neither is judged on how far it moves, up or down."""

Extent = Literal["share", "within_one", "up_to_one", "any_sign", "open"]
"""A share is from 0 to 1 and, where high is good, best at 1, so that its complement is what counts; others are between
0 and 1 without that, end at 1 and begin below 0 (`lowest`), have no end, or none above 0."""

B, M, R, K = TASKS  # binary, multiclass, regression, ranking


@dataclass(frozen=True, slots=True)
class LabelMetricRow:
    """What is known of a metric.

    Attributes:
        better: which values are good.
        extent: where its values lie.
        words: how an alert's sentence begins.
        tasks: those that have it.
        of_any_coverage: few labels make it no worse.
        lowest: its least value, where its extent is up to one.
    """

    better: Better
    extent: Extent
    words: str
    tasks: tuple[Task, ...]
    of_any_coverage: bool = False
    lowest: float = 0.0


_ROW = LabelMetricRow

ROWS: dict[str, LabelMetricRow] = {
    "accuracy": _ROW("high", "share", "Accuracy", (B, M)),  # share of predictions that were right
    "precision": _ROW("high", "share", "Precision", (B, M)),  # share of alarms that were right
    "recall": _ROW("high", "share", "Recall", (B, M)),  # share of cases that were found
    "f1": _ROW("high", "share", "F1", (B, M)),  # harmonic mean of the two: van Rijsbergen (1979)
    "macro_f1": _ROW("high", "share", "Macro F1", (B, M)),  # its mean over classes: a rare class counts as much
    "mcc": _ROW("high", "up_to_one", "Matthews correlation", (B,), lowest=-1.0),  # Matthews (1975)
    "fpr": _ROW("low", "share", "False positive rate", (B,)),  # false alarms among what was harmless
    "auc": _ROW("high", "share", "AUC", (B,)),  # of ranking a case above a non-case: Hanley and McNeil (1982)
    "log_loss": _ROW("low", "open", "Log loss", (B, M)),  # a proper score: Good (1952)
    "brier": _ROW("low", "within_one", "Brier score", (B, M)),  # a proper score: Brier (1950)
    "ece": _ROW("low", "within_one", "Expected calibration error", (B, M)),  # Naeini et al. (2015)
    "calibration_gap": _ROW("low", "within_one", "Mean |prediction - outcome|", (B, M)),
    "predicted_positive_ratio": _ROW("neither", "share", "Share of positive predictions", (B,)),  # a balance
    "positive_ratio": _ROW("neither", "share", "Share of positive outcomes", (B,)),  # the world's own balance
    "mae": _ROW("low", "open", "Mean absolute error", (R,)),
    "rmse": _ROW("low", "open", "Root mean square error", (R,)),
    "bias": _ROW("neither", "any_sign", "Bias", (R,)),  # too high is as wrong as too low
    "r2": _ROW("high", "up_to_one", "R2", (R,), lowest=-math.inf),  # share of variance explained
    "within_tolerance": _ROW("high", "share", "Share of errors within the tolerance", (R,)),  # that nobody minds
    "abs_error_p50": _ROW("low", "open", "Median absolute error", (R,)),
    "abs_error_p90": _ROW("low", "open", "p90 of the absolute error", (R,)),
    "abs_error_p99": _ROW("low", "open", "p99 of the absolute error", (R,)),
    "ndcg": _ROW("high", "share", "NDCG", (K,)),  # Jaervelin and Kekaelaeinen (2002)
    "mrr": _ROW("high", "share", "MRR", (K,)),  # Voorhees, TREC-8 (1999)
    "ctr": _ROW("high", "share", "Click-through rate", (K,)),  # clicks on what was shown
    "clicked_ratio": _ROW("high", "share", "Share of lists with a click", (K,)),
    "unlisted_ratio": _ROW("low", "share", "Share of clicks on items that were not in the list", (K,)),
    "value_mean": _ROW("high", "any_sign", "Mean value per prediction", TASKS, of_any_coverage=True),  # revenue, hours
    "label_coverage": _ROW("high", "share", "Share of predictions with a label", TASKS, of_any_coverage=True),
    "label_delay_p50_s": _ROW("low", "open", "Median label delay in seconds", TASKS, of_any_coverage=True),
    "label_delay_p95_s": _ROW("low", "open", "p95 label delay in seconds", TASKS, of_any_coverage=True),
}

if TYPE_CHECKING:
    LabelMetric = str
else:
    LabelMetric = Literal[tuple(ROWS)]
    """The name of a metric that needs feedback."""

LABEL_METRICS: tuple[LabelMetric, ...] = tuple(ROWS)

BETTER: dict[LabelMetric, Better] = {name: row.better for name, row in ROWS.items()}

WORDS: dict[LabelMetric, str] = {name: row.words for name, row in ROWS.items()}

SHARES = frozenset(name for name, row in ROWS.items() if row.extent == "share")

WITHIN_ONE = frozenset(name for name, row in ROWS.items() if row.extent in {"share", "within_one"})
"""Metrics between 0 and 1: a change of one or more is none that can happen."""

UP_TO_ONE = {name: row.lowest for name, row in ROWS.items() if row.extent == "up_to_one"}
"""Metrics that end at 1, with their other end."""

OF_ANY_SIGN = frozenset(name for name, row in ROWS.items() if row.extent == "any_sign")
"""Metrics without an end on either side."""

OF_ANY_COVERAGE = frozenset(name for name, row in ROWS.items() if row.of_any_coverage)
"""Metrics that few labels make no worse: how many come, how late, and a business value, which needs none."""

FORECAST = frozenset(
    name for name, row in ROWS.items() if row.better != "neither" and (name == "value_mean" or not row.of_any_coverage)
)
"""Metrics of which it can be forecast whether they will be worse."""

OF_TASK: dict[Task, tuple[LabelMetric, ...]] = {
    task: tuple(name for name, row in ROWS.items() if task in row.tasks) for task in TASKS
}
"""The metrics of each task; for several classes precision, recall and f1 are means over them."""

ERROR_OF: dict[Task, tuple[str, str]] = {
    "binary": ("accuracy", "error_rate"),
    "multiclass": ("accuracy", "error_rate"),
    "regression": ("mae", "mae"),
    "ranking": ("ndcg", "ndcg_loss"),
}
"""The metric that a task's error is taken from, and the error's name; another name is 1 minus the metric."""

COMPLEMENT_OF = {error: metric for metric, error in ERROR_OF.values() if error != metric}
"""Errors that are 1 minus a metric that is measured."""
