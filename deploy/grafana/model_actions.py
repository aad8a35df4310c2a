# ruff: noqa: INP001 - scripts beside what they write, no package
"""What was asked of others because of a model, and what became of it, on the model page."""

from model_features import MODEL
from page import Page
from page_overview import ONE_IS_BAD
from parts import Query, lines, numbers

NOTHING = " or vector(0)"


def actions(page: Page) -> None:
    """Add the panels."""
    page.row("Retraining and other actions")
    page.add(
        numbers(
            "Last retraining",
            "When one was completed last, in event time; 1970 where none was.",
            [Query(f"max(driftgauge_retrain_last_timestamp_seconds{{{MODEL}}}) * 1000{NOTHING}", "last")],
            "dateTimeAsIso",
        ),
        5,
        4,
    )
    page.add(
        numbers(
            "Next retraining",
            "When the schedule comes next; 1970 where there is none.",
            [Query(f"max(driftgauge_retrain_next_timestamp_seconds{{{MODEL}}}) * 1000{NOTHING}", "next")],
            "dateTimeAsIso",
        ),
        5,
        4,
    )
    page.add(
        numbers(
            "Retrainings this month",
            "Requested in the calendar month of the schedule's time zone, by what asked for them.",
            [Query(f"sum by (cause) (driftgauge_retrains_month{{{MODEL}}}){NOTHING}", "{{cause}}")],
        ),
        6,
        4,
    )
    page.add(
        numbers(
            "Open actions",
            "Requested, and not over.",
            [Query(f"sum by (action) (driftgauge_actions_open{{{MODEL}}}){NOTHING}", "{{action}}")],
        ),
        4,
        4,
    )
    page.add(
        numbers(
            "Overdue",
            "Not over past their deadline.",
            [Query(f"sum(driftgauge_action_overdue{{{MODEL}}}){NOTHING}", "overdue")],
            thresholds=ONE_IS_BAD,
        ),
        4,
        4,
    )
    page.add(
        lines(
            "New version beside the old one",
            "How much better it is by canary.metric, with its interval: below the margin it is rolled back.",
            [Query(f"driftgauge_canary_gain{{{MODEL}}}{NOTHING}", "{{version}} {{bound}}")],
        ),
        24,
        6,
    )
    page.add(
        lines(
            "Need to retrain",
            "Probability that the metric of retrain.need will be worse by its loss over the horizon to come, by "
            "version and by what says so.",
            [Query(f"driftgauge_retrain_probability{{{MODEL}}}{NOTHING}", "{{version}} {{source}}")],
            min=0,
        ),
        12,
        6,
    )
    page.add(
        lines(
            "How good these probabilities were",
            "Brier score of the forecasts that are decided, beside that of always saying how often it came; how far "
            "they are from what came; and how many are decided in a day.",
            [
                Query(f"driftgauge_retrain_brier_score{{{MODEL}}}{NOTHING}", "Brier score, {{source}}"),
                Query(f"driftgauge_retrain_base_brier_score{{{MODEL}}}{NOTHING}", "of the base rate, {{source}}"),
                Query(f"driftgauge_retrain_calibration_error{{{MODEL}}}{NOTHING}", "calibration error, {{source}}"),
                Query(
                    f"sum by (outcome) (increase(driftgauge_retrain_forecasts_total{{{MODEL}}}[1d])){NOTHING}",
                    "{{outcome}} a day",
                ),
            ],
            min=0,
        ),
        12,
        6,
    )
    page.add(
        lines(
            "Connectors",
            "How long each has not taken what it was given, and attempts a second, over all models.",
            [
                Query(f"max by (connector) (driftgauge_connector_held_up_seconds){NOTHING}", "{{connector}} held up"),
                Query(
                    "sum by (connector, outcome) (rate(driftgauge_connector_posts_total[$__rate_interval]))" + NOTHING,
                    "{{connector}} {{outcome}} a second",
                ),
            ],
        ),
        12,
        5,
    )
    page.add(
        lines(
            "Decided up to",
            "How far behind the watermark decisions are: they wait for labels and for the control topic.",
            [
                Query(
                    f"max(driftgauge_watermark_timestamp_seconds{{{MODEL}}})"
                    f" - max(driftgauge_actions_timestamp_seconds{{{MODEL}}}){NOTHING}",
                    "behind",
                )
            ],
            "s",
        ),
        12,
        5,
    )
    page.add(
        lines(
            "Steps of actions",
            "An hour's worth, by action and the state they led to.",
            [Query(f"sum by (action, state) (increase(driftgauge_actions_total{{{MODEL}}}[1h])){NOTHING}")],
            min=0,
        ),
        8,
        7,
    )
    page.add(
        lines(
            "Refused",
            "An hour's worth of what was asked for and not requested, by reason. Each cause is told once.",
            [Query(f"sum by (reason) (increase(driftgauge_actions_blocked_total{{{MODEL}}}[1h])){NOTHING}")],
            min=0,
        ),
        8,
        7,
    )
    page.add(
        lines(
            "Said on the control topic",
            "An hour's worth of approvals, reports and requests; refused are those too late or about nothing open.",
            [Query(f"sum by (kind, outcome) (increase(driftgauge_control_events_total{{{MODEL}}}[1h])){NOTHING}")],
            min=0,
        ),
        8,
        7,
    )
