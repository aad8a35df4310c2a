"""Alerting rules of the models: one for each kind of alert, from driftgauge_alert_active.

Model, version, segment and severity are labels of the series, so a rule is written once for all models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.settings.durations import show_duration
from operators.settings.policy import severity_table
from stream.rules.options import SERVICE, model_dashboard, runbook
from stream.rules.parts import Alerting, Recording, literal, promql
from stream.rules.texts import DESCRIPTIONS, SUMMARIES

if TYPE_CHECKING:
    from stream.config.load import Config
    from stream.rules.options import RuleOptions

HELD = "driftgauge:alert_active:held"

SEGMENTS_AFTER = "10s"
"""How much later a segment's alert comes than its gauge: two evaluations.

The whole of a version and its segments often cross in the same tick. A page goes out with the first alert of its group,
so the whole must come first: it is then the title, and Alertmanager inhibits its segments.
"""


def alert_rules(config: Config, options: RuleOptions) -> tuple[Recording | Alerting, ...]:
    """The latch, then an alerting rule for each kind."""
    return (_latch(options, labels_of(config)), *(_rule(alert, config, options) for alert in SUMMARIES))


def labels_of(config: Config) -> list[str]:
    """Names of the labels that models give to their alerts."""
    return sorted({name for model in config.models for name in model.labels})


def _latch(options: RuleOptions, own: list[str]) -> Recording:
    """What fires, kept while the monitor is away: silence resolves nothing.

    An alert is kept from one evaluation to the next as long as its model has no watermark, which is there again when
    the dataflow has judged a tick, and not every monitor that is scraped is ready (so a model that left the config
    does not keep its alerts for ever). Instance and job are left out: a page survives a move to another pod.
    """
    job = promql(options.job)
    return Recording(
        HELD,
        f"""\
max by ({", ".join(["model", "version", "segment", "alert", "severity", *own])}) (driftgauge_alert_active)
or
(
  {HELD}
  unless on (model) (driftgauge_watermark_timestamp_seconds > 0)
  unless on () (count(up{{job={job}}}) == sum(driftgauge_ready{{job={job}}}))
)""",
    )


def _active(alert: str) -> str:
    only = f"alert={promql(alert)}"
    segments = f'{HELD}{{{only},segment!=""}}'
    return f"""\
max without (alert) ({HELD}{{{only},segment=""}}) > 0
or max without (alert) ({segments} and {segments} offset {SEGMENTS_AFTER}) > 0"""


def _rule(alert: str, config: Config, options: RuleOptions) -> Alerting:
    minor, major = severity_table(config.alerting)[alert]
    description = DESCRIPTIONS.get(alert, "")
    if "$level" in description:
        # A page names what is past the level that pages; with one severity for both levels, past either.
        own = any(alert in model.severity for model in config.models)
        choice = f'{{{{- if eq $labels.severity "{major}" }}}}{{{{ $level = "major" }}}}{{{{ end -}}}}\n'
        description = '{{- $level := "minor|major" -}}\n' + ("" if minor == major or own else choice) + description
    told = f"All causes: the event in topic {literal(config.topics.alerts)}."
    return Alerting(
        alert=alert,
        expr=_active(alert),
        labels={"service": SERVICE},
        annotations={
            "summary": SUMMARIES[alert],
            "description": f"{description}\n{told}" if description else told,
            "runbook_url": runbook(config, alert),
            **model_dashboard(config, options),
        },
        keep_firing_for=show_duration(options.keep_firing_for),
    )
