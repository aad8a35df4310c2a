"""The whole way with real parts: Kafka, driftgauge, Prometheus, Alertmanager, a receiver that speaks PagerDuty's API.

Panes of a second, scrapes and rules each second: load_tests/paging.py measures it as shipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from paging import tool
from paging_chain import FAST, Chain
from paging_run import SHIFT, measured
from paging_scenarios import forty, push
from paging_traffic import narrow

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker

pytestmark = pytest.mark.real_broker


@pytest.fixture(autouse=True)
def _tools() -> None:
    """Prometheus and Alertmanager are needed."""
    tool("prometheus")
    tool("alertmanager")


def test_a_shift_becomes_one_page_and_a_resolve(tmp_path: Path, real_broker: Broker) -> None:
    """One trigger with key, summary, cause and links; one resolve after the traffic is normal again."""
    with Chain(tmp_path, real_broker.bootstrap, narrow(FAST.pane), [SHIFT], FAST) as chain:
        measured(chain, 0.5)
        assert chain.counts() == (1, 1)
        assert chain.receiver.refused == []


def test_forty_features_are_one_page_with_ranked_causes(tmp_path: Path, real_broker: Broker) -> None:
    """All forty are in the event, the first five in the page, both in order."""
    assert forty(real_broker.bootstrap, tmp_path)


def test_a_page_without_prometheus_survives_the_death_of_the_worker_and_of_the_parent(
    tmp_path: Path, real_broker: Broker
) -> None:
    """Direct push: one trigger, no resolve while it is killed, one after the traffic is normal again."""
    assert push(real_broker.bootstrap, tmp_path)
