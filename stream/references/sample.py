"""A uniform sample of rows in bounded memory."""

import numpy as np

from windows.arrays import FloatArray

SAMPLE_ROWS = 262_144
"""Rows sampled for the edges.

A quantile from them is within 0.1 % (one standard deviation) of its rank, a share of 1/128 within 0.02 %.
"""
SAMPLE_CELLS = 8_000_000
"""With very many columns fewer rows are sampled: 64 MB at most."""


class RowSample:
    """A uniform sample of rows: each gets a random key, the smallest keys stay. The same rows give the same sample."""

    def __init__(self, columns: list[str], most: int | None = None) -> None:
        """Sample at most `most` rows of these columns."""
        self._columns = columns
        self._size = min(SAMPLE_ROWS, SAMPLE_CELLS // max(len(columns), 1))
        if most is not None:
            self._size = min(self._size, most)
        self._random = np.random.Generator(np.random.PCG64(20_240_229))
        self._threshold = 1.0
        self._held = 0
        self._chunks: list[tuple[FloatArray, FloatArray]] = []  # keys [n] and values [columns, n]

    def add(self, values: FloatArray) -> None:
        """Take in a batch, float64[columns, n]."""
        if not self._columns:
            return
        keys = self._random.random((values.shape[1],))
        chosen = np.flatnonzero(keys < self._threshold)
        self._chunks.append((keys[chosen], values[:, chosen]))
        self._held += len(chosen)
        if self._held > 2 * self._size:
            self._trim()

    def matrix(self) -> FloatArray:
        """The sampled rows, float64[columns, n]; in their order as long as all of them are there."""
        self._trim()
        values: FloatArray = self._chunks[0][1]
        return values

    def finite(self, column: str) -> FloatArray:
        """The sampled finite values of a column."""
        values = self.matrix()[self._columns.index(column)]
        found: FloatArray = values[np.isfinite(values)]
        return found

    def _trim(self) -> None:
        """One chunk of the size wanted."""
        if len(self._chunks) == 1 and self._held <= self._size:
            return
        keys = np.concatenate([chunk[0] for chunk in self._chunks])
        values = np.concatenate([chunk[1] for chunk in self._chunks], axis=1)
        if len(keys) > self._size:
            kept = np.argpartition(keys, self._size)[: self._size]
            keys, values = keys[kept], np.take(values, kept, axis=1)
            self._threshold = float(keys.max())
        self._chunks, self._held = [(keys, values)], len(keys)
