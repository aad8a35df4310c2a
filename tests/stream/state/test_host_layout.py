from pathlib import Path

import pytest

from stream.engine.placement import owner
from stream.state.directory import JOIN, NOTE, StateError
from stream.state.layout import LAYOUT, MOVING, Layout, check_layout, read_layout, shards_in, write_layout

MINE = Layout("id", 1, 3, 2)


def shard(directory: Path, number: int) -> None:
    """A shard that is kept there."""
    (directory / JOIN / f"shard-{number:02d}").mkdir(parents=True)


def of_host(layout: Layout, host: int) -> int:
    """A shard that belongs on a host."""
    return next(number for number in range(8) if layout.host_of(number) == host)


def test_a_shard_is_kept_where_its_process_is() -> None:
    """The processes of a host have numbers in a row."""
    assert [MINE.host_of(number) for number in range(8)] == [owner(f"shard-{n}", 6) // 2 for n in range(8)]


def test_a_new_directory_is_any_hosts(tmp_path: Path) -> None:
    """It says nothing yet; what is written is read."""
    assert check_layout(tmp_path, MINE) is None
    write_layout(tmp_path, MINE)
    assert read_layout(tmp_path) == check_layout(tmp_path, MINE) == MINE


def test_its_own_shards_may_be_there(tmp_path: Path) -> None:
    """And no others."""
    write_layout(tmp_path, MINE)
    shard(tmp_path, of_host(MINE, 1))
    assert check_layout(tmp_path, MINE) == MINE
    shard(tmp_path, of_host(MINE, 2))
    assert len(shards_in(tmp_path)) == 2
    with pytest.raises(StateError, match=r"belongs on host 2, and this is host 1 of 3 .* driftgauge state move"):
        check_layout(tmp_path, MINE)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Layout("", 1, 2, 2), "the state of host 1 of 3 with 2 processes each, and this is host 1 of 2 with 2 .* move"),
        (Layout("", 1, 3, 4), "with 2 processes each, and this is host 1 of 3 with 4 .* driftgauge state move"),
        (Layout("", 0, 1, 1), "and this is one host; stop all hosts, then: driftgauge state move"),
        (Layout("", 2, 3, 2), "the state of host 1 of 3 with 2 processes each, and this is host 2 of 3"),
    ],
    ids=["hosts", "processes", "one", "another"],
)
def test_another_layout_is_refused(tmp_path: Path, wanted: Layout, said: str) -> None:
    """With the command that mends it, where one does."""
    write_layout(tmp_path, MINE)
    with pytest.raises(StateError, match=said):
        check_layout(tmp_path, wanted)


def test_one_host_becomes_the_first_of_several_unless_shards_have_to_move(tmp_path: Path) -> None:
    """The recovery files stay where they are."""
    (tmp_path / NOTE).touch()
    first = Layout("", 0, 3, 2)
    assert check_layout(tmp_path, first) == Layout("", 0, 1, 2)
    with pytest.raises(StateError, match="the state of one host, and this is host 1 of 3"):
        check_layout(tmp_path, MINE)
    shard(tmp_path, of_host(first, 2))
    with pytest.raises(StateError, match="driftgauge state move"):
        check_layout(tmp_path, first)


@pytest.mark.parametrize("name", [MOVING, LAYOUT])
def test_half_a_move_and_a_damaged_layout_are_refused(tmp_path: Path, name: str) -> None:
    """In words."""
    (tmp_path / name).write_text("{")
    with pytest.raises(StateError, match=r"repeat it|cannot be read"):
        check_layout(tmp_path, MINE)
