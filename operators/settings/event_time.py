"""Settings of event time: panes, lateness, how far ahead a clock may be."""

from typing import Annotated

from operators.settings.durations import UNITS, Millis, from_to
from operators.settings.parts import KnownZone, Settings


class TimeSettings(Settings):
    """How event time is cut and how long it is waited for.

    Attributes:
        pane: the smallest slice of time; windows are made of panes.
        lateness: how far behind the newest record a record may be and still be counted.
        idle_after: how long a partition must be confirmed empty before time passes it by.
        max_ahead: a timestamp further than this beyond the newest plausible time is a dead letter.
        timezone: where the clocks are that times without an offset are read from, unless a source's map says.
    """

    pane: Annotated[Millis, from_to(100, UNITS["d"])] = 10_000
    lateness: Annotated[Millis, from_to(0, UNITS["d"])] = 5_000
    idle_after: Annotated[Millis, from_to(1)] = 15_000
    max_ahead: Annotated[Millis, from_to(1)] = 60_000
    timezone: KnownZone = "UTC"
