"""The JSON form of seasons, and every check on what is read."""

from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta

from windows.references.pace import DAY, WEEK
from windows.references.seasons import MOST_CLASSES, SeasonClock, Seasons, Zone
from windows.sketches.profile_json import Count, SegmentWire, segment_from_wire, segment_to_wire
from windows.sketches.profiles import Profile, ReferenceError_, SegmentCounts

Offset = Annotated[int, Meta(ge=-2 * DAY, le=2 * DAY)]


class ZoneWire(msgspec.Struct, forbid_unknown_fields=True):
    """The zone of a segment as JSON."""

    timezone: str
    instants: list[int]
    offsets: list[Offset]


class SeasonsWire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Seasons as JSON."""

    timezone: str
    instants: list[int]
    offsets: list[Offset]
    hours: list[Count]
    classes: list[SegmentWire]
    segments: dict[str, dict[str, list[SegmentWire]]] = {}
    tzdata: str = ""
    zones: dict[str, dict[str, ZoneWire]] = {}


def seasons_to_wire(seasons: Seasons) -> SeasonsWire:
    """The JSON form of seasons."""
    zone = seasons.clock.zone
    zones: dict[str, dict[str, ZoneWire]] = {}
    for key, value, other in seasons.zones:
        wire = ZoneWire(other.name, list(other.instants), list(other.offsets))
        zones.setdefault(key, {})[value] = wire
    return SeasonsWire(
        timezone=zone.name,
        instants=list(zone.instants),
        offsets=list(zone.offsets),
        hours=list(seasons.clock.hours),
        classes=[segment_to_wire(counts) for counts in seasons.classes],
        segments={
            key: {value: [segment_to_wire(counts) for counts in each] for value, each in values.items()}
            for key, values in seasons.segments.items()
        },
        tzdata=seasons.tzdata,
        zones=zones,
    )


def seasons_from_wire(wire: SeasonsWire, features: dict[str, Profile], prediction: Profile | None) -> Seasons:
    """The seasons behind their JSON form, checked against the profiles of the whole.

    Raises:
        ReferenceError_: hours, classes, zone or counts do not hold together.
    """
    classes = len(wire.classes)
    if len(wire.hours) != WEEK or not 2 <= classes <= MOST_CLASSES or sorted(set(wire.hours)) != list(range(classes)):
        raise ReferenceError_(f"seasons: {len(wire.hours)} hours of a week in 2 to {MOST_CLASSES} classes are needed")
    zone = _zone(wire)
    zones = tuple((key, value, _zone(one)) for key, values in wire.zones.items() for value, one in values.items())

    if any(part.rows == 0 for part in wire.classes):
        raise ReferenceError_(f"seasons: rows in each of {classes} classes are needed")

    def read(name: str, parts: list[SegmentWire]) -> tuple[SegmentCounts, ...]:
        if len(parts) != classes or not any(part.rows for part in parts):
            raise ReferenceError_(f"seasons: {name}: counts of each of {classes} classes are needed")
        return tuple(segment_from_wire(name, part, features, prediction) for part in parts)

    return Seasons(
        clock=SeasonClock(zone, tuple(wire.hours)),
        classes=read("the whole", wire.classes),
        segments={
            key: {value: read(f"{key}={value}", parts) for value, parts in values.items()}
            for key, values in wire.segments.items()
        },
        tzdata=wire.tzdata,
        zones=zones,
    )


def _zone(wire: SeasonsWire | ZoneWire) -> Zone:
    if len(wire.offsets) != len(wire.instants) + 1 or any(one >= other for one, other in pairwise(wire.instants)):
        raise ReferenceError_("seasons: offsets need ascending instants, one fewer than offsets")
    return Zone(wire.timezone, tuple(wire.instants), tuple(wire.offsets))
