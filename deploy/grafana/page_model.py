# ruff: noqa: INP001 - scripts beside what they write, no package
"""Model page: what has moved, by how much, since when, and whether the service keeps its promises."""

from model_actions import actions
from model_features import MODEL, PART, SERVICE, VERSION, WINDOW, features
from model_joint import joint
from model_labels import labels
from model_performance import performance
from page import Page, variable
from page_overview import ONE_IS_BAD, share_of_limit
from parts import SOURCE, Column, Json, Query, alerts_over_time, lines, numbers, steps, table

REALISED_ONLY = 'metric!~"estimated_.+"'
SHARE = steps((None, "green"), (0.7, "orange"), (1, "red"))


def model() -> Page:
    """The page."""
    drift, performance_ = "driftgauge_feature_drift_bound", "driftgauge_performance"
    page = Page(
        "driftgauge-model",
        "driftgauge: model",
        "One model. Segment All is all traffic together; a segment is one value of a segment key.",
        [
            variable("model", "label_values(driftgauge_watermark_timestamp_seconds, model)"),
            variable("version", f"label_values(driftgauge_predictions_total{{{MODEL}}}, version)", everything=".*"),
            # The whole has no label segment: the empty matcher stands for it, and for nothing else.
            variable("segment", f"label_values({drift}{{{VERSION}}}, segment)", everything="^$"),
            variable("window", f"label_values({drift}{{{VERSION}}}, window)"),
            variable("cohorts", f"label_values({performance_}{{{VERSION}, {REALISED_ONLY}}}, window)"),
            variable("metric", f"label_values({performance_}{{{VERSION}, {REALISED_ONLY}}}, metric)"),
        ],
        [_firing()],
    )
    _now(page)
    features(page)
    joint(page)
    _predictions(page)
    performance(page)
    labels(page)
    actions(page)
    _service(page)
    return page


def _firing() -> Json:
    """Grey bands behind every graph while something fires."""
    return {
        "name": "Alerts",
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "datasource": SOURCE,
        "expr": f'max by (alert, severity) (driftgauge_alert_active{{{MODEL}, version=~"$version|"}})',
        "step": "10s",
        "titleFormat": "{{alert}}",
        "textFormat": "{{severity}}",
    }


def _now(page: Page) -> None:
    page.add(
        numbers(
            "Open alerts",
            "That fire now, all segments.",
            [Query(f'count(driftgauge_alert_active{{{MODEL}, version=~"$version|"}} == 1) or vector(0)', "alerts")],
            thresholds=ONE_IS_BAD,
        ),
        4,
        4,
    )
    page.add(
        numbers(
            "Worst feature",
            "Lower confidence bound as a share of the limit; it alerts from 100 % on.",
            [Query(share_of_limit("feature", "drift", f"{{{PART}}}", "model"), "of the limit")],
            "percentunit",
            thresholds=SHARE,
        ),
        4,
        4,
    )
    page.add(
        numbers(
            "Predictions' drift",
            "The same for the predictions.",
            [Query(share_of_limit("prediction", "prediction", f"{{{PART}}}", "model"), "of the limit")],
            "percentunit",
            thresholds=SHARE,
        ),
        4,
        4,
    )
    page.add(
        numbers(
            "p99 latency",
            "Worst of the versions chosen.",
            [Query(f'max(driftgauge_prediction_latency_seconds{{{SERVICE}, quantile="0.99"}})', "p99")],
            "s",
        ),
        4,
        4,
    )
    page.add(
        numbers(
            "Availability",
            "Share of predictions without an error, worst of the versions chosen.",
            [Query(f"min(driftgauge_availability_ratio{{{SERVICE}}})", "ok")],
            "percentunit",
            decimals=3,
        ),
        4,
        4,
    )
    page.add(
        numbers(
            "Predictions",
            "A second of event time over the window, and in the last 24 hours.",
            [
                Query(f"sum(driftgauge_throughput_per_second{{{SERVICE}}})", "a second"),
                Query(f"sum(increase(driftgauge_predictions_total{{{VERSION}}}[1d]))", "a day"),
            ],
            decimals=1,
        ),
        4,
        4,
    )
    page.add(
        alerts_over_time(
            "Alerts",
            "What fired when. A row is one alert: version, kind, segment.",
            f'{MODEL}, version=~"$version|"',
            "version, alert, segment",
            "{{alert}} {{version}} {{segment}}",
        ),
        24,
        6,
    )


