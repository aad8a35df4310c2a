"""Simulated traffic as columns: features of many shapes, the reference built on them, and pane sketches drawn directly.

Every value is the image of a normal variable z under the quantile function of its feature. Moving z by a constant is
then a drift whose Kolmogorov-Smirnov distance is known exactly, whatever the shape, and autocorrelated z is traffic
whose rows resemble each other. A sketch holds counts per slot, so drawing the counts from a multinomial gives the same
distribution as drawing the values and folding them; `detection.py` measures that this is so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from scipy.special import ndtr, ndtri
from scipy.stats import poisson

from stream.references.build import BuildOptions, build
from stream.rows.columns import Column
from stream.rows.parquet_file import kind_of_type
from windows.predictions.columns import Columns
from windows.predictions.layout import layout_of
from windows.sketches.profiles import NumericProfile
from windows.sketches.quantiles import LATENCY_BINS, latency_slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from windows.arrays import FloatArray, IntArray
    from windows.predictions.layout import Field, Layout
    from windows.references.reference import Reference
    from windows.sketches.profiles import CategoricalProfile, Profile

MODEL = "columns"
LATENCY_SD = 0.5
"""Of the logarithm of the latency."""
SPARSE = 150
"""Up to this many rows a pane are drawn one by one: cheaper than a binomial per slot."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A numeric distribution: P(X < x), and the quantile function."""

    name: str
    below: Callable[[FloatArray], FloatArray]
    quantile: Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Choice:
    """A categorical distribution: names and their shares."""

    name: str
    names: tuple[str, ...]
    shares: FloatArray

    def quantile(self, u: FloatArray) -> IntArray:
        """Index of the category at each probability."""
        return np.minimum(np.searchsorted(np.cumsum(self.shares), u, side="right"), len(self.names) - 1)


@dataclass(frozen=True, slots=True)
class Feature:
    """A column and the share of its values that is missing."""

    name: str
    shape: Shape | Choice
    missing: float = 0.0

    def values(self, rng: np.random.Generator, z: FloatArray) -> FloatArray | IntArray:
        """The values that z stands for, NaN (or -1) where missing."""
        values = self.shape.quantile(ndtr(z))
        if self.missing:
            absent = rng.random(len(z)) < self.missing
            values = np.where(absent, -1 if isinstance(self.shape, Choice) else np.nan, values)
        return values


def normal() -> Shape:
    """A measurement."""
    return Shape("normal", ndtr, ndtri)


def lognormal(spread: float = 1.2) -> Shape:
    """A price."""

    def below(x: FloatArray) -> FloatArray:
        return ndtr(np.log(np.maximum(x, 1e-300)) / spread)

    return Shape("lognormal", below, lambda u: np.exp(spread * ndtri(u)))


def uniform() -> Shape:
    """A rank."""
    return Shape("uniform", lambda x: np.clip(x, 0.0, 1.0), lambda u: u)


def zero_inflated(zeros: float = 0.6, mean: float = 3.0) -> Shape:
    """A count of rare events: mostly 0, else 1 + Poisson."""
    atoms = np.arange(40, dtype=np.float64)
    cumulative = zeros + (1 - zeros) * np.concatenate(([0.0], poisson.cdf(atoms[:-1], mean)))
    return _discrete("zero-inflated count", atoms, cumulative)


def rounded(step: float = 0.25) -> Shape:
    """A measurement that is rounded: heavy ties everywhere."""
    atoms = np.arange(-4, 4 + step, step)
    return _discrete("rounded", atoms, ndtr(atoms + step / 2))


def constant() -> Shape:
    """A switch that is never touched."""
    return _discrete("constant", np.array([7.0]), np.array([1.0]))


def _discrete(name: str, atoms: FloatArray, cumulative: FloatArray) -> Shape:
    cumulative = np.append(cumulative[:-1], 1.0)
    before = np.concatenate(([0.0], cumulative))
    return Shape(
        name,
        lambda x: before[np.searchsorted(atoms, x, side="left")],
        lambda u: atoms[np.minimum(np.searchsorted(cumulative, u, side="right"), len(atoms) - 1)],
    )


def zipf(categories: int, exponent: float = 1.3) -> Choice:
    """A category with a long tail of rare ones; beyond the hundredth the reference knows them only as other."""
    weights = 1 / np.arange(1, categories + 1) ** exponent
    return Choice(f"{categories} categories", tuple(f"c{i:03}" for i in range(categories)), weights / weights.sum())


