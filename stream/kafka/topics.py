"""Creating driftgauge's topics with documented settings; what exists is reported, never changed."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined]

from operators.plans.join import SHARDS
from stream.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.config.edges.kafka import TopicsSettings

DAY = 86_400_000
BROKER_DEFAULT = -1
_REQUEST_SECONDS = 10.0
_LOOK_SECONDS = 3.0

Role = Literal["predictions", "feedback", "alerts", "actions", "control", "dead_letters", "evaluations", "changelog"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How a topic of one role is set up, and why.

    Attributes:
        input: fed by others and read by driftgauge; its partition count bounds `run --processes`.
        retention: milliseconds a record is kept.
        settings: further topic properties.
        why: one line for the reader of `topics create --help`.
        partitions: of a topic that is written.
    """

    input: bool
    retention: int
    settings: Mapping[str, str]
    why: str
    partitions: int = 1


POLICIES: dict[Role, Policy] = {
    "predictions": Policy(True, 7 * DAY, {}, "a week to replay when thresholds are tuned"),
    "feedback": Policy(True, 30 * DAY, {}, "labels come late and are few"),
    "alerts": Policy(False, 90 * DAY, {}, "one partition keeps the order of an alert's life"),
    "actions": Policy(False, 90 * DAY, {}, "one partition keeps requests in order"),
    # Whoever may write here may approve, cancel and report on actions: see the README for the ACLs.
    "control": Policy(False, 90 * DAY, {}, "one partition keeps what is said of actions in order"),
    # A dead letter is the original record plus headers: it must fit where the record itself did.
    "dead_letters": Policy(
        False, 14 * DAY, {"max.message.bytes": str(1_048_588 + 65_536)}, "two weeks to look at them"
    ),
    "evaluations": Policy(False, 7 * DAY, {"compression.type": "zstd"}, "large and repetitive"),
    # A whole copy is written four times in a retention: it is bounded however long a monitor stands still.
    "changelog": Policy(False, 2 * DAY, {}, "one partition for each shard of the join", SHARDS),
}


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """One topic as it should be.

    Attributes:
        name: topic name.
        role: what driftgauge uses it for.
        partitions: number of partitions.
        replication: replication factor, -1 for the broker's default.
        settings: topic properties.
    """

    name: str
    role: Role
    partitions: int
    replication: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicResult:
    """What became of one topic.

    Attributes:
        name: topic name.
        role: what driftgauge uses it for.
        outcome: `created`, `exists`, or `failed`.
        partitions: partitions it has now; 0 when it failed.
        differences: for a topic that exists, where it departs from the plan, one phrase each; for a failed one, why.
    """

    name: str
    role: Role
    outcome: Literal["created", "exists", "failed"]
    partitions: int
    differences: tuple[str, ...]


def plan(
    topics: TopicsSettings,
    theirs: frozenset[str] = frozenset(),
    *,
    partitions: int = 4,
    replication: int = BROKER_DEFAULT,
    retention: int | None = None,
) -> list[TopicPlan]:
    """Return the topics a configuration names, as they should be.

    Args:
        topics: names by role; a role without a name is left out.
        theirs: roles that topics of `sources` have; those are there already, and others'.
        partitions: of the topics that are read; those that are written have their own.
        replication: replication factor of all, -1 for the broker's default.
        retention: milliseconds, instead of the documented retention of the topics that are read.
    """
    plans = []
    for role, policy in POLICIES.items():
        name: str | None = getattr(topics, role)
        if name is None or role in theirs:
            continue
        kept = policy.retention if retention is None or not policy.input else retention
        settings = {"cleanup.policy": "delete", "retention.ms": str(kept), **policy.settings}
        if replication >= 3:  # a written record then survives the loss of one broker, and writing goes on without it
            settings["min.insync.replicas"] = "2"
        plans.append(TopicPlan(name, role, partitions if policy.input else policy.partitions, replication, settings))
    return plans


def create(
    properties: Mapping[str, str | int | float | bool], plans: Iterable[TopicPlan], patience: float = _REQUEST_SECONDS
) -> list[TopicResult]:
    """Create what is missing and report what exists; running it twice changes nothing.

    Args:
        properties: librdkafka properties with `bootstrap.servers`.
        plans: the topics wanted.
        patience: seconds the first answer may take.

    Raises:
        Unreachable: no broker answered in time.
    """
    admin = AdminClient({"log_level": 0, **properties})
    try:
        present = admin.list_topics(timeout=patience).topics
    except KafkaException as error:
        addresses = properties.get("bootstrap.servers")
        raise Unreachable(f"no broker answered at {addresses}: {error.args[0].str()}") from error
    sizes = {name: len(topic.partitions) for name, topic in present.items()}
    with ThreadPoolExecutor() as pool:  # each waits for its own answer
        return list(pool.map(lambda item: _create_one(admin, item, sizes), plans))


def _create_one(admin: AdminClient, item: TopicPlan, sizes: Mapping[str, int]) -> TopicResult:
    if item.name in sizes:
        return _existing(admin, item, sizes[item.name])
    new = NewTopic(item.name, item.partitions, item.replication, config=dict(item.settings))
    try:
        admin.create_topics([new], operation_timeout=_REQUEST_SECONDS)[item.name].result(2 * _REQUEST_SECONDS)
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() == KafkaError.TOPIC_ALREADY_EXISTS:  # somebody else was first
            return _existing(admin, item, _settled(admin, item.name))
        return TopicResult(item.name, item.role, "failed", 0, (cause.str(),))
    except TimeoutError:
        return TopicResult(item.name, item.role, "failed", 0, (f"no answer within {2 * _REQUEST_SECONDS:g} s",))
    return TopicResult(item.name, item.role, "created", _settled(admin, item.name), ())


def _settled(admin: AdminClient, name: str) -> int:
    """Return the partitions of a topic once its broker knows of them, which is a little after the controller does."""
    deadline = time.monotonic() + _REQUEST_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(KafkaException):
            topic = admin.list_topics(name, timeout=_LOOK_SECONDS).topics[name]
            if topic.error is None and topic.partitions:
                return len(topic.partitions)
        time.sleep(0.05)
    return 0


def _existing(admin: AdminClient, item: TopicPlan, partitions: int) -> TopicResult:
    differences = []
    if partitions != item.partitions:
        differences.append(f"partitions {partitions}, not {item.partitions}")
    resource = ConfigResource(ResourceType.TOPIC, item.name)
    try:
        found = admin.describe_configs([resource], request_timeout=_LOOK_SECONDS)[resource].result(2 * _LOOK_SECONDS)
    except (KafkaException, TimeoutError):  # not allowed to look, or a broker that cannot tell
        return TopicResult(item.name, item.role, "exists", partitions, tuple(differences))
    for key, wanted in item.settings.items():
        entry = found.get(key)
        if entry is not None and entry.value != wanted:
            differences.append(f"{key} {entry.value}, not {wanted}")
    return TopicResult(item.name, item.role, "exists", partitions, tuple(differences))
