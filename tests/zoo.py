"""One table in many forms: as files by several writers, and as messages by several encoders of JSON.

A cell of the zoo is a table, a variant of its types, a writer of its file and an encoder of its messages. The reference
that comes out of the file must be met by the messages exactly: the same kinds, nothing unseen, nothing refused.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from operators.formats.schema import decoder_of, schema_of
from operators.intake.transpose import Transposed, transpose
from stream.references.build import BuildOptions, Built, build
from stream.rows.open import open_rows
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import Field, layout_of, reference_vector

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from windows.arrays import IntArray
    from windows.references.reference import Reference

MODEL = "m"


# ---- variants of types


def _float32(table: pd.DataFrame) -> pd.DataFrame:
    floats = table.select_dtypes("float64").columns
    return table.astype(dict.fromkeys(floats, "float32"))


def _gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Each twentieth cell of each column is missing: whole numbers and booleans are floats and objects then."""
    random = np.random.default_rng(5)
    return table.mask(random.random(table.shape) < 0.05)


VARIANTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "float64": lambda table: table,
    "float32": _float32,
    "nullable": lambda table: _gaps(table).convert_dtypes(),
    "gaps": _gaps,
}

# ---- writers of files


def _polars(table: pd.DataFrame) -> Any:
    import polars as pl  # noqa: PLC0415 - only where it is installed

    return pl.from_pandas(table)


def _spark_parquet(table: pd.DataFrame, place: Path) -> Path:
    """A directory of parts without pandas' notes, beside files that are no parts."""
    place.mkdir()
    (place / "_SUCCESS").touch()
    whole = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    half = len(table) // 2
    for number, part in enumerate((whole.slice(0, half), whole.slice(half))):
        pq.write_table(part, place / f"part-{number:05}-c000.snappy.parquet", compression="snappy", store_schema=False)
        (place / f".part-{number:05}-c000.snappy.parquet.crc").write_bytes(b"crc")
    return place


def _spark_csv(table: pd.DataFrame, place: Path) -> Path:
    """Parts with gzip, each with a header."""
    place.mkdir()
    half = len(table) // 2
    for number, part in enumerate((table.iloc[:half], table.iloc[half:])):
        part.to_csv(place / f"part-{number:05}.csv.gz", index=False)
    return place


def _spark_json(table: pd.DataFrame, place: Path) -> Path:
    """Objects without the fields that are null."""
    place.mkdir()
    lines = [json.dumps({name: value for name, value in row.items() if value is not None}) for row in rows_of(table)]
    with gzip.open(place / "part-00000.json.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")
    return place


def _written(write: Callable[[pd.DataFrame, Path], Any], ending: str) -> Callable[[pd.DataFrame, Path], Path]:
    def to(table: pd.DataFrame, place: Path) -> Path:
        path = place.with_suffix(ending)
        write(table, path)
        return path

    return to


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Path]] = {
    "pandas csv": _written(lambda table, path: table.to_csv(path), ".csv"),
    "pandas csv ;": _written(lambda table, path: table.to_csv(path, index=False, sep=";", decimal=","), ".csv"),
    "pandas jsonl": _written(lambda table, path: table.to_json(path, orient="records", lines=True), ".jsonl"),
    "pandas parquet": _written(lambda table, path: table.to_parquet(path), ".parquet"),
    "polars csv": _written(lambda table, path: _polars(table).write_csv(path), ".csv"),
    "polars ndjson": _written(lambda table, path: _polars(table).write_ndjson(path), ".ndjson"),
    "polars parquet": _written(lambda table, path: _polars(table).write_parquet(path), ".parquet"),
    "spark parquet": _spark_parquet,
    "spark csv.gz": _spark_csv,
    "spark json.gz": _spark_json,
}

