"""Tabular: messages that hold columns become columns without becoming records first.

Only what is usual is read here: a message in which anything is of another type, late of its own clock or of several
models is handed back, and read record by record. What comes out is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from operators.formats.arrow import batches_of
from operators.formats.packed import ERRORS, unpacked
from operators.formats.schema import MAX_ID_LENGTH
from operators.formats.times import stamps_of
from operators.intake.mixed import WITHIN
from operators.intake.native import Tables
from operators.intake.table_columns import IDS, NAMES, Arrays, Lists, UnusualError
from operators.intake.transpose import NO_FAILURE, version_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operators.formats.schema import Codes, ModelSchema
    from operators.intake.table_columns import Table
    from operators.records import RawBatch
    from operators.settings.places import Place, Steps
    from operators.settings.source import FieldMap, SourceSettings
    from windows.arrays import BoolArray, FloatArray, IntArray

LEAST = 32
"""Rows of a table that is read as columns: of fewer, each column costs more than its rows."""


@dataclass(slots=True)
class TableRows:
    """Rows of one model; see `operators.intake.native.Rows`."""

    model: int
    places: IntArray
    stamps: IntArray
    proven: IntArray
    versions: list[str]
    version: IntArray
    numeric: FloatArray
    categorical: IntArray
    segments: IntArray
    latency: FloatArray
    failed: BoolArray | None
    ids: list[Any] | None
    predictions: list[Any] | None
    probabilities: FloatArray | None = None
    listed: BoolArray | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.places)


class TabularReader:
    """Reads the usual messages of a source.

    Args:
        schemas: of all models.
        source: its format is one of columns, and its map needs no conversions (see `fits`).
        max_ahead: how far (ms) a timestamp may be beyond the time the message was written.
    """

    def __init__(self, schemas: Sequence[ModelSchema], source: SourceSettings, max_ahead: int) -> None:
        self._arrow = source.format == "arrow"
        self._map = source.map
        self._max_ahead = max_ahead
        self._models = {
            schema.layout.model: (number, schema)
            for number, schema in enumerate(schemas)
            if _is_usual(schema) and None not in _features(source.map, schema)
        }
        self._features = {number: _features(source.map, schema) for number, schema in self._models.values()}
        self._segments = {
            number: _segments(schema, source.map, self._features[number]) for number, schema in self._models.values()
        }

    def __call__(self, batch: RawBatch) -> Tables | None:
        """What is rows, and which messages are read record by record; None: all are."""
        found: list[tuple[int, TableRows]] = []
        back: list[int] = []
        for number, value in enumerate(batch.values):
            try:
                found += self._read(batch, number, value)
            except (*ERRORS, pa.ArrowException):
                back.append(number)
        if not found:
            return None
        heads = np.hstack([np.stack((rows.places, rows.stamps, rows.proven)) for _, rows in found])
        return Tables([(number, rows) for number, rows in found], heads, back)

    def _read(self, batch: RawBatch, number: int, value: bytes | None) -> list[tuple[int, TableRows]]:
        if not value:
            raise UnusualError
        plain = unpacked(value)
        tables: list[Table]
        tables = [Arrays(each) for each in batches_of(plain)] if self._arrow else [Lists(plain)]
        rows: list[tuple[int, TableRows]] = []
        start = 0
        for table in tables:
            if table.count < LEAST:
                raise UnusualError
            rows.append(self._rows(batch, number, start, table))
            start += table.count
        if not rows:
            raise UnusualError
        return rows

    def _rows(self, batch: RawBatch, message: int, start: int, table: Table) -> tuple[int, TableRows]:
        number, schema = self._model(table)
        stamps, proven = self._stamps(batch, message, table)
        fields, count, features = self._map, table.count, self._features[number]
        prediction, column = _steps(fields.prediction), schema.layout.prediction
        numeric = np.full((len(schema.numeric) + int(column is not None and column.numeric), count), np.nan)
        found = [table.numbers(features[position]) for position in schema.numeric]
        for row, values in enumerate(found):
            _put(numeric, row, values)
        if all(values is None for values in found):  # records without features are no predictions
            raise UnusualError
        chosen: list[tuple[Steps | None, Codes]] = [
            (features[position], schema.codes[row]) for row, position in enumerate(schema.categorical)
        ]
        if column is not None and column.numeric:
            _put(numeric, len(schema.numeric), None if prediction is None else table.numbers(prediction))
        elif column is not None:
            chosen.append((prediction, schema.codes[-1]))
        versions, version = _versions(table, _steps(fields.version))
        return number, TableRows(
            model=number,
            places=(message << WITHIN) + np.arange(start, start + count),
            stamps=stamps,
            proven=proven,
            versions=versions,
            version=version,
            numeric=numeric,
            categorical=_coded(table, chosen),
            segments=_coded(table, self._segments[number]),
            latency=_column(table, _steps(fields.latency_ms)),
            failed=_failed(table, _steps(fields.error)),
            ids=_ids(table, _steps(fields.prediction_id)) if schema.joined else None,
            predictions=_predictions(table, prediction, numeric, schema) if schema.joined else None,
        )

    def _model(self, table: Table) -> tuple[int, ModelSchema]:
        given = self._map.model
        name = given.constant
        if name is None:
            found = None if given.path is None else table.distinct(given.path)
            if found is not None and found[1].any():  # several, or not the first of a dictionary
                raise UnusualError
            name = given.default if found is None else found[0][0]
            if not isinstance(name, str):
                raise UnusualError
        return self._models[str(name)]

    def _stamps(self, batch: RawBatch, message: int, table: Table) -> tuple[IntArray, IntArray]:
        place, count = self._map.timestamp, table.count
        steps = _steps(place)
        if batch.written is None:
            raise UnusualError
        written = np.full(count, batch.written[message], dtype=np.int64)
        given = None if place is None or steps is None else table.times(steps, place.timezone)
        stamps, odd = stamps_of(np.full(count, np.nan) if given is None else given, written)
        if odd is not None or (stamps > min(batch.written[message], batch.received) + self._max_ahead).any():
            raise UnusualError
        return stamps, np.minimum(stamps, written)


def fits(source: SourceSettings) -> bool:
    """Whether a source may be read as columns: its fields are in columns, as they are."""
    fields = source.map
    if source.format not in {"columns", "arrow"} or source.holds == "both":
        return False
    if any(part is not None for part in (source.preset, source.split, fields.features.names)):
        return False
    if source.where is not None and source.where.header is None:  # it is of rows, not of messages
        return False
    places = [
        fields.prediction_id,
        fields.timestamp,
        fields.version,
        fields.prediction,
        fields.latency_ms,
        fields.error,
    ]
    plain = all(place is None or _is_plain(place) for place in [*places, *fields.context.values()])
    return plain and not fields.model.outside


def _is_plain(place: Place) -> bool:
    """Whether it is a column, and needs no conversion."""
    kept = place.model_dump(exclude={"path", "group", "timezone"}, exclude_defaults=True)
    return place.path is not None and not kept and all(isinstance(step, str) for step in place.path)


def _is_usual(schema: ModelSchema) -> bool:
    """Whether nothing of a model needs its records."""
    if schema.layout.usage is not None or schema.name_codes:
        return False
    return not schema.joined or schema.layout.prediction is not None


def _steps(place: Place | None) -> Steps | None:
    return None if place is None else place.path


def _features(fields: FieldMap, schema: ModelSchema) -> list[Any]:
    """The column of each feature, None for one that has none."""
    found = [fields.features.steps(field.name) for field in schema.layout.features]
    return [None if steps is None or not all(isinstance(step, str) for step in steps) else steps for steps in found]


def _put(matrix: FloatArray, row: int, values: FloatArray | None) -> None:
    if values is not None:
        matrix[row] = values


def _column(table: Table, steps: Steps | None) -> FloatArray:
    found = None if steps is None else table.numbers(steps)
    return np.full(table.count, np.nan) if found is None else found


def _coded(table: Table, columns: Sequence[tuple[Steps | None, Codes]]) -> IntArray:
    found = np.empty((len(columns), table.count), dtype=np.int64)
    for row, (steps, codes) in enumerate(columns):
        coded = None if steps is None else table.codes(steps, codes)
        found[row] = codes[None] if coded is None else coded
    return found


def _segments(schema: ModelSchema, fields: FieldMap, features: Sequence[Steps]) -> list[tuple[Steps | None, Codes]]:
    keys = [key for key, _ in schema.layout.segments]
    return [
        (features[one.position] if one.feature else fields.context_place(key).path, one.codes)
        for key, one in zip(keys, schema.segments, strict=True)
    ]


def _versions(table: Table, steps: Steps | None) -> tuple[list[str], IntArray]:
    found = None if steps is None else table.distinct(steps)
    if found is None:
        return [version_name(None)], np.zeros(table.count, dtype=np.int64)
    values, index = found
    if not index.any():
        return [version_name(values[0])], np.zeros(table.count, dtype=np.int64)
    used, index = np.unique(index, return_inverse=True)
    names = [version_name(values[at]) for at in used.tolist()]
    told = {name: position for position, name in enumerate(sorted(set(names)))}
    return list(told), np.array([told[name] for name in names], dtype=np.int64)[index.ravel()]


def _failed(table: Table, steps: Steps | None) -> BoolArray | None:
    errors = None if steps is None else table.values(steps, NAMES)
    if errors is None or NO_FAILURE.issuperset(errors):
        return None
    failed = np.fromiter((error not in NO_FAILURE for error in errors), np.bool_, table.count)
    return failed if failed.any() else None


def _ids(table: Table, steps: Steps | None) -> list[Any]:
    found = None if steps is None else table.values(steps, IDS)
    if found is None:
        return [None] * table.count
    if any(type(one) is str and len(one) > MAX_ID_LENGTH for one in found):
        raise UnusualError
    return list(found)


def _predictions(table: Table, steps: Steps | None, numeric: FloatArray, schema: ModelSchema) -> list[Any]:
    """As records have them."""
    column = schema.layout.prediction
    if steps is None:
        return [None] * table.count
    if column is not None and column.numeric:
        return [None if value != value else value for value in numeric[len(schema.numeric)].tolist()]  # noqa: PLR0124
    found = table.values(steps, NAMES)
    return [None] * table.count if found is None else list(found)
