"""What labels are judged by: silence while nothing changes, an alert as soon as there is evidence."""

from __future__ import annotations

import numpy as np
import pytest
from label_counts import LabelCounts
from label_detection import reference as detection_reference
from label_detection import simulate
from label_steps import Judged
from null_labels import SCENARIOS, START, Scenario, mix_of, reference_of

from operators.settings.model import ModelSettings


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_nothing_fires_while_the_model_stays_as_good_as_it_was(scenario: Scenario) -> None:
    """Six hours with every kind of rule, from the first label on, over segments with one label an hour."""
    rng = np.random.default_rng(4)
    settings = ModelSettings.model_validate(
        {
            "name": "model",
            "task": scenario.task,
            "segments": ["country"],
            "performance": scenario.rules,
            "sla": scenario.sla,
        }
    )
    run = Judged(settings, reference_of(scenario, rng))
    counts = LabelCounts(run.join.task, run.join.tick, mix_of(scenario), rng)
    events = []
    for at in range(6 * 3_600_000 // run.join.tick):
        verdicts, found = run.tick(counts.tick(START // run.join.tick + at, 3.0))
        events += found
    assert [event.reason for event in events] == []
    assert counts.labels > 10_000
    assert max(window.end for window in verdicts.measures.windows) > START + 4 * 3_600_000


@pytest.mark.parametrize("seed", range(2))
def test_a_drop_is_alerted_at_the_very_window_of_the_exact_test(seed: int) -> None:
    """From 90 % to 85 % at 100 labels a second: no fixed-sample test on the same windows is earlier."""
    outcome = simulate(detection_reference(), seed, 100.0)
    assert set(outcome.alerts) == {"minor", "major"}
    assert outcome.kept, outcome
