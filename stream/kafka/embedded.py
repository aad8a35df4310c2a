"""The embedded broker: librdkafka's mock cluster inside this process, for the demo and for tests without Java."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from confluent_kafka import Producer

if TYPE_CHECKING:
    from types import TracebackType

_ANSWER_SECONDS = 10.0


class EmbeddedBroker:
    """A Kafka broker that lives as long as this object, listening on a free port of the loopback.

    A context manager; `bootstrap` is the address, reachable from any process of this machine. Topics come to be when
    a client first names them, with `PARTITIONS` partitions each. Consumer groups, commits and transactions work.

    What it cannot do: keep more than about 5 MB a partition (the oldest records go), survive its process, delete or
    configure topics.

    Raises:
        KafkaException: the mock cluster did not answer.
    """

    PARTITIONS = 4

    def __init__(self) -> None:
        # The cluster belongs to this client handle; "log_level" hides the notice that bootstrap.servers is replaced.
        self._holder = Producer(
            {
                "bootstrap.servers": "127.0.0.1:1",  # required, and replaced by the mock cluster's own
                "test.mock.num.brokers": 1,
                "log_level": 3,
            }
        )
        brokers = self._holder.list_topics(timeout=_ANSWER_SECONDS).brokers
        first = next(iter(brokers.values()))
        self.bootstrap = f"{first.host}:{first.port}"

    def create(self, topic: str) -> int:
        """Bring a topic into being by naming it; returns its number of partitions."""
        return len(self._holder.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic].partitions)

    def close(self) -> None:
        """Drop the cluster and everything it keeps."""
        self._holder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
