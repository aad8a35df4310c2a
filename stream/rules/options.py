"""What a user may choose about the rules beside the config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.alerts.links import EVERYTHING, MODEL_PAGE
from operators.settings.alerts import ALERTS
from stream.rules.parts import literal

if TYPE_CHECKING:
    from stream.config.load import Config

MONITOR_PAGE = "driftgauge-monitor"

SERVICE = "driftgauge"
"""Label `service` of every alert: a shared Alertmanager routes by it."""

KEEP_FIRING_FOR = 300_000
"""How long (ms) a page outlives its gauge.

While the monitor is away the latch `driftgauge:alert_active:held` keeps an alert, however long that takes. This is for
what the latch cannot see: the seconds after a restart when one gauge is back before the other, a restart of Prometheus
itself, and a fault that goes and comes. A resolve comes this much later, beside `alerting.resolve_after`; 5 minutes is
also Prometheus' own look-back, beyond which a sample is no longer taken for the present.
"""


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """Of one rules file.

    Attributes:
        job: `job_name` of the monitor in the scrape config.
        dashboards: base address of Grafana; None for the config's, and without one for no links.
        keep_firing_for: ms.
    """

    job: str = "driftgauge"
    dashboards: str | None = None
    keep_firing_for: int = KEEP_FIRING_FOR


ON_MODELS = (*(alert for alert, row in ALERTS.items() if row.fires), "ErrorBudgetBurn")
ON_MONITOR = (
    "DriftgaugeDown",
    "DriftgaugeAbsent",
    "DriftgaugeNotReady",
    "DriftgaugeRestartLoop",
    "DriftgaugeWatermarkLag",
    "DriftgaugeConsumerLag",
    "DriftgaugeDeadLetters",
    "DriftgaugeLateRecords",
    "DriftgaugeDataGap",
    "DriftgaugeSinkHeldUp",
    "DriftgaugeStateDisk",
    "DriftgaugeOpenTransaction",
    "DriftgaugeReportsDropped",
    "DriftgaugeWatchdog",
)
WITH_RUNBOOK = frozenset((*ON_MODELS, *ON_MONITOR))
"""Alerts with a page in deploy/runbooks; any other links to the index there."""


def runbook(config: Config, alert: str) -> str:
    """The annotation `runbook_url` of an alert."""
    page = alert if alert in WITH_RUNBOOK else "README"
    return f"{literal(config.alerting.runbook_base_url.rstrip('/'))}/{page}.md"


def model_dashboard(config: Config, options: RuleOptions) -> dict[str, str]:
    """The annotation `dashboard_url` of an alert on a model: its page, with the model, version and segment chosen.

    None where nobody has said where Grafana is.

    What the alert is not about in particular is All. Alertmanager's templates add the time range, which is not known
    here. The event's own link is that of operators/alerts/links.py.
    """
    name = "{{ with $labels.%s }}{{ . | urlquery }}{{ else }}" + EVERYTHING + "{{ end }}"
    chosen = "&".join(f"var-{label}={name % label}" for label in ("model", "version", "segment"))
    return _dashboard(config, options, f"{MODEL_PAGE}?{chosen}")


def monitor_dashboard(config: Config, options: RuleOptions) -> dict[str, str]:
    """The annotation `dashboard_url` of an alert on the monitor itself; likewise."""
    return _dashboard(config, options, f"{MONITOR_PAGE}?orgId=1")


def _dashboard(config: Config, options: RuleOptions, page: str) -> dict[str, str]:
    base = options.dashboards or config.alerting.dashboard_url
    return {} if base is None else {"dashboard_url": f"{literal(base.rstrip('/'))}/d/{page}"}
