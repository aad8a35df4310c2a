"""A batch of predictions of one model as columns: what decoding yields and folding takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windows.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Columns:
    """n predictions of one model, already checked.

    Attributes:
        panes: int64[n], pane index of each prediction.
        versions: names of the versions in the batch.
        version: int64[n], index into `versions`.
        numeric: float64[F, n], the layout's numeric columns (prediction last, if numeric); NaN where missing.
        categorical: int64[C, n], slot within its field of each of the layout's categorical columns.
        segments: int64[S, n], index of the value of each segment key.
        latency: float64[n], ms, NaN where missing.
        failed: bool[n], predictions that carry an error; None when there are none.
        probabilities: float64[n, K], class scores in the order of the prediction's categories, NaN where not given;
            None when no prediction of the batch lists any.
        forbidden: int64[V, n], how each value of the layout's `allowed` misses what may be (0: it does not); None where
            nothing is told apart.
        bare: bool[n], predictions whose features nobody knows: a response without its request; None when there are
            none. They count in no feature and no segment.
        usage: int64[4, n], what each prediction used (see `windows.usage`); None where nobody asks.
    """

    panes: IntArray
    versions: tuple[str, ...]
    version: IntArray
    numeric: FloatArray
    categorical: IntArray
    segments: IntArray
    latency: FloatArray
    failed: BoolArray | None
    probabilities: FloatArray | None = None
    forbidden: IntArray | None = None
    usage: IntArray | None = None
    bare: BoolArray | None = None

    def at(self, rows: BoolArray | IntArray) -> Columns:
        """The predictions at `rows`: bool[n], or positions."""
        failed = None if self.failed is None else self.failed[rows]
        return Columns(
            panes=self.panes[rows],
            versions=self.versions,
            version=self.version[rows],
            numeric=self.numeric[:, rows],
            categorical=self.categorical[:, rows],
            segments=self.segments[:, rows],
            latency=self.latency[rows],
            failed=failed if failed is not None and failed.any() else None,
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            forbidden=None if self.forbidden is None else self.forbidden[:, rows],
            usage=None if self.usage is None else self.usage[:, rows],
            bare=None if self.bare is None else self.bare[rows],
        )
