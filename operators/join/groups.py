"""Groups: which sketches a prediction is counted in: one for each segment it belongs to, by version and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.plans.join import Family
    from windows.arrays import IntArray

GroupKey = tuple[int, int, str, str]
"""(known tick, cohort, version, segment)."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """n rows, each once for every family.

    Attributes:
        rows: int64[n * families], which row.
        groups: int64[n * families], index into `keys`.
        keys: the groups that occur.
    """

    rows: IntArray
    groups: IntArray
    keys: list[GroupKey]


def grouped(
    families: Sequence[Family],
    known: IntArray,
    cohort: IntArray,
    versions: Sequence[str],
    version: IntArray,
    segments: IntArray,
) -> Grouped:
    """Group rows.

    Args:
        families: kinds of segments.
        known: int64[n], known tick of each row.
        cohort: int64[n], cohort of each row.
        versions: names.
        version: int64[n], index into `versions`.
        segments: int64[S, n], index of the value of each segment key.
    """
    count = len(known)
    heads, moment = heads_of(known, cohort, versions, version)
    keys: list[GroupKey] = []
    groups = np.empty((len(families), count), dtype=np.int64)
    for at, family in enumerate(families):
        code = np.zeros(count, dtype=np.int64)
        for key, known_values in zip(family.keys, family.known, strict=True):
            code = code * (known_values + 1) + np.minimum(segments[key], known_values)
        found, inverse = np.unique(moment * len(family.names) + code, return_inverse=True)
        groups[at] = inverse.ravel() + len(keys)
        keys += [(*heads[one // len(family.names)], family.names[one % len(family.names)]) for one in found.tolist()]
    return Grouped(np.tile(np.arange(count), len(families)), groups.ravel(), keys)


def heads_of(
    known: IntArray, cohort: IntArray, versions: Sequence[str], version: IntArray
) -> tuple[list[tuple[int, int, str]], IntArray]:
    """The (known tick, cohort, version) that occur, and which each row has: int64[n]."""
    if not len(known):
        return [], np.empty(0, dtype=np.int64)
    # Positions among the values that occur, not the values: their product may not fit 64 bits.
    ticks, tick = np.unique(known, return_inverse=True)
    cohorts, which = np.unique(cohort, return_inverse=True)
    code = (tick.ravel() * len(cohorts) + which.ravel()) * len(versions) + version
    found, inverse = np.unique(code, return_inverse=True)
    heads = []
    for one in found.tolist():
        rest, name = divmod(one, len(versions))
        at, made = divmod(rest, len(cohorts))
        heads.append((int(ticks[at]), int(cohorts[made]), versions[name]))
    return heads, inverse.ravel()
