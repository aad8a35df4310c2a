"""Rights that an administrator takes away while the monitor runs, and gives back: waited for, and nothing lost."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
    from collections.abc import Iterator
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
def denied(node: SecuredNode, topic: str, operation: AclOperation) -> Iterator[None]:
    """Around the time in which the monitor may not do this to a topic."""
    admin = AdminClient({"bootstrap.servers": node.bootstrap})
    place = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{USER}", "*", operation)
    acl = AclBinding(*place, AclPermissionType.DENY)
    admin.create_acls([acl])[acl].result(GUARD)
    yield
    every = AclBindingFilter(*place, AclPermissionType.DENY)
    admin.delete_acls([every])[every].result(GUARD)


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
        with denied(node, alerts, AclOperation.ALL):
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