def features_of(count: int = 50) -> tuple[Feature, ...]:
    """A model's features: every shape, some with missing values, the last fifth categorical."""
    numeric = (normal(), lognormal(), zero_inflated(), uniform())
    odd = {6: rounded(), 13: constant()}
    missing = {0: 0.0, 1: 0.002, 2: 0.05, 3: 0.3}
    categorical = (zipf(5), zipf(250), Choice("rare flag", ("false", "true"), np.array([0.9995, 0.0005])), zipf(40))
    found = []
    for i in range(count):
        shape = categorical[i % 4] if i >= count - count // 5 else odd.get(i, numeric[i % 4])
        found.append(Feature(f"f{i:02}", shape, missing[i // 4 % 4]))
    return tuple(found)


SCORE = Feature("prediction", Shape("score", lambda x: np.clip(x, 0, 1) ** 0.5, lambda u: u**2))
"""The prediction: a probability, mostly small."""


def columns_of(features: Sequence[Feature]) -> tuple[Feature, ...]:
    """Features, then the prediction: the order of a layout's columns."""
    return (*features, SCORE)


class TableRows:
    """Rows held in memory, for `stream.references.build`."""

    def __init__(self, table: pa.Table) -> None:
        self.path = Path("simulated")
        self.table = table
        self.columns = tuple(Column(field.name, kind_of_type(field.type)) for field in table.schema)

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Batches with the named columns."""
        batches = self.table.select(names).to_batches(max_chunksize=65_536)
        for at, batch in enumerate(batches):
            yield batch, (at + 1) / len(batches)


def reference_of(
    features: Sequence[Feature],
    rng: np.random.Generator,
    latent: Callable[[int], FloatArray],
    times: IntArray | None,
    rows: int,
    latency_ms: float = 30.0,
) -> Reference:
    """The reference that `driftgauge reference build` makes of such rows.

    Args:
        features: the columns.
        rng: of missing values and latencies.
        latent: z of column i, float64[rows].
        times: int64[rows], ms; None for rows without a timestamp.
        rows: how many.
        latency_ms: median latency.
    """
    arrays: dict[str, Any] = {}
    for at, feature in enumerate(columns_of(features)):
        values = feature.values(rng, latent(at))
        if isinstance(feature.shape, Choice):
            codes = pa.array(values, mask=values < 0, type=pa.int32())
            arrays[feature.name] = pa.DictionaryArray.from_arrays(codes, pa.array(feature.shape.names)).cast(
                pa.string()
            )
        else:
            arrays[feature.name] = pa.array(values, mask=np.isnan(values))
    arrays["latency_ms"] = pa.array(latency_ms * np.exp(LATENCY_SD * rng.standard_normal(rows)))
    if times is not None:
        arrays["timestamp"] = pa.array(times, type=pa.timestamp("ms", "UTC"))
    return build(TableRows(pa.table(arrays)), BuildOptions(MODEL)).reference


def slot_cuts(feature: Feature, field: Field) -> tuple[FloatArray, IntArray]:
    """Cuts of z, float64[k-1] rising, between k pieces, and the slot (in the field) of each piece."""
    profile = field.profile
    if isinstance(feature.shape, Choice):
        known = {name: slot for slot, name in enumerate(_categories(profile))}
        slots = np.array([known.get(name, len(known)) for name in feature.shape.names], dtype=np.int64)
        return ndtri(np.cumsum(feature.shape.shares)[:-1]), slots
    if not isinstance(profile, NumericProfile):
        raise TypeError(f"{feature.name} is numeric, its profile is not")
    return ndtri(feature.shape.below(profile.edges)), np.arange(len(profile.edges) + 1, dtype=np.int64)


def _categories(profile: Profile) -> tuple[str, ...]:
    categorical: CategoricalProfile = profile  # type: ignore[assignment]  # a Choice has such a profile
    return categorical.categories


class Sketcher:
    """Draws the vector of one pane: int64[layout.size], moments left at zero (nothing that is judged reads them).

    Args:
        reference: its slots are drawn into.
        features: the columns it was built on.
        latency_ms: median latency.
        error_rate: share of predictions that fail.
    """

    def __init__(
        self, reference: Reference, features: Sequence[Feature], latency_ms: float = 30.0, error_rate: float = 0.0
    ) -> None:
        self.layout: Layout = layout_of(reference)
        self.error_rate = error_rate
        self.columns = columns_of(features)
        pairs = list(zip(self.columns, self.layout.columns, strict=True))
        self.cuts = [slot_cuts(feature, field) for feature, field in pairs]
        width = max(field.stop - field.start for _, field in pairs)
        # Padding stands in front, so that the last slot, which takes what rounding leaves over, is a real one.
        self._at = np.full((len(pairs) + 1, max(width, LATENCY_BINS)), self.layout.size, dtype=np.int64)
        for row, (_, field) in enumerate(pairs):
            self._at[row, self._at.shape[1] - (field.stop - field.start) :] = np.arange(field.start, field.stop)
        self._at = self._at[: len(pairs), self._at.shape[1] - width :]
        self.shares = np.zeros(self._at.shape)
        for row in range(len(pairs)):
            self.shares[row] = self.shares_at(row, 0.0)
        fine = latency_slots(latency_ms * np.exp(LATENCY_SD * ndtri((np.arange(200_000) + 0.5) / 200_000)))
        self._latency = np.bincount(fine, minlength=LATENCY_BINS) / len(fine)
        self._latency_used = np.flatnonzero(self._latency)

    def shares_at(self, row: int, shift: float) -> FloatArray:
        """Share of each slot of one column when z has moved by `shift`, float64[W], padded in front."""
        feature, field = self.columns[row], self.layout.columns[row]
        cuts, slots = self.cuts[row]
        pieces = np.diff(np.concatenate(([0.0], ndtr(cuts - shift), [1.0]))).clip(min=0.0)
        shares = np.zeros(field.stop - field.start)
        np.add.at(shares, slots, pieces * (1 - feature.missing))
        shares[-2] = feature.missing
        padded = np.zeros(self._at.shape[1])
        padded[len(padded) - len(shares) :] = shares / shares.sum()
        return padded

    def draw(self, rng: np.random.Generator, rows: int, shares: FloatArray | None = None) -> IntArray:
        """The vector of a pane of independent rows; `shares` where they are not the reference population's."""
        shares = self.shares if shares is None else shares
        counts = rng.multinomial(rows, shares) if rows > SPARSE else _sparse(rng, rows, shares)
        vector = np.zeros(self.layout.size + 1, dtype=np.int64)
        vector[self._at] = counts
        return self._finish(rng, vector[:-1], rows)

    def autocorrelated(self, rng: np.random.Generator, z: FloatArray) -> IntArray:
        """The vector of a pane whose rows have these z, float64[columns, n]."""
        rows = z.shape[1]
        vector = np.zeros(self.layout.size, dtype=np.int64)
        for feature, field, (cuts, slots), column in zip(self.columns, self.layout.columns, self.cuts, z, strict=True):
            found = slots[np.searchsorted(cuts, column, side="right")]
            if feature.missing:
                found = np.where(rng.random(rows) < feature.missing, field.missing - field.start, found)
            vector[field.start : field.stop] = np.bincount(found, minlength=field.stop - field.start)
        return self._finish(rng, vector, rows)

    def _finish(self, rng: np.random.Generator, vector: IntArray, rows: int) -> IntArray:
        layout, used = self.layout, self._latency_used
        vector[layout.rows] = rows
        vector[layout.latency + used] = rng.multinomial(rows, self._latency[used])
        vector[layout.errors] = rng.binomial(rows, self.error_rate)
        return vector

    def records(self, rng: np.random.Generator, pane: int, z: FloatArray, latency_ms: float = 30.0) -> Columns:
        """The same pane value by value, as decoding would hand it to `windows.predictions.fold.fold`.

        z is float64[columns, n].
        """
        rows = z.shape[1]
        numeric: list[FloatArray] = []
        categorical: list[IntArray] = []
        for feature, field, (_, slots), column in zip(self.columns, self.layout.columns, self.cuts, z, strict=True):
            values = feature.values(rng, column)
            if isinstance(feature.shape, Choice):
                categorical.append(np.where(values < 0, field.missing - field.start, slots[values]))
            else:
                numeric.append(values)
        return Columns(
            panes=np.full(rows, pane, dtype=np.int64),
            versions=("1",),
            version=np.zeros(rows, dtype=np.int64),
            numeric=np.stack(numeric),
            categorical=np.stack(categorical).astype(np.int64),
            segments=np.zeros((0, rows), dtype=np.int64),
            latency=latency_ms * np.exp(LATENCY_SD * rng.standard_normal(rows)),
            failed=None,
        )


def _sparse(rng: np.random.Generator, rows: int, shares: FloatArray) -> IntArray:
    """Multinomial counts of few rows: each row's slot by inversion, all columns in one search."""
    columns, width = shares.shape
    ladder = (np.cumsum(shares, axis=1) + np.arange(columns)[:, None]).ravel()
    u = rng.random((columns, rows)) + np.arange(columns)[:, None]
    last = np.arange(1, columns + 1)[:, None] * width - 1
    found = np.minimum(np.searchsorted(ladder, u, side="right"), last)
    return np.bincount(found.ravel(), minlength=columns * width).reshape(columns, width)
