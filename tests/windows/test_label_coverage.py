"""Coverage of the intervals of performance metrics, simulated; the whole table is a load test."""

from __future__ import annotations

from itertools import chain

import label_interval_coverage as coverage
import label_populations
import pytest

WINDOWS = 1_000


@pytest.mark.parametrize("number", range(len(label_populations.populations())))
def test_every_metric_keeps_its_level(number: int) -> None:
    """1,000 windows of 300 rows of each population: no bound is wrong more often than 1.2 alpha and chance explain."""
    population = label_populations.populations()[number]
    table = list(coverage.singles(population, 300, WINDOWS))
    assert table
    assert [str(line) for line in table if not line.kept] == []


def test_differences_keep_their_level_too() -> None:
    """Of two models of each task, the smaller side of 200 rows; here the open means are held to it as well."""
    table = list(chain.from_iterable(coverage.pairs(one, other, 200, 2_000, 500) for one, other in coverage.couples()))
    wrong = [line for line in table if max(line.tally.over, line.tally.under) > line.limit]
    assert {line.metric.split()[0] for line in table} >= {"accuracy", "auc", "mae", "ndcg", "value_mean", "curve_shift"}
    assert [str(line) for line in wrong] == []
