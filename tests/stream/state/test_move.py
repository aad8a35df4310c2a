"""Shards that move between directories, real files in them; the moved state is run by load_tests/hosts.py."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from stream.state import move as moving
from stream.state.directory import JOIN, NOTE, StateError
from stream.state.layout import MOVING, Layout, check_layout, read_layout, shards_in
from stream.state.move import move, plan_move

if TYPE_CHECKING:
    from pathlib import Path

SHARDS = 8


def one_host(tmp_path: Path) -> list[Path]:
    """Three directories: one with all shards, two that are not there yet."""
    directories = [tmp_path / f"host-{number}" for number in range(3)]
    for shard in range(SHARDS):
        place = directories[0] / JOIN / f"shard-{shard:02d}"
        (place / "deep").mkdir(parents=True)
        (place / "1.sst").write_bytes(bytes([shard]) * 3_000)
        (place / "deep" / "CURRENT").write_text(f"{shard}")
    (directories[0] / NOTE).write_text("{}")
    return directories


def contents(directories: list[Path]) -> dict[str, bytes]:
    """Every file of every shard, wherever it is."""
    return {
        str(path.relative_to(directory / JOIN)): path.read_bytes()
        for directory in directories
        for path in (directory / JOIN).rglob("*")
        if path.is_file()
    }


def placed(directories: list[Path], layout: Layout) -> bool:
    """Whether each shard is where it belongs, and only there."""
    return [shards_in(directory) for directory in directories] == [
        [shard for shard in range(SHARDS) if layout.host_of(shard) == number] for number in range(len(directories))
    ]


def test_one_host_becomes_three_and_two_and_one(tmp_path: Path) -> None:
    """Each shard is where it is computed to be, whole, and nowhere else; each host may start, and others may not."""
    directories = one_host(tmp_path)
    before = contents(directories)
    held = directories
    for hosts in (3, 2, 1):
        said: list[str] = []
        move(plan_move(held, hosts, 2), said.append)
        layout = read_layout(directories[0])
        assert layout is not None
        assert (layout.hosts, layout.processes) == (hosts, 2)
        assert placed(directories, layout)
        assert contents(directories) == before
        for number in range(hosts):
            found = check_layout(directories[number], Layout("", number, hosts, 2))
            assert found == Layout(layout.id, number, hosts, 2)
        for directory in directories[hosts:]:
            assert read_layout(directory) is None
        assert said
        held = directories[:hosts] if hosts > 1 else directories[:1]
    assert plan_move(directories[:1], 1, 2).moves == ()


@pytest.mark.parametrize("at", ["copytree", "_compare", "rmtree", "write_layout"])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("hosts", [3, 2])
def test_an_interrupted_move_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, times: int, hosts: int
) -> None:
    """Wherever it ends: no host starts, another move is refused, and the same one comes to its end with every byte."""
    directories = one_host(tmp_path)
    if hosts == 2:
        move(plan_move(directories, 3, 2), str)
    before, called = contents(directories), list[str]()
    module = shutil if at in {"copytree", "rmtree"} else moving
    original = getattr(module, at)

    def ends(*arguments: object, **options: object) -> object:
        if arguments and ".moving" not in str(arguments[0]):
            called.append(at)
            if len(called) == times:
                raise KeyboardInterrupt
        return original(*arguments, **options)

    planned = plan_move(directories, hosts, 2)
    monkeypatch.setattr(module, at, ends)
    with pytest.raises(KeyboardInterrupt):
        move(planned, str)
    monkeypatch.undo()
    with pytest.raises(StateError, match="interrupted; repeat it"):
        check_layout(directories[0], Layout("", 0, 1, 1))
    with pytest.raises(StateError, match=f"a move to {hosts} hosts with 2 processes each was interrupted"):
        plan_move(directories, hosts, 1)
    move(plan_move(directories, hosts, 2), str)
    layout = read_layout(directories[1])
    assert layout is not None
    assert placed(directories, layout)
    assert contents(directories) == before
    assert not [*tmp_path.rglob(MOVING)]


def test_directories_that_are_not_of_one_state_are_refused(tmp_path: Path) -> None:
    """Too few, in another order, of another state, with a shard twice, or that hold something already."""
    directories = one_host(tmp_path)
    with pytest.raises(StateError, match="3 directories are needed, of 1 hosts now and of 3 then"):
        plan_move(directories[:2], 3, 2)
    with pytest.raises(StateError, match="holds no state; the directory of host 0 comes first"):
        plan_move(directories[::-1], 3, 2)
    move(plan_move(directories, 3, 2), str)
    with pytest.raises(StateError, match="not of host 1 of this state"):
        plan_move([directories[0], directories[2], directories[1]], 2, 2)
    shard = shards_in(directories[1])[0]
    shutil.copytree(directories[1] / JOIN / f"shard-{shard:02d}", directories[2] / JOIN / f"shard-{shard:02d}")
    with pytest.raises(StateError, match=f"shard {shard} is in|damaged"):
        plan_move(directories, 2, 2)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / NOTE).write_text("{}")
    with pytest.raises(StateError, match="holds state already"):
        plan_move([*directories, tmp_path / "other"], 4, 2)
