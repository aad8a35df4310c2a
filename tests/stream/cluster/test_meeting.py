"""Hosts that meet: over real connections of the loopback, in one process."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from kafka_node import free_ports
from waiting import GUARD, until

from stream.cluster.card import GREETING, Kept
from stream.cluster.seat import DisagreementError, Joined, Parted, Places, Seat
from stream.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONG, SHORT = 60.0, 0.3
FACTS = {"version of driftgauge": "1", "model click": "abc"}


class Table:
    """Hosts at a table."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.taken: dict[int, str] = {}

    def hosts(self, count: int) -> list[str]:
        """Addresses for so many."""
        return [f"127.0.0.{2 + number}:{port}" for number, port in enumerate(free_ports(count))]

    def seat(
        self,
        hosts: list[str],
        host: int,
        facts: dict[str, str] = FACTS,
        kept: Kept | None = None,
        timeout: float = LONG,
    ) -> Seat:
        """A host whose processes are about to start."""
        kept = kept or Kept("state" if host == 0 else "")
        places = Places(tuple(hosts), host, 1, (), timeout)
        seat = Seat(places, facts, lambda: kept, lambda state: self.taken.update({host: state}))
        seat.begin()
        return self._stack.enter_context(seat)

    def joined(self, count: int, timeout: float = LONG, kept: Kept | None = None) -> list[Seat]:
        """So many hosts, joined."""
        hosts = self.hosts(count)
        seats = [self.seat(hosts, host, kept=kept if host == 0 else None, timeout=timeout) for host in range(count)]
        for host in range(count):
            assert until(lambda host=host: joins(seats, host))  # type: ignore[misc]
            seats[host].listening()
        return seats


def joins(seats: list[Seat], host: int) -> Joined | None:
    """Whether a host joins; the others wait, too."""
    for seat in seats:
        if seat is not seats[host] and not seat.is_joined:
            assert seat.wait() is None
    return seats[host].wait()


@pytest.fixture
def table() -> Iterator[Table]:
    """A table; all leave it after the test."""
    with ExitStack() as stack:
        yield Table(stack)


def refusal(address: str, message: bytes) -> str:
    """Why a visitor is refused."""
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), GUARD) as line, line.makefile("rb") as answers:
        line.sendall(message + b"\n")
        said: str = json.loads(answers.readline())["refused"]
        return said


def test_hosts_join_when_all_are_there_in_order(table: Table) -> None:
    """Each once those before it can be connected to; all are told what the first knows of the state."""
    hosts = table.hosts(3)
    seats = [table.seat(hosts, host, kept=Kept("s", saved=True, fed=True) if host == 0 else None) for host in range(2)]
    until(lambda: all(seat.wait() is None and len(seat.others()[0]) == 2 for seat in seats))
    assert all(f"host 2 ({hosts[2]}) is missing: not met yet" in seat.others()[0] for seat in seats)
    seats.append(table.seat(hosts, 2))
    assert until(lambda: joins(seats, 0)) == Joined(saved=True, fed=True)
    assert [seat.wait() for seat in seats[1:]] == [None, None]
    for host in (1, 2):
        seats[host - 1].listening()
        assert until(lambda host=host: joins(seats, host)) == Joined(saved=True, fed=True)  # type: ignore[misc]
    assert table.taken == {0: "s", 1: "s", 2: "s"}
    assert [seat.parted() for seat in seats] == [None, None, None]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({**FACTS, "model click": "xyz"}, "differs in model click: xyz there, abc here"),
        ({**FACTS, "model rank": "r"}, "differs in model rank: r there, absent here"),
        ({"model click": "abc"}, "differs in version of driftgauge: absent there, 1 here"),
    ],
)
def test_hosts_that_differ_do_not_join(table: Table, facts: dict[str, str], said: str) -> None:
    """Each says who differs in what, and gives up after the timeout."""
    hosts = table.hosts(2)
    here, there = table.seat(hosts, 0, timeout=SHORT), table.seat(hosts, 1, facts, timeout=SHORT)

    def gives_up(seat: Seat) -> str:
        try:
            seat.wait()
        except DisagreementError as error:
            return str(error)
        return ""

    assert said in until(lambda: gives_up(here))
    assert f"host 0 ({hosts[0]}) differs" in until(lambda: gives_up(there))
    assert table.taken == {}


