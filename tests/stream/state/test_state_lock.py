import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import GUARD

from stream.state.lock import StateInUseError, occupied

SPAWN = multiprocessing.get_context("spawn")


def hold(directory: Path, channel: Any, family: bytes) -> None:
    """Hold the directory as a worker of the supervisor with this secret, until told to end."""
    multiprocessing.current_process().authkey = family
    with occupied(directory, threading.Event(), lambda _: None) as held:
        channel.send(held)
        channel.recv()


class Holder:
    """A worker process that holds the directory."""

    def __init__(self, directory: Path, family: bytes) -> None:
        self.channel, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=hold, args=(directory, theirs, family))
        self.process.start()
        assert self.channel.poll(GUARD)
        assert self.channel.recv() is True

    def end(self) -> None:
        """Kill -9 it."""
        self.process.kill()
        self.process.join()


@pytest.fixture
def former(tmp_path: Path) -> Iterator[Holder]:
    """A worker of another supervisor."""
    holder = Holder(tmp_path, b"another supervisor")
    yield holder
    holder.end()


def test_workers_of_one_supervisor_hold_it_together(tmp_path: Path) -> None:
    """They are told from others by the secret that a parent shares with its children."""
    peer = Holder(tmp_path, bytes(multiprocessing.current_process().authkey))
    with occupied(tmp_path, threading.Event(), pytest.fail) as held:
        assert held
    peer.end()


def test_it_waits_for_the_end_of_a_former_worker(tmp_path: Path, former: Holder) -> None:
    """It says for which, and goes on the moment that one is dead, however it died."""
    said: list[str] = []

    def waiting(why: str) -> None:
        said.append(why)
        former.process.kill()

    with occupied(tmp_path, threading.Event(), waiting) as held:
        assert held
    assert said[0] == f"process {former.process.pid} of a former run has not ended yet"


def test_a_stop_ends_the_waiting(tmp_path: Path, former: Holder) -> None:
    """Without the hold."""
    assert former.process.is_alive()
    stop = threading.Event()
    with occupied(tmp_path, stop, lambda _: stop.set()) as held:
        assert not held


def test_a_second_driftgauge_on_the_same_state_is_refused(tmp_path: Path, former: Holder) -> None:
    """The error names the directory and the process that uses it."""
    refused = occupied(tmp_path, threading.Event(), lambda _: None, patience=0.0)
    with pytest.raises(StateInUseError, match=rf"{tmp_path}: process {former.process.pid} of another"), refused:
        pass


def test_nothing_is_left_behind_but_the_guard(tmp_path: Path) -> None:
    """A lock file goes with its holder, or with the next one if it was killed."""
    Holder(tmp_path, b"another supervisor").end()
    with occupied(tmp_path, threading.Event(), pytest.fail):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
