"""Alerting rules on the monitor itself: a monitor that does not watch is worse than none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.settings.durations import show_duration
from stream.rules.options import SERVICE, monitor_dashboard, runbook
from stream.rules.parts import Alerting, Recording, promql

if TYPE_CHECKING:
    from stream.config.load import Config
    from stream.rules.options import RuleOptions

SHORTEST_LAG = 120_000
"""Watermark lag (ms) that nobody is told of, however small the panes: a restart and its catching up take less."""
BLIND = 900_000
"""Watermark lag (ms) that pages: alerts come a quarter of an hour late."""
REFUSED_RATIO = 0.01
LATE_RATIO = 0.01
BACKLOG_SECONDS = 60
HELD_UP, HELD_UP_LONG = 60, 300
"""Seconds for which an output takes nothing, that are told and that page: a broker that restarts takes less."""
OPEN = 300
"""Seconds for which a transaction is open, that are told: a sink that commits with its checkpoints takes a minute."""
ROOM, LITTLE_ROOM = 1 << 30, 1 << 27
"""Free bytes of the state's disk below which it is told and pages: an epoch writes far less than the latter."""

DEAD_LETTER_RATIO = "driftgauge:dead_letters:ratio_rate15m"
LATE_RECORD_RATIO = "driftgauge:late_records:ratio_rate15m"
BACKLOG = "driftgauge:consumer_lag_messages:sum"


@dataclass(frozen=True, slots=True)
class _Self:
    """A rule on the monitor; `pending` as in Prometheus' "for"."""

    alert: str
    severity: str
    expr: str
    pending: str | None
    summary: str
    description: str


def monitor_rules(config: Config, options: RuleOptions) -> tuple[Recording | Alerting, ...]:
    """The recording rules, then the alerting rules that read them."""
    job = promql(options.job)
    selves = (*_alive(job), *_pace(config), *_outputs(), *_disk(), *_losses(), _WATCHDOG)
    return (*_RECORDINGS, *(_rule(each, config, options) for each in selves))


def _rule(each: _Self, config: Config, options: RuleOptions) -> Alerting:
    return Alerting(
        alert=each.alert,
        expr=each.expr,
        labels={"service": SERVICE, "severity": each.severity},
        annotations={
            "summary": each.summary,
            "description": each.description,
            "runbook_url": runbook(config, each.alert),
            **monitor_dashboard(config, options),
        },
        pending=each.pending,
    )


_RECORDINGS = (
    Recording(BACKLOG, "sum by (topic) (driftgauge_consumer_lag_messages)"),
    Recording(
        DEAD_LETTER_RATIO,
        "sum by (topic) (rate(driftgauge_dead_letters_total[15m]))"
        " / sum by (topic) (rate(driftgauge_records_read_total[15m]))",
    ),
    Recording(
        LATE_RECORD_RATIO,
        "sum by (model) (rate(driftgauge_late_records_total[15m]))"
        " / (sum by (model) (rate(driftgauge_late_records_total[15m]))"
        " + sum by (model) (rate(driftgauge_records_folded_total[15m])))",
    ),
)


def _alive(job: str) -> tuple[_Self, ...]:
    return (
        _Self(
            "DriftgaugeDown",
            "critical",
            f"up{{job={job}}} == 0",
            "1m",
            "driftgauge at {{ $labels.instance }} does not answer",
            "No model of this monitor is watched. Alerts that fired when it went stay as they were.",
        ),
        _Self(
            "DriftgaugeAbsent",
            "critical",
            f"absent(up{{job={job}}})",
            "5m",
            "Prometheus has no driftgauge to scrape",
            f"There is no target of job {job}: nothing is watched.".replace('"', ""),
        ),
        _Self(
            "DriftgaugeNotReady",
            "critical",
            f"driftgauge_ready{{job={job}}} == 0",
            "10m",
            "driftgauge at {{ $labels.instance }} is up and watches nothing",
            "/readyz says why: a broker that does not answer, a process that does not start, or no traffic since the"
            " first start.",
        ),
        _Self(
            "DriftgaugeRestartLoop",
            "critical",
            f"sum by (job, instance) (increase(driftgauge_worker_restarts_total{{job={job}}}[15m])) > 2.5\n"
            f"or changes(process_start_time_seconds{{job={job}}}[15m]) > 2",
            None,
            "driftgauge at {{ $labels.instance }} restarts again and again",
            '{{ printf "%.0f" $value }} restarts in 15 minutes: it catches up instead of watching.',
        ),
    )


def _pace(config: Config) -> tuple[_Self, ...]:
    time = config.time
    # On a quiet topic the watermark may trail by all three without fault.
    lag = max(SHORTEST_LAG, 4 * (time.pane + time.lateness + time.idle_after))
    behind = "max by (model) (driftgauge_watermark_lag_seconds)"
    told = "What happens to it now is seen {{ $value | humanizeDuration }} late."
    return (
        _Self(
            "DriftgaugeWatermarkLag",
            "warning",
            f"{behind} > {lag / 1e3:g}",
            "5m",
            "driftgauge is behind on {{ $labels.model }}",
            f"{told} The limit is {show_duration(lag)}.",
        ),
        _Self(
            "DriftgaugeWatermarkLag",
            "critical",
            f"{behind} > {max(BLIND, 2 * lag) / 1e3:g}",
            "5m",
            "driftgauge is far behind on {{ $labels.model }}",
            f"{told} The limit is {show_duration(max(BLIND, 2 * lag))}.",
        ),
        _Self(
            "DriftgaugeConsumerLag",
            "warning",
            # More than a minute's reading waits, and more than 10 minutes ago.
            f"{BACKLOG} > {BACKLOG_SECONDS} * sum by (topic) (rate(driftgauge_records_read_total[10m]))\n"
            f"and {BACKLOG} > {BACKLOG} offset 10m",
            "5m",
            "driftgauge does not keep up with topic {{ $labels.topic }}",
            '{{ printf "%.0f" $value }} messages wait, and they become more.',
        ),
    )


