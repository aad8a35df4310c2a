"""Questions to the broker about a topic: which one it is, how many partitions it has, where each of them ends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import IsolationLevel, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from stream.kafka.client import MOCK, Complaints
from stream.kafka.rights import ABSENT, DENIED, READ, TIMEOUT, hidden

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from confluent_kafka import KafkaError
    from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]

_NO_ID = "A" * 22
"""Zeros in base 64: a broker before 2.8, which gives topics no ids."""


class UnansweredError(Exception):
    """The broker did not answer, or has no such topic."""


class RefusedError(UnansweredError):
    """The broker answered: there is no such topic, or it may not be looked at."""


@dataclass(frozen=True, slots=True)
class TopicIdentity:
    """Which topic it is, beyond its name: the cluster's id and its own; "" where the broker does not tell."""

    cluster: str = ""
    topic: str = ""

    def beside(self, known: TopicIdentity) -> TopicIdentity:
        """This, and where the broker does not tell, what was known."""
        return TopicIdentity(self.cluster or known.cluster, self.topic or known.topic)

    def is_other_than(self, known: TopicIdentity) -> bool:
        """Whether they are certainly not the same: offsets of the one say nothing of the other."""
        pairs = ((self.cluster, known.cluster), (self.topic, known.topic))
        return any(mine and former and mine != former for mine, former in pairs)


UNKNOWN = TopicIdentity()


@dataclass(frozen=True, slots=True)
class Listing:
    """What a topic was when the broker was asked at `asked` (ms), and what may be done to it, where that is told."""

    origin: TopicIdentity
    partitions: int
    asked: int
    allowed: Collection[AclOperation] | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The broker's word on a partition: nothing was at or after `log_end` when asked at `asked` (ms).

    Answered without fail since `since` (ms). From `offset` on, nothing can be read: it is before `log_end` while a
    transaction is open that began there.
    """

    offset: int
    log_end: int
    asked: int
    since: int

    @property
    def held(self) -> bool:
        """Whether an open transaction keeps back what is in the log."""
        return self.offset < self.log_end


class Inquiry:
    """Asks about one topic.

    Args:
        properties: those of its consumers, whose isolation level decides what can be read.
        topic: its name.
    """

    def __init__(self, properties: Mapping[str, Any], topic: str) -> None:
        committed = properties.get("isolation.level", "read_committed") == "read_committed"
        self._isolation = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        self._topic = topic
        self._properties = properties
        self._complaints = Complaints()
        # Asking for a topic must not make one, as it would where brokers create topics by themselves.
        ours: dict[str, Any] = {"allow.auto.create.topics": False, "error_cb": self._complaints}
        self._admin = AdminClient({**properties, **ours})

    def listing(self) -> Listing:
        """The topic as it is.

        Raises:
            UnansweredError: there is no answer, or no such topic.
        """
        asked = _now()
        try:
            found = self._admin.list_topics(self._topic, timeout=TIMEOUT)
        except KafkaException as error:
            raise self._unanswered(error) from error
        self._admin.poll(0)
        self._complaints.forget()
        topic = found.topics[self._topic]
        if topic.error is not None:
            raise self._refused(topic.error)
        cluster = found.cluster_id or ""
        name, allowed = self._described(cluster)
        return Listing(TopicIdentity(cluster, name), len(topic.partitions), asked, allowed)

    def ends(self, partitions: Iterable[int], known: Mapping[int, End]) -> dict[int, End]:
        """Where partitions end, beside what was `known` before.

        The log's end is asked for first: when what can be read ends before it, a transaction is open.

        Raises:
            UnansweredError: one of them is not answered for.
        """
        asked = _now()
        places = [TopicPartition(self._topic, partition) for partition in partitions]
        if not places:
            return {}
        ends = self._offsets(places, IsolationLevel.READ_UNCOMMITTED)
        readable = self._offsets(places, self._isolation)
        return {
            partition: End(offset, ends[partition], asked, known[partition].since if partition in known else asked)
            for partition, offset in readable.items()
        }

    def _offsets(self, places: list[TopicPartition], isolation: IsolationLevel) -> dict[int, int]:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        futures = self._admin.list_offsets(
            dict.fromkeys(places, latest), isolation_level=isolation, request_timeout=TIMEOUT
        )
        try:
            return {place.partition: int(future.result(2 * TIMEOUT).offset) for place, future in futures.items()}
        except KafkaException as error:
            inner = error.args[0]
            raise (self._refused(inner) if inner.code() in {ABSENT, DENIED} else self._unanswered(error)) from error
        except TimeoutError as error:
            raise UnansweredError("no answer") from error

    def _unanswered(self, error: KafkaException) -> UnansweredError:
        """No answer, and why: of a password that is not taken any more the client says only that time is over."""
        self._admin.poll(0)  # hears the complaints
        return UnansweredError(f"no answer: {self._complaints.behind(error)}")

    def _refused(self, error: KafkaError) -> RefusedError:
        known = {ABSENT: "does not exist", DENIED: hidden(self._topic, [READ], self._properties)}
        return RefusedError(known.get(error.code(), f"cannot be used: {error.str()}"))

    def _described(self, cluster: str) -> tuple[str, Collection[AclOperation] | None]:
        """The topic's id and what may be done to it; "" and None where the broker does not tell."""
        if cluster.startswith(MOCK):
            return "", None
        asked = self._admin.describe_topics(
            TopicCollection([self._topic]), include_authorized_operations=True, request_timeout=TIMEOUT
        )
        try:
            found = asked[self._topic].result(2 * TIMEOUT)
        except (KafkaException, TimeoutError):  # gone this moment, or not allowed to ask
            return "", None
        said = str(found.topic_id)
        return "" if said == _NO_ID else said, found.authorized_operations


def _now() -> int:
    return int(time.time() * 1e3)
