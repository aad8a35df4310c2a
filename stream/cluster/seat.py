"""The seat of a host among the others: when its processes join theirs, and when they must end because of them."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Self

import msgspec

from stream.cluster import agreement
from stream.cluster.meeting import Meeting
from stream.engine.placement import owner
from stream.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from stream.cluster.card import Kept
    from stream.cluster.meeting import Peer

_LOG = logging.getLogger("driftgauge.hosts")


class DisagreementError(UsageError):
    """The hosts differ in what must be the same everywhere."""


class Joined(msgspec.Struct, frozen=True):
    """What the processes of a host are told when they are to join the others.

    Attributes:
        saved: whether the state of the first host holds anything.
        fed: whether feedback was read when it was saved.
    """

    saved: bool
    fed: bool


@dataclass(frozen=True, slots=True)
class Parted:
    """Why the processes of this host must end; `in_order` when all save before they do."""

    why: str
    in_order: bool


@dataclass(frozen=True, slots=True)
class Places:
    """Where everybody is.

    Attributes:
        hosts: where each host can be met.
        host: which one this is.
        processes: on each host.
        addresses: of all processes, in the order of their numbers.
        timeout: seconds after which a host that says nothing is missing.
    """

    hosts: tuple[str, ...]
    host: int
    processes: int
    addresses: tuple[str, ...]
    timeout: float

    @property
    def first(self) -> int:
        """Number of the first process of this host."""
        return self.host * self.processes

    def judges(self, model: str) -> bool:
        """Whether the process that judges a model is on this host."""
        return owner(model, len(self.addresses)) // self.processes == self.host


def digest(facts: Mapping[str, str]) -> str:
    """Stands for facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


