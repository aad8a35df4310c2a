import logging

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from stream.config.edges.kafka import KafkaSettings
from stream.kafka import client as kafka_client
from stream.kafka.client import consumer_properties, producer_properties
from stream.throttle import Throttle

REFUSED = KafkaError(KafkaError._TRANSPORT, "a:1: connection refused (after 2ms in state CONNECT)")
AGAIN = KafkaError(KafkaError._TRANSPORT, "a:1: connection refused (after 0ms in state CONNECT, 7 identical error(s))")
OTHER = KafkaError(KafkaError._TRANSPORT, "b:1: connection refused (after 2ms in state CONNECT)")
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")


def test_an_error_that_goes_on_is_logged_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage of hours fills no disk, however long each attempt took; another error is news."""
    monkeypatch.setattr(kafka_client, "_throttle", Throttle())
    said = consumer_properties(KafkaSettings())["error_cb"]
    with caplog.at_level(logging.WARNING):
        for error in (REFUSED, AGAIN, DOWN, OTHER, REFUSED, DOWN):
            said(error)
        assert caplog.messages == [f"kafka: {error.str()}" for error in (REFUSED, DOWN, OTHER)]
        monkeypatch.setattr(kafka_client, "_throttle", Throttle(0.0))
        said(REFUSED)
    assert len(caplog.messages) == 4


@pytest.mark.parametrize("kind", [consumer_properties, producer_properties])
def test_clients_write_no_lines_of_their_own(kind: object, capfd: pytest.CaptureFixture[str]) -> None:
    """With nobody at the address: what there is to say goes through the log, unless the user wants it all."""
    assert callable(kind)
    client = (Consumer if kind is consumer_properties else Producer)(kind(KafkaSettings(brokers="127.0.0.1:1")))
    with pytest.raises(KafkaException):
        client.list_topics(timeout=0.5)
    client.close()
    assert capfd.readouterr().err == ""
    assert kind(KafkaSettings(properties={"log_level": 7}))["log_level"] == 7


@pytest.mark.parametrize("properties", [consumer_properties, producer_properties])
def test_the_user_has_the_last_word(properties: object) -> None:
    """A property of the config replaces ours."""
    assert callable(properties)
    found = properties(KafkaSettings(properties={"reconnect.backoff.max.ms": 7}))
    assert found["reconnect.backoff.max.ms"] == 7
