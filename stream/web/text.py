"""Numbers, times and names as people read them."""

from __future__ import annotations

import datetime as dt
import math

from operators.settings.metrics import TITLES
from windows.shares import OF_METRIC
from windows.statistics.catalog import DISTANCES

NOTHING = "-"


def versioned(version: str) -> str:
    """A version as people write it: 7 is v7, and v12 or canary are as they are."""
    return f"v{version}" if version[:1].isdigit() else version


def number(value: float | None, digits: int = 3) -> str:
    """A few significant digits, no exponent where it can be helped: 0.0312, 4.2, 12,400."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size >= digits - 1:
        return f"{value:,.0f}"
    if size < -5:
        return f"{value:.{digits - 1}g}"
    return f"{value:.{digits - 1 - size}f}".rstrip("0").rstrip(".")


def count(value: float | None) -> str:
    """A whole number in thousands, millions: 12,400, 3.4 M."""
    if value is None or math.isnan(value):
        return NOTHING
    for limit, unit in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:,.0f}"


def pace(rate: float | None) -> str:
    """Predictions a second, or what they are of a longer time where they are few: 4,000/s, 12/min, 300/day."""
    if rate is None or math.isnan(rate):
        return NOTHING
    for length, unit in ((1, "s"), (60, "min"), (3_600, "h")):
        if rate * length >= 1:
            return f"{count(rate * length)}/{unit}"
    return f"{number(rate * 86_400)}/day"


def percent(share: float | None, digits: int = 2) -> str:
    """A share, to so many significant digits: 3.1 %, 0.041 %."""
    return NOTHING if share is None or math.isnan(share) else f"{number(100 * share, digits)} %"


def seconds(value: float | None) -> str:
    """A length of time in its largest unit: 3.2 s, 14 min, 5 h, 2 days."""
    if value is None or math.isnan(value):
        return NOTHING
    for limit, unit in ((2 * 86_400, "days"), (2 * 3_600, "h"), (120, "min")):
        if abs(value) >= limit:
            return f"{value / {'days': 86_400, 'h': 3_600, 'min': 60}[unit]:.0f} {unit}"
    return f"{value:.1f} s" if abs(value) < 10 else f"{value:.0f} s"


def _utc(ms: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1e3, tz=dt.UTC)


def moment(ms: float | None) -> str:
    """A time with its date, UTC: 2026-11-27 16:04:10."""
    return NOTHING if ms is None else f"{_utc(ms):%Y-%m-%d %H:%M:%S}"


def short_moment(ms: float, span: float) -> str:
    """A time with no more of it than a span (ms) of time needs."""
    if span <= 600_000:
        return f"{_utc(ms):%H:%M:%S}"
    if span <= 2 * 86_400_000:
        return f"{_utc(ms):%H:%M}"
    if span <= 60 * 86_400_000:
        return f"{_utc(ms):%d %b %H:%M}"
    return f"{_utc(ms):%d %b %Y}"


METRICS = {
    **{name: distance.title for name, distance in DISTANCES.items()},
    **{metric: share.title for metric, share in OF_METRIC.items()},
    "latency_p50_ms": "p50",
    "latency_p95_ms": "p95",
    "latency_p99_ms": "p99",
    **TITLES,
}


def metric_name(metric: str) -> str:
    """What a metric is called on a page."""
    plain = metric.removeprefix("estimated_")
    named = METRICS.get(plain) or plain.replace("_", " ").capitalize()
    return f"{named} (estimated)" if plain != metric else named
