"""Checks of `seasonal:`, and between it and a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.settings.durations import show_duration
from stream.config.calendar import dated_clock
from stream.config.zones import changed_since, known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.settings.model import ModelSettings
    from stream.config.problems import ConfigFinding, KeyPath
    from windows.references.reference import Reference


def seasonal_findings(model: ModelSettings, at: KeyPath) -> Iterator[ConfigFinding]:
    """What is wrong with the keys themselves."""
    need = "a name of the table of time zones is needed, such as Europe/Berlin; this machine has no other names"
    seasonal = model.seasonal
    if seasonal is not None and not known(seasonal.timezone):
        yield (*at, "seasonal", "timezone"), None, need
    for name, zone in ({} if seasonal is None else seasonal.zones).items():
        key = name.partition("=")[0]
        if not known(zone):
            yield (*at, "seasonal", "zones", name), None, need
        elif key not in model.segments:
            beside = f"`segments: [{key}]` is needed beside it: its values tell whose hours a row follows"
            yield (*at, "seasonal", "zones", name), None, beside
    if seasonal is not None and seasonal.tolerance and model.multivariate is not None:
        why = "features are told from each other by the hour: name the zone in seasonal.timezone, and leave this out"
        yield (*at, "seasonal", "tolerance"), "given beside multivariate", why
    if seasonal is None and any(one.like is not None for one in model.calendar):
        yield (*at, "calendar"), None, "`seasonal: {timezone: ...}` is needed beside days that are like other days"
    dated = [number for number, one in enumerate(model.calendar) if one.reference is not None]
    for key in ("references", "multivariate"):
        if dated and getattr(model, key):
            why = "days with a reference of their own have one for all versions, and say nothing of features together"
            yield (*at, "calendar", dated[0], "reference"), f"given beside {key}", f"one of the two must go: {why}"


def season_findings(model: ModelSettings, reference: Reference, pane: int) -> Iterator[ConfigFinding]:
    """What is wrong between the keys, the pane (ms) and the reference; paths are within the model."""
    if reference.seasons is None:
        if any(one.reference is not None for one in model.calendar) and not dated_clock(model, reference).suits(pane):
            short = "a time.pane that lies within one local hour is needed for days with a reference of their own"
            yield ("calendar",), f"given with a pane of {show_duration(pane)}", f"{short}, such as 15m"
        return
    zone = reference.seasons.clock.zone
    if model.seasonal is None:
        written = f"`seasonal: {{timezone: {zone.name}}}`"
        build = "a reference that is built without a season"
        yield ("seasonal",), None, f"{written} is needed for a reference of classes of hours, or {build}"
    elif model.seasonal.timezone != zone.name:
        yield ("seasonal", "timezone"), None, f"the reference was built with {zone.name}: build it again"
    elif (asked := sorted(model.seasonal.of_segments)) != (
        built := sorted((key, value, one.name) for key, value, one in reference.seasons.zones)
    ):
        has = ", ".join(f"{key}={value}: {name}" for key, value, name in built if (key, value, name) not in asked)
        yield ("seasonal", "zones"), None, f"the reference was built with {has or 'fewer'}: build it again"
    elif not reference.seasons.suits(pane):
        short = f"a time.pane that lies within one hour of {zone.name} is needed, such as 15m"
        yield ("seasonal",), f"given with a pane of {show_duration(pane)}", short
    if model.multivariate is not None and reference.joint is not None and not reference.joint.classes:
        why = "it has learnt over all hours how features go together, so a season would be an Anomaly"
        yield ("multivariate",), None, f"a reference that is built again is needed: {why}"


def seasonal_notes(reference: Reference) -> Iterator[str]:
    """What a user should know of the seasons of a reference."""
    seasons = reference.seasons
    if seasons is None or reference.start is None or reference.end is None:
        return
    zone = seasons.clock.zone
    if changed_since(zone, reference.start, reference.end):
        said = f" ({seasons.tzdata})" if seasons.tzdata else ""
        mine = f"this machine's table of time zones has other clock changes for {zone.name}"
        yield f"{mine} than the one that the reference was built with{said}, which goes on to hold: build it again"
