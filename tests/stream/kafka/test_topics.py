"""`driftgauge topics create` on a real broker, and what it asks for."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from waiting import GUARD

from stream.config.edges.kafka import TopicsSettings
from stream.errors import Unreachable
from stream.kafka.topics import DAY, POLICIES, create, plan

if TYPE_CHECKING:
    from brokers import Broker


def names(evaluations: bool = False) -> TopicsSettings:
    """Topic names nobody else uses."""
    run = uuid.uuid4().hex[:8]
    roles = ["predictions", "feedback", "alerts", "actions", "control", "dead_letters"] + ["evaluations"] * evaluations
    return TopicsSettings(**{role: f"{role}-{run}" for role in roles})


def settings_of(broker: Broker, topic: str) -> dict[str, str]:
    """The settings a topic really has."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    found = admin.describe_configs([resource])[resource].result(GUARD)
    return {key: entry.value for key, entry in found.items()}


def test_every_role_has_a_policy() -> None:
    """Each topic that the config can name has documented settings."""
    assert set(POLICIES) == set(TopicsSettings.model_fields)


def test_a_topic_without_a_name_is_not_planned() -> None:
    """Evaluations are off by default and on when named."""
    assert "evaluations" not in {item.role for item in plan(names())}
    assert "evaluations" in {item.role for item in plan(names(evaluations=True))}


def test_partitions_and_retention_are_for_what_is_read() -> None:
    """The options shape the topics that others write; events stay in order on one partition."""
    by_role = {item.role: item for item in plan(names(), partitions=12, retention=DAY)}
    assert {role: item.partitions for role, item in by_role.items()} == {
        "predictions": 12,
        "feedback": 12,
        "alerts": 1,
        "actions": 1,
        "control": 1,
        "dead_letters": 1,
    }
    assert by_role["predictions"].settings["retention.ms"] == "86400000"
    assert by_role["alerts"].settings["retention.ms"] == str(90 * 86_400_000)


def test_a_changelog_has_a_partition_for_each_shard() -> None:
    """Off by default; by age alone it loses what is in it."""
    (item,) = [one for one in plan(TopicsSettings(changelog="log"), partitions=3) if one.role == "changelog"]
    assert (item.partitions, item.settings["cleanup.policy"]) == (8, "delete")
    assert "changelog" not in {one.role for one in plan(names())}


def test_three_copies_ask_for_two_in_sync() -> None:
    """With replication 3 a write must reach two brokers; with fewer copies nothing is asked."""
    assert {item.settings.get("min.insync.replicas") for item in plan(names(), replication=3)} == {"2"}
    assert {item.settings.get("min.insync.replicas") for item in plan(names(), replication=1)} == {None}


@pytest.mark.real_broker
def test_topics_are_created_with_the_planned_settings(real_broker: Broker) -> None:
    """The broker reports the partitions and settings that were planned."""
    wanted = plan(names(evaluations=True), partitions=3)
    results = create({"bootstrap.servers": real_broker.bootstrap}, wanted)
    assert [(result.outcome, result.partitions) for result in results] == [
        ("created", 3),
        ("created", 3),
        ("created", 1),
        ("created", 1),
        ("created", 1),
        ("created", 1),
        ("created", 1),
    ]
    for item in wanted:
        found = settings_of(real_broker, item.name)
        assert {key: found[key] for key in item.settings} == dict(item.settings)


@pytest.mark.real_broker
def test_creating_twice_changes_nothing(real_broker: Broker) -> None:
    """A second run finds every topic as planned and has nothing to remark."""
    wanted = plan(names())
    create({"bootstrap.servers": real_broker.bootstrap}, wanted)
    again = create({"bootstrap.servers": real_broker.bootstrap}, wanted)
    assert [(result.outcome, result.differences) for result in again] == [("exists", ())] * 6


@pytest.mark.real_broker
def test_what_exists_is_left_as_it_is_and_the_difference_is_told(real_broker: Broker) -> None:
    """Other partitions and retention are reported in words and not touched."""
    topics = names()
    properties = {"bootstrap.servers": real_broker.bootstrap}
    create(properties, plan(topics, partitions=2))
    result = create(properties, plan(topics, partitions=4, retention=DAY))[0]
    assert result.outcome == "exists"
    assert result.partitions == 2
    assert result.differences == ("partitions 2, not 4", "retention.ms 604800000, not 86400000")
    assert settings_of(real_broker, topics.predictions)["retention.ms"] == "604800000"


@pytest.mark.real_broker
def test_a_topic_that_cannot_be_created_says_why(real_broker: Broker) -> None:
    """More copies than there are brokers: each topic fails with the broker's words, none hides the others."""
    results = create({"bootstrap.servers": real_broker.bootstrap}, plan(names(), replication=99))
    assert {result.outcome for result in results} == {"failed"}
    assert all("eplica" in result.differences[0] for result in results)


def test_the_embedded_broker_has_its_topics_already(embedded_broker: Broker) -> None:
    """Topics that came to be by being named count as existing, even where settings cannot be read."""
    topics = names()
    admin = AdminClient({"bootstrap.servers": embedded_broker.bootstrap})
    wanted = plan(topics)
    for item in wanted:
        admin.list_topics(item.name, timeout=GUARD)
    results = create({"bootstrap.servers": embedded_broker.bootstrap}, wanted)
    assert {result.outcome for result in results} == {"exists"}


def test_a_broker_that_never_answers_is_a_failure_by_topic(
    embedded_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded one takes the request to create a topic and says nothing."""
    monkeypatch.setattr("stream.kafka.topics._REQUEST_SECONDS", 0.5)
    results = create({"bootstrap.servers": embedded_broker.bootstrap}, plan(names()))
    assert {(one.outcome, one.differences) for one in results} == {("failed", ("no answer within 1 s",))}


def test_no_broker_is_one_clear_error(free_port: int) -> None:
    """Without a broker the error names the address."""
    with pytest.raises(Unreachable, match=f"127.0.0.1:{free_port}"):
        create({"bootstrap.servers": f"127.0.0.1:{free_port}"}, plan(names()), patience=1.0)
