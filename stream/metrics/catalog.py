"""Every metric of driftgauge, declared once: name, type, labels in order, help. Nothing else may be exposed.

Names are short here; `PREFIX` is put before them when they are rendered. Reports (`stream.metrics.reports`) give label
values in the order declared here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from windows.shares import SHARES, metric_of

PREFIX = "driftgauge_"

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `buckets` are the upper bounds of a histogram, ascending, without +Inf."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name that a scrape shows."""
        return PREFIX + self.name


def _counter(name: str, labels: tuple[str, ...], text: str) -> Metric:
    return Metric(name, "counter", labels, text)


def _gauge(name: str, labels: tuple[str, ...], text: str) -> Metric:
    return Metric(name, "gauge", labels, text)


_VERSION = ("model", "version")
_OVER_WINDOW = (*_VERSION, "window")
_DRIFT = (*_VERSION, "segment", "feature", "metric", "window")
_PREDICTION_DRIFT = (*_VERSION, "segment", "metric", "window")
_FEATURE = (*_VERSION, "feature")
_SLA = (*_VERSION, "sla")
_PARTITION = ("topic", "partition")

# What the models do.
PREDICTIONS_TOTAL = _counter("predictions_total", (*_VERSION, "outcome"), "Predictions folded; outcome is ok or error.")
PREDICTION_LATENCY_SECONDS = _gauge(
    "prediction_latency_seconds",
    (*_OVER_WINDOW, "quantile"),
    "Quantile of the latency that predictions carry, over an event-time window.",
)
AVAILABILITY_RATIO = _gauge("availability_ratio", _OVER_WINDOW, "Share of predictions without an error.")
THROUGHPUT_PER_SECOND = _gauge(
    "throughput_per_second", _OVER_WINDOW, "Predictions per second of event time; rate() of the total is by arrival."
)

# How far they are from their reference.
FEATURE_DRIFT = _gauge("feature_drift", _DRIFT, "Distance of a feature from its reference.")
FEATURE_DRIFT_BOUND = _gauge(
    "feature_drift_bound", _DRIFT, "Lower confidence bound of feature_drift: what alerts are decided on."
)
PREDICTION_DRIFT = _gauge("prediction_drift", _PREDICTION_DRIFT, "Distance of the predictions from their reference.")
PREDICTION_DRIFT_BOUND = _gauge(
    "prediction_drift_bound",
    _PREDICTION_DRIFT,
    "Lower confidence bound of prediction_drift: what alerts are decided on.",
)
_TRAIL = ("model", "monitor")
TRAILING_DRIFT = _gauge(
    "trailing_drift",
    (*_FEATURE, "metric", "window", "baseline"),
    "Distance of what came of late from what came before; of the predictions without a feature.",
)
TRAILING_DRIFT_BOUND = _gauge(
    "trailing_drift_bound",
    (*_FEATURE, "metric", "window", "baseline"),
    "Lower confidence bound of trailing_drift: what alerts are decided on.",
)
BASELINE_FILLED_RATIO = _gauge(
    "baseline_filled_ratio", _TRAIL, "Share of a trailing baseline that is there; it is one from 0.9 on."
)
BASELINE_SLICES_LEFT_OUT = _gauge(
    "baseline_slices_left_out", _TRAIL, "Slices within a trailing baseline that are no part of it: they broke a limit."
)
BASELINE_SLICES_EXCLUDED_TOTAL = _counter(
    "baseline_slices_excluded_total", _TRAIL, "Slices of a version that broke a limit of DataQuality: no baseline."
)
SHARE_SERIES = {name: f"feature_{metric_of(name)}" for name, share in SHARES.items() if share.help}
"""Share -> its series, where it has one."""
_SHARES = tuple(_gauge(series, _FEATURE, SHARES[name].help) for name, series in SHARE_SERIES.items())
FEATURE_AGE_SECONDS = _gauge("feature_age_seconds", _FEATURE, "Event time since the feature was last present.")
COST_PER_PREDICTION = _gauge(
    "cost_per_prediction",
    (*_OVER_WINDOW, "basis"),
    "Cost of a prediction as predictions say it (basis usage), in the config's currency; none below a coverage of 0.9.",
)
RESOURCE_SECONDS_PER_PREDICTION = _gauge(
    "resource_seconds_per_prediction", (*_OVER_WINDOW, "resource"), "CPU and GPU time of a prediction that says it."
)
COST_COVERAGE_RATIO = _gauge("cost_coverage_ratio", _OVER_WINDOW, "Share of predictions whose cost is known.")
RECONSTRUCTION_ERROR = _gauge(
    "reconstruction_error",
    (*_FEATURE, "window"),
    "Mean squared error of a feature told from the others, over the reference's; all together without a feature.",
)
RECONSTRUCTION_ERROR_BOUND = _gauge(
    "reconstruction_error_bound",
    (*_FEATURE, "window"),
    "Lower confidence bound of reconstruction_error: what alerts are decided on.",
)
ANOMALOUS_RATIO = _gauge(
    "anomalous_ratio", _OVER_WINDOW, "Share of predictions whose features go together unlike the reference's."
)
REFERENCE_CLASSES = _gauge(
    "reference_classes", ("model",), "Classes of hours of the week that the reference tells apart; 1 without a season."
)

