"""States of a former release: fields that have come since get their default.

Instances of classes with slots are unpickled field by field, without __init__: a field that was not saved is not there.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

_HOLDING = (dict, list, tuple, set, frozenset, deque)


class IncompleteError(ValueError):
    """A field that was not saved has no default."""


def completed(state: Any) -> Any:
    """The same object, with every dataclass in it complete. Each object is looked at once.

    Raises:
        IncompleteError: a field is missing that has no default.
    """
    todo, seen = [state], set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        todo += _holding(_parts(one))
    return state


def _holding(parts: Collection[Any]) -> list[Any]:
    """Those that may have to be completed; half a million tuples of numbers are passed over at once."""
    kinds = {kind for kind in set(map(type, parts)) if _holds(kind)}
    if tuple in kinds:
        inner = set(map(type, chain.from_iterable(part for part in parts if type(part) is tuple)))
        if not any(map(_holds, inner)):
            kinds.remove(tuple)
    return [part for part in parts if type(part) in kinds] if kinds else []


@cache
def _holds(kind: type) -> bool:
    """Whether instances may have to be completed, or hold others that have to."""
    return issubclass(kind, _HOLDING) or dataclasses.is_dataclass(kind)


def _parts(one: Any) -> Collection[Any]:
    if isinstance(one, dict):
        return [*one.keys(), *one.values()]
    if isinstance(one, _HOLDING):
        return one
    return [_field(one, field) for field in dataclasses.fields(one)]


def _field(one: Any, field: dataclasses.Field[Any]) -> Any:
    """The value of a field, which has its default from now on if it had none."""
    try:
        return getattr(one, field.name)
    except AttributeError:
        if field.default is not dataclasses.MISSING:
            value = field.default
        elif field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        else:
            raise IncompleteError(f"{type(one).__name__} has no {field.name}") from None
    object.__setattr__(one, field.name, value)  # it may be frozen
    return value
