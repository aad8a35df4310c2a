"""What follows from the cards of all hosts; each finds the same by itself. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.cluster.card import Card
    from stream.cluster.meeting import Peer

FIRST = 0
"""The host that has the recovery files."""


def named(peer: Peer) -> str:
    """A host for people."""
    return f"host {peer.host} ({peer.address})"


def missing(peers: Sequence[Peer], timeout: float) -> list[str]:
    """Who is not there, a line each."""
    found = []
    for peer in peers:
        if peer.refusal:
            found.append(f"{named(peer)} refuses this one: {peer.refusal}")
        elif peer.card is None:
            found.append(f"{named(peer)} is missing: not met yet")
        elif peer.silent > timeout:
            why = f": {peer.card.said}" if peer.card.said else ""
            found.append(f"{named(peer)} is missing, silent for {peer.silent:.0f} s{why}")
    return found


def differences(own: Card, peers: Sequence[Peer]) -> list[str]:
    """Who differs from this host in what must be the same everywhere, a line each."""
    found = []
    for peer in peers:
        if peer.card is None or not peer.card.facts:
            continue
        for name in sorted(own.facts.keys() | peer.card.facts.keys()):
            here, there = own.facts.get(name, "absent"), peer.card.facts.get(name, "absent")
            if here != there:
                found.append(f"{named(peer)} differs in {name}: {there} there, {here} here")
    return found + strays(own, peers)


def strays(own: Card, peers: Sequence[Peer]) -> list[str]:
    """Who keeps the state of another monitor, a line each; the first host's is the one that counts."""
    cards = {own.host: own, **{peer.host: peer.card for peer in peers if peer.card is not None}}
    first = cards.get(FIRST)
    if first is None or not first.kept.id:
        return []
    return [
        f"host {host} keeps the state {card.kept.id} and host {FIRST} the state {first.kept.id}: "
        "the state directory of one of them is another monitor's, or new"
        for host, card in sorted(cards.items())
        if card.kept.id not in {"", first.kept.id}
    ]


def tokens(own: Card, peers: Sequence[Peer]) -> dict[int, str]:
    """Which processes of each host are there now."""
    return {own.host: own.token, **{peer.host: peer.card.token for peer in peers if peer.card is not None}}


def agreed(own: Card, peers: Sequence[Peer], timeout: float) -> bool:
    """Whether the processes of all hosts wait for just each other."""
    if own.phase != "ready" or missing(peers, timeout) or differences(own, peers):
        return False
    return own.sees == tokens(own, peers) and all(
        peer.card is not None and peer.card.phase in {"ready", "joined"} and peer.card.sees == own.sees
        for peer in peers
    )


def may_connect(own: Card, peers: Sequence[Peer]) -> bool:
    """Whether all hosts before this one can be connected to: a tunnel would accept for a host that cannot."""
    return all(peer.card is not None and peer.card.listening for peer in peers if peer.host < own.host)


def lost(own: Card, peers: Sequence[Peer], timeout: float) -> str:
    """Why the processes of this host cannot go on with those that they were joined with; empty when they can."""
    for peer in peers:
        card = peer.card
        if card is None or peer.silent > timeout:
            return f"{named(peer)} has been silent for {peer.silent:.0f} s"
        if card.token != own.sees.get(peer.host):
            return f"{named(peer)} has started anew"
        if card.phase == "down":
            return f"{named(peer)} has ended its processes: {card.said}"
    return ""


def leaving(own: Card, peers: Sequence[Peer]) -> str:
    """Who among those that this host is joined with saves and ends, which all must do then; empty for nobody."""
    for peer in peers:
        if peer.card is not None and peer.card.phase == "stopping" and peer.card.token == own.sees.get(peer.host):
            return f"{named(peer)} is stopping"
    return ""


def unheard(own: Card, peers: Sequence[Peer]) -> tuple[str, ...]:
    """What other hosts hold or offer that this one neither holds nor offers."""
    mine, found = {"", own.holds, own.offers}, []
    for peer in peers:
        if peer.card is not None:
            found += [peer.card.holds] if peer.card.holds not in mine else []
            found += [peer.card.offering] if peer.card.offers not in mine else []
    return tuple(found)


def may_take(own: Card, peers: Sequence[Peer]) -> bool:
    """Whether what this host offers is to be taken: all offer it, or one of them has taken it, for all did then."""
    cards = [peer.card for peer in peers]
    if any(card is not None and card.holds == own.offers for card in cards):
        return True
    return all(card is not None and card.offers == own.offers for card in cards)


def declined(own: Card, peers: Sequence[Peer]) -> str:
    """Who does not go on with what this host offers; empty for nobody."""
    return next((named(peer) for peer in peers if peer.card is not None and own.offering in peer.card.declines), "")
