from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from paging import DEPLOY, ROUTES, Alertmanager, Receiver, alerting_rules, run
from waiting import until

from operators.settings.durations import parse_duration
from operators.settings.policy import SEVERITY

if TYPE_CHECKING:
    from pathlib import Path

Labels = dict[str, str]

TEMPLATES = DEPLOY / "alertmanager" / "templates" / "driftgauge.tmpl"
BY_SEVERITY = {"critical": "pagerduty", "warning": "slack", "info": "topic-only"}
SECRETS = {
    "api_key",
    "api_url",
    "auth_password",
    "auth_secret",
    "bearer_token",
    "bot_token",
    "client_secret",
    "credentials",
    "password",
    "routing_key",
    "service_key",
    "slack_api_url",
    "smtp_auth_password",
    "smtp_auth_secret",
    "token",
    "user_key",
}
"""Options of Alertmanager that hold a secret in the file itself."""


def _routed(**labels: str) -> list[str]:
    given = [f"{name}={value}" for name, value in labels.items()]
    said = run("amtool", "config", "routes", "test", f"--config.file={ROUTES}", *given)
    return said.strip().split(",")


def test_amtool_accepts_the_config() -> None:
    """Routes, receivers, inhibitions and templates are read."""
    assert "SUCCESS" in run("amtool", "check-config", ROUTES)


@pytest.mark.parametrize("severity", BY_SEVERITY)
@pytest.mark.parametrize("alert", SEVERITY)
def test_an_alert_on_a_model_goes_where_its_severity_says(alert: str, severity: str) -> None:
    """Critical pages, a warning is a message, an info tells nobody, of the whole and of a segment."""
    expected = [BY_SEVERITY[severity]]
    labels = {"alertname": alert, "model": "click", "version": "7", "severity": severity, "service": "driftgauge"}
    assert _routed(**labels) == expected
    assert _routed(**labels, segment="country=de") == expected


def test_an_alert_on_the_monitor_or_a_budget_goes_where_its_severity_says() -> None:
    """Every rule with a severity of its own; a slow burn is also a ticket by mail, and the watchdog is told apart."""
    for rule in alerting_rules():
        severity = rule["labels"].get("severity")
        if severity is None:
            continue
        expected = [BY_SEVERITY[severity]] if severity != "none" else ["watchdog"]
        if (rule["alert"], severity) == ("ErrorBudgetBurn", "warning"):
            expected = ["email", "slack"]
        assert _routed(alertname=rule["alert"], **rule["labels"]) == expected


def test_an_unknown_severity_is_at_least_seen() -> None:
    """It falls to the default receiver."""
    assert _routed(alertname="DataDrift", severity="fatal") == ["slack"]


def test_a_page_goes_out_at_once_and_one_for_each_kind_and_model() -> None:
    """group_wait 0s, grouped by alertname and model."""
    top = yaml.safe_load(ROUTES.read_text())["route"]
    (page,) = [route for route in top["routes"] if route["receiver"] == "pagerduty"]
    assert page["group_wait"] == "0s"
    assert page.get("group_by", top["group_by"]) == ["alertname", "model"]


def test_the_watchdog_rings_at_every_second_look() -> None:
    """A sending is a little younger than the looks since: only one repeated between two of them is not a look late."""
    top = yaml.safe_load(ROUTES.read_text())["route"]
    (watchdog,) = [route for route in top["routes"] if route["receiver"] == "watchdog"]
    look, repeat = (parse_duration(watchdog[name]) for name in ("group_interval", "repeat_interval"))
    assert look < repeat < 2 * look == parse_duration("1m")


def test_secrets_are_read_from_files() -> None:
    """No option that holds a secret itself is used, and every file of one is in the same directory."""
    found: list[tuple[str, Any]] = []

    def walk(value: Any) -> None:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found.append((str(key), inner))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(yaml.safe_load(ROUTES.read_text()))
    assert not {key for key, _ in found} & SECRETS
    files = {key: value for key, value in found if key.endswith("_file")}
    assert files.keys() == {
        "slack_api_url_file",
        "smtp_auth_password_file",
        "routing_key_file",
        "credentials_file",
    }
    assert all(value.startswith("/etc/alertmanager/secrets/") for value in files.values())


