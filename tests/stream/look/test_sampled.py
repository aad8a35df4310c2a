"""`check --connect`: a map that does not fit what is in the topic is told, with a record that shows it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from monitored import reference
from typer.testing import CliRunner

from stream.cli.app import app
from stream.simulate.generator import Generator
from windows.references.reference import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from brokers import Broker
    from click.testing import Result

Row = dict[str, Any]
MAP: Row = {
    "prediction_id": "txn_id",
    "timestamp": "event.at",
    "prediction": "outputs.score",
    "latency_ms": {"path": "timing.total_us", "scale": 0.001},
    "features": "inputs",
}


def rows(count: int = 20) -> list[Row]:
    """Predictions of now in a shape of their own."""
    now = int(time.time() * 1e3)
    generator = Generator(reference(), seed=3, error_rate=0.0)
    found = [json.loads(line) for line in generator.encode(generator.batch(count, now - 1_000, now))]
    return [
        {
            "txn_id": row["prediction_id"],
            "event": {"at": now},
            "outputs": {"score": row["prediction"]},
            "timing": {"total_us": 1500},
            "inputs": {name: 1.0 if value is None else value for name, value in row["features"].items()},
        }
        for row in found
    ]


class Place:
    """A config whose topics are there."""

    def __init__(self, broker: Broker, directory: Path) -> None:
        self.broker = broker
        self.topics = {name: broker.topic(name) for name in ("alerts", "actions", "dead_letters", "feedback")}
        self.scored = broker.topic("scored")
        self._path = directory / "c.yaml"
        (directory / "reference.json").write_bytes(to_json(reference()))

    def check(
        self,
        given: Row,
        *,
        own: bool = False,
        messages: list[Row] | None = None,
        source: Row | None = None,
        **model: Any,
    ) -> Result:
        """What `check --connect` says of a map, of rows."""
        for row in rows() if messages is None else messages:
            self.broker.produce(self.scored, [json.dumps(row).encode()], partition=0)
        labels = {"topic": self.topics["feedback"], "holds": "feedback", "map": {"prediction_id": "txn"}}
        config = {
            "kafka": {"brokers": self.broker.bootstrap},
            "topics": {**self.topics, **({"predictions": self.scored} if own else {})},
            "sources": [] if own else [{**(source or {"topic": self.scored}), "map": given}, labels],
            "models": [{"name": "click", "task": "binary", "reference": "reference.json", **model}],
        }
        self._path.write_text(yaml.safe_dump(config))
        return CliRunner().invoke(app, ["check", str(self._path), "--connect"])


@pytest.fixture
def place(embedded_broker: Broker, tmp_path: Path) -> Place:
    """A config, and topics of its own."""
    return Place(embedded_broker, tmp_path)


def test_a_map_that_fits_is_told_in_a_line(place: Place) -> None:
    """Nothing is odd."""
    found = place.check(MAP)
    assert found.exit_code == 0, found.output
    assert f"topic {place.scored}: 20 of its latest 20 messages are read" in found.output
    assert f"note: {place.scored}" not in found.output


def test_a_path_that_matches_nothing_is_told_with_a_record(place: Place) -> None:
    """Of a field, and of features of the reference; a record shows what is there."""
    given = {**MAP, "latency_ms": "timing.total_ms", "features": {"path": "inputs", "rename": {"old": "age"}}}
    found = place.check(given)
    assert found.exit_code == 0, found.output
    assert f"note: {place.scored}: latency_ms: nothing at timing.total_ms in any of 20 records; such a" in found.output
    assert f"note: {place.scored}: features of click in none of 20 records: age at inputs.old; such a" in found.output
    assert '"txn_id": "' in found.output


def test_two_fields_on_one_path_are_told(place: Place) -> None:
    """A prediction that is a feature is nobody's intention."""
    found = place.check({**MAP, "prediction": "inputs.price"})
    assert f"note: {place.scored}: prediction and feature price are read from one path, inputs.price; such as" in (
        found.output
    )


