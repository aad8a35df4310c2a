"""Early: labels that were said before the predictions they are about, by more than labels wait.

Nobody can tell what became of a prediction before it is made, so the clocks of the two sides are apart, and mostly by a
time zone. That is told to people, and nothing is counted by it: which of these labels are met depends on what is read
first, and only some are remembered. Those are part of the state, so that a crash does not change what is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.join.stub import times_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operators.join.store import Bucket, JoinStore
    from operators.join.ticks import LabelTotals
    from operators.plans.join import JoinPlan
    from windows.arrays import IntArray

MOST_LEFT = 64
"""Labels of a shard and model that are remembered once they have waited in vain."""

ENOUGH = 1_024
"""Labels without a prediction that say as much as any more would."""

LOOKED_UP = 16
"""Of labels that have waited in vain together, so many are looked up once more."""

STEP = 1_800_000
"""What differences are rounded to, ms: offsets of time zones are whole, half and quarter hours."""

FURTHEST = 28
"""The largest difference that clocks have, in such steps: fourteen hours."""

LEAST = 0.1
"""Share of the labels without a prediction that must be early for people to be told that clocks are apart."""


class Early:
    """Looks for a model's predictions of labels that waited in vain.

    `left`, of both methods, is what a shard remembers of such labels: key -> when it was said, ms.
    """

    def __init__(self, plan: JoinPlan, store: JoinStore) -> None:
        self._plan = plan
        self._store = store

    def leave(self, gone: Mapping[bytes, int], left: dict[bytes, int], totals: LabelTotals) -> None:
        """Labels of these times (ms) waited in vain: their predictions may have come before them, or come later."""
        some = list(gone)[:LOOKED_UP]
        if not some:
            return
        stubs = self._store.stubs(some, self._buckets([gone[key] for key in some]))
        for key, stub in zip(some, stubs, strict=True):
            if stub is not None:
                note(totals, gone[key], times_of(stub)[0])
        newest = max(gone.values())
        if len(left) >= MOST_LEFT:  # those that no prediction can explain any more make room
            for key in [key for key, at in left.items() if at <= newest - FURTHEST * STEP]:
                del left[key]
        new = [key for key, stub in zip(some, stubs, strict=True) if stub is None] + list(gone)[LOOKED_UP:]
        left.update((key, gone[key]) for key in new[: MOST_LEFT - len(left)])

    def come(self, keys: Sequence[bytes], times: IntArray, left: dict[bytes, int], totals: LabelTotals) -> None:
        """Predictions made at `times` (ms) came: some may be those that labels waited for."""
        if not left or left.keys().isdisjoint(keys):
            return
        for row, key in enumerate(keys):
            at = left.pop(key, None)
            if at is not None:
                note(totals, at, int(times[row]))

    def _buckets(self, times: Sequence[int]) -> list[Bucket]:
        """Where stubs are of predictions that were made after these times, by as much as clocks are apart."""
        first, last = min(times) + self._plan.keep, max(times) + self._plan.keep + FURTHEST * STEP
        span = self._plan.span
        return [(span, index) for index in range(last // span, first // span - 1, -1)]


def note(totals: LabelTotals, said: int, made: int) -> None:
    """A label of `said` is about a prediction of `made` (ms), and too early for it."""
    step = round((made - said) / STEP)
    if 1 <= step <= FURTHEST:
        totals.early[step] = totals.early.get(step, 0) + 1


def hours_apart(totals: LabelTotals) -> float | None:
    """By how many hours labels are mostly earlier than their predictions; None where hardly any that is left is so."""
    count = sum(totals.early.values())
    if not count or count < min(ENOUGH, sum(totals.unmatched.values()) + totals.waiting) * LEAST:
        return None
    step = max(totals.early, key=lambda one: (totals.early[one], one))
    return step * STEP / 3_600_000
