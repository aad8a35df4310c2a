"""Archive: the history on disk, one SQLite file.

SQLite, and not DuckDB: it is part of Python, so nothing is added to the wheel; one process writes while others read;
a kill at any moment leaves it whole; and SQLite itself keeps the file below a size (`max_page_count`).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from stream.history.codec import (
    pack_columns,
    pack_counts,
    pack_event,
    pack_values,
    unpack_columns,
    unpack_counts,
    unpack_event,
    unpack_values,
)
from stream.history.frame import Frame, merged
from stream.history.tiers import DAY, TIERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from operators.alerts.event import AlertEvent
    from stream.history.frame import Column, Source
    from stream.history.tiers import Tier

FORMAT = 1
"""`user_version` of the file; one of another format is put aside."""

HISTORY = "history/history.sqlite"
"""Below a state directory, or a directory of results."""

UNFINISHED = "history/unfinished"
"""Below a directory of results: an empty file while the replay is not complete, so that a report says so."""

LATEST = 9
"""Stands in place of a tier for the latest frame of each window, segments and all."""

PAGE = 4_096
LEAST_BYTES = 4 << 20

_SCHEMA = """
CREATE TABLE columns (id BLOB PRIMARY KEY, text BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE frames (
  tier INTEGER, model TEXT, source TEXT, size INTEGER, slot INTEGER, end INTEGER NOT NULL, window TEXT NOT NULL,
  columns BLOB NOT NULL, numbers BLOB NOT NULL, PRIMARY KEY (tier, model, source, size, slot)
) WITHOUT ROWID;
CREATE TABLE sketches (
  model TEXT, version TEXT, start INTEGER, end INTEGER, layout TEXT NOT NULL, counts BLOB NOT NULL,
  PRIMARY KEY (model, version, start)
) WITHOUT ROWID;
CREATE TABLE last_sketches (
  model TEXT, size INTEGER, version TEXT, start INTEGER NOT NULL, end INTEGER NOT NULL, layout TEXT NOT NULL,
  counts BLOB NOT NULL, PRIMARY KEY (model, size, version)
) WITHOUT ROWID;
CREATE TABLE events (id TEXT PRIMARY KEY, model TEXT NOT NULL, at INTEGER NOT NULL, event BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX events_at ON events (at);
"""


class Slot(NamedTuple):
    """A frame, and the span of a tier that it stands for."""

    tier: int
    slot: int
    frame: Frame


class Stored(NamedTuple):
    """What a model's predictions were in [start, end), ms: counts as of a Sketch, on the bins of `layout`."""

    model: str
    version: str
    start: int
    end: int
    layout: str
    counts: npt.NDArray[np.int64]


class Archive:
    """The file. One process writes; any may read.

    Args:
        path: its directory is made for this user alone when it is first written to.
        most: bytes that it may have.
        keep: ms after which nothing is kept, whatever its tier.
    """

    def __init__(self, path: Path, most: int = 1 << 30, keep: int = 400 * DAY) -> None:
        self.path = path
        self._most = max(most, LEAST_BYTES)
        self._keep = keep
        self._writing: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._columns: dict[bytes, tuple[Column, ...]] = {}
        self._known: set[bytes] = set()
        self._seen: set[tuple[object, ...]] = set()

    def write(
        self,
        slots: Iterable[Slot],
        sketches: Iterable[Stored],
        events: Iterable[AlertEvent],
        last: Iterable[Stored] = (),
    ) -> None:
        """Write all or nothing; room is made where there is none. `last` are the latest sketches of every window.

        Raises:
            OSError: the directory cannot be written to.
            sqlite3.Error: the file cannot.
        """
        all_ = list(slots), list(sketches), list(events), list(last)
        try:
            self._write(*all_)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            self.make_room()
            self._write(*all_)

    def _write(self, slots: list[Slot], sketches: list[Stored], events: list[AlertEvent], last: list[Stored]) -> None:
        file = self._open()
        try:
            with file:
                for slot in slots:
                    self._put(file, slot)
                file.executemany(
                    "INSERT OR REPLACE INTO sketches VALUES (?, ?, ?, ?, ?, ?)",
                    [(*one[:5], pack_counts(one.counts)) for one in sketches],
                )
                if last:
                    file.execute("DELETE FROM last_sketches")
                file.executemany(
                    "INSERT OR REPLACE INTO last_sketches VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [(one.model, one.end - one.start, one.version, *one[2:5], pack_counts(one.counts)) for one in last],
                )
                file.executemany(
                    "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?)",
                    [(event.id, event.model, event.event_time, pack_event(event)) for event in events],
                )
        except sqlite3.Error:
            self._known.clear()
            self._seen.clear()
            raise

    def _put(self, file: sqlite3.Connection, slot: Slot) -> None:
        frame = slot.frame
        key = (slot.tier, frame.model, frame.source, frame.size, slot.slot)
        if key not in self._seen and slot.tier != LATEST:
            former = self._frames(file, "slot = ?", (*key[:4], slot.slot))
            frame = merged(former[0], frame) if former else frame
            self._seen.add(key)
        name, text = pack_columns(frame.columns)
        if name not in self._known:
            file.execute("INSERT OR IGNORE INTO columns VALUES (?, ?)", (name, text))
            self._known.add(name)
        row = (*key, frame.end, frame.window, name, pack_values(frame.values))
        file.execute("INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def prune(self) -> None:
        """Forget what is older than its tier is kept, and make one sketch a day of those of days that are over."""
        file = self._open()
        with file:
            for tier in TIERS:
                self._forget(file, tier)
            newest = file.execute("SELECT max(end) FROM sketches").fetchone()[0] or 0
            file.execute("DELETE FROM sketches WHERE end < ?", (newest - self._keep,))
            file.execute("DELETE FROM events WHERE at < (SELECT max(at) FROM events) - ?", (self._keep,))
            self._compact(file, newest)
        self._seen.clear()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _forget(self, file: sqlite3.Connection, tier: Tier) -> None:
        newest = file.execute("SELECT max(end) FROM frames WHERE tier = ?", (tier.number,)).fetchone()[0] or 0
        before = newest - min(tier.keep, self._keep)
        file.execute("DELETE FROM frames WHERE tier = ? AND end < ?", (tier.number, before))

    def _compact(self, file: sqlite3.Connection, newest: int) -> None:
        """Add up the sketches of each day that ended a day ago."""
        limit = newest // DAY * DAY - DAY
        days: dict[tuple[str, str, int, str], list[Stored]] = {}
        for one in self._sketches(file, "end <= ? AND end - start < ?", (limit, DAY)):
            days.setdefault((one.model, one.version, one.start // DAY, one.layout), []).append(one)
        for parts in days.values():
            if len(parts) > 1:
                total = sum((part.counts for part in parts[1:]), start=parts[0].counts)
                file.executemany(
                    "DELETE FROM sketches WHERE model = ? AND version = ? AND start = ?", [part[:3] for part in parts]
                )
                row = (*parts[0][:3], parts[-1].end, parts[0].layout, pack_counts(total))
                file.execute("INSERT OR REPLACE INTO sketches VALUES (?, ?, ?, ?, ?, ?)", row)

    def make_room(self) -> None:
        """Forget the oldest tenth of every table."""
        file = self._open()
        with file:
            for table, at in (("frames", "end"), ("sketches", "end"), ("events", "at")):
                cut = file.execute(
                    f"SELECT {at} FROM {table} ORDER BY {at} LIMIT 1 OFFSET (SELECT count(*) / 10 FROM {table})"  # noqa: S608 - names of ours
                ).fetchone()
                if cut is not None:
                    less = f" AND tier < {LATEST}" if table == "frames" else ""
                    file.execute(f"DELETE FROM {table} WHERE {at} <= ?{less}", cut)  # noqa: S608 - names of ours
        self._seen.clear()

    def size(self) -> int:
        """Bytes on disk, those not yet moved into the file included."""
        total = 0
        for path in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            with contextlib.suppress(OSError):
                total += path.stat().st_size
        return total

    def frames(self, model: str, source: Source, size: int, tier: int, since: int, until: int) -> list[Frame]:
        """The frames of a tier that end in [since, until] (ms), oldest first; none where there is no file."""
        found = self._read(
            lambda file: self._frames(
                file, "end >= ? AND end <= ? ORDER BY slot", (tier, model, source, size, since, until)
            )
        )
        return found or []

    def latest(self, model: str) -> list[Frame]:
        """The latest frame of each window of a model as it was when it was last written, segments and all."""
        ask = "SELECT DISTINCT source, size FROM frames WHERE tier = ? AND model = ?"

        def found(file: sqlite3.Connection) -> list[Frame]:
            keys = file.execute(ask, (LATEST, model)).fetchall()
            return [frame for key in keys for frame in self._frames(file, "slot = 0", (LATEST, model, *key))]

        frames = self._read(found) or []
        return sorted(frames, key=lambda frame: (frame.source != "predictions", frame.size))

    def last_sketches(self, model: str, size: int) -> list[Stored]:
        """What each version of a window (ms) held when it was last written."""
        ask = "SELECT model, version, start, end, layout, counts FROM last_sketches WHERE model = ? AND size = ?"
        rows = self._read(lambda file: file.execute(ask, (model, size)).fetchall()) or []
        return [_stored(row) for row in rows]

    def extent(self, models: list[str]) -> tuple[int, int | None]:
        """When what is known of any of the models begins and ends, ms; (0, None) for nothing.

        It begins with the first span of the finest tier that reaches as far back as the coarsest.
        """
        marks = ",".join("?" * len(models))
        ask = (
            "SELECT tier, min(slot), max(end) FROM frames"  # noqa: S608 - marks of ours
            f" WHERE tier < {LATEST} AND model IN ({marks}) GROUP BY tier ORDER BY tier DESC"
        )
        rows = self._read(lambda file: file.execute(ask, models).fetchall()) or []
        begins, within = 0, None
        for number, slot, _ in rows:
            step = TIERS[number].step
            if within is None or slot * step < begins + within:
                begins, within = slot * step, step
        return begins, max((row[2] for row in rows), default=None)

    def sketches(self, model: str, since: int, until: int) -> list[Stored]:
        """What was kept of the time that begins in [since, until) (ms), oldest first."""
        where = "model = ? AND start >= ? AND start < ? ORDER BY start"
        return self._read(lambda file: list(self._sketches(file, where, (model, since, until)))) or []

    def events(self, most: int) -> list[AlertEvent]:
        """The latest alert events, oldest first."""
        ask = "SELECT event FROM events ORDER BY at DESC LIMIT ?"
        rows = self._read(lambda file: file.execute(ask, (most,)).fetchall())
        return [unpack_event(row[0]) for row in reversed(rows or [])]

    def _frames(self, file: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Frame]:
        ask = (
            "SELECT model, source, window, size, end, columns, numbers FROM frames"  # noqa: S608 - conditions of ours
            f" WHERE tier = ? AND model = ? AND source = ? AND size = ? AND {where}"
        )
        return [
            Frame(model, source, window, size, end, self._columns_of(file, columns), unpack_values(numbers))
            for model, source, window, size, end, columns, numbers in file.execute(ask, values)
        ]

    def _columns_of(self, file: sqlite3.Connection, name: bytes) -> tuple[Column, ...]:
        known = self._columns.get(name)
        if known is None:
            row = file.execute("SELECT text FROM columns WHERE id = ?", (name,)).fetchone()
            known = self._columns[name] = unpack_columns(row[0])
        return known

    def _sketches(self, file: sqlite3.Connection, where: str, values: tuple[object, ...]) -> Iterator[Stored]:
        for row in file.execute(f"SELECT * FROM sketches WHERE {where}", values):  # noqa: S608 - conditions of ours
            yield _stored(row)

    def _read(self, ask: Callable[[sqlite3.Connection], list[Any]]) -> list[Any] | None:
        """An answer from a connection of its own; None where there is no file, or none that can be read."""
        try:
            with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as file:
                return ask(file)
        except (sqlite3.Error, ValueError, TypeError):
            return None

    def _open(self) -> sqlite3.Connection:
        if self._writing is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._put_aside()
            self._writing = _connected(self.path, self._most)
        return self._writing

    def _put_aside(self) -> None:
        """Rename a file that is none of ours, or damaged: a new one begins, the old one is there to be looked at."""
        if not self.path.exists():
            return
        try:
            with closing(sqlite3.connect(self.path)) as file:
                (format_,) = file.execute("PRAGMA user_version").fetchone()
                (found,) = file.execute("PRAGMA quick_check(1)").fetchone() if self.size() < CHECKED else ("ok",)
        except sqlite3.DatabaseError as error:
            format_, found = FORMAT, str(error)
        if format_ != FORMAT or found != "ok":
            self.path.replace(self.path.with_name(f"{self.path.name}.damaged"))
            for end in ("-wal", "-shm"):
                self.path.with_name(f"{self.path.name}{end}").unlink(missing_ok=True)
            raise DamagedError(f"{self.path.name} is damaged ({found}): put aside, the history begins anew")

    def close(self) -> None:
        """Write no more."""
        if self._writing is not None:
            with contextlib.suppress(sqlite3.Error):
                self._writing.close()
            self._writing = None


def _stored(row: tuple[str, str, int, int, str, bytes]) -> Stored:
    model, version, start, end, layout, counts = row
    return Stored(model, version, start, end, layout, unpack_counts(counts))


CHECKED = 64 << 20
"""Bytes up to which a file is looked through before it is written to; a larger one would hold up the start."""


class DamagedError(sqlite3.DatabaseError):
    """A file was put aside."""


def _connected(path: Path, most: int) -> sqlite3.Connection:
    """The file to write to, made if need be."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    file = sqlite3.connect(path, check_same_thread=False, timeout=5.0)
    file.execute(f"PRAGMA page_size = {PAGE}")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = NORMAL")
    file.execute("PRAGMA journal_size_limit = 4194304")
    file.execute(f"PRAGMA max_page_count = {most // PAGE}")
    if not file.execute("PRAGMA user_version").fetchone()[0]:
        file.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
    return file
