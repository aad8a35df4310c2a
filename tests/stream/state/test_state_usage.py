from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from stream.metrics.registry import Registry
from stream.state.usage import StateUsage

if TYPE_CHECKING:
    from pathlib import Path


def _scraped(directory: Path) -> dict[str, float]:
    registry = Registry()
    registry.add_probe(StateUsage(directory))
    registry.render()
    names = ("state_bytes", "state_disk_free_bytes")
    return {name: value for name in names for value in registry.values(name).values()}


def test_what_the_directory_holds_and_what_its_disk_has_left(tmp_path: Path) -> None:
    """All files below it; a link is not followed. Room as the system tells it."""
    (tmp_path / "state" / "join" / "shard-0").mkdir(parents=True)
    (tmp_path / "state" / "part-0.sqlite3").write_bytes(b"x" * 1_000)
    (tmp_path / "state" / "join" / "shard-0" / "1.sst").write_bytes(b"x" * 234)
    (tmp_path / "elsewhere").write_bytes(b"x" * 100_000)
    (tmp_path / "state" / "link").symlink_to(tmp_path / "elsewhere")
    found = _scraped(tmp_path / "state")
    link = len(str(tmp_path / "elsewhere"))
    assert found["state_bytes"] == 1_234 + link
    free = shutil.disk_usage(tmp_path).free
    assert abs(found["state_disk_free_bytes"] - free) < 0.05 * free


def test_without_a_directory_nothing_is_shown(tmp_path: Path) -> None:
    """It is made by the first worker; a zero would be an alarm."""
    assert _scraped(tmp_path / "state") == {}


def test_what_is_removed_is_shown_no_longer(tmp_path: Path) -> None:
    """The next scrape looks anew."""
    registry = Registry()
    directory = tmp_path / "state"
    directory.mkdir()
    (directory / "file").write_bytes(b"x")
    registry.add_probe(StateUsage(directory))
    registry.render()
    assert registry.values("state_bytes") == {(): 1.0}
    shutil.rmtree(directory)
    registry.render()
    assert registry.values("state_bytes") == {}
