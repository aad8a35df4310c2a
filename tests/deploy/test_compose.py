from __future__ import annotations

import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from composed import COMPOSE, CONFIG, ROOT, RULES, composed, flattened, prepare, prepared
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from kafka_node import KAFKA_VERSION, NoBrokerError, jars
from paging import DEPLOY, REQUIRED, Alertmanager, Prometheus, run, tool
from waiting import GUARD, INSTALL

from operators.settings.durations import parse_duration
from stream.config.load import load
from stream.http.server import Server
from stream.kafka import topics
from stream.metrics.registry import Registry
from stream.rules.file import rules_of
from stream.rules.options import RuleOptions
from stream.simulate import shifts

if TYPE_CHECKING:
    from brokers import Broker

Json = dict[str, Any]

SERVICES: dict[str, Json] = composed()["services"]
CHECKER = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"
"""The Compose project's own loader, the one inside `docker compose`: schema, interpolation, merges, consistency."""
VOLUMES = {
    "apache/kafka": ("/etc/kafka/secrets", "/var/lib/kafka/data", "/mnt/shared/config"),
    "driftgauge": tuple(re.findall(r"^VOLUME (.+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)),
    "prom/prometheus": ("/prometheus",),
    "prom/alertmanager": ("/alertmanager",),
    "grafana/grafana": (),
}
"""Of each image, as its Dockerfile declares them."""
OWN = ("prepare", "driftgauge", "simulator")
KAFKA_LINES = {"KAFKA_HEAP_OPTS"}
"""Variables of the image's scripts, which are no property of the broker."""


def _missing(reason: str) -> None:
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1 and {reason}", pytrace=False)
    pytest.skip(reason)


def _checked(file: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("go") is None:
        _missing("no go: the loader of compose files is a Go module")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftgauge"
    program = cache / f"compose-go-{CHECKER.rpartition('@')[2]}" / "cmd"
    if not program.exists():
        env = {**os.environ, "GOBIN": str(program.parent), "GOFLAGS": "-buildvcs=false"}
        done = subprocess.run(
            ["go", "install", CHECKER], env=env, capture_output=True, text=True, timeout=INSTALL, check=False
        )
        if done.returncode != 0:
            _missing(f"go could not install {CHECKER}: {done.stderr.strip()[-200:]}")
    return subprocess.run(
        [program, "--format", "json", file], cwd=ROOT, capture_output=True, text=True, timeout=GUARD, check=False
    )


def test_composes_own_loader_accepts_the_file(tmp_path: Path) -> None:
    """Schema, merges, dependencies and volumes; and it is a check: a misspelt key is refused."""
    done = _checked(COMPOSE)
    assert done.returncode == 0, done.stderr
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE.read_text().replace("mem_limit:", "memory_limit:", 1))
    assert _checked(wrong).returncode != 0


def test_every_path_that_is_mounted_is_there_and_read_only() -> None:
    """Files and directories of the repository; what is written goes to named volumes, all of them declared."""
    volumes = composed()["volumes"]
    used = set()
    for service, mount in flattened(SERVICES, "volumes"):
        source, _, rest = mount.partition(":")
        if source.startswith("./"):
            assert (ROOT / source).exists(), f"{service}: {source}"
            assert rest.endswith(":ro"), f"{service}: {mount}"
        else:
            used.add(source)
    assert used == set(volumes)
    assert (ROOT / SERVICES["driftgauge"]["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_do_little_harm(name: str) -> None:
    """No root, a read-only root file system, no capabilities, a memory limit, a pinned image, the loopback only."""
    service = SERVICES[name]
    user, _, _ = service["user"].partition(":")
    assert int(user) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")
    if name in {
        "prepare",
        "simulator",
    }:  # they end when their work does; one that is switched off fails `up --wait`
        assert "healthcheck" not in service
    else:
        assert service["healthcheck"]["test"][0] == "CMD"


def test_a_volume_of_an_image_has_a_name_or_is_in_memory() -> None:
    """Else the engine makes one for each container, which can be written and outlives `down`."""
    for name, service in SERVICES.items():
        mounted = [mount.split(":")[1] for mount in service.get("volumes", [])]
        mounted += [mount.split(":")[0] for mount in service.get("tmpfs", [])]
        assert set(VOLUMES[service["image"].partition(":")[0]]) <= set(mounted), name


def test_the_broker_may_run_what_it_unpacks() -> None:
    """A tmpfs is mounted `noexec`; zstd's library is unpacked into java.io.tmpdir, and the evaluations need it."""
    assert any(policy.settings.get("compression.type") == "zstd" for policy in topics.POLICIES.values())
    (place,) = [mount for mount in SERVICES["kafka"]["tmpfs"] if mount.startswith("/tmp:")]  # noqa: S108 - Java's
    assert "exec" in place.split(":")[1].split(",")


def test_the_broker_is_the_one_that_all_tests_run_on() -> None:
    """The same release of Apache Kafka."""
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_a_service_waits_for_what_it_needs() -> None:
    """In the order broker, preparation, everything that reads or writes topics; who rings for driftgauge comes last."""
    assert set(SERVICES["prepare"]["depends_on"]) == {"kafka"}
    for name in ("driftgauge", "simulator"):
        conditions = {on: what["condition"] for on, what in SERVICES[name]["depends_on"].items()}
        assert conditions == {"kafka": "service_healthy", "prepare": "service_completed_successfully"}
    assert SERVICES["prometheus"]["depends_on"] == {"driftgauge": {"condition": "service_started"}}


def test_driftgauge_reads_its_config() -> None:
    """The config is valid, its paths are on volumes, and it is reached by the names that compose gives."""
    config = load(CONFIG, {})
    assert config.kafka.brokers in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert config.http.listen.partition(":")[0] == "0.0.0.0"  # noqa: S104 - inside its container
    mounted = [mount.split(":")[1] for name, mount in flattened(SERVICES, "volumes") if name == "driftgauge"]
    assert str(config.state.directory) in mounted
    assert all(str(Path(str(model.reference)).parent) in mounted for model in config.models)
    assert all(SERVICES[name]["image"] == SERVICES["driftgauge"]["image"] for name in OWN)


def test_the_shift_is_one_that_the_model_can_have_and_its_end_is_seen() -> None:
    """The simulator's round leaves enough normal traffic for the page of the round before to resolve."""
    options = dict(part[2:].split("=", 1) for part in SERVICES["simulator"]["command"][1:])
    shift = shifts.parse(options["shift"])
    config = load(CONFIG, {})
    assert shift.feature is not None
    held = max(config.models[0].drift.windows) + config.alerting.resolve_after + 60_000  # --keep-firing-for 1m
    assert 1.5 * held < shift.after < parse_duration(options["duration"])


def test_the_rules_are_those_of_the_config() -> None:
    """The command in the config's first lines writes them; promtool accepts them."""
    assert RULES.read_text() == rules_of(load(CONFIG, {}), RuleOptions(keep_firing_for=60_000))
    assert "SUCCESS" in run("promtool", "check", "rules", RULES)


def test_prometheus_and_alertmanager_read_what_is_mounted(tmp_path: Path) -> None:
    """Their own checkers, on files laid out as in the containers; what Prometheus is pointed at are services."""
    for name in ("prometheus", "alertmanager"):
        for _, mount in [pair for pair in flattened(SERVICES, "volumes") if pair[0] == name]:
            source, inside, *_ = mount.split(":")
            if source.startswith("./"):
                (tmp_path / inside[1:]).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / inside[1:]).symlink_to(ROOT / source)
    options = [
        dict(part[2:].split("=", 1) for part in SERVICES[name]["command"]) for name in ("prometheus", "alertmanager")
    ]
    prometheus, alertmanager = (tmp_path / option["config.file"][1:] for option in options)
    said = run("promtool", "check", "config", prometheus)
    assert "1 rule files found" in said
    assert "SUCCESS" in run("amtool", "check-config", alertmanager)
    targets = re.findall(r"(\w+):(\d+)\"", prometheus.read_text())
    exposed = {"driftgauge": "9108", "prometheus": "9090", "alertmanager": "9093", "localhost": "9090"}
    assert targets
    assert all(exposed[host] == port for host, port in targets)


def test_health_is_asked_for_by_commands_that_work(tmp_path: Path) -> None:
    """Each check of driftgauge, Prometheus and Alertmanager, against the real program; and against nobody, it fails."""
    registry = Registry()
    server = Server("127.0.0.1:0", registry)
    server.start()
    driftgauge = "{}:{}".format(*server.address)
    try:
        assert _healthy("driftgauge", driftgauge) is False  # it is not ready: no process runs
        with Alertmanager(tmp_path / "a", "http://127.0.0.1:1") as alertmanager:
            assert _healthy("alertmanager", alertmanager.url.removeprefix("http://"))
            with Prometheus(tmp_path / "p", "groups: []", driftgauge, alertmanager.url) as prometheus:
                assert _healthy("prometheus", prometheus.url.removeprefix("http://"))
    finally:
        server.close()
    for name in ("driftgauge", "alertmanager", "prometheus"):
        assert not _healthy(name, "127.0.0.1:1")


def _healthy(name: str, address: str) -> bool:
    port = address.rpartition(":")[2]
    asked = SERVICES[name]["healthcheck"]["test"][1:]
    words = [re.sub(r'(127\.0\.0\.1(:|", ))\d+', rf"\g<1>{port}", word) for word in asked]
    assert words != asked
    program = shutil.which("python3") if words[0] == "python" else tool(words[0])
    return subprocess.run([str(program), *words[1:]], capture_output=True, timeout=GUARD, check=False).returncode == 0


@pytest.mark.real_broker
def test_kafka_takes_its_environment(tmp_path: Path) -> None:
    """The image's own set-up program makes a config of the variables and formats the storage with it."""
    try:
        library = jars()
    except NoBrokerError as error:
        _missing(str(error))
    given = {name: str(value) for name, value in SERVICES["kafka"]["environment"].items() if name not in KAFKA_LINES}
    for name in ("default", "mounted", "final", "data"):
        (tmp_path / name).mkdir()
    for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
        (tmp_path / "default" / name).write_text("")
    program = ["java", "-Xmx256m", "-cp", f"{library}/*", "kafka.docker.KafkaDockerWrapper", "setup"]
    places = [f"--{name}-configs-dir={name}" for name in ("default", "mounted", "final")]
    done = subprocess.run(
        [*program, *places],
        env={"PATH": os.environ["PATH"], **given, "KAFKA_LOG_DIRS": str(tmp_path / "data")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"cluster.id={given['CLUSTER_ID']}" in (tmp_path / "data" / "meta.properties").read_text()
    written = (tmp_path / "final" / "server.properties").read_text().split()
    assert len(written) == len(given) - 1  # all but CLUSTER_ID


@pytest.mark.real_broker
def test_topics_are_prepared_once_and_kept_small(real_broker: Broker, tmp_path: Path) -> None:
    """On a real broker: every topic with an hour's retention; a second start keeps topics and reference."""
    names = {role: f"{role}-{uuid.uuid4().hex[:8]}" for role in load(CONFIG, {}).topics.model_dump()}
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DRIFTGAUGE__KAFKA__BROKERS": real_broker.bootstrap,
        "DRIFTGAUGE__MODELS__0__REFERENCE": str(tmp_path / "click.reference.json"),
        **{f"DRIFTGAUGE__TOPICS__{role.upper()}": name for role, name in names.items()},
    }
    first = prepare(env)
    assert "150,000 rows" in first
    assert first.count(": created") == len(names)
    before = (tmp_path / "click.reference.json").read_bytes()
    second = prepare(env)
    assert "is there" in second
    assert second.count(": exists\n") == len(names)
    assert (tmp_path / "click.reference.json").read_bytes() == before
    admin = AdminClient({"bootstrap.servers": real_broker.bootstrap})
    for name in names.values():
        resource = ConfigResource(ResourceType.TOPIC, name)
        entries = admin.describe_configs([resource])[resource].result(GUARD)
        assert entries["retention.ms"].value == "3600000", name


def test_a_reference_of_another_version_ends_the_preparation(tmp_path: Path) -> None:
    """`up` fails at once and says what to do, instead of waiting for services that start again and again."""
    file = tmp_path / "click.reference.json"
    file.write_text('{"format_version": 1}')
    env = {**os.environ, "PYTHONPATH": str(ROOT), "DRIFTGAUGE__MODELS__0__REFERENCE": str(file)}
    done = prepared(env)
    assert done.returncode == 2
    assert str(file) in done.stderr
    assert done.stderr.endswith("`docker compose down -v` removes it, with the state that belongs to it\n")


def test_grafana_mounts_what_is_provisioned() -> None:
    """The home page is one of the dashboards; nothing is updated at the start, which a read-only root would bar."""
    environment = SERVICES["grafana"]["environment"]
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    mounts = {mount.split(":")[1]: mount.split(":")[0] for _, mount in flattened({"g": SERVICES["grafana"]}, "volumes")}
    directory, _, name = home.rpartition("/")
    assert (ROOT / mounts[directory] / name).is_file()
    assert environment["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    for inside in ("datasources", "dashboards"):
        (file,) = (ROOT / mounts[f"/etc/grafana/provisioning/{inside}"]).iterdir()
        assert yaml.safe_load(file.read_text())["apiVersion"] == 1


def test_secrets_of_alertmanager_are_told_and_ignored_by_git() -> None:
    """Each file that the config names has a line in the README; what is put there is not committed."""
    named = set(
        re.findall(r"/etc/alertmanager/secrets/(\w+)", (DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    )
    place = DEPLOY / "compose" / "secrets"
    told = set(re.findall(r"^\| `(\w+)` \|", (place / "README.md").read_text(), re.MULTILINE))
    assert named == told
    assert (place / ".gitignore").read_text().split() == ["*", "!.gitignore", "!README.md"]
