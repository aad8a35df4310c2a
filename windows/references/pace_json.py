"""The JSON form of a pace."""

from typing import Annotated

import msgspec
from msgspec import Meta

from windows.references.pace import WEEK, Pace
from windows.sketches.profile_json import Count
from windows.sketches.profiles import ReferenceError_

Rows = Annotated[float, Meta(ge=0)]


class PaceWire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A pace as JSON."""

    hours: list[Count]
    span: Count
    quiet: list[Rows]
    lacking: dict[str, Count] = {}


def pace_to_wire(pace: Pace) -> PaceWire:
    """The JSON form of a pace."""
    return PaceWire(list(pace.hours), pace.span, list(pace.quiet), dict(pace.lacking))


def pace_from_wire(wire: PaceWire) -> Pace:
    """The pace behind its JSON form, checked.

    Raises:
        ReferenceError_: it has not the hours of a week, or no span.
    """
    if len(wire.hours) != WEEK or wire.span < 1:
        raise ReferenceError_(f"pace: {len(wire.hours)} hours over {wire.span} ms; {WEEK} of a week are needed")
    return Pace(tuple(wire.hours), wire.span, tuple(sorted(wire.quiet, reverse=True)), dict(wire.lacking))
