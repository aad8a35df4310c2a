"""Mixed: a batch of which most is columns already, and the rest records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from operators.intake.served import Served
from operators.intake.transpose import Transposed, transpose, transpose_served
from windows.predictions.columns import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.formats.parsed import Parsed
    from operators.formats.schema import ModelSchema
    from operators.intake.native import Rows, Tables
    from windows.arrays import BoolArray, FloatArray, IntArray

WITHIN = 20
"""Bits of a place that tell the records of a message apart; the others are the message's number."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Records of a model from one reader: their positions among all of the batch, and what they were read to."""

    at: IntArray
    read: Rows | list[Any]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some records of a model: positions, columns, and, where feedback is awaited, ids and predictions."""

    at: IntArray
    columns: Columns
    ids: Sequence[Any] = ()
    predictions: Sequence[Any] = ()


class Mixed:
    """The records of a batch in their order, whoever read them.

    Args:
        schemas: of all models.
        tables: rows that are columns already.
        rest: records of the messages that were handed back.
        kinds: int64, the number of the model of each record of `rest`.
    """

    def __init__(
        self,
        schemas: Sequence[ModelSchema],
        tables: Tables,
        rest: Parsed,
        kinds: IntArray,
    ) -> None:
        self._schemas = schemas
        self.rest = rest
        heads = tables.heads
        if rest.records:
            own = np.stack((_places(rest, tables.back), rest.stamps, rest.proven))
            heads = np.hstack([heads, own])
        self.read = rest.read + tables.heads.shape[1]
        count = heads.shape[1]
        if not rest.records and (len(tables.rows) == 1 or (heads[0][1:] > heads[0][:-1]).all()):
            rank = np.arange(count)
        else:
            order = np.argsort(heads[0], kind="stable")
            heads = heads[:, order]
            rank = np.empty(count, dtype=np.int64)
            rank[order] = np.arange(count)
        self.stamps: IntArray = heads[1]
        self.proven: IntArray = heads[2]
        self._loose = tables.loose
        self._sources: dict[int, list[_Source]] = {}
        start = 0
        for number, rows in tables.rows:
            self._add(number, rank[start : start + rows.count], rows)
            start += rows.count
        for number in np.unique(kinds).tolist() if rest.records else ():
            picked = np.flatnonzero(kinds == number)
            self._add(number, rank[start + picked], [rest.records[row] for row in picked.tolist()])

    def _add(self, number: int, at: IntArray, read: Rows | list[Any]) -> None:
        self._sources.setdefault(number, []).append(_Source(at, read))

    def by_model(self) -> list[tuple[int, IntArray | None]]:
        """Number of each model with records, and which they are (None: all)."""
        if len(self._sources) == 1:
            return [(number, None) for number in self._sources]
        return [(number, _all_of(parts)) for number, parts in sorted(self._sources.items())]

    def loose(self, number: int) -> Rows | None:
        """All rows of a model, in their order, as they were read, where they can be folded so."""
        source, *others = self._sources[number]
        return None if others or not self._loose or isinstance(source.read, list) else source.read

    def columns(self, number: int, rows: IntArray | None, panes: IntArray) -> Columns:
        """The columns of one model's records at `rows` (None: all of the batch), which has these panes."""
        return self._piece(number, rows, panes).columns

    def served(self, number: int, rows: IntArray | None, panes: IntArray, times: IntArray, known: IntArray) -> Served:
        """What the join needs of one model's records; times and known are those of all of the batch."""
        piece = self._piece(number, rows, panes)
        times, known = (values if rows is None else values[rows] for values in (times, known))
        return Served(piece.columns, piece.ids, times, known, piece.predictions)

    def _piece(self, number: int, rows: IntArray | None, panes: IntArray) -> _Piece:
        found = []
        for source in self._sources[number]:
            every = rows is None or rows is source.at
            keep = None if every else np.flatnonzero(np.isin(source.at, rows, assume_unique=True))  # type: ignore[arg-type]
            if keep is None or len(keep):
                found.append(self._read(self._schemas[number], source, keep, panes))
        return found[0] if len(found) == 1 else _merged(found)

    def _read(self, schema: ModelSchema, source: _Source, keep: IntArray | None, panes: IntArray) -> _Piece:
        at, read = source.at if keep is None else source.at[keep], source.read
        if isinstance(read, list):
            records = read if keep is None else [read[row] for row in keep.tolist()]
            part = Transposed(schema, records, panes[at], bool(self.rest.unfit))
            if not schema.joined:
                return _Piece(at, transpose(part))
            columns, served = transpose_served(part, at, at)
            return _Piece(at, columns, served.ids, served.predictions)
        columns = _columns(schema, read, panes[source.at], keep)
        ids, predictions = read.ids, read.predictions
        if ids is None or predictions is None:
            return _Piece(at, columns)
        if keep is not None:
            kept = keep.tolist()
            ids, predictions = ([values[row] for row in kept] for values in (ids, predictions))
        return _Piece(at, columns, ids, predictions)