BLIND_STREAMS = _gauge(
    "blind_streams",
    ("model",),
    "Monitors by version, segment and feature that no window could judge for its length (or a day), though rows came.",
)
BLIND_RATIO = _gauge("blind_ratio", ("model",), "Share of what is watched that could not be judged for a day.")

# How well they do: realised, where labels came, and estimated, where none did yet (metric is estimated_...).
PERFORMANCE = _gauge("performance", _PREDICTION_DRIFT, "Quality of the predictions over a window, by metric.")
PERFORMANCE_LOWER = _gauge("performance_lower", _PREDICTION_DRIFT, "Lower confidence bound of performance.")
PERFORMANCE_UPPER = _gauge("performance_upper", _PREDICTION_DRIFT, "Upper confidence bound of performance.")

PERFORMANCE_BASELINE = _gauge(
    "performance_baseline",
    (*_PREDICTION_DRIFT, "baseline"),
    "What performance is compared with by a rule: the same metric of the baseline.",
)
LABEL_COVERAGE_RATIO = _gauge(
    "label_coverage_ratio", _VERSION, "Share of the predictions of the shortest mature window that have a label."
)
LABEL_COVERAGE_BY_SCORE_RATIO = _gauge(
    "label_coverage_by_score_ratio",
    (*_VERSION, "scores"),
    "label_coverage_ratio by score or predicted class: where it differs, labels are selective.",
)
LABEL_DELAY_SECONDS = _gauge(
    "label_delay_seconds", _VERSION, "Median time from prediction to label, over the shortest mature window."
)

# What became of feedback.
FEEDBACK_TOTAL = _counter("feedback_total", ("model", "kind"), "Feedback records taken, by kind.")
LABELS_TOTAL = _counter(
    "labels_total", ("model", "event"), "Predictions that got a label: matched, revised, or assumed to be negative."
)
DUPLICATES_TOTAL = _counter(
    "duplicates_total",
    ("model", "reason"),
    "Records that came again: feedback that said what was known, and predictions whose id came within the same minute.",
)
UNMATCHED_FEEDBACK_TOTAL = _counter(
    "unmatched_feedback_total", ("model", "reason"), "Feedback that found no prediction, by reason."
)
LABELS_WAITING = _gauge("labels_waiting", ("model",), "Feedback that waits for its prediction now.")
LABEL_AGE_SECONDS = _gauge("label_age_seconds", ("model",), "Event time since feedback last came.")
LABELS_TIMESTAMP_SECONDS = _gauge(
    "labels_timestamp_seconds", ("model",), "Event time up to which labels are counted: predictions and feedback both."
)
OLD_COHORTS_TOTAL = _counter(
    "old_cohorts_total", ("model",), "Labels of predictions that no window or baseline reaches back to any more."
)
JOIN_STUBS = _gauge("join_stubs", ("shard",), "Predictions that are kept for their labels.")
JOIN_DISK_BYTES = _gauge("join_disk_bytes", ("shard",), "Disk space of the predictions that are kept.")

