"""The monitor from topic to topic: the same tests on the embedded and on the real broker."""

from __future__ import annotations

import json
import logging
import random
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from brokers import KINDS, Broker, unavailable
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic  # type: ignore[attr-defined]
from kafka_node import KafkaNode, NoBrokerError
from monitored import PANE, PARTITIONS, Monitor, Program, Site, Traffic, headers_of, reference
from waiting import GUARD, until

from operators.alerts.event import fingerprint_of, id_of
from stream.simulate.generator import Generator
from stream.simulate.shifts import Shift

if TYPE_CHECKING:
    from pathlib import Path

    from confluent_kafka import Message

SHIFTED_AT = 12
SECONDS = 20
LATE = 7
BOTH = [pytest.param(kind, marks=pytest.mark.real_broker if kind == "real" else ()) for kind in KINDS]


def now() -> int:
    """This moment, ms."""
    return int(time.time() * 1e3)


def millis(text: str) -> int:
    """A time in an event, ms."""
    return round(datetime.fromisoformat(text).timestamp() * 1e3)


def records(count: int, at: int) -> list[bytes]:
    """Good predictions of one millisecond."""
    generator = Generator(reference(), seed=11, error_rate=0.0)
    return generator.encode(generator.batch(count, at, at + 1))


GOOD_AND_BAD = "unknown_model"
"""The reason of the one bad record in a message of three."""

POISON = {
    "broken_json": b'{"model": "click", "features": {',
    "invalid_text": b'{"model": "click", "version": "\xff\xfe", "features": {}}',
    "wrong_type": b'{"model": "click", "features": ["old"]}',
    "missing_field": b'{"model": "click", "prediction": 0.5}',
    "timestamp_ahead": b'{"model": "click", "timestamp": "2099-01-01T00:00:00Z", "features": {"age": 1}}',
    "non_finite": b'{"model": "click", "features": {"age": 1e999}}',
    "empty": b" ",
}


@dataclass
class Story:
    """What came out of a topic of ordinary, shifted, broken and late records."""

    begin: int
    expected: dict[str, Any]
    alerts: list[Message]
    dead_letters: list[Message]
    counted: dict[str, Any]
    page: str


@pytest.fixture(scope="module", params=BOTH)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """One run over 20 s of traffic with a shift at 12 s, poison, messages of three records, and late records."""
    broker: Broker = request.getfixturevalue(f"{request.param}_broker")
    site = Site(tmp_path_factory.mktemp("story"), broker, broker.topic("predictions"))
    traffic = Traffic(site, now() - 90_000, shifts=(Shift("mean", "age", 1.0, SHIFTED_AT * PANE),))
    begin = traffic.at
    traffic.write(SECONDS)
    together = records(3, traffic.at)
    mixed = b"\n".join([together[0], b'{"model": "other", "features": {}}', together[1]])
    producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    for reason, value in POISON.items():
        producer.produce(site.predictions, value, key=reason, headers=[("trace", b"\x00\xff")], partition=1)
    producer.produce(site.predictions, mixed, key="mixed", partition=2)
    producer.produce(site.predictions, b"\n".join(together), partition=2)
    for value in records(LATE, begin):
        producer.produce(site.predictions, value, partition=0)
    assert producer.flush(GUARD) == 0
    expected = {"folded": traffic.count + 2 + 3, "late": LATE, "dead": len(POISON) + 1}
    with Monitor(site) as running:
        running.until_read(sum(expected.values()))
        running.until(lambda: running.total("records_folded_total") >= expected["folded"])
        running.until(lambda: running.watermark > traffic.at + PANE)
        page = running.registry.render().decode()
        counted = {
            "read": running.total("records_read_total"),
            "folded": running.total("records_folded_total"),
            "late": running.total("late_records_total"),
            "dead": running.total("dead_letters_total"),
            "reasons": {
                reason: running.total("dead_letters_total", reason=reason) for reason in (*POISON, GOOD_AND_BAD)
            },
            "ok": running.total("predictions_total", outcome="ok"),
            "failed": running.total("predictions_total", outcome="error"),
        }
    return Story(begin, expected, site.read("alerts"), site.read("dead_letters"), counted, page)


