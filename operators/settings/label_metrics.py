"""Metrics of labelled predictions: which task has which, and which way is worse. Policy as data, with provenance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from windows.outcomes.layout import Task

Better = Literal["high", "low", "neither"]
"""Which values are good; a metric of neither is judged on how far it moves, up or down."""

LabelMetric = Literal[
    "accuracy",
    "precision",
    "recall",
    "f1",
    "macro_f1",
    "fpr",
    "auc",
    "log_loss",
    "brier",
    "ece",
    "calibration_gap",
    "predicted_positive_ratio",
    "positive_ratio",
    "mae",
    "rmse",
    "bias",
    "r2",
    "within_tolerance",
    "abs_error_p50",
    "abs_error_p90",
    "abs_error_p99",
    "ndcg",
    "mrr",
    "ctr",
    "clicked_ratio",
    "unlisted_ratio",
    "value_mean",
    "label_coverage",
    "label_delay_p50_s",
    "label_delay_p95_s",
]
"""Metrics that need feedback."""

LABEL_METRICS: tuple[LabelMetric, ...] = get_args(LabelMetric)

BETTER: dict[LabelMetric, Better] = {
    "accuracy": "high",  # share of predictions that were right
    "precision": "high",  # share of alarms that were right
    "recall": "high",  # share of cases that were found
    "f1": "high",  # harmonic mean of the two: van Rijsbergen, Information Retrieval (1979)
    "macro_f1": "high",  # the mean of it over classes, so that a rare class counts as much
    "fpr": "low",  # false alarms among what was harmless
    "auc": "high",  # probability of ranking a case above a non-case: Hanley and McNeil (1982)
    "log_loss": "low",  # a proper score: Good (1952)
    "brier": "low",  # a proper score: Brier (1950)
    "ece": "low",  # distance of scores from frequencies: Naeini et al. (2015)
    "calibration_gap": "low",  # mean |prediction - outcome|
    "predicted_positive_ratio": "neither",  # a balance: more is not worse than less
    "positive_ratio": "neither",  # the world's own balance
    "mae": "low",  # an error
    "rmse": "low",  # an error
    "bias": "neither",  # too high is as wrong as too low
    "r2": "high",  # share of variance explained
    "within_tolerance": "high",  # share of errors that nobody minds
    "abs_error_p50": "low",  # an error
    "abs_error_p90": "low",  # an error
    "abs_error_p99": "low",  # an error
    "ndcg": "high",  # Jaervelin and Kekaelaeinen (2002)
    "mrr": "high",  # Voorhees, TREC-8 (1999)
    "ctr": "high",  # clicks on what was shown
    "clicked_ratio": "high",  # share of lists that got a click
    "unlisted_ratio": "low",  # clicks on items that were not in their list: ids that do not match, mostly
    "value_mean": "high",  # revenue, watch hours: more is meant to be better
    "label_coverage": "high",  # what is known
    "label_delay_p50_s": "low",  # how late it is known
    "label_delay_p95_s": "low",  # the same
}

SHARES = frozenset(
    {
        "accuracy",
        "precision",
        "recall",
        "f1",
        "macro_f1",
        "fpr",
        "auc",
        "predicted_positive_ratio",
        "positive_ratio",
        "within_tolerance",
        "ndcg",
        "mrr",
        "ctr",
        "clicked_ratio",
        "unlisted_ratio",
        "label_coverage",
    }
)
"""Metrics from 0 to 1; those of which high is good are best at 1, so that their complement is what counts."""

_ANY: tuple[LabelMetric, ...] = ("value_mean", "label_coverage", "label_delay_p50_s", "label_delay_p95_s")

OF_ANY_COVERAGE: frozenset[LabelMetric] = frozenset(_ANY)
"""Metrics that few labels make no worse: how many come, how late, and a business value, which needs none."""

OF_TASK: dict[Task, tuple[LabelMetric, ...]] = {
    "binary": (
        "accuracy",
        "precision",
        "recall",
        "f1",
        "macro_f1",
        "fpr",
        "auc",
        "log_loss",
        "brier",
        "ece",
        "calibration_gap",
        "predicted_positive_ratio",
        "positive_ratio",
        *_ANY,
    ),
    "multiclass": (
        "accuracy",
        "precision",
        "recall",
        "f1",
        "macro_f1",
        "log_loss",
        "brier",
        "ece",
        "calibration_gap",
        *_ANY,
    ),
    "regression": (
        "mae",
        "rmse",
        "bias",
        "r2",
        "within_tolerance",
        "abs_error_p50",
        "abs_error_p90",
        "abs_error_p99",
        *_ANY,
    ),
    "ranking": ("ndcg", "mrr", "ctr", "clicked_ratio", "unlisted_ratio", *_ANY),
}
"""The metrics of each task; for several classes precision, recall and f1 are means over them."""
