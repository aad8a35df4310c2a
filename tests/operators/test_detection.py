from itertools import islice

import numpy as np
import pytest
from columns_run import ColumnsRun
from columns_traffic import MODEL, Sketcher, features_of, reference_of
from detection import LIMIT, Scene, counted, scene_of
from null_traffic import SCENARIOS, START, TURN_PANES, Scenario
from null_volume import Line, windows_of

from operators.settings.model import ModelSettings


@pytest.fixture(scope="module")
def scene() -> Scene:
    """50 features and their reference."""
    return scene_of(0)


@pytest.mark.parametrize("seed", range(4))
def test_a_step_is_alerted_within_half_a_minute_and_named_first(scene: Scene, seed: int) -> None:
    """KS 0.2 in one feature at 10,000/s: one shape a seed; nothing else fires."""
    outcome = counted(scene, seed, 12)
    assert outcome.delay is not None
    assert 0 < outcome.delay <= LIMIT
    assert outcome.named
    assert outcome.wrong == 0


def scenario(name: str) -> Scenario:
    """A kind of null traffic."""
    return next(each for each in SCENARIOS if each.name == name)


@pytest.mark.parametrize(("name", "panes"), [("month", 360), ("seasonal", 180), ("autocorrelated", 60)])
def test_nothing_fires_while_nothing_changes(name: str, panes: int) -> None:
    """Traffic like its reference: not one alert of any kind, also when the volume jumps from 2/s to 50/s."""
    rng = np.random.default_rng(1)
    reference, source = scenario(name).build(rng)
    run = ColumnsRun(ModelSettings(name=MODEL, task="binary"), reference)
    first = TURN_PANES - panes // 2 if name == "month" else 0
    events = []
    for at, groups in enumerate(islice(source(rng), first, first + panes)):
        events += run.pane(START + at, groups)
    assert [event.reason for event in events] == []


def test_a_cold_start_without_a_known_overdispersion_fires_nothing() -> None:
    """The first minutes of autocorrelated traffic are not judged as if its rows were independent."""
    rng = np.random.default_rng(2)
    reference, source = scenario("untimed").build(rng)
    events = []
    for _ in range(8):
        run = ColumnsRun(ModelSettings(name=MODEL, task="binary"), reference)
        events += [event for at, groups in enumerate(islice(source(rng), 9)) for event in run.pane(START + at, groups)]
    assert [event.reason for event in events] == []


def test_false_bounds_do_not_grow_with_volume() -> None:
    """From 10^2 to 10^8 predictions a window: a bound above 0 at a level of 1 % stays that rare, and nothing fires."""
    rng = np.random.default_rng(3)
    features = features_of(20)
    reference = reference_of(features, rng, lambda _: rng.standard_normal(20_000), None, 20_000)
    sketcher = Sketcher(reference, features)
    for volume in (10**2, 10**5, 10**8):
        line = Line()
        for _ in range(10):
            windows_of(line, reference, sketcher, volume, rng, batch=5)
        assert line.psi / line.bounds < 0.04
        assert line.ks / line.bounds < 0.04
        assert (line.fired, line.fired_harmless) == (0, 0)
