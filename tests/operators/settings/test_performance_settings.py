"""What a user may say under `performance:`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from operators.settings.metrics import BETTER, LABEL_METRICS, OF_TASK, SHARES
from operators.settings.model import ModelSettings
from operators.settings.performance import LIMITS_OF, PerformanceSettings
from windows.outcomes.difference import COUNTS
from windows.outcomes.layout import TASKS
from windows.outcomes.metrics import METRICS

if TYPE_CHECKING:
    from windows.outcomes.layout import Task

HOUR, DAY = 3_600_000, 86_400_000


def performance(**settings: Any) -> PerformanceSettings:
    """Settings of a binary model's labels."""
    found = ModelSettings.model_validate({"name": "m", "task": "binary", "performance": settings}).performance
    assert found is not None
    return found


def test_defaults() -> None:
    """No rule, an hour for labels, a day's patience; and none of it without the key."""
    assert ModelSettings.model_validate({"name": "m", "task": "binary"}).performance is None
    plain = performance()
    assert (plain.cohort_windows, plain.label_delay, plain.rules) == ((HOUR, 7 * DAY), HOUR, {})
    assert (plain.kept_for, plain.wait, plain.stalls_after) == (DAY, 600_000, HOUR)
    assert plain.concept.detectors == "evaluate"


@pytest.mark.parametrize(
    ("delay", "windows", "kept", "stall"),
    [
        ("10s", (HOUR, 7 * DAY), DAY, 900_000),
        ("1d", (HOUR, 7 * DAY), 4 * DAY, DAY),
        ("7d", (DAY, 7 * DAY), 28 * DAY, 2 * DAY),
        ("60d", (7 * DAY, 28 * DAY), 120 * DAY, 2 * DAY),
    ],
)
def test_defaults_follow_the_label_delay(delay: str, windows: tuple[int, ...], kept: int, stall: int) -> None:
    """Later labels: longer windows, more patience, and a stall is told later."""
    found = performance(label_delay=delay)
    assert (found.cohort_windows, found.kept_for, found.stalls_after) == (windows, kept, stall)


@pytest.mark.parametrize(
    ("baseline", "kind", "value", "shift"),
    [
        (0.95, "constant", 0.95, None),
        ("0.95", "constant", 0.95, None),
        (-3, "constant", -3.0, None),
        ("reference", "reference", None, None),
        ("trailing", "trailing", None, None),
        ("version", "version", None, None),
        ({"shift": "364d"}, "shift", None, 364 * DAY),
    ],
)
def test_baselines(baseline: Any, kind: str, value: float | None, shift: int | None) -> None:
    """A number, also as text from the environment, a word, or a shift."""
    found = performance(accuracy={"baseline": baseline, "max_drop": 0.05}).rules["accuracy"][0].baseline
    assert (found.kind, found.value, found.shift) == (kind, value, shift)


def test_one_rule_or_several() -> None:
    """A rule alone stands for a list of one; a limit alone for its major level."""
    one = performance(accuracy={"baseline": 0.95, "max_drop": 0.05}).rules["accuracy"]
    many = performance(accuracy=[{"baseline": 0.95, "max_drop": {"major": 0.05}}]).rules["accuracy"]
    assert one == many
    assert (one[0].form, one[0].levels.minor, one[0].levels.major) == ("max_drop", None, 0.05)


def test_a_constant_and_the_reference_speak_of_the_whole() -> None:
    """Unless the config says otherwise; other baselines are a segment's own."""
    kinds = {"trailing": True, "version": True, "reference": False, "0.9": False}
    for baseline, segments in kinds.items():
        rule = {"baseline": baseline, "max_drop": 0.05}
        assert performance(accuracy=rule).rules["accuracy"][0].of_segments is segments
        assert performance(accuracy={**rule, "segments": not segments}).rules["accuracy"][0].of_segments is not segments


@pytest.mark.parametrize(
    "settings",
    [
        {"windows": []},
        {"windows": ["1h", "1h"]},
        {"label_delay": "121d"},
        {"coverage": 0},
        {"coverage": 1.1},
        {"min_coverage": -0.1},
        {"min_coverage": 1.1},
        {"accuracy": {"max_drop": 0.05, "min_coverage": 5}},
        {"keep": "30s"},
        {"keep": "121d"},
        {"keep": "1h", "label_delay": "2h"},
        {"negative_after": "0s"},
        {"negative_after": "2h"},  # label_delay is 1h
        {"sample": 0},
        {"threshold": 1},
        {"k": 0},
        {"tolerance": 0},
        {"cross": [["country"]]},
        {"cross": [["country", "country"]]},
        {"label_stall_after": "0s"},
        {"accuracy": {}},
        {"accuracy": []},
        {"accuracy": {"baseline": 0.95}},
        {"accuracy": {"max_drop": 0.05, "max_ratio": 1.2}},
        {"accuracy": {"max_drop": 0}},
        {"accuracy": {"max_drop": True}},
        {"accuracy": {"max_drop": {"minor": 0.2, "major": 0.1}}},
        {"accuracy": {"max_drop_ratio": 1}},
        {"mae": {"max_ratio": 1}},
        {"accuracy": {"baseline": "nonsense", "max_drop": 0.1}},
        {"accuracy": {"baseline": True, "max_drop": 0.1}},
        {"accuracy": {"baseline": float("nan"), "max_drop": 0.1}},
        {"accuracy": {"baseline": {"shift": "0s"}, "max_drop": 0.1}},
        {"accuracy": {"baseline": {"shift": "1d", "more": 1}, "max_drop": 0.1}},
        {"accuracy": {"baseline": 0.9, "max_drop": 0.1, "trailing": "1d"}},
        {"accuracy": [{"max_drop": 0.1}] * 9},
        {"concept": {"detectors": "page"}},
        {"concept": {"curve": {"max_shift": 0}}},
        {"unknown": 1},
    ],
)
def test_refused(settings: dict[str, Any]) -> None:
    """What cannot be meant is refused."""
    with pytest.raises(ValidationError):
        performance(**settings)


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_has_its_row_and_its_function(task: Task) -> None:
    """The config names what is measured, and what is measured can be named."""
    named, measured = set(OF_TASK[task]), set(METRICS[task]) - set(COUNTS)
    assert not named - measured, f"no function: a row in METRICS of windows/outcomes/{task}.py is missing"
    assert not measured - named, f"no key: a row of {task} in operators/settings/metrics.py is missing"


def test_every_metric_has_a_direction_and_a_task() -> None:
    """The tables speak of the same metrics, all of which a config may name, and shares are bounded ones."""
    assert set(BETTER) == set(LABEL_METRICS) == {metric for metrics in OF_TASK.values() for metric in metrics}
    assert set(LABEL_METRICS) <= PerformanceSettings.model_fields.keys()
    assert set(LIMITS_OF) == set(BETTER.values())
    assert set(LABEL_METRICS) >= SHARES
