"""The brokers tests run on: the embedded one always, a real one where it can be had."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kafka_node import KafkaNode, NoBrokerError, free_ports
from waiting import GUARD, until

from stream.kafka.embedded import EmbeddedBroker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from confluent_kafka import Message

REQUIRED = "DRIFTGAUGE_REQUIRE_REAL_BROKER"
KINDS = ("embedded", "real")
_ONE_REQUEST = 500  # messages


def _made(admin: AdminClient, topic: NewTopic) -> bool:
    """Whether a topic is made; not yet where the one broker is not heard by its controller, on a crowded machine."""
    try:
        admin.create_topics([topic], request_timeout=GUARD)[topic.topic].result(GUARD)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.INVALID_REPLICATION_FACTOR:
            raise
        return False
    return True


@dataclass(frozen=True)
class Broker:
    """A running broker as a test sees it.

    Attributes:
        kind: `embedded` or `real`.
        bootstrap: its address.
    """

    kind: str
    bootstrap: str

    def topic(self, stem: str = "t", partitions: int = 4, name: str | None = None) -> str:
        """Create a topic with a name of its own, or with this one, and return the name.

        The embedded broker makes topics of EmbeddedBroker.PARTITIONS partitions only.
        """
        name = name or f"{stem}-{uuid.uuid4().hex[:8]}"
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        if self.kind == "real":
            until(lambda: _made(admin, NewTopic(name, partitions, 1)), pause=0.1)
            until(lambda: len(admin.list_topics(name, timeout=GUARD).topics[name].partitions) == partitions)
        else:
            assert partitions == EmbeddedBroker.PARTITIONS
            assert len(admin.list_topics(name, timeout=GUARD).topics[name].partitions) == partitions
        return name

    def produce(self, topic: str, values: Iterable[bytes], partition: int = -1, key: bytes | None = None) -> None:
        """Write values and return when the broker has confirmed each."""
        self.send(topic, [(value, key, None, 0) for value in values], partition)

    def send(self, topic: str, messages: Iterable[tuple[bytes, bytes | None, Any, int]], partition: int = -1) -> None:
        """Write messages (value, key, headers, ms of writing; 0: now); return when the broker has confirmed each."""
        failures: list[str] = []
        messages = list(messages)
        # Where there is more than a request of them, the broker itself must refuse what is out of place: one request in
        # flight at a time kept the order of what was sent again on a busy machine nearly always, not always. (A number
        # for the producer takes half a second, too long for each of the many that send little.)
        ordered = {"enable.idempotence": len(messages) > _ONE_REQUEST, "max.in.flight.requests.per.connection": 1}
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5, "log_level": 0, **ordered})

        def delivered(error: object, _: Message) -> None:
            if error is not None:
                failures.append(str(error))

        for value, key, headers, at in messages:
            while True:
                try:
                    producer.produce(
                        topic,
                        value,
                        key=key,
                        headers=headers or None,
                        partition=partition,
                        timestamp=at,
                        on_delivery=delivered,
                    )
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(GUARD) == 0
        assert not failures, failures[:3]

    def read(self, topic: str, count: int) -> list[Message]:
        """Return the records of a topic from its beginning once there are at least `count`."""
        return list(self._read(topic, lambda found: len(found) >= count))

    def read_all(self, topic: str) -> list[Message]:
        """Return every record the topic holds now."""
        ends = self.ends(topic)
        total = sum(high - low for low, high in ends)
        return list(self._read(topic, lambda found: len(found) >= total))

    def ends(self, topic: str) -> list[tuple[int, int]]:
        """Return the low and high offset of each partition."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "ends", "log_level": 0})
        try:
            parts = consumer.list_topics(topic, timeout=GUARD).topics[topic].partitions
            return [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=GUARD) for p in sorted(parts)]
        finally:
            consumer.close()

    def _read(self, topic: str, enough: Callable[[Sequence[Message]], bool]) -> list[Message]:
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": f"read-{uuid.uuid4()}", "enable.auto.commit": False}
        )
        found: list[Message] = []

        def read() -> bool:
            found.extend(message for message in consumer.consume(1000, 0.1) if message.error() is None)
            return enough(found)

        try:
            parts = consumer.list_topics(topic, timeout=GUARD).topics[topic].partitions
            consumer.assign([TopicPartition(topic, p, 0) for p in parts])
            if not enough(found):
                until(read)
        finally:
            consumer.close()
        return found


def unavailable(reason: str) -> None:
    """Skip with the reason, or fail where a real broker is required."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1 and no real broker: {reason}", pytrace=False)
    pytest.skip(f"no real broker: {reason}")


@pytest.fixture
def free_port() -> int:
    """Return a port of the loopback nobody listens on."""
    return free_ports(1)[0]


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[Broker]:
    """One embedded broker for the whole run."""
    with EmbeddedBroker() as broker:
        yield Broker("embedded", broker.bootstrap)


@pytest.fixture(scope="session")
def real_broker() -> Iterator[Broker]:
    """One real broker for the whole run: KAFKA_BOOTSTRAP_SERVERS, else Kafka on Java, else a skip with the reason."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield Broker("real", given)
        return
    try:
        with KafkaNode(heap="512m") as node:
            yield Broker("real", node.bootstrap)
    except NoBrokerError as error:
        unavailable(str(error))


@pytest.fixture
def kafka_node() -> Iterator[KafkaNode]:
    """Return a real broker of the test's own, running, that it may stop, pause, kill and start."""
    try:
        with KafkaNode(heap="512m") as node:
            yield node
    except NoBrokerError as error:
        unavailable(str(error))


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.real_broker if kind == "real" else ()) for kind in KINDS])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each of the two brokers in turn."""
    found: Broker = request.getfixturevalue(f"{request.param}_broker")
    return found