class Seat:
    """A context manager; it can be met from the beginning on.

    Args:
        places: where everybody is.
        facts: what must be the same everywhere, in words.
        kept: gives what this host keeps of the state, before its processes start.
        taken: told the id of the state when the hosts agree on it.
    """

    def __init__(
        self,
        places: Places,
        facts: Mapping[str, str],
        kept: Callable[[], Kept],
        taken: Callable[[str], None],
    ) -> None:
        self.places = places
        self._kept, self._taken = kept, taken
        self._changed: Callable[[], None] = lambda: None
        self._meeting = Meeting(places.hosts, places.host, places.timeout, facts, self._notice)
        self._meeting.show(holds=digest(facts))
        self._offered: dict[str, str] = {}
        self._differ_since: float | None = None
        self._said: list[str] = []
        self._lock = threading.Lock()

    def _notice(self) -> None:
        self._changed()

    def tell(self, changed: Callable[[], None]) -> None:
        """Call this, in any thread, whenever another host has changed."""
        self._changed = changed

    def __enter__(self) -> Self:
        self._meeting.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._meeting.__exit__()

    @property
    def is_joined(self) -> bool:
        """Whether the processes were told to join."""
        return self._meeting.card.phase == "joined"

    def unheard(self) -> tuple[str, ...]:
        """What stands for other configs that other hosts hold or would go on with."""
        return agreement.unheard(self._meeting.card, self._meeting.peers())

    def offer(self, facts: Mapping[str, str], turn: str) -> str:
        """This host would go on with these facts, once all would; what others hear of it."""
        self._offered = dict(facts)
        self._meeting.show(offers=digest(facts), turn=turn, declines=())
        return self._meeting.card.offering

    def decline(self, offered: tuple[str, ...] = ()) -> None:
        """This host does not go on with these; nor does it offer anything itself."""
        self._meeting.show(offers="", declines=offered)

    def answer(self) -> tuple[bool, str]:
        """Whether what is offered is to be taken; else who declines it, empty for nobody."""
        own, peers = self._meeting.card, self._meeting.peers()
        if agreement.may_take(own, peers):
            return True, ""
        return False, agreement.declined(own, peers)

    def take(self) -> None:
        """What was offered holds now."""
        self._meeting.show(facts=self._offered, holds=digest(self._offered), offers="", declines=())

    def begin(self) -> None:
        """The processes of this host are about to start.

        Raises:
            UsageError: what is kept here is not what belongs here.
        """
        self._meeting.show(
            token=token_hex(8),
            phase="starting",
            sees={},
            listening=False,
            kept=self._kept(),
            said="",
            reasons=("starting",),
        )

    def wait(self) -> Joined | None:
        """All processes of this host wait to be joined: what to tell them; None while others are not as far.

        Raises:
            DisagreementError: hosts differ, for longer than it takes to start them all.
        """
        meeting, timeout = self._meeting, self.places.timeout
        peers = meeting.peers()
        self._say(self.hindrances(peers))
        self._judge(peers)
        meeting.show(phase="ready", sees=agreement.tokens(meeting.card, peers))
        if not agreement.agreed(meeting.card, peers, timeout) or not agreement.may_connect(meeting.card, peers):
            return None
        first = next((peer.card for peer in peers if peer.host == agreement.FIRST and peer.card), meeting.card)
        self._taken(first.kept.id)
        meeting.show(phase="joined")
        _LOG.info("all %d hosts are here: joining", len(self.places.hosts))
        return Joined(first.kept.saved, first.kept.fed)

    def listening(self) -> None:
        """All processes of this host can be connected to."""
        self._meeting.show(listening=True)

    def parted(self) -> Parted | None:
        """Whether the joined processes must end because of another host."""
        own, peers = self._meeting.card, self._meeting.peers()
        why = agreement.lost(own, peers, self.places.timeout)
        if why:
            return Parted(why, in_order=False)
        why = agreement.leaving(own, peers)
        return Parted(why, in_order=True) if why else None

    def stop(self, why: str) -> None:
        """The processes of this host save and end: so must all others."""
        self._meeting.show(phase="stopping", said=why)

    def fall(self, why: str) -> None:
        """The processes of this host have ended."""
        self._meeting.show(phase="down", listening=False, said=why, reasons=(why,))

    def report(self, reasons: Collection[str], *, watermark: bool) -> None:
        """Why this host is not ready by itself, and whether it knows the watermark of any model."""
        self._meeting.show(reasons=tuple(reasons), watermark=watermark)

    def others(self) -> tuple[list[str], bool]:
        """Why the other hosts are not ready, and whether any of them knows the watermark of a model."""
        peers = self._meeting.peers()
        reasons = self.hindrances(peers)
        for peer in peers:
            if peer.card is not None and peer.silent <= self.places.timeout:
                reasons += [f"{agreement.named(peer)}: {reason}" for reason in peer.card.reasons]
        return reasons, any(peer.card is not None and peer.card.watermark for peer in peers)

    def hindrances(self, peers: Sequence[Peer]) -> list[str]:
        """What keeps the hosts from being joined."""
        missing = agreement.missing(peers, self.places.timeout)
        return [*missing, *([] if self.is_joined else agreement.differences(self._meeting.card, peers))]

    def _judge(self, peers: Sequence[Peer]) -> None:
        """Hosts that are started one after the other with another config differ for a moment.

        Raises:
            DisagreementError: it has been too long for that.
        """
        found = agreement.differences(self._meeting.card, peers)
        now = time.monotonic()
        if not found:
            self._differ_since = None
            return
        self._differ_since = self._differ_since or now
        if now - self._differ_since > self.places.timeout:
            self.fall(found[0])
            raise DisagreementError("the hosts cannot run one monitor:\n" + "\n".join(found))

    def _say(self, hindrances: list[str]) -> None:
        """Log what is waited for, when it is not what was said last."""
        with self._lock:
            said = [line.partition(", silent")[0] for line in hindrances]
            if said != self._said:
                self._said = said
                for line in hindrances:
                    _LOG.warning("waiting: %s", line)
