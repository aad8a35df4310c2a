"""A model taken out of the config while one of its alerts fires."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from monitored import Program, Site, Traffic, reference
from waiting import until

from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker


def test_the_alerts_of_a_removed_model_end_and_say_why(tmp_path: Path, embedded_broker: Broker) -> None:
    """NoData fires; the model goes by another name after a restart: one `resolved` with the same start, once."""
    site = Site(
        tmp_path / "site", embedded_broker, embedded_broker.topic("predictions"), no_data_after="2s", idle_after="1s"
    )
    with Program(site, 1) as running:
        until(lambda: "reading" in running.log or "started" in running.log)
        Traffic(site, int(time.time() * 1e3)).write(2)
        until(lambda: [one["state"] for one in site.alerts() if one["alert"] == "NoData"] == ["firing"])
        assert running.terminate() == 0
    site.path.write_text(site.path.read_text().replace("name: click", "name: renamed"))
    (site.directory / "reference.json").write_bytes(to_json(replace(reference(), model="renamed")))
    (fired,) = (one for one in site.alerts() if one["alert"] == "NoData")
    with Program(site, 1) as running:
        until(lambda: running.process.poll() is not None or site.alerts()[-1]["state"] == "resolved")
        assert running.terminate() == 0
    with Program(site, 1) as running:
        started = running.log.count("started")
        until(lambda: running.log.count("started") > started)
        assert running.terminate() == 0
    ended = [one for one in site.alerts() if one["state"] == "resolved" and one["model"] == "click"]
    assert [one["fingerprint"] for one in ended if one["alert"] == "NoData"] == [fired["fingerprint"]]
    (last,) = (one for one in ended if one["alert"] == "NoData")
    assert last["started_at"] == fired["started_at"]
    assert last["reason"].startswith("The model was taken out of the config")
