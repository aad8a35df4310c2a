"""Forecasts of need as series: by version and source, and nothing where nothing is forecast."""

from __future__ import annotations

from dataclasses import replace

import pytest

from operators.actions.forecast_state import Chance, NeedTold, Score
from operators.actions.govern import Governed
from operators.actions.state import Counts, Decided
from stream.metrics.action_exports import of_decided
from stream.metrics.reports import GaugeBlock, Totals

NAMES = ("retrain_probability", "retrain_brier_score", "retrain_base_brier_score", "retrain_calibration_error")


def series(need: NeedTold | None) -> dict[str, dict[tuple[str, ...], float]]:
    """(metric -> labels -> value) of what is reported of need."""
    decided = replace(Decided("click", 1_000, (), (), None, Counts()), need=need)
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for report in of_decided(Governed(decided, (), {})):
        if isinstance(report, GaugeBlock) and report.metric in NAMES:
            found[report.metric] = dict(zip(report.rows, report.values, strict=True))
        elif isinstance(report, Totals) and report.metric == "retrain_forecasts_total":
            found[report.metric] = dict(report.rows)
    return found


def test_what_is_said_and_how_good_it_was() -> None:
    """Three forecasts: 0.9 that came, 0.2 and 0.4 that did not."""
    score = Score()
    for chance, came in [(0.9, True), (0.2, False), (0.4, False)]:
        score.take(chance, happened=came)
    told = NeedTold((Chance("7", 0.25, "default", 5), Chance("8", 0.5, "default", 5)), {"default": score}, 4, 2)
    found = series(told)
    assert found["retrain_probability"] == {("click", "7", "default"): 0.25, ("click", "8", "default"): 0.5}
    assert found["retrain_brier_score"] == {("click", "default"): pytest.approx((0.01 + 0.04 + 0.16) / 3)}
    assert found["retrain_base_brier_score"] == {("click", "default"): pytest.approx(2 / 9)}
    assert found["retrain_calibration_error"] == {("click", "default"): pytest.approx((0.1 + 0.2 + 0.4) / 3)}
    counts = {("click", "came"): 1, ("click", "did_not"): 2, ("click", "censored"): 4}
    assert found["retrain_forecasts_total"] == counts


def test_nothing_is_reported_where_nothing_is_forecast_or_decided() -> None:
    """No zeros that could be taken for a perfect score."""
    assert series(None) == {name: {} for name in NAMES}
    found = series(NeedTold((), {"default": Score()}, 0, 0))
    assert all(found[name] == {} for name in NAMES)
    assert found["retrain_forecasts_total"] == {("click", "censored"): 0}
