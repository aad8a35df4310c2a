"""Rules of what containers cost: as promtool evaluates them over made-up series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from paging import run, tool

from stream.config.load import ConfigError, load
from stream.rules.file import rules_of

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
models:
  - name: click
    task: binary
    reference: click.json
    cost: {{currency: EUR, prices: {prices}, selector: 'driftgauge_model="click"'}}
"""
MINE = 'driftgauge_model="click",namespace="ml",pod="click-0",container="serve"'
CPU = f"container_cpu_usage_seconds_total{{{MINE}}}"
MEMORY = f"container_memory_working_set_bytes{{{MINE}}}"
TRAFFIC = 'driftgauge_predictions_total{model="click",version="1",outcome="ok"}'
COST, EACH = "driftgauge:cost_per_second:rate5m", "driftgauge:cost_per_prediction:rate5m"


def series(name: str, values: str) -> dict[str, str]:
    """One made-up series, a sample a minute."""
    return {"series": name, "values": values}


def requested(resource: str, value: str) -> dict[str, str]:
    """What is kept for the container."""
    return series(f'kube_pod_container_resource_requests{{{MINE},resource="{resource}"}}', value)


def sample(basis: str, value: float) -> dict[str, Any]:
    """What is expected of a recording, in billionths: promtool compares every digit."""
    return {"labels": f'{{model="click",basis="{basis}",currency="EUR"}}', "value": round(value * 1e9)}


@pytest.mark.parametrize(
    ("prices", "given", "expected"),
    [
        (
            # 0.5 CPU of 2 kept at 3.60 an hour, 10 predictions a second
            "{cpu_hour: 3.6}",
            [series(CPU, "0+30x20"), requested("cpu", "2x20"), series(TRAFFIC, "0+600x20")],
            {
                COST: [("usage", 0.0005), ("allocation", 0.002)],
                EACH: [("usage", 0.00005), ("allocation", 0.0002)],
            },
        ),
        (
            # more is used than is kept; a GiB of memory besides
            "{cpu_hour: 3.6, memory_gib_hour: 7.2}",
            [
                series(CPU, "0+120x20"),
                requested("cpu", "1x20"),
                series(MEMORY, "1073741824x20"),
                requested("memory", "2147483648x20"),
                series(TRAFFIC, "0+600x20"),
            ],
            {
                COST: [("usage", 0.004), ("allocation", 0.006)],
                EACH: [("usage", 0.0004), ("allocation", 0.0006)],
            },
        ),
        (
            # nobody says what is kept
            "{cpu_hour: 3.6}",
            [series(CPU, "0+60x20"), series(TRAFFIC, "0+600x20")],
            {COST: [("usage", 0.001), ("allocation", 0.001)], EACH: [("usage", 0.0001), ("allocation", 0.0001)]},
        ),
        (
            # a price of memory that no series tells: unknown, not zero
            "{cpu_hour: 3.6, memory_gib_hour: 7.2}",
            [series(CPU, "0+60x20"), series(TRAFFIC, "0+600x20")],
            {COST: [], EACH: []},
        ),
        (
            # no traffic: what it costs is there, what a prediction costs is not
            "{cpu_hour: 3.6}",
            [series(CPU, "0+60x20"), series(TRAFFIC, "5x20")],
            {COST: [("usage", 0.001), ("allocation", 0.001)], EACH: []},
        ),
        (
            # half of one GPU of two
            "{gpu_hour: 3.6}",
            [
                series('DCGM_FI_DEV_GPU_UTIL{driftgauge_model="click",gpu="0"}', "50x20"),
                series('DCGM_FI_DEV_GPU_UTIL{driftgauge_model="click",gpu="1"}', "0x20"),
                series(TRAFFIC, "0+60x20"),
            ],
            {COST: [("usage", 0.0005), ("allocation", 0.002)], EACH: [("usage", 0.0005), ("allocation", 0.002)]},
        ),
    ],
    ids=["less than kept", "more than kept", "nothing kept", "unknown", "no traffic", "gpu"],
)
def test_what_containers_cost(
    tmp_path: Path, prices: str, given: list[dict[str, str]], expected: dict[str, list[tuple[str, float]]]
) -> None:
    """Of others nothing: a container of another model is in no sum."""
    tool("promtool")
    file = tmp_path / "driftgauge.yaml"
    file.write_text(CONFIG.format(prices=prices))
    (tmp_path / "rules.yml").write_text(rules_of(load(file, {})))
    others = [series('container_cpu_usage_seconds_total{driftgauge_model="other",container="serve"}', "0+600x20")]
    tests = [
        {"expr": f"round({name} * 1e9)", "eval_time": "15m", "exp_samples": [sample(*one) for one in rows]}
        for name, rows in expected.items()
    ]
    case = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": [*given, *others], "promql_expr_test": tests}],
    }
    (tmp_path / "case.yml").write_text(yaml.safe_dump(case))
    assert "SUCCESS" in run("promtool", "check", "rules", "--lint=all", "--lint-fatal", "rules.yml", cwd=tmp_path)
    assert "SUCCESS" in run("promtool", "test", "rules", "case.yml", cwd=tmp_path)


def test_without_a_selector_there_are_no_rules_of_cost(tmp_path: Path) -> None:
    """Nobody knows whose containers they would be."""
    file = tmp_path / "driftgauge.yaml"
    file.write_text(CONFIG.format(prices="{cpu_hour: 1}").replace(", selector: 'driftgauge_model=\"click\"'", ""))
    assert "driftgauge-cost" not in rules_of(load(file, {}))


@pytest.mark.parametrize("selector", ["click", '{pod="a"}', 'pod="a"} or vector(1) #', "pod='a'", 'pod="a",'])
def test_what_is_no_matcher_is_refused(tmp_path: Path, selector: str) -> None:
    """By its key."""
    file = tmp_path / "driftgauge.yaml"
    quoted = selector.replace("'", "''")
    file.write_text(CONFIG.format(prices="{cpu_hour: 1}").replace('driftgauge_model="click"', quoted))
    with pytest.raises(ConfigError, match=r"models\.0\.cost\.selector"):
        load(file, {})
