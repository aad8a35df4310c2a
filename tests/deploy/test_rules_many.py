"""Fifty models in one rules file: each has its objective, windows and burn rates in series and alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from paging import run

from stream.config.load import load
from stream.rules.file import rules_of
from stream.rules.slo import BURNS

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"model-{number:02}" for number in range(50)]
FAILING = NAMES[17]
BUDGET = 0.01
"""Share of predictions that may fail."""
SHARE = 0.2
"""Share that fails of one model: twenty times the even rate."""


def _case() -> dict[str, Any]:
    """Two hours in which one of the models fails, at 15 s."""
    steps = 2 * 240
    series = [
        {
            "series": f'driftgauge_predictions_total{{model="{name}",version="1",outcome="ok"}}',
            "values": f"0+80x{steps}",
        }
        for name in NAMES
    ] + [
        {
            "series": f'driftgauge_sla_violated{{model="{name}",version="1",sla="latency_p99_ms"}}',
            "values": f"{int(name == FAILING)}x{steps}",
        }
        for name in NAMES
    ]
    errors = f'driftgauge_predictions_total{{model="{FAILING}",version="1",outcome="error"}}'
    series.append({"series": errors, "values": f"0+20x{steps}"})

    def expected(expression: str, *samples: tuple[str, float]) -> dict[str, Any]:
        wanted = [{"labels": labels, "value": value} for labels, value in samples]
        return {"expr": expression, "eval_time": "2h", "exp_samples": wanted}

    burning = [
        (f'{{burn_rate="{b.rate:g}", long_window="{b.long}", model="{FAILING}", {rest}}}', 1.0)
        for b in BURNS
        for sli in ("events", "time")
        for rest in [f'severity="{b.severity}", short_window="{b.short}", sli="{sli}"']
    ]
    by = "model, sli, burn_rate, long_window, short_window, severity"
    at = f'{{model="{FAILING}"}}'
    return {
        "interval": "15s",
        "input_series": series,
        "promql_expr_test": [
            expected(
                "count by (slo) (driftgauge:slo_objective:ratio)",
                ('{slo="availability"}', 50.0),
                ('{slo="latency_p99_ms"}', 50.0),
            ),
            expected("count(driftgauge:slo_error_budget:ratio)", ("{}", 100.0)),
            *(
                expected(
                    f"count by (sli) (driftgauge:sli_error:ratio_rate{window})",
                    ('{sli="events"}', 50.0),
                    ('{sli="time"}', 50.0),
                )
                for window in ("5m", "30m", "1h", "6h", "3d")
            ),
            # How many times faster than evenly each budget is spent, as a user would ask.
            expected(
                f'round(driftgauge:sli_error:ratio_rate1h{{model="{FAILING}",sli="events"}}'
                " / on (model, slo) group_left () driftgauge:slo_error_budget:ratio, 0.01)",
                (f'{{model="{FAILING}", sli="events", slo="availability"}}', SHARE / BUDGET),
            ),
            expected(f'count by ({by}) (ALERTS{at[:-1]},alertname="ErrorBudgetBurn",alertstate="firing"}})', *burning),
            expected(f'count(ALERTS{{alertname="ErrorBudgetBurn",model!="{FAILING}"}}) or vector(0)', ("{}", 0.0)),
        ],
    }


def test_objectives_windows_and_burn_rates_of_fifty_models(tmp_path: Path) -> None:
    """Each is a series or a label; of the model that fails every burn rate fires, of the others none."""
    sla = '{availability: ">= 0.99", latency_p99_ms: "< 100"}'
    config = tmp_path / "c.yaml"
    config.write_text("models:\n" + "".join(f"  - {{name: {name}, task: binary, sla: {sla}}}\n" for name in NAMES))
    (tmp_path / "rules.yml").write_text(rules_of(load(config, {})))
    assert "SUCCESS" in run("promtool", "check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yml")
    case = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [_case()]}
    (tmp_path / "case.yml").write_text(yaml.safe_dump(case))
    assert "SUCCESS" in run("promtool", "test", "rules", "case.yml", cwd=tmp_path)
