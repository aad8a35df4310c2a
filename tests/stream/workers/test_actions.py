"""Actions on Kafka: written, heard of on the control topic, carried out by the courier, whatever is killed then."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from monitored import PANE, Monitor, Traffic, acting_site, headers_of
from targets import FakeAirflow
from typer.testing import CliRunner
from waiting import until

from stream.cli.app import app
from stream.config.load import load
from stream.metrics.registry import Registry
from stream.simulate.shifts import Shift
from stream.workers.courier import CourierKeeper, is_needed

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker
    from monitored import Site

NOW = 1_790_000_000_000
SHIFT = Shift("mean", "age", 1.0, 3 * PANE)


def steps(site: Site) -> list[dict[str, Any]]:
    """The steps in the actions topic."""
    return [json.loads(message.value() or b"") for message in site.read("actions")]


def test_an_action_is_written_heard_of_and_over(tmp_path: Path, embedded_broker: Broker) -> None:
    """Drift asks for a retraining; the command line shows it and says that it is done; the topic says so, too."""
    site = acting_site(tmp_path, embedded_broker, {})
    now = int(dt.datetime.now(dt.UTC).timestamp() * 1e3)
    with Monitor(site) as monitor:
        traffic = Traffic(site, now - 20 * PANE, shifts=(SHIFT,))
        traffic.write(20)
        (asked,) = monitor.until(lambda: steps(site))
        assert (asked["action"], asked["trigger"], asked["dry_run"]) == ("retrain", "drift", False)
        (message,) = site.read("actions")
        assert headers_of(message)["ce_id"].decode() == asked["event_id"]
        assert headers_of(message)["ce_type"] == b"io.driftgauge.action.v1"
        config = ["--config", str(site.path)]
        listed = CliRunner().invoke(app, ["action", "list", *config])
        assert listed.exit_code == 0
        assert asked["id"][:12] in listed.output
        said = CliRunner().invoke(app, ["action", "done", asked["id"][:8], *config, "--by", "ann", "--version", "2"])
        assert said.exit_code == 0, said.output
        while not monitor.total("actions_total", state="completed"):
            traffic.write(2)
            monitor.until(lambda: monitor.watermark >= traffic.closable)
    last = until(lambda: len(steps(site)) > 1 and steps(site))[-1]
    assert (last["state"], last["outcome"]["version"]) == ("completed", "2")
    shown = CliRunner().invoke(app, ["action", "show", asked["id"][:8], *config])
    assert "completed" in shown.output
    again = CliRunner().invoke(app, ["action", "cancel", asked["id"][:8], *config])
    assert "is completed since" in str(again.exception)


@pytest.mark.parametrize(
    "arguments", [["approve", "beef0000"], ["show", "be"], ["request", "dance", "--model", "click"]]
)
def test_what_cannot_be_said_is_refused(tmp_path: Path, embedded_broker: Broker, arguments: list[str]) -> None:
    """In a line that says what is allowed."""
    site = acting_site(tmp_path, embedded_broker, {})
    done = CliRunner().invoke(app, ["action", *arguments, "--config", str(site.path)])
    assert done.exit_code
    assert len(str(done.exception).splitlines()) == 1


def test_one_run_for_each_action_though_the_courier_is_killed(tmp_path: Path, embedded_broker: Broker) -> None:
    """Killed with -9 three times in the midst of thirty actions, and an Airflow that loses 30 % of its answers."""
    with FakeAirflow(drop=0.3) as airflow:
        train = {"airflow": {"url": airflow.url, "poll": "100ms"}}
        site = acting_site(tmp_path, embedded_broker, {"connectors": {"train": train}}, via=["train"])
        config = load(site.path, {})
        assert is_needed(config)
        deadline = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()
        lines = [json.dumps(_requested(number, deadline)).encode() for number in range(30)]
        with CourierKeeper(config, Registry(), "error", str) as keeper:
            for third in range(3):
                embedded_broker.produce(site.topics["actions"], lines[third * 10 : third * 10 + 10], partition=0)
                until(lambda: len(airflow.made) > third * 10 + 3)  # noqa: B023 - asked for at once
                os.kill(keeper.pid, signal.SIGKILL)
            until(lambda: len(airflow.made) == 30)
            airflow.succeed()
            until(lambda: len(_said(site, "done")) == 30)
    assert len(set(airflow.made)) == 30
    told = next(iter(airflow.runs.values()))["conf"]["data"]
    assert told["offsets"] == {site.predictions: {str(number): [0, 0] for number in range(4)}}
    assert _said(site, "dispatched") == _said(site, "done")


def _said(site: Site, kind: str) -> set[str]:
    """Actions of which something was said on the control topic."""
    words = (json.loads(message.value() or b"") for message in site.read("control"))
    return {word["action"] for word in words if word["kind"] == kind}


def _requested(number: int, deadline: str) -> dict[str, Any]:
    """A request as it is in the topic."""
    return {
        "id": f"{number:032x}",
        "event_id": f"{number:032x}",
        "action": "retrain",
        "state": "requested",
        "model": "click",
        "version": "1",
        "complete_by": deadline,
        "event_time": deadline,
        "dry_run": False,
        "reason": "drift",
        "data": {"from": "2026-08-01T00:00:00Z", "until": "2026-10-30T00:00:00Z", "exclude": []},
        "via": ["train"],
    }