def test_every_record_is_folded_late_or_dead_lettered(story: Story) -> None:
    """The metrics say read = folded + late + dead letters, each of them exact, messages of several records included."""
    counted, expected = story.counted, story.expected
    assert {name: counted[name] for name in expected} == expected
    assert counted["read"] == counted["folded"] + counted["late"] + counted["dead"]
    assert counted["ok"] + counted["failed"] == counted["folded"]
    assert counted["reasons"] == dict.fromkeys((*POISON, GOOD_AND_BAD), 1)


def test_dead_letters_are_the_records_as_they_came(story: Story) -> None:
    """Bytes, key and headers of each rejected record, and why and where in headers of ours."""
    letters = {headers_of(letter)["driftgauge.error.reason"].decode(): letter for letter in story.dead_letters}
    assert len(story.dead_letters) == len(letters) == len(POISON) + 1
    for reason, value in POISON.items():
        letter, headers = letters[reason], headers_of(letters[reason])
        assert letter.value() == value
        assert letter.key() == reason.encode()
        assert headers["trace"] == b"\x00\xff"
        assert headers["driftgauge.error.partition"] == b"1"
        assert headers["driftgauge.error.topic"].startswith(b"predictions-")
        assert headers["driftgauge.error.detail"]
    offsets = [int(headers_of(letters[reason])["driftgauge.error.offset"]) for reason in POISON]
    assert offsets == list(range(offsets[0], offsets[0] + len(POISON)))


def test_the_bad_record_of_a_message_is_rejected_alone(story: Story) -> None:
    """Of three records in a message the second is a dead letter, with the message's key; the others count."""
    (letter,) = [letter for letter in story.dead_letters if letter.key() == b"mixed"]
    assert letter.value() == b'{"model": "other", "features": {}}'
    assert headers_of(letter)["driftgauge.error.reason"] == GOOD_AND_BAD.encode()


def test_a_shifted_feature_becomes_one_alert(story: Story) -> None:
    """DataDrift fires within two panes of the shift and names the shifted feature first; nothing else fires."""
    events = [json.loads(message.value() or b"") for message in story.alerts]
    (fired,) = [event for event in events if event["state"] == "firing"]
    assert (fired["alert"], fired["model"], fired["version"], fired["segment"]) == ("DataDrift", "click", "1", "")
    assert fired["causes"][0]["feature"] == "age"
    assert fired["severity"] == "critical"
    assert fired["lower"] > fired["threshold"]
    shifted = story.begin + SHIFTED_AT * PANE
    assert shifted < millis(fired["started_at"]) <= shifted + 2 * PANE
    assert millis(fired["emitted_at"]) > millis(fired["event_time"])
    assert (
        'driftgauge_alert_active{model="click",version="1",segment="",alert="DataDrift",severity="critical"} 1'
        in story.page
    )
    assert 'driftgauge_event_to_alert_seconds_count{alert="DataDrift",model="click"} 1.0' in story.page


def test_an_alert_is_a_cloud_event_with_a_derived_id(story: Story) -> None:
    """The id follows from fingerprint and start; headers are CloudEvents; the key is the fingerprint."""
    for message in story.alerts:
        event, headers = json.loads(message.value() or b""), headers_of(message)
        assert event["fingerprint"] == fingerprint_of("click", "1", "", event["alert"])
        if event["state"] == "firing":
            assert event["id"] == id_of(event["fingerprint"], millis(event["started_at"]), 1, "firing")
        assert message.key() == event["fingerprint"].encode()
        assert headers["ce_id"] == event["id"].encode()
        assert headers["ce_specversion"] == b"1.0"
        assert headers["ce_source"] == b"driftgauge/click"
        assert headers["ce_time"] == event["event_time"].encode()
        assert headers["content-type"] == b"application/json"
        assert headers["ce_type"].startswith(b"io.driftgauge.alert")


@dataclass
class Undisturbed:
    """Traffic of which the second half is yet to come elsewhere, and the evaluations of one run over all of it."""

    broker: Broker
    start: int
    evaluations: list[tuple[str, bytes]]
    alerts: list[tuple[str, str]]


def evaluations_of(site: Site) -> list[tuple[str, bytes]]:
    """Id and bytes of all evaluations, sorted."""
    return sorted(
        (headers_of(message)["ce_id"].decode(), message.value() or b"") for message in site.read("evaluations")
    )


def alerts_of(site: Site) -> list[tuple[str, str]]:
    """Id and state of all alert events, sorted."""
    return sorted((event["id"], event["state"]) for event in site.alerts())


