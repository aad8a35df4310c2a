"""The fault machine, with a short seed: what it draws, and that it finds no trace of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chaos_run import Bench
from chaos_traffic import references
from faults import FAULTS, drawn, faults
from growth import Sample, growth_text

if TYPE_CHECKING:
    from pathlib import Path

    from kafka_node import KafkaNode

KINDS = ("transaction", "bit flipped", "SIGHUP", "worker killed", "shift")


def test_a_seed_draws_the_same_faults_again() -> None:
    """Of another seed they come in another order; over many, each kind as often as its weight says."""
    weights = sum(weight for _, weight in FAULTS.values())
    assert drawn(3, 50) == drawn(3, 70)[:50] != drawn(4, 50)
    counts = {name: drawn(5, 4 * weights).count(name) for name in FAULTS}
    assert counts == {name: 4 * weight for name, (_, weight) in FAULTS.items()}


def test_growth_is_the_slope_of_the_later_half() -> None:
    """Filling up at first is no growth."""
    samples = [Sample(60.0 * at, 100.0 + min(at, 20) * 5, 10.0 + at / 60) for at in range(120)]
    text = growth_text(samples).replace("-0.0", "+0.0")
    assert text == "memory 200 MB (most 200), +0.0 MB/h; state 12 MB (most 12), +1.0 MB/h over the last 0.98 h"


@pytest.mark.real_broker
def test_faults_leave_no_trace(kafka_node: KafkaNode, tmp_path: Path) -> None:
    """A foreign transaction across a flipped bit, a hangup and a kill: all is as in an undisturbed run."""
    bench = Bench(kafka_node, references(), tmp_path, rate=200.0, seed=1, processes=1)
    assert faults(bench, list(KINDS), report=lambda _: None).problems == []
