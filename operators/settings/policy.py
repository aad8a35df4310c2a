"""Policy: the thresholds and severities that hold unless the config says otherwise, with a source for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.settings.alerts import ALERTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operators.settings.alerting import AlertingSettings, SeverityLevels
    from operators.settings.alerts import Severity

# Thresholds (minor, major) that a distance to the reference has unless the config says otherwise.
DRIFT_PSI = (0.1, 0.25)  # Siddiqi, Credit Risk Scorecards (2006): the industry's rule of thumb
DRIFT_KS = (0.05, 0.1)  # a shift of an eighth and of a quarter of a standard deviation in a normal feature
# The same rule of thumb for predictions. Classes have no order, so KS says nothing of them: without it a model that
# answers one class only would page nobody (deepchecks watches decisions by PSI, its issue 1775).
PREDICTION_PSI = (0.1, 0.25)
PREDICTION_KS = (None, 0.15)  # 0.38 standard deviations of a normal score

# A week beside the months before holds some 1/13 of a step's days: what a reference shows at once, it shows slowly.
TRAILING_PSI = 0.25  # the major levels of drift: what changed that much since last quarter is worth a look
TRAILING_KS = 0.1

TOLERATED = 0.01  # what may not be is a fault of some writer; one in a hundred is no single odd record

SEVERITY: dict[str, tuple[Severity, Severity]] = {alert: (row.minor, row.major) for alert, row in ALERTS.items()}
"""Alert kind -> severity at the minor and at the major level."""


def severity_table(
    alerting: AlertingSettings, own: Mapping[str, SeverityLevels] | None = None
) -> dict[str, tuple[str, str]]:
    """The policy with the user's changes: alert -> (severity at minor, severity at major).

    Args:
        alerting: what holds for all models.
        own: what one model says; it goes before that, level by level.
    """
    table: dict[str, tuple[str, str]] = {}
    for alert, levels in SEVERITY.items():
        table[alert] = levels
        for change in (alerting.severity.get(alert), (own or {}).get(alert)):
            if change is not None:
                minor, major = table[alert]
                table[alert] = (change.minor or minor, change.major or major)
    return table
