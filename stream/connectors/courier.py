"""The courier: takes steps of actions to connectors, at least once each, and says on the control topic what came of it.

It keeps nothing of its own: what is not settled is read again from the topic, and connectors make of twice the same as
of once.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from operators.actions.event import OVER
from stream.backoff import Backoff, BackoffPolicy
from stream.connectors.base import PassingError, RefusedError, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor, Future

    from stream.connectors.base import Connector, Step

    Say = Callable[[dict[str, Any]], None]
    Count = Callable[[str, str], None]

_LOG = logging.getLogger("driftgauge.courier")

RETRY = BackoffPolicy(first=1.0, longest=300.0, forgiven_after=float("inf"))
LATEST = 86_400.0
"""Seconds after its deadline from which on a request is not sent any more."""


@dataclass(slots=True)
class Errand:
    """One step on its way to one connector.

    Attributes:
        partition: of the step in the topic.
        offset: likewise.
        due: when (s) it is tried or looked at next.
        sent: whether it has been taken.
        said: what was said of it last.
        failing_since: s; None while all goes well.
        running: whether it is being tried now.
        over: its action is: nothing of it matters any more.
    """

    step: Step
    name: str
    partition: int
    offset: int
    due: float
    sent: bool = False
    said: str = ""
    failing_since: float | None = None
    backoff: Backoff = field(default_factory=lambda: Backoff(RETRY))
    running: bool = False
    over: bool = False


class Courier:
    """Carries steps to connectors.

    Args:
        connectors: by name.
        say: writes a message to the control topic, and returns when the broker has it.
        seconds_of: a time of a step as seconds since the epoch.
        executor: runs what waits for others.
        count: told (connector, outcome) of every attempt.
    """

    def __init__(
        self,
        connectors: Mapping[str, Connector],
        say: Say,
        seconds_of: Callable[[str], float],
        executor: Executor,
        count: Count = lambda *_: None,
    ) -> None:
        self._connectors, self._say, self._seconds_of = connectors, say, seconds_of
        self._executor, self._count = executor, count
        self._errands: list[Errand] = []
        self._running: dict[Future[Word | None], Errand] = {}

    def take(self, step: Step, offset: int, now: float, partition: int = 0) -> None:
        """Take a step of the topic."""
        if step["dry_run"] or step["state"] == "blocked":
            return
        if step["state"] in OVER:
            for errand in self._errands:
                errand.over = errand.over or (errand.step["id"] == step["id"] and errand.step["state"] not in OVER)
        for name in step["via"]:
            connector = self._connectors.get(name)
            if connector is None or not connector.wants(step):
                continue
            if self._seconds_of(step["complete_by"]) + LATEST < now:
                self._count(name, "expired")
                continue
            self._errands.append(Errand(step, name, partition, offset, now))

    def run(self, now: float) -> None:
        """Begin what is due, and take in what has ended."""
        for future in [future for future in self._running if future.done()]:
            self._ended(self._running.pop(future), future, now)
        self._errands = [errand for errand in self._errands if errand.running or not errand.over]
        for errand in self._errands:
            if not errand.running and errand.due <= now:
                errand.running = True
                self._running[self._executor.submit(self._try, errand)] = errand

    def next_due(self) -> float | None:
        """When (s) there is something to do next; None where there is not. What is being tried comes at any time."""
        return min((errand.due for errand in self._errands if not errand.running), default=None)

    @property
    def busy(self) -> bool:
        """Whether anything is being tried."""
        return bool(self._running)

    def settled(self, read: int, partition: int = 0) -> int:
        """The offset from which on a partition has to be read again after a crash; `read` is the next to be read."""
        return min((errand.offset for errand in self._errands if errand.partition == partition), default=read)

    def held_up(self, now: float) -> dict[str, float]:
        """For how long (s) each connector has not taken what it was given."""
        found = dict.fromkeys(self._connectors, 0.0)
        for errand in self._errands:
            if errand.failing_since is not None:
                found[errand.name] = max(found[errand.name], now - errand.failing_since)
        return found

    def _try(self, errand: Errand) -> Word | None:
        """One attempt, in a thread of its own. What is said of it is said before it counts as done."""
        connector = self._connectors[errand.name]
        word = connector.look(errand.step) if errand.sent else connector.send(errand.step)
        if word is not None and word.kind != errand.said:
            self._say(message_of(errand, word))
        return word

    def _ended(self, errand: Errand, future: Future[Word | None], now: float) -> None:
        errand.running = False
        error = future.exception()
        if isinstance(error, RefusedError):
            self._refused(errand, str(error), now)
        elif error is not None:
            self._passing(errand, error, now)
        else:
            self._went_well(errand, future.result(), now)

    def _went_well(self, errand: Errand, word: Word | None, now: float) -> None:
        poll = self._connectors[errand.name].poll
        self._count(errand.name, "looked" if errand.sent else "sent")
        errand.sent, errand.failing_since, errand.backoff = True, None, Backoff(RETRY)
        errand.said = errand.said if word is None else word.kind
        errand.over = poll is None or (word is not None and word.is_last)
        errand.due = now + (poll or 0.0)

    def _passing(self, errand: Errand, error: BaseException, now: float) -> None:
        """It is tried again, later each time; other errands are not held up by it."""
        self._count(errand.name, "retried")
        if errand.failing_since is None:
            errand.failing_since = now
            _LOG.warning("%s: %s of %s waits: %s", errand.name, errand.step["action"], errand.step["id"], error)
        if not isinstance(error, PassingError):
            _LOG.error("%s: an error of our own", errand.name, exc_info=error)
        wait = errand.backoff.after(0.0)
        asked = error.after if isinstance(error, PassingError) else None
        errand.due = now + (wait if asked is None else max(wait, asked))

    def _refused(self, errand: Errand, why: str, now: float) -> None:
        """It will not work: of a request that is told; a message that nobody takes is logged alone."""
        _LOG.error("%s: %s of %s: %s", errand.name, errand.step["action"], errand.step["id"], why)
        self._count(errand.name, "refused")
        if errand.step["state"] != "requested":
            errand.over = True
            return
        try:
            self._say(message_of(errand, Word("fail", why)))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said again
            self._passing(errand, error, now)
        else:
            errand.over = True


def message_of(errand: Errand, word: Word) -> dict[str, Any]:
    """What is said of an action; its id follows from what it says, so that saying it twice is saying it once."""
    parts = (errand.step["id"], errand.name, word.kind)
    return {
        "id": hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32],
        "kind": word.kind,
        "model": errand.step["model"],
        "action": errand.step["id"],
        "by": f"connector {errand.name}",
        "reason": word.detail,
        "connector": errand.name,
        "outcome": {"version": word.version, "detail": word.detail or None},
    }
