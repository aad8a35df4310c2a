from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from paging import DEPLOY, RULES, alerting_rules, run, tool
from waiting import GUARD

from operators.settings.policy import SEVERITY
from stream.config.load import load
from stream.metrics.catalog import METRICS
from stream.rules.file import groups_of, interval_of, rules_of
from stream.rules.options import RuleOptions

if TYPE_CHECKING:
    from pathlib import Path

ROOT = DEPLOY.parent
EXAMPLE = DEPLOY / "examples" / "click.yaml"
CASES = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))

Identity = tuple[str, str, str, str]
"""What tells alerting rules apart: name, severity ("" where the series carries it), burn rate, indicator."""


def _driftgauge(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stream.cli.app", *map(str, arguments)],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "100", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )


def _rules(tmp_path: Path, text: str, options: RuleOptions | None = None) -> list[dict[str, Any]]:
    """The rules of a config's text, accepted by promtool where there is one."""
    file = tmp_path / "driftgauge.yaml"
    file.write_text(text)
    groups = yaml.safe_load(rules_of(load(file, {}), options))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_default_set_is_what_the_example_gives() -> None:
    """The checked-in file is up to date.

    Else: driftgauge rules --config deploy/examples/click.yaml -o deploy/prometheus/driftgauge.rules.yml
    """
    assert RULES.read_text() == rules_of(load(EXAMPLE, {}))


def test_promtool_accepts_rules_and_config() -> None:
    """No syntax error, no duplicate rule, no file missing."""
    assert "SUCCESS" in run("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert "SUCCESS" in run("promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_rules_fire_and_resolve_as_their_unit_tests_say(case: Path) -> None:
    """`promtool test rules` passes."""
    assert "SUCCESS" in run("promtool", "test", "rules", case.name, cwd=case.parent)


def _identity(alert: str, labels: dict[str, str]) -> Identity:
    severity = labels.get("severity", "") if alert.startswith(("Driftgauge", "ErrorBudget")) else ""
    return alert, severity, labels.get("burn_rate", ""), labels.get("sli", "")


def _tested(kind: str) -> set[Identity]:
    """Rules that a case shows to fire after silence (`before`), or to end after they fired (`after`)."""
    shown: set[Identity] = set()
    for case in (case for file in CASES for case in yaml.safe_load(file.read_text())["tests"]):
        checks = case.get("alert_rule_test", [])
        for at, check in enumerate(checks):
            others = checks[:at] if kind == "before" else checks[at + 1 :]
            for expected in check.get("exp_alerts") or ():
                identity = _identity(check["alertname"], expected["exp_labels"])
                if any(_silent(other, identity) for other in others):
                    shown.add(identity)
    return shown


def _silent(check: dict[str, Any], identity: Identity) -> bool:
    expected = check.get("exp_alerts") or ()
    return check["alertname"] == identity[0] and all(
        _identity(identity[0], one["exp_labels"]) != identity for one in expected
    )


def test_every_alerting_rule_is_shown_silent_firing_and_resolved() -> None:
    """Each rule of the default set has a promtool case of each; the watchdog alone never ends."""
    rules = {_identity(rule["alert"], rule["labels"]) for rule in alerting_rules()}
    rules -= {("DriftgaugeWatchdog", "none", "", "")}
    assert len(rules) == len(alerting_rules()) - 1
    for kind, shown in (("before", "to fire after silence"), ("after", "to end after it fired")):
        lacking = rules - _tested(kind)
        assert not lacking, (
            f"no case shows it {shown}: one in deploy/prometheus/tests/ is missing (alerts.yml, of models)"
        )


def test_every_kind_of_alert_has_one_rule() -> None:
    """The rules' names are the contract's."""
    names = [rule["alert"] for rule in alerting_rules()]
    assert set(SEVERITY) <= set(names)
    assert all(names.count(alert) == 1 for alert in SEVERITY)


def test_rules_name_only_series_that_exist() -> None:
    """Every driftgauge_ name is a declared metric, every driftgauge: name is recorded."""
    text = RULES.read_text()
    exposed = {metric.full_name for metric in METRICS}
    assert set(re.findall(r"driftgauge_[a-z0-9_]+", text)) <= exposed
    recorded = set(re.findall(r"record: (\S+)", text))
    assert set(re.findall(r"driftgauge:[a-z0-9_:]+", text)) == recorded


def test_labels_never_carry_values() -> None:
    """A label that followed a measurement would make a new alert, and a new page, of each change."""
    for rule in alerting_rules():
        assert "{{" not in str(rule["labels"])


def test_every_alert_says_what_where_and_what_to_do() -> None:
    """Summary, description, runbook and dashboard are there; the runbook is a file that is shipped."""
    for rule in alerting_rules():
        annotations = rule["annotations"]
        assert annotations.keys() >= {"summary", "description", "runbook_url", "dashboard_url"}
        base, _, page = annotations["runbook_url"].rpartition("/")
        assert base.endswith("/deploy/runbooks")
        assert (DEPLOY / "runbooks" / page).is_file()


def test_limits_are_known_as_soon_as_an_alert_can_fire() -> None:
    """A Prometheus that has just started pages with the causes; only thousands of limits are recorded less often."""
    groups = {group.name: group.interval for group in groups_of(load(DEPLOY / "examples" / "click.yaml", {}))}
    assert groups["driftgauge-thresholds"] == groups["driftgauge-alerts"] == "5s"
    assert [interval_of(count) for count in (1_000, 1_001, 5_000, 5_001)] == ["5s", "15s", "15s", "1m"]


def test_thresholds_are_the_configs(tmp_path: Path) -> None:
    """Each threshold of the config is a series, under the monitor's name in alert events."""
    rules = _rules(
        tmp_path,
        """
models:
  - name: m
    task: binary
    drift: {windows: [10s], psi: null, ks: {major: 0.33}, tvd: {minor: 0.2}}
    prediction: {ks: null}
    quality: {missing: 0.07, unseen: null, out_of_range: null, stale_after: 40m, no_data_after: 90s}
    sla: {latency_p99_ms: "< 55", recall: ">= 0.9"}
    performance:
      windows: [1h, 7d]
      label_delay: 2h
      accuracy: {baseline: 0.95, max_drop: {minor: 0.02, major: 0.05}}
      fpr: [{baseline: 0.01, max_ratio: 3}, {baseline: trailing, max_ratio: 2}]
      concept: {curve: {recent: 30d, before: 60d, max_shift: 0.1}}
""",
    )
    found = {
        (rule["labels"]["monitor"], rule["labels"]["metric"], rule["labels"]["level"]): rule["expr"]
        for rule in rules
        if rule.get("record") == "driftgauge:threshold"
    }
    assert found == {
        ("drift.ks", "ks", "major"): "vector(0.33)",
        ("drift.tvd", "tvd", "minor"): "vector(0.2)",
        ("prediction.psi", "psi", "minor"): "vector(0.1)",
        ("prediction.psi", "psi", "major"): "vector(0.25)",
        ("quality.missing", "missing_ratio", "major"): "vector(0.07)",
        ("quality.mismatch", "mismatch_ratio", "major"): "vector(0.01)",
        ("quality.stale", "age_s", "major"): "vector(2400.0)",
        ("quality.no_data", "no_data_s", "major"): "vector(90.0)",
        ("sla.latency_p99_ms", "latency_p99_ms", "major"): "vector(55.0)",
        ("performance.accuracy", "accuracy", "minor"): "vector(0.93)",
        ("performance.accuracy", "accuracy", "major"): "vector(0.9)",
        ("performance.fpr.constant", "fpr", "major"): "vector(0.03)",
        ("performance.concept.curve", "curve_shift", "major"): "vector(0.1)",
        ("performance.label_stall", "label_age_s", "major"): "vector(7200.0)",
        ("sla.recall", "recall", "major"): "vector(0.9)",
    }
    assert len(found) == sum(rule.get("record") == "driftgauge:threshold" for rule in rules)


@pytest.mark.parametrize(
    ("sla", "indicators"),
    [
        ("{}", set()),
        ('{drift: "< 0.1", throughput: "> 10"}', set()),
        ('{availability: ">= 1"}', set()),
        ('{availability: ">= 0.95"}', {"events"}),
        ('{latency_p50_ms: "<= 30", latency_p99_ms: {objective: "< 100", window: 5m}}', {"time"}),
        ('{availability: ">= 0.95", latency_p99_ms: "< 100"}', {"events", "time"}),
    ],
)
def test_burn_rates_are_for_objectives_with_a_budget(tmp_path: Path, sla: str, indicators: set[str]) -> None:
    """Availability and latency objectives that leave something to spend have three burn rates each, others none."""
    rules = _rules(tmp_path, f"models: [{{name: m, task: binary, sla: {sla}}}]")
    burns = [rule["labels"] for rule in rules if rule.get("alert") == "ErrorBudgetBurn"]
    assert sorted((b["sli"], b["burn_rate"], b["long_window"], b["short_window"], b["severity"]) for b in burns) == [
        row
        for sli in sorted(indicators)
        for row in (
            (sli, "1", "3d", "6h", "warning"),
            (sli, "14.4", "1h", "5m", "critical"),
            (sli, "6", "6h", "30m", "critical"),
        )
    ]
    assert {
        rule["labels"]["sli"] for rule in rules if rule.get("record", "").startswith("driftgauge:sli_")
    } == indicators


def test_a_page_names_what_is_past_the_level_that_pages(tmp_path: Path) -> None:
    """Where minor and major have one severity, a description names what is past either."""
    plain = "models: [{name: m, task: binary}]"
    same = "alerting: {severity: {DataDrift: {minor: critical}}}\n" + plain
    found = [
        next(rule for rule in _rules(tmp_path, text) if rule.get("alert") == "DataDrift")["annotations"]["description"]
        for text in (plain, same)
    ]
    assert ['{{ $level = "major" }}' in description for description in found] == [True, False]


def test_links_durations_and_lag_follow_config_and_options(tmp_path: Path) -> None:
    """Runbook base, dashboards, job, keep_firing_for; the lag that is told of grows with the panes."""
    text = (
        'alerting: {runbook_base_url: "https://wiki/{{books}}/"}\ntime: {lateness: 2m}\n'
        "models: [{name: m, task: binary}]"
    )
    rules = _rules(tmp_path, text, RuleOptions('a"b', "https://grafana/", 90_000))
    alerts = {rule["alert"]: rule for rule in rules if "alert" in rule and rule["labels"].get("severity") != "critical"}
    down = next(rule for rule in rules if rule.get("alert") == "DriftgaugeDown")
    assert alerts["NoData"]["annotations"]["runbook_url"] == 'https://wiki/{{ "{{" }}books}}/NoData.md'
    assert alerts["NoData"]["annotations"]["dashboard_url"].startswith(
        "https://grafana/d/driftgauge-model?var-model={{"
    )
    assert alerts["NoData"]["keep_firing_for"] == "90s"
    assert down["expr"] == 'up{job="a\\"b"} == 0'
    assert alerts["DriftgaugeWatermarkLag"]["expr"].endswith("> 580")


def test_the_config_says_where_grafana_is_unless_an_option_does(tmp_path: Path) -> None:
    """alerting.dashboard_url is in the links of model and monitor; --dashboards goes before it."""
    text = 'alerting: {dashboard_url: "https://grafana.example.org/"}\nmodels: [{name: m, task: binary}]'
    for options, host in (
        (None, "https://grafana.example.org"),
        (RuleOptions(dashboards="http://other"), "http://other"),
    ):
        links = {
            rule["alert"]: rule["annotations"]["dashboard_url"]
            for rule in _rules(tmp_path, text, options)
            if "alert" in rule
        }
        assert links["DataDrift"].startswith(f"{host}/d/driftgauge-model?var-model=")
        assert links["DriftgaugeDown"] == f"{host}/d/driftgauge-monitor?orgId=1"


def test_without_an_address_of_grafana_no_alert_links_to_it(tmp_path: Path) -> None:
    """`dashboard_url: null`, or nothing: an alert has no such annotation, rather than one that leads nowhere."""
    for text in ("alerting: {dashboard_url: null}\n", ""):
        rules = _rules(tmp_path, text + 'models: [{name: m, task: binary, sla: {availability: ">= 0.99"}}]')
        assert {name for rule in rules if "alert" in rule for name in rule["annotations"]} == {
            *("summary", "description", "runbook_url", "objective")
        }


NAMES = (
    'quo"te',
    "back\\slash",
    "{{ template }}",
    "$dollar %d",
    "käse 🧀",
    "#comment: yes",
    "a\u00a0b",
    "'",
    "- x",
    "~",
)


def test_a_config_of_50_models_loads(tmp_path: Path) -> None:
    """Rules of 50 models load in promtool: with objectives, and names that YAML and templates trip over."""
    tool("promtool")
    names = (*NAMES, *(f"model-{number}" for number in range(40)))
    model = '  - {{name: {}, task: binary, sla: {{availability: ">= 0.999", latency_p99_ms: "< 100"}}}}\n'
    config = tmp_path / "driftgauge.yaml"
    # $ is written twice: ${NAME} would be replaced.
    quoted = [yaml.safe_dump(name.replace("$", "$$"), default_style='"', allow_unicode=True).strip() for name in names]
    config.write_text("models:\n" + "".join(model.format(name) for name in quoted))
    output = tmp_path / "driftgauge.rules.yml"
    done = _driftgauge("rules", "--config", config, "-o", output)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(
        r"SUCCESS: \d+ rules found", run("promtool", "check", "rules", "--lint=all", "--lint-fatal", output)
    )
    groups = yaml.safe_load(output.read_text())["groups"]
    objectives = {
        rule["labels"]["model"]: rule["expr"]
        for group in groups
        for rule in group["rules"]
        if rule.get("record") == "driftgauge:slo_objective:ratio" and rule["labels"]["slo"] == "availability"
    }
    assert objectives == dict.fromkeys(names, "vector(0.999)")


def test_awkward_names_fire_and_are_told_as_they_are(tmp_path: Path) -> None:
    """Names with quotes, backslashes and braces survive selectors, templates and links."""
    name, encoded = 'a"b\\c {{d}} é', "a%22b%5Cc+%7B%7Bd%7D%7D+%C3%A9"
    config = tmp_path / "driftgauge.yaml"
    alerting = {"dashboard_url": "https://grafana"}
    text = yaml.safe_dump({"alerting": alerting, "models": [{"name": name, "task": "binary"}]}, allow_unicode=True)
    config.write_text(text)
    (tmp_path / "rules.yml").write_text(rules_of(load(config, {})))
    at = 'model="a\\"b\\\\c {{d}} é",version="1"'
    page = "https://github.com/driftgauge/driftgauge/blob/main/deploy/runbooks/DataDrift.md"
    case = {
        "rule_files": ["rules.yml"],
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {
                        "series": f'driftgauge_alert_active{{{at},alert="DataDrift",severity="critical"}}',
                        "values": "1x9",
                    },
                    *(
                        {"series": f'{series}{{{at},feature="x\\"",metric="ks",window="10s"}}', "values": "0.2x9"}
                        for series in ("driftgauge_feature_drift", "driftgauge_feature_drift_bound")
                    ),
                ],
                "alert_rule_test": [
                    {
                        "eval_time": "2m",
                        "alertname": "DataDrift",
                        "exp_alerts": [
                            {
                                "exp_labels": {
                                    "model": name,
                                    "version": "1",
                                    "severity": "critical",
                                    "service": "driftgauge",
                                },
                                "exp_annotations": {
                                    "summary": f"Features of {name} version 1 moved away from the reference",
                                    "description": 'Past their limits: x" (ks 0.2, limit 0.1 over 10s);\n'
                                    "All causes: the event in topic driftgauge.alerts.",
                                    "runbook_url": page,
                                    "dashboard_url": "https://grafana/d/driftgauge-model"
                                    f"?var-model={encoded}&var-version=1&var-segment=$__all",
                                },
                            }
                        ],
                    }
                ],
            }
        ],
    }
    (tmp_path / "case.yml").write_text(yaml.safe_dump(case, allow_unicode=True))
    assert "SUCCESS" in run("promtool", "test", "rules", "case.yml", cwd=tmp_path)


def test_the_command_writes_to_a_file_or_to_stdout(tmp_path: Path) -> None:
    """The same text both ways; the reference that the example names is not needed."""
    output = tmp_path / "new" / "driftgauge.rules.yml"
    written = _driftgauge("rules", "--config", EXAMPLE, "-o", output)
    printed = _driftgauge("rules", "--config", EXAMPLE)
    assert (written.returncode, printed.returncode) == (0, 0)
    assert output.read_text() == printed.stdout == RULES.read_text()
    counts = rf"{output}: \d+ recording rules, {len(alerting_rules())} alerting rules\n"
    assert re.fullmatch(counts, written.stdout)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--dashboards", "grafana"), "--dashboards grafana: allowed is an http or https address\n"),
        (
            ("--kubernetes", "Drift Gauge"),
            "--kubernetes Drift Gauge: allowed are small letters, digits, dashes and dots\n",
        ),
        (("--keep-firing-for", "soon"), "--keep-firing-for soon: allowed is a duration"),
    ],
)
def test_wrong_options_are_one_clear_line(options: tuple[str, str], told: str) -> None:
    """Exit code 2, and what is allowed."""
    done = _driftgauge("rules", "--config", EXAMPLE, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1
