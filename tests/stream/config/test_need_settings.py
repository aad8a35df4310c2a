"""What a config may say of forecasts of need: refused with the key's path, and cut into slices that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from operators.plans.need import need_plan, slice_of
from operators.settings.durations import UNITS
from operators.settings.model import ModelSettings
from stream.config.load import ConfigError, load

if TYPE_CHECKING:
    from pathlib import Path

H, DAY = UNITS["h"], UNITS["d"]
PERFORMANCE = "performance: {windows: [1d], label_delay: 1d}"


def refusal(directory: Path, retrain: str, performance: str = PERFORMANCE, task: str = "binary") -> str:
    """What is said of a model with these settings; "" where it is taken."""
    path = directory / "c.yaml"
    lines = [f"    {one}\n" for one in (f"retrain: {retrain}", performance) if one]
    path.write_text(f"models:\n  - name: click\n    task: {task}\n    reference: r.json\n" + "".join(lines))
    try:
        load(path, {})
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("retrain", "performance", "said"),
    [
        ("{probability: {above: 0.8}}", PERFORMANCE, "retrain.probability: .*`need: {loss: 0.02}` is needed beside it"),
        ("{need: {loss: 0.02}}", "", "retrain.need: .*`performance:` is needed"),
        ("{probability: {}, need: {loss: 0.02}}", "", "retrain.probability: .*`performance:` is needed"),
        ("{need: {}}", PERFORMANCE, "retrain.need.loss"),
        ("{need: {loss: 0}}", PERFORMANCE, "retrain.need.loss"),
        ("{need: {loss: 0.1, metric: mae}}", PERFORMANCE, "retrain.need.metric: .*for a binary model one of accuracy"),
        ("{need: {loss: 0.1, metric: positive_ratio}}", PERFORMANCE, "retrain.need.metric"),
        ("{need: {loss: 0.1, metric: label_coverage}}", PERFORMANCE, "retrain.need.metric"),
        ("{probability: {above: 1}, need: {loss: 0.1}}", PERFORMANCE, "retrain.probability.above"),
        ("{need: {loss: 0.1, horizon: 100d}}", PERFORMANCE, "retrain.need.horizon"),
        ("{need: {loss: 0.1, horizon: 61h}}", PERFORMANCE, "retrain.need.horizon: .*a multiple of 8h is needed.* 64h"),
        ("{need: {loss: 0.1, horison: 7d}}", PERFORMANCE, "retrain.need.horison"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_key(tmp_path: Path, retrain: str, performance: str, said: str) -> None:
    """Each with the path of the key that is to be changed."""
    found = refusal(tmp_path, retrain, performance)
    assert f"models.0.{said}".split(": ")[0] in found
    with pytest.raises(AssertionError, match=f"models.0.{said}"):
        raise AssertionError(found)


def test_what_fits_is_taken(tmp_path: Path) -> None:
    """With or without a trigger; for regression a tolerance may be asked for."""
    assert refusal(tmp_path, "{need: {loss: 0.02}}") == ""
    assert (
        refusal(tmp_path, "{probability: {above: 0.9, for: 2d}, need: {horizon: 14d, loss: 0.02, metric: auc}}") == ""
    )
    need = "{need: {loss: 0.02, metric: within_tolerance}}"
    assert "performance.tolerance" in refusal(tmp_path, need, task="regression")
    assert refusal(tmp_path, need, PERFORMANCE.replace("{", "{tolerance: 2, "), task="regression") == ""


@pytest.mark.parametrize(
    ("horizon", "slide", "expected"),
    [
        (7 * DAY, H, DAY),  # days know no hours
        (7 * DAY, 5 * H, None),
        (DAY, H, 3 * H),
        (2 * DAY, H, 6 * H),
        (7 * H, H, H),
        (40 * 60_000, 150_000, 300_000),
        (3 * H, H, None),
        (90 * DAY, DAY, DAY),
    ],
)
def test_how_a_horizon_is_cut(horizon: int, slide: int, expected: int | None) -> None:
    """Into days, or some eight steps; every one a multiple of the steps of cohorts."""
    assert slice_of(horizon, slide) == expected


def test_what_is_forecast_follows_from_the_settings() -> None:
    """The task's own metric unless another is named, and which way is bad."""
    need = {"horizon": "14d", "loss": 0.1}
    for task, metric, rises in [("binary", "accuracy", False), ("regression", "mae", True), ("ranking", "ndcg", False)]:
        settings = {"name": "m", "task": task, "performance": {"label_delay": "3d"}, "retrain": {"need": need}}
        plan = need_plan(ModelSettings.model_validate(settings), H)
        assert plan is not None
        assert (plan.metric, plan.rises, plan.slice, plan.slices) == (metric, rises, DAY, 14)
        assert (plan.delay, plan.above, plan.lasts) == (3 * DAY, None, 0)
    settings["retrain"] = {"need": {**need, "metric": "mrr"}, "probability": {}}
    plan = need_plan(ModelSettings.model_validate(settings), H)
    assert plan is not None
    assert (plan.metric, plan.above, plan.lasts) == ("mrr", 0.8, DAY)
    settings["retrain"] = {}
    assert need_plan(ModelSettings.model_validate(settings), H) is None
