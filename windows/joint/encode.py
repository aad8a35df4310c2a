"""Rows as whole numbers: each column on a scale of its own, in 1/1024, so that sums of products are exact in floats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.sketches.edges import single_valued
from windows.sketches.profiles import NumericProfile, slots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import FloatArray, IntArray
    from windows.sketches.profiles import CategoricalProfile, Profile

UNIT = 1024.0
"""A deviation of 1 is so many steps."""
FARTHEST = 63.0
"""Deviations beyond it are it."""


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """What of a row enters, in d columns: numeric ones first, then categorical ones.

    Attributes:
        numeric: places of the d1 numeric columns among the layout's.
        centers: float64[d1].
        scales: float64[d1], > 0.
        categorical: places of the d2 categorical columns among the layout's.
        tables: of each the step that every slot of its field stands for, float64; 0 for missing.
    """

    numeric: tuple[int, ...]
    centers: FloatArray
    scales: FloatArray
    categorical: tuple[int, ...]
    tables: tuple[FloatArray, ...]

    @property
    def width(self) -> int:
        """D."""
        return len(self.numeric) + len(self.categorical)

    def __call__(self, numeric: FloatArray, categorical: IntArray) -> FloatArray:
        """The rows in steps: whole numbers up to 64,512 either way, float64[d, n]; what is missing is 0.

        Args:
            numeric: float64[F, n], NaN where missing.
            categorical: int64[C, n], slot within its field.
        """
        count = numeric.shape[1] if len(numeric) else categorical.shape[1]
        steps = np.empty((self.width, count))
        if self.numeric:
            away = steps[: len(self.numeric)]
            with np.errstate(over="ignore", invalid="ignore"):
                np.subtract(numeric[list(self.numeric)], self.centers[:, None], out=away)
                away /= self.scales[:, None]
            away *= UNIT
            np.clip(away, -FARTHEST * UNIT, FARTHEST * UNIT, out=away)
            np.rint(away, out=away)
            np.copyto(away, 0.0, where=np.isnan(away))
        for at, (place, table) in enumerate(zip(self.categorical, self.tables, strict=True), len(self.numeric)):
            np.take(table, categorical[place], out=steps[at])
        return steps


def encoding_of(profiles: Sequence[Profile]) -> tuple[Encoding, tuple[int, ...]]:
    """The encoding of the features with these profiles, without those that are constant.

    Returns:
        the encoding, and for each of its columns which profile it is of.
    """
    numeric = [at for at, profile in enumerate(profiles) if isinstance(profile, NumericProfile)]
    categorical = [at for at in range(len(profiles)) if at not in set(numeric)]
    used = [at for at in numeric if not _constant(profiles[at])]
    tables = {at: _table(profiles[at]) for at in categorical}  # type: ignore[arg-type]
    told = [at for at in categorical if tables[at].any()]
    encoding = Encoding(
        numeric=tuple(numeric.index(at) for at in used),
        centers=np.array([profiles[at].center for at in used], dtype=np.float64),  # type: ignore[union-attr]
        scales=np.array([profiles[at].scale for at in used], dtype=np.float64),  # type: ignore[union-attr]
        categorical=tuple(categorical.index(at) for at in told),
        tables=tuple(tables[at] for at in told),
    )
    return encoding, (*used, *told)


def _constant(profile: Profile) -> bool:
    if not isinstance(profile, NumericProfile):
        return False
    return len(profile.counts) == 1 and bool(single_valued(profile.edges)[0])


def _table(profile: CategoricalProfile) -> FloatArray:
    """The steps of the slots of a field: the middle of each category's range when all are put side by side by share.

    So categories of equal shares are told apart, too (Bross, "How to use ridit analysis", Biometrics 14, 1958); mean 0
    and deviation 1 over the reference. All 0 where there is but one category.
    """
    counts = slots(profile)[:-2].astype(np.float64)
    table = np.zeros(len(counts) + 2)
    total = counts.sum()
    if total == 0 or (counts > 0).sum() < 2:
        return table
    share = counts / total
    middle = np.cumsum(share) - share / 2
    mean = (share * middle).sum()
    spread = np.sqrt((share * (middle - mean) ** 2).sum())
    table[:-2] = np.rint(np.clip((middle - mean) / spread, -FARTHEST, FARTHEST) * UNIT)
    return table
