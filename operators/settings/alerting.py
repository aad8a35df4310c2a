"""Settings of alerting: names, severities, the budget of false pages."""

from typing import Annotated

from pydantic import Field, StringConstraints

from operators.settings.alerts import AlertName, Severity
from operators.settings.durations import Millis, from_to
from operators.settings.parts import Number, Settings

RUNBOOKS = "https://github.com/driftgauge/driftgauge/blob/main/deploy/runbooks"


class SeverityLevels(Settings):
    """The severity an alert has at each level; None keeps the default of the policy table."""

    minor: Severity | None = None
    major: Severity | None = None


class AlertingSettings(Settings):
    """How alerts behave.

    Attributes:
        false_pages_per_month: how many alerts a month may be false, over everything watched; sets the confidence level.
        resolve_after: how long a condition must have cleared before an alert resolves.
        severity: severities that differ from the policy table.
        runbook_base_url: where runbooks live; the alert's name is appended.
        dashboard_url: address of Grafana with the dashboards of deploy/grafana, for the links in alerts; None for none.
    """

    false_pages_per_month: Annotated[Number, Field(gt=0, le=10_000)] = 1.0
    resolve_after: Annotated[Millis, from_to(1)] = 600_000
    severity: dict[AlertName, SeverityLevels] = Field(default_factory=dict)
    runbook_base_url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=500)] = RUNBOOKS
    dashboard_url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=500)] | None = None
