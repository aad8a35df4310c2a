import logging

import pytest
from confluent_kafka import KafkaError

from stream import kafka_client
from stream.kafka_client import consumer_properties, producer_properties
from stream.settings import KafkaSettings

REFUSED = KafkaError(KafkaError._TRANSPORT, "connection refused")
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")


def test_an_error_that_goes_on_is_logged_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage of hours fills no disk; another kind of error is news."""
    monkeypatch.setattr(kafka_client, "_said", {})
    said = consumer_properties(KafkaSettings())["error_cb"]
    with caplog.at_level(logging.WARNING):
        for error in (REFUSED, REFUSED, DOWN, REFUSED, DOWN):
            said(error)
        assert caplog.messages == ["kafka: connection refused", "kafka: 1/1 brokers are down"]
        monkeypatch.setattr(kafka_client, "REPEAT_EVERY", 0.0)
        said(REFUSED)
    assert caplog.messages[2:] == ["kafka: connection refused"]


@pytest.mark.parametrize("properties", [consumer_properties, producer_properties])
def test_the_user_has_the_last_word(properties: object) -> None:
    """A property of the config replaces ours."""
    assert callable(properties)
    found = properties(KafkaSettings(properties={"reconnect.backoff.max.ms": 7}))
    assert found["reconnect.backoff.max.ms"] == 7
