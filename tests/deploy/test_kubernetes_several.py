"""The manifests for several hosts: rendered, checked against the API server's schemas, and read as the pods would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from kubernetes import EXAMPLE, Json, complaints, example, rendered

from stream.config.load import Config, load
from stream.workers.hosts import host_number

if TYPE_CHECKING:
    from pathlib import Path

RELEASES = ("1.30", "1.34", "1.37")
CREDENTIALS = {"KAFKA_USERNAME": "driftgauge", "KAFKA_PASSWORD": "hunter2"}
NAME = {"app.kubernetes.io/name": "driftgauge"}


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """The example with the component, as its first lines say it."""
    place = example(tmp_path_factory.mktemp("several") / "kubernetes")
    file = place / "kustomization.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "components": ["../several"]}))
    return rendered(place)


def one(resources: list[Json], kind: str) -> Json:
    """The specification of the only resource of a kind."""
    (found,) = [each["spec"] for each in resources if each["kind"] == kind]
    spec: Json = found
    return spec


def container_of(resources: list[Json]) -> Json:
    """The container of a pod."""
    (found,) = one(resources, "StatefulSet")["template"]["spec"]["containers"]
    container: Json = found
    return container


def config_of(resources: list[Json]) -> Config:
    """What a pod loads."""
    environment = {each["name"]: each.get("value", "monitoring-ml") for each in container_of(resources)["env"]}
    namespace = environment["NAMESPACE"]
    values = {name: value.replace("$(NAMESPACE)", namespace) for name, value in environment.items()}
    return load(EXAMPLE / "driftgauge.yaml", {**CREDENTIALS, **values})


@pytest.mark.parametrize("release", RELEASES)
def test_the_api_server_would_take_it(resources: list[Json], tmp_path: Path, release: str) -> None:
    """Every field is known, and so is its value."""
    assert complaints(resources, tmp_path, release) == ""


def test_every_pod_is_one_of_the_hosts(resources: list[Json]) -> None:
    """As many as there are pods, by the names that the headless Service gives them, whole as in their /etc/hosts."""
    cluster = config_of(resources).cluster
    spec = one(resources, "StatefulSet")
    (service,) = [each for each in resources if each["kind"] == "Service"]
    assert [address.rpartition(":")[0] for address in cluster.hosts] == [
        f"driftgauge-{number}.{spec['serviceName']}.monitoring-ml.svc.cluster.local"
        for number in range(spec["replicas"])
    ]
    assert service["metadata"]["name"] == spec["serviceName"]
    assert service["spec"]["publishNotReadyAddresses"] is True
    for number in range(spec["replicas"]):
        assert host_number(config_of(resources), None, f"driftgauge-{number}") == number
    assert container_of(resources)["args"][-2:] == ["--processes", str(cluster.processes)]


def test_pods_start_together_and_a_change_stops_them_once(resources: list[Json]) -> None:
    """Each has a volume and a node of its own; one may be drained at a time."""
    spec = one(resources, "StatefulSet")
    assert (spec["podManagementPolicy"], spec["updateStrategy"]) == ("Parallel", {"type": "OnDelete"})
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    (rule,) = spec["template"]["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert rule["labelSelector"]["matchLabels"] == NAME
    assert one(resources, "PodDisruptionBudget")["maxUnavailable"] == 1


def test_probes_ask_the_pages_and_only_the_pods_reach_each_other(resources: list[Json]) -> None:
    """A connection to another port would end a start; the policy admits the meeting and the processes, from pods."""
    container = container_of(resources)
    for kind in ("startup", "liveness", "readiness"):
        assert container[f"{kind}Probe"].keys() & {"httpGet", "tcpSocket", "grpc"} == {"httpGet"}
        assert container[f"{kind}Probe"]["httpGet"]["port"] == "http"
    cluster = config_of(resources).cluster
    ports = {int(address.rpartition(":")[2]) for address in (*cluster.hosts, *cluster.addresses())}
    policy = one(resources, "NetworkPolicy")
    for way, peers in (("ingress", "from"), ("egress", "to")):
        (rule,) = [each for each in policy[way] if each.get(peers) == [{"podSelector": {"matchLabels": NAME}}]]
        (allowed,) = rule["ports"]
        assert ports == set(range(allowed["port"], allowed["endPort"] + 1))
