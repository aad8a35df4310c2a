"""How a CSV file is written: its encoding, delimiter, quotes and header, from its first bytes."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from stream.errors import UsageError
from stream.rows.headless import doubt_of
from stream.rows.parts import Source

HEAD_BYTES = 256 << 10
SAMPLED_ROWS = 100
DELIMITERS = ",;\t|"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SEPARATOR = re.compile(r"sep=([,;\t|])[,;\t|]*")
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
        returns: whether lines end in a carriage return alone.
        preamble: lines before the header: comments, and Excel's `sep=;`.
        doubtful: whether the header may be a row like the others.
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    unnamed: tuple[str, ...]
    multiline: bool
    spaced: bool = False
    returns: bool = False
    preamble: tuple[str, ...] = ()
    doubtful: bool = False

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
    returns = "\r" in text and "\n" not in text
    text = text.replace("\r", "\n") if returns else text
    if len(head) == HEAD_BYTES and "\n" in text:
        text = text[: text.rfind("\n") + 1]
    preamble, text, delimiter = _preamble(text)
    delimiter = delimiter or _delimiter(text, path)
    rows = _rows(text, delimiter)
    names, unnamed = _header(path, rows)
    doubt = doubt_of(rows[0], rows[1:])
    if doubt == "data":
        raise _headless(path, rows[0])
    spaced = len(rows[0]) > 1 and all(field.startswith(" ") for field in rows[0][1:])
    multiline = any("\n" in field for row in rows for field in row)
    doubtful = doubt == "perhaps"
    return Dialect(encoding, delimiter, names, unnamed, multiline, spaced, returns, preamble, doubtful)


def _preamble(text: str) -> tuple[tuple[str, ...], str, str]:
    """The lines before the header, the text from the header on, and the delimiter that they name, if they do.

    A line with # at its beginning is a comment where the next without has more delimiters: a column may be called #id.
    """
    lines: list[str] = []
    named = ""
    rest = text.lstrip("\r\n")
    while True:
        line, _, after = rest.partition("\n")
        following = next((other for other in after.split("\n", 64)[:64] if other.strip() and other[0] != "#"), "")
        excel = _SEPARATOR.fullmatch(line.rstrip("\r")) if not lines else None
        if excel is not None:
            named = excel[1]
        elif not line.startswith("#") or all(line.count(mark) >= following.count(mark) for mark in DELIMITERS):
            return tuple(lines), rest, named
        lines.append(line.rstrip("\r"))
        rest = after.lstrip("\r\n")


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


class Returned:
    """Bytes whose lines end in a carriage return alone, as Excel on a Mac writes them, with newlines."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, size: int, /) -> bytes:
        """At most so many bytes."""
        return self._source.read(size).replace(b"\r", b"\n")


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
    _refuse_title(text, path)
    return next((delimiter for delimiter in order if delimiter not in text), order[0])  # one column, it may be of 1,5


def _refuse_title(text: str, path: Path) -> None:
    """Refuse a table below a line that is no header.

    Raises:
        UsageError: with that line.
    """
    for delimiter in DELIMITERS:
        first, *others = _rows(text, delimiter)
        if len(first) == 1 and len(others) > 1 and len({len(row) for row in others}) == 1 and len(others[0]) > 2:
            raise UsageError(
                f"{path}: its first line ({first[0][:60]!r}) has one field and the next ones {len(others[0])}; a header"
                " with the columns' names is needed, with nothing but comments (#) before it"
            )


def _header(path: Path, rows: list[list[str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not rows:
        raise UsageError(f"{path}: empty; a header and rows are needed")
    header = [name.strip() for name in rows[0]]
    if len(rows) > 1 and all(len(row) == len(header) + 1 for row in rows[1:]):
        ended = all(row[-1] == "" for row in rows[1:])  # a delimiter ends each row, and not the header
        header = [*header, ""] if ended else ["", *header]  # R's write.table names no column of row names
    if any(_is_fraction(name) for name in header):
        raise _headless(path, header)
    names = [name or f"Unnamed: {index}" for index, name in enumerate(header)]
    unnamed = [name for index, name in enumerate(names) if not header[index] or name == f"Unnamed: {index}"]
    return tuple(names), tuple(unnamed)


def _headless(path: Path, first: Sequence[str]) -> UsageError:
    shown = ", ".join(first[:3]) + (", ..." if len(first) > 3 else "")
    return UsageError(f"{path}: its first line ({shown}) looks like data; a header with the columns' names is needed")


def _is_fraction(name: str) -> bool:
    """Whether a name is a number that no column is called by: 0.5, but not 2024."""
    try:
        return not float(name).is_integer() and "." in name
    except (ValueError, OverflowError):
        return False
