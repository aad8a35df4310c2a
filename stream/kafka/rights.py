"""What this client may do to a topic; and in words what it may not, with what gives it the right.

A right that is taken away while the monitor runs is given back on the cluster: no restart of ours mends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient  # type: ignore[attr-defined]

from stream.kafka.client import MOCK

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

TIMEOUT = 2.0
"""Seconds that the broker has to answer."""

READ, WRITE, DESCRIBE = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE
DENIED = KafkaError.TOPIC_AUTHORIZATION_FAILED
ABSENT = KafkaError.UNKNOWN_TOPIC_OR_PART

_DONE = {READ: "read", WRITE: "written", DESCRIBE: "looked at"}


def refusal(lacking: Sequence[AclOperation]) -> str:
    """What a topic cannot be used for, and the rights that are missing."""
    done = " or ".join(_DONE[one] for one in lacking)
    names = " and ".join(one.name for one in lacking)
    return f"may not be {done}: the {names} permission{' is' if len(lacking) == 1 else 's are'} missing"


def grant(topic: str, lacking: Sequence[AclOperation], properties: Mapping[str, Any]) -> str:
    """What gives these rights."""
    user = properties.get("sasl.username", "THIS_CLIENT")
    given = " ".join(f"--operation {one.name.capitalize()}" for one in lacking)
    return (
        f"kafka-acls.sh --bootstrap-server BROKER --add --allow-principal User:{user} {given} --topic {topic}, where "
        "no other rule denies it"
    )


def denial(topic: str, lacking: Sequence[AclOperation], properties: Mapping[str, Any]) -> str:
    """Both, for a monitor that waits."""
    return f"{refusal(lacking)}; it goes on by itself once it is given ({grant(topic, lacking, properties)})"


def hidden(topic: str, needed: Sequence[AclOperation], properties: Mapping[str, Any]) -> str:
    """The same of a topic that is not even shown: what is needed lets it be looked at, too."""
    return f"{refusal([DESCRIBE])}; it goes on by itself once it is given ({grant(topic, needed, properties)})"


def lacking(allowed: Collection[AclOperation] | None, needed: Sequence[AclOperation]) -> list[AclOperation]:
    """Which of the rights that are needed the broker does not name; none of them where it names no rights at all."""
    if not allowed or AclOperation.ALL in allowed:
        return []
    return [one for one in needed if one not in allowed]


class Rights:
    """Asks what this client may do.

    Args:
        properties: of a client.
    """

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = properties
        self._admin: AdminClient | None = None

    def fault(self, topic: str, *needed: AclOperation) -> str | None:
        """Why a topic cannot be used for what is needed; "" when it can be, None when the broker does not tell."""
        try:
            found = self._client().list_topics(topic, timeout=TIMEOUT)
        except KafkaException:
            return None
        error = found.topics[topic].error
        if error is not None:
            known = {ABSENT: "does not exist", DENIED: hidden(topic, needed, self._properties)}
            return known.get(error.code(), f"cannot be used: {error.str()}")
        if (found.cluster_id or "").startswith(MOCK):
            return ""
        lacks = self.lacking(topic, needed)
        return lacks if lacks is None else denial(topic, lacks, self._properties) if lacks else ""

    def lacking(self, topic: str, needed: Sequence[AclOperation]) -> list[AclOperation] | None:
        """Which of the rights on a topic that are needed are not there; None when the broker does not tell."""
        asked = self._client().describe_topics(
            TopicCollection([topic]), include_authorized_operations=True, request_timeout=TIMEOUT
        )
        try:
            return lacking(asked[topic].result(2 * TIMEOUT).authorized_operations, needed)
        except (KafkaException, TimeoutError):
            return None

    def _client(self) -> AdminClient:
        if self._admin is None:
            # Asking for a topic must not make one, as it would where brokers create topics by themselves.
            self._admin = AdminClient({**self._properties, "allow.auto.create.topics": False})
        return self._admin
