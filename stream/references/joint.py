"""What is normal of a reference's features together, learnt from a sample of the rows in a pass of its own."""

from dataclasses import dataclass, replace

import numpy as np

from stream.references.count import CategorySlots
from stream.references.frames import Frame, frames
from stream.references.plan import Plan
from stream.references.sample import RowSample
from stream.references.season_tally import RowClock
from stream.rows.columns import Rows
from windows.arrays import FloatArray, IntArray
from windows.joint.fit import FEWEST_ROWS, fit
from windows.references.reference import Reference
from windows.sketches.profiles import CategoricalProfile, NumericProfile

CLASS = "\x00class"
"""The name of the class of hours among the columns of the sample; no feature can have it."""


@dataclass(frozen=True, slots=True)
class Together:
    """A reference that knows its features together, and what to say of that."""

    reference: Reference
    notes: tuple[str, ...]


def with_joint(rows: Rows, plan: Plan, bare: Reference, clock: RowClock | None) -> Together:
    """The reference with what its features say of each other; as it was where that is not asked for or cannot be.

    With the clock of a season, of rows within classes of hours; rows without a time have none and are left out.
    """
    asked = plan.joint
    if asked is None:
        return Together(bare, ())
    numeric = [name for name, profile in bare.features.items() if isinstance(profile, NumericProfile)]
    named = {
        name: CategorySlots(list(profile.categories))
        for name, profile in bare.features.items()
        if isinstance(profile, CategoricalProfile)
    }
    sample = RowSample([*numeric, *named, *([] if clock is None else [CLASS])])
    for frame in frames(rows, plan):
        columns = [frame.numeric[name] for name in numeric]
        columns += [slots(frame.categorical[name]).astype(np.float64) for name, slots in named.items()]
        sample.add(_timed(np.stack(columns), frame, clock))
    matrix = sample.matrix()
    order = np.random.Generator(np.random.PCG64(20_240_229)).permutation(matrix.shape[1])
    matrix = matrix[:, order]
    cut = len(numeric)
    hours = _hours(matrix, bare, clock)
    both = matrix[:cut], matrix[cut : cut + len(named)].astype(np.int64)
    joint = fit(bare.features, *both, asked.method, asked.quantile, hours)
    if joint is None:
        few = f"{FEWEST_ROWS} rows and two features that vary are needed"
        return Together(bare, (f"features are not watched together: {few}",))
    within = "" if clock is None else " within classes of hours"
    how = f"({asked.method}){within}, learnt from {len(order):,} rows"
    note = f"{joint.width} features are told from each other {how}"
    return Together(replace(bare, joint=joint), (note,))


def _timed(columns: FloatArray, frame: Frame, clock: RowClock | None) -> FloatArray:
    """The columns and, below them, the class of hours of each row, of the rows that have a time."""
    if clock is None:
        return columns
    times, timed = frame.times if frame.times is not None else (np.zeros(0), np.zeros(frame.rows, dtype=np.bool_))
    if not timed.any():
        return np.empty((len(columns) + 1, 0))
    return np.vstack([columns[:, timed], clock.classes(frame, times[timed].astype(np.int64), timed)])


def _hours(matrix: FloatArray, bare: Reference, clock: RowClock | None) -> tuple[IntArray, int] | None:
    """The class of each sampled row, and how many there are."""
    if clock is None or bare.seasons is None:
        return None
    return matrix[-1].astype(np.int64), len(bare.seasons.classes)
