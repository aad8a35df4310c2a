"""The meeting: each host shows all others its card and sees theirs; who does not belong there is told so.

Two connections for each pair of hosts, one from each side. Nobody leads: what follows from the cards each host finds by
itself (agreement.py).
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Self

import msgspec

from stream.cluster.card import GREETING, LONGEST, Card, Refusal, decode, encode
from stream.config.edges.addresses import split_address
from stream.errors import Unreachable
from stream.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LOG = logging.getLogger("driftgauge.hosts")

PAUSE = 0.25
"""Seconds between two attempts to reach a host."""

LAST_WORDS = 0.5
"""Seconds to show the last card."""

BEATS = 6
"""Cards that are shown within the timeout."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another host as it is known here.

    Attributes:
        host: its place in the list.
        address: where it can be met.
        card: its latest; None before the first.
        silent: seconds since then, or since the meeting began.
        refusal: why it does not want us; empty where it does.
    """

    host: int
    address: str
    card: Card | None
    silent: float
    refusal: str = ""


class _Known:
    """What was heard of a host."""

    def __init__(self) -> None:
        self.card: Card | None = None
        self.at = time.monotonic()
        self.answered = ""
        self.shown = -1
        self.refusal = ""


class Meeting:
    """A context manager: from its beginning the host can be met, and looks for the others.

    Args:
        hosts: address of each.
        host: which of them this is.
        timeout: seconds after which a connection without a card is given up.
        facts: see Card.
        changed: called, in any thread, when a host shows another card.

    Raises (on entering):
        Unreachable: the address of this host cannot be listened on.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        host: int,
        timeout: float,
        facts: Mapping[str, str],
        changed: Callable[[], None],
    ) -> None:
        self._hosts, self._host, self._timeout, self._changed = tuple(hosts), host, timeout, changed
        self._card = Card(hosts=self._hosts, host=host, life=token_hex(8), facts=dict(facts))
        self._turn = threading.Condition()
        self._known = {other: _Known() for other in range(len(hosts)) if other != host}
        self._closing = False
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._throttle = Throttle()

    @property
    def card(self) -> Card:
        """What this host shows."""
        return self._card

    def show(self, **changes: Any) -> None:
        """Show another card from now on; at once, if it is another one."""
        with self._turn:
            card = msgspec.structs.replace(self._card, **changes)
            if card != self._card:
                self._card = msgspec.structs.replace(card, number=self._card.number + 1)
                self._turn.notify_all()

    def peers(self) -> tuple[Peer, ...]:
        """The other hosts."""
        with self._turn:
            now = time.monotonic()
            return tuple(
                Peer(host, self._hosts[host], known.card, now - known.at, known.refusal)
                for host, known in self._known.items()
            )

    def __enter__(self) -> Self:
        address = self._hosts[self._host]
        host, port = split_address(address)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            family, _, _, _, place = found[0]
            self._listener = socket.socket(family, socket.SOCK_STREAM)
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(place)
            self._listener.listen(64)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            raise Unreachable(
                f"cluster.hosts: this is host {self._host} and cannot listen on {address}: {why}"
            ) from None
        threading.Thread(target=self._receive, args=(self._listener,), name="meeting", daemon=True).start()
        for other in self._known:
            threading.Thread(target=self._visit, args=(other,), name=f"host-{other}", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._turn:
            told = time.monotonic() + LAST_WORDS
            while time.monotonic() < told and any(self._is_behind(known) for known in self._known.values()):
                self._turn.wait(PAUSE / 10)
            self._closing = True
            self._turn.notify_all()
            held = [*self._open, *([] if self._listener is None else [self._listener])]
        for one in held:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        if self._listener is not None:
            self._listener.close()

    def _is_behind(self, known: _Known) -> bool:
        """Whether a host is there that has not seen the last card."""
        return known.shown < self._card.number and time.monotonic() - known.at < self._timeout / BEATS * 2

    def _visit(self, other: int) -> None:
        """Go to a host again and again."""
        while not self._closing:
            try:
                with socket.create_connection(split_address(self._hosts[other]), self._timeout) as line:
                    self._talk(other, line)
            except (OSError, ValueError) as error:
                _LOG.debug("host %d (%s): %s", other, self._hosts[other], error)
            with self._turn:
                self._known[other].answered = ""
                self._turn.wait_for(lambda: self._closing, PAUSE)

    def _talk(self, other: int, line: socket.socket) -> None:
        """Show every card and hear the answer, until one of us goes.

        Raises:
            ValueError: who answers there is no host of this monitor.
        """
        with self._held(line), line.makefile("rb") as answers:
            life, shown = "", -1
            facts: dict[str, str] = {}
            while not self._closing:
                card = self._card
                line.sendall(encode(_without(facts, card)))
                shown, facts = card.number, card.facts
                answer = _line(answers)
                if isinstance(answer, Refusal):
                    self._refused(other, answer.refused)
                    return
                if answer.host != other:
                    raise ValueError(f"it says that it is host {answer.host}")
                self._hear(answer, visited=True)
                self._known[other].shown = shown
                if life not in {"", answer.life}:
                    return  # the facts of another life come with another connection
                life = answer.life
                with self._turn:
                    beat = self._timeout / BEATS
                    self._turn.wait_for(lambda seen=shown: self._closing or self._card.number != seen, beat)  # type: ignore[misc]

    def _receive(self, listener: socket.socket) -> None:
        """Let visitors in, no more than hosts may need."""
        while not self._closing:
            try:
                visitor, address = listener.accept()
            except OSError:
                return
            with self._turn:
                full = len(self._open) > 8 * len(self._hosts) + 16
            if full:
                visitor.close()
                self._stranger(address[0], "too many connections")
                continue
            threading.Thread(target=self._host_visitor, args=(visitor, address[0]), daemon=True).start()

    def _host_visitor(self, visitor: socket.socket, address: str) -> None:
        visitor.settimeout(self._timeout)
        with contextlib.suppress(OSError), visitor, self._held(visitor), visitor.makefile("rb") as lines:
            facts: dict[str, str] = {}
            while not self._closing:
                try:
                    card = _line(lines)
                    why = "this is an answer" if isinstance(card, Refusal) else self._hear(card, visited=False)
                except ValueError as error:
                    why = str(error)
                if why:
                    self._stranger(address, why)
                    visitor.sendall(encode(Refusal(why)))
                    return
                own = self._card
                visitor.sendall(encode(_without(facts, own)))
                facts = own.facts

    @contextlib.contextmanager
    def _held(self, line: socket.socket) -> Any:
        """Among the connections that are ended at the end."""
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._turn:
            self._open.add(line)
        try:
            yield
        finally:
            with self._turn:
                self._open.discard(line)

    def _hear(self, card: Card, *, visited: bool) -> str:
        """Take a card in; why not, if it is refused. Who answers at a host's address is that host."""
        why = _unfit(card, self._hosts, self._host)
        if why:
            return why
        with self._turn:
            known = self._known[card.host]
            if visited:
                known.answered = card.life
            elif known.answered not in {"", card.life} and time.monotonic() - known.at < self._timeout:
                return f"another driftgauge is host {card.host} already"
            before = known.card
            same_life = before is not None and before.life == card.life
            if before is not None and same_life and card.number < before.number:
                return ""  # overtaken on the other connection
            if not card.facts and before is not None and same_life:
                card = msgspec.structs.replace(card, facts=before.facts)
            known.card, known.at, known.refusal = card, time.monotonic(), ""
        if card != before:
            self._changed()
        return ""

    def _refused(self, other: int, why: str) -> None:
        with self._turn:
            news = self._known[other].refusal != why
            self._known[other].refusal = why
        if news:
            _LOG.error("host %d (%s) refuses this one: %s", other, self._hosts[other], why)
            self._changed()

    def _stranger(self, address: str, why: str) -> None:
        if self._throttle.due():
            _LOG.warning("%s was refused: %s", address, why)


def _without(told: Mapping[str, str], card: Card) -> Card:
    """The card, without its facts where they were told before on this connection."""
    return msgspec.structs.replace(card, facts={}) if card.facts == told else card


def _unfit(card: Card, hosts: tuple[str, ...], host: int) -> str:
    """Why a card is none of a host of this monitor; empty when it is one."""
    if card.greeting != GREETING:
        return f"it speaks {card.greeting[:40]!r}, this is {GREETING!r}"
    if card.hosts != hosts:
        return f"its cluster.hosts are {', '.join(card.hosts)[:500]}, here they are {', '.join(hosts)}"
    if not 0 <= card.host < len(hosts):
        return f"there is no host {card.host}"
    return f"this is host {host}, too" if card.host == host else ""


def _line(lines: Any) -> Card | Refusal:
    """The next card.

    Raises:
        ConnectionError: there is none.
        ValueError: what came is none.
    """
    line = lines.readline(LONGEST)
    if not line:
        raise ConnectionError("it has gone")
    return decode(line)
