"""Rows of a JSON-lines file: flat objects, or prediction records with nested `features` and `context`.

Decoded with msgspec rather than Arrow's reader: it is twice as fast, names the line that is wrong, and lets a column
that begins with whole numbers go on with fractions, or with text.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa

from operators.formats.literals import parsed
from stream.errors import UsageError
from stream.rows.columns import Column, Wishes
from stream.rows.kinds import Texts, decide, unless_marks
from stream.rows.lists import list_array
from stream.rows.parts import Part, blocks, last_line
from windows.arrays import FloatArray
from windows.values import name_of

if TYPE_CHECKING:
    from pathlib import Path

BYTES_AT_ONCE = 8 << 20
_ORIGINS: dict[str, Literal["features", "context"]] = {"features": "features", "context": "context"}
_NESTED = tuple(_ORIGINS)
_PLACES: tuple[tuple[str, ...], ...] = ((), *((name,) for name in _NESTED))
MOST_NAMED = 10
_NUMBERS = frozenset((int, float, type(None)))
_OFFENCES = {b"[": "an array; one object a line is needed"}
LARGEST_ARRAY = 256 << 20
"""Bytes of an array of rows, which is read as a whole; one object a line may be of any size."""
AT_ONCE = 20_000
"""Rows of an array in a batch."""
_MARK = b"\xef\xbb\xbf"


class JsonlRows:
    """Rows of a JSON-lines file."""

    def __init__(self, part: Part, wishes: Wishes) -> None:
        """Learn the columns from the first rows."""
        self.path: Path = part.path
        self._part = part
        self._where: dict[str, tuple[str, ...]] = {}
        self._late: dict[str, int] = {}
        self._single = False
        self.columns = tuple(self._scout(wishes))
        if not self.columns:
            raise UsageError(f"{self.path}: no rows; one JSON object a line is needed")
        tables = [column.what in {"objects", "lists"} and column.origin == "row" for column in self.columns]
        if self._single and len(tables) > 1 and all(tables):
            raise UsageError(
                f"{self.path}: an object of columns or of whole tables; one object a line is needed, as pandas'"
                " to_json(orient='records', lines=True) writes it"
            )
        self._kinds = {column.name: column.kind for column in self.columns}
        self._known = {one: {path[-1] for path in self._where.values() if path[:-1] == one} for one in _PLACES}

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Batches with the named columns, each with the share of the file read so far."""
        for rows, share in self._read(watch=True):
            arrays = [_array(self._values(name, rows), self._kinds[name]) for name in names]
            yield pa.RecordBatch.from_arrays(arrays or [pa.nulls(len(rows))], names=list(names) or [""]), share

    @property
    def notes(self) -> tuple[str, ...]:
        """Keys that the first rows do not have, of the rows read so far."""
        if not self._late:
            return ()
        named = ", ".join(f"{key} (line {line:,})" for key, line in list(self._late.items())[:MOST_NAMED])
        more = f" and {len(self._late) - MOST_NAMED} more" if len(self._late) > MOST_NAMED else ""
        where = f"in no row of the first {BYTES_AT_ONCE >> 20} MB of {self.path.name}"
        return (f"left out, being {where}: {named}{more}; give the first row every key, null where it has no value",)

    def _read(self, *, watch: bool = False) -> Iterator[tuple[list[dict[str, Any]], float]]:
        decoder = msgspec.json.Decoder(dict[str, Any])
        number = 1
        found = blocks(self._part, last_line, lambda source: source, BYTES_AT_ONCE)
        for data, share in found:
            if number == 1 and data.removeprefix(_MARK).lstrip()[:1] == b"[":
                yield from self._array(data.removeprefix(_MARK), found, watch=watch)
                return
            lines = data.removeprefix(_MARK).split(b"\n")
            rows = self._decode(decoder, lines, number)
            if watch and number > 1:
                self._look(rows, number)
            yield rows, share
            number += data.count(b"\n")

    def _array(
        self, first: bytes, others: Iterator[tuple[bytes, float]], *, watch: bool
    ) -> Iterator[tuple[list[dict[str, Any]], float]]:
        """The rows of a file that is one array, as pandas writes records; each is counted as a line."""
        parts, size = [first], len(first)
        for data, _ in others:
            parts.append(data)
            size += len(data)
            if size > LARGEST_ARRAY:
                raise UsageError(
                    f"{self.path}: an array of more than {LARGEST_ARRAY >> 20} MB; one object a line is needed"
                )
        whole = b"".join(parts)
        try:
            items = [bytes(item) for item in parsed(whole, msgspec.json.Decoder(list[msgspec.Raw]).decode)]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"{self.path}: not an array of JSON objects: {error}") from None
        decoder = msgspec.json.Decoder(dict[str, Any])
        for at in range(0, len(items), AT_ONCE):
            rows = self._decode(decoder, items[at : at + AT_ONCE], at + 1)
            if watch and at:
                self._look(rows, at + 1)
            yield rows, min(at + AT_ONCE, len(items)) / len(items)

    def _decode(self, decoder: msgspec.json.Decoder[dict[str, Any]], lines: list[bytes], number: int) -> list[Any]:
        rows = []
        for offset, line in enumerate(lines):
            if line and not line.isspace():
                try:
                    rows.append(parsed(line, decoder.decode))
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    what = _OFFENCES.get(line.lstrip()[:1]) or error
                    raise UsageError(f"{self.path}:{number + offset}: not a JSON object: {what}") from None
        return rows

    def _look(self, rows: list[dict[str, Any]], number: int) -> None:
        """Remember keys that are no columns, with about the line of the first."""
        for offset, row in enumerate(rows):
            for place, known in self._known.items():
                given = row.get(place[0]) if place else row
                if isinstance(given, dict) and not given.keys() <= known:
                    for key in given.keys() - known - (set() if place else set(_NESTED)):
                        self._late.setdefault(key, number + offset)

    def _scout(self, wishes: Wishes) -> Iterator[Column]:
        rows, _ = next(self._read(), ([], 0.0))
        self._single = len(rows) == 1
        seen: dict[tuple[str, ...], None] = {}
        for row in rows:
            for name, value in row.items():
                if name in _NESTED and isinstance(value, dict):
                    seen.update(((name, child), None) for child in value)
                else:
                    seen[name,] = None
        order = sorted(seen, key=lambda path: _NESTED.index(path[0]) if len(path) == 2 else len(_NESTED))
        for path in order:
            name = path[-1]
            if name not in self._where and (len(path) == 2 or name not in _NESTED):
                self._where[name] = path
                origin = _ORIGINS[path[0]] if len(path) == 2 else "row"
                yield _decided(Column(name, "number", origin), self._values(name, rows), wishes)

    def _values(self, name: str, rows: list[dict[str, Any]]) -> list[Any]:
        path = self._where[name]
        if len(path) == 1:
            return [row.get(name) for row in rows]
        return [item.get(name) if isinstance(item := row.get(path[0]), dict) else None for row in rows]


