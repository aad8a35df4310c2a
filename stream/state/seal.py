"""The seal: what every file of a state directory held when the monitor stopped, checked at the next start.

SQLite and RocksDB find damage of their own structures, and snapshots carry checksums; a bit that flips in between, in a
number beside a snapshot for example, nobody would notice. There is no seal while the monitor runs, nor after a kill.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from stream.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEAL = "driftgauge.seal"

SEALED = ("driftgauge.json", "*.sqlite3*", "join/*/*")
"""Patterns of the files that hold state."""

UNSEALED = ("LOCK", "LOG*")
"""Files of RocksDB among them that hold none."""

MOST = 1 << 30
"""Bytes of tables of the join store up to which they are read, too: beyond it the store's own checksums must do."""

_CHUNK = 1 << 20


def seal(directory: Path) -> None:
    """Note what all files hold. Everybody who writes to them must have ended."""
    facts = {str(path.relative_to(directory)): _facts(path, whole) for path, whole in _files(directory)}
    text = json.dumps(facts, indent=0, sort_keys=True)
    write_atomically(directory / SEAL, f"{text}\n{zlib.crc32(text.encode()):08x}\n".encode())


def broken(directory: Path) -> str:
    """What is not as it was when it was sealed, in words; empty when all is, or when there is no seal."""
    try:
        text, _, check = (directory / SEAL).read_text().rstrip("\n").rpartition("\n")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeError) as error:
        return f"{SEAL} cannot be read: {error}"
    if f"{zlib.crc32(text.encode()):08x}" != check:
        return f"{SEAL} itself was changed after the stop"
    known: dict[str, list[int]] = json.loads(text)
    found = {str(path.relative_to(directory)): path for path, _ in _files(directory)}
    for name in sorted(known.keys() - found.keys()):
        return f"{name} is missing"
    for name, facts in known.items():
        if _facts(found[name], len(facts) > 1) != facts:
            return f"{name} was changed after the stop"
    return ""


def unseal(directory: Path) -> None:
    """Files may change from now on."""
    (directory / SEAL).unlink(missing_ok=True)


def _files(directory: Path) -> Iterator[tuple[Path, bool]]:
    """The files that hold state, and whether their content is looked at."""
    paths = sorted(path for pattern in SEALED for path in directory.glob(pattern) if path.is_file())
    tables = sum(path.stat().st_size for path in paths if path.suffix == ".sst")
    for path in paths:
        if not any(path.match(pattern) for pattern in UNSEALED):
            yield path, path.suffix != ".sst" or tables <= MOST


def _facts(path: Path, whole: bool) -> list[int]:
    """Size and, where the content counts, CRC-32: one flipped bit is always found, anything else but once in 4e9."""
    size, check = path.stat().st_size, 0
    if not whole:
        return [size]
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            check = zlib.crc32(chunk, check)
    return [size, check]
