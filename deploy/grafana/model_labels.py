# ruff: noqa: INP001 - scripts beside what they write, no package
"""Labels and performance, on the model page: how good predictions were, against what, and how much of it is known."""

from model_features import MODEL, PART, VERSION, WINDOW
from page import Page
from parts import Column, Query, lines, numbers, table

COHORTS = 'window="$cohorts"'
METRIC = 'metric="$metric"'
REALISED = f"{{{PART}, {COHORTS}, {METRIC}}}"


def labels(page: Page) -> None:
    """Add the panels."""
    page.row("Labels and performance")
    _now(page)
    _performance(page)
    _labels(page)


def _now(page: Page) -> None:
    for name, metric in (("Accuracy", "accuracy"), ("AUC", "auc")):
        at = f'{{{PART}, {COHORTS}, metric="{metric}"}}'
        page.add(
            numbers(
                name,
                "Of the cohorts chosen, worst of the versions chosen: at least and at most, and the value itself.",
                [
                    Query(f"min(driftgauge_performance{at})", "value"),
                    Query(f"min(driftgauge_performance_lower{at})", "at least"),
                    Query(f"min(driftgauge_performance_upper{at})", "at most"),
                ],
                decimals=3,
            ),
            6,
            4,
        )
    page.add(
        numbers(
            "Labelled",
            "Share of the predictions of the shortest mature cohorts that have a label.",
            [Query(f"min(driftgauge_label_coverage_ratio{{{VERSION}}})", "coverage")],
            "percentunit",
            decimals=1,
        ),
        4,
        4,
    )
    page.add(
        numbers(
            "Label delay",
            "Median time from prediction to label.",
            [Query(f"max(driftgauge_label_delay_seconds{{{VERSION}}})", "delay")],
            "s",
        ),
        4,
        4,
    )
    page.add(
        numbers(
            "Last label",
            "Event time since feedback last came.",
            [Query(f"max(driftgauge_label_age_seconds{{{MODEL}}})", "age")],
            "s",
        ),
        4,
        4,
    )


def _performance(page: Page) -> None:
    page.add(
        lines(
            "Realised, with its interval and baselines",
            "The metric chosen, by prediction time: a point is the mature window that had ended then.",
            [
                Query(f"max by (version) (driftgauge_performance{REALISED})", "version {{version}}"),
                Query(f"max by (version) (driftgauge_performance_lower{REALISED})", "version {{version}} at least"),
                Query(f"max by (version) (driftgauge_performance_upper{REALISED})", "version {{version}} at most"),
                Query(
                    f"max by (version, baseline) (driftgauge_performance_baseline{REALISED})",
                    "read against {{baseline}} of {{version}}",
                ),
            ],
            decimals=3,
        ),
        12,
        9,
    )
    page.add(
        lines(
            "Estimated against realised",
            "The estimate knows no labels and is early; the realised value is late and true.",
            [
                Query(f"max by (version) (driftgauge_performance{REALISED})", "realised, version {{version}}"),
                Query(
                    f'max by (version) (driftgauge_performance{{{WINDOW}, metric="estimated_$metric"}})',
                    "estimated, version {{version}}",
                ),
            ],
            decimals=3,
        ),
        12,
        9,
    )
    parts = f'{{{VERSION}, segment!="", {COHORTS}, {METRIC}}}'
    page.add(
        table(
            "By segment",
            "The metric chosen over the cohorts chosen, for each segment that is watched.",
            {"segment": "Segment", "version": "Version"},
            [
                Column("Value", f"max by (segment, version) (driftgauge_performance{parts})"),
                Column("At least", f"max by (segment, version) (driftgauge_performance_lower{parts})"),
                Column("At most", f"max by (segment, version) (driftgauge_performance_upper{parts})"),
            ],
        ),
        12,
        9,
    )
    whole = f'{{{MODEL}, segment="", {COHORTS}, {METRIC}}}'
    page.add(
        table(
            "Version against version",
            "All versions over the same cohorts, with the number of predictions of each in the last day.",
            {"version": "Version"},
            [
                Column("Value", f"max by (version) (driftgauge_performance{whole})"),
                Column("At least", f"max by (version) (driftgauge_performance_lower{whole})"),
                Column("At most", f"max by (version) (driftgauge_performance_upper{whole})"),
                Column(
                    "Predictions a day",
                    f"sum by (version) (increase(driftgauge_predictions_total{{{MODEL}}}[1d]))",
                ),
            ],
        ),
        12,
        9,
    )


def _labels(page: Page) -> None:
    balance = f'{{{PART}, {COHORTS}, metric=~"positive_ratio|predicted_positive_ratio"}}'
    page.add(
        lines(
            "Class balance",
            "Share of positive outcomes and of positive predictions (binary models).",
            [Query(f"max by (metric, version) (driftgauge_performance{balance})", "{{metric}}, version {{version}}")],
            "percentunit",
            min=0,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "Label coverage, in all and by score",
            "Of the shortest mature cohorts. Where it differs by score, labels are selective: no metric is a fair one.",
            [
                Query(f"max by (version) (driftgauge_label_coverage_ratio{{{VERSION}}})", "all of version {{version}}"),
                Query(
                    f"max by (scores) (driftgauge_label_coverage_by_score_ratio{{{VERSION}}})", "scores in {{scores}}"
                ),
            ],
            "percentunit",
            min=0,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "How far labels are behind",
            "Median delay, time since the last label, and how far behind the clock labels are counted.",
            [
                Query(f"max by (version) (driftgauge_label_delay_seconds{{{VERSION}}})", "delay, version {{version}}"),
                Query(f"max(driftgauge_label_age_seconds{{{MODEL}}})", "since the last label"),
                Query(f"time() - max(driftgauge_labels_timestamp_seconds{{{MODEL}}})", "behind the clock"),
            ],
            "s",
            min=0,
        ),
        8,
        8,
    )
    rate = f"{{{MODEL}}}[$__rate_interval]"
    page.add(
        lines(
            "Feedback",
            "A second, by kind, and what became of it: labels, duplicates, and what found no prediction.",
            [
                Query(f"sum by (kind) (rate(driftgauge_feedback_total{rate}))", "{{kind}}"),
                Query(f"sum by (event) (rate(driftgauge_labels_total{rate}))", "{{event}}"),
                Query(f"sum by (reason) (rate(driftgauge_duplicates_total{rate}))", "{{reason}} again"),
                Query(
                    f"sum by (reason) (rate(driftgauge_unmatched_feedback_total{rate})) or vector(0)", "no prediction"
                ),
                Query(f"sum(rate(driftgauge_old_cohorts_total{rate}))", "too old for any window"),
            ],
            "ops",
        ),
        12,
        8,
    )
    page.add(
        lines(
            "Waiting",
            "Feedback whose prediction has not come yet.",
            [Query(f"max(driftgauge_labels_waiting{{{MODEL}}})", "waiting")],
            min=0,
        ),
        12,
        8,
    )
