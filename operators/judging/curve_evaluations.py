"""Curves as rows for the evaluations topic. `feature` says which point of the curve a row is."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from operators.judging.evaluations import Evaluation
from operators.tables import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.cohorts.curves import Curves
    from operators.judging.evaluations import WindowRow
    from windows.arrays import FloatArray, IntArray


def curves_rows(model: str, span: WindowRow, curves: Curves) -> Iterator[Evaluation]:
    """The rows: label_coverage by score, reliability, precision_at and recall_at a threshold, confusion."""
    make = _Rows(model, curves.version, span)
    coverage = curves.coverage
    yield from make(
        "label_coverage",
        coverage.names,
        coverage.ratio,
        coverage.predictions,
        bounds=(coverage.lower, coverage.upper),
        reason="share of the predictions in this range of scores that have a label",
    )
    reliable = curves.reliability
    if reliable is not None:
        names = tuple(f"[{low:g}, {high:g})" for low, high in pairwise(reliable.edges.tolist()))
        yield from make(
            "reliability",
            names,
            reliable.positive_ratio,
            reliable.count,
            bounds=(reliable.lower, reliable.upper),
            baseline=reliable.mean_score,
            reason="share that was right, beside the mean score that promised it (baseline)",
        )
    points = curves.precision_recall
    if points is not None:
        names = tuple(f"{one:g}" for one in points.threshold.tolist())
        count = np.full(len(names), int(coverage.labelled.sum()), dtype=np.int64)
        yield from make("precision_at", names, points.precision, count, reason="precision at this threshold")
        yield from make("recall_at", names, points.recall, count, reason="recall at this threshold")
    matrix = curves.confusion
    if matrix is not None:
        names = tuple(f"{label} predicted as {other}" for label in matrix.classes for other in matrix.classes)
        cells = matrix.counts.ravel()
        count = np.full(len(names), int(cells.sum()), dtype=np.int64)
        yield from make("confusion", names, cells.astype(np.float64), count, reason="predictions with this label")


class _Rows:
    """Rows of one version over one window."""

    def __init__(self, model: str, version: str, span: WindowRow) -> None:
        self.model, self.version, self.span = model, version, span

    def __call__(
        self,
        metric: str,
        names: tuple[str, ...],
        values: FloatArray,
        samples: IntArray,
        *,
        reason: str,
        bounds: tuple[FloatArray, FloatArray] | None = None,
        baseline: FloatArray | None = None,
    ) -> Iterator[Evaluation]:
        none = np.full(len(names), np.nan)
        lower, upper = (
            (none, none) if bounds is None else (np.minimum(bounds[0], values), np.maximum(bounds[1], values))
        )
        columns = (values, lower, upper, none if baseline is None else baseline)
        for at, name in enumerate(names):
            value, low, high, base = (_number(column[at]) for column in columns)
            if value is None:
                continue
            yield Evaluation(
                model=self.model,
                version=self.version,
                segment="",
                kind=str(Kind.PERFORMANCE),
                feature=name,
                metric=metric,
                window=self.span,
                value=value,
                lower=low,
                upper=high,
                threshold=None,
                samples=int(samples[at]),
                reference_samples=0,
                status="ok",
                reason=reason,
                baseline=base,
            )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
