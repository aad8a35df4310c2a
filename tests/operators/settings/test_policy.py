from typing import get_args

from operators.settings.alerting import AlertingSettings
from operators.settings.alerts import AlertName, Severity
from operators.settings.policy import SEVERITY, severity_table


def test_every_alert_of_the_contract_has_a_severity_at_each_level() -> None:
    """No alert can come up that the table does not know, and major is never milder than minor."""
    order = get_args(Severity)
    assert set(SEVERITY) == set(get_args(AlertName))
    assert all(order.index(minor) <= order.index(major) for minor, major in SEVERITY.values())


def test_a_user_s_change_replaces_one_level_only() -> None:
    """What is not named stays as the policy says."""
    alerting = AlertingSettings.model_validate({"severity": {"DataDrift": {"major": "warning"}}})
    table = severity_table(alerting)
    assert table["DataDrift"] == ("info", "warning")
    assert {name: levels for name, levels in table.items() if name != "DataDrift"} == {
        name: levels for name, levels in SEVERITY.items() if name != "DataDrift"
    }


def test_a_model_s_own_severities_go_before_those_of_all() -> None:
    """Level by level: what neither names is the policy's."""
    alerting = AlertingSettings.model_validate({"severity": {"DataDrift": {"minor": "warning", "major": "warning"}}})
    own = AlertingSettings.model_validate(
        {"severity": {"DataDrift": {"major": "info"}, "NoData": {"major": "warning"}}}
    )
    table = severity_table(alerting, own.severity)
    assert table["DataDrift"] == ("warning", "info")
    assert table["NoData"] == (SEVERITY["NoData"][0], "warning")
    assert table["FeatureStale"] == SEVERITY["FeatureStale"]


def test_without_changes_the_table_is_the_policy() -> None:
    """Drift, objectives, staleness and silence page at their major level; quality does not."""
    table = severity_table(AlertingSettings())
    assert table == SEVERITY
    assert {name for name, (_, major) in table.items() if major != "critical"} == {
        "DataQuality",
        "LabelStall",
        "Anomaly",
    }