def _predictions(page: Page) -> None:
    page.row("Predictions")
    at = f"{{{WINDOW}}}"
    page.add(
        lines(
            "Drift of the predictions",
            "Distance to the reference and the least it is beyond doubt, with the limits of the config.",
            [
                Query(f"max by (metric) (driftgauge_prediction_drift{at})", "{{metric}}"),
                Query(f"max by (metric) (driftgauge_prediction_drift_bound{at})", "{{metric}} at least"),
                Query(
                    f'max by (metric, level) (driftgauge:threshold{{{MODEL}, monitor=~"prediction[.].+"}})',
                    "limit {{metric}} {{level}}",
                ),
            ],
            decimals=3,
        ),
        12,
        8,
    )
    page.add(
        lines(
            "Predictions a second",
            "By version, over the window of event time; and by arrival.",
            [
                Query(f"sum by (version) (driftgauge_throughput_per_second{{{SERVICE}}})", "{{version}}"),
                Query(
                    f"sum by (version) (rate(driftgauge_predictions_total{{{VERSION}}}[$__rate_interval]))",
                    "{{version}} by arrival",
                ),
            ],
            min=0,
        ),
        12,
        8,
    )


def _service(page: Page) -> None:
    page.row("Service")
    page.add(
        lines(
            "Latency",
            "Quantiles over the window, worst of the versions chosen.",
            [Query(f"max by (quantile) (driftgauge_prediction_latency_seconds{{{SERVICE}}})", "p{{quantile}}")],
            "s",
            min=0,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "Availability",
            "Share of predictions without an error.",
            [Query(f"min by (version) (driftgauge_availability_ratio{{{SERVICE}}})", "{{version}}")],
            "percentunit",
            max=1,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "Predictions a day",
            "In the 24 hours before each moment, by version.",
            [Query(f"sum by (version) (increase(driftgauge_predictions_total{{{VERSION}}}[1d]))", "{{version}}")],
            min=0,
        ),
        8,
        8,
    )
    page.add(
        table(
            "Objectives",
            "As the config has them: latencies in ms, shares as 0 to 1. Missed is 1 only beyond chance.",
            {"sla": "Objective", "version": "Version"},
            [
                Column("Target", f"max by (sla, version) (driftgauge_sla_objective{{{VERSION}}})"),
                Column("Value", f"max by (sla, version) (driftgauge_sla_value{{{VERSION}}})"),
                Column(
                    "Missed", f"max by (sla, version) (driftgauge_sla_violated{{{VERSION}}})", thresholds=ONE_IS_BAD
                ),
            ],
        ),
        12,
        8,
    )
    page.add(
        lines(
            "Objectives: value as a share of the target",
            "Which side is the good one, the name says: latency below 100 %, availability above.",
            [
                Query(
                    f"max by (sla, version) (driftgauge_sla_value{{{VERSION}}}"
                    f" / driftgauge_sla_objective{{{VERSION}}})",
                    "{{sla}} {{version}}",
                ),
                Query("vector(1)", "objective"),
            ],
            "percentunit",
        ),
        12,
        8,
    )
    page.add(
        lines(
            "Error budget burn",
            "How many times faster than the objective allows, over 1 hour and 5 minutes; 14.4 pages.",
            [
                Query(
                    f"driftgauge:sli_error:ratio_rate{window}{{{MODEL}}}"
                    " / on (model, slo) group_left () driftgauge:slo_error_budget:ratio",
                    f"{{{{slo}}}} {window}",
                )
                for window in ("1h", "5m")
            ],
            min=0,
        ),
        24,
        7,
    )
