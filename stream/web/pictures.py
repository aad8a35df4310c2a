"""What a column looked like then and looks like now, from counts: histograms side by side, quantiles, odd shares."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from windows.sketches.profiles import NumericProfile, slots

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.predictions.layout import Field

BARS = 40
"""Bars of a numeric picture."""

TAIL = 0.003
"""Share at either end, of both sides, that is drawn in the last bar: one far value is not to flatten the rest."""

NAMED = 14
"""Categories drawn by name; the others are one."""

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Side:
    """The rows of one side, and the shares of them that have no place in a picture; NaN without rows."""

    rows: int
    missing: float
    strange: float
    non_finite: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Two sides of one column.

    Attributes:
        name: of the column.
        numeric: whether there is an order; else the bars are categories.
        edges: numeric: float64[n + 1] ends of the bars, else None.
        names: of the bars: ranges, or categories.
        reference: float64[n], shares of the values.
        current: float64[n], shares of the values now; None where nothing is known of now.
        before: what is known of the reference's rows.
        now: of the rows now.
        quantiles: numeric: (share, reference, current), else none.
    """

    name: str
    numeric: bool
    edges: FloatArray | None
    names: tuple[str, ...]
    reference: FloatArray
    current: FloatArray | None
    before: Side
    now: Side | None
    quantiles: tuple[tuple[float, float, float], ...]


def picture_of(field: Field, counts: IntArray | None, bars: int = BARS) -> Picture:
    """The picture of a column.

    Args:
        field: its profile and its place in `counts`.
        counts: int64[>= field.stop], as of a Sketch; None where nothing is known of now.
        bars: of a numeric column.
    """
    before = slots(field.profile)
    now = None if counts is None else counts[field.start : field.stop].astype(np.int64)
    if now is not None and not now.sum():
        now = None
    if isinstance(field.profile, NumericProfile):
        return _numeric(field.name, field.profile, before, now, bars)
    return _categorical(field.name, field.profile.categories, before, now)


def _side(counts: IntArray, strange: int, missing: int, non_finite: int) -> Side:
    rows = int(counts.sum())
    per = max(rows, 1)
    return Side(rows, missing / per, strange / per, non_finite / per)


def _numeric_side(counts: IntArray) -> Side:
    bins = len(counts) - 4
    return _side(counts, int(counts[0] + counts[bins + 1]), int(counts[-2]), int(counts[-1]))


def _numeric(name: str, profile: NumericProfile, before: IntArray, now: IntArray | None, bars: int) -> Picture:
    bins = len(profile.counts)
    sides = [before[: bins + 2]] if now is None else [before[: bins + 2], now[: bins + 2]]
    edges = _bars(profile.edges, sides, bars)
    reference, *others = [_spread(profile.edges, side, edges) for side in sides]
    names = tuple(f"{_short(a)} to {_short(b)}" for a, b in pairwise(edges.tolist()))
    found = [_quantiles(profile.edges, side) for side in sides]
    last = found[-1] if now is not None else np.full(len(QUANTILES), np.nan)
    return Picture(
        name,
        numeric=True,
        edges=edges,
        names=names,
        reference=reference,
        current=others[0] if others else None,
        before=_numeric_side(before),
        now=None if now is None else _numeric_side(now),
        quantiles=tuple(zip(QUANTILES, found[0].tolist(), last.tolist(), strict=True)),
    )


def _short(value: float) -> str:
    return f"{value:.4g}"


def _bars(edges: FloatArray, sides: list[IntArray], bars: int) -> FloatArray:
    """Ends of bars of one width over what nearly all values of both sides lie in."""
    low, high = float(edges[-1]), float(edges[0])
    for side in sides:
        total = np.cumsum(side[1:-1])
        if not total[-1]:
            continue
        first = int(np.searchsorted(total, TAIL * total[-1], side="right"))
        last = int(np.searchsorted(total, (1 - TAIL) * total[-1], side="left"))
        low, high = min(low, float(edges[first])), max(high, float(edges[min(last + 1, len(edges) - 1)]))
    if not low < high:
        low, high = float(edges[0]), float(edges[-1])
    whole = _whole_numbers(edges, low, high)
    if whole is not None and whole <= bars:
        return np.arange(np.rint(low), np.rint(low) + whole + 1) - 0.5
    return np.linspace(low, high, bars + 1)