INHIBITED: dict[str, tuple[list[Labels], list[Labels], list[Labels]]] = {
    "the whole of a version silences its segments and the model's warnings": (
        [{"alertname": "DataDrift", "model": "a", "version": "1", "severity": "critical"}],
        [
            {"alertname": "DataDrift", "model": "a", "version": "1", "severity": "critical", "segment": "s=x"},
            {"alertname": "DataDrift", "model": "a", "version": "1", "severity": "info"},
            {"alertname": "DataQuality", "model": "a", "version": "1", "severity": "warning"},
        ],
        [
            {"alertname": "PredictionDrift", "model": "a", "version": "1", "severity": "critical"},
            {"alertname": "DataDrift", "model": "a", "version": "2", "severity": "critical", "segment": "s=x"},
            {"alertname": "DataQuality", "model": "b", "version": "1", "severity": "warning"},
            {"alertname": "DriftgaugeWatermarkLag", "model": "a", "severity": "warning"},
        ],
    ),
    "a segment silences nothing but itself": (
        [{"alertname": "PredictionDrift", "model": "c", "version": "1", "severity": "critical", "segment": "s=x"}],
        [],
        [
            {"alertname": "PredictionDrift", "model": "c", "version": "1", "severity": "warning"},
            {"alertname": "PredictionDrift", "model": "c", "version": "1", "severity": "critical", "segment": "s=y"},
        ],
    ),
    "a breach silences its burn rate": (
        [{"alertname": "SlaBreach", "model": "d", "version": "1", "severity": "critical"}],
        [{"alertname": "ErrorBudgetBurn", "model": "d", "severity": "critical", "slo": "availability"}],
        [{"alertname": "ErrorBudgetBurn", "model": "e", "severity": "critical", "slo": "availability"}],
    ),
    "a monitor that is away silences NoData and its own lesser alerts": (
        [{"alertname": "DriftgaugeDown", "instance": "i", "severity": "critical"}],
        [
            {"alertname": "NoData", "model": "f", "severity": "critical"},
            {"alertname": "DriftgaugeNotReady", "instance": "i", "severity": "critical"},
            {"alertname": "DriftgaugeConsumerLag", "topic": "t", "severity": "warning"},
        ],
        [{"alertname": "SlaBreach", "model": "f", "version": "1", "severity": "critical"}],
    ),
    "an output that takes nothing silences what follows from it": (
        [{"alertname": "DriftgaugeSinkHeldUp", "sink": "alerts", "target": "t", "severity": "critical"}],
        [
            {"alertname": "DriftgaugeSinkHeldUp", "sink": "alerts", "target": "t", "severity": "warning"},
            {"alertname": "DriftgaugeNotReady", "instance": "i", "severity": "critical"},
            {"alertname": "DriftgaugeWatermarkLag", "model": "f", "severity": "critical"},
        ],
        [
            {"alertname": "DriftgaugeSinkHeldUp", "sink": "alertmanager", "target": "a", "severity": "warning"},
            {"alertname": "DriftgaugeDown", "instance": "i", "severity": "critical"},
        ],
    ),
    "a disk without room is told once": (
        [{"alertname": "DriftgaugeStateDisk", "instance": "i", "severity": "critical"}],
        [{"alertname": "DriftgaugeStateDisk", "instance": "i", "severity": "warning"}],
        [{"alertname": "DriftgaugeStateDisk", "instance": "j", "severity": "warning"}],
    ),
    "a monitor that is not ready silences NoData": (
        [{"alertname": "DriftgaugeNotReady", "instance": "i", "severity": "critical"}],
        [{"alertname": "NoData", "model": "g", "severity": "critical"}],
        [{"alertname": "FeatureStale", "model": "g", "version": "1", "severity": "critical"}],
    ),
}


@pytest.mark.parametrize("case", INHIBITED)
def test_inhibition(case: str, tmp_path: Path) -> None:
    """A real Alertmanager says what is suppressed by the sources, and that the rest is not."""
    sources, silenced, heard = INHIBITED[case]
    with Receiver() as receiver, Alertmanager(tmp_path / "alertmanager", receiver.url) as alertmanager:
        alertmanager.post([*sources, *silenced, *heard])
        alertmanager.post(CANARY)
        until(lambda: CANARY[1] in _inhibited(alertmanager))
        assert sorted(_inhibited(alertmanager), key=str) == sorted([*silenced, CANARY[1]], key=str)


CANARY = [
    {"alertname": "SlaBreach", "model": "canary", "severity": "critical"},
    {"alertname": "ErrorBudgetBurn", "model": "canary", "severity": "critical"},
]
"""A source and its target. Alertmanager takes alerts in order: when this works, those before have been seen."""


