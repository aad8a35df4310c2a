# ruff: noqa: INP001 - scripts beside what they write, no package
"""Monitor page: does driftgauge itself keep up, and where did every record go."""

from monitor_labels import kept_for_labels
from monitor_records import AT, TARGET, ZERO, outputs, processes, records
from page import Page, variable
from parts import Column, Query, bars, lines, numbers, steps, table


def monitor() -> Page:
    """The page."""
    page = Page(
        "driftgauge-monitor",
        "driftgauge: monitor",
        "driftgauge itself: event time, lag, where records went, processes, how fast alerts are.",
        [variable("instance", "label_values(driftgauge_build_info, instance)", everything=".*")],
    )
    _now(page)
    _pace(page)
    records(page)
    outputs(page)
    kept_for_labels(page)
    processes(page)
    return page


def _now(page: Page) -> None:
    page.add(
        numbers(
            "Ready",
            "1 while /readyz answers 200.",
            [Query(f"min(driftgauge_ready{{{AT}}})", "ready")],
            thresholds=steps((None, "red"), (1, "green")),
        ),
        3,
        4,
    )
    page.add(
        numbers(
            "Processes",
            "Dataflow processes that read their partitions, of all there are.",
            [
                Query(f"sum(driftgauge_worker_running{{{AT}}})", "running"),
                Query(f"count(driftgauge_worker_running{{{AT}}})", "of"),
            ],
        ),
        5,
        4,
    )
    page.add(
        numbers(
            "Up for",
            "Since the youngest monitor started.",
            [Query(f"min(time() - process_start_time_seconds * {TARGET})", "up")],
            "s",
        ),
        4,
        4,
    )
    page.add(
        numbers(
            "Restarts",
            "Of the dataflow processes, in the time shown.",
            [Query(f"sum(increase(driftgauge_worker_restarts_total{{{AT}}}[$__range])) or vector(0)", "restarts")],
            thresholds=ZERO,
            decimals=0,
        ),
        4,
        4,
    )
    page.add(
        table(
            "Running",
            "What is running where.",
            {
                "instance": "Instance",
                "version": "Version",
                "python": "Python",
                "bytewax": "Bytewax",
                "native": "Native reader",
            },
            [
                Column(
                    "Series",
                    f"max by (instance, version, python, bytewax, native) (driftgauge_build_info{{{AT}}}"
                    " * on (job, instance) group_left () scrape_samples_post_metric_relabeling)",
                )
            ],
        ),
        8,
        4,
    )


def _pace(page: Page) -> None:
    page.row("Pace")
    page.add(
        lines(
            "Watermark lag",
            "Wall clock minus the event time up to which panes are closed.",
            [Query(f"max by (model) (driftgauge_watermark_lag_seconds{{{AT}}})", "{{model}}")],
            "s",
            min=0,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "Watermark",
            "Event seconds that pass in a second: 1 while it keeps up, more while it catches up.",
            [Query(f"min by (model) (deriv(driftgauge_watermark_timestamp_seconds{{{AT}}}[1m]))", "{{model}}")],
            min=0,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "Consumer lag",
            "Messages between where it reads and the end, by partition.",
            [Query(f"max by (topic, partition) (driftgauge_consumer_lag_messages{{{AT}}})", "{{topic}} {{partition}}")],
            min=0,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "From the event to the alert",
            "From the end of the window that shows a fault to the delivery of the alert, of all alerts since the start:"
            " they are too few for a rate.",
            [
                Query(
                    f"histogram_quantile({q}, sum by (le) (driftgauge_event_to_alert_seconds_bucket{{{AT}}}))",
                    f"p{100 * q:g}",
                )
                for q in (0.5, 0.95, 0.99)
            ]
            + [
                Query(
                    f"sum(driftgauge_event_to_alert_seconds_sum{{{AT}}})"
                    f" / sum(driftgauge_event_to_alert_seconds_count{{{AT}}})",
                    "mean",
                )
            ],
            "s",
            min=0,
        ),
        8,
        8,
    )
    page.add(
        bars(
            "How long alerts took",
            "How many alerts took up to so many seconds, since the start.",
            [Query(f"sum by (le) (driftgauge_event_to_alert_seconds_bucket{{{AT}}})", "{{le}} s", "buckets")],
            decimals=0,
        ),
        8,
        8,
    )
    page.add(
        bars(
            "Alert events",
            "Written to the alerts topic since the start.",
            [
                Query(
                    f"sort_desc(sum by (alert, state) (driftgauge_alerts_total{{{AT}}}))", "{{alert}} {{state}}", "now"
                )
            ],
            decimals=0,
        ),
        8,
        8,
    )
