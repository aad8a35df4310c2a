"""Labelled rows of simulated models, and references built on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from scipy.special import expit, softmax

from stream.references.build import Built, build
from stream.references.plan import BuildOptions
from stream.rows.columns import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from windows.arrays import FloatArray
    from windows.outcomes.layout import Task

CLASSES = 3


class Given:
    """Columns in memory as rows that a build reads, in batches."""

    path = Path("rows")

    def __init__(self, columns: Mapping[str, Any], batches: int = 1) -> None:
        arrays = {name: _array(values) for name, values in columns.items()}
        self._batch = pa.record_batch(arrays)
        self._batches = batches
        self.columns = tuple(Column(name, _kind(array)) for name, array in arrays.items())

    def batches(self, names: Sequence[str]) -> Iterator[tuple[Any, float]]:
        """The named columns."""
        rows = self._batch.num_rows
        for at in range(self._batches):
            begin, end = rows * at // self._batches, rows * (at + 1) // self._batches
            yield self._batch.select(list(names)).slice(begin, end - begin), end / rows


def _array(values: Any) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    return pa.array(list(values) if np.ndim(values) > 1 else values)


def _kind(array: pa.Array) -> Any:
    if pa.types.is_list(array.type):
        return "list"
    return "category" if pa.types.is_string(array.type) or pa.types.is_boolean(array.type) else "number"


def binary_rows(n: int, seed: int = 0, shift: float = 0.0, bend: float = 1.0) -> dict[str, Any]:
    """A score whose logit is `bend` times that of the true probability `p`; a shift moves the features only."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) + np.array([shift, 0.0, 0.0])
    z = 1.2 * x[:, 0] + 0.8 * x[:, 1] - 0.4
    p = expit(z)
    country = rng.choice(["de", "fr"], n)
    features = {"x0": x[:, 0], "x1": x[:, 1], "x2": x[:, 2], "country": country}
    return {**features, "prediction": expit(bend * z), "label": (rng.random(n) < p).astype(np.int64), "p": p}


def multiclass_rows(n: int, seed: int = 0, shift: float = 0.0, bend: float = 1.0) -> dict[str, Any]:
    """Class scores; `p` is float64[n, CLASSES]."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) + np.array([shift, 0.0, 0.0])
    z = np.stack((1.5 * x[:, 0], x[:, 1] - 0.3, 0.8 * x[:, 2] - 0.2 * x[:, 0]), axis=1)
    p = softmax(z, axis=1)
    label = (rng.random((n, 1)) > p.cumsum(axis=1)).sum(axis=1)
    scores = softmax(bend * z, axis=1)
    return {"x0": x[:, 0], "x1": x[:, 1], "x2": x[:, 2], "prediction": scores, "label": label, "p": p}


def regression_rows(n: int, seed: int = 0, shift: float = 0.0) -> dict[str, Any]:
    """A number whose noise `deviation` depends on two features and their product."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) + np.array([shift, 0.0, 0.0])
    kind = rng.choice(["a", "b"], n)
    deviation = np.exp(0.4 * x[:, 0] + 0.5 * (kind == "b") * (x[:, 1] > 0))
    mean = 2.0 * x[:, 0] - x[:, 2]
    label = rng.normal(mean, deviation)
    features = {"x0": x[:, 0], "x1": x[:, 1], "x2": x[:, 2], "kind": kind}
    return {**features, "prediction": mean, "label": label, "deviation": deviation}


def built(rows: Mapping[str, Any], task: Task | None, **options: Any) -> Built:
    """The reference of these rows; columns named p and deviation are not theirs."""
    kept = {name: values for name, values in rows.items() if name not in {"p", "deviation"}}
    return build(Given(kept, batches=3), BuildOptions("m", task=task, **options))


def weighted_auc(score: FloatArray, p: FloatArray) -> float:
    """Expected AUC of scores without ties whose labels are 1 with probability p."""
    order = np.argsort(score)
    positive, negative = p[order], 1.0 - p[order]
    below = np.cumsum(negative) - negative
    return float((positive * below).sum() / (positive.sum() * negative.sum()))
