"""Why a forecast is what it is: the filter's sentence, then what each input does to the odds."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING

from windows.need.learnt import INPUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.retraining.forecasts import Forecasted
    from windows.need.learnt import Learnt


def explained(one: Forecasted, learnt: Learnt | None) -> Iterator[str]:
    """Lines for people.

    Args:
        one: a forecast.
        learnt: what may correct it; None for nothing.
    """
    default = one.chances["default"]
    used = one.chances.get("learnt", default)
    span = f"{_day(one.start)} to {_day(one.end)}"
    source = "learnt" if "learnt" in one.chances else "default"
    yield f"{one.model} version {one.version}, {span}: P(need) {used:.3f} ({source})"
    yield f"  {one.reason}"
    if one.came is not None:
        yield f"  It is decided: the loss {'came' if one.came else 'did not come'}."
    if learnt is None or not all(name in one.inputs for name in learnt.names):
        yield from (f"  {words}: {one.inputs[name]:.3g}" for name, words in INPUTS.items() if name in one.inputs)
        return
    parts = learnt.parts(one.inputs)
    for name, part in sorted(parts.items(), key=lambda item: (-abs(item[1]), item[0])):
        yield f"  odds x {math.exp(part):.2f}: {INPUTS[name]} is {one.inputs[name]:.3g}"
    corrected = learnt.chance(default, one.inputs)
    general = math.exp(learnt.intercept)
    yield f"  odds x {general:.2f} for all models: the filter's {default:.3f} becomes {corrected:.3f}"
    if not learnt.used:
        yield f"  It is not used: {learnt.why}."


def _day(at: int) -> str:
    return dt.datetime.fromtimestamp(at / 1e3, dt.UTC).strftime("%Y-%m-%d %H:%M")
