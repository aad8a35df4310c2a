"""Rows of outcomes for tests: drawn as a model would have made them, or as badly as can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from windows.outcomes.fold import Outcomes
from windows.outcomes.layout import TaskOptions, task_layout
from windows.sketches.edges import coarse_bins, fine_edges
from windows.sketches.profiles import NumericProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.outcomes.layout import TaskLayout

NAN = float("nan")
ITEMS = [f"item-{number}" for number in range(30)]


def profile_of(values: np.ndarray) -> NumericProfile:
    """The profile a reference would hold of these values."""
    edges = fine_edges(values, float(values.min()), float(values.max()))
    counts = np.histogram(values, edges)[0].astype(np.int64)
    return NumericProfile(
        edges, counts, coarse_bins(counts), 0, 0, float(values.mean()), max(float(values.std()), 1e-9), None
    )


def layouts() -> dict[str, TaskLayout]:
    """A layout of every task, with and without a reference."""
    rng = np.random.default_rng(0)
    return {
        "binary": task_layout(TaskOptions("binary", threshold=0.37), profile_of(rng.beta(1, 3, 20_000))),
        "binary without reference": task_layout(TaskOptions("binary"), None),
        "multiclass": task_layout(TaskOptions("multiclass", classes=("a", "b", "c")), None),
        "regression": task_layout(TaskOptions("regression", tolerance=1.5), profile_of(rng.normal(50, 7, 20_000))),
        "regression without reference": task_layout(TaskOptions("regression", tolerance=0.5), None),
        "ranking": task_layout(TaskOptions("ranking", k=3), None),
    }


@dataclass(frozen=True)
class Row:
    """One joined prediction."""

    score: float = NAN
    probabilities: tuple[float, ...] | None = None
    ranked: Sequence[Any] | None = None
    label: float = NAN
    clicked: Sequence[Any] | None = None
    value: float = NAN
    delay: int = 0
    sign: int = 1
    group: int = 0


def outcomes_of(rows: Sequence[Row], classes: int = 0) -> Outcomes:
    """The columns of some rows; class scores if there are classes, lists if there are none and any row has one."""
    lists = any(row.ranked is not None or row.clicked is not None for row in rows)
    absent = (NAN,) * classes
    return Outcomes(
        score=np.array([row.score for row in rows], dtype=np.float64),
        probabilities=np.array([row.probabilities or absent for row in rows]).reshape(len(rows), classes)
        if classes
        else None,
        ranked=[row.ranked for row in rows] if lists else None,
        label=np.array([row.label for row in rows], dtype=np.float64),
        clicked=[row.clicked for row in rows] if lists else None,
        value=np.array([row.value for row in rows], dtype=np.float64),
        delay=np.array([row.delay for row in rows], dtype=np.int64),
        sign=np.array([row.sign for row in rows], dtype=np.int64),
    )


def groups_of(rows: Sequence[Row]) -> np.ndarray:
    """The group of each row."""
    return np.array([row.group for row in rows], dtype=np.int64)


ANY_NUMBER = st.floats() | st.sampled_from([0.0, 1.0, 0.5, NAN])
VALUE = st.just(NAN) | st.floats(-1e9, 1e9) | st.sampled_from([np.inf, -np.inf, 1e300])
SCORE = st.floats(0, 1) | st.sampled_from([0.0, 1.0, 0.37, 0.5, -0.1, 1.1, NAN, np.inf, -np.inf])
LIST = st.none() | st.lists(st.sampled_from(ITEMS), max_size=6)
COMMON = {
    "value": VALUE,
    "delay": st.integers(0, 10**11),
    "sign": st.sampled_from([1, 1, 1, -1]),
    "group": st.integers(0, 2),
}


def any_row(task: str) -> st.SearchStrategy[Row]:
    """Rows of a task, broken ones included."""
    if task == "binary":
        return st.builds(Row, score=SCORE, label=st.sampled_from([0.0, 1.0, NAN, 0.5, np.inf]), **COMMON)
    if task == "multiclass":
        code = st.sampled_from([0.0, 1.0, 2.0, 3.0, 7.0, -1.0, NAN, np.inf])
        scores = st.none() | st.tuples(*[SCORE] * 3)
        return st.builds(Row, score=code, label=code, probabilities=scores, **COMMON)
    if task == "regression":
        return st.builds(Row, score=ANY_NUMBER, label=ANY_NUMBER, **COMMON)
    return st.builds(Row, ranked=LIST, clicked=LIST, **COMMON)
