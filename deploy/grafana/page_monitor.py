# ruff: noqa: INP001 - scripts beside what they write, no package
"""Monitor page: does driftgauge itself keep up, and where did every record go."""

from parts import Column, Page, Query, bars, lines, numbers, steps, table, variable

AT = 'instance=~"$instance"'
TARGET = f"on (job, instance) group_left () driftgauge_build_info{{{AT}}}"
"""Keeps what Prometheus knows of a target to those that are driftgauge, whatever the job is called."""
ZERO = steps((None, "green"), (1, "red"))


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
    _records(page)
    _processes(page)
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
            {"instance": "Instance", "version": "Version", "python": "Python", "bytewax": "Bytewax"},
            [
                Column(
                    "Series",
                    f"max by (instance, version, python, bytewax) (driftgauge_build_info{{{AT}}}"
                    " * on (job, instance) group_left () scrape_samples_post_metric_scraping)",
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


def _records(page: Page) -> None:
    page.row("Records: read = counted + late + dead-lettered")
    per_second = "rate({}{{" + AT + "}}[$__rate_interval])"
    page.add(
        lines(
            "Where records went",
            "A second. Counted is told when a pane closes, so it follows what is read by a pane and the lateness.",
            [
                Query(f"sum({per_second.format('driftgauge_records_folded_total')})", "counted"),
                Query(f"sum({per_second.format('driftgauge_late_records_total')})", "late"),
                Query(f"sum({per_second.format('driftgauge_dead_letters_total')}) or vector(0)", "dead-lettered"),
                Query(f"sum({per_second.format('driftgauge_records_read_total')})", "read"),
            ],
            stacked=True,
            min=0,
        ),
        12,
        8,
    )
    page.add(
        lines(
            "Read and not yet accounted for",
            "Records in panes that are still open. It goes up and down with each pane; if it only grows, one is lost.",
            [
                Query(
                    f"sum(driftgauge_records_read_total{{{AT}}}) - sum(driftgauge_records_folded_total{{{AT}}})"
                    f" - sum(driftgauge_late_records_total{{{AT}}})"
                    f" - (sum(driftgauge_dead_letters_total{{{AT}}}) or vector(0))",
                    "open",
                )
            ],
        ),
        12,
        8,
    )
    page.add(
        lines(
            "Dead letters",
            "A minute, by reason: refused, and sent to the dead letters with their bytes.",
            [Query(f"60 * sum by (reason) ({per_second.format('driftgauge_dead_letters_total')})", "{{reason}}")],
            noValue="none",
            min=0,
        ),
        8,
        7,
    )
    page.add(
        lines(
            "Late",
            "Share of records too far behind the newest of their partition.",
            [
                Query(
                    f"sum by (model) ({per_second.format('driftgauge_late_records_total')})"
                    f" / (sum by (model) ({per_second.format('driftgauge_late_records_total')})"
                    f" + sum by (model) ({per_second.format('driftgauge_records_folded_total')}))",
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
        numbers(
            "Ought to be zero",
            "In the time shown: messages that retention took first, versions beyond the cap, reports not shown.",
            [
                Query(f"sum(increase(driftgauge_data_gaps_total{{{AT}}}[$__range])) or vector(0)", "gaps"),
                Query(f"sum(increase(driftgauge_overflow_total{{{AT}}}[$__range]))", "over a cap"),
                Query(f"sum(increase(driftgauge_reports_dropped_total{{{AT}}}[$__range])) or vector(0)", "reports"),
            ],
            thresholds=ZERO,
            decimals=0,
        ),
        8,
        7,
    )


def _processes(page: Page) -> None:
    page.row("Processes")
    own = f"rate(process_cpu_seconds_total[$__rate_interval]) * {TARGET}"
    page.add(
        lines(
            "CPU",
            "Cores in use, by dataflow process; the parent serves metrics.",
            [
                Query(
                    f"sum by (instance, process) (rate(driftgauge_worker_cpu_seconds_total{{{AT}}}[$__rate_interval]))",
                    "{{instance}} {{process}}",
                ),
                Query(f"sum by (instance) ({own})", "{{instance}} parent"),
            ],
            min=0,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "Memory",
            "Resident.",
            [
                Query(
                    f"sum by (instance, process) (driftgauge_worker_resident_memory_bytes{{{AT}}})",
                    "{{instance}} {{process}}",
                ),
                Query(f"sum by (instance) (process_resident_memory_bytes * {TARGET})", "{{instance}} parent"),
            ],
            "bytes",
            min=0,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "Scrape",
            "How long Prometheus waits for /metrics.",
            [Query(f"max by (instance) (scrape_duration_seconds * {TARGET})", "{{instance}}")],
            "s",
            min=0,
        ),
        8,
        8,
    )
    page.add(
        bars(
            "Restarts",
            "Since the monitor started, by the process that caused them and why.",
            [
                Query(
                    f"sort_desc(sum by (process, reason) (driftgauge_worker_restarts_total{{{AT}}}))",
                    "{{process}} {{reason}}",
                    "now",
                )
            ],
            decimals=0,
            noValue="none",
        ),
        24,
        5,
    )
