"""What of a config may change between a stop and a start without a trace: what fires goes on, no record is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from monitored import PANE, Monitor, Program, Site, Traffic
from waiting import until

from stream.simulate.shifts import Shift

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from brokers import Broker

pytestmark = pytest.mark.real_broker

LABELS = {"windows": ["5s"], "label_delay": "1s", "keep": "1m", "label_stall_after": "1h"}


def configs(site: Site, feedback: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """One change after the other, each beside the former ones, and what it is."""
    config = yaml.safe_load(site.path.read_text())
    (model,) = config["models"]
    config["topics"]["feedback"] = feedback
    yield "a topic of feedback", config
    config["time"]["lateness"] = "700ms"
    yield "lateness", config
    model["drift"]["windows"] = ["1s", "5s", "10s"]
    yield "another window of drift", config
    model["quality"]["windows"] = ["1s", "5s"]
    yield "another window of quality", config
    model["max_versions"] = 3
    yield "max_versions", config
    model["performance"] = LABELS
    yield "labels are joined", config
    del model["performance"]
    yield "labels are joined no more", config
    model["drift"]["windows"] = ["1s", "5s"]
    yield "the window is taken out", config


def test_an_alert_goes_on_whatever_of_the_config_may_change(real_broker: Broker, tmp_path: Path) -> None:
    """Drift fires before the first change and after the last: one event, its end never said; every record counts."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), idle_after="1h")
    shift = (Shift("mean", "age", 3.0, 0),)
    traffic = Traffic(site, int(time.time() * 1e3) - 60_000, shifts=shift)
    traffic.write(8)
    with Monitor(site) as running:
        running.until(lambda: running.watermark >= traffic.closable)
        running.until(lambda: running.total("alert_active", alert="DataDrift") > 0)
    until(lambda: drifts(site))
    before = drifts(site)
    for what, config in configs(site, real_broker.topic("feedback")):
        site.path.write_text(yaml.safe_dump(config))
        traffic.write(2)
        with Monitor(site) as running:
            running.until(lambda: running.watermark >= traffic.closable - PANE)
            running.until(lambda: running.total("records_read_total", topic=site.predictions) == traffic.count)
            running.until(lambda: running.total("alert_active", alert="DataDrift") > 0)
            assert running.total("late_records_total") == 0, what
        assert {one for one in drifts(site) if one[1] != "firing"} == set(), what
        assert before <= drifts(site), what


def drifts(site: Site) -> set[tuple[str, str]]:
    """Id and state of each event that says that inputs drift."""
    return {(event["id"], event["state"]) for event in site.alerts() if event["alert"] == "DataDrift"}


def test_state_that_cannot_be_written_for_a_while_costs_no_record(real_broker: Broker, tmp_path: Path) -> None:
    """Directory and files are made immutable while it runs: whatever it does about that, each record counts once."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions"), idle_after="1h")
    traffic = Traffic(site, int(time.time() * 1e3) - 60_000)
    state = site.directory / "state"
    with Program(site, 1) as running:
        traffic.write(4)
        until(lambda: ends(site) >= 2)
        places = [state, *state.glob("*.sqlite3")]
        if shutil.which("chattr") is None or _chattr("+i", places) != 0:
            pytest.skip("files cannot be made immutable here: that needs chattr, root, and a file system that knows it")
        try:
            traffic.write(4)
            until(lambda: ends(site) >= 6 or "starting again" in running.log)
        finally:
            assert _chattr("-i", places) == 0
        traffic.write(4)
        until(lambda: ends(site) >= 11)
        assert running.terminate() == 0
    whole = Site(tmp_path / "whole", real_broker, site.predictions, idle_after="1h")
    with Monitor(whole) as alone:
        alone.until(lambda: alone.watermark >= traffic.closable)
    assert rows(site) == rows(whole)


def rows(site: Site) -> set[bytes]:
    """Every evaluation; what came again is the same."""
    return {message.value() or b"" for message in site.read("evaluations")}


def ends(site: Site) -> int:
    """How many seconds were evaluated."""
    return len({json.loads(row)["window"]["end"] for row in rows(site)})


def _chattr(change: str, places: list[Path]) -> int:
    return subprocess.run(["chattr", change, *map(str, places)], capture_output=True, check=False).returncode