# What was promised, and what is wrong.
SLA_OBJECTIVE = _gauge("sla_objective", _SLA, "Target value of the objective.")
SLA_VALUE = _gauge("sla_value", _SLA, "Measured value of the objective.")
SLA_VIOLATED = _gauge("sla_violated", _SLA, "1 while the objective is violated beyond chance, else 0.")
ALERT_ACTIVE = _gauge("alert_active", (*_VERSION, "segment", "alert", "severity"), "1 while the alert is firing.")
ALERTS_TOTAL = _counter("alerts_total", ("model", "alert", "state"), "Alert events sent, by state.")
EVENT_TO_ALERT_SECONDS = Metric(
    "event_to_alert_seconds",
    "histogram",
    ("model", "alert"),
    "From the end of the window that shows the fault to the delivery of the alert that says so.",
    # One pane plus lateness is 15 s; a minute is what is promised; beyond it the broker or we were down.
    (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 900.0, 3600.0),
)

# What was asked of others because of it.
ACTIONS_TOTAL = _counter("actions_total", ("model", "action", "state"), "Steps of actions, by the state they led to.")
ACTIONS_OPEN = _gauge("actions_open", ("model", "action"), "Actions that were requested and are not over.")
ACTIONS_TIMESTAMP_SECONDS = _gauge(
    "actions_timestamp_seconds", ("model",), "Event time up to which it is decided what to ask for."
)
CANARY_GAIN = _gauge(
    "canary_gain",
    ("model", "version", "bound"),
    "How much better a new version is than the one beside it, in the unit of `canary.metric`: value, lower and upper.",
)
ACTION_OVERDUE = _gauge("action_overdue", ("model", "action"), "Actions that are not over past their deadline.")
ACTIONS_BLOCKED_TOTAL = _counter(
    "actions_blocked_total", ("model", "reason"), "Actions that were asked for and not requested, by the first reason."
)
CONTROL_EVENTS_TOTAL = _counter(
    "control_events_total",
    ("model", "kind", "outcome"),
    "Messages of the control topic: taken, refused (too late, or about nothing that is open), known or old: repeated.",
)
CONNECTOR_POSTS_TOTAL = _counter(
    "connector_posts_total",
    ("connector", "outcome"),
    "Attempts to have an action carried out: sent, looked, retried, refused, or expired before it could be sent.",
)
CONNECTOR_HELD_UP_SECONDS = _gauge(
    "connector_held_up_seconds",
    ("connector",),
    "How long a connector has not taken what it was given; 0 while it does.",
)
RETRAIN_LAST_TIMESTAMP_SECONDS = _gauge(
    "retrain_last_timestamp_seconds", ("model",), "Event time at which the last retraining was completed."
)
RETRAIN_NEXT_TIMESTAMP_SECONDS = _gauge(
    "retrain_next_timestamp_seconds", ("model",), "When the schedule of retrainings comes next."
)
RETRAINS_MONTH = _gauge(
    "retrains_month",
    ("model", "cause"),
    "Retrainings requested in this calendar month, in the schedule's time zone, by what asked for them.",
)
RETRAIN_PROBABILITY = _gauge(
    "retrain_probability",
    ("model", "version", "source"),
    "Probability that the metric of `retrain.need` will be worse by its loss over the horizon to come.",
)
RETRAIN_BRIER_SCORE = _gauge(
    "retrain_brier_score", ("model", "source"), "Mean square error of those probabilities, of all that are decided."
)
RETRAIN_BASE_BRIER_SCORE = _gauge(
    "retrain_base_brier_score",
    ("model", "source"),
    "The same of whoever always says the share of losses that came: a forecast is worth something below it.",
)
RETRAIN_CALIBRATION_ERROR = _gauge(
    "retrain_calibration_error",
    ("model", "source"),
    "How far probabilities are from the shares that came, over tenths.",
)
RETRAIN_FORECASTS_TOTAL = _counter(
    "retrain_forecasts_total",
    ("model", "outcome"),
    "Forecasts of need by what came of them: came, did_not, censored (the version served no more).",
)

# Where event time and the consumers are.
WATERMARK_TIMESTAMP_SECONDS = _gauge(
    "watermark_timestamp_seconds", ("model",), "Event time up to which panes are closed."
)
WATERMARK_LAG_SECONDS = _gauge("watermark_lag_seconds", ("model",), "Wall clock minus watermark, at the scrape.")
CONSUMER_LAG_MESSAGES = _gauge(
    "consumer_lag_messages", _PARTITION, "Messages between the position and the partition's end."
)

