"""Rights that an administrator takes away while the monitor runs, and gives back: waited for, and nothing lost."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from secured import ROWS, USER, Run, SecuredNode, Site, secured_node
from waiting import GUARD, until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from brokers import Broker

pytestmark = pytest.mark.real_broker

NO_DATA_AFTER = 6
QUICK = {
    "DRIFTGAUGE__TIME__PANE": "1s",
    "DRIFTGAUGE__TIME__LATENESS": "500ms",
    "DRIFTGAUGE__TIME__IDLE_AFTER": "1s",
    "DRIFTGAUGE__MODELS__0__QUALITY__NO_DATA_AFTER": f"{NO_DATA_AFTER}s",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SecuredNode, Broker]]:
    """A broker that asks who is there, and the same without a question."""
    with secured_node(tmp_path_factory.mktemp("node")) as one:
        yield one


@contextmanager
def denied(
    node: SecuredNode, topics: Iterable[str], operation: AclOperation, kind: Any = ResourceType.TOPIC
) -> Iterator[None]:
    """Around the time in which the monitor may not do this to some topics."""
    admin = AdminClient({"bootstrap.servers": node.bootstrap})
    places = [(kind, topic, ResourcePatternType.LITERAL, f"User:{USER}", "*", operation) for topic in topics]
    for future in admin.create_acls([AclBinding(*place, AclPermissionType.DENY) for place in places]).values():
        future.result(GUARD)
    yield
    every = [AclBindingFilter(*place, AclPermissionType.DENY) for place in places]
    for found in admin.delete_acls(every).values():
        found.result(GUARD)


@contextmanager
def withdrawn(node: SecuredNode, topic: str) -> Iterator[None]:
    """Around the time in which nothing on a topic is allowed, as nobody has said that it is."""
    admin = AdminClient({"bootstrap.servers": node.bootstrap})
    every = AclBindingFilter(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, None, None, AclOperation.ANY, AclPermissionType.ANY
    )
    taken = admin.delete_acls([every])[every].result(GUARD)
    assert taken
    yield
    for future in admin.create_acls(taken).values():
        future.result(GUARD)


def until_read(running: Run, count: int) -> None:
    """Wait until so many records were read, and no more."""
    until(lambda: running.read() >= count, pause=0.1)
    assert running.read() == count


def test_an_alert_that_begins_while_alerts_may_not_be_written_is_written_once(
    found: tuple[SecuredNode, Broker], tmp_path: Path
) -> None:
    """All rights on the topic are taken, predictions cease: /readyz names it; once they are back the alert is there."""
    node, broker = found
    site = Site(tmp_path, node, broker, "kafka-sasl")
    alerts = site.topics["alerts"]
    with site.run(**QUICK) as running:
        site.write()
        until_read(running, ROWS + 1)
        with denied(node, [alerts], AclOperation.ALL):
            until(lambda: alerts in running.page("readyz"), pause=0.1)
            silent = time.time() + 2 * NO_DATA_AFTER
            until(lambda: time.time() > silent, pause=0.1)
            assert broker.read_all(alerts) == []
        until(lambda: broker.read_all(alerts), pause=0.1)
        until(lambda: running.page("readyz").startswith("ready"), pause=0.1)
        assert running.terminate() == 0
    events = [json.loads(message.value() or b"") for message in broker.read_all(alerts)]
    assert len({event["id"] for event in events if event["alert"] == "NoData"}) == 1
    assert {event["state"] for event in events} == {"firing"}
    assert "Traceback" not in running.log


PATIENT = {
    **QUICK,
    "DRIFTGAUGE__TIME__IDLE_AFTER": "1h",
    "DRIFTGAUGE__MODELS__0__QUALITY__NO_DATA_AFTER": "1h",
}
SPAN = 200
"""Milliseconds of event time of what is written at once: none of it is late beside what was written before."""


def until_counted(site: Site, running: Run, count: int, *topics: str) -> None:
    """Wait until so many predictions of these topics count: none is missing, none counts twice, none was late."""
    for topic in topics or ("",):
        site.move_on(topic)
    until(lambda: running.total("predictions_total") >= count, pause=0.1)
    assert running.total("predictions_total") == count
    assert running.total("late_records_total") == 0


def until_said(running: Run, *words: str) -> None:
    """Wait until /readyz has all these words."""
    until(lambda: all(word in running.page("readyz") for word in words), pause=0.1)


def until_ready(running: Run) -> None:
    """Wait until /readyz has nothing to complain about."""
    until(lambda: running.page("readyz").startswith("ready"), pause=0.1)


@pytest.mark.parametrize("taken", ["READ", "DESCRIBE", "ALL"])
def test_predictions_that_may_not_be_read_are_read_once_they_may(
    found: tuple[SecuredNode, Broker], tmp_path: Path, taken: str
) -> None:
    """/readyz and the log name the right and what gives it; no process ends; afterwards every record counts once."""
    node, broker = found
    site = Site(tmp_path, node, broker, "kafka-sasl")
    predictions = site.topics["predictions"]
    around = withdrawn(node, predictions) if taken == "ALL" else denied(node, [predictions], AclOperation[taken])
    right = "READ" if taken == "READ" else "DESCRIBE"
    with site.run(**PATIENT) as running:
        site.write(span=SPAN)
        until_read(running, ROWS + 1)
        with around:
            until_said(
                running, f"topic {predictions} may not be", f"the {right} permission is missing", "kafka-acls.sh"
            )
            site.write(span=SPAN)
            until_said(running, f"the {right} permission is missing")
        until_read(running, 2 * (ROWS + 1))
        until_counted(site, running, 2 * ROWS)
        until_ready(running)
        assert running.terminate() == 0
    assert broker.read_all(site.topics["alerts"]) == []
    assert running.log.count("started 1 dataflow") == 1
    assert f"topic {predictions} may not be" in running.log
    assert f"topic {predictions} can be read again" in running.log
    assert len(broker.read_all(site.topics["dead_letters"])) == 2
    assert "Traceback" not in running.log


def test_a_start_waits_for_the_right_to_read(found: tuple[SecuredNode, Broker], tmp_path: Path) -> None:
    """Without it no process ends again and again: it waits, and says for what."""
    node, broker = found
    site = Site(tmp_path, node, broker, "kafka-sasl")
    predictions = site.topics["predictions"]
    with denied(node, [predictions], AclOperation.READ), site.run(**PATIENT) as running:
        site.write(span=SPAN)
        until_said(running, f"topic {predictions} may not be read", "kafka-acls.sh")
        assert running.terminate() == 0
    with site.run(**PATIENT) as running:
        until_read(running, ROWS + 1)
        assert running.terminate() == 0
    assert running.log.count("started 1 dataflow") == 2
    assert "Traceback" not in running.log