# ---- encoders of messages


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values of Python, None where missing."""
    columns = {name: [_plain(value) for value in _cells(table[name])] for name in table.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _cells(column: pd.Series[Any]) -> Any:
    """The values in their own types: iterating over a column of float32 would give floats of twice the width."""
    return column.to_numpy() if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f" else column


class Short(float):
    """A float32 by its own shortest text; `wide` is the float that it becomes in Python."""

    wide: float


def _short(value: np.float32) -> Short:
    found = Short(str(value))
    found.wide = float(value)
    return found


def _plain(value: Any) -> Any:
    if (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float | np.floating) and math.isnan(value))
    ):
        return None
    if isinstance(value, np.bool_ | bool):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return _short(value) if isinstance(value, np.float32) else float(value)
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return value


def _scalar(value: Any, number: Callable[[float], str]) -> str:
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else json.dumps(value)


def _java(value: float) -> str:
    """Double.toString: 5.0 for 5, and a single-digit mantissa with E below a thousandth and from ten million on."""
    value = float(value)
    if not value or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    forms = (f"{value:.{digits}e}" for digits in range(1, 18))
    mantissa, _, exponent = next(form for form in forms if float(form) == value).partition("e")
    return f"{mantissa}E{int(exponent)}"


def _go(value: float) -> str:
    """The shortest form, without a fraction for whole numbers: also JavaScript's."""
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)


ENCODERS: dict[str, Callable[[Any], str]] = {
    "python": lambda value: json.dumps(value.wide if isinstance(value, Short) else value),
    "java": lambda value: _scalar(value, _java),
    "go and javascript": lambda value: _scalar(value, _go),
    "text": lambda value: _scalar(value, lambda number: json.dumps(repr(number))),
}


def messages(table: pd.DataFrame, encoder: str) -> list[bytes]:
    """The rows as prediction records."""
    encode = ENCODERS[encoder]
    return [
        (
            f'{{"model": "{MODEL}", "features": {{'
            + ", ".join(f"{json.dumps(str(name))}: {encode(value)}" for name, value in row.items())
            + "}}"
        ).encode()
        for row in rows_of(table)
    ]


# ---- what comes of it


@dataclass(frozen=True, slots=True)
class Verdict:
    """How messages meet a reference.

    Attributes:
        refused: records that could not be read.
        unseen: columns with a value that the reference does not have -> how many more than there.
        gaps: columns with more or fewer missing values than in the reference.
        distances: column -> the largest difference of cumulative shares, or of categories half the sum of differences.
    """

    refused: int
    unseen: dict[str, int]
    gaps: dict[str, int]
    distances: dict[str, float]

    @property
    def worst(self) -> tuple[str, float]:
        """The column that is furthest, and how far."""
        return max(self.distances.items(), key=lambda item: item[1], default=("", 0.0))

    @property
    def fine(self) -> bool:
        """Whether the messages are what the reference says."""
        return not self.refused and not self.unseen and not self.gaps and self.worst[1] < 0.01


def reference_from(path: Path) -> Built:
    """The reference of a file or directory."""
    return build(open_rows(path, {}), BuildOptions(MODEL))


def met(reference: Reference, records: list[bytes]) -> Verdict:
    """Read the records as the service does, and count them in the reference's bins."""
    layout = layout_of(reference)
    schema = schema_of(layout)
    decoder = decoder_of([schema.struct])
    read, refused = [], 0
    for record in records:
        try:
            read.append(decoder.decode(record))
        except msgspec.ValidationError:
            refused += 1
    vector = layout.empty()
    if read:
        columns = transpose(Transposed(schema, read, np.zeros(len(read), dtype=np.int64)))
        vector = sum(fold(binning_of(layout), columns).values(), vector)
    expected = reference_vector(layout, reference)
    assert expected is not None
    unseen, gaps, distances = {}, {}, {}
    for field in layout.features:
        live, known = vector[field.start : field.stop], expected[field.start : field.stop]
        outside = _outside(field, live) - _outside(field, known)
        if outside:
            unseen[field.name] = outside
        if live[-2] != known[-2]:
            gaps[field.name] = int(live[-2] - known[-2])
        distances[field.name] = _distance(field, live, known)
    return Verdict(refused, unseen, gaps, distances)


def _outside(field: Field, counts: IntArray) -> int:
    """Values beyond the range, or in no category that is named."""
    return int(counts[0] + counts[-3]) if field.numeric else int(counts[-3])


def _distance(field: Field, live: IntArray, known: IntArray) -> float:
    difference = live / max(live.sum(), 1) - known / max(known.sum(), 1)
    return float(np.abs(np.cumsum(difference)).max() if field.numeric else np.abs(difference).sum() / 2)


def untold(table: pd.DataFrame, built: Built) -> list[str]:
    """Columns that are neither watched nor named in a note."""
    told = "\n".join(built.notes)
    return [str(name) for name in table.columns if str(name) not in built.reference.features and str(name) not in told]
