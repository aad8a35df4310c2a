"""The layout: of which host, of how many, a state directory is; and which shards of the join belong on it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from operators.join.split import shard_name
from operators.plans.join import SHARDS
from stream.engine.placement import owner
from stream.files import write_atomically
from stream.state.directory import JOIN, NOTE, StateError

if TYPE_CHECKING:
    from pathlib import Path

LAYOUT = "driftgauge.hosts.json"

MOVING = "driftgauge.moving"
"""There while `state move` works: what is here may be half of what belongs here."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Whose state a directory holds.

    Attributes:
        id: of the whole state, the same on every host.
        host: which one this is.
        hosts: how many there are.
        processes: on each.
    """

    id: str
    host: int
    hosts: int
    processes: int

    def __str__(self) -> str:
        if self.hosts == 1:
            return "one host"
        return f"host {self.host} of {self.hosts} with {self.processes} processes each"

    def host_of(self, shard: int) -> int:
        """The host on which a shard is kept: where its process is."""
        return owner(shard_name(shard), self.hosts * self.processes) // self.processes


def read_layout(directory: Path) -> Layout | None:
    """What the directory says; None where it says nothing: it is new, or of one host.

    Raises:
        StateError: it says something that cannot be read.
    """
    path = directory / LAYOUT
    try:
        return Layout(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StateError(f"{path}: cannot be read: {error}") from error


def write_layout(directory: Path, layout: Layout) -> None:
    """Say whose state it is from now on.

    Raises:
        UsageError: it cannot be written.
    """
    if read_layout(directory) != layout:
        write_atomically(directory / LAYOUT, json.dumps(asdict(layout), indent=1, sort_keys=True).encode())


def shards_in(directory: Path) -> list[int]:
    """The shards that are kept in a directory."""
    return [shard for shard in range(SHARDS) if (directory / JOIN / f"shard-{shard:02d}").is_dir()]


def check_layout(directory: Path, wanted: Layout) -> Layout | None:
    """What the directory says, if this host can go on with it.

    Raises:
        StateError: it is another host's, or of another number of hosts; with the command that mends it.
    """
    if (directory / MOVING).exists():
        raise StateError(f"{directory}: a driftgauge state move was interrupted; repeat it: it goes on where it was")
    found = read_layout(directory)
    if found is None and wanted.hosts > 1 and (directory / NOTE).exists():
        found = Layout("", 0, 1, wanted.processes)
    if found is None:
        return None
    if found.hosts != wanted.hosts or (found.hosts > 1 and found.processes != wanted.processes):
        belong = [shard for shard in shards_in(directory) if wanted.host_of(shard) != wanted.host]
        if found.hosts > 1 or belong or wanted.host != found.host:
            raise StateError(
                f"{directory}: the state of {found}, and this is {wanted}; stop all hosts, then: driftgauge state move"
            )
    if found.host != wanted.host:
        raise StateError(f"{directory}: the state of {found}, and this is {wanted}")
    for shard in shards_in(directory):
        where = wanted.host_of(shard)
        if where != wanted.host:
            raise StateError(
                f"{directory}: shard {shard} of the join belongs on host {where}, and this is {wanted}; "
                "stop all hosts, then: driftgauge state move"
            )
    return found