def site_of(directory: Path, broker: Broker) -> Site:
    """A site where silence moves no watermark, so that what is found depends on the records alone."""
    return Site(directory, broker, broker.topic("predictions"), idle_after="1h")


def traffic_of(site: Site, start: int) -> Traffic:
    """The same traffic at every site."""
    return Traffic(site, start, shifts=(Shift("mean", "age", 1.0, SHIFTED_AT * PANE),))


@pytest.fixture(scope="module", params=BOTH)
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """One process, from the first record to the last without a stop."""
    broker: Broker = request.getfixturevalue(f"{request.param}_broker")
    site = site_of(tmp_path_factory.mktemp("undisturbed"), broker)
    traffic = traffic_of(site, start := now() - 90_000)
    traffic.write(SECONDS)
    with Monitor(site) as running:
        running.until(lambda: running.watermark >= traffic.closable)
    found = evaluations_of(site)
    assert len({key for key, _ in found}) == len(found) > 1_000
    return Undisturbed(broker, start, found, alerts_of(site))


def test_a_stop_and_a_start_change_nothing(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """Stopped in the middle of a pane and started again: the same evaluations and alerts, none twice."""
    site = site_of(tmp_path, undisturbed.broker)
    traffic = traffic_of(site, undisturbed.start)
    traffic.write(SHIFTED_AT + 1)
    with Monitor(site) as running:
        running.until_read(traffic.count)
    before = evaluations_of(site)
    traffic.write(SECONDS - SHIFTED_AT - 1)
    with Monitor(site) as running:
        running.until(lambda: running.watermark >= traffic.closable)
        assert running.total("records_read_total") == traffic.count
        assert running.total("late_records_total") == 0
    assert 0 < len(before) < len(undisturbed.evaluations)
    assert evaluations_of(site) == undisturbed.evaluations
    assert alerts_of(site) == undisturbed.alerts


def test_two_processes_find_what_one_finds(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """Two processes, then three on a copy of their state: evaluations and alerts byte for byte those of one."""
    site = site_of(tmp_path, undisturbed.broker)
    traffic = traffic_of(site, undisturbed.start)
    traffic.write(SHIFTED_AT)
    with Program(site, 2) as program:
        until(lambda: len(evaluations_of(site)) > len(undisturbed.evaluations) // 4)
        assert program.terminate() == 0, program.log
    state, backup = site.directory / "state", tmp_path / "backup"
    shutil.copytree(state, backup)
    shutil.rmtree(state)
    shutil.copytree(backup, state)
    traffic.write(SECONDS - SHIFTED_AT)
    with Program(site, 3) as program:
        until(lambda: len(evaluations_of(site)) >= len(undisturbed.evaluations))
        assert program.terminate() == 0, program.log
    assert evaluations_of(site) == undisturbed.evaluations
    assert alerts_of(site) == undisturbed.alerts
    assert "Traceback" not in program.log


def test_no_data_fires_when_all_traffic_stops(broker: Broker, tmp_path: Path) -> None:
    """Every partition is confirmed to be at its end: NoData fires without another record, and resolves with some."""
    site = Site(tmp_path, broker, broker.topic("predictions"), no_data_after="3s", evaluations=False)
    traffic = Traffic(site, now() - 4_000)
    ended = traffic.write(4)
    with Monitor(site) as running:
        running.until(lambda: running.total("alert_active", alert="NoData") == 1)
        (fired,) = site.alerts() or until(site.alerts)
        assert (fired["alert"], fired["state"], fired["severity"]) == ("NoData", "firing", "critical")
        assert fired["value"] >= 3.0
        assert millis(fired["started_at"]) >= ended + 3_000
        traffic.at = running.watermark + 2 * PANE
        traffic.write(10)
        running.until(lambda: running.total("alerts_total", alert="NoData", state="resolved") == 1)
        assert running.total("late_records_total") == 0


@pytest.mark.real_broker
def test_an_outage_is_not_silence(kafka_node: KafkaNode, tmp_path: Path) -> None:
    """The broker does not answer for longer than `no_data_after`: told as such, no NoData, and nothing is late."""
    broker = real(kafka_node)
    site = Site(tmp_path, broker, broker.topic("predictions"), no_data_after="3s", evaluations=False)
    traffic = Traffic(site, now() - 4_000)
    with Monitor(site) as running:
        traffic.write(4)
        running.until_read(traffic.count)
        kafka_node.pause()
        running.until(lambda: running.state == "broker_lost")
        assert running.registry.not_ready()[0].startswith("process 0: broker lost (no answer")
        running.until(lambda: now() > traffic.at + 6_000)
        kafka_node.resume()
        traffic.write((now() - traffic.at) // PANE)
        running.until_read(traffic.count)
        running.until(lambda: running.state == "running")
        running.until(lambda: running.watermark >= traffic.closable)
        assert running.total("late_records_total") == 0
        assert running.total("alerts_total") == 0
    assert site.alerts() == []


@pytest.mark.real_broker
def test_an_absent_broker_is_waited_for(tmp_path: Path) -> None:
    """Started before the broker, then before the topic: not ready with the reason, then running once both are there."""
    try:
        node = KafkaNode(heap="512m")
    except NoBrokerError as error:
        unavailable(str(error))
    topics = {"alerts": "alerts", "dead_letters": "dead-letters"}
    try:
        site = Site(tmp_path, real(node), "predictions-absent", evaluations=False, topics=topics)
        with Monitor(site) as running:
            running.until(lambda: running.state == "waiting_for_broker")
            assert "the broker does not answer" in running.registry.not_ready()[0]
            node.start()
            for topic, partitions in ((site.predictions, 2), ("alerts", 1), ("dead-letters", 1)):
                said = f"topic {topic} does not exist; run: driftgauge topics create --config {site.path})"
                running.until(lambda said=said: said in running.registry.not_ready()[0])
                create(real(node), topic, partitions)
            running.until(lambda: running.state == "running")
            traffic = Traffic(site, now() - 4_000, partitions=2)
            traffic.write(4)
            running.until_read(traffic.count)
    finally:
        node.close()


@pytest.mark.real_broker
def test_new_partitions_are_read_from_their_beginning(real_broker: Broker, tmp_path: Path) -> None:
    """A topic grows: all that was ever written to the new partitions is read, also with start: latest."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions", 2), start="latest", evaluations=False)
    before = Traffic(site, now() - 60_000, partitions=2)
    with Monitor(site) as running:
        running.until(lambda: placed(running) == 2)
        before.write(4)
        running.until_read(before.count)
        grow(real_broker, site, PARTITIONS)
        after = Traffic(site, before.at)
        after.write(4)
        running.until_read(before.count + after.count)
    grown = Traffic(site, after.at)
    grown.write(2)
    with Monitor(site) as running:
        running.until_read(before.count + after.count + grown.count)


@pytest.mark.real_broker
def test_partitions_that_came_during_a_stop_are_read_from_their_beginning(real_broker: Broker, tmp_path: Path) -> None:
    """The topic grew while nobody looked: with a state, `start: latest` concerns what was there before it only."""
    site = Site(tmp_path, real_broker, real_broker.topic("predictions", 2), start="latest", evaluations=False)
    before = Traffic(site, now() - 60_000, partitions=2)
    with Monitor(site) as running:
        running.until(lambda: placed(running) == 2)
        before.write(2)
        running.until_read(before.count)
    grow(real_broker, site, PARTITIONS)
    after = Traffic(site, before.at)
    after.write(2)
    with Monitor(site) as running:
        running.until_read(before.count + after.count)


def test_a_gap_is_told_and_passed(broker: Broker, tmp_path: Path) -> None:
    """Messages that were dropped before they could be read are one counted gap; what is still there is read."""
    site = Site(tmp_path, broker, broker.topic("predictions"), evaluations=False)
    traffic = Traffic(site, now() - 60_000)
    traffic.write(4)
    with Monitor(site) as running:
        running.until_read(traffic.count)
    drop(broker, site)
    before = traffic.count
    low, high = broker.ends(site.predictions)[0]
    assert low > before // PARTITIONS
    traffic.write(2)
    with Monitor(site) as running:
        running.until(lambda: running.total("data_gaps_total") == 1)
        running.until_read(traffic.count + high - low)
        assert running.total("data_gaps_total", partition="0") == 1
        assert running.total("records_folded_total") + running.total("late_records_total") <= traffic.count


def test_a_bad_record_larger_than_its_dead_letter_may_be_is_told_without_its_value(
    broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It fits where it was written, but not with our headers: its size stands for it, and the monitor goes on."""
    site = Site(tmp_path, broker, broker.topic("predictions"), evaluations=False)
    if broker.kind == "embedded":  # it takes any size: there the client refuses
        site.path.write_text(site.path.read_text().replace("{log_level: 0}", "{message.max.bytes: 1000000}"))
    producer = Producer({"bootstrap.servers": broker.bootstrap, "message.max.bytes": 4_000_000, "log_level": 0})
    value = b"{" + random.Random(1).randbytes(1_048_398).replace(b"\n", b"\v") + b"}"  # nothing for a compressor
    producer.produce(site.predictions, value, key=b"big", headers=[("trace", b"1")], partition=0)
    producer.produce(site.predictions, b'{"model": "nobody"}', key=b"little", partition=1)
    assert producer.flush(GUARD) == 0
    with caplog.at_level(logging.INFO, "driftgauge"), Monitor(site) as running:
        running.until(lambda: running.total("dead_letters_total") == 2)
        running.until(lambda: sum(high for _, high in broker.ends(site.topics["dead_letters"])) == 2)
    letters = {letter.key(): letter for letter in site.read("dead_letters")}
    assert letters[b"little"].value() == b'{"model": "nobody"}'
    assert letters[b"big"].value() is None
    headers = headers_of(letters[b"big"])
    assert headers["driftgauge.error.truncated"] == b"%d" % len(value)
    assert headers["driftgauge.error.reason"] in {b"broken_json", b"invalid_text"}
    assert headers["trace"] == b"1"
    assert f"reading {site.predictions}: 4 partitions, from earliest" in caplog.messages
    assert "stopped: state saved" in caplog.messages
    assert any("is too large" in message for message in caplog.messages)
    assert any(
        message.startswith("dead letters since the last such line: unknown_model") for message in caplog.messages
    )


def test_a_state_that_does_not_fit_is_refused_in_one_line(tmp_path: Path, embedded_broker: Broker) -> None:
    """`driftgauge run` with another pane than its state was made with: exit 2, one line that says what to do."""
    site = Site(tmp_path, embedded_broker, embedded_broker.topic("predictions"), evaluations=False)
    with Monitor(site) as running:
        running.until(lambda: running.state == "running")
    note = tmp_path / "state" / "driftgauge.json"
    note.write_text(note.read_text().replace('"pane_ms": 1000', '"pane_ms": 2000'))
    with Program(site, 1) as program:
        assert program.process.wait(GUARD) == 2
    last = program.log.splitlines()[-1]
    assert last.startswith(f"{tmp_path}/state: model click: time.pane (pane_ms) was 2000 and is 1000")
    assert "start with a new state.directory" in last
    assert "Traceback" not in program.log


def real(node: KafkaNode) -> Broker:
    """A node as a broker."""
    return Broker("real", node.bootstrap)


def admin(broker: Broker) -> AdminClient:
    """A client for what a user would do to the cluster."""
    return AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})


def grow(broker: Broker, site: Site, partitions: int) -> None:
    """Give the predictions topic more partitions."""
    client, topic = admin(broker), site.predictions
    client.create_partitions([NewPartitions(topic, partitions)])[topic].result(GUARD)
    until(lambda: len(client.list_topics(topic, timeout=GUARD).topics[topic].partitions) == partitions)


def create(broker: Broker, topic: str, partitions: int) -> None:
    """Create a topic."""
    client = admin(broker)
    client.create_topics([NewTopic(topic, partitions, 1)])[topic].result(GUARD)


def drop(broker: Broker, site: Site) -> None:
    """Have partition 0 lose messages that nobody has read, with all before them."""
    if broker.kind == "embedded":  # it keeps 5 MB of a partition
        broker.produce(site.predictions, [b"x" * 900_000] * 8, partition=0)
        return
    broker.produce(site.predictions, [b"x"] * 8, partition=0)
    low, high = broker.ends(site.predictions)[0]
    place = TopicPartition(site.predictions, 0, high - 2)
    client = admin(broker)
    client.delete_records([place])[place].result(GUARD)
    until(lambda: broker.ends(site.predictions)[0][0] > low)


def placed(running: Monitor) -> int:
    """How many partitions have found where to begin."""
    return len(running.registry.values("consumer_lag_messages"))
