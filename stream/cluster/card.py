"""What a host tells the others of itself, over and over; JSON, for whoever can connect may send anything."""

from __future__ import annotations

from typing import Literal

import msgspec

GREETING = "driftgauge hosts 1"
"""Name and version of what is spoken."""

LONGEST = 1 << 22
"""Bytes of a card."""

Phase = Literal["starting", "ready", "joined", "stopping", "down"]
"""Its processes are being started; wait to be joined with those of the others; are; save and end; have ended."""


class Kept(msgspec.Struct, frozen=True):
    """What a host keeps of the state.

    Attributes:
        id: of the whole state, the same on every host; empty where nothing was kept yet.
        saved: whether anything was ever saved; only the host with the recovery files knows.
        fed: whether feedback was read then.
    """

    id: str = ""
    saved: bool = False
    fed: bool = False


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A host at one moment.

    Attributes:
        greeting: GREETING.
        hosts: the list of addresses as its config has it.
        host: its place in the list.
        life: differs whenever the program is started.
        number: grows with each card of a life.
        token: differs whenever its processes are started.
        phase: what they do.
        sees: token of each host, itself included, with whose processes its own are, or wait to be, joined.
        listening: whether all of its processes can be connected to.
        facts: what must be the same everywhere, in words; empty where they were told before.
        kept: its part of the state.
        reasons: why it is not ready by itself.
        watermark: whether it knows the watermark of any model.
        said: why its processes have ended.
        holds: stands for its facts.
        offers: stands for the facts of another config that it would go on with once all would; empty without one.
        turn: differs whenever a host is told to read its config; who offers the same because of it has the same.
        declines: what others offer, with its turn, that it will not go on with: its own config says something else.
    """

    greeting: str = GREETING
    hosts: tuple[str, ...]
    host: int
    life: str
    number: int = 0
    token: str = ""
    phase: Phase = "starting"
    sees: dict[int, str] = {}
    listening: bool = False
    facts: dict[str, str] = {}
    kept: Kept = Kept()
    reasons: tuple[str, ...] = ()
    watermark: bool = False
    said: str = ""
    holds: str = ""
    offers: str = ""
    turn: str = ""
    declines: tuple[str, ...] = ()

    @property
    def offering(self) -> str:
        """What it offers, this time."""
        return f"{self.offers} {self.turn}"


class Refusal(msgspec.Struct, frozen=True):
    """The answer to who does not belong here."""

    refused: str


def encode(message: Card | Refusal) -> bytes:
    """A line."""
    return msgspec.json.encode(message) + b"\n"


def decode(line: bytes) -> Card | Refusal:
    """A card or a refusal out of a line.

    Raises:
        ValueError: it is neither.
    """
    kind: type[Card | Refusal] = Refusal if line.startswith(b'{"refused":') else Card
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"this is no card of a host: {error}") from None
