"""What was on the board, in the state directory: a restart neither leaves an alert without words nor an end untold."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
import xxhash

from operators.alerts.event import AlertEvent  # noqa: TC001 - read by msgspec
from stream.errors import UsageError
from stream.files import write_atomically
from stream.push.board import Clocks, Entry, View
from stream.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOG = logging.getLogger("driftgauge.push")

FILE = "alertmanager.msgpack"
"""Not JSON, which has no numbers for bounds that are not known."""

MAGIC = b"DGP1"
"""What the file begins with; eight bytes of checksum over the rest follow."""


EMPTY = View(0, (), ())


def of_models(view: View, owned: Callable[[str], bool]) -> View:
    """What a board knows of some models; nothing of the others has ended by that."""
    return View(
        view.number,
        tuple(entry for entry in view.firing if owned(entry.labels[0])),
        tuple(entry for entry in view.ended if owned(entry.labels[0])),
        {model: clocks for model, clocks in view.clocks.items() if owned(model)},
    )


class _Kept(msgspec.Struct, frozen=True):
    labels: tuple[str, ...]
    started_at: int
    ended_at: int | None
    event: AlertEvent | None


class _File(msgspec.Struct, frozen=True):
    alerts: list[_Kept]
    clocks: Clocks


class Memory:
    """One file. It only saves what can be lost without harm: whatever is wrong with it is logged, and that is all."""

    def __init__(self, directory: Path) -> None:
        """Keep it in this directory, once that is there."""
        self._path = directory / FILE
        self._throttle = Throttle()

    def load(self) -> View:
        """What was kept; an empty board when there is nothing or it cannot be read."""
        try:
            found = msgspec.msgpack.decode(unsealed(self._path.read_bytes()), type=_File)
        except FileNotFoundError:
            return EMPTY
        except (OSError, ValueError) as error:
            _LOG.warning("%s: not used: %s", self._path, error)
            return EMPTY
        entries = [Entry(kept.labels, kept.started_at, kept.ended_at, kept.event) for kept in found.alerts]
        firing = tuple(entry for entry in entries if entry.ended_at is None)
        return View(0, firing, tuple(entry for entry in entries if entry.ended_at is not None), found.clocks)

    def keep(self, view: View) -> None:
        """Replace what was kept."""
        if not self._path.parent.is_dir():
            return  # the workers make it, with the rights that it has to have
        kept = [
            _Kept((*entry.labels,), entry.started_at, entry.ended_at, entry.event)  # of five
            for entry in (*view.firing, *view.ended)
        ]
        try:
            write_atomically(self._path, sealed(msgspec.msgpack.encode(_File(kept, view.clocks))))
            self._path.chmod(0o600)
        except (UsageError, OSError) as error:
            if self._throttle.due():
                _LOG.warning("a restart would forget what Alertmanager was told: %s", error)


def sealed(body: bytes) -> bytes:
    """What is written: a flipped bit must not tell Alertmanager of an alert that never was."""
    return MAGIC + xxhash.xxh3_64_digest(body) + body


def unsealed(content: bytes) -> bytes:
    """What was sealed.

    Raises:
        ValueError: it is damaged, or of another release.
    """
    magic, checksum, body = content[:4], content[4:12], content[12:]
    if magic != MAGIC:
        raise ValueError("it is damaged, or of another release")
    if xxhash.xxh3_64_digest(body) != checksum:
        raise ValueError("it is damaged: its checksum does not agree")
    return body
