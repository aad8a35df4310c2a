"""From forecasts that are decided to a file of what was learnt of them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from stream.errors import UsageError
from windows.need.learn import Examples, learn
from windows.need.learnt import INPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.retraining.forecasts import Forecasted
    from windows.need.learnt import Learnt


@dataclass(frozen=True, slots=True)
class FitResult:
    """What was learnt, and from what.

    Attributes:
        learnt: for the file.
        models: how many.
        examples: forecasts that were learnt from.
        came: of them, those whose loss came.
        waiting: forecasts that are not decided yet.
        changed: left out, for something was done about the model within their horizon.
    """

    learnt: Learnt
    models: int
    examples: int
    came: int
    waiting: int
    changed: int


def fit_forecasts(forecasts: Sequence[Forecasted], changes: Mapping[str, Sequence[int]]) -> FitResult:
    """Learn.

    Args:
        forecasts: of all models, in the order of their horizons.
        changes: model -> when (ms) something was done about it.

    Raises:
        UsageError: there is nothing to learn from, or horizons differ.
    """
    known = [one for one in forecasts if one.came is not None and "default" in one.chances]
    decided = [one for one in known if all(name in one.inputs for name in INPUTS)]
    kept = [one for one in decided if not _changed(one, changes.get(one.model, ()))]
    if not kept:
        raise UsageError(
            f"{len(forecasts)} forecasts, of which {len(decided)} are decided: nothing to learn from. Evaluations hold "
            "them where a model has `retrain: {need: ...}`, in topics.evaluations or by: driftgauge replay"
        )
    horizons = sorted({one.end - one.start for one in kept})
    if len(horizons) > 1:
        days = ", ".join(f"{one / 86_400_000:g}d" for one in horizons[:5])
        raise UsageError(f"forecasts of one horizon are needed, here are {days}: choose by --model")
    examples = _examples(kept)
    walks = [one.inputs["walk"] for one in _last_of_each(kept) if one.inputs.get("walk", 0.0) > 0]
    learnt = learn(examples, horizons[0], median(walks) if walks else None)
    return FitResult(
        learnt,
        len({one.model for one in kept}),
        len(kept),
        int(examples.came.sum()),
        len(forecasts) - len(known),
        len(decided) - len(kept),
    )


def _changed(one: Forecasted, changes: Sequence[int]) -> bool:
    return any(one.start < at <= one.end for at in changes)


def _last_of_each(kept: Sequence[Forecasted]) -> list[Forecasted]:
    return list({(one.model, one.version): one for one in kept}.values())


def _examples(kept: Sequence[Forecasted]) -> Examples:
    numbers = {name: at for at, name in enumerate(sorted({one.model for one in kept}))}
    return Examples(
        np.array([numbers[one.model] for one in kept], dtype=np.int64),
        np.array([one.start for one in kept], dtype=np.int64),
        np.array([max(one.known, one.end) for one in kept], dtype=np.int64),
        np.array([one.chances["default"] for one in kept]),
        np.array([[one.inputs[name] for name in INPUTS] for one in kept]),
        np.array([one.came for one in kept], dtype=np.bool_),
    )
