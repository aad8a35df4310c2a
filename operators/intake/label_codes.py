"""Labels: what feedback says, as numbers of the task."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operators.formats.schema import Codes, Item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from windows.outcomes.layout import Task

INVALID = -math.inf
"""Stands for a label that no class of a binary task has."""

NONE = float("nan")

KINDS = ("explicit", "implicit", "delayed")
"""Kinds of feedback; their codes are their positions."""

_YES_NO: Mapping[Any, float] = {True: 1.0, False: 0.0, "1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0, None: NONE}


@dataclass(frozen=True, slots=True)
class LabelCodes:
    """How labels of one model are read.

    Attributes:
        task: what its predictions are.
        classes: names of a multiclass task's classes; a label that is none of them has the code len(classes).
        positive: the name of a binary task's positive class, if its labels are names; any other name is negative.
    """

    task: Task
    classes: tuple[str, ...] = ()
    positive: str | None = None

    def reader(self) -> Callable[[Any], float]:
        """Label -> number: 0 or 1, the class's code, or the value; NaN for none, INVALID for what is no label.

        Clicked items of a ranking have no number: NaN.
        """
        if self.task == "regression":
            return lambda label: NONE if label is None else float(label)
        if self.task == "ranking":
            return lambda _: NONE
        if self.task == "multiclass":
            codes = Codes(self.classes, len(self.classes), len(self.classes))
            return lambda label: NONE if label is None else float(codes[label])
        return _Binary(self.positive)


@dataclass(frozen=True, slots=True)
class _Binary:
    positive: str | None

    def __call__(self, label: Any) -> float:
        if self.positive is not None and isinstance(label, str):
            return float(label == self.positive)
        return _YES_NO.get(label, INVALID)


def label_type(task: Task) -> Any:
    """What msgspec decodes a label as."""
    if task == "regression":
        return float | None
    if task == "ranking":
        return list[Item] | Item | None
    return str | int | float | bool | None
