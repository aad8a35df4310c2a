"""Seasons of a reference: found after the second pass, counted in a third one where there are some."""

from dataclasses import dataclass, replace

import numpy as np

from stream.config.zones import release, zone_of
from stream.errors import UsageError
from stream.references.count import CategorySlots, PaneTally, SegmentTally, Tally, fold, slot_sizes
from stream.references.frames import PREDICTION, frames
from stream.references.plan import Plan, SeasonOptions
from stream.references.scan import Scan
from stream.references.season_tally import ClassTally, HourTally, RowClock
from stream.references.zone_guess import guess_zone
from stream.rows.columns import Rows
from windows.arrays import FloatArray, IntArray
from windows.references.pace import DAY, HOUR, WEEK
from windows.references.reference import Reference
from windows.references.season_fit import MOST_CELLS, Fitted, fit_classes
from windows.references.seasons import SeasonClock, Seasons
from windows.segments import OTHER
from windows.sketches.profiles import MIN_SEGMENT_ROWS, Profile, SegmentCounts, slot_count

SPAN = 14 * DAY - HOUR
"""Rows of at least so long (ms) are needed: every hour of the week twice."""

CELLS = 1_000_000
"""Counts by class of hours that the segments of one key may have: 8 MB, some 3 MB of the file."""

MUCH = 0.02
"""Correlation of the rows of a day that is worth a note: more than fifty of them hardly say more."""

Orders = dict[str, IntArray | None]
"""Column -> for each slot counted its slot in the profile; None where they are the same."""


@dataclass(frozen=True, slots=True)
class Seasonal:
    """A reference with the seasons that were found, what to say of them, and the class of each row."""

    reference: Reference
    notes: tuple[str, ...]
    clock: RowClock | None = None


def why_not(plan: Plan, scan: Scan, columns: int, slots: int) -> str | None:
    """Why seasons are not looked for though they are asked for."""
    none = "seasons are not looked for"
    if plan.seasonal is None:
        return None
    if scan.start is None or scan.end is None:
        return f"{none}: the rows have no timestamps"
    if scan.end - scan.start < SPAN:
        days = (scan.end - scan.start) / DAY
        return f"{none}: every hour of the week is needed twice, and the rows span {days:.1f} days"
    if WEEK * slots > MOST_CELLS:
        return f"{none}: {columns:,} columns are too many to compare by hour"
    return None


def with_zone(plan: Plan, scan: Scan) -> Plan:
    """The plan with the time zone that the rows tell, where nobody named one."""
    asked = plan.seasonal
    guess = None if asked is None or asked.named else guess_zone(scan.volumes)
    if asked is None or guess is None:
        return plan
    return replace(plan, seasonal=replace(asked, timezone=guess.zone, guess=guess))


def hour_tally(
    plan: Plan, scan: Scan, numeric: dict[str, FloatArray], categorical: dict[str, list[str]]
) -> HourTally | None:
    """What counts by hour in the second pass; None where seasons are not looked for."""
    sizes = slot_sizes(numeric, categorical)
    if plan.seasonal is None or why_not(plan, scan, len(sizes), sum(sizes.values())) is not None:
        return None
    span = (scan.start or 0, scan.end or 0)
    clock = SeasonClock(zone_of(plan.seasonal.timezone, *span), (0,) * WEEK, plan.seasonal.days)
    zones = tuple((key, value, zone_of(zone, *span)) for key, value, zone in plan.seasonal.zones)
    return HourTally(RowClock(clock, zones), sizes, span)


