# ruff: noqa: INP001 - scripts beside what they write, no package
"""Overview: is every model watched, and is any of them in trouble."""

from page import Page
from parts import Column, Query, alerts_over_time, lines, numbers, steps, table

SERVED = "group by (model, version) (driftgauge_predictions_total)"
"""1 for each version that there is: what every column of the table has a value for."""
ONE_IS_BAD = steps((None, "green"), (1, "red"))


def share_of_limit(what: str, monitors: str, at: str, by: str) -> str:
    """PromQL: the worst lower bound of a distance as a share of its highest limit; 1 and more alerts."""
    limit = f'max by (model, metric) (driftgauge:threshold{{monitor=~"{monitors}[.].+"}})'
    worst = f"max by ({by}, metric) (driftgauge_{what}_drift_bound{at}) / on (model, metric) group_left () {limit}"
    return f"clamp_min(max by ({by}) ({worst}), 0)"


def overview() -> Page:
    """The page."""
    page = Page("driftgauge-overview", "driftgauge: overview", "All models: health, open alerts, traffic, drift.", [])
    _now(page)
    _models(page)
    _time(page)
    return page


def _now(page: Page) -> None:
    page.add(
        numbers(
            "Monitor",
            "1 while every monitor answers /readyz with 200.",
            [Query("min(driftgauge_ready)", "ready")],
            thresholds=steps((None, "red"), (1, "green")),
            mappings=[
                {
                    "type": "value",
                    "options": {"0": {"text": "not ready", "index": 0}, "1": {"text": "ready", "index": 1}},
                }
            ],
        ),
        4,
        4,
    )
    page.add(
        numbers(
            "Models",
            "Models that predictions have been read of.",
            [Query("count(group by (model) (driftgauge_watermark_timestamp_seconds))", "models")],
        ),
        3,
        4,
    )
    page.add(
        numbers(
            "Open alerts",
            "Alerts that fire now, by severity.",
            [
                Query(f'count(driftgauge_alert_active{{severity="{severity}"}} == 1) or vector(0)', severity)
                for severity in ("critical", "warning", "info")
            ],
            thresholds=ONE_IS_BAD,
        ),
        7,
        4,
    )
    page.add(
        numbers(
            "Objectives missed",
            "Objectives that are missed beyond chance.",
            [Query("sum(driftgauge_sla_violated) or vector(0)", "missed")],
            thresholds=ONE_IS_BAD,
        ),
        3,
        4,
    )
    page.add(
        numbers(
            "Predictions",
            "Of all models: a second, by arrival, and in the last 24 hours.",
            [
                Query("sum(rate(driftgauge_predictions_total[$__rate_interval]))", "a second"),
                Query("sum(increase(driftgauge_predictions_total[1d]))", "a day"),
            ],
            decimals=1,
        ),
        7,
        4,
    )


def _models(page: Page) -> None:
    limits = steps((None, "green"), (0.7, "orange"), (1, "red"))
    columns = [
        Column(
            "Open alerts",
            f"count by (model, version) (driftgauge_alert_active == 1) or {SERVED} * 0",
            thresholds=ONE_IS_BAD,
        ),
        Column(
            "Worst feature / limit", share_of_limit("feature", "drift", "", "model, version"), "percentunit", limits
        ),
        Column(
            "Prediction / limit",
            share_of_limit("prediction", "prediction", "", "model, version"),
            "percentunit",
            limits,
        ),
        Column("Predictions/s", "sum by (model, version) (rate(driftgauge_predictions_total[$__rate_interval]))"),
        Column("Worst availability", "min by (model, version) (driftgauge_availability_ratio)", "percentunit"),
        Column("Worst p99", 'max by (model, version) (driftgauge_prediction_latency_seconds{quantile="0.99"})', "s"),
        Column(
            "Objectives missed",
            f"sum by (model, version) (driftgauge_sla_violated) or {SERVED} * 0",
            thresholds=ONE_IS_BAD,
        ),
        Column("Behind", f"{SERVED} * on (model) group_left () max by (model) (driftgauge_watermark_lag_seconds)", "s"),
    ]
    page.add(
        table(
            "Models",
            "A row a version. Drift is the lower confidence bound as a share of the limit: it alerts from 100 % on.",
            {"model": "Model", "version": "Version"},
            columns,
            "/d/driftgauge-model?var-model=${__data.fields.Model:percentencode}"
            "&var-version=${__data.fields.Version:percentencode}&${__url_time_range}",
        ),
        24,
        8,
    )


def _time(page: Page) -> None:
    page.row("Over time")
    page.add(
        alerts_over_time(
            "Alerts",
            "What fired when, over all segments.",
            "",
            "model, version, alert",
            "{{model}} {{version}} {{alert}}",
        ),
        24,
        7,
    )
    page.add(
        lines(
            "Worst drift, as a share of the limit",
            "The feature that moved most, by its lower confidence bound. 100 % and more alerts.",
            [Query(share_of_limit("feature", "drift", "", "model"), "{{model}}"), Query("vector(1)", "limit")],
            "percentunit",
            min=0,
        ),
        12,
        8,
    )
    page.add(
        lines(
            "Predictions a second",
            "By arrival.",
            [Query("sum by (model) (rate(driftgauge_predictions_total[$__rate_interval]))", "{{model}}")],
            min=0,
        ),
        12,
        8,
    )
    page.add(
        lines(
            "Failed predictions",
            "Share of predictions that carried an error.",
            [
                Query(
                    '(sum by (model) (rate(driftgauge_predictions_total{outcome="error"}[$__rate_interval]))'
                    " or 0 * sum by (model) (rate(driftgauge_predictions_total[$__rate_interval])))"
                    " / sum by (model) (rate(driftgauge_predictions_total[$__rate_interval]))",
                    "{{model}}",
                )
            ],
            "percentunit",
            min=0,
        ),
        8,
        7,
    )
    page.add(
        lines(
            "p99 latency",
            "Worst version and window of each model.",
            [Query('max by (model) (driftgauge_prediction_latency_seconds{quantile="0.99"})', "{{model}}")],
            "s",
            min=0,
        ),
        8,
        7,
    )
    page.add(
        lines(
            "Behind",
            "Wall clock minus watermark: how late a fault of now will be seen.",
            [Query("max by (model) (driftgauge_watermark_lag_seconds)", "{{model}}")],
            "s",
            min=0,
        ),
        8,
        7,
    )
