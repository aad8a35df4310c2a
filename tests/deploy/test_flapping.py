"""A feature that comes and goes for an hour: one page. In event time: an hour through the dataflow, then through rules.

The hour is read by `driftgauge replay`, whose events are what `run` would have sent; what is active at each moment goes
to Prometheus' own rule engine in promtool. Alertmanager sends one trigger for each time that the rule begins to fire.
"""

from __future__ import annotations

from datetime import datetime
from itertools import accumulate, cycle, pairwise
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from monitored import reference
from paging import run

from stream.config.load import load
from stream.replay.files import FileLane
from stream.replay.results import ALERTS, lines_of
from stream.replay.run import replay
from stream.rules.file import rules_of
from stream.rules.options import RuleOptions
from stream.simulate.generator import Generator
from stream.simulate.shifts import Shift
from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stream.config.load import Config

START = 1_780_000_000_000
HOUR = 3_600
QUIET = 1_800
"""Seconds of normal traffic after the hour."""
HALVES = (30, 120, 300, 540)
"""Seconds it stays shifted, then normal: up to 9 minutes, where an alert resolves after 10."""
RATE = 40
STEP = 15
SPAN = f"{HOUR + QUIET}s"
STEPS = (HOUR + QUIET) // STEP + 1
FIRING = 'ALERTS{alertname="DataDrift",alertstate="firing",severity="critical"}'


def _traffic() -> Iterator[tuple[int, int, bool]]:
    """(from, to, shifted?) in seconds, for the hour and the quiet after it."""
    marks = [0]
    for end in accumulate(half for half in cycle(HALVES) for _ in "ab"):
        if end >= HOUR:
            break
        marks.append(end)
    marks.append(HOUR)
    for number, (begin, end) in enumerate(pairwise(marks)):
        yield begin, end, number % 2 == 0
    yield HOUR, HOUR + QUIET, False


def _events(directory: Path, config: Config) -> list[tuple[int, str, str]]:
    """(when in seconds, state, severity) of the events of DataDrift of that traffic."""
    normal = Generator(reference(), seed=1)
    shifted = Generator(reference(), seed=2, shifts=[Shift("mean", "age", 1.0)])
    with (directory / "hour.jsonl").open("wb") as file:
        for begin, end, wrong in _traffic():
            generator = shifted if wrong else normal
            batch = generator.batch((end - begin) * RATE, START + begin * 1_000, START + end * 1_000)
            file.writelines(line + b"\n" for line in generator.encode(batch))
    replay(config, {"click": reference()}, [FileLane(directory / "hour.jsonl")], directory / "out", evaluations="none")
    return [
        (
            round(datetime.fromisoformat(event["event_time"]).timestamp()) - START // 1_000,
            event["state"],
            event["severity"],
        )
        for event in lines_of(directory / "out" / ALERTS)
        if event["alert"] == "DataDrift"
    ]


def _active(events: list[tuple[int, str, str]]) -> dict[str, str]:
    """Severity -> values of the gauge by steps, as promtool writes them."""
    values: dict[str, list[str]] = {severity: [] for severity in ("info", "critical")}
    firing, left = "", list(events)
    for step in range(STEPS):
        while left and left[0][0] <= step * STEP:
            _, state, severity = left.pop(0)
            firing = "" if state == "resolved" else severity
        for name, series in values.items():
            series.append("1" if name == firing else "stale" if series and series[-1] == "1" else "_")
    return {name: " ".join(series) for name, series in values.items()}


def _case(events: list[tuple[int, str, str]]) -> dict[str, Any]:
    """That the rule begins to fire once."""
    at = 'job="driftgauge",instance="a:9108"'
    given = {
        f"up{{{at}}}": f"1x{STEPS}",
        f"driftgauge_ready{{{at}}}": f"1x{STEPS}",
        f'driftgauge_watermark_timestamp_seconds{{{at},model="click"}}': f"1000+{STEP}x{STEPS}",
    }
    for severity, values in _active(events).items():
        labels = f'{at},model="click",version="1",alert="DataDrift",severity="{severity}"'
        given[f"driftgauge_alert_active{{{labels}}}"] = values
    begun = f"sum(sum_over_time(({FIRING} unless {FIRING} offset {STEP}s)[{SPAN}:{STEP}s]))"
    one = {
        "interval": f"{STEP}s",
        "input_series": [{"series": series, "values": values} for series, values in given.items()],
        "promql_expr_test": [{"expr": begun, "eval_time": SPAN, "exp_samples": [{"labels": "{}", "value": 1}]}],
    }
    return {"rule_files": ["rules.yml"], "evaluation_interval": f"{STEP}s", "tests": [one]}


def _config(directory: Path, windows: str, resolve_after: str) -> Config:
    (directory / "reference.json").write_bytes(to_json(reference()))
    both = f"drift: {{windows: {windows}}}, prediction: {{windows: {windows}}}"
    path = directory / "c.yaml"
    path.write_text(
        f"alerting: {{resolve_after: {resolve_after}}}\n"
        f"models: [{{name: click, task: binary, reference: reference.json, {both}}}]"
    )
    return load(path, {})


def _times(events: list[tuple[int, str, str]], wanted: str) -> list[int]:
    return [at for at, state, _ in events if state == wanted]


@pytest.mark.parametrize("windows", ["[10s, 1m]", "[10s, 1m, 1h]"])
def test_a_feature_that_flaps_for_an_hour_pages_once(tmp_path: Path, windows: str) -> None:
    """One alert fires within the first minute and does not end in the hour; the rule begins to fire once."""
    config = _config(tmp_path, windows, "10m")
    events = _events(tmp_path, config)
    (began,) = _times(events, "firing")
    assert began <= 60
    assert all(HOUR < at < HOUR + QUIET for at in _times(events, "resolved"))
    (tmp_path / "rules.yml").write_text(rules_of(config, RuleOptions()))
    (tmp_path / "case.yml").write_text(yaml.safe_dump(_case(events)))
    assert "SUCCESS" in run("promtool", "test", "rules", "case.yml", cwd=tmp_path)


def test_it_is_the_wait_before_the_end_that_keeps_it_one(tmp_path: Path) -> None:
    """The same traffic, resolved after 10 seconds: it fires each time that the feature goes."""
    events = _events(tmp_path, _config(tmp_path, "[10s]", "10s"))
    assert len(_times(events, "firing")) == len([0 for *_, shifted in _traffic() if shifted]) == 8
