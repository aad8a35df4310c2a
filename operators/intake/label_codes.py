"""Labels: what feedback and the rows of a reference say, as numbers of the task, and in words what a label may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operators.formats.schema import ABSENT, Item
from windows.values import number_of, spellings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from windows.outcomes.layout import Task

INVALID = -math.inf
"""Stands for what is no label of the model."""

NONE = float("nan")

KINDS = ("explicit", "implicit", "delayed")
"""Kinds of feedback; their codes are their positions."""

PLAIN = {"1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0}
"""Labels that say themselves whether they are positive."""

SHOWN, LONGEST = 10, 40
"""Classes that a refusal lists, and characters of a label that it shows."""


@dataclass(frozen=True, slots=True)
class LabelCodes:
    """How labels of one model are read.

    Attributes:
        task: what its predictions are.
        classes: names of the classes. Multiclass: a label's code is its place. Binary: what labels may be beside 0, 1,
            true and false, where they are names.
        positive: the name of a binary task's positive class, if its labels are names.
    """

    task: Task
    classes: tuple[str, ...] = ()
    positive: str | None = None

    def reader(self) -> Callable[[Any], float]:
        """Label -> number: 0 or 1, the class's code, or the value; NaN for none, INVALID for what is no label.

        Clicked items of a ranking have no number: NaN. NaN, blank text and what is not there are no label.
        """
        if self.task == "regression":
            return _number
        if self.task == "ranking":
            return lambda _: NONE
        table = _Table(self._codes())
        return lambda label: INVALID if isinstance(label, list) else table[label]

    def refusal(self, label: Any) -> str:
        """Why this is no label, and what would be one."""
        if isinstance(label, list):
            return f"a list of labels: a {self.task} model has one label a prediction, several are not read"
        shown = repr(label) if len(repr(label)) <= LONGEST else f"{repr(label)[:LONGEST]}..."
        if self.task == "regression":
            return f"label {shown} is no number"
        if self.task == "multiclass":
            return f"label {shown} is none of the classes {_listed(self.classes)}"
        if self.positive is None:
            return (
                f"label {shown} is neither 0 nor 1 nor true or false; performance.positive (init: --positive) names the"
                " class that is positive where labels are names"
            )
        others = [name for name in self.classes if name != self.positive]
        plain = [] if self._plain_names else ["1", "0", "true", "false"]
        return f"label {shown} is none of {_listed([f'{self.positive} (positive)', *others, *plain])}"

    @property
    def _plain_names(self) -> bool:
        """Whether the classes of a binary task are themselves called 0, 1, true or false."""
        return any(name in PLAIN for name in (*self.classes, *([] if self.positive is None else [self.positive])))

    def _codes(self) -> dict[str, float]:
        if self.task == "multiclass":
            return {name: float(code) for code, name in enumerate(self.classes)}
        if self.positive is None:
            return dict(PLAIN)
        named = {name: float(name == self.positive) for name in (*self.classes, self.positive)}
        return named if self._plain_names else {**named, **PLAIN}


class _Table(dict[Any, float]):
    """Label -> code, in every spelling of it."""

    def __init__(self, codes: dict[str, float]) -> None:
        super().__init__(codes)
        for name, code in codes.items():
            for other in spellings(name):
                self.setdefault(other, code)
        self[None] = self[ABSENT] = NONE

    def __missing__(self, label: object) -> float:
        """Any other label."""
        return NONE if is_blank(label) else INVALID


def is_blank(label: object) -> bool:
    """Whether this says nothing: null, NaN, blank text, or not there at all."""
    if label is None or label is ABSENT or isinstance(label, str):
        return not label or str(label).isspace()
    return label != label  # noqa: PLR0124 - NaN


def label_type(task: Task) -> Any:
    """What msgspec decodes a label as."""
    if task == "ranking":
        return list[Item] | Item | None
    return str | int | float | bool | list[Any] | None


def _number(label: Any) -> float:
    if is_blank(label):
        return NONE
    if isinstance(label, str):
        label = number_of(label.strip())
    if label is None or isinstance(label, bool | list):
        return INVALID
    try:
        return float(label)
    except OverflowError:  # JSON integers have no bound
        return INVALID


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    return ", ".join(known[:SHOWN]) + (f" and {len(known) - SHOWN} more" if len(known) > SHOWN else "")
