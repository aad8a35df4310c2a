"""What is known of how a metric of one task is measured: its row in METRICS of binary.py and its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.arrays import IntArray
    from windows.outcomes.layout import TaskLayout
    from windows.statistics.measured import Measured

    Measure = Callable[[TaskLayout, IntArray, float], Measured]
    Beside = Callable[[TaskLayout, IntArray, float, IntArray], Measured]

Needs = Literal["positives", "negatives", "alarms", "probabilities"]
"""A positive label, a negative one, a positive prediction, scores that are probabilities."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of one task.

    Attributes:
        measure: of G groups, from int64[G, size] and the probability of error per bound.
        needs: without which it has no value, which is then said ("900 labels, none positive").
        lack: what is said where it has no value for another reason.
        added: the distance to a bound is partly the width of a bin or a bias, which does not average out: in a
            comparison the distances of both sides are added.
        beside: measures one side of a comparison, of values without an end: their tail is taken from whichever side
            saw more; None where values have one.
    """

    measure: Measure
    needs: tuple[Needs, ...] = ()
    lack: str = ""
    added: bool = False
    beside: Beside | None = None
