"""Burn-rate rules of objectives, after the Site Reliability Workbook (2018), chapter 5: "multiwindow, multi-burn-rate".

Availability is counted: failed predictions over all, from driftgauge_predictions_total. Latency cannot be: there is no
histogram of it, only quantiles over windows of event time. What can be told honestly is the share of time in which the
quantile missed its target beyond chance (driftgauge_sla_violated), so its objective is one of time slices (OpenSLO:
budgetingMethod Timeslices), TIME_SLICES of them good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.settings.durations import show_duration
from stream.rules.options import SERVICE, model_dashboard, runbook
from stream.rules.parts import Alerting, Recording

if TYPE_CHECKING:
    from stream.config.load import Config
    from stream.rules.options import RuleOptions

TIME_SLICES = 0.99
"""Share of time a latency objective must hold: "for 99 % of time" of the arrival-time objective in the scenarios."""

FEWEST_ERRORS = 10
"""Failed predictions in the long window below which availability burns nothing: a share of so few is chance."""

OBJECTIVE = "driftgauge:slo_objective:ratio"
BUDGET = "driftgauge:slo_error_budget:ratio"
ERRORS = "driftgauge:slo_errors:rate5m"
EVENTS = "driftgauge:slo_events:rate5m"
ERROR_RATIO = "driftgauge:sli_error:ratio_rate"


@dataclass(frozen=True, slots=True)
class Burn:
    """A burn rate: how many times faster than evenly the budget of 30 days is spent, over two windows at once.

    The long window makes it significant, the short one ends the alert soon after the fault.
    """

    rate: float
    long: str
    short: str
    severity: str
    spent: str


BURNS = (
    Burn(14.4, "1h", "5m", "critical", "2% of 30 days' budget in an hour"),
    Burn(6, "6h", "30m", "critical", "5% of 30 days' budget in 6 hours"),
    Burn(1, "3d", "6h", "warning", "10% of 30 days' budget in 3 days"),
)
"""Rates, windows and severities: table 5-8 of the chapter."""

RAW = ("30m", "1h")
"""Windows read from the counters; longer ones from the 5-minute rates, for 3 days of raw samples are too many."""
RECORDED = ("6h", "3d")


def slo_rules(config: Config, options: RuleOptions) -> tuple[Recording | Alerting, ...]:
    """The recording and alerting rules of the objectives that the config has."""
    available = [
        Recording(OBJECTIVE, f"vector({objective.target!r})", {"model": model.name, "slo": "availability"})
        for model in config.models
        for metric, objective in model.sla.items()
        # With a target of 1 there is no budget to burn: every failure is a breach, which SlaBreach tells.
        if metric == "availability" and 0 < objective.target < 1
    ]
    fast = [
        Recording(OBJECTIVE, f"vector({TIME_SLICES!r})", {"model": model.name, "slo": metric})
        for model in config.models
        for metric in model.sla
        if metric.startswith("latency_")
    ]
    rules: list[Recording | Alerting] = [*available, *fast]
    if rules:
        rules.append(Recording(BUDGET, f"1 - {OBJECTIVE}"))
    if available:
        rules += [*_availability(), *(_burning(burn, _OF_EVENTS, config, options) for burn in BURNS)]
    if fast:
        rules += [*_latency(), *(_burning(burn, _OF_TIME, config, options) for burn in BURNS)]
    return tuple(rules)


def _availability() -> list[Recording]:
    slo = {"slo": "availability", "sli": "events"}
    errors = 'sum by (model) (rate(driftgauge_predictions_total{outcome="error"}[%s]))'
    events = "sum by (model) (rate(driftgauge_predictions_total[%s]))"
    none = f"0 * {events}"  # a model that never failed has no series of failures
    both = f"({errors} or {none}) / {events}"
    return [
        Recording(ERRORS, f"{errors} or {none}".replace("%s", "5m"), slo),
        Recording(EVENTS, events % "5m", slo),
        Recording(f"{ERROR_RATIO}5m", f"{ERRORS} / {EVENTS}", slo),
        *(Recording(f"{ERROR_RATIO}{window}", both.replace("%s", window), slo) for window in RAW),
        *(
            Recording(
                f"{ERROR_RATIO}{window}",
                f"sum_over_time({ERRORS}[{window}]) / sum_over_time({EVENTS}[{window}])",
                slo,
            )
            for window in RECORDED
        ),
    ]


def _latency() -> list[Recording]:
    # The worst of a model's versions: one of them is slow is enough.
    violated = (
        "max by (model, slo) (label_replace("
        'avg_over_time(driftgauge_sla_violated{sla=~"latency_.+"}[%s]), "slo", "$1", "sla", "(.+)"))'
    )
    sli = {"sli": "time"}
    return [
        *(Recording(f"{ERROR_RATIO}{window}", violated % window, sli) for window in ("5m", *RAW)),
        *(
            Recording(f"{ERROR_RATIO}{window}", f'avg_over_time({ERROR_RATIO}5m{{sli="time"}}[{window}])', sli)
            for window in RECORDED
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Sli:
    """An indicator of events or of time, and what its alerts say: `bad` of the ratio, `objective` of the promise."""

    sli: str
    bad: str
    objective: str
    counted: bool


_BUDGET = "{{ $labels.model }} spends its {{ $labels.slo }} budget"
_RATIO = "{{ $value | humanizePercentage }}"
_TARGET = (
    '{{ range query (printf "driftgauge:slo_objective:ratio{model=%q,slo=%q}" $labels.model $labels.slo) }}'
    "{{ .Value | humanizePercentage }}{{ end }}"
)
_LATENCY_TARGET = (
    '{{ range query (printf "driftgauge:threshold{model=%q,monitor=\\"sla.%s\\"}" $labels.model $labels.slo) }}'
    "{{ .Value }}{{ end }}"
)
_OF_EVENTS = _Sli(
    "events",
    f"{_RATIO} of the predictions failed",
    f"{_TARGET} of the predictions succeed",
    counted=True,
)
_OF_TIME = _Sli(
    "time",
    f"{{{{ $labels.slo }}}} was over its target in {_RATIO} of the time",
    f"{{{{ $labels.slo }}}} is below {_LATENCY_TARGET} for {_TARGET} of the time",
    counted=False,
)


def _burning(burn: Burn, sli: _Sli, config: Config, options: RuleOptions) -> Alerting:
    limit = f"on (model, slo) {burn.rate:g} * {BUDGET}"
    only = f'{{sli="{sli.sli}"}}'
    expr = f"""\
{ERROR_RATIO}{burn.long}{only} > {limit}
and on (model, slo) {ERROR_RATIO}{burn.short}{only} > {limit}"""
    if sli.counted:
        # A rate over 5 minutes, taken every 5 minutes, adds up to the number of failures.
        expr += f"\nand on (model, slo) sum_over_time({ERRORS}[{burn.long}:5m]) * 300 >= {FEWEST_ERRORS}"
    return Alerting(
        alert="ErrorBudgetBurn",
        expr=expr,
        labels={
            "service": SERVICE,
            "severity": burn.severity,
            "sli": sli.sli,
            "long_window": burn.long,
            "short_window": burn.short,
            "burn_rate": f"{burn.rate:g}",
        },
        annotations={
            "summary": f"{_BUDGET} at over {burn.rate:g} times the even rate",
            "description": f"{sli.bad} over {burn.long}: more than {burn.spent},"
            f" and still so in the last {burn.short}.",
            "objective": f"{sli.objective}, over 30 days",
            "runbook_url": runbook(config, "ErrorBudgetBurn"),
            **model_dashboard(config, options),
        },
        keep_firing_for=show_duration(options.keep_firing_for),
    )
