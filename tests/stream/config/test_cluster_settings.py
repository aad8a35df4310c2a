from pathlib import Path

import pytest

from stream.config.load import Config, ConfigError, load
from stream.errors import UsageError
from stream.workers.hosts import host_number

MODELS = "models:\n  - {name: m, task: binary}\n"


def loaded(tmp_path: Path, cluster: str) -> Config:
    """The config with this cluster."""
    path = tmp_path / "c.yaml"
    path.write_text(f"cluster: {cluster}\n{MODELS}")
    return load(path, {})


def test_processes_use_the_ports_after_the_meeting(tmp_path: Path) -> None:
    """In the order of their numbers, over all hosts."""
    cluster = loaded(tmp_path, '{hosts: ["127.0.0.2:2100", "localhost:2200", "[::1]:2300"], processes: 2}').cluster
    assert cluster.addresses() == (
        *("127.0.0.2:2101", "127.0.0.2:2102", "localhost:2201", "localhost:2202"),
        *("[::1]:2301", "[::1]:2302"),
    )


@pytest.mark.parametrize("hosts", ['["a:2100", "b:2100"]', '["127.0.0.1:2100", "10.0.0.2:2100"]'])
def test_nothing_listens_beyond_the_loopback_unless_that_is_said(tmp_path: Path, hosts: str) -> None:
    """What is received there is run."""
    with pytest.raises(ConfigError, match=r"cluster\.hosts: .*TLS tunnel .* cluster\.insecure: true"):
        loaded(tmp_path, f"{{hosts: {hosts}}}")
    assert loaded(tmp_path, f"{{hosts: {hosts}, insecure: true}}").cluster.several


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ('{hosts: ["127.0.0.1:2100", "127.0.0.1:2102"], processes: 2}', "need 3 ports each"),
        ('{hosts: ["127.0.0.1:2100", "127.0.0.1:2100"]}', "need 2 ports each"),
        ('{hosts: ["127.0.0.1:65535"]}', "127.0.0.1:65535 leaves no 1 ports"),
        ('{hosts: ["127.0.0.1"]}', "host:port"),
        ('{hosts: [":2100"]}', "host:port"),
        ("{timeout: 10ms}", "cluster.timeout"),
    ],
)
def test_hosts_that_cannot_be_met_are_refused(tmp_path: Path, cluster: str, said: str) -> None:
    """At their key."""
    with pytest.raises(ConfigError, match=r"cluster\.") as caught:
        loaded(tmp_path, cluster)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("given", "name", "number"), [(1, "anything", 1), (None, "monitor-2", 2), (None, "monitor-0.svc.local", 0)]
)
def test_a_host_knows_which_one_it_is(tmp_path: Path, given: int | None, name: str, number: int) -> None:
    """It is told, or its name ends with it."""
    config = loaded(tmp_path, '{hosts: ["127.0.0.2:2100", "127.0.0.3:2100", "127.0.0.4:2100"]}')
    assert host_number(config, given, name) == number


@pytest.mark.parametrize(("given", "name"), [(3, "monitor-1"), (None, "monitor-3"), (None, "monitor"), (None, "box17")])
def test_a_host_that_is_none_of_them_is_refused(tmp_path: Path, given: int | None, name: str) -> None:
    """With how to say it."""
    config = loaded(tmp_path, '{hosts: ["127.0.0.2:2100", "127.0.0.3:2100", "127.0.0.4:2100"]}')
    with pytest.raises(UsageError, match="--host or DRIFTGAUGE_HOST, 0 to 2"):
        host_number(config, given, name)
