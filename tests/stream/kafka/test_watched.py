"""What was before the first start is known only as far as the log holds it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import yaml
from monitored import PANE, Monitor, Site, Traffic, reference_of

from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker


def now() -> int:
    """This moment, ms."""
    return int(time.time() * 1e3)


def test_time_before_the_first_start_is_no_silence(broker: Broker, tmp_path: Path) -> None:
    """Over an empty topic NoData fires once its limit has passed since the start, and says no longer time than that."""
    site = Site(tmp_path, broker, broker.topic("predictions"), no_data_after="8s", evaluations=False, start="latest")
    with Monitor(site) as running:
        begun = now()
        running.until(lambda: running.watermark > 0)
        running.until(lambda: running.total("alert_active", alert="NoData") == 1)
        assert now() >= begun + 8_000 - PANE
        (fired,) = site.alerts() or running.until(site.alerts)
        assert 8.0 <= fired["value"] <= (now() - begun) / 1e3 + 2.0


def test_a_model_with_rare_predictions_is_not_called_silent_at_its_first_start(broker: Broker, tmp_path: Path) -> None:
    """Predictions further apart than a start takes, but not than the limit: no alert."""
    site = Site(tmp_path, broker, broker.topic("predictions"), no_data_after="8s", evaluations=False, start="latest")
    traffic = Traffic(site, now())
    traffic.write(1)
    with Monitor(site) as running:
        began = now()
        for wait in (4_000, 8_000):
            running.until(lambda wait=wait: now() > began + wait)
            traffic.at = now() // PANE * PANE
            traffic.write(1)
        running.until(lambda: running.total("records_folded_total") > 0)
        assert running.total("alerts_total") == 0


def test_no_model_of_many_is_called_silent_at_the_first_start(broker: Broker, tmp_path: Path) -> None:
    """A hundred over an empty topic, to which predictions of one come seconds later: no page for any of them."""
    site = Site(tmp_path, broker, broker.topic("predictions"), no_data_after="2m", evaluations=False)
    config = yaml.safe_load(site.path.read_text())
    (model,) = config["models"]
    names = ["click", *(f"model-{number}" for number in range(99))]
    for name in names:
        (tmp_path / f"{name}.json").write_bytes(to_json(reference_of(name)))
    config["models"] = [{**model, "name": name, "reference": f"{name}.json"} for name in names]
    site.path.write_text(yaml.safe_dump(config))
    with Monitor(site) as running:
        running.until(lambda: running.watermark > 0)
        traffic = Traffic(site, now() + 20_000)  # no silence comes so far, however long writing takes
        traffic.write(2)
        running.until(lambda: running.total("records_folded_total") == traffic.count)
        running.until(lambda: running.watermark >= traffic.closable)
        assert running.total("alerts_total") == 0
    assert site.alerts() == []


def test_after_a_restart_a_quiet_topic_is_ready(broker: Broker, tmp_path: Path) -> None:
    """What the state knows of the time is known at once: nobody has to wait for another record."""
    site = Site(tmp_path, broker, broker.topic("predictions"), idle_after="1h", evaluations=False)
    traffic = Traffic(site, now() - 4_000)
    traffic.write(4)
    with Monitor(site) as running:
        running.until(lambda: running.watermark >= traffic.closable)
        before = running.watermark
    with Monitor(site) as running:
        running.until(lambda: running.registry.not_ready() == ())
        assert running.watermark >= before
