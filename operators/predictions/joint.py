"""Measure how well features go together: errors of each told from the others, against the reference's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from operators.tables import ANOMALOUS, RECONSTRUCTION, Kind, Table
from windows.joint.measure import ratios

if TYPE_CHECKING:
    from operators.predictions.stack import Stack
    from windows.arrays import FloatArray, IntArray
    from windows.predictions.layout import JointSpan, Layout


class MeasureJoint:
    """The joint metrics of one model's windows, of the whole of each version."""

    def __init__(self, layout: Layout, span: JointSpan, alpha: float) -> None:
        """`alpha` is the level of each bound."""
        self.span, self.alpha, self.phases = span, alpha, layout.phases
        names = [field.name for field in layout.features]
        self.at = [names.index(feature) for feature in span.joint.features]

    def __call__(self, stack: Stack, factors: FloatArray) -> list[Table]:
        """A table of each feature and, last, of all together; and one of the share of anomalous predictions.

        Args:
            stack: G groups.
            factors: float64[G, F], overdispersion of the features.
        """
        joint = self.span.joint
        sums = np.stack([vector[self.span.start : self.span.stop] for vector in stack.vectors])
        mine = factors[:, self.at]
        every = np.hstack((mine, mine.max(axis=1, keepdims=True)))
        found = ratios(joint, sums, every, self.alpha, self._hours(stack))
        rows, behind = found.rows[:, None], int(joint.held[-1])
        whole = np.where(np.isnan(found.anomalous), np.nan, np.stack(found.bounds))
        return [
            Table(
                Kind.JOINT,
                RECONSTRUCTION,
                stack.keys,
                (*joint.features, ""),
                found.value,
                found.lower,
                found.upper,
                np.broadcast_to(rows, found.value.shape).copy(),
                None,
                np.full(found.value.shape, behind, dtype=np.int64),
            ),
            Table(
                Kind.JOINT,
                ANOMALOUS,
                stack.keys,
                ("",),
                found.anomalous[:, None],
                whole[0][:, None],
                whole[1][:, None],
                rows,
                None,
                np.full(rows.shape, behind, dtype=np.int64),
            ),
        ]

    def _hours(self, stack: Stack) -> IntArray | None:
        """Rows of each group in each class of hours, int64[G, K]."""
        phases = self.phases
        if phases is None or not self.span.joint.classes:
            return None
        held: IntArray = phases.held(stack.vectors)[0]
        return held