def _decided(column: Column, values: list[Any], wishes: Wishes) -> Column:
    """The column, by the types of its values."""
    types = set(map(type, values)) - {type(None)}
    if types & {dict, list}:
        lists = types == {list}
        return Column(column.name, "list" if lists else "other", column.origin, what="lists" if lists else "objects")
    wanted = column.name in wishes.kinds or wishes.missing_of(column.name) is not None
    if not wanted and types <= {int, float}:
        return unless_marks(Column(column.name, "number", column.origin, empty=not types), _floats(values))
    if not wanted and types == {bool}:
        return Column(column.name, "category", column.origin)
    return decide(column, Texts(_texts(values), "mixed" if types & {int, float} else "typed"), wishes)


def _array(values: list[Any], kind: str) -> pa.Array:
    """Numbers as float64, whatever else there is among them as text; lists as lists."""
    types = set(map(type, values))
    if kind == "other" or types == {type(None)}:
        return pa.nulls(len(values))
    if types & {dict, list} or kind == "list":
        return (
            list_array(values)
            if kind == "list"
            else _texts([None if isinstance(v, dict | list) else v for v in values])
        )
    if kind == "number" and types <= _NUMBERS:
        floats = _floats(values)
        return pa.array(floats, mask=np.isnan(floats))
    return _texts(values)


def _floats(values: list[Any]) -> FloatArray:
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def _texts(values: list[Any]) -> pa.Array:
    return pa.array(
        [value if value is None or isinstance(value, str) else name_of(value) for value in values], pa.string()
    )