def with_seasons(rows: Rows, plan: Plan, bare: Reference, scan: Scan, tally: Tally, orders: Orders) -> Seasonal:
    """The reference with its seasons, if there are any: one that has none is what it was."""
    wanted, hours = plan.seasonal, tally.hours
    if wanted is None or not isinstance(hours, HourTally):
        slots = sum(len(counts) for counts in tally.counts.values())
        lack = why_not(plan, scan, len(tally.counts), slots)
        return Seasonal(bare, () if lack is None else (lack,))
    _refuse_unknown(bare, wanted)
    columns = [*bare.features, *([] if bare.prediction is None else [PREDICTION])]
    mine = {name: orders[name] for name in columns}
    counted = {name: _moved(hours.hours[name], order) for name, order in mine.items()}
    fitted = fit_classes(list(counted.values()), hours.variation(mine), wanted.max_classes)
    if fitted.classes == 1:
        alike = _by_days(bare, hours, mine)
        return Seasonal(alike, (_no_season(wanted, fitted), *_day_notes(alike)))
    clock = replace(hours.clock.clock, hours=fitted.hours)
    panes = _panes(plan, scan, tally, fitted.classes)
    of_rows = replace(hours.clock, clock=clock)
    found = ClassTally(of_rows, fitted.classes, tally, panes)
    for frame in frames(rows, plan):
        found.add(frame)
    seasons = Seasons(
        clock=replace(clock, days=()),
        classes=tuple(_class(bare, counted, clock, number) for number in range(fitted.classes)),
        segments={key: _segments(bare, key, part, mine, fitted.classes) for key, part in found.segments.items()},
        tzdata=release(),
        zones=hours.clock.zones,
    )
    reference = replace(
        bare,
        features={name: _within(profile, found.factor(name, mine[name])) for name, profile in bare.features.items()},
        prediction=None
        if bare.prediction is None
        else _within(bare.prediction, found.factor(PREDICTION, mine[PREDICTION])),
        seasons=seasons,
    )
    reference = _by_days(reference, hours, mine)
    return Seasonal(reference, (*_notes(wanted, fitted, seasons), *_day_notes(reference)), of_rows)


def _by_days(reference: Reference, hours: HourTally, orders: Orders) -> Reference:
    """The reference with how much the rows of a day are alike, of each column."""

    def told(name: str, profile: Profile) -> Profile:
        alike = hours.correlation(name, orders[name], profile.overdispersion or 1.0)
        return replace(profile, day_correlation=alike)

    return replace(
        reference,
        features={name: told(name, profile) for name, profile in reference.features.items()},
        prediction=None if reference.prediction is None else told(PREDICTION, reference.prediction),
    )


def _day_notes(reference: Reference) -> list[str]:
    """Which columns move from day to day, so that a few days say little of them."""
    columns = {
        **reference.features,
        **({} if reference.prediction is None else {"the predictions": reference.prediction}),
    }
    moving = sorted((-one.day_correlation, name) for name, one in columns.items() if one.day_correlation >= MUCH)
    if not moving:
        return []
    named = ", ".join(f"{name} ({-much:.0%})" for much, name in moving[:4])
    more = f" and {len(moving) - 4} more" if len(moving) > 4 else ""
    what = "days count there rather than rows, and a shift takes some days to be told from how days vary"
    return [f"rows of the same day are alike, so that {what}: {named}{more}"]


def _refuse_unknown(bare: Reference, wanted: SeasonOptions) -> None:
    """Rows of a segment that is not told apart cannot have hours of their own.

    Raises:
        UsageError: there is such a segment.
    """
    for key, value, _ in wanted.zones:
        if value not in bare.segments.get(key, {}):
            known = ", ".join(name for name in bare.segments.get(key, {}) if name != OTHER) or "none"
            few = f"a value with {MIN_SEGMENT_ROWS:,} rows or more is needed; {key} has {known}"
            raise UsageError(f"seasonal.zones: {key}={value}: {few}")


def _moved(counts: IntArray, order: IntArray | None) -> IntArray:
    return counts if order is None else fold(counts, order)


def _panes(plan: Plan, scan: Scan, tally: Tally, classes: int) -> PaneTally:
    """Panes that overdispersion is found from: fewer, where each may hold rows of every class."""
    span = (scan.start or 0, scan.end or 0)
    sizes = {name: len(counts) for name, counts in tally.counts.items()}
    return PaneTally(sizes, span, plan.pane, scan.timed, apart=classes)


def _class(bare: Reference, counted: dict[str, IntArray], clock: SeasonClock, number: int) -> SegmentCounts:
    mine = np.array(clock.hours) == number
    counts = {name: column[mine].sum(axis=0) for name, column in counted.items()}
    return SegmentCounts(
        rows=int(next(iter(counts.values())).sum()),
        features={name: counts[name] for name in bare.features},
        prediction=counts.get(PREDICTION),
    )


