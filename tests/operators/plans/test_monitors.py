import pytest

from operators.plans.monitors import OBJECTIVE_WINDOW, Monitor, monitors_of
from operators.settings.model import ModelSettings
from operators.tables import Kind

PANE = 10_000


def monitors(**settings: object) -> dict[str, Monitor]:
    """The monitors of these settings by name."""
    model = ModelSettings.model_validate({"name": "click", "task": "binary", **settings})
    return {monitor.name: monitor for monitor in monitors_of(model, PANE)}


def test_the_default_monitors() -> None:
    """Drift of features and predictions by PSI and KS, four shares of quality."""
    assert {name: (one.alert, one.kind, one.minor, one.major) for name, one in monitors().items()} == {
        "drift.psi": ("DataDrift", Kind.FEATURE, 0.1, 0.25),
        "drift.ks": ("DataDrift", Kind.FEATURE, 0.05, 0.1),
        "prediction.psi": ("PredictionDrift", Kind.PREDICTION, 0.1, 0.25),
        "prediction.ks": ("PredictionDrift", Kind.PREDICTION, None, 0.15),
        "quality.missing": ("DataQuality", Kind.QUALITY, None, 0.01),
        "quality.unseen": ("DataQuality", Kind.QUALITY, None, 0.05),
        "quality.out_of_range": ("DataQuality", Kind.QUALITY, None, 0.05),
        "quality.mismatch": ("DataQuality", Kind.QUALITY, None, 0.01),
    }


def test_shares_are_judged_against_the_reference_s_own() -> None:
    """Quality is an increase; drift is a distance already."""
    found = monitors()
    assert {name for name, one in found.items() if one.relative} == {
        "quality.missing",
        "quality.unseen",
        "quality.out_of_range",
        "quality.mismatch",
    }


def test_a_monitor_that_is_off_is_not_there() -> None:
    """Null switches a distance or a share off."""
    found = monitors(drift={"psi": None}, quality={"unseen": None}, prediction={"ks": None, "psi": None})
    assert set(found) == {"drift.ks", "quality.missing", "quality.out_of_range", "quality.mismatch"}


@pytest.mark.parametrize(
    ("metric", "text", "falling"),
    [
        ("availability", ">= 0.999", True),
        ("throughput", "> 10", True),
        ("latency_p99_ms", "< 100", False),
        ("latency_p50_ms", "<= 20", False),
        ("drift", "< 0.1", False),
    ],
)
def test_each_objective_carries_its_direction(metric: str, text: str, falling: bool) -> None:
    """What must stay above is breached by falling, what must stay below by rising: one comparison would not do."""
    found = monitors(sla={metric: text})[f"sla.{metric}"]
    assert found.falling is falling
    assert found.major == float(text.split()[1])
    assert found.whole_only
    assert found.alert == "SlaBreach"


def test_an_objective_on_drift_is_the_worst_feature_s_psi() -> None:
    """No feature may exceed it."""
    found = monitors(sla={"drift": "< 0.1"})["sla.drift"]
    assert (found.kind, found.metric, found.worst_only) == (Kind.FEATURE, "psi", True)


def test_an_objective_s_window() -> None:
    """Its own, or five minutes in whole panes, or a pane where that is longer."""
    given = {"latency_p99_ms": {"objective": "< 100", "window": "1h"}, "availability": "> 0.9"}
    found = monitors(sla=given)
    assert found["sla.latency_p99_ms"].windows == (3_600_000,)
    assert found["sla.availability"].windows == (OBJECTIVE_WINDOW,)
    model = ModelSettings.model_validate({"name": "m", "task": "binary", "sla": {"availability": "> 0.9"}})
    for pane, window in ((70_000, 280_000), (3_600_000, 3_600_000)):
        assert {one.name: one.windows for one in monitors_of(model, pane)}["sla.availability"] == (window,)


def test_the_lowest_threshold_is_the_one_crossed_first() -> None:
    """Minor where there is one."""
    found = monitors()
    assert found["drift.psi"].lowest == 0.1
    assert found["prediction.ks"].lowest == 0.15
