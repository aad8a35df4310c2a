"""Files that are there whole or not at all, and what they are called."""

import os
import re
import tempfile
from pathlib import Path

from stream.errors import UsageError


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; its directory is made if need be.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).chmod(0o644)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None


def file_name(model: str) -> str:
    """What files of a model are called: its name without what a file system may not take."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.") or "model"
