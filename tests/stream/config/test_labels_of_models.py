"""Labels that the config gives to a model: on its events, its metric, in Alertmanager and in the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pushing import CRITICAL, START, TEXTS, active, board, event, told
from verdicts import finding, verdicts

from operators.alerts.alert import ActiveAlerts, AlertConfig, Alerts, AlertsState
from operators.alerts.event import AlertEvent
from operators.settings.alerting import AlertingSettings
from operators.settings.policy import severity_table
from stream.config.load import ConfigError, load
from stream.metrics.exports import of_alerts
from stream.metrics.registry import Registry
from stream.push.body import requests
from stream.rules.file import rules_of

if TYPE_CHECKING:
    from pathlib import Path

    from stream.config.load import Config

LABELS = {"team": "risk", "cost_center": 'a "4"'}
FLAT = ("cost_center", 'a "4"', "team", "risk")


def loaded(directory: Path, *labels: str) -> Config:
    """A config of models with these labels."""
    path = directory / "c.yaml"
    path.write_text(
        "models:\n" + "".join(f"  - {{name: m{at}, task: binary, labels: {one}}}\n" for at, one in enumerate(labels))
    )
    return load(path, {})


def test_events_carry_them() -> None:
    """And an event of before there were any reads as one without."""
    config = AlertConfig("click", severity_table(AlertingSettings()), 600_000, "https://r", labels=LABELS)
    logic = Alerts(config, AlertsState())
    (event,) = logic(verdicts(10_000, finding()))
    assert msgspec.json.decode(msgspec.json.encode(event))["labels"] == LABELS
    former = {name: value for name, value in msgspec.to_builtins(event).items() if name != "labels"}
    assert msgspec.convert(former, AlertEvent).labels == {}
    assert dict(logic.active().labels) == LABELS


def test_the_metric_carries_them_as_prometheus_reads_it() -> None:
    """In the fast text and in prometheus_client's own; models without labels beside those with; others later."""
    row = ("1", "", "DataDrift", "critical")
    registry = Registry()

    def shown() -> list[dict[str, str]]:
        text = registry.render().decode()
        families = {family.name: family for family in text_string_to_metric_families(text)}
        collector = CollectorRegistry()
        collector.register(registry)
        own = {family.name: family for family in text_string_to_metric_families(generate_latest(collector).decode())}
        found = families["driftgauge_alert_active"].samples
        assert sorted(found, key=str) == sorted(own["driftgauge_alert_active"].samples, key=str)
        return sorted((sample.labels for sample in found), key=lambda labels: labels["model"])

    def apply(model: str, labels: dict[str, str]) -> None:
        for report in of_alerts(ActiveAlerts(model, (row,), {}, {}, tuple(sorted(labels.items())))):
            registry.apply(report)

    plain = dict(zip(("version", "segment", "alert", "severity"), row, strict=True))
    apply("click", LABELS)
    apply("rank", {})
    assert shown() == [{"model": "click", **plain, **LABELS}, {"model": "rank", **plain}]
    apply("click", {"team": "fraud"})
    assert shown() == [{"model": "click", **plain, "team": "fraud"}, {"model": "rank", **plain}]
    assert registry.values("alert_active") == {("click", *row): 1.0, ("rank", *row): 1.0}


def test_alertmanager_is_told_and_other_labels_are_another_alert() -> None:
    """A reload that changes them ends the alert under its former labels: nobody is left with a page that never ends."""
    on = board()
    on.hear(told(msgspec.structs.replace(event(), labels=LABELS)))
    on.hear(active((*CRITICAL, *FLAT)))
    on.hear(active((*CRITICAL, "team", "fraud"), clock=START + 1))
    view = on.wait(-1, 0)
    sent = [alert for part in requests(view, START + 9_000_000, TEXTS) for alert in part]
    own = {"alertname": "DataDrift", "model": "click", "version": "7", "severity": "critical"}
    own |= {"service": "driftgauge", "via": "push"}
    assert [alert["labels"] for alert in sent] == [{**LABELS, **own}, {"team": "fraud", **own}]
    assert [entry.ended_at is None for entry in (*view.ended, *view.firing)] == [False, True]
    assert "Feature age of click" in sent[1]["annotations"]["description"]


def test_rules_keep_them(tmp_path: Path) -> None:
    """The latch groups by every name that a model of the config has."""
    config = loaded(tmp_path, "{team: risk}", "{}", "{team: b, tier: gold}")
    groups = yaml.safe_load(rules_of(config))["groups"]
    latch = next(rule for group in groups for rule in group["rules"] if rule.get("record", "").endswith("active:held"))
    assert latch["expr"].startswith("max by (model, version, segment, alert, severity, team, tier) (")
    assert "severity) (driftgauge_alert_active)" in rules_of(loaded(tmp_path, "{}"))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["{severity: high}"], "models.0.labels.severity"),
        (["{__name__: x}"], "__name__"),
        (['{"team-name": x}'], "models.0.labels.team-name"),
        (['{team: ""}'], "models.0.labels.team"),
        (["{team: 5}"], "models.0.labels.team"),
        (["{" + ", ".join(f"l{at}: x" for at in range(9)) + "}"], "models.0.labels"),
        (["{" + ", ".join(f"l{at}: x" for at in range(8)) + "}", "{m: y}"], "models.1.labels.m"),
    ],
    ids=["taken", "of prometheus", "no name", "empty", "a number", "nine", "nine of two"],
)
def test_what_cannot_be_a_label_is_refused(tmp_path: Path, labels: list[str], said: str) -> None:
    """At its key, with what is allowed."""
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, *labels)