def test_an_impossible_unit_is_refused(place: Place) -> None:
    """No message could be read: exit 2, with the place in the config and one of them."""
    found = place.check({**MAP, "timestamp": {"path": "event.at", "unit": "ns"}})
    assert f"sources.0: none of the latest 20 messages of {place.scored} can be read; such as" in str(found.exception)
    assert "timestamp cannot be read at event.at (before the year 2000 or after 9999: is it in another unit?)" in (
        str(found.exception)
    )
    assert '"txn_id"' in str(found.exception)


def test_a_time_ahead_is_refused_and_one_far_behind_is_told(place: Place) -> None:
    """As those of a clock in another time zone are."""
    now = int(time.time() * 1e3)
    ahead = [{**row, "event": {"at": now + 2 * 3_600_000 + 60_000}} for row in rows()]
    found = place.check(MAP, messages=ahead)
    assert "its time is 2h ahead of the time of writing: another unit, or a time zone?" in str(found.exception)
    place.scored = place.broker.topic("scored")
    behind = [{**row, "event": {"at": now - 5 * 3_600_000 - 60_000}} for row in rows()]
    found = place.check(MAP, messages=behind)
    assert f"note: {place.scored}: timestamp: 5h and more behind the time of writing" in found.output


@pytest.mark.parametrize("key", ["topics", "pattern"])
def test_each_topic_of_a_source_is_looked_into(place: Place, key: str) -> None:
    """Of several, and of those that a pattern matches."""
    other = place.broker.topic(f"{place.scored}.eu")
    place.broker.produce(other, [b'{"oops": 1}'], partition=0)
    found = place.check(MAP, source={key: [place.scored, other] if key == "topics" else f"{place.scored}.*"})
    assert f"topic {place.scored}: 20 of its latest 20 messages are read" in found.output
    assert f"sources.0: none of the latest 1 messages of {other} can be read" in str(found.exception)


def test_a_latency_in_another_unit_is_told(place: Place) -> None:
    """By its size."""
    found = place.check({**MAP, "latency_ms": "timing.total_us"}, messages=[
        {**row, "timing": {"total_us": 90_000}} for row in rows()
    ])  # fmt: skip
    assert f"note: {place.scored}: latency_ms: 90,000 ms in the median: in another unit?" in found.output


def test_a_topic_in_another_shape_is_refused_with_all_that_it_lacks(place: Place) -> None:
    """Before anything runs; the guess says what map is needed."""
    found = place.check({}, own=True)
    said = str(found.exception)
    assert f"topics.predictions: none of the latest 20 messages of {place.scored} can be read; such as" in said
    assert "no model at model" in said
    assert "10 of 10 features (age at features.age" in said
    assert "a map may be needed: prediction_id: txn_id" in said
    assert found.exception is not None
    assert getattr(found.exception, "exit_code", None) == 2


def test_some_that_are_refused_are_told(place: Place) -> None:
    """With one of them."""
    found = place.check(MAP, messages=[*rows(3), {"oops": 1}])
    assert found.exit_code == 0, found.output
    assert f"note: {place.scored}: 1 of 4 are refused; such as " in found.output
    assert "it lacks: no prediction at outputs.score" in found.output


def test_an_empty_topic_says_that_nothing_could_be_checked(place: Place) -> None:
    """Feedback is looked at where a model awaits it, and only there."""
    found = place.check(MAP, messages=[])
    assert found.exit_code == 0, found.output
    assert f"topic {place.scored}: holds no message that its map could be checked with" in found.output
    assert f"topic {place.topics['feedback']}: holds no message" not in found.output
    judged = {
        "performance": {"windows": ["1h"], "label_delay": "1m", "label_coverage": {"baseline": 0.9, "max_drop": 0.1}}
    }
    again = place.check(MAP, messages=[], **judged)
    assert f"topic {place.topics['feedback']}: holds no message" in again.output, again.exception
