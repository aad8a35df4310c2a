"""Conversions: what a field of a map is decoded as, and how its column becomes what the contract says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import numpy as np

from operators.formats.local_times import local_clock
from operators.formats.times import as_written
from operators.settings.places import UNIT_MS, NumberPlace, PredictionPlace, TimePlace
from windows.values import name_of

if TYPE_CHECKING:
    from operators.settings.places import Place

Convert = Callable[[Sequence[Any]], Sequence[Any]]

FURTHEST = 2.0**62
"""No time (ms) is further away; beyond it a float has no whole number."""


class UnfitError(ValueError):
    """A place that does not fit what the model's records hold."""


def reading(place: Place, kind: Any) -> tuple[Any, Convert | None]:
    """What a field is decoded as, and how its column is converted (None: it is taken as it is).

    Raises:
        UnfitError: nothing of the kind can be made.
    """
    if isinstance(place, TimePlace):
        if place.unit in UNIT_MS:
            return float | None, _milliseconds(UNIT_MS[place.unit])
        read = kind if place.unit is None else dt.datetime | None
        return read, None if place.timezone is None else local_clock(place.timezone).placed
    if isinstance(place, NumberPlace) and place.scale != 1:
        return kind, _scaled(place.scale)
    if isinstance(place, PredictionPlace) and place.classes is not None:
        if str not in get_args(kind):
            raise UnfitError("the reference's predictions are numbers: classes are of no use")
        return list[float] | None, _chosen(place.classes)
    values = getattr(place, "values", None)
    return kind, None if values is None else _spelled(values)


def converted(value: Any, kind: Any) -> Any:
    """A value as it is read: a time as `operators.formats.times` has it, beyond what msgspec knows.

    Raises:
        msgspec.ValidationError: it is of another type.
    """
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        moment = as_written(value) if value.__class__ is str and dt.datetime in get_args(kind) else None
        if moment is None:
            raise
        return moment


def sparing(convert: Convert, absent: Any) -> Convert:
    """The same, where what stands for what is not there is left alone."""

    def spare(column: Sequence[Any]) -> Sequence[Any]:
        if absent not in column:
            return convert(column)
        return [item if item is absent else convert([item])[0] for item in column]

    return spare


def _scaled(factor: float) -> Convert:
    """Numbers times a factor."""

    def scale(column: Sequence[Any]) -> Sequence[Any]:
        if None not in column:
            with np.errstate(over="ignore"):  # infinite then, as it is without numpy
                found: list[Any] = (np.array(column, dtype=np.float64) * factor).tolist()
            return found
        return [None if value is None else value * factor for value in column]

    return scale


def _milliseconds(unit: float) -> Convert:
    """Epoch times as whole milliseconds, which are the quickest to be read further on."""

    def convert(column: Sequence[Any]) -> Sequence[Any]:
        if None not in column:
            with np.errstate(over="ignore"):  # beyond the furthest then
                times = np.array(column, dtype=np.float64) * unit
            if (np.abs(times) < FURTHEST).all():
                found: list[Any] = np.rint(times).astype(np.int64).tolist()
                return found
        return [None if value is None else value * unit for value in column]

    return convert


def _chosen(classes: Sequence[str]) -> Convert:
    """The class with the highest score."""

    def choose(column: Sequence[Any]) -> Sequence[Any]:
        if any(item is not None and len(item) != len(classes) for item in column):
            raise msgspec.ValidationError(f"Expected `array` of {len(classes)} scores, one for each of classes")
        return [None if item is None else classes[int(np.argmax(item))] for item in column]

    return choose


def _spelled(values: dict[str, Any]) -> Convert:
    """Labels by their spelling; others as they are."""

    def read(value: Any) -> Any:
        return value if value is None or isinstance(value, list) else values.get(name_of(value), value)

    return lambda column: list(map(read, column))
