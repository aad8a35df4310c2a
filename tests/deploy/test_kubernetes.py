from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import urllib.request
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.error import HTTPError

import pytest
import yaml
from kafka_node import free_ports
from kubernetes import EXAMPLE, Json, complaints, definitions, example, rendered
from paging import run
from waiting import GUARD, until

from stream.config.load import load
from stream.kafka.embedded import EmbeddedBroker
from stream.rules.file import rules_of
from stream.rules.options import RuleOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = EXAMPLE.parents[2]
CONFIG = EXAMPLE / "driftgauge.yaml"
CREDENTIALS = {"KAFKA_USERNAME": "driftgauge", "KAFKA_PASSWORD": "hunter2"}
RELEASES = ("1.30", "1.34", "1.37")
NAME = {"app.kubernetes.io/name": "driftgauge"}


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """The example as it is applied."""
    return rendered(example(tmp_path_factory.mktemp("example") / "kubernetes"))


def one(resources: list[Json], kind: str) -> Json:
    """The only resource of a kind."""
    (found,) = [each for each in resources if each["kind"] == kind]
    return found


def pod_of(resources: list[Json]) -> Json:
    """The pod's specification."""
    spec: Json = one(resources, "StatefulSet")["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("release", RELEASES)
def test_the_api_server_would_take_it(resources: list[Json], tmp_path: Path, release: str) -> None:
    """Every field is known to this release of Kubernetes, or to the Prometheus Operator, and so is its value."""
    assert complaints(resources, tmp_path, release) == ""


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("StatefulSet", ("spec", "replica"), 1),
        ("StatefulSet", ("spec", "template", "spec", "fsGroup"), 1),
        ("NetworkPolicy", ("spec", "policyTypes"), "Ingress"),
        ("PodDisruptionBudget", ("spec", "minAvailble"), 1),
        ("PodMonitor", ("spec", "podMetricsEndpoints", 0, "intervall"), "5s"),
        ("PodMonitor", ("spec", "podMetricsEndpoints", 0, "interval"), "five seconds"),
        ("PrometheusRule", ("spec", "groups", 1, "rules", 1, "keep_firing"), "5m"),
    ],
)
def test_what_the_api_server_would_not_take_is_found(
    resources: list[Json], tmp_path: Path, kind: str, path: tuple[Any, ...], value: object
) -> None:
    """The check is one: a misspelt field and a wrong value of each are errors."""
    wrong = yaml.safe_load(yaml.safe_dump(one(resources, kind)))
    place = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert complaints([wrong], tmp_path, RELEASES[-1]) != ""


def test_the_rules_are_those_of_the_config(resources: list[Json], tmp_path: Path) -> None:
    """The checked-in PrometheusRule is up to date, and promtool accepts its groups.

    Else: the command in the first lines of deploy/kubernetes/example/kustomization.yaml
    """
    text = (EXAMPLE / "prometheusrule.yaml").read_text()
    assert text == rules_of(load(CONFIG, CREDENTIALS), resource="driftgauge")
    spec = one(resources, "PrometheusRule")["spec"]
    assert spec == yaml.safe_load(rules_of(load(CONFIG, CREDENTIALS)))
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(spec))
    assert "SUCCESS" in run("promtool", "check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yml")


def test_the_command_writes_the_resource() -> None:
    """`driftgauge rules --kubernetes`, as the example's first lines say it."""
    told = re.search(r"#   (KAFKA\S+ KAFKA\S+) driftgauge (.*) -o \S+\n", (EXAMPLE / "kustomization.yaml").read_text())
    assert told
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli.app", *told[2].split()],
        cwd=EXAMPLE,
        env={**os.environ, "PYTHONPATH": str(ROOT), **dict(pair.split("=") for pair in told[1].split())},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, (EXAMPLE / "prometheusrule.yaml").read_text())


def test_what_is_named_is_there(resources: list[Json]) -> None:
    """Every ConfigMap, Secret and key, port, volume and label that one resource names in another exists."""
    known = {(each["kind"], each["metadata"]["name"]): each for each in resources}
    keys = {place: set(each.get("data", {})) for place, each in known.items()}
    pod = pod_of(resources)
    (container,) = pod["containers"]
    sources = [source for volume in pod["volumes"] for source in volume.get("projected", {}).get("sources", [])]
    assert sources
    for source in sources:
        (kind,) = source
        place = ({"configMap": "ConfigMap", "secret": "Secret"}[kind], source[kind]["name"])
        assert {item["key"] for item in source[kind].get("items", [])} <= keys[place]
    for reference in container["envFrom"]:
        assert keys["Secret", reference["secretRef"]["name"]] == set(CREDENTIALS)
    (endpoint,) = one(resources, "PodMonitor")["spec"]["podMetricsEndpoints"]
    token = endpoint["authorization"]["credentials"]
    assert token["key"] in keys["Secret", token["name"]]
    ports = {port["name"] for port in container["ports"]}
    named = [endpoint["port"], *(container[f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "liveness"))]
    assert {*named, container["readinessProbe"]["httpGet"]["port"]} == ports
    claims = {claim["metadata"]["name"] for claim in one(resources, "StatefulSet")["spec"]["volumeClaimTemplates"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]} | claims
    assert one(resources, "StatefulSet")["spec"]["serviceName"] == one(resources, "Service")["metadata"]["name"]
    assert ("ServiceAccount", pod["serviceAccountName"]) in known


