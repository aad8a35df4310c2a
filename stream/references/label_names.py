"""What the first pass of a build learns of labels: their names, and how long lists of scores are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stream.rows.arrays import categories

if TYPE_CHECKING:
    from stream.references.frames import Frame
    from stream.references.plan import Plan

MOST_NAMES = 1_000
"""Classes that a model may have."""


class LabelNames:
    """Takes in frames.

    Attributes:
        rows: name of a label -> rows; empty where labels are lists.
        width: scores in the longest list of them.
    """

    def __init__(self, plan: Plan) -> None:
        self._wanted = plan.label and plan.task not in {"regression", "ranking"}
        self._lists = plan.prediction == "scores"
        self.rows: Counter[str] = Counter()
        self.width = 0

    def add(self, frame: Frame) -> None:
        """Take in a batch."""
        if not self._wanted:
            return
        label = frame.given["label"]
        if not is_list(label.type) and len(self.rows) <= MOST_NAMES:
            codes, names = categories(label)
            counts = np.bincount(codes[codes >= 0], minlength=len(names)).tolist()
            self.rows.update({name: count for name, count in zip(names, counts, strict=True) if count})
        if self._lists:
            longest = pc.max(pc.list_value_length(frame.given["prediction"])).as_py()
            self.width = max(self.width, longest or 0)


def is_list(kind: pa.DataType) -> bool:
    """Whether values of this type are lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
