# ruff: noqa: INP001 - scripts beside what they write, no package
"""The lower half of the monitor page: where every record went, what waits, what the state and processes use."""

from page import Page
from parts import Query, bars, lines, numbers, steps

AT = 'instance=~"$instance"'
TARGET = f"on (job, instance) group_left () driftgauge_build_info{{{AT}}}"
"""Keeps what Prometheus knows of a target to those that are driftgauge, whatever the job is called."""
ZERO = steps((None, "green"), (1, "red"))


def records(page: Page) -> None:
    """Add the account of the records."""
    page.row("Records: read = counted + late + dead-lettered")
    per_second = "rate({}{{" + AT + "}}[$__rate_interval])"
    page.add(
        lines(
            "Where records went",
            "A second. Counted is told when a pane closes, so it follows what is read by a pane and the lateness.",
            [
                Query(f"sum({per_second.format('driftgauge_feedback_total')}) or vector(0)", "feedback"),
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
                    f" - (sum(driftgauge_dead_letters_total{{{AT}}}) or vector(0))"
                    f" - (sum(driftgauge_feedback_total{{{AT}}}) or vector(0))",
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
    page.add(
        lines(
            "What cannot be judged",
            "Streams that no window could judge for its length though rows came, and their share of what is watched.",
            [
                Query(f"sum by (model) (driftgauge_blind_streams{{{AT}}})", "{{model}}: streams"),
                Query(f"max by (model) (driftgauge_blind_ratio{{{AT}}})", "{{model}}: share"),
            ],
            min=0,
        ),
        8,
        7,
    )
    page.add(
        lines(
            "Held back",
            "For how long an open transaction keeps records back, and since when a process last saved its state.",
            [
                Query(
                    f"max by (topic, partition) (driftgauge_transaction_open_seconds{{{AT}}})",
                    "{{topic}} {{partition}}",
                ),
                Query(f"max by (process) (driftgauge_epoch_age_seconds{{{AT}}})", "state of {{process}}"),
            ],
            "s",
            min=0,
        ),
        8,
        7,
    )
    page.add(
        lines(
            "Left out by filters, set aside",
            "Records a second that the filter of a source leaves out, and messages without a value; fields of another"
            " type, whose records count.",
            [
                Query(
                    f"sum by (topic, reason) ({per_second.format('driftgauge_records_skipped_total')})",
                    "{{topic}} {{reason}}",
                ),
                Query(
                    f"sum by (topic, field) ({per_second.format('driftgauge_unfit_fields_total')})",
                    "{{field}} of {{topic}}",
                ),
            ],
            min=0,
        ),
        8,
        7,
    )
    page.add(
        lines(
            "Requests and responses",
            "Halves a second that count alone, because the other never came or too many waited; how many wait now.",
            [
                Query(
                    f"sum by (topic) ({per_second.format('driftgauge_pairs_total')}) or vector(0)",
                    "paired of {{topic}}",
                ),
                Query(
                    f"sum by (topic, half, reason) ({per_second.format('driftgauge_unpaired_total')}) or vector(0)",
                    "{{half}} of {{topic}}: {{reason}}",
                ),
                Query(f"sum(driftgauge_halves_waiting{{{AT}}}) or vector(0)", "waiting"),
            ],
            min=0,
        ),
        8,
        7,
    )


def processes(page: Page) -> None:
    """Add CPU, memory, scrapes and restarts."""
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
        16,
        5,
    )
    page.add(
        bars(
            "Reloads of the config",
            "Since the monitor started, by what came of them.",
            [Query(f"sum by (outcome) (driftgauge_config_reloads_total{{{AT}}}) or vector(0)", "{{outcome}}", "now")],
            decimals=0,
            noValue="none",
        ),
        8,
        5,
    )


def outputs(page: Page) -> None:
    """Add what waits to be taken, and the room that the state has."""
    page.row("Outputs and state")
    page.add(
        lines(
            "Outputs that take nothing",
            "For how long a topic, or an Alertmanager that is told directly, has not taken what it was sent.",
            [Query(f"max by (sink, target) (driftgauge_sink_held_up_seconds{{{AT}}})", "{{sink}} {{target}}")],
            "s",
            min=0,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "Posts to Alertmanager",
            "A minute, of direct push: each firing alert again and again. None where only Prometheus tells it.",
            [
                Query(
                    "60 * sum by (target, outcome)"
                    f" (rate(driftgauge_alertmanager_posts_total{{{AT}}}[$__rate_interval])) or vector(0)",
                    "{{target}} {{outcome}}",
                )
            ],
            min=0,
        ),
        8,
        8,
    )
    page.add(
        lines(
            "State and its disk",
            "Bytes of the state directory, and bytes left on its disk.",
            [
                Query(f"max by (instance) (driftgauge_state_bytes{{{AT}}})", "{{instance}} state"),
                Query(f"min by (instance) (driftgauge_state_disk_free_bytes{{{AT}}})", "{{instance}} free"),
            ],
            "bytes",
            min=0,
        ),
        8,
        8,
    )
