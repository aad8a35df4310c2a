"""Opening the database of a shard, and what may stand in the way."""

from __future__ import annotations

import time
from fnmatch import fnmatch
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from rocksdict import Options, Rdict

from stream.state.directory import StateError
from stream.state.lock import StateInUseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 20.0
"""Seconds that the process that had the shard before gets to end."""

REMEDY = (
    "restore the whole state.directory from a backup, or start with a new one (what waits for labels there is lost)"
)

INCOMING = "incoming"
"""Directory of the files about to be taken in."""

_POLL = 0.05

_RACES = ("/LOCK: ", "Column families not opened")
"""What RocksDB says while another process has the database, or created a column family after we listed them."""

_DAMAGES = ("Corruption: ", "IO error: No such file or directory", "IO error: While open a file for random read")
"""How RocksDB says that a file is not what it wrote."""

P = ParamSpec("P")
R = TypeVar("R")

_UNFINISHED = ("LOCK", "LOG*", "IDENTITY", "MANIFEST-*", "*.dbtmp", INCOMING)
"""What a kill leaves of a database that was being created."""


def open_database(path: Path, options: Options, patience: float) -> tuple[Rdict, list[str]]:
    """The database at the path, created there when there is none, and the names of its column families.

    Raises:
        StateInUseError: another process has it open and does not end.
        StateError: the directory holds something else, or is damaged.
    """
    _prepare(path)
    deadline = time.monotonic() + patience
    while True:
        try:
            names = _names(path)
            database = Rdict(str(path), options, dict.fromkeys(names, options))
        except Exception as error:
            if not any(race in str(error) for race in _RACES):
                raise StateError(f"{path}: damaged: {one_line(error)}; {REMEDY}") from error
            if time.monotonic() > deadline:
                raise StateInUseError(f"{path}: another process has this part of the join store open") from error
            time.sleep(_POLL)
        else:
            (path / INCOMING).mkdir(mode=0o700, exist_ok=True)
            return database, names


def _prepare(path: Path) -> None:
    """Our directory, either new or one that looks like a database."""
    try:
        for directory in (path.parent, path):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {file.name for file in path.iterdir()}
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from error
    strange = [name for name in sorted(names) if not any(fnmatch(name, known) for known in _UNFINISHED)]
    if strange and "CURRENT" not in names:
        raise StateError(f"{path}: holds {strange[0]} but no CURRENT: not a join store, or damaged; {REMEDY}")


def _names(path: Path) -> list[str]:
    """The column families that are there."""
    return Rdict.list_cf(str(path)) if (path / "CURRENT").exists() else ["default"]


def whole(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """A method of a store, with damage that RocksDB finds in a file told as such: no restart would mend it."""

    @wraps(method)
    def told(self: Any, /, *args: P.args, **given: P.kwargs) -> R:
        try:
            return method(self, *args, **given)
        except StateError:
            raise
        except Exception as error:
            if any(damage in str(error) for damage in _DAMAGES):
                raise StateError(f"{self.path}: damaged: {one_line(error)}; {REMEDY}") from error
            raise

    return told


def one_line(error: Exception) -> str:
    """What RocksDB says, without line breaks."""
    return " ".join(str(error).split())
