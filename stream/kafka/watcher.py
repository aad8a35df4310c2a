"""The watcher: asks the broker, aside from the dataflow, what the topic is and where each partition ends.

Its answers tell silence from an outage and from an open transaction, and how far in time the partitions are all known.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from stream.kafka.inquiry import Inquiry, RefusedError, UnansweredError
from stream.kafka.rights import READ, denial, lacking
from stream.kafka.transactions import Transactions
from stream.metrics.reports import Concern, GaugeBlock, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stream.kafka.inquiry import End, Listing, TopicIdentity
    from stream.metrics.reports import Reporter

INTERVAL = 1.0
"""Seconds between rounds."""

_LOG = logging.getLogger("driftgauge.watcher")


class Watcher:
    """One thread a process. `position` of each partition is told by its source; `end` is the broker's latest answer."""

    def __init__(
        self,
        properties: Mapping[str, object],
        topic: str,
        count: int,
        process: int,
        reporter: Reporter,
        changed: threading.Event | None = None,
        moved: Callable[[], None] | None = None,
        beside: Callable[[], int | None] | None = None,
    ) -> None:
        """Watch partitions that sources register.

        `count` is how many the topic had at the start; `changed` is set when it has more, or is another topic now;
        `moved` is called every round; `beside` tells when (ms) there certainly was no other topic to be read; without
        it none can come to be.
        """
        self._properties = properties
        self._topic = topic
        self._count = count
        self._process = process
        self._reporter = reporter
        self._positions: dict[int, Callable[[], int | None]] = {}
        self._ends: dict[int, End] = {}
        self._listing: Listing | None = None
        self._transactions = Transactions(topic, reporter)
        self._done = threading.Event()
        self._answering = True
        self._denied: dict[int, int] = {}
        self._wrong: str | None = None
        self.changed = threading.Event() if changed is None else changed
        self._moved = moved
        self._beside = beside
        self._thread = threading.Thread(target=self._run, name=f"watcher-{topic}", daemon=True)

    def register(self, partition: int, position: Callable[[], int | None]) -> None:
        """Watch a partition whose reader stands at `position()`; starts the thread with the first."""
        self._positions[partition] = position
        if not self._thread.ident:
            self._thread.start()

    def end(self, partition: int) -> End | None:
        """The broker's latest answer while it is answering; None after a question that it did not answer."""
        return self._ends.get(partition)

    @property
    def complete_at(self) -> int | None:
        """When (ms) there certainly was no partition beside those that are read; None before the first answer."""
        mine = None if self._listing is None else self._listing.asked
        if self._beside is None:
            return mine
        others = self._beside()
        return None if mine is None or others is None else min(mine, others)

    @property
    def origin(self) -> TopicIdentity | None:
        """Which topic it is; None before the first answer."""
        return None if self._listing is None else self._listing.origin

    def ask_origin(self) -> TopicIdentity | None:
        """Which topic it is at this moment; None without an answer."""
        try:
            return Inquiry(self._properties, self._topic).listing().origin
        except UnansweredError:
            return None

    def deny(self, partition: int) -> None:
        """The broker refused to give what is in a partition: this client may not read it."""
        self._denied[partition] = int(time.time() * 1e3)

    def is_denied(self, partition: int) -> bool:
        """Whether that is so still, as far as the broker tells."""
        return partition in self._denied

    def grant(self, partition: int) -> None:
        """It gave something again."""
        self._denied.pop(partition, None)

    def close(self) -> None:
        """End the thread; nothing is wrong any more."""
        self._done.set()
        if self._wrong:
            self._reporter.send(Concern(self._process, self._subject, ""))

    def _run(self) -> None:
        inquiry = Inquiry(self._properties, self._topic)
        while True:
            try:
                self._round(inquiry)
            except RefusedError as error:
                self._found()
                self._ends = {}
                self._tell(str(error))
            except UnansweredError as error:
                self._lost(str(error))
            else:
                self._found()
            if self._moved is not None:
                self._moved()
            if self._done.wait(INTERVAL):
                return

    def _round(self, inquiry: Inquiry) -> None:
        positions = dict(self._positions)
        ends = inquiry.ends(positions, self._ends)
        # After the ends: silence must not be ahead of what is known of the partitions.
        listing = inquiry.listing()
        self._look(listing)
        self._ends = ends
        self._tell(self._lacking(listing))
        for partition, position in positions.items():
            at = position()
            if at is not None:
                row = ((self._topic, str(partition)),)
                lag = (float(max(ends[partition].log_end - at, 0)),)
                self._reporter.send(GaugeBlock(f"{self._topic}/{partition}", "consumer_lag_messages", row, lag))
        self._transactions.see(ends)

    def _look(self, listing: Listing) -> None:
        """Whether the topic is still the one that is read, with the partitions that it had."""
        known = self._listing
        if self.changed.is_set():
            return
        if listing.partitions > self._count:
            _LOG.info(
                "topic %s has %d partitions, %d before: starting anew with all",
                self._topic,
                listing.partitions,
                self._count,
            )
            self.changed.set()
        elif known is not None and listing.origin.is_other_than(known.origin):
            _LOG.warning("topic %s was made again: starting anew with it", self._topic)
            self.changed.set()
        else:
            self._listing = listing

    def _lacking(self, listing: Listing) -> str:
        """That it may not be read, in words; "" where it may.

        Where the broker does not tell what may be done, what it refused is refused until it gives something.
        """
        lacks = lacking(listing.allowed, [READ])
        if listing.allowed and not lacks:
            for partition, told in list(self._denied.items()):  # readers add to it meanwhile
                if told < listing.asked:
                    self._denied.pop(partition, None)
        return denial(self._topic, [READ], self._properties) if lacks or self._denied else ""

    @property
    def _subject(self) -> str:
        return f"reading {self._topic}"

    def _tell(self, wrong: str) -> None:
        """What keeps the topic from being read, when that has changed, and once at the beginning."""
        if wrong == self._wrong or self._done.is_set():
            return
        if wrong:
            _LOG.error("topic %s %s: nothing of it is read meanwhile", self._topic, wrong)
        elif self._wrong:
            _LOG.info("topic %s can be read again", self._topic)
        self._wrong = wrong
        self._reporter.send(Concern(self._process, self._subject, wrong and f"topic {self._topic} {wrong}"))

    def _lost(self, why: str) -> None:
        self._ends = {}
        if self._answering:
            self._answering = False
            _LOG.warning("the broker does not answer: %s", why)
        self._reporter.send(Status(self._process, "broker_lost", why))

    def _found(self) -> None:
        if not self._answering:
            self._answering = True
            _LOG.info("the broker answers again")
            self._reporter.send(Status(self._process, "running"))
