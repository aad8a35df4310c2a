"""How large the state is and how much room its disk has left, looked at when it is scraped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stream.metrics import catalog
from stream.metrics.reports import GaugeBlock

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from stream.metrics.reports import Report

_OWNER = "state"


class StateUsage:
    """A probe for the registry; shows nothing while there is no directory."""

    def __init__(self, directory: Path) -> None:
        """Look at this directory."""
        self._directory = directory

    def __call__(self) -> Iterable[Report]:
        """Bytes of all files in it, and bytes that this user may still write to its disk."""
        try:
            disk = os.statvfs(self._directory)
        except OSError:
            rows: tuple[tuple[str, ...], ...] = ()
            free = held = 0.0
        else:
            rows = ((),)
            free, held = float(disk.f_bavail * disk.f_frsize), float(_size(str(self._directory)))
        for metric, value in ((catalog.STATE_BYTES, held), (catalog.STATE_DISK_FREE_BYTES, free)):
            yield GaugeBlock(_OWNER, metric.name, rows, (value,) * len(rows))


def _size(directory: str) -> int:
    """Bytes of the files below a directory; what is removed meanwhile counts nothing."""
    total = 0
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                total += _size(entry.path) if entry.is_dir(follow_symlinks=False) else _length(entry)
    except OSError:
        return total
    return total


def _length(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0
