from typing import Any

import pytest
from pydantic import ValidationError

from operators.settings.alerting import AlertingSettings
from operators.settings.event_time import TimeSettings
from operators.settings.model import DriftSettings, ModelSettings, PredictionSettings, QualitySettings
from operators.settings.objective import Objective
from operators.settings.parts import Levels

MODEL: dict[str, Any] = {"name": "click", "task": "binary"}


def test_defaults() -> None:
    """The defaults are those of the contract, in milliseconds."""
    assert TimeSettings().pane == 10_000
    assert TimeSettings().lateness == 5_000
    assert DriftSettings().windows == (10_000, 60_000, 3_600_000)
    assert DriftSettings().psi == Levels(minor=0.1, major=0.25)
    assert PredictionSettings().psi == Levels(minor=0.1, major=0.25)
    assert PredictionSettings().ks == Levels(major=0.15)
    assert QualitySettings().no_data_after is None
    assert AlertingSettings().false_pages_per_month == 1


@pytest.mark.parametrize(
    ("text", "comparison", "target"),
    [(">= 0.95", ">=", 0.95), ("< 100", "<", 100), ("<=1e3", "<=", 1_000), (" > -.5 ", ">", -0.5)],
)
def test_objectives(text: str, comparison: str, target: float) -> None:
    """An objective carries its direction and its target, and may carry its window."""
    plain = ModelSettings(**MODEL, sla={"drift": text}).sla["drift"]
    assert plain == Objective(metric="drift", comparison=comparison, target=target)
    timed = ModelSettings(**MODEL, sla={"drift": {"objective": text, "window": "5m"}}).sla["drift"]
    assert (timed.comparison, timed.target, timed.window) == (comparison, target, 300_000)


@pytest.mark.parametrize(
    "sla",
    [
        {"drift": "0.1"},
        {"drift": 0.1},
        {"drift": "= 1"},
        {"drift": "< nan"},
        {"drift": "< 1e999"},
        {"drift": {"window": "5m"}},
        {"drift": {"objective": "< 1", "window": "0s"}},
        {"drift": {"objective": "< 1", "extra": 1}},
        {"accuracy": "0.9"},
        {"nonsense": "< 1"},
        ["drift"],
    ],
)
def test_refused_objectives(sla: Any) -> None:
    """An objective without direction or with an unknown metric is refused."""
    with pytest.raises(ValidationError):
        ModelSettings(**MODEL, sla=sla)


@pytest.mark.parametrize(
    "settings",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"name": "x" * 201},
        {"task": "guess"},
        {"segments": ["a", "a"]},
        {"segments": "country"},
        {"features": {}},
        {"features": {"a": "text"}},
        {"max_versions": 0},
        {"max_versions": True},
        {"drift": {"windows": []}},
        {"drift": {"windows": ["10s", "10s"]}},
        {"drift": {"windows": ["0s"]}},
        {"drift": {"psi": {}}},
        {"drift": {"psi": {"minor": 0.3, "major": 0.2}}},
        {"drift": {"psi": {"minor": -1}}},
        {"drift": {"psi": {"minor": True}}},
        {"drift": {"psi": {"minor": float("nan")}}},
        {"drift": {"ks": {"major": 1.0}}},
        {"quality": {"missing": 1}},
        {"unknown": 1},
    ],
)
def test_refused_model_settings(settings: dict[str, Any]) -> None:
    """What cannot be meant is refused."""
    with pytest.raises(ValidationError):
        ModelSettings(**(MODEL | settings))


def test_settings_are_frozen() -> None:
    """Settings do not change after they are read."""
    with pytest.raises(ValidationError, match="frozen"):
        TimeSettings().pane = 5  # type: ignore[misc]


def test_null_switches_a_distance_off() -> None:
    """A distance whose levels are null is not watched."""
    assert ModelSettings(**MODEL, drift={"psi": None}).drift.psi is None
