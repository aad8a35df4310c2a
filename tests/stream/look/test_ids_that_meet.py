"""`check --connect`: labels that would find no prediction are told before anything runs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from monitored import reference
from typer.testing import CliRunner

from stream.cli.app import app
from stream.look import sampled
from stream.simulate.generator import Generator
from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from brokers import Broker

HOUR = 3_600_000
COUNT = 20
PERFORMANCE = {"windows": ["1h"], "label_delay": "1m", "label_coverage": {"baseline": 0.9, "max_drop": 0.1}}


class Topics:
    """Predictions `0`, `1`, ... of the last minutes, an id each, and labels of them."""

    def __init__(self, broker: Broker, directory: Path) -> None:
        self._broker = broker
        self._names = {
            name: broker.topic(name) for name in ("predictions", "feedback", "alerts", "actions", "dead_letters")
        }
        self._path = directory / "c.yaml"
        self._now = int(time.time() * 1e3)
        (directory / "reference.json").write_bytes(to_json(reference()))

    def predict(self, name: Callable[[int], Any], count: int = COUNT) -> None:
        """Predictions of these ids."""
        generator = Generator(reference(), seed=3, error_rate=0.0)
        rows = [json.loads(line) for line in generator.encode(generator.batch(count, self._now - 1_000, self._now))]
        named = [{**row, "prediction_id": name(number)} for number, row in enumerate(rows)]
        self._send("predictions", [{key: value for key, value in row.items() if value is not None} for row in named])

    def label(self, name: Callable[[int], Any], hours: float = 0.0, count: int = COUNT) -> None:
        """Labels of these ids, said so many hours after the predictions."""
        at = self._now + round(hours * HOUR)
        self._send(
            "feedback",
            [{"model": "click", "prediction_id": name(number), "timestamp": at, "label": 1} for number in range(count)],
        )

    def check(self) -> str:
        """The notes about labels."""
        config = {
            "kafka": {"brokers": self._broker.bootstrap},
            "topics": self._names,
            "models": [
                {"name": "click", "task": "binary", "reference": "reference.json", "performance": PERFORMANCE},
            ],
        }
        self._path.write_text(yaml.safe_dump(config))
        found = CliRunner().invoke(app, ["check", str(self._path), "--connect"])
        assert found.exit_code == 0, found.exception
        return "\n".join(line for line in found.output.splitlines() if "latest" in line and "note: click" in line)

    def _send(self, topic: str, rows: list[dict[str, Any]]) -> None:
        self._broker.produce(self._names[topic], [json.dumps(row).encode() for row in rows], partition=0)


@pytest.fixture
def topics(embedded_broker: Broker, tmp_path: Path) -> Topics:
    """Of its own."""
    return Topics(embedded_broker, tmp_path)


@pytest.mark.parametrize("name", [int, lambda one: f" {one}", lambda one: f"{one}.0"], ids=["int", "blank", "gap"])
def test_ids_that_meet_are_no_matter(topics: Topics, name: Callable[[int], Any]) -> None:
    """However they are written."""
    topics.predict(str)
    topics.label(name)
    assert topics.check() == ""


def test_other_ids_are_told_with_one_of_each(topics: Topics) -> None:
    """An order's number on one side, and that of its line on the other."""
    topics.predict(lambda one: f"order-{one}")
    topics.label(lambda one: f"order-{one}-1")
    said = topics.check()
    assert "none of the latest 20 labels is about one of the latest 20 predictions" in said
    assert "prediction_id of the newest prediction is 'order-" in said
    assert "that of the newest feedback 'order-9-1': are they the same ids?" in said


@pytest.mark.parametrize(("hours", "told"), [(-5.0, True), (-0.1, False), (0.0, False), (0.01, False)])
def test_labels_from_before_their_predictions_are_told(topics: Topics, hours: float, *, told: bool) -> None:
    """By how many hours, and which key says what the clock is."""
    topics.predict(str)
    topics.label(str, hours)
    said = topics.check()
    assert ("from about 5 h before the predictions that they are about" in said) == told
    assert ("`time.timezone`" in said) == told
    assert told or said == ""


def test_predictions_without_ids_are_told(topics: Topics) -> None:
    """Nothing can be joined then."""
    topics.predict(lambda _: None)
    topics.label(str)
    assert "no prediction bears a prediction_id; that of the newest feedback is '9'" in topics.check()


def test_labels_of_earlier_predictions_are_looked_for(topics: Topics, monkeypatch: pytest.MonkeyPatch) -> None:
    """Further back than other things are looked for; not for ever."""
    monkeypatch.setattr(sampled, "SAMPLE", 5)
    topics.predict(str, 200)
    topics.label(str)
    assert topics.check() == ""
    monkeypatch.setattr(sampled, "FURTHER", 100)
    said = topics.check()
    assert "none of the latest 5 labels is about one of the latest 100 predictions" in said
    assert "Labels of older predictions are not among them" in said
