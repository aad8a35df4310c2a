"""Moving shards of the join between the directories of hosts, when their number changes; all hosts are stopped.

Recovery files stay on the first host. A shard is copied beside where it belongs, compared, put in place, and only then
removed where it was; layouts are written last. Whatever ends this in between, it goes on when it is repeated, and no
host starts before it is through.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from secrets import token_hex
from typing import TYPE_CHECKING

from stream.files import write_atomically
from stream.state.directory import JOIN, NOTE, StateError
from stream.state.layout import LAYOUT, MOVING, Layout, read_layout, shards_in, write_layout
from stream.state.lock import supervisor_of
from stream.state.seal import SEAL, broken, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Move:
    """One shard, and between which directories."""

    shard: int
    source: Path
    target: Path

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(path.stat().st_size for path in _files(_shard(self.source, self.shard)))

    def __str__(self) -> str:
        return f"shard {self.shard} ({self.size:,} bytes): {self.source} -> {self.target}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        before: how the state is laid out now.
        after: how it shall be.
        directories: of the hosts, in their order, of those that go and those that come.
        moves: in the order of the shards.
    """

    before: Layout
    after: Layout
    directories: tuple[Path, ...]
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class _Started:
    """What a directory says while shards move."""

    before: Layout
    after: Layout

    def encoded(self) -> bytes:
        """As it is written."""
        return json.dumps({"before": asdict(self.before), "after": asdict(self.after)}).encode()


def plan_move(directories: Sequence[Path], hosts: int, processes: int) -> Plan:
    """What has to move for so many hosts; only looks.

    Raises:
        StateError: the directories are not all those of one monitor, or one of them is in use.
    """
    first = directories[0]
    started = _started(directories)
    before = read_layout(first) or Layout(token_hex(8), 0, 1, 1)
    if started is not None:
        before = started.before
    if not (first / NOTE).exists():
        raise StateError(f"{first}: holds no state; the directory of host 0 comes first")
    needed = max(before.hosts, hosts)
    if len(directories) != needed:
        raise StateError(f"{needed} directories are needed, of {before.hosts} hosts now and of {hosts} then")
    after = Layout(before.id, 0, hosts, processes)
    if started is not None and started.after != after:
        raise StateError(f"a move to {_goal(started.after)} was interrupted: repeat that one first")
    for number, directory in enumerate(directories):
        _check(directory, number, before, resumed=started is not None)
    return Plan(before, after, tuple(directories), tuple(_moves(directories, after, resumed=started is not None)))


def move(plan: Plan, say: Callable[[str], None]) -> None:
    """Do it.

    Raises:
        StateError: a copy is not what was copied.
        OSError: a file cannot be read or written.
    """
    for directory in plan.directories:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(directory / MOVING, _Started(plan.before, plan.after).encoded())
        unseal(directory)
    for one in plan.moves:
        say(str(one))
        _carry(one)
    for number, directory in enumerate(plan.directories):
        if number < plan.after.hosts:
            write_layout(directory, replace(plan.after, host=number))
            seal(directory)
        else:
            for name in (LAYOUT, NOTE):
                (directory / name).unlink(missing_ok=True)
    for directory in reversed(plan.directories):
        (directory / MOVING).unlink()


def _goal(after: Layout) -> str:
    return f"{after.hosts} hosts with {after.processes} processes each"


def _started(directories: Sequence[Path]) -> _Started | None:
    """The move that was interrupted; None without one."""
    for directory in directories:
        if (directory / MOVING).exists():
            found = json.loads((directory / MOVING).read_text())
            return _Started(Layout(**found["before"]), Layout(**found["after"]))
    return None


def _check(directory: Path, number: int, before: Layout, *, resumed: bool) -> None:
    process = supervisor_of(directory) if directory.exists() else None
    if process is not None:
        raise StateError(f"{directory}: process {process} uses it: stop all hosts first")
    found = read_layout(directory)
    if resumed:
        return
    if number < before.hosts and number > 0 and (found is None or (found.id, found.host) != (before.id, number)):
        raise StateError(f"{directory}: not of host {number} of this state, {before}: it is {found or 'new'}")
    if number >= before.hosts and (found is not None or (directory / NOTE).exists()):
        raise StateError(f"{directory}: holds state already; a new host begins with an empty directory")
    if (directory / SEAL).exists() and (damage := broken(directory)):
        raise StateError(f"{directory}: damaged: {damage}")


def _moves(directories: Sequence[Path], after: Layout, *, resumed: bool) -> list[Move]:
    places: dict[int, list[Path]] = {}
    for directory in directories:
        for shard in shards_in(directory):
            places.setdefault(shard, []).append(directory)
    found = []
    for shard, held in sorted(places.items()):
        target = directories[after.host_of(shard)]
        if len(held) > 1 and not (resumed and target in held):
            raise StateError(f"shard {shard} is in {' and in '.join(map(str, held))}: remove the copy that is stale")
        found += [Move(shard, source, target) for source in held if source != target]
    return found


def _carry(one: Move) -> None:
    """Copy, compare, put in place, remove."""
    source, target = _shard(one.source, one.shard), _shard(one.target, one.shard)
    if not target.exists():
        target.parent.mkdir(mode=0o700, exist_ok=True)
        half = target.with_name(f".{target.name}.moving")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(source, half)
        for path in _files(half):
            _sync(path)
        _compare(source, half)
        half.rename(target)
        _sync(target.parent)
    _compare(source, target)
    shutil.rmtree(source)
    _sync(source.parent)


def _compare(source: Path, copy: Path) -> None:
    here, there = ({str(path.relative_to(place)): _digest(path) for path in _files(place)} for place in (source, copy))
    if here != there:
        raise StateError(f"{copy}: not what {source} is; remove it and repeat")


def _shard(directory: Path, shard: int) -> Path:
    return directory / JOIN / f"shard-{shard:02d}"


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def described(directory: Path) -> str:
    """What a directory holds, for people; as JSON."""
    layout = read_layout(directory)
    return json.dumps(
        {
            "directory": str(directory),
            "state": None if layout is None else layout.id,
            "of": ("one host" if (directory / NOTE).exists() else "new") if layout is None else str(layout),
            "recovery_files": len([*directory.glob("*.sqlite3")]),
            "shards": shards_in(directory),
            "moving": (directory / MOVING).exists(),
        }
    )
