"""Files as lanes of a replay: JSON Lines, plain or compressed with gzip, read in large blocks and split in C."""

from __future__ import annotations

import glob
import zlib
from gzip import GzipFile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from operators.records import NoEnvelopes, Topic
from stream.errors import UsageError
from stream.replay.lanes import Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from io import BufferedReader

LARGEST = 1 << 20
"""Bytes of the largest block, some thousand predictions; measured best: larger ones fall out of the caches."""

READ = 1 << 16
"""Bytes read at least at a time."""

LONGEST_LINE = 64 << 20
"""Bytes without a line break after which a file is not taken for JSON Lines."""

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


def files_of(given: Iterable[str], option: str = "--predictions") -> list[Path]:
    """The files that paths and patterns name, in the order given, those of a pattern by name.

    Raises:
        UsageError: one does not exist, is a directory or is named twice; a pattern matches nothing.
    """
    found: list[Path] = []
    for text in given:
        if Path(text).exists():
            matches = [text]
        else:
            matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - absolute patterns too
            if not matches:
                said = "no file matches" if glob.has_magic(text) else "no such file"
                raise UsageError(f"{option} {text}: {said}")
        for match in map(Path, matches):
            if match.is_dir():
                raise UsageError(f"{option} {match}: is a directory; allowed are files, such as '{match}/*.jsonl'")
            if match in found:
                raise UsageError(f"{option} {match}: named twice")
            found.append(match)
    return found


class FileLane:
    """A file of predictions or of feedback, one a line; blank lines are no records.

    Raises:
        UsageError: it cannot be read.
    """

    largest = LARGEST

    def __init__(self, path: Path, holds: Topic = Topic.PREDICTIONS, source: int | None = None) -> None:
        self.topic = str(path)
        self.holds = holds
        self.source = source
        try:
            self._raw = cast("BufferedReader", path.open("rb", buffering=READ))
            self.total = max(1, path.stat().st_size)
            packed = self._raw.peek(2).startswith(_GZIP)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
        self._file: GzipFile | BufferedReader = GzipFile(fileobj=self._raw) if packed else self._raw
        self._rest = b""
        self._line = 1
        self._at_end = False

    @property
    def done(self) -> int:
        """Bytes read of the file as it is stored; nothing is known of a pipe before its end."""
        if self._raw.closed:
            return self.total
        return self._raw.tell() if self._raw.seekable() else 0

    def read(self, size: int) -> Block:
        """The next lines: `size` bytes and whatever completes the line that they end in.

        Raises:
            UsageError: the file cannot be read further, or is not made of lines.
        """
        data = self._bytes(size)
        first = self._line
        if first == 1 and data.startswith(_BOM):
            data = data[len(_BOM) :]
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        self._line += len(lines)
        ended = self._at_end and not self._rest
        if ended:
            self.close()
        numbers: Sequence[int] = ()
        if b"" in lines or b"\r\n" in data or any(map(bytes.isspace, lines)):
            kept = [(number, line.removesuffix(b"\r")) for number, line in enumerate(lines, first) if line.strip()]
            lines, numbers = [line for _, line in kept], [number for number, _ in kept]
        return Block(lines, None, NoEnvelopes(first, numbers), ended)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()

    def _bytes(self, size: int) -> bytes:
        """Whole lines: up to the first line break at or after `size` bytes, or to the end."""
        data, searched = self._rest, 0
        while (cut := data.find(b"\n", max(size - 1, searched))) < 0 and not self._at_end:
            searched = len(data)
            if searched - size > LONGEST_LINE:
                megabytes = LONGEST_LINE >> 20
                raise UsageError(f"{self.topic}: no line break in {megabytes} MB: one prediction a line is needed")
            data += self._more(max(size - len(data) + READ, len(data)))
        if cut < 0:
            self._rest = b""
            return data
        self._rest = data[cut + 1 :]
        return data[: cut + 1]

    def _more(self, size: int) -> bytes:
        try:
            more = self._file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(f"{self.topic}: cannot be read after line {self._line - 1}: {why}") from None
        self._at_end = not more
        return more
