"""Predictions together with what became known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from windows.arrays import FloatArray, IntArray


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

    def part(self, rows: slice) -> Outcomes:
        """Some of the rows."""
        return Outcomes(
            score=self.score[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            ranked=None if self.ranked is None else self.ranked[rows],
            label=self.label[rows],
            clicked=None if self.clicked is None else self.clicked[rows],
            value=self.value[rows],
            delay=self.delay[rows],
            sign=self.sign[rows],
        )
