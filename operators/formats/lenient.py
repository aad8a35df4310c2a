"""Lenient reading: a record that its types refuse is looked at field by field; what does not fit is set aside.

Only records that the decoder has refused come here, so the usual batch pays nothing for it. A record without a model,
a time, an id or features that can be read stays refused.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from operators.formats.bounds import MOST_RECORDS, too_many
from operators.formats.conversions import converted
from operators.formats.heads import named
from operators.formats.literals import parsed
from operators.formats.schema import MISFIT
from operators.settings.places import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.formats.field_map import Shape, Use
    from operators.formats.surroundings import Surroundings
    from operators.settings.places import Place, Steps
    from operators.settings.source import SourceSettings

SPARE = frozenset({"prediction", "latency_ms", "error", "context", "features", "usage"})
"""Fields of a prediction without which its record still counts."""


TIMES = frozenset({"timestamp", "predicted_at"})


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of one record.

    Attributes:
        record: of its model's type; None where it stays refused.
        unfit: names of the fields that are set aside: "features.age", "latency_ms".
        error: why it stays refused.
        where: which of several records of a message it is, in words.
        element: that record as it came, where it stays refused.
    """

    record: Any
    unfit: tuple[str, ...] = ()
    error: msgspec.ValidationError | None = None
    where: str = ""
    element: Any = None


class Lenient:
    """Reads one message of a source at a time.

    Args:
        shapes: of its models.
        source: its map and what it is split at.
    """

    def __init__(self, shapes: Iterable[Shape], source: SourceSettings) -> None:
        self._shapes = {shape.model: shape for shape in shapes}
        self._source = source
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

    def __call__(self, line: bytes, around: Surroundings | None = None) -> list[Mended]:
        """The records of a message.

        Raises:
            msgspec.MsgspecError, UnicodeError, RecursionError: it holds none.
        """
        return self.of(parsed(line, self._decoder.decode), around)

    def of(self, root: Any, around: Surroundings | None = None) -> list[Mended]:
        """The records of a message that is decoded.

        Raises:
            msgspec.ValidationError: it holds none.
            UnreadableError: it holds too many.
        """
        if not isinstance(root, dict):
            msgspec.convert(root, dict[str, Any])
        split = self._source.split
        if split is None:
            return [self._one(_Place(root, None, (), around), "")]
        elements = _Place(root, None, (), around).find(split)
        msgspec.convert(elements, list[Any] | None)
        if elements is not None and len(elements) > MOST_RECORDS:
            raise too_many()
        return [
            self._one(_Place(root, element, split, around), f"element {number} of {shown(split)}: ")
            for number, element in enumerate(elements or ())
        ]

    def _one(self, place: _Place, where: str) -> Mended:
        unfit: list[str] = []
        try:
            shape = self._shape(place)
            fields = [self._field(shape, name, place, unfit) for name in shape.fields]
        except msgspec.ValidationError as error:
            return Mended(None, (), error, where, place.element)
        return Mended(shape.struct(*fields), tuple(unfit))

    def _shape(self, place: _Place) -> Shape:
        """The shape of the model that the record is about."""
        given = self._source.map.model
        if given.constant is not None:
            return self._shapes[str(given.constant)]
        found = place.find(given.path) if given.path is not None else place.outside(given, "model")
        if given.default is not None and not isinstance(found, str):
            return self._shapes[given.default]
        if found is None:
            raise msgspec.ValidationError(f"Object missing required field `{named(given)}`")
        if (found if isinstance(found, str) else _fitting(found, str, given.path or ("model",))) not in self._shapes:
            raise msgspec.ValidationError("Invalid value - at `$.model`")
        return self._shapes[found]

    def _field(self, shape: Shape, name: str, place: _Place, unfit: list[str]) -> Any:
        if name == "features":
            return self._features(shape, place, unfit)
        if name == "context":
            return self._context(shape, place, unfit)
        use = shape.uses[name]
        try:
            return self._made(use, name, place)
        except msgspec.ValidationError as error:
            if name not in SPARE or not shape.spares:
                raise (_no_time(use, place) if name in TIMES else None) or error from None
        if name == "error":  # whatever it is, it is one
            return "true" if place.value(use) else None
        unfit.append(name)
        return MISFIT if name == "prediction" else None

    @staticmethod
    def _made(use: Use, name: str, place: _Place) -> Any:
        if use.steps is None and use.outside is None:
            return use.constant
        if use.absent is not None and use.steps is not None and place.lacks(use.steps):
            return use.absent
        value = _fitting(place.value(use), use.kind, use.steps or (name,))
        return value if use.convert is None else use.convert([value])[0]

    def _features(self, shape: Shape, place: _Place, unfit: list[str]) -> Any:
        """The features, those that do not fit as what stands for that; None where there are none at all."""
        given = self._source.map.features
        base = given.path or ()
        around = place.find(base)
        if around is not None and not isinstance(around, dict if given.names is None else list):
            raise msgspec.ValidationError(f"Expected `object` - at `$.{shown(base)}`")
        if shape.features is None or not shape.feature_steps:
            return None if shape.features is None else shape.features()
        values = []
        for one, steps in zip(_fields(shape.features), shape.feature_steps, strict=True):
            found = place.find(steps)
            try:
                values.append(_fitting(found, one.type, steps))
            except msgspec.ValidationError:
                if not shape.spares:
                    raise
                unfit.append(f"features.{one.encode_name}")
                values.append(MISFIT if str in get_args(one.type) else math.inf)
        if values.count(None) == len(values) and not (shape.whole and around is not None):
            return None
        return shape.features(*values)

    def _context(self, shape: Shape, place: _Place, unfit: list[str]) -> Any:
        if shape.context is None or not shape.context_uses:
            return None
        values = [self._key(use, place, unfit) for use in shape.context_uses]
        return shape.context(*values)

    @staticmethod
    def _key(use: Use, place: _Place, unfit: list[str]) -> Any:
        if use.steps is None and use.outside is None:
            return use.constant
        try:
            return _fitting(place.value(use), use.kind, use.steps or (use.name,))
        except msgspec.ValidationError:
            unfit.append("context")
            return None


