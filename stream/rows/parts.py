"""The files behind `--from`: one file, a directory, or a pattern; and their bytes, decompressed."""

import bz2
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import pyarrow as pa

from stream.errors import UsageError
from stream.rows.columns import broken

FORMATS = {
    ".parquet": "parquet",
    ".parq": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
"""Ending of a name -> format."""
NAMED = ".parquet, .csv, .jsonl"
PACKED = (".gz", ".zst", ".bz2")
BLOCK_BYTES = 4 << 20
_FOREIGN = (
    (b"version https://git-lfs", "a pointer of Git LFS; `git lfs pull` brings the file itself"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook; save it as CSV"),
    (b"\x1f\x8b", "compressed by gzip; a name ending in .gz is needed"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; a name ending in .zst is needed"),
    (b"BZh91AY&SY", "compressed by bzip2; a name ending in .bz2 is needed"),
    (b"PAR1\x15", "Parquet; a name ending in .parquet is needed"),
    (b"ARROW1\0", "an Arrow file (Feather); write it as Parquet"),
    (b"Obj\x01", "an Avro file; write it as Parquet"),
    (b"\x89HDF", "an HDF5 file; write it as Parquet"),
    (b"SQLite format 3", "a SQLite database; write its table as CSV"),
    (b"\x80\x04\x95", "a pickle, which is not opened; write it as Parquet"),
    (b"\x80\x05\x95", "a pickle, which is not opened; write it as Parquet"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
)
"""What files begin with that are not what their name says."""
_LONGEST = 32
_LOGGED = {
    "_delta_log": "a Delta table",
    ".hoodie": "a Hudi table",
    "metadata/*.metadata.json": "an Iceberg table",
}
"""What is inside of a folder that is more than its files."""


class Source(Protocol):
    """Bytes one after the other."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of rows.

    Attributes:
        path: the file.
        format: parquet, csv or jsonl.
        packed: the ending of its compression; empty for none.
    """

    path: Path
    format: str
    packed: str


def parts_of(path: Path) -> list[Part]:
    """The files that a path stands for, by name: itself, those in a directory, or those that a pattern matches.

    Raises:
        UsageError: there are none, or they are of several formats or of none that is known.
    """
    found = [_part(file) for file in _files(path)]
    formats = sorted({part.format for part in found})
    if len(formats) > 1:
        raise UsageError(f"{path}: holds files of several formats ({', '.join(formats)}); name those that are meant")
    return found


def _refuse_logged(path: Path) -> None:
    """Refuse the folder of a table of which a log says which of its files count: others hold rows that are gone.

    Raises:
        UsageError: it is one.
    """
    kind = next((name for inside, name in _LOGGED.items() if any(path.glob(inside))), None)
    if kind is not None:
        raise UsageError(
            f"{path}: is {kind}, whose log says which of its files count; write the rows that it holds to Parquet first"
        )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        _refuse_logged(path)
        inside = (file for file in path.rglob("*") if file.is_file())
        own = sorted(file for file in inside if not _hidden(file.relative_to(path)) and _ending(file)[0] in FORMATS)
        if not own:
            raise UsageError(f"{path}: no file in it has a name ending in {NAMED}")
        return own
    if not path.exists() and set(path.name) & set("*?["):
        matched = sorted(file for file in path.parent.glob(path.name) if file.is_file() and file.name[0] not in "._")
        if not matched:
            raise UsageError(f"{path}: no file matches; {NAMED} files with rows are needed")
        return matched
    return [path]


def _hidden(inside: Path) -> bool:
    """Whether a file is not the user's: _SUCCESS, .part-0.crc, _temporary/..."""
    return any(name[0] in "._" for name in inside.parts)


def _ending(path: Path) -> tuple[str, str]:
    """The ending that says the format, and that of the compression."""
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in PACKED:
        return (endings[-2] if len(endings) > 1 else ""), endings[-1]
    return (endings[-1] if endings else ""), ""


def _part(path: Path) -> Part:
    ending, packed = _ending(path)
    if ending not in FORMATS:
        raise UsageError(
            f"{path}: cannot tell its format; a name ending in {NAMED} is needed (also with {' '.join(PACKED)})"
        )
    if packed and FORMATS[ending] == "parquet":
        raise UsageError(f"{path}: Parquet is compressed inside; unpack it first")
    if not path.is_file():
        raise UsageError(f"{path}: no such file; a {NAMED} file with rows is needed")
    part = Part(path, FORMATS[ending], packed)
    _refuse_foreign(part)
    return part


def _refuse_foreign(part: Part) -> None:
    """Refuse a file of another format than its name says.

    Raises:
        UsageError: with the format.
    """
    try:
        with Reading(part) as reading:
            head = reading.read(_LONGEST)
    except (OSError, EOFError, pa.ArrowException) as error:
        raise broken(part.path, error) from None
    if part.format == "parquet" and head.startswith(b"PAR1"):
        return
    plain = head.lstrip().lower() if head.lstrip()[:1] == b"<" else head
    what = next((what for start, what in _FOREIGN if plain.startswith(start)), None)
    if what is not None:
        raise UsageError(f"{part.path}: is {what}")


class Reading:
    """The bytes of a part as they are read.

    Decompressed in this thread: one of Arrow's own that calls back into Python can abort the process at its exit.
    """

    def __init__(self, part: Part) -> None:
        self._file = part.path.open("rb")
        self._size = max(part.path.stat().st_size, 1)
        unpack: dict[str, Callable[[Any], Source]] = {
            ".gz": lambda file: gzip.GzipFile(fileobj=file),
            ".bz2": bz2.BZ2File,
            ".zst": lambda file: pa.CompressedInputStream(file, "zstd"),
        }
        self._source: Source = unpack[part.packed](self._file) if part.packed else self._file

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def read(self, size: int, /) -> bytes:
        """At most so many bytes."""
        return self._source.read(size)

    @property
    def share(self) -> float:
        """How much of the file was read, 0 to 1."""
        return min(self._file.tell() / self._size, 1.0)


def blocks(
    part: Part, cut: Callable[[bytes], int], wrap: Callable[[Source], Source], size: int = BLOCK_BYTES
) -> Iterator[tuple[bytes, float]]:
    """The bytes of a part in blocks of whole records, each with the share of the file read so far.

    Args:
        part: the file.
        cut: where the last whole record of some bytes ends; 0 for none.
        wrap: what its bytes are read through, such as a decoder.
        size: bytes at once.

    Raises:
        UsageError: it cannot be read.
    """
    rest = b""
    try:
        with Reading(part) as reading:
            source = wrap(reading)
            while data := source.read(size):
                rest += data
                end = cut(rest)
                if end:
                    yield rest[:end], reading.share
                    rest = rest[end:]
            if rest:
                yield rest, 1.0
    except (OSError, EOFError, UnicodeError, pa.ArrowException) as error:
        raise broken(part.path, error) from None


def last_line(data: bytes) -> int:
    """Where the last whole line ends."""
    return data.rfind(b"\n") + 1
