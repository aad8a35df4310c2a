"""Measure performance without labels: the counts of an estimator's cells become tables of estimated metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from operators.tables import Kind, Table
from windows.estimates.estimate import Estimates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.arrays import FloatArray, IntArray
    from windows.predictions.layout import EstimateSpan
    from windows.ring import Key


class MeasureEstimates:
    """The estimated metrics of one model's windows. Segments are calibrated as the whole is."""

    def __init__(self, span: EstimateSpan, alpha: float) -> None:
        """Calibrate once; `alpha` is the level of each bound."""
        self.span = span
        self.alpha = alpha
        self.estimates = Estimates(span.estimator)

    def __call__(self, groups: Sequence[Key], vectors: Sequence[IntArray], factor: FloatArray) -> list[Table]:
        """One table a metric, of G groups and the one column "".

        Args:
            groups: G (version, segment) pairs.
            vectors: G vectors of the layout.
            factor: float64[G], overdispersion of the predictions; infinite while it is not known.
        """
        counts = np.stack([vector[self.span.start : self.span.stop] for vector in vectors])
        samples = self.estimates.samples(counts)[:, None]
        labelled = np.full(samples.shape, self.estimates.labelled, dtype=np.int64)
        return [
            Table(
                Kind.ESTIMATE,
                metric,
                tuple(groups),
                ("",),
                found.value[:, None],
                found.lower[:, None],
                found.upper[:, None],
                samples,
                np.full(samples.shape, found.baseline),
                labelled,
            )
            for metric, found in self.estimates(counts, factor, self.alpha).items()
        ]
