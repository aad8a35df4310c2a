"""A signed webhook, after Standard Webhooks: the receiver drops duplicates by `webhook-id`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from stream.connectors.base import RefusedError, Step, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stream.connectors.client import Client

PREFIX = "whsec_"
TYPE = "io.driftgauge.action.v1"
TOLERANCE = 300
"""Seconds that a signature's time may be away from ours, as the specification's libraries have it."""
LONGEST_STAMP = 12
"""Digits of a time in seconds."""


def key_of(secret: str) -> bytes:
    """The key that a secret stands for: base64 after whsec_, as the specification has it.

    Raises:
        ValueError: it is not that.
    """
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret of whsec_ and base64 is needed") from error


def signature(key: bytes, number: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: HMAC-SHA256 over id, time (s) and body, with its version in front."""
    signed = b".".join((number.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def verified(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> str | None:
    """Verify what a receiver sends back, signed like what it was sent; the reason for which it does not count, if any.

    A signature is good for TOLERANCE seconds; of several in the header one must fit. Names of headers are lower case.
    """
    number, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "").split()
    if not (number and stamp and given):
        return "webhook-id, webhook-timestamp and webhook-signature are needed"
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= LONGEST_STAMP):
        return "webhook-timestamp is no number of seconds"
    expected = signature(key, number, int(stamp), body).encode()
    if not any([hmac.compare_digest(expected, one.encode(errors="replace")) for one in given]):  # noqa: C419 - all, for equal time
        return "webhook-signature is of another secret, or of another message"
    if abs(now - int(stamp)) > TOLERANCE:
        return f"webhook-timestamp is more than {TOLERANCE} s away from now: an old message, or a wrong clock"
    return None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver.

    Attributes:
        client: of its address.
        key: of the signature; None for none.
        states: steps that are sent.
        now: seconds since the epoch.
    """

    client: Client
    key: bytes | None
    states: frozenset[str]
    now: Callable[[], float] = time.time
    poll: float | None = None

    def wants(self, step: Step) -> bool:
        """The states that it is to be told of."""
        return step["state"] in self.states

    def send(self, step: Step) -> Word | None:
        """Post the step; of a request it is then known that it was taken."""
        body = msgspec.json.encode({"type": TYPE, "timestamp": step["event_time"], "data": step})
        stamp = int(self.now())
        headers = {"webhook-id": step["event_id"], "webhook-timestamp": str(stamp)}
        if self.key is not None:
            headers["webhook-signature"] = signature(self.key, step["event_id"], stamp, body)
        answer = self.client.ask("POST", "", headers=headers, raw=body)
        if not 200 <= answer.status < 300:
            raise RefusedError(f"the webhook refuses: {answer.status}: {answer.text}")
        return Word("dispatched", "taken by the webhook") if step["state"] == "requested" else None

    def look(self, step: Step) -> Word | None:  # noqa: ARG002 - the receiver reports by itself
        """Nothing: the receiver says on the control topic what became of it."""
        return None
