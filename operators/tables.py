"""What measuring yields: values with intervals, as matrices of groups by features. A table knows no thresholds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

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
    JOINT = "joint"
    NEED = "need"


RECONSTRUCTION, ANOMALOUS = "reconstruction_error", "anomalous_ratio"
"""How far features are from what the others say of them, against the reference; share of anomalous predictions."""


@dataclass(frozen=True, slots=True)
class Table:
    """One metric of G groups and F columns. No interval excludes its own value: a bound that would is moved to it.

    Bounds are made to be safe, and values to be right, each with corrections of its own; where the two disagree about
    which comes first there is nothing to be said but the value, and widening an interval keeps its level.

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
        lack: why each group has no value, "" where it has one; empty where nothing is known of that.
        against: what each group is compared with, "seasonal", "fixed" or "trailing_90d"; empty where there is but one
            reference.
        phase: in which hours most of the rows of each group are; empty where hours are not told apart.
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
    lack: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    phase: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Let the interval hold the value."""
        object.__setattr__(self, "lower", np.minimum(self.lower, self.value))
        object.__setattr__(self, "upper", np.maximum(self.upper, self.value))


_PUT = tuple(getattr(Table, one.name).__set__ for one in fields(Table))
"""Put a field into a table, past all that making one does."""


def part_of(table: Table, start: int, stop: int) -> Table:
    """The groups [start, stop) of a table.

    Its intervals hold its values already: it is not made as other tables are, for every window has dozens.
    """
    if stop - start == len(table.groups):
        return table
    rows, baseline = slice(start, stop), table.baseline
    part: Table = object.__new__(Table)
    values = (
        table.kind,
        table.metric,
        table.groups[rows],
        table.columns,
        table.value[rows],
        table.lower[rows],
        table.upper[rows],
        table.samples[rows],
        None if baseline is None else baseline[rows],
        table.reference_samples[rows],
        table.lack[rows],
        table.against[rows],
        table.phase[rows],
    )
    for put, value in zip(_PUT, values, strict=True):
        put(part, value)
    return part


Part = int | str
"""What a slice is of: a window, by its size (ms), or a trail, by its name."""


@dataclass(frozen=True, slots=True)
class Trailed:
    """What is known of a trail beside its tables.

    Attributes:
        name: as in the config: "prediction.trailing_90d".
        baseline: as evaluations name it: "trailing_90d".
        filled: share of the baseline's slices that are there.
        left_out: slices within the baseline's span that are no part of it, as they broke a limit of DataQuality.
        left_out_total: those since the beginning, by version.
    """

    name: str
    baseline: str
    filled: float
    left_out: int
    left_out_total: int


@dataclass(frozen=True, slots=True)
class Measures:
    """All tables of one window of one model at its end; `changed` is False where they are those of the slice before.

    `trail` where the window is the recent span of a trail.
    """

    model: str
    window: Window
    index: int
    tables: tuple[Table, ...]
    changed: bool = True
    trail: Trailed | None = None

    @property
    def part(self) -> Part:
        """What its slice is of."""
        return self.window.size if self.trail is None else self.trail.name

    @property
    def end(self) -> int:
        """End of the window, ms."""
        return (self.index + 1) * self.window.slide
