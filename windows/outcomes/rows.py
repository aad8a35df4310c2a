"""Predictions together with what became known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from windows.arrays import FloatArray, IntArray


Lists = TypeVar("Lists")


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Predictions joined with what became known of them, as columns of n rows.

    Attributes:
        score: float64[n]. binary: probability of the positive class; regression: predicted value; multiclass: code of
            the predicted class, K for other; ranking: not read. NaN: the prediction was no number.
        probabilities: float64[n, K], class scores, multiclass only; NaN in rows without them.
        ranked: ranking: of each row the item ids in ranked order, None where there was no list.
        label: float64[n]. binary: 0 or 1; multiclass: code, K for other; regression: value; ranking: not read. NaN: no
            label, only a value.
        clicked: ranking: of each row the clicked item ids, in any order; None where there is no label.
        value: float64[n], business value, NaN for none.
        delay: int64[n], ms from prediction to label.
        sign: int64[n], +1 for a pair, -1 to take one back.
    """

    score: FloatArray
    probabilities: FloatArray | None
    ranked: Sequence[Sequence[Any] | None] | None
    label: FloatArray
    clicked: Sequence[Sequence[Any] | None] | None
    value: FloatArray
    delay: IntArray
    sign: IntArray

    def part(self, rows: slice | IntArray) -> Outcomes:
        """Some of the rows: a stretch, or those at these positions."""
        return Outcomes(
            score=self.score[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            ranked=_picked(self.ranked, rows),
            label=self.label[rows],
            clicked=_picked(self.clicked, rows),
            value=self.value[rows],
            delay=self.delay[rows],
            sign=self.sign[rows],
        )


def _picked(lists: Sequence[Lists] | None, rows: slice | IntArray) -> Sequence[Lists] | None:
    if lists is None:
        return None
    return lists[rows] if isinstance(rows, slice) else [lists[row] for row in rows.tolist()]
