import re

from stream.metrics.catalog import BY_NAME, METRICS, PREFIX

# The rows of the published contract that this release feeds.
PUBLISHED = {
    "predictions_total": ("model", "version", "outcome"),
    "prediction_latency_seconds": ("model", "version", "window", "quantile"),
    "availability_ratio": ("model", "version", "window"),
    "feature_drift": ("model", "version", "segment", "feature", "metric", "window"),
    "feature_drift_bound": ("model", "version", "segment", "feature", "metric", "window"),
    "prediction_drift": ("model", "version", "segment", "metric", "window"),
    "prediction_drift_bound": ("model", "version", "segment", "metric", "window"),
    "feature_missing_ratio": ("model", "version", "feature"),
    "feature_age_seconds": ("model", "version", "feature"),
    "sla_objective": ("model", "version", "sla"),
    "sla_value": ("model", "version", "sla"),
    "sla_violated": ("model", "version", "sla"),
    "alert_active": ("model", "version", "segment", "alert", "severity"),
    "alerts_total": ("model", "alert", "state"),
    "watermark_timestamp_seconds": ("model",),
    "watermark_lag_seconds": ("model",),
    "consumer_lag_messages": ("topic", "partition"),
    "late_records_total": ("model", "reason"),
    "dead_letters_total": ("topic", "reason"),
    "overflow_total": ("model", "reason"),
}


def test_published_metrics_have_their_published_labels() -> None:
    """Dashboards and rules of users rely on these names and labels."""
    assert {name: BY_NAME[name].labels for name in PUBLISHED} == PUBLISHED
    assert "alert" in BY_NAME["event_to_alert_seconds"].labels
    assert BY_NAME["event_to_alert_seconds"].kind == "histogram"


def test_each_metric_is_declared_once() -> None:
    """No two declarations share a name, and the full name bears the prefix."""
    assert len(BY_NAME) == len(METRICS)
    assert all(metric.full_name == PREFIX + metric.name for metric in METRICS)


def test_names_follow_the_conventions_of_prometheus() -> None:
    """Counters and only they end in _total; names and labels are legal; nothing is given a reserved suffix or label."""
    for metric in METRICS:
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric
        assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name), metric
        assert not metric.name.endswith(("_bucket", "_count", "_sum", "_created")), metric
        assert not {"le", "job", "instance", "__name__"} & set(metric.labels), metric
        assert all(re.fullmatch(r"[a-z][a-z_]*", label) for label in metric.labels), metric
        assert len(set(metric.labels)) == len(metric.labels), metric


def test_help_is_one_plain_sentence() -> None:
    """Help texts need no escaping in the text format and end like sentences."""
    for metric in METRICS:
        assert metric.help.endswith("."), metric
        assert not set(metric.help) & {"\\", "\n"}, metric


def test_only_histograms_have_buckets() -> None:
    """Bucket bounds ascend, and the promised minute is one of them."""
    for metric in METRICS:
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric
        assert list(metric.buckets) == sorted(set(metric.buckets)), metric
    assert 60.0 in BY_NAME["event_to_alert_seconds"].buckets