def _no_time(use: Use, place: _Place) -> msgspec.ValidationError | None:
    """What to say of a text or number that is no time as it is read; None where it is neither."""
    value = place.value(use)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text, meant = isinstance(value, str), "rfc3339" if dt.datetime in get_args(use.kind) else "epoch"
    both = float in get_args(use.kind) and meant == "rfc3339"
    given = "text" if text else "a number"
    wanted = "an RFC 3339 datetime or an epoch time" if both else f"of unit {meant}, as the map says"
    return msgspec.ValidationError(f"Invalid datetime: {given} that is not {wanted} - at `$.{shown(use.steps or ())}`")


_EXACT = 2**53
"""Whole numbers below it are floats exactly."""

_LOST = object()
"""Stands for a value where something else is on the way to it."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A record in its message: `element` of the array at `split`, or the message itself."""

    root: Any
    element: Any
    split: Steps
    around: Surroundings | None

    def value(self, use: Use) -> Any:
        """What a field is made from."""
        if use.steps is not None:
            return self.find(use.steps)
        return None if use.outside is None else self.outside(use.outside, use.name)

    def lacks(self, steps: Steps) -> bool:
        """Whether nothing is at a path, not even null."""
        around, last = self.find(steps[:-1]), steps[-1]
        if isinstance(around, list):
            return not isinstance(last, int) or last >= len(around)
        return last not in around if isinstance(around, dict) else around is None

    def outside(self, place: Place, field: str) -> str | None:
        """What is beside the message's value."""
        return None if self.around is None else self.around.column(place, field)[0]

    def find(self, steps: Steps) -> Any:
        """What is at a path; None where nothing is."""
        here = self.root
        if self.split and steps[: len(self.split)] == self.split and self.element is not None:
            here, steps = self.element, steps[len(self.split) :]
        for step in steps:
            if here is None:
                return None
            if isinstance(here, list if isinstance(step, int) else dict):
                here = _inside(here, step)
            else:
                return _LOST
        return here


def _inside(here: Any, step: str | int) -> Any:
    """What is at one step of an array or object."""
    if isinstance(step, int):
        return here[step] if step < len(here) else None
    return here.get(step)


@cache
def _fields(struct: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The fields of a type: asked for once, for msgspec looks at all annotations again each time."""
    return msgspec.structs.fields(struct)


@cache
def _plain(kind: Any) -> frozenset[type]:
    """Classes of values that are read as they are. Converting looks at the whole type for each value, some 8 us."""
    return frozenset(one for one in get_args(kind) if one in {str, int, float, bool, type(None)})


def _fitting(value: Any, kind: Any, steps: Steps) -> Any:
    """The value as it is read.

    Raises:
        msgspec.ValidationError: it is of another type.
    """
    if kind is msgspec.Raw:  # nobody reads it
        return None
    plain = _plain(kind)
    if value.__class__ in plain:
        return value
    if value.__class__ is int and float in plain and int not in plain and -_EXACT < value < _EXACT:
        return float(value)
    try:
        return converted(value, kind)
    except msgspec.ValidationError as error:
        if value.__class__ is str and float in plain and str not in plain and value != value.strip():
            return _fitting(value.strip(), kind, steps)  # files are read so, too
        raise msgspec.ValidationError(f"{error} - at `$.{shown(steps)}`") from None