def _whole_numbers(edges: FloatArray, low: float, high: float) -> int | None:
    """How many whole numbers there are, where the reference has (nearly) nothing else."""
    points = edges[:-1][np.diff(edges) < 1e-4 * np.maximum(np.abs(edges[:-1]), 1.0)]
    if len(points) < 0.45 * len(edges) or not np.allclose(points, np.rint(points)):
        return None
    return int(np.rint(high) - np.rint(low)) + 1


def _spread(edges: FloatArray, counts: IntArray, bars: FloatArray) -> FloatArray:
    """The share of values in each bar: a bin lies evenly between its edges, what is outside in the outermost bars."""
    inner, total = counts[1:-1].astype(np.float64), max(float(counts.sum()), 1.0)
    risen = np.concatenate(([0.0], np.cumsum(inner)))
    at = np.interp(bars, edges, risen)
    at[0], at[-1] = 0.0, risen[-1]
    shares = np.diff(at)
    shares[0] += counts[0]
    shares[-1] += counts[-1]
    found: FloatArray = shares / total
    return found


def _quantiles(edges: FloatArray, counts: IntArray) -> FloatArray:
    """Values at QUANTILES: where the rank falls within its bin; what is outside stands at the reference's ends."""
    total = float(counts.sum())
    if not total:
        return np.full(len(QUANTILES), np.nan)
    inner = counts[1:-1].astype(np.float64)
    risen = np.cumsum(inner) + counts[0]
    ranks = np.array(QUANTILES) * total
    bins = np.minimum(np.searchsorted(risen, ranks, side="left"), len(inner) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        within = np.nan_to_num((ranks - (risen[bins] - inner[bins])) / inner[bins]).clip(0.0, 1.0)
    found: FloatArray = edges[bins] + within * (edges[bins + 1] - edges[bins])
    return np.where(ranks > risen[-1], edges[-1], found)


def quantiles_of(field: Field, counts: IntArray) -> dict[float, float]:
    """Share -> value, of a numeric column; NaN without values.

    Raises:
        TypeError: the column is categorical.
    """
    if not isinstance(field.profile, NumericProfile):
        raise TypeError(f"{field.name} has no order")
    side = counts[field.start : field.stop].astype(np.int64)[: len(field.profile.counts) + 2]
    return dict(zip(QUANTILES, _quantiles(field.profile.edges, side).tolist(), strict=True))


def shares_of(field: Field, counts: IntArray) -> dict[str, float]:
    """Category -> share of the values; "unseen or rare" for those without a name.

    Raises:
        TypeError: the column is numeric.
    """
    if isinstance(field.profile, NumericProfile):
        raise TypeError(f"{field.name} has no categories")
    shares = _shares(counts[field.start : field.stop].astype(np.int64), len(field.profile.categories))
    return dict(zip((*field.profile.categories, RARE), shares.tolist(), strict=True))


RARE = "unseen or rare"


def _categorical(name: str, categories: tuple[str, ...], before: IntArray, now: IntArray | None) -> Picture:
    known = len(categories)
    reference, current = _shares(before, known), None if now is None else _shares(now, known)
    most = reference if current is None else np.maximum(reference, current)
    shown = sorted(np.argsort(-most[:known], kind="stable")[:NAMED].tolist())
    rest = [at for at in range(known) if at not in set(shown)]

    def picked(shares: FloatArray) -> FloatArray:
        more = [shares[rest].sum()] if rest else []
        return np.array([*shares[shown], *more, shares[known]])

    more = [f"{len(rest)} more"] if rest else []
    return Picture(
        name,
        numeric=False,
        edges=None,
        names=(*(categories[at] for at in shown), *more, RARE),
        reference=picked(reference),
        current=None if current is None else picked(current),
        before=_side(before, int(before[known]), int(before[known + 1]), 0),
        now=None if now is None else _side(now, int(now[known]), int(now[known + 1]), 0),
        quantiles=(),
    )


def _shares(counts: IntArray, known: int) -> FloatArray:
    """Shares of the values: of each category, and of the others."""
    values = counts[: known + 1].astype(np.float64)
    found: FloatArray = values / max(float(values.sum()), 1.0)
    return found
