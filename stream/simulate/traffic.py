"""Predictions as columns, before they become JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream.simulate.draws import Column
    from windows.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Traffic:
    """n predictions of one model as columns, before they become JSON.

    Attributes:
        first: number of the first prediction; the others follow.
        timestamps: int64[n], event time, ms.
        features: name -> float64[n] with NaN where null, or int64[n] slots of a categorical feature as in
            `windows.sketches.profiles.slots`: K for an unlisted category, K + 1 for null.
        prediction: like a feature; None when the reference has none.
        latency: float64[n], ms; None when the reference has none.
        failed: bool[n], predictions that carry an error.
        context: key -> int64[n], index of the value of each segment key that is no feature.
        absent: name -> bool[n], where the feature is not sent at all.
        ranked: int64[n, places], the items of a ranking, best first; None for any other model.
        labels: float64[n], the truth as in `stream.simulate.labels.Labels`; None where it is not asked for.
    """

    first: int
    timestamps: IntArray
    features: dict[str, Column]
    prediction: Column | None
    latency: FloatArray | None
    failed: BoolArray
    context: dict[str, IntArray]
    absent: dict[str, BoolArray]
    ranked: IntArray | None = None
    labels: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.timestamps)
