"""The places that a field map reads, as a tree from which types are generated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from operators.settings.places import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from operators.settings.places import Steps


class MapError(ValueError):
    """A map that cannot be compiled.

    Attributes:
        field: the key of the map that is wrong; "/split" and "/where" are the source's own keys.
    """

    def __init__(self, field: str, said: str) -> None:
        self.field = field
        super().__init__(said)


@dataclass(slots=True)
class Node:
    """An object or array of the message, or a value in it.

    Attributes:
        children: by step; empty for a value.
        type: of a value; None for what has children.
        user: the field that reads the value, for errors.
        many: whether it is the array that is split into records.
        struct: generated type of what has children.
        whole: whether its objects are taken as they are, for they are of the type that is wanted.
        absent: what stands for a value that is not there.
    """

    children: dict[str | int, Node] = field(default_factory=dict)
    type: Any = None
    user: str = ""
    many: bool = False
    struct: type[msgspec.Struct] | None = None
    whole: bool = False
    absent: Any = None

    def add(self, steps: Steps, kind: Any, user: str) -> None:
        """Name a value.

        Raises:
            MapError: something else is there.
        """
        here = self
        for step in steps:
            if here.type is not None:
                raise MapError(user, f"{shown(steps)} lies inside of what {here.user} is read from")
            here = here.children.setdefault(step, Node())
        if here.children:
            raise MapError(user, f"{shown(steps)} is read as a whole, and {any_user(here)} from inside of it")
        if here.type is not None and here.type != kind:
            raise MapError(user, f"{shown(steps)} is read as {here.user} too, which is of another type")
        here.type, here.user = kind, here.user or user

    def at(self, steps: Steps) -> Node | None:
        """The node at a path."""
        here: Node | None = self
        for step in steps:
            here = None if here is None else here.children.get(step)
        return here

    def compile(self, features: type[msgspec.Struct] | None, at: Node | None) -> type[msgspec.Struct]:
        """Generate the types, from the values upwards; `at` takes `features` as its own where both say the same."""
        inner = [child.compile(features, at) if child.children else None for child in self.children.values()]
        if self is at and features is not None and _says(self, features):
            self.struct, self.whole = features, True
            return features
        types = [
            child.type if struct is None else (list[struct] if child.many else struct) | None  # type: ignore[valid-type]
            for child, struct in zip(self.children.values(), inner, strict=True)
        ]
        absent = [child.absent for child in self.children.values()]
        positions = [step for step in self.children if isinstance(step, int)]
        if positions and len(positions) < len(self.children):
            raise MapError(any_user(self), "positions of an array and keys of an object are read from one place")
        self.struct = _array(positions, types, absent) if positions else _object(self.children, types, absent)
        return self.struct


def _object(children: Iterable[Any], types: Sequence[Any], absent: Sequence[Any]) -> type[msgspec.Struct]:
    """An object of which some keys are read."""
    names = {f"n{i}": str(step) for i, step in enumerate(children)}
    fields = list(zip(names, types, absent, strict=True))
    return msgspec.defstruct("Object", fields, rename=names, gc=False, eq=False)


def _array(positions: Sequence[int], types: Sequence[Any], absent: Sequence[Any]) -> type[msgspec.Struct]:
    """An array of which some positions are read; those between are skipped over, those behind not looked at."""
    kinds = {at: one for at, *one in zip(positions, types, absent, strict=True)}
    fields = [(f"n{i}", *kinds.get(i, (msgspec.Raw, None))) for i in range(max(positions) + 1)]
    return msgspec.defstruct("Array", fields, array_like=True, gc=False, eq=False)


def _says(node: Node, features: type[msgspec.Struct]) -> bool:
    """Whether the values of a node are exactly the fields of this type."""
    wanted = {one.encode_name: one.type for one in msgspec.structs.fields(features)}
    return wanted == {step: child.type for step, child in node.children.items()}


def any_user(node: Node) -> str:
    """A field that reads it, or a value inside of it."""
    return node.user or next((any_user(child) for child in node.children.values()), "")
