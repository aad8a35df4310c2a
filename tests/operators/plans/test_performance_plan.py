"""How cohorts are cut: whatever is accepted is bounded and fits; whatever is refused says which key and how."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.plans.cohorts import MAX_RING, PlanError, plan_performance
from operators.plans.label_monitors import CURVE, performance_looks, performance_monitors
from operators.settings.model import ModelSettings

M, H, DAY = 60_000, 3_600_000, 86_400_000
PANE = 10_000


def model(sla: Any = None, **performance: Any) -> ModelSettings:
    """A binary model with these settings."""
    given = {"name": "m", "task": "binary", "performance": performance, "sla": sla or {}}
    return ModelSettings.model_validate(given)


LENGTHS = st.sampled_from(["10s", "70s", "1m", "5m", "25m", "1h", "100m", "6h", "1d", "7d", "14d", "28d"])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(LENGTHS, min_size=1, max_size=3, unique=True),
    st.sampled_from(["0s", "20s", "10m", "1h", "1d", "7d", "30d", "60d"]),
    st.sampled_from([None, "10m", "6h", "14d", "90d"]),
    st.sampled_from([None, "1d", "7d", "28d", "364d"]),
)
def test_what_is_accepted_is_bounded(windows: list[str], delay: str, trailing: str | None, shift: str | None) -> None:
    """Rings hold at most MAX_RING slices, slides divide their windows and shifts, and the tick divides all slides."""
    rules: list[dict[str, Any]] = []
    if trailing:
        rules.append({"baseline": "trailing", "trailing": trailing, "max_drop": 0.1})
    if shift:
        rules.append({"baseline": {"shift": shift}, "max_drop": 0.1})
    asked = model(windows=windows, label_delay=delay, keep="120d", **({"accuracy": rules} if rules else {}))
    try:
        plan = plan_performance(asked, PANE)
    except PlanError as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert refusal.path[0] == "performance"
        assert "needed" in refusal.allowed
        return
    performance = asked.performance
    assert performance is not None
    assert [window.size for window in plan.windows] == sorted(performance.cohort_windows)
    assert plan.tick == min(window.slide for window in plan.windows)
    assert plan.tick % PANE == 0
    assert all(length <= MAX_RING for length in plan.rings.values())
    for window in plan.windows:
        assert window.size % window.slide == window.slide % plan.tick == 0
        assert min(4, window.size // PANE) <= window.slices <= 24
        assert plan.rings[window.slide] * window.slide >= performance.label_delay + window.size + 2 * window.slide
    for trail in plan.trails:
        assert trail.size % trail.slide == trail.slide % plan.tick == 0
        reach = performance.label_delay + trail.window + trail.size + 2 * trail.slide
        assert plan.rings[trail.slide] * trail.slide >= reach
    for size, back in plan.shifts:
        slide = plan.window(size).slide
        assert back % slide == 0
        assert plan.rings[slide] * slide >= performance.label_delay + size + back + 2 * slide


def test_the_defaults_always_have_a_plan() -> None:
    """Whatever the label delay, the default windows with the default trailing baseline can be kept."""
    for delay in ("0s", "1m", "1h", "5h", "1d", "2d", "49h", "7d", "30d", "31d", "60d", "90d", "120d"):
        asked = model(label_delay=delay, accuracy={"baseline": "trailing", "max_drop": 0.05})
        assert plan_performance(asked, PANE).windows


def test_the_plan_of_the_contract() -> None:
    """An hour in steps of 150 s, a week in steps of 7 h."""
    asked = model(windows=["1h", "7d"], label_delay="1h", accuracy={"baseline": 0.95, "max_drop": 0.05})
    plan = plan_performance(asked, PANE)
    assert [(window.label, window.slide) for window in plan.windows] == [("1h", 150_000), ("7d", 7 * H)]
    assert plan.tick == 150_000
    assert plan.rings == {150_000: 51, 7 * H: 28}


def test_windows_of_objectives_and_rules_are_planned() -> None:
    """A window that only a rule or an objective names is a window like the others."""
    asked = model(
        sla={
            "accuracy": {"objective": ">= 0.9", "window": "2h"},
            "availability": {"objective": "> 0.9", "window": "5m"},
        },
        windows=["1h"],
        fpr={"baseline": 0.1, "max_ratio": 3, "window": "1d"},
    )
    assert [window.label for window in plan_performance(asked, PANE).windows] == ["1h", "2h", "1d"]


def test_without_labels_there_is_no_plan() -> None:
    """Nor monitors."""
    plain = ModelSettings.model_validate({"name": "m", "task": "binary"})
    assert performance_monitors(plain) == ()
    with pytest.raises(ValueError, match="no performance settings"):
        plan_performance(plain, PANE)


def test_monitors_of_the_config() -> None:
    """Names, limits and windows of every rule, each window a monitor of its own."""
    asked = model(
        sla={"recall": ">= 0.95", "fpr": {"objective": "< 0.001", "window": "1h"}, "drift": "< 0.1"},
        windows=["1h", "7d"],
        accuracy={"baseline": 0.95, "max_drop": {"minor": 0.02, "major": 0.05}},
        fpr={"baseline": "trailing", "max_ratio": 3, "window": "1d"},
        value_mean=[
            {"baseline": "trailing", "trailing": "28d", "max_drop_ratio": 0.02, "window": "7d"},
            {"baseline": {"shift": "364d"}, "max_drop_ratio": {"minor": 0.02, "major": 0.1}, "window": "7d"},
            {"baseline": {"shift": "364d"}, "max_drop": 1, "window": "7d"},
        ],
        positive_ratio={"baseline": "trailing", "max_change": 0.1, "window": "7d"},
        concept={"error": {"baseline": "trailing", "max_ratio": 1.5, "window": "1h"}, "curve": {}},
    )
    shown = [
        (m.name, m.alert, m.metric, m.windows[0] // H, m.minor, m.major, m.falling, m.relative, m.scaled, m.whole_only)
        for m in (one.monitor for one in performance_monitors(asked))
    ]
    drop = "PerformanceDrop"
    assert shown == [
        ("performance.accuracy", drop, "accuracy", 1, 0.02, 0.05, True, True, False, True),
        ("performance.accuracy", drop, "accuracy", 168, 0.02, 0.05, True, True, False, True),
        ("performance.fpr", drop, "fpr", 24, None, 3, False, False, True, False),
        ("performance.positive_ratio.up", drop, "positive_ratio", 168, None, 0.1, False, True, False, False),
        ("performance.positive_ratio.down", drop, "positive_ratio", 168, None, 0.1, True, True, False, False),
        ("performance.value_mean.trailing_28d", drop, "value_mean", 168, None, 0.98, True, False, True, False),
        ("performance.value_mean.shift_364d", drop, "value_mean", 168, 0.98, 0.9, True, False, True, False),
        ("performance.value_mean.shift_364d.2", drop, "value_mean", 168, None, 1, True, True, False, False),
        ("performance.concept.error", "ConceptDrift", "error_rate", 1, None, 1.5, False, False, True, False),
        ("performance.concept.curve", "ConceptDrift", CURVE, 720, 0.05, 0.1, False, False, False, False),
        ("sla.recall", "SlaBreach", "recall", 1, None, 0.95, True, False, False, True),
        ("sla.fpr", "SlaBreach", "fpr", 1, None, 0.001, False, False, False, True),
    ]


def test_looks_count_every_bound() -> None:
    """Streams times looks: two versions, seven segments where segments are judged, a look a slide."""
    asked = model(
        sla={"recall": ">= 0.95"},
        windows=["1h", "7d"],
        accuracy={"baseline": "trailing", "max_drop": 0.05},
        fpr={"baseline": 0.1, "max_ratio": 3, "window": "7d"},
        concept={"curve": {"recent": "30d", "before": "60d"}},
    )
    hourly, weekly = 30 * DAY / 150_000, 30 * DAY / (7 * H)
    curve = 30 * DAY / (30 * DAY / 24)
    expected = 2 * 8 * (hourly + weekly) + 2 * weekly + curve + 2 * hourly
    assert performance_looks(performance_monitors(asked), plan_performance(asked, PANE), 7, 2) == pytest.approx(
        expected
    )
