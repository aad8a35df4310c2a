"""Adopt: what a version was like on its last clean days becomes its reference, from counts that were kept of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from operators.settings.alerts import UNCLEAN
from stream.errors import UsageError
from stream.references.frames import PREDICTION
from stream.references.like import categorical_like, numeric_like
from windows.references.reference import seal
from windows.sketches.profiles import NumericProfile
from windows.sketches.quantiles import LATENCY_BINS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from operators.alerts.event import AlertEvent
    from windows.arrays import FloatArray, IntArray
    from windows.predictions.layout import Layout
    from windows.references.reference import Reference
    from windows.sketches.profiles import Profile

DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What was counted of a version in [start, end), ms: the slots [0, rows] of the layout, then its latencies."""

    start: int
    end: int
    counts: IntArray


@dataclass(frozen=True, slots=True)
class Adopted:
    """A reference, the days (ms) that it is of, and those that were left out, with what stood on them."""

    reference: Reference
    days: tuple[int, ...]
    left_out: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is asked for.

    Attributes:
        version: whose days they are.
        days: how many of the last clean ones are wanted.
        until: days that end after this (ms) are not taken.
        despite: alerts of UNCLEAN that do not make a day unclean.
    """

    version: str
    days: int
    until: int
    despite: frozenset[str] = frozenset()


def adopt(
    asked: Adoption, like: Reference, layout: Layout, kept: Sequence[Kept], events: Sequence[AlertEvent]
) -> Adopted:
    """The reference of the last clean days of a version, on the edges of the model's.

    Args:
        asked: which days.
        like: the model's reference.
        layout: that the counts were made in.
        kept: counts of the version, in any order.
        events: of alerts, in the order of their time.

    Raises:
        UsageError: no clean day is known.
    """
    known: dict[int, list[Kept]] = {}
    for one in kept:
        if one.start // DAY == (one.end - 1) // DAY and (one.start // DAY + 1) * DAY <= asked.until:
            known.setdefault(one.start // DAY * DAY, []).append(one)
    stood = list(_stood(events, asked))
    why = {day: _on(day, stood) for day in known}
    days = tuple(sorted(day for day in known if not why[day]))[-asked.days :]
    left_out = tuple((day, why[day]) for day in sorted(known) if why[day] and (not days or day > days[0]))
    if not days:
        raise UsageError(_nothing(asked, left_out))
    parts = [one for day in days for one in known[day]]
    total = sum((one.counts.astype(np.int64) for one in parts[1:]), start=parts[0].counts.astype(np.int64))
    span = min(one.start for one in parts), max(one.end for one in parts) - 1
    return Adopted(_reference(like, layout, total, span), days, left_out)


def day_text(day: int) -> str:
    """A day (ms) as 2026-11-27."""
    return dt.datetime.fromtimestamp(day / 1e3, dt.UTC).date().isoformat()


def _nothing(asked: Adoption, left_out: Iterable[tuple[int, str]]) -> str:
    stood = "; ".join(f"{day_text(day)}: {why}" for day, why in left_out)
    if stood:
        named = " --despite NAME takes a day although that alert stood"
        return f"no day of version {asked.version} was clean: {stood};{named}"
    until = day_text(asked.until)
    return f"no whole day of version {asked.version} before {until} is in the history: a day must be over (UTC)"


def _stood(events: Iterable[AlertEvent], asked: Adoption) -> Iterator[tuple[int, int, str]]:
    """(from, until, kind) of alerts that make a day unclean, from where their evidence begins."""
    standing: dict[str, AlertEvent] = {}
    for event in events:
        mine = event.version in {"", asked.version} and event.alert in UNCLEAN and event.alert not in asked.despite
        if not mine:
            continue
        if event.state == "resolved":
            first = standing.pop(event.fingerprint, event)
            yield min(first.window.start, first.started_at), event.event_time, event.alert
        else:
            standing.setdefault(event.fingerprint, event)
    for event in standing.values():
        yield min(event.window.start, event.started_at), asked.until, event.alert


def _on(day: int, stood: Iterable[tuple[int, int, str]]) -> str:
    """The alerts of a day, by name."""
    return ", ".join(sorted({kind for since, until, kind in stood if since < day + DAY and until >= day}))


def _reference(like: Reference, layout: Layout, counts: IntArray, span: tuple[int, int]) -> Reference:
    rows, head = int(counts[layout.rows]), layout.rows + 1
    if not rows:
        raise UsageError("nothing was predicted on these days: a reference needs rows")
    features = {
        field.name: _profile(like, field.name, like.features[field.name], counts[field.start : field.stop])
        for field in layout.features
    }
    predicted = layout.prediction
    prediction = None
    if predicted is not None and like.prediction is not None:
        prediction = _profile(like, PREDICTION, like.prediction, counts[predicted.start : predicted.stop])
    latency = counts[head : head + LATENCY_BINS]
    return seal(
        replace(
            like,
            rows=rows,
            start=span[0],
            end=span[1],
            features=features,
            prediction=prediction,
            latency=latency if like.latency is not None else None,
            error_rows=int(counts[head + LATENCY_BINS + 1]),
            segments={},
            task=None,
            outcomes=None,
            estimator=None,
            positive=None,
            pace=None,
            joint=None,
            notes=(),
            columns={},
            versions={},
        )
    )


def _profile(like: Reference, name: str, profile: Profile, counts: IntArray) -> Profile:
    """The column's profile; how much its traffic varies is taken from the model's."""
    if not isinstance(profile, NumericProfile):
        known = counts.copy()
        known[-2] += known[-1]  # a profile of categories has no place for values of another type
        return categorical_like(like, name, known, profile.overdispersion)
    return numeric_like(like, name, counts, _moments(profile.edges, counts), profile.overdispersion)


def _moments(edges: FloatArray, counts: IntArray) -> tuple[float, float]:
    """Mean and deviation, to the width of a bin; what is outside stands at the ends."""
    values = counts[:-2].astype(np.float64)
    total = float(values.sum())
    if not total:
        return float(edges[0]), 1.0
    places = np.concatenate(([edges[0]], edges[:-1] + (edges[1:] - edges[:-1]) / 2, [edges[-1]]))
    mean = float((places * (values / total)).sum())
    deviation = float(np.sqrt((np.square(places - mean) * (values / total)).sum()))
    return mean, deviation if deviation > 0 else 1.0