def _inhibited(alertmanager: Alertmanager) -> list[Labels]:
    return [alert["labels"] for alert in alertmanager.get("/api/v2/alerts") if alert["status"]["inhibitedBy"]]


GRAFANA = "https://grafana/d/driftgauge-model?var-model=click"


def _rendered(
    tmp_path: Path, template: str, status: str, alerts: int = 1, kind: str = "text", dashboard: str = GRAFANA
) -> str:
    one = {
        "status": status,
        "labels": {"alertname": "DataDrift", "model": "click"},
        "annotations": {
            "summary": "Features of click <7> moved",
            "description": "Past their limits: price (ks 0.183, limit 0.1 over 1m);",
            "runbook_url": "https://books/DataDrift.md",
            **({"dashboard_url": dashboard} if dashboard else {}),
        },
        "startsAt": "2026-11-23T12:00:00Z",
        "endsAt": "2026-11-23T12:30:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
    }
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"status": status, "alerts": [one] * alerts}))
    call = f'{{{{ template "{template}" . }}}}'
    return run(
        "amtool",
        "template",
        "render",
        f"--template.glob={TEMPLATES}",
        f"--template.data={data}",
        f"--template.text={call}",
        f"--template.type={kind}",
    )


def test_the_text_of_a_page(tmp_path: Path) -> None:
    """Summary, value against threshold, since when, runbook, and the dashboard from an hour before."""
    assert _rendered(tmp_path, "driftgauge.text", "firing").strip() == (
        "Features of click <7> moved\n"
        "Past their limits: price (ks 0.183, limit 0.1 over 1m);\n"
        "Since 2026-11-23 12:00:00 UTC\n"
        "Runbook: https://books/DataDrift.md\n"
        "Dashboard: https://grafana/d/driftgauge-model?var-model=click&from=1795431600000&to=now"
    )


def test_a_page_without_a_dashboard_has_no_link_to_it(tmp_path: Path) -> None:
    """Where nobody said where Grafana is, nothing points to it, in text or mail."""
    text = _rendered(tmp_path, "driftgauge.text", "firing", dashboard="")
    assert text.strip().endswith("Runbook: https://books/DataDrift.md")
    mail = _rendered(tmp_path, "driftgauge.html", "firing", kind="html", dashboard="")
    assert ("Runbook</a></p>" in mail, "Dashboard" in mail) == (True, False)
    assert f'href="{GRAFANA}&from=' in _rendered(tmp_path, "driftgauge.html", "firing", kind="html")


def test_pagerduty_takes_a_page_without_a_dashboard(tmp_path: Path) -> None:
    """A link without an address would be refused with its page: Alertmanager leaves it out."""
    with Receiver() as receiver, Alertmanager(tmp_path / "alertmanager", receiver.url) as alertmanager:
        alertmanager.post([{"alertname": "SlaBreach", "model": "click", "severity": "critical"}])
        until(lambda: receiver.pages("SlaBreach", "trigger"))
        assert "Dashboard" not in str(receiver.pages("SlaBreach", "trigger"))
        assert receiver.refused == []


def test_the_text_of_a_resolve(tmp_path: Path) -> None:
    """It says from when until when; the dashboard shows that time."""
    text = _rendered(tmp_path, "driftgauge.text", "resolved")
    assert "Since 2026-11-23 12:00:00 UTC, until 2026-11-23 12:30:00 UTC" in text
    assert "&from=1795431600000&to=1795437000000" in text
    assert _rendered(tmp_path, "driftgauge.title", "resolved").strip() == "Resolved: Features of click <7> moved"


def test_many_alerts_are_counted(tmp_path: Path) -> None:
    """Forty segments are one title with their number, and ten of them in full."""
    assert _rendered(tmp_path, "driftgauge.title", "firing", 40).strip() == "Features of click <7> moved (40 alerts)"
    text = _rendered(tmp_path, "driftgauge.text", "firing", 40)
    assert text.count("Runbook:") == 10
    assert text.strip().endswith("... 40 in all.")


def test_mail_is_escaped(tmp_path: Path) -> None:
    """A model's name is no markup."""
    html = _rendered(tmp_path, "driftgauge.html", "firing", kind="html")
    assert "click &lt;7&gt; moved" in html
    assert re.search(r'<a href="https://books/DataDrift.md">Runbook</a>', html)