def test_the_state_of_another_monitor_is_not_joined(table: Table) -> None:
    """The first host's is the one that counts."""
    hosts = table.hosts(2)
    seat = table.seat(hosts, 0, kept=Kept("ours"))
    table.seat(hosts, 1, kept=Kept("theirs"))
    assert seat.wait() is None
    said = "host 1 keeps the state theirs and host 0 the state ours: the state directory of one of them is another"
    until(lambda: any(reason.startswith(said) for reason in seat.others()[0]))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r", "this is no card of a host"),
        (b"\x80\x04\x95", "this is no card of a host"),
        (b"[" * 100_000, "this is no card of a host"),
        (b'{"hosts": [], "host": 1, "life": "x", "greeting": "driftgauge hosts 9"}', "it speaks 'driftgauge hosts 9'"),
        (b'{"hosts": ["a:1", "b:1"], "host": 1, "life": "x"}', "its cluster.hosts are a:1, b:1, here they are"),
    ],
)
def test_strangers_are_refused_and_told_why(table: Table, message: bytes, said: str) -> None:
    """The others are not disturbed."""
    seats = table.joined(2)
    assert said in refusal(seats[0].places.hosts[0], message)
    assert seats[0].parted() is None


@pytest.mark.parametrize(("host", "said"), [(0, "this is host 0, too"), (7, "there is no host 7"), (1, "already")])
def test_a_host_is_there_once(table: Table, host: int, said: str) -> None:
    """Whoever says that it is one that is there, or one that there is not."""
    seats = table.joined(2)
    hosts = list(seats[0].places.hosts)
    card = {"greeting": GREETING, "hosts": hosts, "host": host, "life": "another"}
    assert said in refusal(hosts[0], json.dumps(card).encode())
    assert seats[0].parted() is None


def test_an_address_of_another_machine_is_refused(table: Table) -> None:
    """This one cannot be met there."""
    with pytest.raises(Unreachable, match=r"this is host 0 and cannot listen on 192\.0\.2\.1:2100: Cannot assign"):
        table.seat(["192.0.2.1:2100", "127.0.0.1:2100"], 0)


def fall(seat: Seat) -> None:
    """Its processes end."""
    seat.fall("process 1 was killed by SIGKILL")


@pytest.mark.parametrize(
    ("happens", "in_order", "said"),
    [
        (fall, False, "has ended its processes: process 1 was killed by SIGKILL"),
        (Seat.begin, False, "has started anew"),
        (lambda seat: seat.stop("it was stopped"), True, "is stopping"),
    ],
    ids=["fall", "begin", "stop"],
)
def test_what_happens_to_one_host_happens_to_all(
    table: Table, happens: Callable[[Seat], None], in_order: bool, said: str
) -> None:
    """Their processes end: in order only if all are to save."""
    seats = table.joined(3)
    happens(seats[1])
    for seat in (seats[0], seats[2]):
        parted = until(seat.parted)
        assert parted == Parted(f"host 1 ({seat.places.hosts[1]}) {said}", in_order)


def test_a_silent_host_is_missed(table: Table) -> None:
    """After the timeout; until it is back the others do not join."""
    seats = table.joined(2, timeout=SHORT)
    seats[1].__exit__()
    assert "has been silent for" in until(seats[0].parted).why
    seats[0].begin()
    assert seats[0].wait() is None
    assert "is missing, silent for" in seats[0].others()[0][0]
    again = table.seat(list(seats[0].places.hosts), 1, timeout=SHORT)
    assert until(lambda: joins([seats[0], again], 0))


def test_hosts_are_ready_together(table: Table) -> None:
    """Each says what another lacks; a watermark that one of them knows is enough."""
    seats = table.joined(2)
    for seat in seats:
        seat.report([], watermark=False)
    until(lambda: [seat.others() for seat in seats] == [([], False), ([], False)])
    seats[1].report(["process 1: broker lost"], watermark=True)
    said = f"host 1 ({seats[0].places.hosts[1]}): process 1: broker lost"
    until(lambda: seats[0].others() == ([said], True))
