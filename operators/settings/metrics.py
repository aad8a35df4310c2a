"""The metrics of labelled predictions: one row each, everything else about them is derived from it.

A new metric is a row here and a function in windows/outcomes/ (binary.py, multiclass.py, regression.py or ranking.py),
with its row in METRICS of that file, which also knows why it may have no value; one of confusion matrices that binary
and multiclass models have alike is in class_scores.py, with its row in `of_both`, for both. What has a slot in
windows/outcomes/layout.py already needs no more. The config's key, objectives, the template of `init`, checks, alert
sentences, series and charts follow; `python deploy/build.py` writes README's list anew. What it should be is written
once more, with scikit-learn, in load_tests/label_oracle.py, which random worlds are held against
(tests/operators/test_label_orders.py).
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
        title: what it is called on a page; empty for its name, in words.
        charted: pages show it without a rule on it, in the order of the rows.
        of_rows: a mean of what each row contributes, so that two versions can be compared slice by slice.
    """

    better: Better
    extent: Extent
    words: str
    tasks: tuple[Task, ...]
    of_any_coverage: bool = False
    lowest: float = 0.0
    title: str = ""
    charted: bool = False
    of_rows: bool = False


_ROW = LabelMetricRow

ROWS: dict[str, LabelMetricRow] = {
    # share of predictions that were right
    "accuracy": _ROW("high", "share", "Accuracy", (B, M), charted=True, of_rows=True),
    # share of alarms that were right
    "precision": _ROW("high", "share", "Precision", (B, M), charted=True, of_rows=True),
    "recall": _ROW("high", "share", "Recall", (B, M), charted=True, of_rows=True),  # share of cases that were found
    "f1": _ROW("high", "share", "F1", (B, M), charted=True),  # harmonic mean of the two: van Rijsbergen (1979)
    # its mean over classes: a rare class counts as much
    "macro_f1": _ROW("high", "share", "Macro F1", (B, M), charted=True),
    # the mean of their recalls: a model that always names the frequent class gets no more than one that guesses
    "balanced_accuracy": _ROW("high", "share", "Balanced accuracy", (B, M)),
    "mcc": _ROW("high", "up_to_one", "Matthews correlation", (B,), lowest=-1.0, title="MCC"),  # Matthews (1975)
    "fpr": _ROW(
        "low", "share", "False positive rate", (B,), title="False positive rate", of_rows=True
    ),  # false alarms among what was harmless
    # of ranking a case above a non-case: Hanley and McNeil (1982)
    "auc": _ROW("high", "share", "AUC", (B,), title="AUC", charted=True),
    "log_loss": _ROW("low", "open", "Log loss", (B, M), charted=True, of_rows=True),  # a proper score: Good (1952)
    "brier": _ROW("low", "within_one", "Brier score", (B, M), of_rows=True),  # a proper score: Brier (1950)
    "ece": _ROW("low", "within_one", "Expected calibration error", (B, M), title="ECE"),  # Naeini et al. (2015)
    "calibration_gap": _ROW("low", "within_one", "Mean |prediction - outcome|", (B, M)),
    "predicted_positive_ratio": _ROW("neither", "share", "Share of positive predictions", (B,)),  # a balance
    "positive_ratio": _ROW("neither", "share", "Share of positive outcomes", (B,)),  # the world's own balance
    "mae": _ROW("low", "open", "Mean absolute error", (R,), title="MAE", charted=True, of_rows=True),
    "rmse": _ROW("low", "open", "Root mean square error", (R,), title="RMSE", charted=True),
    "bias": _ROW("neither", "any_sign", "Bias", (R,), charted=True),  # too high is as wrong as too low
    # share of variance explained
    "r2": _ROW("high", "up_to_one", "R2", (R,), lowest=-math.inf, title="R²", charted=True),
    # that nobody minds
    "within_tolerance": _ROW("high", "share", "Share of errors within the tolerance", (R,), of_rows=True),
    "abs_error_p50": _ROW("low", "open", "Median absolute error", (R,)),
    "abs_error_p90": _ROW("low", "open", "p90 of the absolute error", (R,)),
    "abs_error_p99": _ROW("low", "open", "p99 of the absolute error", (R,)),
    "ndcg": _ROW(
        "high", "share", "NDCG", (K,), title="NDCG", charted=True, of_rows=True
    ),  # Jaervelin and Kekaelaeinen (2002)
    "mrr": _ROW("high", "share", "MRR", (K,), title="MRR", charted=True, of_rows=True),  # Voorhees, TREC-8 (1999)
    "ctr": _ROW("high", "share", "Click-through rate", (K,), title="CTR", charted=True),  # clicks on what was shown
    "clicked_ratio": _ROW("high", "share", "Share of lists with a click", (K,), of_rows=True),
    "unlisted_ratio": _ROW("low", "share", "Share of clicks on items that were not in the list", (K,)),
    # revenue, hours
    "value_mean": _ROW(
        "high", "any_sign", "Mean value per prediction", TASKS, of_any_coverage=True, charted=True, of_rows=True
    ),
    "label_coverage": _ROW(
        "high", "share", "Share of predictions with a label", TASKS, of_any_coverage=True, charted=True
    ),
    "label_delay_p50_s": _ROW(
        "low", "open", "Median label delay in seconds", TASKS, of_any_coverage=True, charted=True
    ),
    "label_delay_p95_s": _ROW("low", "open", "p95 label delay in seconds", TASKS, of_any_coverage=True),
}

if TYPE_CHECKING:
    LabelMetric = str
else:
    LabelMetric = Literal[tuple(ROWS)]
    """The name of a metric that needs feedback."""

LABEL_METRICS: tuple[LabelMetric, ...] = tuple(ROWS)

_LEAST = {"share": 0.0, "within_one": 0.0, "open": 0.0, "any_sign": -math.inf}
ENDS: dict[LabelMetric, tuple[float, float]] = {
    name: (_LEAST.get(row.extent, row.lowest), math.inf if row.extent in {"open", "any_sign"} else 1.0)
    for name, row in ROWS.items()
}
"""What the values of each metric lie between."""

HEADLINE: dict[Task, LabelMetric] = {B: "accuracy", M: "accuracy", R: "mae", K: "ndcg"}
"""What a new config has a rule on."""

RULED: tuple[LabelMetric, ...] = ("auc", *dict.fromkeys(HEADLINE.values()))
"""All that new configs have rules on."""

BETTER: dict[LabelMetric, Better] = {name: row.better for name, row in ROWS.items()}

WORDS: dict[LabelMetric, str] = {name: row.words for name, row in ROWS.items()}

TITLES = {name: row.title for name, row in ROWS.items() if row.title}
"""What pages call them, where that is not their name in words."""

CHARTED = tuple(name for name, row in ROWS.items() if row.charted)
OF_ROWS = tuple(name for name, row in ROWS.items() if row.of_rows)
"""Metrics of two versions that can be compared slice by slice."""

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
