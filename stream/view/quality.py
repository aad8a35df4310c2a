"""How good the predictions are, as the live view shows it: estimated at once, and by labels when they have come."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.view.spans import Interval

if TYPE_CHECKING:
    from stream.metrics.registry import Registry

WIDEST = 0.2
"""An interval of a share that is wider than this says nothing yet: it is not shown."""
PERFORMANCE = ("performance", "performance_lower", "performance_upper")


@dataclass(frozen=True, slots=True)
class Watched:
    """Which metric is shown, over which window, and how far it may fall below its baseline."""

    metric: str
    window: str
    max_drop: float


@dataclass(frozen=True, slots=True)
class Quality:
    """One metric of one model, all its traffic. None: not measured yet.

    Attributes:
        estimated: over the latest window, without labels.
        realised: over the latest window whose labels have come.
        baseline: what the second is compared with.
        coverage: share of the predictions of that window that have a label.
        delay: median time from prediction to label, seconds.
        labels: predictions that got one so far.
        watermark: prediction and label time up to which labels are counted, seconds since the epoch.
        duplicates, revised: labels that said again what was known, that corrected an earlier one.
    """

    estimated: Interval | None = None
    realised: Interval | None = None
    baseline: float | None = None
    coverage: float | None = None
    delay: float | None = None
    labels: int = 0
    watermark: float | None = None
    duplicates: int = 0
    revised: int = 0

    def limit(self, watched: Watched) -> float | None:
        """What the metric must not fall below."""
        return None if self.baseline is None else self.baseline - watched.max_drop


def read_quality(registry: Registry, model: str, watched: Watched) -> Quality:
    """The present values."""
    base = registry.values("performance_baseline")
    labels = {row[1]: value for row, value in registry.values("labels_total").items() if row[0] == model}
    return Quality(
        estimated=_interval(registry, model, f"estimated_{watched.metric}", watched.window),
        realised=_interval(registry, model, watched.metric, watched.window),
        baseline=next(
            (value for row, value in base.items() if _wanted(row, model, watched.metric, watched.window)), None
        ),
        coverage=_one(registry, "label_coverage_ratio", model),
        delay=_one(registry, "label_delay_seconds", model),
        labels=int(labels.get("matched", 0)),
        watermark=_one(registry, "labels_timestamp_seconds", model),
        revised=int(labels.get("revised", 0)),
        duplicates=int(registry.values("duplicates_total").get((model, "feedback"), 0)),
    )


def _interval(registry: Registry, model: str, metric: str, window: str) -> Interval | None:
    found = [
        next((value for row, value in registry.values(name).items() if _wanted(row, model, metric, window)), math.nan)
        for name in PERFORMANCE
    ]
    known = not math.isnan(found[0]) and found[2] - found[1] <= WIDEST
    return Interval(*found) if known else None


def _wanted(row: tuple[str, ...], model: str, metric: str, window: str) -> bool:
    """Whether a row (model, version, segment, metric, window, ...) is the one shown."""
    return (row[0], *row[2:5]) == (model, "", metric, window)


def _one(registry: Registry, name: str, model: str) -> float | None:
    return next((value for row, value in registry.values(name).items() if row[0] == model), None)
