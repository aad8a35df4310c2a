"""Open transactions of producers: what is written behind the first of them can be read by nobody yet."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from stream.metrics.reports import GaugeBlock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.kafka.inquiry import End
    from stream.metrics.reports import Reporter

LONG = 120_000
"""Milliseconds after which a transaction is worth a line: a sink that commits with its checkpoints takes a minute."""

_LOG = logging.getLogger("driftgauge.watcher")


class Transactions:
    """For how long the first open transaction of each partition of a topic has been open."""

    def __init__(self, topic: str, reporter: Reporter) -> None:
        self._topic = topic
        self._reporter = reporter
        self._since: dict[int, tuple[int, int]] = {}
        self._said: set[int] = set()

    def see(self, ends: Mapping[int, End]) -> None:
        """Take in where the partitions end now."""
        for partition, end in ends.items():
            offset, since = self._since.get(partition, (-1, 0))
            if not end.held or offset != end.offset:
                self._since[partition] = (end.offset, end.asked)
                since = end.asked
            self._tell(partition, end, end.asked - since)

    def _tell(self, partition: int, end: End, age: int) -> None:
        row = ((self._topic, str(partition)),)
        owner = f"transaction/{self._topic}/{partition}"
        self._reporter.send(GaugeBlock(owner, "transaction_open_seconds", row, (age / 1e3,)))
        if end.held and age >= LONG and partition not in self._said:
            self._said.add(partition)
            _LOG.warning(
                "%s/%d: a transaction has been open for %d s at offset %d; %d messages wait behind it. Its producer "
                "may have died: see kafka-transactions.sh find-hanging",
                self._topic,
                partition,
                age // 1_000,
                end.offset,
                end.log_end - end.offset,
            )
        elif not end.held and partition in self._said:
            self._said.discard(partition)
            _LOG.info("%s/%d: the transaction has ended", self._topic, partition)
