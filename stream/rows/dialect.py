"""How a CSV file is written: its encoding, delimiter, quotes and header, from its first bytes."""

import codecs
import csv
import io
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from stream.errors import UsageError
from stream.rows.parts import Source

HEAD_BYTES = 256 << 10
SAMPLED_ROWS = 100
DELIMITERS = ",;\t|"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
FALLBACK = "cp1252"
"""What text that is not UTF-8 is read as; every byte but five is a character there."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written.

    Attributes:
        encoding: a codec of Python's.
        delimiter: what stands between fields.
        names: the columns; unnamed ones are called "Unnamed: 0" and so on, as pandas does.
        unnamed: those of them that have no name in the file.
        multiline: whether quoted fields hold line breaks.
        spaced: whether a space follows each delimiter.
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    unnamed: tuple[str, ...]
    multiline: bool
    spaced: bool = False

    @property
    def foreign(self) -> bool:
        """Whether the bytes must be decoded before they are read as UTF-8."""
        return self.encoding != "utf-8"


def dialect_of(path: Path, source: Source) -> Dialect:
    """The dialect of the file that these are the first bytes of.

    Raises:
        UsageError: it is empty, or its first line is no header.
    """
    head = source.read(HEAD_BYTES)
    encoding = encoding_of(head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    if not text.strip():
        raise UsageError(f"{path}: empty; a header and rows are needed")
    if len(head) == HEAD_BYTES and "\n" in text:
        text = text[: text.rfind("\n") + 1]
    delimiter = _delimiter(text, path)
    rows = _rows(text, delimiter)
    names, unnamed = _header(path, rows)
    spaced = len(rows[0]) > 1 and all(field.startswith(" ") for field in rows[0][1:])
    return Dialect(encoding, delimiter, names, unnamed, any("\n" in field for row in rows for field in row), spaced)


def encoding_of(head: bytes) -> str:
    """UTF-8 where it is that, UTF-16 where a mark says so, else FALLBACK."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return FALLBACK
    return "utf-8"


class Decoded:
    """Bytes of another encoding as UTF-8."""

    def __init__(self, source: Source, encoding: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)("strict" if encoding != FALLBACK else "replace")

    def read(self, size: int, /) -> bytes:
        """At most about so many bytes."""
        while data := self._source.read(size):
            if text := self._decoder.decode(data):
                return text.encode()
        return self._decoder.decode(b"", final=True).encode()


def whole_records(data: bytes) -> int:
    """Where the last record ends whose quotes are closed: line breaks within quotes are none."""
    end = len(data)
    while (end := data.rfind(b"\n", 0, end)) >= 0:
        if data.count(b'"', 0, end) % 2 == 0:
            return end + 1
    return 0


def _rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        rows = islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), SAMPLED_ROWS)
        return [row for row in rows if row]
    except csv.Error:
        return [line.split(delimiter) for line in text.splitlines()[:SAMPLED_ROWS] if line]


def _delimiter(text: str, path: Path) -> str:
    """The delimiter by which most rows have as many fields as the header, and the most of them."""
    order = ("\t" + DELIMITERS.replace("\t", "")) if ".tsv" in path.suffixes else DELIMITERS

    def fit(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in _rows(text, delimiter)]
        if not widths or widths[0] < 2:
            return 0.0, 0
        alike = sum(width in {widths[0], widths[0] + 1} for width in widths)
        return round(alike / len(widths), 1), widths[0]

    best = max(order, key=fit)
    if fit(best)[0] > 0:
        return best
    return next((delimiter for delimiter in order if delimiter not in text), order[0])  # one column, it may be of 1,5


def _header(path: Path, rows: list[list[str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not rows:
        raise UsageError(f"{path}: empty; a header and rows are needed")
    header = [name.strip() for name in rows[0]]
    if len(rows) > 1 and all(len(row) == len(header) + 1 for row in rows[1:]) and rows[1][-1] != "":
        header = ["", *header]  # R's write.table names no column of row names
    if any(_is_fraction(name) for name in header):
        shown = ", ".join(header[:3])
        raise UsageError(
            f"{path}: its first line ({shown}, ...) looks like data; a header with the columns' names is needed"
        )
    names = [name or f"Unnamed: {index}" for index, name in enumerate(header)]
    unnamed = [name for index, name in enumerate(names) if not header[index] or name == f"Unnamed: {index}"]
    return tuple(names), tuple(unnamed)


def _is_fraction(name: str) -> bool:
    """Whether a name is a number that no column is called by: 0.5, but not 2024."""
    try:
        return not float(name).is_integer() and "." in name
    except (ValueError, OverflowError):
        return False
