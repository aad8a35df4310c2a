"""Encrypted connections and passwords, on a real broker, with the configs of deploy/examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from certificates import Authority
from monitored import headers_of
from secured import KEY_PASSWORD, PASSWORD, ROWS, SecuredNode, Site, secured_node
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from brokers import Broker

pytestmark = pytest.mark.real_broker


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SecuredNode, Broker]]:
    """One broker for all of these tests."""
    with secured_node(tmp_path_factory.mktemp("secured")) as found:
        yield found


@pytest.mark.parametrize("example", ["kafka-tls", "kafka-sasl"])
def test_an_example_reads_and_writes_on_a_broker_that_asks_who_it_is(
    node: tuple[SecuredNode, Broker], tmp_path: Path, example: str
) -> None:
    """`check --connect` finds the topics; `run` reads every record and writes, with the rights that are listed."""
    site = Site(tmp_path, *node, example)
    checked = site.check()
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"topic {site.topics['predictions']}: 4 partitions" in checked.stdout
    site.write()
    with site.run() as running:
        try:
            until(lambda: running.read() == ROWS + 1)
        except AssertionError:
            raise AssertionError(running.log[-3000:]) from None
        (letter,) = site.broker.read(site.topics["dead_letters"], 1)
        assert headers_of(letter)["driftgauge.error.reason"] == b"broken_json"
        assert running.terminate() == 0
    assert "Traceback" not in running.log
    assert "uthoriz" not in running.log, running.log


CA = "DRIFTGAUGE__KAFKA__PROPERTIES__SSL_CA_LOCATION"
WRONG = {
    "a wrong password": ("kafka-sasl", {"KAFKA_PASSWORD": f"{PASSWORD}x"}, "Authentication failed"),
    "an unknown user": ("kafka-sasl", {"KAFKA_USERNAME": "nobody"}, "Authentication failed"),
    "a password that does not open the key": (
        "kafka-tls",
        {"KAFKA_KEY_PASSWORD": f"{KEY_PASSWORD}x"},
        "ssl.key.location failed",
    ),
    "brokers with a certificate of another authority": ("kafka-tls", {CA: ""}, "certificate verify failed"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_the_broker_refuses_is_told(node: tuple[SecuredNode, Broker], tmp_path: Path, what: str) -> None:
    """`check --connect` says why in one line, without the secret, and does not exit with 0."""
    example, changed, told = WRONG[what]
    if CA in changed:
        changed = {CA: str(Authority(tmp_path / "another").certificate)}
    checked = Site(tmp_path, *node, example).check(**changed)
    assert checked.returncode in {2, 3}
    (line,) = [line for line in checked.stderr.splitlines() if not line.startswith("note: ")]
    assert told in line
    assert PASSWORD not in checked.stderr
    assert KEY_PASSWORD not in checked.stderr
