"""Rows of a JSON-lines file: flat objects, or prediction records with nested `features` and `context`.

Decoded with msgspec rather than Arrow's reader: it is twice as fast, names the line that is wrong, and lets a column
that begins with whole numbers go on with fractions.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa

from stream.errors import UsageError
from stream.rows.columns import Column, ColumnKind, broken

SCOUTED_BYTES = 4 << 20
"""How much is looked at to learn the columns."""
BYTES_AT_ONCE = 8 << 20
_ORIGINS: dict[str, Literal["features", "context"]] = {"features": "features", "context": "context"}
_NESTED = tuple(_ORIGINS)


class JsonlRows:
    """Rows of a JSON-lines file."""

    def __init__(self, path: Path, kinds: dict[str, str]) -> None:
        """Learn the columns from the first rows."""
        self.path = path
        self._size = max(path.stat().st_size, 1)
        self._where: dict[str, tuple[str, ...]] = {}
        self.columns = tuple(self._scout(kinds))
        self._kinds = {column.name: column.kind for column in self.columns}
        if not self.columns:
            raise UsageError(f"{path}: no rows; one JSON object a line is needed")

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Batches with the named columns, each with the share of the file read so far."""
        for first, rows, share in self._read(BYTES_AT_ONCE):
            arrays = [self._array(name, rows, first) for name in names]
            yield pa.RecordBatch.from_arrays(arrays or [pa.nulls(len(rows))], names=list(names) or [""]), share

    def _read(self, at_once: int) -> Iterator[tuple[int, list[dict[str, Any]], float]]:
        """(number of the first line, its rows, share of the file read)."""
        decoder = msgspec.json.Decoder(dict[str, Any])
        done, number = 0, 1
        try:
            with self.path.open("rb") as file:
                while lines := file.readlines(at_once):
                    done += sum(map(len, lines))
                    yield number, self._decode(decoder, lines, number), done / self._size
                    number += len(lines)
        except OSError as error:
            raise broken(self.path, error) from None

    def _decode(self, decoder: msgspec.json.Decoder[dict[str, Any]], lines: list[bytes], number: int) -> list[Any]:
        rows = []
        for offset, line in enumerate(lines):
            if line.strip():
                try:
                    rows.append(decoder.decode(line))
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    raise UsageError(f"{self.path}:{number + offset}: not a JSON object: {error}") from None
        return rows  # blank lines make the line numbers of later errors too small, by as many

    def _scout(self, kinds: dict[str, str]) -> Iterator[Column]:
        _, rows, _ = next(self._read(SCOUTED_BYTES), (1, [], 0.0))
        seen: dict[tuple[str, ...], set[type]] = {}
        for row in rows:
            for name, value in row.items():
                if name in _NESTED and isinstance(value, dict):
                    for child, inner in value.items():
                        seen.setdefault((name, child), set()).add(type(inner))
                else:
                    seen.setdefault((name,), set()).add(type(value))
        order = sorted(seen, key=lambda path: _NESTED.index(path[0]) if len(path) == 2 else len(_NESTED))
        for path in order:
            name = path[-1]
            if name not in self._where and (len(path) == 2 or name not in _NESTED):
                self._where[name] = path
                yield Column(name, _kind(seen[path], kinds.get(name)), _ORIGINS[path[0]] if len(path) == 2 else "row")

    def _array(self, name: str, rows: list[dict[str, Any]], first: int) -> pa.Array:
        path = self._where[name]
        if len(path) == 1:
            values = [row.get(name) for row in rows]
        else:
            values = [item.get(name) if isinstance(item := row.get(path[0]), dict) else None for row in rows]
        try:
            return _ARRAYS[self._kinds[name]](values)
        except (TypeError, ValueError, pa.ArrowException):
            kind = self._kinds[name]
            at = next((index for index, value in enumerate(values) if not _fits(value, kind)), 0)
            raise UsageError(
                f"{self.path}:{first + at}: column {name!r}: {str(values[at])[:80]!r} is no {kind}, as its first rows "
                "are; correct it, or list the column as categorical under the model's features"
            ) from None


def _kind(types: set[type], wanted: str | None) -> ColumnKind:
    if wanted is not None:
        return "number" if wanted == "numeric" else "category"
    types = types - {type(None)}
    if types & {dict}:
        return "other"
    if types & {list}:
        return "list" if types == {list} else "other"
    return "number" if types <= {int, float} else "category"


def _fits(value: Any, kind: ColumnKind) -> bool:
    if value is None or kind in {"other", "time"}:
        return True
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, list) == (kind == "list")


def _numbers(values: list[Any]) -> pa.Array:
    if not set(map(type, values)) <= {int, float, type(None)}:
        raise TypeError
    floats = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    return pa.array(floats, mask=np.isnan(floats))


def _categories(values: list[Any]) -> pa.Array:
    return pa.array([text_of(value) for value in values], type=pa.string())


def _lists(values: list[Any]) -> pa.Array:
    if any(isinstance(item, str) for value in values if value for item in value):
        return pa.array([None if value is None else [text_of(item) for item in value] for value in values])
    return pa.array(values, type=pa.list_(pa.float64()))


def _others(values: list[Any]) -> pa.Array:
    return pa.nulls(len(values))


def text_of(value: Any) -> str | None:
    """The category that a JSON value is: text as it is, true, false and numbers as their JSON text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        raise TypeError
    return msgspec.json.encode(value).decode()


_ARRAYS: dict[ColumnKind, Callable[[list[Any]], pa.Array]] = {
    "number": _numbers,
    "category": _categories,
    "list": _lists,
    "time": _others,
    "other": _others,
}
