"""Direct push: tells every Alertmanager what fires, again and again while it fires, and what has ended until it knows.

It runs in the parent process, so an alert goes on firing through a restart of the workers. Each replica has a thread
of its own: one that does not answer holds up no other.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from stream.backoff import Backoff, BackoffPolicy
from stream.metrics import catalog
from stream.metrics.reports import GaugeBlock, Increments
from stream.push.board import Board, View
from stream.push.body import Texts, requests, texts_of
from stream.push.client import Client, PushError, RefusedError, clients_of
from stream.push.memory import Memory, of_models
from stream.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from stream.config.load import Config
    from stream.metrics.registry import Registry
    from stream.metrics.reports import Labels, Report
    from stream.push.board import Entry

_LOG = logging.getLogger("driftgauge.push")
_BACKOFF = BackoffPolicy(first=0.5, longest=15.0)
_LAST_POSTS = 0.5
"""Seconds that posts under way get at a stop."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How alerts are sent.

    Attributes:
        resend_every: seconds.
        expires_after: ms that an alert outlives its last post.
        texts: what alerts say beside their events.
        backoff: between posts that fail.
    """

    resend_every: float
    expires_after: int
    texts: Texts
    backoff: BackoffPolicy = _BACKOFF


class Push:
    """All replicas. Its board is to hear every report; `start` is given what takes those that this makes itself."""

    def __init__(self, clients: Sequence[Client], board: Board, policy: Policy) -> None:
        self.board = board
        self._closing = threading.Event()
        self._ends = _Ends(board, len(clients))
        self._replicas = [_Replica(client, board, policy, self._ends, self._closing) for client in clients]

    def start(self, apply: Callable[[Report], None]) -> None:
        """Begin to send."""
        for replica in self._replicas:
            replica.start(apply)

    def close(self) -> None:
        """Stop sending. What fires goes on firing: a monitor that is stopped has not seen it end."""
        self._closing.set()
        self.board.wake()
        deadline = time.monotonic() + _LAST_POSTS
        for replica in self._replicas:
            replica.join(max(0.0, deadline - time.monotonic()))

    def probe(self) -> Iterable[Report]:
        """How long each replica has not taken what it was sent."""
        now = time.monotonic()
        rows = tuple(("alertmanager", replica.url, "0") for replica in self._replicas)
        values = tuple(replica.held_up(now) for replica in self._replicas)
        yield GaugeBlock("push", catalog.SINK_HELD_UP_SECONDS.name, rows, values)


class _Ends:
    """Which replicas know of which ends; what all of them know leaves the board."""

    def __init__(self, board: Board, replicas: int) -> None:
        self._board, self._replicas = board, replicas
        self._lock = threading.Lock()
        self._known: dict[tuple[Labels, int | None], set[str]] = {}

    def unknown(self, url: str, ended: Iterable[Entry]) -> tuple[Entry, ...]:
        """The ends that this replica has yet to be told."""
        with self._lock:
            return tuple(entry for entry in ended if url not in self._known.get((entry.labels, entry.ended_at), ()))

    def know(self, url: str, told: Iterable[Entry], all_ends: Iterable[Entry]) -> None:
        """This replica was told; forget, too, what has left the board in another way."""
        with self._lock:
            for entry in told:
                self._known.setdefault((entry.labels, entry.ended_at), set()).add(url)
            ends = {(entry.labels, entry.ended_at): entry for entry in all_ends}
            self._known = {end: urls for end, urls in self._known.items() if end in ends}
            done = [end for end, urls in self._known.items() if len(urls) == self._replicas]
            self._board.forget([ends[end] for end in done])
            for end in done:
                del self._known[end]


class _Replica:
    """One Alertmanager and the thread that sends to it."""

    def __init__(self, client: Client, board: Board, policy: Policy, ends: _Ends, closing: threading.Event) -> None:
        self.url = client.url
        self._client, self._board, self._policy, self._ends, self._closing = client, board, policy, ends, closing
        self._failing_since: float | None = None
        self._throttle = Throttle()

    def start(self, apply: Callable[[Report], None]) -> None:
        """Start the thread."""
        self._apply = apply
        self._thread = threading.Thread(target=self._run, name=f"push-{self.url}", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the thread's end, so long at most."""
        self._thread.join(seconds)

    def held_up(self, now: float) -> float:
        """Seconds since posts fail; 0 while they are taken."""
        since = self._failing_since
        return 0.0 if since is None else now - since

    def _run(self) -> None:
        backoff = Backoff(self._policy.backoff)
        view = self._board.wait(-1, 0)
        while not self._closing.is_set():
            if self._send(view):
                backoff, pause = Backoff(self._policy.backoff), self._policy.resend_every
            else:
                pause = min(backoff.after(0.0), self._policy.resend_every)
            view = self._board.wait(view.number, pause)

    def _send(self, view: View) -> bool:
        """Send everything of a view; whether it was taken. With nothing to send, whether it would be is asked."""
        ended = self._ends.unknown(self.url, view.ended)
        expires_at = int(time.time() * 1e3) + self._policy.expires_after
        bodies = list(requests(View(view.number, view.firing, ended), expires_at, self._policy.texts)) or [[]]
        refused = None
        try:
            for alerts in bodies:
                try:
                    self._client.post(msgspec.json.encode(alerts))
                except RefusedError as error:  # the other requests hold other alerts
                    refused = refused or error
            if refused is not None:
                raise refused
        except PushError as error:
            self._failed(str(error))
            return False
        self._succeeded()
        if view.ended:
            self._ends.know(self.url, ended, view.ended)
        return True

    def _failed(self, why: str) -> None:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        self._count("failed")
        if self._throttle.due():
            _LOG.warning("%s does not take alerts; they are sent again until it does: %s", self.url, why)

    def _succeeded(self) -> None:
        if self._failing_since is not None:
            _LOG.info("%s takes alerts again", self.url)
            self._failing_since = None
        self._count("ok")

    def _count(self, outcome: str) -> None:
        self._apply(Increments(catalog.ALERTMANAGER_POSTS_TOTAL.name, {(self.url, outcome): 1.0}))


def push_of(config: Config, owned: Callable[[str], bool] = lambda _: True) -> Push | None:
    """What the config asks for; None when it names no Alertmanager.

    Args:
        config: of the monitor.
        owned: whether a model is judged on this host. What was known here of another one its own host tells now.

    Raises:
        ConfigError: a certificate, a key or a file with a secret cannot be used.
    """
    settings = config.alertmanager
    clients = clients_of(config)
    if not clients:
        return None
    memory = Memory(config.state.directory)
    models = {model.name for model in config.models}
    board = Board(of_models(memory.load(), owned), models, memory.keep, settings.expires_after)
    return Push(clients, board, Policy(settings.resend_every / 1e3, settings.expires_after, texts_of(config)))


@contextlib.contextmanager
def pushed(push: Push | None, registry: Registry) -> Iterator[None]:
    """Push what the registry is told, and show there how that goes."""
    if push is None:
        yield
        return
    registry.add_listener(push.board.hear)
    registry.add_probe(push.probe)
    push.start(registry.apply)
    try:
        yield
    finally:
        push.close()
