"""What a ranked list and the clicks on it come to: NDCG, reciprocal rank, clicks and places shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from windows.values import id_of, ids_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from windows.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class ListFigures:
    """Figures of n lists; 0 where a list is not usable.

    Items are compared by `id_of`: 1017, "1017" and "1017.0" are one. A clicked item counts once, at its first place;
    clicks on items that are not in the list count for nothing but `unlisted`. NDCG and reciprocal rank of a list
    without clicks are 0, as in scikit-learn's ndcg_score.

    Attributes:
        usable: bool[n]: there is a label, and a list with at least one item.
        ndcg: float64[n], NDCG@k with relevance 1 for a clicked item (Jarvelin and Kekalainen, 2002).
        reciprocal: float64[n], one over the place of the first clicked item, wherever it is.
        shown: float64[n], places within k.
        clicks: float64[n], clicked items within k.
        clicked: float64[n], clicked items wherever they are.
        unlisted: float64[n], those of them that are not in the list.
    """

    usable: BoolArray
    ndcg: FloatArray
    reciprocal: FloatArray
    shown: FloatArray
    clicks: FloatArray
    clicked: FloatArray
    unlisted: FloatArray


def list_figures(
    ranked: Sequence[Sequence[Any] | None] | None, clicked: Sequence[Sequence[Any] | None], k: int
) -> ListFigures:
    """The figures of each row.

    Args:
        ranked: item ids in ranked order, best first.
        clicked: item ids in any order; None: no label.
        k: places that count.
    """
    n = len(clicked)
    if ranked is None:
        nothing = np.zeros(n)
        return ListFigures(np.zeros(n, dtype=bool), nothing, nothing, nothing, nothing, nothing, nothing)
    usable = np.fromiter(
        (bool(items) and hits is not None for items, hits in zip(ranked, clicked, strict=True)), bool, count=n
    )
    shown = np.fromiter((0 if items is None else min(len(items), k) for items in ranked), np.float64, count=n)
    rows, places, all_clicked = _hits(ranked, clicked)
    first = np.full(n, np.inf)
    np.minimum.at(first, rows, places)
    within = places < k
    rows_within = rows[within]
    relevant = np.bincount(rows, minlength=n)
    gains = np.bincount(rows_within, 1 / np.log2(places[within] + 2.0), minlength=n)
    most = min(int(relevant.max(initial=0)), k)
    ideal = np.concatenate(([1.0], np.cumsum(1 / np.log2(np.arange(most) + 2.0))))
    return ListFigures(
        usable=usable,
        ndcg=gains / ideal[np.minimum(relevant, k)],
        reciprocal=1 / (first + 1),
        shown=np.where(usable, shown, 0.0),
        clicks=np.bincount(rows_within, minlength=n).astype(np.float64),
        clicked=all_clicked,
        unlisted=all_clicked - relevant,
    )


def _hits(
    ranked: Sequence[Sequence[Any] | None], clicked: Sequence[Sequence[Any] | None]
) -> tuple[IntArray, IntArray, FloatArray]:
    """Row and place (from 0) of every clicked item that is in its list, each once; and clicked items of each row."""
    rows: list[int] = []
    places: list[int] = []
    counts = np.zeros(len(clicked))
    for row, (items, hits) in enumerate(zip(ranked, clicked, strict=True)):
        if not hits or not items:
            continue
        named = ids_of([item if type(item) is str else id_of(item) for item in items])
        wanted = set(ids_of([hit if type(hit) is str else id_of(hit) for hit in hits]))
        found = {named.index(hit) for hit in wanted if hit in named}
        counts[row] = len(wanted)
        rows.extend([row] * len(found))
        places.extend(found)
    return np.array(rows, dtype=np.int64), np.array(places, dtype=np.int64), counts
