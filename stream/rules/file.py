"""Prometheus rules of a config: thresholds, objectives, alerts on the models and on the monitor itself."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from operators.settings.durations import show_duration
from stream.rules.alerts import alert_rules
from stream.rules.cost import cost_rules
from stream.rules.monitor import monitor_rules
from stream.rules.options import RuleOptions
from stream.rules.parts import Group, rules_text
from stream.rules.slo import slo_rules
from stream.rules.thresholds import threshold_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.config.load import Config

HEADER = """\
Rules of driftgauge for Prometheus 2.42 or newer (keep_firing_for).
Written by `driftgauge rules --config {config}{chosen} -o FILE`: change the config and write it anew, do not edit.
No reference file is read for it. Labels of alerts never carry a measured value; annotations do."""


OFTEN = ((1_000, "5s"), (5_000, "15s"))
"""So many thresholds at most are recorded so often."""


def groups_of(config: Config, options: RuleOptions | None = None) -> tuple[Group, ...]:
    """The groups of rules. References are not needed."""
    chosen = options or RuleOptions()
    thresholds = threshold_rules(config)
    return (
        Group("driftgauge-thresholds", interval_of(len(thresholds)), thresholds),
        Group("driftgauge-alerts", "5s", alert_rules(config, chosen)),
        Group("driftgauge-objectives", "30s", slo_rules(config, chosen)),
        Group("driftgauge-cost", "1m", cost_rules(config)),
        Group("driftgauge-monitor", "15s", monitor_rules(config, chosen)),
    )


def interval_of(thresholds: int) -> str:
    """How often thresholds are recorded: what an alert says is asked of them.

    Prometheus looks at a group for the first time at some moment within its interval. One that has just started, or a
    model that has just come to the rules, would page without the causes until then.
    """
    return next((interval for most, interval in OFTEN if thresholds <= most), "1m")


def rules_of(config: Config, options: RuleOptions | None = None, resource: str | None = None) -> str:
    """The text of the rules file; with the name of a resource, of a PrometheusRule."""
    chosen = "".join(f" {option} {value}" for option, value in _chosen(options or RuleOptions(), resource))
    return rules_text(groups_of(config, options), HEADER.format(config=config.source.name, chosen=chosen), resource)


def _chosen(options: RuleOptions, resource: str | None) -> Iterator[tuple[str, str]]:
    """The options of the command that are not its defaults, in words of a shell."""
    usual = RuleOptions()
    if options.job != usual.job:
        yield "--job", quote(options.job)
    if options.dashboards is not None:
        yield "--dashboards", quote(options.dashboards)
    if options.keep_firing_for != usual.keep_firing_for:
        yield "--keep-firing-for", show_duration(options.keep_firing_for)
    if resource is not None:
        yield "--kubernetes", resource
