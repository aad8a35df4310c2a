"""The policy table: the severity of each alert at each level, with the reason for it. `critical` pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operators.settings.alerting import AlertingSettings, AlertName, Severity

# Thresholds (minor, major) that a distance to the reference has unless the config says otherwise.
DRIFT_PSI = (0.1, 0.25)  # Siddiqi, Credit Risk Scorecards (2006): the industry's rule of thumb
DRIFT_KS = (0.05, 0.1)  # a shift of an eighth and of a quarter of a standard deviation in a normal feature
# The same rule of thumb for predictions. Classes have no order, so KS says nothing of them: without it a model that
# answers one class only would page nobody (deepchecks watches decisions by PSI, its issue 1775).
PREDICTION_PSI = (0.1, 0.25)
PREDICTION_KS = (None, 0.15)  # 0.38 standard deviations of a normal score

# Severity at the minor and at the major level.
SEVERITY: dict[AlertName, tuple[Severity, Severity]] = {
    "DataDrift": (
        "info",
        "critical",
    ),  # PSI 0.1-0.25 is to be looked at in office hours, beyond it the model is at risk
    "PredictionDrift": ("warning", "critical"),  # the output moved: users see it
    "ConceptDrift": ("warning", "critical"),  # the relation the model learned no longer holds
    "PerformanceDrop": ("warning", "critical"),  # measured harm
    "SlaBreach": ("warning", "critical"),  # a promise to others
    "DataQuality": ("info", "warning"),  # often a known upstream change; drift pages if it matters
    "FeatureStale": ("warning", "critical"),  # the model works on guesses
    "NoData": ("warning", "critical"),  # nobody is served, or nobody would know
    "LabelStall": ("info", "warning"),  # quality is unknown, not bad
    "Anomaly": ("info", "warning"),  # a hint, with no reference behind it
}


def severity_table(alerting: AlertingSettings) -> dict[str, tuple[str, str]]:
    """The policy with the user's changes: alert -> (severity at minor, severity at major)."""
    table: dict[str, tuple[str, str]] = {}
    for alert, (minor, major) in SEVERITY.items():
        change = alerting.severity.get(alert)
        table[alert] = (
            (change.minor if change else None) or minor,
            (change.major if change else None) or major,
        )
    return table
