"""The topics that are written: whether they are there, may be written, and take what is to be written.

A producer finds out with its next message only, and an alert may be hours away.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from stream.kafka.client import MOCK
from stream.kafka.rights import TIMEOUT, Rights
from stream.metrics.reports import Concern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]

    from stream.metrics.reports import Reporter

EVERY = 2.0
"""Seconds between two looks."""

LEAST = 4_096
"""Bytes that an alert event may need at its shortest: three causes, the longest names, headers, the batch around it."""

_LOG = logging.getLogger("driftgauge.sink")


class OutputTopics:
    """Looks after topics from a thread of its own; use as a context manager.

    Args:
        properties: of a client.
        topics: by name the rights that each needs.
        process: that writes them.
        reporter: told of each what is wrong with it, and when nothing is any more.
    """

    def __init__(
        self,
        properties: Mapping[str, Any],
        topics: Mapping[str, Sequence[AclOperation]],
        process: int,
        reporter: Reporter,
    ) -> None:
        self._rights = Rights(properties)
        self._topics = topics
        self._process = process
        self._reporter = reporter
        self._wrong: dict[str, str] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="output-topics", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End; nothing is wrong any more."""
        self._done.set()
        for topic in self._topics:
            self._reporter.send(Concern(self._process, topic, ""))

    def _run(self) -> None:
        while not self._done.wait(EVERY):
            for topic, needed in self._topics.items():
                found = self._rights.fault(topic, *needed)
                if found is not None and found != self._wrong.get(topic, "") and not self._done.is_set():
                    self._tell(topic, found)

    def _tell(self, topic: str, found: str) -> None:
        self._wrong[topic] = found
        if found:
            _LOG.error("topic %s %s: what is to be written there waits", topic, found)
        else:
            _LOG.info("topic %s can be written again", topic)
        self._reporter.send(Concern(self._process, topic, found and f"topic {topic} {found}"))


def too_small(properties: Mapping[str, Any], topic: str) -> int | None:
    """The size of a message that the topic takes at most, where that is less than an alert event needs; else None."""
    admin = AdminClient(dict(properties))
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        if (admin.list_topics(topic, timeout=TIMEOUT).cluster_id or "").startswith(MOCK):
            return None
        found = admin.describe_configs([resource], request_timeout=TIMEOUT)[resource].result(2 * TIMEOUT)
        most = int(found["max.message.bytes"].value)
    except (KafkaException, TimeoutError, KeyError, ValueError):  # not allowed to ask
        return None
    return most if most < LEAST else None
