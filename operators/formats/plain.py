"""Plain reading: messages as the contract's records before anything is known of a model.

It follows a source's map as the monitor does, field by field, and takes whatever features there are. It shows a person
what is understood of a topic, and makes rows for a first reference; it is not made for speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from operators.dead_letters import Reason
from operators.formats.conversions import converted, reading
from operators.formats.heads import named
from operators.formats.json_lines import records_in
from operators.formats.literals import parsed
from operators.formats.packed import ERRORS, UnreadableError, unpacked
from operators.formats.parsers import codec_of
from operators.formats.schema import Identifier, Number, Timestamp, Version
from operators.formats.times import EARLIEST, LATEST, milliseconds
from operators.settings.places import FeaturesPlace, Place, shown
from windows.values import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from operators.formats.schemas import Schemas
    from operators.formats.surroundings import Surroundings
    from operators.settings.places import Steps
    from operators.settings.source import SourceSettings

PREDICTION = ("prediction_id", "timestamp", "model", "version", "prediction", "latency_ms", "error")
FEEDBACK = ("prediction_id", "timestamp", "model", "label", "value", "kind", "predicted_at")
"""Fields of the contract, in the order in which they are shown."""

UNNAMED = "where none is named"
"""The place of a model that a record does not name."""

_ANY = str | int | float | bool | list[Any] | None
_KINDS: dict[str, Any] = {
    "prediction_id": Identifier,
    "timestamp": Timestamp,
    "predicted_at": Timestamp,
    "version": Version,
    "latency_ms": Number,
    "value": Number,
    "kind": str | None,
}
_TIMES = ("timestamp", "predicted_at")


@dataclass(frozen=True, slots=True)
class Cell:
    """A field of a record.

    Attributes:
        name: of the field, or of the feature.
        where: the place that it is read from, in words.
        value: what is read; None for nothing.
        fault: why what is there cannot be read; empty where it can.
    """

    name: str
    where: str
    value: Any = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class PlainRecord:
    """What a map finds in one record.

    Attributes:
        fields: fields of the contract.
        features: every feature that is there.
        context: keys that the map names, and those of `context`.
        unread: paths of values that no field is read from.
        skipped: the source's filter leaves it out, or the message has no value.
    """

    fields: dict[str, Cell]
    features: dict[str, Cell]
    context: dict[str, Cell]
    unread: tuple[str, ...] = ()
    skipped: bool = False

    def value(self, field: str) -> Any:
        """What is read as a field of the contract."""
        return self.fields[field].value if field in self.fields else None

    @property
    def predicts(self) -> bool:
        """Whether it may be a prediction: it has features, or says that it failed."""
        return any(cell.value is not None for cell in self.features.values()) or bool(self.value("error"))

    @property
    def labels(self) -> bool:
        """Whether it may be feedback."""
        said = self.value("label") is not None or self.value("value") is not None
        return said and (self.value("prediction_id") is not None or self.value("prediction") is not None)


class PlainReader:
    """Reads the messages of a source.

    Args:
        source: its format, preset and map.
        schemas: those of the registry.
        unread: whether to look for what no field is read from.

    Raises:
        MapError: the format cannot be read.
    """

    def __init__(self, source: SourceSettings, schemas: Schemas | None = None, *, unread: bool = False) -> None:
        self.source = source
        self.schemas = schemas
        self._codec = codec_of(source, schemas)
        self._unread = unread
        given = source.map
        fields = dict.fromkeys((*PREDICTION, *FEEDBACK))
        self._places = {name: place for name in fields if (place := given.place(name)) is not None}
        self._readings = {name: _reading(name, place) for name, place in self._places.items()}
        self._features = given.features
        self._tops = {str(place.path[0]) for name in PREDICTION if (place := given.place(name)) and place.path}
        self._tops |= {"label", "features", "context"}
        self._taken = frozenset(given.features.rename.values())
        where = source.where
        self._filter = None if where is None else (where.place, frozenset(map(name_of, where.values)))

    def roots(self, value: bytes | None, around: Surroundings) -> list[Any]:
        """What a message holds, as objects.

        Raises:
            UnreadableError: it is none of its format.
        """
        if not value:
            raise UnreadableError(Reason.EMPTY, "a message without a record")
        if self._codec is not None:
            found = self._codec(unpacked(value), around)
            return found if isinstance(found, list) else [found]
        lines = records_in(value, arrays=not self._rooted)
        try:
            return list(map(parsed, lines))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise UnreadableError(Reason.BROKEN_JSON, str(error)) from None

    def records(self, value: bytes | None, around: Surroundings) -> Iterator[PlainRecord]:
        """The records of a message.

        Raises:
            UnreadableError: it is none of its format, or holds anything but objects.
        """
        if value is None or not self._heard(around):
            yield PlainRecord({}, {}, {}, skipped=True)
            return
        for root in self.roots(value, around):
            if not isinstance(root, list if self._rooted else dict):
                raise UnreadableError(Reason.WRONG_TYPE, "an object is needed")
            yield from self.of(root, around)

    def of(self, root: Any, around: Surroundings) -> Iterator[PlainRecord]:
        """The records of an object."""
        if self._filter is not None and not self._counts(root, around):
            yield PlainRecord({}, {}, {}, skipped=True)
            return
        split = self.source.split
        if split is None:
            yield self._record(partial(_at, root), root, around)
            return
        for element in _at(root, split) or ():

            def find(steps: Steps, element: Any = element) -> Any:
                inside = steps[: len(split)] == split
                return _at(element, steps[len(split) :]) if inside else _at(root, steps)

            yield self._record(find, element, around)

    def _heard(self, around: Surroundings) -> bool:
        """Whether a message may count: what its headers leave out is not even opened."""
        return self._filter is None or self._filter[0].path is not None or self._counts(None, around)

    def _counts(self, root: Any, around: Surroundings) -> bool:
        """Whether an object passes the filter."""
        if self._filter is None:
            return True
        place, allowed = self._filter
        value = around.column(place, "where")[0] if place.path is None else _at(root, place.path)
        return not (value is None or isinstance(value, dict | list)) and name_of(value) in allowed

    @property
    def _rooted(self) -> bool:
        """Whether a message is an array whose positions are fields."""
        return any(place.path is not None and isinstance(place.path[0], int) for place in self._places.values())

    def _record(self, find: Callable[[Steps], Any], root: Any, around: Surroundings) -> PlainRecord:
        fields = {name: self._cell(name, place, find, around) for name, place in self._places.items()}
        context = dict(self._context(find, around))
        features = {cell.name: cell for cell in self._found_features(find, root)}
        unread: tuple[str, ...] = ()
        if self._unread and self.source.split is None and self.source.preset is None:
            used = {cell.where for cell in (*fields.values(), *context.values(), *features.values())}
            unread = tuple(path for path in map(shown, _leaves(root)) if not _within(path, used))
        return PlainRecord(fields, features, context, unread)

    def _cell(self, name: str, place: Place, find: Callable[[Steps], Any], around: Surroundings) -> Cell:
        """A field of the contract."""
        kind, convert = self._readings[name]
        raw: Any
        if place.outside:
            raw, where = around.column(place, name)[0], named(place)
        elif place.path is None:
            raw, where = place.constant, "as the map says"
        else:
            raw, where = find(place.path), shown(place.path)
        default = getattr(place, "default", None)
        if raw is None and default is not None:
            return Cell(name, UNNAMED, default)
        try:
            value = converted(raw, kind)
            value = value if convert is None or place.constant is not None else convert([value])[0]
            if name in _TIMES:
                value = _time(value)
        except ERRORS as error:
            return Cell(name, where, None, str(error))
        return Cell(name, where, value)

    def _context(self, find: Callable[[Steps], Any], around: Surroundings) -> Iterator[tuple[str, Cell]]:
        own = find(("context",))
        for key, value in own.items() if isinstance(own, dict) else ():
            yield key, Cell(key, f"context.{key}", None if isinstance(value, dict | list) else value)
        for key, place in self.source.map.context.items():
            if place.outside:
                yield key, Cell(key, named(place), around.column(place, key)[0])
            else:
                value = place.constant if place.path is None else find(place.path)
                yield key, Cell(key, "as the map says" if place.path is None else shown(place.path), value)

    def _found_features(self, find: Callable[[Steps], Any], root: Any) -> Iterator[Cell]:
        """All features that are there, under the names that the map gives them."""
        given: FeaturesPlace = self._features
        base = given.path or ()
        around = find(base) if base else root
        if given.names is not None and isinstance(around, list):
            for name, value in zip(given.names, around, strict=False):
                if name is not None:
                    yield Cell(name, shown((*base, given.names.index(name))), value)
        elif isinstance(around, dict):
            for steps, value in _inside(around, (), flatten=given.flatten):
                key = ".".join(steps)
                taken = key in self._taken and key not in given.rename
                if key not in given.drop and not taken and (base or steps[0] not in self._tops):
                    yield Cell(given.rename.get(key, key), shown((*base, *steps)), value)
        for name, path in given.fields.items():
            yield Cell(name, shown(path), find(path))


def _reading(name: str, place: Place) -> tuple[Any, Callable[[Any], Any] | None]:
    """What a field is decoded as, and how it is converted then."""
    return reading(place, _KINDS.get(name, _ANY))


def _time(value: Any) -> int | None:
    """A time in ms.

    Raises:
        ValueError: it is none of these centuries.
    """
    if value is None:
        return None
    found = milliseconds(value)
    if not EARLIEST <= found <= LATEST:
        raise ValueError("before the year 2000 or after 9999: is it in another unit?")
    return round(found)


def _at(record: Any, steps: Steps) -> Any:
    """What is at a path; None where nothing is."""
    here = record
    for step in steps:
        if isinstance(step, int):
            here = here[step] if isinstance(here, list) and step < len(here) else None
        else:
            here = here.get(step) if isinstance(here, dict) else None
    return here


def _inside(around: dict[str, Any], before: tuple[str, ...], *, flatten: bool) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values of an object, and with `flatten` those of objects inside of it."""
    for key, value in around.items():
        if flatten and isinstance(value, dict):
            yield from _inside(value, (*before, key), flatten=True)
        else:
            yield (*before, key), value


def _leaves(value: Any, before: Steps = ()) -> Iterator[Steps]:
    """The paths of all values; an array is one."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*before, key))
    elif before:
        yield before


def _within(path: str, used: set[str]) -> bool:
    """Whether a path is read, or lies inside of what is, or holds what is."""
    return any(path == one or path.startswith(f"{one}.") or one.startswith(f"{path}.") for one in used)
