"""A comparison from its files to its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np

from stream.compare.losses import HEADLINE, Task, gains
from stream.compare.rows import LABEL, side_by_side
from stream.compare.verdict import WHOLE, Comparison
from stream.errors import UsageError
from stream.rows.arrays import categories, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from stream.compare.rows import Side
    from windows.arrays import BoolArray, FloatArray, IntArray

MOST_SEGMENTS = 200
"""Segments that are told apart; further ones are not looked at by themselves, which is said."""


def compare(
    champion: Side,
    candidate: Side,
    task: Task,
    *,
    metric: str | None = None,
    segments: Sequence[str] = (),
    threshold: float = 0.5,
    margin: float = 0.0,
) -> Comparison:
    """Compare two models on the same rows; those without a label, or a prediction of either, are left out.

    Raises:
        UsageError: the files cannot be compared, no row can, or the task has no such metric.
    """
    if task not in get_args(Task):
        raise UsageError(f"--task {task}: allowed are {', '.join(get_args(Task))}")
    found = Comparison(metric or HEADLINE[task], margin)
    names: dict[str, float] = {}
    for batch in side_by_side(champion, candidate, segments):
        old, new, label = (_values(batch[name], task, names) for name in ("champion", "candidate", LABEL))
        known = ~(np.isnan(old) | np.isnan(new) | np.isnan(label))
        groups = _groups(batch, segments, known, found)
        for name, gain in gains(task, threshold, old, new, label).items():
            found.add(name, gain, groups)
    metrics = sorted({name for _, name in found.groups})
    if not metrics or not found.groups[WHOLE, metrics[0]].rows:
        raise UsageError(f"{champion.rows.path}: no row has a label and both predictions")
    if found.headline not in metrics:
        raise UsageError(f"--metric {found.headline}: allowed are {', '.join(metrics)}")
    return found


def _values(column: pa.Array, task: Task, names: dict[str, float]) -> FloatArray:
    """Numbers; of classes a code for each name, the same in all columns."""
    if task != "multiclass":
        return numbers(column)
    codes, found = categories(column)
    table = np.array([*(names.setdefault(name, float(len(names))) for name in found), np.nan])
    coded: FloatArray = table[codes]  # -1 is the last
    return coded


def _groups(
    batch: dict[str, pa.Array], segments: Sequence[str], known: BoolArray, found: Comparison
) -> dict[str, IntArray]:
    """The rows of the whole and of each segment that is told apart."""
    groups: dict[str, IntArray] = {WHOLE: np.flatnonzero(known)}
    seen = {segment for segment, _ in found.groups}
    for key in segments:
        codes, names = categories(batch[key])
        for code, name in enumerate(names):
            segment = f"{key}={name}"
            if segment in seen or len(seen) < MOST_SEGMENTS:
                seen.add(segment)
                groups[segment] = np.flatnonzero(known & (codes == code))
    return groups
