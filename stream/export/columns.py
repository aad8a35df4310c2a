"""Columns of an export: what type each has, found while rows are read, and values of that type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from windows.values import name_of, number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from operators.settings.features import FeatureKind

WHOLE = 1 << 53
"""Whole numbers up to this are exact in a float, too."""


@dataclass(slots=True)
class Column:
    """What values of a column were like so far.

    Attributes:
        kind: what it is by the model's reference; None where nothing says so.
        missing: texts that stand for no value.
    """

    kind: FeatureKind | None = None
    missing: frozenset[str] = frozenset()
    numbers: bool = False
    fractions: bool = False
    truths: bool = False
    texts: bool = False
    lists: bool = False
    objects: bool = False
    odd_lists: bool = False

    def see(self, value: Any) -> None:
        """Take in a value."""
        match value:
            case None:
                return
            case bool():
                self.truths = True
            case int() | float():
                self.numbers = True
                self.fractions = self.fractions or not _is_whole(value)
            case str():
                self.texts = True
            case list():
                self.lists = True
                self.odd_lists = self.odd_lists or not all(map(_is_number, value))
            case _:
                self.objects = True

    def typed(self) -> tuple[pa.DataType, Callable[[Any], Any]]:
        """The type of the column, and what makes a value of it."""
        if self.kind is not None:
            return (pa.float64(), _number) if self.kind == "numeric" else (pa.string(), _text)
        if self.objects or (self.lists and (self.numbers or self.texts or self.truths)):
            return pa.string(), _json
        if self.lists:
            return (pa.list_(pa.string()), _texts) if self.odd_lists else (pa.list_(pa.float64()), _numbers)
        return self._single()

    def _single(self) -> tuple[pa.DataType, Callable[[Any], Any]]:
        """The same of a column that holds neither lists nor objects."""
        if self.texts:
            return pa.string(), _text
        if self.truths and not self.numbers:
            return pa.bool_(), _as_it_is
        return (pa.int64(), _whole) if self.numbers and not self.fractions else (pa.float64(), _number)


def arrays_of(
    rows: Iterable[Mapping[str, Any]], types: Mapping[str, tuple[pa.DataType, Callable[[Any], Any]]]
) -> list[pa.Array]:
    """A column for each name, in their order; null where a row has none."""
    held = list(rows)
    return [
        pa.array([None if (value := row.get(name)) is None else make(value) for row in held], kind)
        for name, (kind, make) in types.items()
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: float) -> bool:
    return isinstance(value, int) and abs(value) <= WHOLE


def _as_it_is(value: Any) -> Any:
    return value


def _number(value: Any) -> float | None:
    """A number; None for what is none."""
    if isinstance(value, str):
        value = number_of(value)
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def _whole(value: Any) -> int:
    return int(value)


def _text(value: Any) -> str:
    return _json(value) if isinstance(value, list | dict) else name_of(value)


def _texts(values: list[Any]) -> list[str]:
    return [_text(value) for value in values if value is not None]


def _numbers(values: list[Any]) -> list[float]:
    return [float(value) for value in values]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