def _outputs() -> tuple[_Self, ...]:
    worst = "max by (sink, target) (driftgauge_sink_held_up_seconds%s) > %d"
    told = "What is sent there ({{ $labels.sink }}) has waited for {{ $value | humanizeDuration }}."
    return (
        _Self(
            "DriftgaugeSinkHeldUp",
            "warning",
            worst % ("", HELD_UP),
            None,
            "{{ $labels.target }} takes nothing from driftgauge",
            f"{told} It is kept, and sent until it is taken.",
        ),
        _Self(
            "DriftgaugeSinkHeldUp",
            "critical",
            # Posts to an Alertmanager hold up nothing else, and there are others of it.
            worst % ('{sink!="alertmanager"}', HELD_UP_LONG),
            None,
            "driftgauge waits for {{ $labels.target }}, and judges nothing meanwhile",
            f"{told} Nothing is lost, and nobody is told of anything new.",
        ),
    )


def _disk() -> tuple[_Self, ...]:
    free = "driftgauge_state_disk_free_bytes"
    at = "the disk of driftgauge's state at {{ $labels.instance }}"
    left = "{{ $value | humanize1024 }}B are left."
    return (
        _Self(
            "DriftgaugeStateDisk",
            "warning",
            # What is merged on disk, or copied for a backup, may take as much again as it has.
            f"{free} < {ROOM}\nor {free} < driftgauge_state_bytes",
            "5m",
            f"There is little room on {at}",
            f"{left} The state may need as much again as it has when its files are merged.",
        ),
        _Self(
            "DriftgaugeStateDisk",
            "critical",
            f"{free} < {LITTLE_ROOM}",
            "1m",
            f"There is next to no room on {at}",
            f"{left} When it is full nothing can be saved: driftgauge stops, and starts again and again.",
        ),
    )


def _new_or_more(metric: str, by: str, span: str) -> str:
    """Whether a counter grew within the span; one that begins at 1 has no increase, but was not there before."""
    return (
        f"sum by ({by}) (increase({metric}[{span}])) > 0\n"
        f"or (sum by ({by}) ({metric}) > 0 unless sum by ({by}) ({metric} offset {span}))"
    )


def _losses() -> tuple[_Self, ...]:
    return (
        _Self(
            "DriftgaugeDeadLetters",
            "warning",
            f"{DEAD_LETTER_RATIO} > {REFUSED_RATIO}",
            "5m",
            "Records of topic {{ $labels.topic }} cannot be read",
            "{{ $value | humanizePercentage }} of its records went to dead letters in the last 15 minutes, by reason:\n"
            "{{- range query (printf `topk(3, sum by (reason)"
            " (rate(driftgauge_dead_letters_total{topic=%q}[15m])) > 0)` $labels.topic) }} {{ .Labels.reason }}"
            ' {{ printf "%.3g" .Value }}/s;{{ end }}',
        ),
        _Self(
            "DriftgaugeLateRecords",
            "warning",
            f"{LATE_RECORD_RATIO} > {LATE_RATIO}",
            "5m",
            "Predictions of {{ $labels.model }} come too late to be counted",
            "{{ $value | humanizePercentage }} of them were behind the watermark in the last 15 minutes and are in no"
            " window.",
        ),
        _Self(
            "DriftgaugeDataGap",
            "warning",
            _new_or_more("driftgauge_data_gaps_total", "topic", "1h"),
            None,
            "Messages of topic {{ $labels.topic }} were gone before driftgauge could read them",
            "Retention removed them; windows over that time are of fewer predictions than there were.",
        ),
        _Self(
            "DriftgaugeOpenTransaction",
            "warning",
            f"max by (topic, partition) (driftgauge_transaction_open_seconds) > {OPEN}",
            None,
            "An open transaction keeps back topic {{ $labels.topic }}, partition {{ $labels.partition }}",
            "It has been open for {{ $value | humanizeDuration }}: what is written behind it is read when it ends, and"
            " its models are judged no further until then.",
        ),
        _Self(
            "DriftgaugeReportsDropped",
            "warning",
            _new_or_more("driftgauge_reports_dropped_total", "reason", "15m"),
            None,
            "driftgauge could not show some of its metrics",
            "Reports were dropped ({{ $labels.reason }}): gauges, and alerts that are made of them, may be out of date."
            " Events on the alerts topic are not concerned.",
        ),
    )


_WATCHDOG = _Self(
    "DriftgaugeWatchdog",
    "none",
    "vector(1)",
    None,
    "The way from Prometheus to Alertmanager works",
    "Always fires. Whoever receives it should ring when it stops: then nobody would be told of anything else.",
)
