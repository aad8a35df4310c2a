"""Maps for driftgauge-native: where the fields of a source's records are, told as paths, or why that cannot be done.

The package follows a map only where it says plainly where things are. What depends on a message's surroundings, or on
more of a message than one record, stays with the reader in Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.formats.field_map import Shape
from operators.formats.map_tree import MapError
from operators.intake.transpose import version_name
from operators.settings.places import UNIT_MS, NumberPlace, PredictionPlace, TimePlace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operators.formats.schema import ModelSchema
    from operators.settings.places import ModelPlace, Place, Steps
    from operators.settings.source import FieldMap, SourceSettings

BESIDE = "is beside the message's value"

ToldPlace = tuple[tuple[str | int, ...], str, float]
"""A path, what is read there, and a number that goes with it."""


class BeyondError(ValueError):
    """What the package cannot read, in words."""


@dataclass(frozen=True, slots=True)
class ToldMap:
    """What the package is told of a map, for one model.

    Attributes:
        places: where fields are.
        whole: the object that holds the features and nothing else, if there is one: where it is, there are features.
        nameless: the model of records that name none.
        version: of records that have none.
        segments: segment keys that are constant, and the index of their value.
    """

    places: list[ToldPlace]
    whole: list[str | int] | None
    nameless: str | None
    version: str
    segments: list[tuple[int, int]]


def beyond(source: SourceSettings) -> str | None:
    """What the package cannot read of a source, whatever the model."""
    if source.format != "json" or source.preset is not None:
        return f"its format is {source.preset or source.format}"
    if source.holds == "both":
        return "it holds feedback too"
    if source.split is not None:
        return "its messages are split"
    return None


def told_map(schema: ModelSchema, source: SourceSettings) -> ToldMap:
    """The map as the package follows it for a model.

    Raises:
        BeyondError: it cannot follow it.
    """
    given = source.map
    try:
        shape = Shape(schema.layout.model, schema.struct, given)
    except MapError as error:  # it can be followed where the decoder tells models apart
        raise BeyondError(str(error)) from None
    if shape.rooted:
        raise BeyondError("its records are arrays")
    if not shape.feature_steps:
        raise BeyondError("it has no features")
    context, segments = _of_context(schema, given)
    places = [*_of_fields(shape, given), *context]
    places += [(steps, "feature", float(number)) for number, steps in enumerate(shape.feature_steps)]
    version = None if given.version is None else given.version.constant
    return ToldMap(
        places=[*places, *_of_model(given.model, places)],
        whole=list(shape.feature_steps[0][:-1]) if shape.whole else None,
        nameless=given.model.default if given.model.constant is None else schema.layout.model,
        version=version_name(version),
        segments=segments,
    )


def _of_fields(shape: Shape, given: FieldMap) -> Iterator[ToldPlace]:
    """Where fields of a record are, beside features and context."""
    for name in shape.fields:
        place = given.place(name) if name not in {"features", "context"} else None
        if place is None or (name == "version" and place.constant is not None):
            continue
        if place.path is None:
            raise BeyondError(f"{name} is constant" if not place.outside else f"{name} {BESIDE}")
        if isinstance(place, TimePlace) and place.timezone is not None:
            raise BeyondError(f"{name} may be a local time")
        yield place.path, *_read_as(name, place)


def _of_model(place: ModelPlace, others: Sequence[ToldPlace]) -> list[ToldPlace]:
    """Where the name of the model is."""
    if place.outside:
        raise BeyondError(f"the model's name {BESIDE}")
    if place.path is None:
        return []
    if any(_meet(place.path, steps) for steps, _, _ in others):
        raise BeyondError("the model's name is where something else is")
    return [(place.path, "model", 0.0)]


def _of_context(schema: ModelSchema, given: FieldMap) -> tuple[list[ToldPlace], list[tuple[int, int]]]:
    """Where keys of the context are; and of those that are constant the segment's row and the value's index."""
    places: list[ToldPlace] = []
    segments: list[tuple[int, int]] = []
    number = 0
    for row, (key, _) in enumerate(schema.layout.segments):
        if schema.segments[row].feature:
            continue
        place = given.context_place(key)
        if place.outside:
            raise BeyondError(f"context {key!r} {BESIDE}")
        if place.path is None:
            segments.append((row, schema.segments[row].codes[place.constant]))
        else:
            places.append((place.path, "context", float(number)))
        number += 1
    return places, segments


def _read_as(name: str, place: Place) -> tuple[str, float]:
    """What is read at the place of a field, and the number that goes with it."""
    if isinstance(place, TimePlace) and place.unit is not None:
        return ("rfc3339", 0.0) if place.unit == "rfc3339" else ("epoch", UNIT_MS[place.unit])
    return name, place.scale if isinstance(place, NumberPlace) else 0.0


def _meet(one: Steps, other: Steps) -> bool:
    """Whether one path is the other, or leads into it."""
    least = min(len(one), len(other))
    return one[:least] == other[:least]


def chosen_classes(source: SourceSettings) -> tuple[str, ...] | None:
    """The classes that a source's lists of scores are about, where the best one becomes the prediction."""
    place = source.map.prediction
    return place.classes if isinstance(place, PredictionPlace) else None
