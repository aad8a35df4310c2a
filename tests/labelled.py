"""Labelled traffic as cohort ticks: rows of predictions with their labels, folded by when each became known."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from operators.join.ticks import NEVER, CohortTick, LabelTotals
from windows.outcomes.fold import Outcomes, fold_outcomes, fold_predictions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from windows.outcomes.layout import TaskLayout


@dataclass(frozen=True)
class Rows:
    """n predictions; `known` is when the label came (ms), -1 for never. Lists are for ranking."""

    at: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    label: npt.NDArray[np.float64]
    known: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    version: tuple[str, ...]
    segment: tuple[str, ...]
    ranked: Sequence[Sequence[str]] | None = None
    clicked: Sequence[Sequence[str]] | None = None

    def __len__(self) -> int:
        return len(self.at)


def rows(
    at: npt.ArrayLike,
    score: npt.ArrayLike,
    label: npt.ArrayLike,
    delay: npt.ArrayLike = 0,
    *,
    value: npt.ArrayLike = np.nan,
    version: str | Sequence[str] = "1",
    segment: str | Sequence[str] = "",
) -> Rows:
    """Rows of columns or constants; `delay` is from prediction to label in ms, -1 for never."""
    at = np.asarray(at, dtype=np.int64)
    count = len(at)
    wide = [np.broadcast_to(np.asarray(one, dtype=np.float64), count) for one in (score, label, value)]
    late = np.broadcast_to(np.asarray(delay, dtype=np.int64), count)
    names = [(one,) * count if isinstance(one, str) else tuple(one) for one in (version, segment)]
    return Rows(at, wide[0], wide[1], np.where(late < 0, -1, at + late), wide[2], names[0], names[1])


def joined(*parts: Rows) -> Rows:
    """All rows together."""
    columns = {
        name: np.concatenate([getattr(one, name) for one in parts])
        for name in ("at", "score", "label", "known", "value")
    }
    names = {name: sum((getattr(one, name) for one in parts), start=()) for name in ("version", "segment")}
    lists = {
        name: None if parts[0].ranked is None else [item for one in parts for item in getattr(one, name)]
        for name in ("ranked", "clicked")
    }
    return Rows(**columns, **names, **lists)


def ticks(layout: TaskLayout, tick: int, given: Rows, *, until: int | None = None) -> Iterator[CohortTick]:
    """A tick of each `tick` ms from the first prediction to the last label (or `until`).

    A row counts in the whole of its version, and in its segment if it has one.
    """
    first = int(given.at.min()) // tick
    last = max(int(given.at.max()), int(given.known.max()) if len(given) else 0) // tick
    last = last if until is None else -(-until // tick) - 1
    served = _folded(layout, tick, given, given.at // tick, labelled=False)
    known = given.known >= 0
    labelled = _folded(layout, tick, pick(given, known), given.known[known] // tick, labelled=True)
    totals = LabelTotals()
    newest_label = newest = NEVER
    times = np.sort(given.known[known])
    for at in range(first, last + 1):
        deltas: dict = {}
        for key, vector in [*served.get(at, {}).items(), *labelled.get(at, {}).items()]:
            deltas[key] = deltas[key] + vector if key in deltas else vector
        here = given.at[given.at // tick == at]
        newest = max(newest, int(here.max(initial=NEVER)))
        upto = int(np.searchsorted(times, (at + 1) * tick))
        newest_label = int(times[upto - 1]) if upto else NEVER
        totals = replace(totals, feedback={"explicit": upto} if upto else {}, matched=upto)
        yield CohortTick((at + 1) * tick, deltas, totals, newest_label, newest, ended=False)


def pick(given: Rows, mask: npt.NDArray[np.bool_]) -> Rows:
    """The rows where the mask is true."""
    return pick_rows(given, np.flatnonzero(mask))


def _folded(
    layout: TaskLayout, tick: int, given: Rows, moments: npt.NDArray[np.int64], *, labelled: bool
) -> dict[int, dict]:
    """Tick -> cohort key -> vector."""
    if not len(given):
        return {}
    versions, version = np.unique(np.array(given.version), return_inverse=True)
    segments, segment = np.unique(np.array(given.segment), return_inverse=True)
    named = np.flatnonzero(np.array([bool(one) for one in segments])[segment])
    places = np.concatenate((np.arange(len(given)), named))
    names = np.concatenate((np.full(len(given), -1), segment[named]))
    heads = np.stack((moments[places], (given.at // tick)[places], version[places], names))
    keys, groups = np.unique(heads, axis=1, return_inverse=True)
    part, count, groups = pick_rows(given, places), keys.shape[1], groups.ravel().astype(np.int64)
    if labelled:
        outcomes = Outcomes(
            score=part.score,
            probabilities=None,
            ranked=part.ranked,
            label=part.label,
            clicked=part.clicked,
            value=part.value,
            delay=part.known - part.at,
            sign=np.ones(len(part), dtype=np.int64),
        )
        vectors = fold_outcomes(layout, outcomes, groups, count)
    else:
        vectors = fold_predictions(layout, part.score, groups, count)
    found: dict[int, dict] = defaultdict(dict)
    for (moment, cohort, which, where), vector in zip(keys.T.tolist(), vectors, strict=True):
        found[moment][cohort, str(versions[which]), "" if where < 0 else str(segments[where])] = vector
    return found


def pick_rows(given: Rows, at: npt.NDArray[np.int64]) -> Rows:
    """The rows at these places, in this order; a place may come twice."""
    lists = {
        name: None if getattr(given, name) is None else [getattr(given, name)[i] for i in at.tolist()]
        for name in ("ranked", "clicked")
    }
    return Rows(
        given.at[at],
        given.score[at],
        given.label[at],
        given.known[at],
        given.value[at],
        tuple(np.array(given.version)[at].tolist()),
        tuple(np.array(given.segment)[at].tolist()),
        **lists,
    )
