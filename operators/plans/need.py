"""What is forecast of a model's need to be trained anew: its metric, and the slices that the forecast is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.actions.forecast_state import NeedPlan
from operators.plans.cohorts import PlanError
from operators.settings.durations import UNITS, show_duration
from operators.settings.metrics import BETTER, ERROR_OF

if TYPE_CHECKING:
    from operators.settings.model import ModelSettings

PARTS = (8, 7, 6, 10, 12, 9, 5, 4, *range(11, 31))
"""In how many slices a horizon is cut, the best first: few enough that each has labels, enough to see it move."""

WHOLE_DAYS = 4
"""A horizon of so many whole days or more is cut into days, which know no hours."""


def need_plan(model: ModelSettings, slide: int) -> NeedPlan | None:
    """What is forecast of a model whose cohorts move in steps of `slide` (ms); None where nothing is.

    Raises:
        PlanError: the horizon cannot be cut into whole steps.
    """
    retrain, performance = model.retrain, model.performance
    if retrain is None or retrain.need is None or performance is None:
        return None
    need, trigger = retrain.need, retrain.probability
    length = slice_of(need.horizon, slide)
    if length is None:
        least = 8 * slide
        near = max(-(-need.horizon // least) * least, least)
        allowed = (
            f"a multiple of {show_duration(least)} is needed, such as {show_duration(near)}: labels are counted in"
        )
        raise PlanError(("retrain", "need", "horizon"), f"{allowed} steps of {show_duration(slide)}")
    metric = need.metric or ERROR_OF[model.task][0]
    return NeedPlan(
        metric=metric,
        rises=BETTER[metric] == "low",
        loss=need.loss,
        slice=length,
        slices=need.horizon // length,
        delay=performance.label_delay,
        above=None if trigger is None else trigger.above,
        lasts=0 if trigger is None else trigger.lasts,
        learnt=need.found,
    )


def slice_of(horizon: int, slide: int) -> int | None:
    """Length (ms) of the slices that a horizon is cut into; None where it is no multiple of enough steps."""
    day = UNITS["d"]
    if horizon % day == 0 and horizon >= WHOLE_DAYS * day and day % slide == 0:
        return day
    return next((horizon // parts for parts in PARTS if horizon % (parts * slide) == 0), None)