TRANSACTION_OPEN_SECONDS = _gauge(
    "transaction_open_seconds",
    _PARTITION,
    "For how long the first open transaction has kept back what is written behind it; 0 without one.",
)

# Where every record went: read = folded + late + dead-lettered.
RECORDS_READ_TOTAL = _counter("records_read_total", _PARTITION, "Records read; a message may hold several.")
RECORDS_SKIPPED_TOTAL = _counter(
    "records_skipped_total",
    (*_PARTITION, "reason"),
    "Records beside those read. reason: tombstone (a message without a value, of a compacted topic), or left_out (by"
    " the filter of a source, or feedback without a label yet).",
)
UNFIT_FIELDS_TOTAL = _counter(
    "unfit_fields_total", ("topic", "field"), "Fields of another type that were set aside; their records count."
)
PAIRS_TOTAL = _counter("pairs_total", ("topic",), "Requests that were paired with their response.")
UNPAIRED_TOTAL = _counter(
    "unpaired_total",
    ("topic", "half", "reason"),
    "Requests or responses that count alone: the other never came, too many waited, or the source does not pair them.",
)
HALVES_WAITING = _gauge("halves_waiting", ("shard",), "Requests and responses that wait for their other half.")
RECORDS_FOLDED_TOTAL = _counter("records_folded_total", ("model",), "Records counted in a pane.")
LATE_RECORDS_TOTAL = _counter("late_records_total", ("model", "reason"), "Records behind the watermark, in no pane.")
DEAD_LETTERS_TOTAL = _counter("dead_letters_total", ("topic", "reason"), "Records refused and sent to dead letters.")
OVERFLOW_TOTAL = _counter(
    "overflow_total", ("model", "reason"), "Records counted under `other` because a cap was reached."
)
DATA_GAPS_TOTAL = _counter("data_gaps_total", _PARTITION, "Times that messages were gone before they could be read.")

# The monitor itself. Its parent process is described by the usual process_* metrics.
READY = _gauge("ready", (), "1 while /readyz answers 200.")
WORKER_RUNNING = _gauge(
    "worker_running", ("process",), "1 while the dataflow process reads its partitions and says so."
)
EPOCH_AGE_SECONDS = _gauge(
    "epoch_age_seconds", ("process",), "Since the process last saved its state: what a kill now would have done again."
)
WORKER_RESTARTS_TOTAL = _counter(
    "worker_restarts_total",
    ("process", "reason"),
    "Restarts of all processes together, by the one that caused it and why.",
)
CONFIG_RELOADS_TOTAL = _counter(
    "config_reloads_total", ("outcome",), "Times that the config was read again: taken, unchanged or refused."
)
WORKER_RESIDENT_MEMORY_BYTES = _gauge(
    "worker_resident_memory_bytes", ("process",), "Resident memory of a dataflow process."
)
WORKER_CPU_SECONDS_TOTAL = _counter("worker_cpu_seconds_total", ("process",), "CPU time of a dataflow process.")
SINK_HELD_UP_SECONDS = _gauge(
    "sink_held_up_seconds",
    ("sink", "target", "part"),
    "How long an output (alerts, dead_letters, alertmanager) has not taken what it was given; 0 while it does.",
)
ALERTMANAGER_POSTS_TOTAL = _counter(
    "alertmanager_posts_total", ("target", "outcome"), "Direct posts of alerts to an Alertmanager; ok or failed."
)
STATE_BYTES = _gauge("state_bytes", (), "What the state directory holds.")
STATE_DISK_FREE_BYTES = _gauge("state_disk_free_bytes", (), "What is left on the disk of the state directory.")
REPORTS_DROPPED_TOTAL = _counter(
    "reports_dropped_total", ("reason",), "Reports of dataflow processes that could not be shown here."
)
BUILD_INFO = _gauge(
    "build_info",
    ("version", "python", "bytewax", "native"),
    "1; the labels say what is running: native is the version of driftgauge-native that reads predictions, or no.",
)

METRICS: tuple[Metric, ...] = tuple(
    metric
    for declared in tuple(globals().values())
    for metric in (declared if isinstance(declared, tuple) else (declared,))
    if isinstance(metric, Metric)
)
"""All that are declared above, in their order."""

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}
