"""What `check` says that nothing watches, and rules that are refused because they can never fire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from estimated import binary_rows, built, multiclass_rows, regression_rows
from sklearn.metrics import accuracy_score

from operators.settings.model import ModelSettings
from operators.settings.performance import Rule
from stream.config.checks import findings, reference_findings
from stream.config.reachable import never, reference_value, why_absent
from stream.config.unwatched import unwatched

if TYPE_CHECKING:
    from windows.outcomes.layout import Task
    from windows.references.reference import Reference

ROWS: dict[Task, Any] = {"binary": binary_rows, "multiclass": multiclass_rows, "regression": regression_rows}
ALL_ON = {
    "performance": {"concept": {"error": {"baseline": "trailing", "max_ratio": 1.5}}},
    "sla": {"availability": ">= 0.99"},
}


def model(task: Task, **keys: Any) -> ModelSettings:
    """Settings of one model."""
    return ModelSettings.model_validate({"name": "m", "task": task, **keys})


def reference(task: Task, n: int = 1_000) -> Reference:
    """A reference with labels."""
    return built(ROWS[task](n), task).reference


@pytest.mark.parametrize("task", ROWS)
def test_a_model_with_every_rule_has_nothing_that_is_off(task: Task) -> None:
    """With the defaults, a rule on a metric, one on the error and an objective, every alert can fire for each task."""
    rule = {"binary": "auc", "multiclass": "accuracy", "regression": "r2"}[task]
    performance = {**ALL_ON["performance"], rule: {"baseline": "trailing", "max_drop": 0.05}}
    settings = model(task, performance=performance, sla=ALL_ON["sla"])
    assert list(unwatched(settings, reference(task))) == []


def test_what_is_off_is_said_with_how_it_is_turned_on() -> None:
    """A bare model: labels, concept and objectives; with the distances off: drift and predictions."""
    bare = "\n".join(unwatched(model("multiclass"), reference("multiclass")))
    assert "PerformanceDrop, ConceptDrift and LabelStall: `performance:`" in bare
    assert "SlaBreach: `sla:`" in bare
    assert "DataDrift" not in bare
    off = {"psi": None, "ks": None}
    dark = "\n".join(unwatched(model("multiclass", drift=off, prediction=off), reference("multiclass")))
    assert "nothing watches DataDrift: every distance of `drift:` is null; `drift.psi" in dark
    assert "nothing watches PredictionDrift: every distance" in dark


def test_a_distance_of_numbers_does_not_watch_classes() -> None:
    """KS alone leaves predictions that are classes unwatched."""
    lines = list(unwatched(model("multiclass", prediction={"psi": None}), reference("multiclass")))
    assert any(line.startswith("nothing watches PredictionDrift of predictions that are classes: ks") for line in lines)


def test_performance_without_a_rule_is_said() -> None:
    """Labels are joined and judged by nothing."""
    lines = list(unwatched(model("regression", performance={}), reference("regression")))
    assert any("PerformanceDrop: no metric has a rule; `performance.mae:" in line for line in lines)
    assert any("ConceptDrift" in line for line in lines)


def rule(**limits: Any) -> Rule:
    """One rule."""
    return Rule.model_validate(limits)


@pytest.mark.parametrize(
    ("metric", "limits", "base", "fires"),
    [
        ("accuracy", {"max_drop": 0.05}, 0.0, False),
        ("accuracy", {"max_drop": 0.05}, 0.05, False),
        ("accuracy", {"max_drop": 0.05}, 0.06, True),
        ("accuracy", {"max_drop": {"minor": 0.01, "major": 0.05}}, 0.03, True),
        ("accuracy", {"max_drop_ratio": 0.1}, 0.0, False),
        ("fpr", {"max_rise": 0.1}, 0.95, False),
        ("fpr", {"max_rise": 0.1}, 0.5, True),
        ("fpr", {"max_ratio": 2.0}, 0.6, False),
        ("mae", {"max_ratio": 1.2}, 0.0, False),
        ("mae", {"max_ratio": 1.2}, 7.0, True),
        ("mae", {"max_rise": 1.0}, 7.0, True),
        ("error_rate", {"max_ratio": 1.5}, 0.7, False),
        ("r2", {"max_drop": 0.5}, 0.1, True),
        ("bias", {"max_change": 3.0}, 0.0, True),
        ("positive_ratio", {"max_change": 0.6}, 0.5, False),
        ("positive_ratio", {"max_change": 0.3}, 0.1, True),
    ],
)
def test_a_rule_that_can_never_fire(metric: str, limits: dict[str, Any], base: float, *, fires: bool) -> None:
    """By the least and the greatest value that the metric can have at all."""
    assert (never(metric, rule(**limits), base) is None) == fires


def test_it_is_refused_with_the_path_of_its_key() -> None:
    """Against a number at once, against the reference when that is read."""
    low = model("binary", performance={"accuracy": {"baseline": 0.03, "max_drop": 0.05}})
    ((path, _, need),) = findings(10_000, 15_000, (low,))
    assert path == ("models", 0, "performance", "accuracy", 0, "max_drop")
    assert "cannot fall by 0.05" in need
    rows = multiclass_rows(2_000)
    wrong = {**rows, "label": (rows["prediction"].argmax(axis=1) + 1) % rows["prediction"].shape[1]}
    useless = built(wrong, "multiclass").reference
    assert (
        reference_value("accuracy", useless) == accuracy_score(wrong["label"], rows["prediction"].argmax(axis=1)) == 0
    )
    judged = model("multiclass", performance={"accuracy": {"max_drop": 0.05}})
    ((path, _, need),) = reference_findings(judged, useless)
    assert path == ("performance", "accuracy", 0, "max_drop")


def test_a_baseline_that_has_no_value_is_refused() -> None:
    """Labels of which none is positive leave no AUC to fall from, and the line says so."""
    rows = binary_rows(900)
    none = built({**rows, "label": np.zeros(900, dtype=int)}, "binary").reference
    assert why_absent("auc", none) == "900 labels, none positive"
    ((path, found, _),) = reference_findings(model("binary", performance={"auc": {"max_drop": 0.05}}), none)
    assert path == ("performance", "auc", 0, "baseline")
    assert found is not None
    assert "900 labels, none positive" in found
