"""Columns of scores, one a class: `proba_cat`, `proba_dog` beside the class that was predicted. They are no features.

What a model says of its classes goes with what it decides, so as features they would be told from themselves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from stream.rows.arrays import categories, numbers
from windows.values import name_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pyarrow as pa

    from stream.rows.columns import Column, Rows
    from windows.arrays import FloatArray

ALONE = "|"
"""What is around a name that stands alone."""
MOST_CLASSES = 200
"""Classes whose names are looked for in those of columns."""
SUMS = 0.99
"""The share of the rows in which scores of all classes add up to 1."""
WITHIN = 0.005
"""So far may they be from it, rounded as they often are."""
_WORDS = (
    r"(?:(?:y|class|model|output|predicted|prediction|pred)[\W_]*)*"
    r"(?:p|pr|prob|probs|proba|probas|probability|probabilities|score|scores|conf|confidence|softmax|likelihood)"
)
_BEFORE = re.compile(rf"^({_WORDS})(?:[\W_]+(?=.*\w)|(?=\d+$))(.+?)[)\]]?$", re.IGNORECASE)
_BEHIND = re.compile(rf"^(.*\w)[\W_]+({_WORDS})$", re.IGNORECASE)
"""What such columns are called before and behind the name of the class."""


def score_columns(rows: Rows, features: Sequence[Column], named: Sequence[Column]) -> tuple[str, ...]:
    """The columns that hold scores of all classes, in their order.

    They are called like scores, or by all the classes, and those of one row add up to 1; or both.

    Args:
        rows: all of them.
        features: columns of numbers that would be features.
        named: the columns of predictions and labels, by which classes are known.
    """
    scores = {column.name: column for column in (*features, *named) if column.kind == "number"}
    classes = _classes(_first(rows, [column for column in named if column.kind in {"number", "category"}]))
    found: set[str] = set()
    for group in (*_called([*scores], classes), *_classed([*scores], classes)):
        columns = [scores[name] for name in group.values()]
        values = [
            numbers(array, column.missing, comma=column.comma)
            for column, array in zip(columns, _first(rows, columns), strict=False)
        ]
        if values and _shares(values) and (_add_up(values) or _is_all(group.keys(), classes)):
            found |= {*group.values()}
    return tuple(column.name for column in features if column.name in found)


def _first(rows: Rows, columns: Sequence[Column]) -> list[pa.Array]:
    """Some columns of the first rows; none where there are no rows."""
    names = [column.name for column in columns]
    batch = next((batch for batch, _ in rows.batches(names)), None) if names else None
    return [] if batch is None else [batch.column(batch.schema.get_field_index(name)) for name in names]


def _classes(known: Sequence[pa.Array]) -> set[str]:
    """The names of the classes; none where predictions and labels are numbers of too many values for that."""
    each = [categories(array)[1] for array in known]
    return {name_of(one) for names in each if len(names) <= MOST_CLASSES for one in names}


def _called(names: Sequence[str], classes: Collection[str]) -> Iterator[dict[str, str]]:
    """Class -> column, of columns that are called like scores of what may be the classes."""
    groups: dict[str, dict[str, str]] = {}
    for name in names:
        before, behind = _BEFORE.match(name), _BEHIND.match(name)
        if before is not None:
            groups.setdefault(before[1], {}).setdefault(before[2], name)
        elif behind is not None:
            groups.setdefault(behind[2], {}).setdefault(behind[1], name)
    spelled = {_spelled(one) for one in classes}
    for group in groups.values():
        of_others = bool(spelled) and spelled.isdisjoint(map(_spelled, group)) and not all(map(str.isdecimal, group))
        if len(group) > 1 and not of_others:
            yield group


def _classed(names: Sequence[str], classes: Collection[str]) -> Iterator[dict[str, str]]:
    """Class -> column, where there is a column for each class, called by it and by what is the same in all."""
    groups: dict[str, dict[str, str]] = {}
    for name in names:
        for of in classes:
            around = _around(_spelled(name), _spelled(of))
            if around is not None:
                groups.setdefault(around, {}).setdefault(of, name)
    numbered = all(map(str.isdecimal, classes))
    for around, group in groups.items():
        if 1 < len(group) == len(classes) and (around == ALONE or not numbered):  # sex_0 and sex_1 are none
            yield group


def _around(name: str, of: str) -> str | None:
    """What stands before and behind a word in a name; None where it is no word of it."""
    at = name.find(of) if of else -1
    if at < 0:
        return None
    before, behind = name[:at], name[at + len(of) :]
    return None if before[-1:].isalnum() or behind[:1].isalnum() else f"{before}{ALONE}{behind}"


def _spelled(name: str) -> str:
    """A name in small letters, with one sign for all that are neither letters nor digits."""
    return re.sub(r"\W", "_", name.casefold())


def _is_all(names: Collection[str], classes: Collection[str]) -> bool:
    """Whether these are the classes, which have names."""
    spelled = {_spelled(one) for one in classes}
    return len(spelled) > 1 and {*map(_spelled, names)} == spelled and not all(map(str.isdecimal, spelled))


def _shares(values: Sequence[FloatArray]) -> bool:
    """Whether all are from 0 to 1, and not all of them one of the two, as where a category has a column a value."""
    every = np.concatenate(values)
    every = every[~np.isnan(every)]
    return bool(np.all((every >= -WITHIN) & (every <= 1 + WITHIN)) and np.any((every > 0) & (every < 1)))


def _add_up(values: Sequence[FloatArray]) -> bool:
    """Whether scores of one row add up to 1, and there are such rows."""
    sums = np.sum(values, axis=0)
    sums = sums[~np.isnan(sums)]
    return len(sums) > 0 and float(np.mean(np.abs(sums - 1) <= WITHIN)) >= SUMS
