"""What measuring yields: values with intervals, as matrices of groups by features. A table knows no thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.panes import Window
    from windows.ring import Key


class Kind(StrEnum):
    """What a table speaks of."""

    FEATURE = "feature"
    PREDICTION = "prediction"
    QUALITY = "quality"
    SERVICE = "service"
    ESTIMATE = "estimate"
    PERFORMANCE = "performance"
    COMPARISON = "comparison"
    CONCEPT = "concept"


@dataclass(frozen=True, slots=True)
class Table:
    """One metric of G groups and F columns.

    Attributes:
        kind: what it speaks of.
        metric: its name, as in the contract.
        groups: G (version, segment) pairs.
        columns: F feature names; ("",) for a metric of the whole model.
        value: float64[G, F], NaN where there is none.
        lower: float64[G, F], lower confidence bound.
        upper: float64[G, F], upper confidence bound.
        samples: int64[G, F], predictions behind the value.
        baseline: float64[G, F], the reference's own value of a ratio; None where the metric is a distance from it.
        reference_samples: int64[G, F], rows of the reference behind the comparison; 0 where none is made.
    """

    kind: Kind
    metric: str
    groups: tuple[Key, ...]
    columns: tuple[str, ...]
    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    samples: IntArray
    baseline: FloatArray | None
    reference_samples: IntArray


@dataclass(frozen=True, slots=True)
class Measures:
    """All tables of one window of one model at its end."""

    model: str
    window: Window
    index: int
    tables: tuple[Table, ...]

    @property
    def end(self) -> int:
        """End of the window, ms."""
        return (self.index + 1) * self.window.slide
