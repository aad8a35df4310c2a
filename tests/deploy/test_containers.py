"""docker-compose.yml brought up in containers, disturbed, taken down and brought up again.

It takes minutes and needs a Docker engine: where none answers it is skipped, and DRIFTGAUGE_REQUIRE_CONTAINERS=1 starts
one. Where an image is not there and none can be pulled, a stand-in made of packages takes its name.
"""

from __future__ import annotations

import re
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
import yaml
from composed import ROOT, composed
from containers import LEFT_OUT, SERVICES, SHIFTED_AFTER, Stack, engine, gateway, images
from pagerduty import Receiver
from waiting import until

from stream.config.edges.kafka import TopicsSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

pytestmark = pytest.mark.timeout(5_400)


def tell(text: str) -> None:
    """Where a reader of the test's output sees it."""
    sys.stderr.write(f"\ncontainers: {text}\n")


def timed(what: str, action: Callable[[], Any]) -> Any:
    """What the action returns; how long it took is told."""
    begun = time.monotonic()  # noqa: TID251 - told, not asserted
    given = action()
    tell(f"{what}: {time.monotonic() - begun:.0f} s")  # noqa: TID251 - as above
    return given


@pytest.fixture(scope="module")
def receiver(env: dict[str, str]) -> Iterator[Receiver]:
    """Stands for PagerDuty, at the address under which containers see this machine."""
    with Receiver(gateway(env)) as running:
        yield running


@pytest.fixture(scope="module")
def env() -> Iterator[dict[str, str]]:
    """An engine that has all base images."""
    with engine() as found:
        stand_ins = timed("base images", lambda: images(found))
        tell(f"stand-ins made of packages: {', '.join(stand_ins) or 'none'}; left out: {', '.join(LEFT_OUT)}")
        yield found


@pytest.fixture(scope="module")
def stack(env: dict[str, str], receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All of it, up."""
    with Stack(tmp_path_factory.mktemp("composed"), env, receiver.url) as made:
        timed("image", made.build)
        tell(made.sizes())
        timed("up", made.up)
        yield made


def test_every_health_check_is_green(stack: Stack) -> None:
    """Nothing was restarted on the way, the preparation ended with 0, and every volume has a name."""
    for name in SERVICES:
        assert stack.well(name), name
        assert stack.container(name)["RestartCount"] == 0, stack.logs(name)[-2_000:]
    assert stack.container("prepare")["State"]["ExitCode"] == 0
    mounts = [mount for name in (*SERVICES, "prepare") for mount in stack.container(name)["Mounts"]]
    named = {mount["Name"].partition("_")[2] for mount in mounts if mount["Type"] == "volume"}
    assert named == set(composed()["volumes"]) - set(LEFT_OUT)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_rights(stack: Stack, name: str) -> None:
    """Its processes belong to no root, have no capability and can gain none; its root file system is read-only."""
    status = stack("exec", "-T", name, "cat", "/proc/1/status")
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert not re.search(r"^Uid:\t0", status, re.MULTILINE)
    assert re.search(r"^\S+ / \S+ ro,", stack("exec", "-T", name, "cat", "/proc/mounts"), re.MULTILINE)


def test_the_simulated_shift_becomes_a_page(stack: Stack, receiver: Receiver) -> None:
    """One that PagerDuty would take, of the shifted feature; nothing pages for the monitor itself."""
    page = until(lambda: receiver.events("DataDrift", "trigger"), pause=0.5)[0]
    began = datetime.fromisoformat(stack.container("simulator")["State"]["StartedAt"][:19] + "Z").timestamp()
    tell(f"page {page.at - began - SHIFTED_AFTER:.0f} s after the shift, counted from the simulator's start")
    assert "price" in page.body["payload"]["custom_details"]["alerts"]
    assert receiver.refused == []
    paged = {post["payload"]["class"] for post in receiver.at("/v2/enqueue") if post["event_action"] == "trigger"}
    assert not any(alert.startswith("Driftgauge") for alert in paged)
    until(lambda: receiver.at("/driftgauge"), pause=0.5)  # the watchdog
    until(lambda: stack.query('ALERTS{alertname="DataDrift",alertstate="firing"}'), pause=0.5)


@pytest.mark.parametrize("name", SERVICES)
def test_a_killed_service_comes_back(stack: Stack, name: str) -> None:
    """The engine starts it again, its check is green, and the monitor judges what is written after the kill."""
    before = stack.container(name)["State"]["StartedAt"]
    killed = time.time()
    stack.kill(name)

    def back() -> bool:
        started = stack.container(name)["State"]["StartedAt"] != before
        return started and all(stack.well(each) for each in SERVICES) and stack.watermark > killed

    timed(f"kill of {name}, until all is well", lambda: until(back, pause=0.5))
    if name == "driftgauge":
        assert "continuing" in stack.logs(name)


def test_after_the_kills_every_record_is_counted_once(stack: Stack) -> None:
    """What the broker took is what the monitor has read, and where all of it has gone is told."""
    stack("stop", "simulator")
    written = stack.written("predictions")
    until(lambda: stack.total("records_read_total", topic="predictions") == written, pause=0.5)

    def gone() -> dict[str, int]:
        return {
            "folded": stack.total("records_folded_total"),
            "late": stack.total("late_records_total"),
            "dead": stack.total("dead_letters_total", topic="predictions"),
        }

    until(lambda: sum(gone().values()) == written, pause=0.5)
    tell(f"{written:,} predictions written and read, of which {gone()}")
    stack("start", "simulator")


def test_down_and_up_again_keeps_the_state(stack: Stack) -> None:
    """Reference, topics, the monitor's state and Prometheus' series are those of before."""
    then = str(time.time())
    until(lambda: stack.query("driftgauge_ready == 1", time=then), pause=0.5)
    timed("down", lambda: stack("down"))
    timed("up again", stack.up)
    prepared = stack.logs("prepare")
    assert prepared.count(": is there\n") == 1
    named = TopicsSettings(**yaml.safe_load((ROOT / "deploy" / "compose" / "driftgauge.yaml").read_text())["topics"])
    assert prepared.count(": exists\n") == sum(name is not None for _, name in named)
    until(lambda: "continuing" in stack.logs("driftgauge"), pause=0.5)
    assert "partitions, from earliest" not in stack.logs("driftgauge")
    assert stack.query("driftgauge_ready == 1", time=then)


def test_removed_with_its_data_nothing_is_left(stack: Stack) -> None:
    """`down -v`, as the file's first lines say: no container, volume or network."""
    stack("down", "-v")
    assert [stack.left(kind) for kind in ("container", "volume", "network")] == [[], [], []]