def _places(rest: Parsed, numbers: Sequence[int]) -> IntArray:
    """Where each record stands that was handed back; those of one message stay in their order."""
    owners = np.arange(len(rest.records)) if rest.owners is None else rest.owners
    found: IntArray = np.array(numbers, dtype=np.int64)[owners] << WITHIN
    return found


def _all_of(sources: Sequence[_Source]) -> IntArray:
    """The positions of all records of a model, ascending."""
    if len(sources) == 1:
        return sources[0].at
    return np.sort(np.concatenate([source.at for source in sources]))


def _columns(schema: ModelSchema, rows: Rows, panes: IntArray, keep: IntArray | None) -> Columns:
    """The columns of rows of one model at `keep` (None: all); `panes` are those of all."""
    layout = schema.layout
    numeric = rows.numeric
    for row, position in enumerate(schema.numeric):
        reading = layout.features[position].reading
        if reading.resolution is not None:
            numeric[row] = reading.rounded(numeric[row])
    found = Columns(
        panes=panes,
        versions=tuple(rows.versions),
        version=rows.version,
        numeric=numeric,
        categorical=rows.categorical,
        segments=rows.segments,
        latency=rows.latency,
        failed=rows.failed,
        probabilities=rows.probabilities,
        forbidden=_forbidden(schema, numeric) if layout.allowed else None,
    )
    if keep is not None:
        found = found.at(keep)
        listed = rows.listed
        if listed is not None and not listed[keep].any():
            found = replace(found, probabilities=None)
    return found if len(found.versions) == 1 else _named(found)


def _forbidden(schema: ModelSchema, numeric: FloatArray) -> IntArray:
    """How each number misses what may be; models with a rule for names are read in Python."""
    return np.array([span.rule.of_numbers(numeric[span.row]) for span in schema.layout.allowed], dtype=np.int64)


def _named(columns: Columns) -> Columns:
    """With those versions alone that occur, by name."""
    used = sorted(np.unique(columns.version).tolist(), key=columns.versions.__getitem__)
    lookup = np.zeros(len(columns.versions), dtype=np.int64)
    lookup[used] = np.arange(len(used))
    names = tuple(columns.versions[version] for version in used)
    return replace(columns, versions=names, version=lookup[columns.version])


def _merged(pieces: Sequence[_Piece]) -> _Piece:
    """Pieces of one model as one, in order."""
    at = np.concatenate([piece.at for piece in pieces])
    # in order already, as a rule: nothing is copied then
    order: Any = slice(None) if (np.diff(at) > 0).all() else np.argsort(at)
    parts = [piece.columns for piece in pieces]
    names = tuple(sorted({name for part in parts for name in part.versions}))
    positions = {name: position for position, name in enumerate(names)}
    version = [np.array([positions[name] for name in part.versions])[part.version] for part in parts]
    columns = Columns(
        panes=np.concatenate([part.panes for part in parts])[order],
        versions=names,
        version=np.concatenate(version)[order],
        numeric=np.hstack([part.numeric for part in parts])[:, order],
        categorical=np.hstack([part.categorical for part in parts])[:, order],
        segments=np.hstack([part.segments for part in parts])[:, order],
        latency=np.concatenate([part.latency for part in parts])[order],
        failed=_failed(parts, order),
        probabilities=_probabilities(parts, order),
        forbidden=None
        if parts[0].forbidden is None
        else np.hstack([part.forbidden for part in parts if part.forbidden is not None])[:, order],
    )
    ids, predictions = (
        list(chain.from_iterable(given))
        for given in ([piece.ids for piece in pieces], [piece.predictions for piece in pieces])
    )
    if not ids:
        return _Piece(at[order], columns)
    if isinstance(order, slice):
        return _Piece(at, columns, ids, predictions)
    rows = order.tolist()
    return _Piece(at[order], columns, [ids[row] for row in rows], [predictions[row] for row in rows])


def _failed(parts: Sequence[Columns], order: Any) -> BoolArray | None:
    """Which records failed; None when none did."""
    if all(part.failed is None for part in parts):
        return None
    each = [np.zeros(len(part.panes), dtype=bool) if part.failed is None else part.failed for part in parts]
    found: BoolArray = np.concatenate(each)[order]
    return found


def _probabilities(parts: Sequence[Columns], order: Any) -> FloatArray | None:
    """Class scores, NaN where there are none; None where no part lists any."""
    width = next((part.probabilities.shape[1] for part in parts if part.probabilities is not None), None)
    if width is None:
        return None
    each = [
        np.full((len(part.panes), width), np.nan) if part.probabilities is None else part.probabilities
        for part in parts
    ]
    found: FloatArray = np.concatenate(each)[order]
    return found