def _segments(
    bare: Reference, key: str, tally: SegmentTally, orders: Orders, classes: int
) -> dict[str, tuple[SegmentCounts, ...]]:
    """The segments of one key, those with most rows first, as far as their counts by class fit into `CELLS`."""
    names: CategorySlots = tally.slots
    index = {name: at for at, name in enumerate(names.names)}
    kept = [value for value in bare.segments[key] if value != OTHER]
    rest = [at for at in range(len(names.names) + 1) if at not in {index[value] for value in kept}]
    members = {value: [index[value]] for value in kept} | ({OTHER: rest} if OTHER in bare.segments[key] else {})
    cells = classes * sum(slot_count(profile) for profile in bare.features.values())
    ranked = sorted(members, key=lambda value: (-bare.segments[key][value].rows, value))[: CELLS // cells]
    return {
        value: tuple(
            _segment(bare, tally, [at * classes + number for at in members[value]], orders) for number in range(classes)
        )
        for value in ranked
    }


def _segment(bare: Reference, tally: SegmentTally, at: list[int], orders: Orders) -> SegmentCounts:
    counts = {name: _moved(tally.counts[name][at].sum(axis=0), order) for name, order in orders.items()}
    return SegmentCounts(
        rows=int(tally.rows[at].sum()),
        features={name: counts[name] for name in bare.features},
        prediction=counts.get(PREDICTION),
    )


def _within(profile: Profile, factor: float | None) -> Profile:
    return profile if factor is None else replace(profile, overdispersion=factor)


def _no_season(wanted: SeasonOptions, fitted: Fitted) -> str:
    few = f"; {fitted.unseen} hours of the week had no rows" if fitted.unseen else ""
    alike = f"the hours of the week ({wanted.timezone}) are alike in every column"
    return f"no season: {alike}, so one reference holds{few}"


def _notes(wanted: SeasonOptions, fitted: Fitted, seasons: Seasons) -> list[str]:
    """What was found, for people."""
    named = "; ".join(seasons.names[:4])
    more = f" and {fitted.classes - 4} more" if fitted.classes > 4 else ""
    zones = ", ".join([wanted.timezone, *(f"{key}={value}: {zone}" for key, value, zone in wanted.zones)])
    classes = f"{fitted.classes} classes of hours of the week ({zones})"
    what = "and windows are compared with what is normal for theirs"
    notes = [f"a season: {classes} differ by up to KS {fitted.largest:.2g}, {what}: {named}{more}"]
    if wanted.guess is not None:
        notes.append(
            f"no time zone was named, and over {wanted.guess.days} days the rows change their hours with the clocks of"
            f" {wanted.guess.zone}, so its hours are those; --timezone names another that changes with it"
        )
    elif not wanted.named:
        notes.append(
            "no time zone was named, and the rows do not tell whose clocks they follow: hours are those of UTC, and"
            " what is normal an hour earlier or later is normal, too (seasonal.tolerance). With --timezone more is seen"
        )
    elif wanted.timezone == "UTC" and not wanted.zones:
        notes.append(
            "its hours are those of UTC: where the clocks of the users change, name their time zone (--timezone of"
            " init, seasonal.timezone), or every class is an hour off once they have"
        )
    if fitted.forced > 0:
        notes.append(
            f"the season has more than {wanted.max_classes} classes of hours: some that differ by up to KS"
            f" {fitted.forced:.2g} are one (seasonal.max_classes)"
        )
    if fitted.unseen:
        notes.append(f"{fitted.unseen} hours of the week had no rows: each counts as the nearest hour that had some")
    thin = [name for name, counts in zip(seasons.names, seasons.classes, strict=True) if counts.rows < MIN_SEGMENT_ROWS]
    if thin:
        notes.append(f"fewer than {MIN_SEGMENT_ROWS:,} rows, so that little can be told there: {'; '.join(thin[:4])}")
    return notes
