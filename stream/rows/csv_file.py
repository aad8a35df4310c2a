"""Rows of CSV files.

Everything is read as text and typed afterwards, so that one odd cell far down decides nothing. Blocks are parsed in
this thread, from memory of Arrow's own: its streaming reader goes on reading ahead in a thread of its own, which aborts
the process when that ends meanwhile and the file is a Python object.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from pyarrow import compute

from stream.errors import UsageError
from stream.rows.columns import Column, Wishes, broken
from stream.rows.dialect import Decoded, Dialect, Returned, dialect_of, whole_records
from stream.rows.kinds import NULLS, Texts, decide
from stream.rows.lists import list_array
from stream.rows.parts import Part, Reading, Source, blocks, last_line

MOST_SCOUTED = 16
"""Blocks looked at, while there is a column without a value in those before."""
_NULLS = sorted(NULLS)


class CsvRows:
    """Rows of a CSV file with a header. An empty field is missing."""

    def __init__(self, part: Part, wishes: Wishes) -> None:
        """Learn the dialect, and from the first rows the kinds of the columns."""
        self.path: Path = part.path
        self._part = part
        with Reading(part) as reading:
            self._dialect: Dialect = dialect_of(part.path, reading)
        self._nulls = [""]
        self.columns = tuple(self._columns(wishes))
        self.notes = tuple(self._notes())

    def batches(self, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Batches with the named columns as text, lists as lists, each with the share of the file read so far."""
        wanted = list(names) or list(self._dialect.names[:1])
        for data, share in self._blocks():
            table = self._parse(data, wanted, self._nulls)
            if self._dialect.spaced:
                table = pa.table({name: compute.utf8_trim_whitespace(table.column(name)) for name in wanted})
            for name in (column.name for column in self.columns if column.kind == "list" and column.name in wanted):
                cells = list_array(table.column(name).to_pylist())
                table = table.set_column(table.column_names.index(name), name, cells)
            for batch in table.combine_chunks().to_batches():
                yield batch, share

    def _blocks(self) -> Iterator[tuple[bytes, float]]:
        """Blocks of whole records, the header left out."""
        dialect = self._dialect

        def wrap(source: Source) -> Source:
            plain = Decoded(source, dialect.encoding) if dialect.foreign else source
            return Returned(plain) if dialect.returns else plain

        cut, first = whole_records if dialect.multiline else last_line, True
        for data, share in blocks(self._part, cut, wrap):
            body = _without_header(data, dialect) if first else data
            first = False
            if body.strip():
                yield body, share

    def _parse(self, data: bytes, names: Sequence[str], nulls: Sequence[str]) -> pa.Table:
        own = pa.allocate_buffer(len(data))
        np.frombuffer(own, np.uint8)[:] = np.frombuffer(data, np.uint8)
        try:
            return pc.read_csv(
                pa.BufferReader(own),
                read_options=pc.ReadOptions(
                    use_threads=False, block_size=len(data) + 1, column_names=self._dialect.names
                ),
                parse_options=pc.ParseOptions(
                    delimiter=self._dialect.delimiter,
                    newlines_in_values=self._dialect.multiline,
                    ignore_empty_lines=len(self._dialect.names) > 1,  # of one column they are missing values
                ),
                convert_options=pc.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    include_columns=list(names),
                    null_values=list(nulls),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise broken(self.path, error) from None

    def _columns(self, wishes: Wishes) -> Iterator[Column]:
        names = self._dialect.names
        _refuse_twins(self.path, names)
        scouted: list[pa.Table] = []
        for number, (data, _) in enumerate(self._blocks()):
            if number and (number >= MOST_SCOUTED or not any(_blank(scouted, name) for name in names)):
                break
            self._nulls = self._nulls if number else self._marks(data)
            scouted.append(self._parse(data, names, self._nulls))
        for name in names:
            column = Column(name, "number", bookkeeping=name in self._dialect.unnamed)
            if not scouted:
                yield column
                continue
            cells = pa.chunked_array(
                [table.column(name) for table in scouted[-1:] if len(scouted) > 1] or scouted[0].column(name).chunks
            )
            if cells.null_count == len(cells) and len(scouted) > 1:
                cells = pa.chunked_array([chunk for table in scouted for chunk in table.column(name).chunks])
            yield decide(column, Texts(cells.combine_chunks(), "csv"), wishes)

    def _marks(self, data: bytes) -> list[str]:
        """What stands for no value: besides the empty field also NA and its like where quotes tell them from text."""
        table = self._parse(data, self._dialect.names, _NULLS)
        for column in table.columns:
            if column.null_count and compute.any(compute.is_in(column, value_set=pa.array(_NULLS[1:]))).as_py():
                return _NULLS
        return [""]

    def _notes(self) -> Iterator[str]:
        if self._dialect.encoding not in {"utf-8", "utf-8-sig"}:
            yield f"{self.path.name} is not UTF-8; it was read as {self._dialect.encoding}"
        if self._dialect.doubtful:
            shown = ", ".join(self._dialect.names[:3])
            yield (
                f"the first line of {self.path.name} ({shown}, ...) is taken for the columns' names, though it looks"
                " like a row: where it is one, the file needs a header"
            )
        for line in self._dialect.preamble:
            yield f"left out, standing before the header of {self.path.name}: {line[:60]!r}"


def _refuse_twins(path: Path, names: Sequence[str]) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"{path}: column {min(twice)!r} appears twice; each column needs a name of its own")


def _blank(scouted: list[pa.Table], name: str) -> bool:
    return all(table.column(name).null_count == len(table) for table in scouted)


def _without_header(data: bytes, dialect: Dialect) -> bytes:
    """The block after its header, what stands before that, and blank lines between them."""
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    for _ in dialect.preamble:
        data = data[data.find(b"\n") + 1 :].lstrip(b"\r\n")
    end = data.find(b"\n")
    while dialect.multiline and end >= 0 and data.count(b'"', 0, end) % 2:
        end = data.find(b"\n", end + 1)
    return data[end + 1 :] if end >= 0 else b""