def test_the_config_fits_into_its_resource(resources: list[Json]) -> None:
    """A ConfigMap holds 1 MiB; the reference of the click model, with segments, is a small part of it."""
    data = one(resources, "ConfigMap")["data"]
    assert set(data) == {"driftgauge.yaml", "click.reference.json"}
    assert sum(len(text.encode()) for text in data.values()) < 2**20 / 2


def test_everything_selects_the_pod(resources: list[Json]) -> None:
    """Service, budget, policy and monitor have the pod's label; its value is the job that the rules know."""
    assert one(resources, "StatefulSet")["spec"]["template"]["metadata"]["labels"] == NAME
    assert one(resources, "Service")["spec"]["selector"] == NAME
    assert one(resources, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == NAME
    for kind in ("StatefulSet", "PodDisruptionBudget", "PodMonitor"):
        assert one(resources, kind)["spec"]["selector"]["matchLabels"] == NAME
    assert NAME[one(resources, "PodMonitor")["spec"]["jobLabel"]] == RuleOptions().job


def test_the_pod_can_do_little_harm(resources: list[Json]) -> None:
    """What the profile `restricted` of Kubernetes' Pod Security Standards asks for, and a read-only root, no token."""
    pod = pod_of(resources)
    (container,) = pod["containers"]
    assert one(resources, "Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.keys()
    kinds = {kind for volume in pod["volumes"] for kind in volume} - {"name"}
    assert kinds <= {"configMap", "emptyDir", "projected", "secret"}
    assert not any("hostPort" in port for port in container["ports"])
    assert pod["automountServiceAccountToken"] is False
    assert one(resources, "ServiceAccount")["automountServiceAccountToken"] is False
    assert container["resources"]["limits"]["memory"]
    assert not any(each["kind"] in {"Role", "ClusterRole", "RoleBinding"} for each in resources)


def test_only_prometheus_comes_in(resources: list[Json]) -> None:
    """One port, from Prometheus' pods; all other ways in are closed."""
    spec = one(resources, "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    ((rule),) = spec["ingress"]
    assert [port["port"] for port in rule["ports"]] == ["http"]
    (peer,) = rule["from"]
    assert peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "monitoring"}


def test_there_is_one_pod_at_a_time_and_it_may_be_moved(resources: list[Json]) -> None:
    """Two would read everything twice and fight for the state; the budget lets a node be drained."""
    spec = one(resources, "StatefulSet")["spec"]
    assert spec["replicas"] == 1
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert one(resources, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= 10


def test_the_image_is_the_dockerfiles(resources: list[Json]) -> None:
    """User and group are those that the image has; it is pinned and what compose builds."""
    pod = pod_of(resources)
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    identity = f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
    assert f"USER {identity}\n" in dockerfile
    tag = pod["containers"][0]["image"].rpartition(":")[2]
    assert f"image: driftgauge:{tag}\n" in (ROOT / "docker-compose.yml").read_text()


def test_secrets_are_ignored_by_git() -> None:
    """What the example's user adds beside it is not committed."""
    kustomization = yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text())
    secret = [
        file.rpartition("=")[2]
        for each in kustomization["secretGenerator"]
        for file in [*each.get("envs", []), *each.get("files", [])]
    ]
    ignored = (EXAMPLE / ".gitignore").read_text().split()
    assert all(file in ignored or f"*{Path(file).suffix}" in ignored for file in secret)


# ---- what runs in the pod


class Pod:
    """The container's program with its arguments, variables, files and volumes, on this machine; a context manager."""

    def __init__(self, directory: Path, resources: list[Json], brokers: str) -> None:
        pod = pod_of(resources)
        (container,) = pod["containers"]
        self._probes = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")}
        mounts = {mount["name"]: directory / mount["mountPath"][1:] for mount in container["volumeMounts"]}
        self.data, self.temporary = mounts["data"], mounts["tmp"]
        self._config(mounts["config"], resources)
        self._as_kubernetes_makes_it(self.data)
        self.temporary.mkdir(exist_ok=True)
        (port,) = free_ports(1)
        self.port = port
        variables = {each["name"]: each["value"] for each in container["env"]}
        variables["DRIFTGAUGE__STATE__DIRECTORY"] = str(directory / variables["DRIFTGAUGE__STATE__DIRECTORY"][1:])
        variables["DRIFTGAUGE__HTTP__LISTEN"] = variables["DRIFTGAUGE__HTTP__LISTEN"].replace("9108", str(port))
        # The embedded broker asks for no password.
        plain = {"SECURITY_PROTOCOL": "PLAINTEXT", "SSL_CA_LOCATION": ""}
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.temporary),
            **CREDENTIALS,
            **variables,
            "DRIFTGAUGE__KAFKA__BROKERS": brokers,
            **{f"DRIFTGAUGE__KAFKA__PROPERTIES__{name}": value for name, value in plain.items()},
        }
        self._arguments = [str(directory / word[1:]) if word.startswith("/") else word for word in container["args"]]
        self._log = directory / "log"

    def _config(self, place: Path, resources: list[Json]) -> None:
        """The projected volume: ConfigMap and Secrets in one directory, not to be written."""
        if place.exists():
            return
        place.mkdir(parents=True)
        (config,) = [each for each in resources if each["kind"] == "ConfigMap"]
        for name, content in config["data"].items():
            (place / name).write_text(content)
        (place / "pages").mkdir()
        (place / "pages" / "token").write_text("t0ken\n")
        for path in (*place.rglob("*"), place):
            path.chmod(0o555 if path.is_dir() else 0o444)

    def _as_kubernetes_makes_it(self, volume: Path) -> None:
        """A volume's root with fsGroup: for the group, with the set-group-id bit, open to others."""
        volume.mkdir(parents=True, exist_ok=True)
        volume.chmod(0o2775)

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stream.cli.app", *self._arguments],
                env=self._environment,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def log(self) -> str:
        """What it wrote to stderr."""
        return self._log.read_text()

    def probe(self, kind: str) -> int:
        """The status of a probe, as the kubelet asks: at the pod's address, with no token. 0 before it listens."""
        assert self.process.poll() is None, self.log[-2000:]
        try:
            with closing(
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self._probes[kind]}", timeout=GUARD)
            ) as page:
                return int(page.status)
        except HTTPError as error:
            return error.code
        except OSError:
            return 0

    def members(self) -> list[Path]:
        """Its processes in /proc."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                if os.getsid(int(entry.name)) == self.process.pid:
                    found.append(entry)
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, resources: list[Json]) -> Iterator[tuple[Path, str, list[Json]]]:
    """A file system of a pod, and a broker."""
    directory = tmp_path_factory.mktemp("pod")
    with EmbeddedBroker() as broker:
        for name in load(CONFIG, CREDENTIALS).topics.model_dump().values():
            if name is not None:
                broker.create(name)
        yield directory, broker.bootstrap, resources
    for path in directory.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(directory, ignore_errors=True)


Address = tuple[str, int]


def _sockets(members: list[Path]) -> dict[Address, set[Address]]:
    """The ends of TCP connections that these processes hold, and where each leads to: to port 0 when it listens."""
    inodes = set()
    for member in members:
        for descriptor in (member / "fd").iterdir():
            with suppress(OSError):
                inodes |= set(re.findall(r"socket:\[(\d+)\]", str(descriptor.readlink())))
    found: dict[Address, set[Address]] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[9] in inodes:
            found.setdefault(_address(words[1]), set()).add(_address(words[2]))
    return found


def _address(text: str) -> Address:
    host, port = text.split(":")
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(host))), int(port, 16)


def _cluster(sockets: dict[Address, set[Address]]) -> set[Address]:
    """Ends of connections among the processes themselves."""
    return {mine for mine, theirs in sockets.items() if theirs & sockets.keys()}


def _written(members: list[Path]) -> set[Path]:
    """Regular files that these processes hold open to write."""
    found = set()
    for member in members:
        for descriptor in (member / "fd").iterdir():
            with suppress(OSError):
                flags = re.search(r"flags:\t(\d+)", (member / "fdinfo" / descriptor.name).read_text())
                path = descriptor.resolve()
                if flags and int(flags[1], 8) & (os.O_WRONLY | os.O_RDWR) and path.is_file():
                    found.add(path)
    return found


def test_the_pod_starts_answers_its_probes_and_starts_again(place: tuple[Path, str, list[Json]]) -> None:
    """It listens on its port and, for its own cluster, on the loopback; writes to its volumes; ends with 0."""
    directory, brokers, resources = place
    for _ in range(2):  # the second time with the state of the first
        with Pod(directory, resources, brokers) as pod:
            until(lambda: pod.probe("liveness") == 200)
            assert pod.probe("readiness") == 503  # nothing was read yet
            until(lambda: pod.log.count("from latest") + pod.log.count("continuing") >= 1)
            until(lambda: _cluster(_sockets(pod.members())))
            sockets = _sockets(pod.members())
            assert {host for host, _ in _cluster(sockets)} == {"127.0.0.1"}
            listening = {mine for mine, theirs in sockets.items() if ("0.0.0.0", 0) in theirs}  # noqa: S104 - nobody
            assert listening == {("0.0.0.0", pod.port)}  # noqa: S104 - inside its container
            for path in _written(pod.members()) - {directory / "log"}:
                assert {pod.data.resolve(), pod.temporary.resolve()} & set(path.parents), path
            os.kill(pod.process.pid, signal.SIGTERM)
            assert pod.process.wait(GUARD) == 0
        assert stat.S_IMODE((pod.data / "state").stat().st_mode) & 0o077 == 0
        assert "Traceback" not in pod.log


def test_the_operators_definitions_are_those_of_the_cluster() -> None:
    """The kinds that are used are defined."""
    assert {f"monitoring.coreos.com/v1/{kind}" for kind in ("PodMonitor", "PrometheusRule")} <= definitions().keys()
