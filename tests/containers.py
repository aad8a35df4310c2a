"""docker-compose.yml run for real: an engine, Compose 2, images; where none can be had, a skip with the reason."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from composed import COMPOSE, ROOT, composed
from pagerduty import ROUTING_KEY
from paging import ROUTES
from waiting import GUARD, INSTALL, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REQUIRED = "DRIFTGAUGE_REQUIRE_CONTAINERS"
STAND_INS = ROOT / "deploy" / "stand-ins" / "build"
LEFT_OUT = ("grafana",)
"""No package holds it: its dashboards are tested against a real Prometheus by test_grafana.py."""
SERVICES = tuple(name for name in composed()["services"] if name not in (*LEFT_OUT, "prepare"))
"""What goes on running."""
IMAGE = composed()["services"]["driftgauge"]["image"]
PORTS = {"driftgauge": 9108, "prometheus": 9090, "alertmanager": 9093, "kafka": 29092}
SHIFTED_AFTER = 20
"""Seconds from the simulator's start to its shift."""

Json = dict[str, Any]


def missing(reason: str) -> None:
    """Skip with the reason, or fail where containers are required."""
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1 and {reason}", pytrace=False)
    pytest.skip(f"no containers: {reason}")


def run(*command: object, env: Mapping[str, str]) -> str:
    """What a command writes to its output; it must succeed."""
    done = subprocess.run(
        [str(part) for part in command], env=env, cwd=ROOT, capture_output=True, text=True, timeout=INSTALL, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@contextmanager
def engine() -> Iterator[dict[str, str]]:
    """The environment in which `docker` reaches an engine: one that answers, else one that is started here."""
    env = dict(os.environ)
    if shutil.which("docker") is None:
        missing("no `docker`")
    if _answers(env):
        yield env
    elif os.environ.get(REQUIRED) != "1":
        missing(f"no engine answers; {REQUIRED}=1 starts one")
    elif os.geteuid() != 0 or shutil.which("dockerd") is None:
        missing("no engine answers, and starting one needs root and `dockerd`")
    else:
        with _started(env):
            yield env


def _answers(env: Mapping[str, str]) -> bool:
    asked = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(asked, env=env, capture_output=True, timeout=GUARD, check=False).returncode == 0


@contextmanager
def _started(env: dict[str, str]) -> Iterator[None]:
    """An engine of our own: everything of it is in one directory, which goes with it."""
    place = Path(tempfile.mkdtemp(prefix="driftgauge-engine-"))
    env["DOCKER_HOST"] = f"unix://{place}/socket"
    places = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
    options = [part for option, name in places.items() for part in (option, str(place / name))]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(["dockerd", *options, "--host", env["DOCKER_HOST"]], stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or _answers(env))
        if process.poll() is not None:
            missing(f"dockerd ended: {(place / 'log').read_text()[-500:]}")
        yield
    finally:
        process.terminate()
        process.wait(GUARD)
        shutil.rmtree(place, ignore_errors=True)


def compose(env: Mapping[str, str]) -> list[str]:
    """The command of Compose 2.24 or newer; a Debian package of it is unpacked where there is none."""
    done = subprocess.run(
        ["docker", "compose", "version", "--short"], env=env, capture_output=True, text=True, timeout=GUARD, check=False
    )
    found = re.match(r"v?(\d+)\.(\d+)", done.stdout)
    if done.returncode == 0 and found and (int(found[1]), int(found[2])) >= (2, 24):
        return ["docker", "compose"]
    if shutil.which("mmdebstrap") is None:
        missing("no Compose 2.24, nor mmdebstrap to unpack it with")
    return [run(STAND_INS, "compose", env=env).split()[-1]]


def images(env: Mapping[str, str]) -> list[str]:
    """See that the base images are there; the names of those that are stand-ins."""
    base = re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    services = composed()["services"]
    wanted = {*base, *(services[name]["image"] for name in SERVICES if "build" not in services[name])}
    label = '{{index .Config.Labels "driftgauge.stand-in"}}'
    stand_ins = []
    for image in sorted(wanted):
        told = ["docker", "image", "inspect", image, "--format", label]
        found = subprocess.run(told, env=env, capture_output=True, text=True, timeout=GUARD, check=False)
        if found.returncode != 0:
            if shutil.which("mmdebstrap") is None:
                missing(f"no image {image}, nor mmdebstrap to make a stand-in with")
            run(STAND_INS, re.split(r"[:/]", image)[-2], env=env)
        if found.returncode != 0 or found.stdout.strip() == "1":
            stand_ins.append(image)
    return stand_ins


def gateway(env: Mapping[str, str]) -> str:
    """The address under which containers see this machine."""
    (image, *_) = re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    told = ["--add-host=here:host-gateway", "--entrypoint=cat", image, "/etc/hosts"]
    return run("docker", "run", "--rm", *told, env=env).split("\there")[0].split()[-1]


class Stack:
    """The compose file under a name of its own; a context manager that leaves no container and no volume.

    Other than in the file: Grafana is left out, host ports are free ones, the simulator's shift comes after seconds
    instead of minutes, and Alertmanager's receivers are at another address.

    Args:
        directory: for what is mounted instead.
        env: in which an engine answers.
        receiver: address that stands for PagerDuty, Slack and the watchdog's other end, as seen by a container.
    """

    def __init__(self, directory: Path, env: Mapping[str, str], receiver: str) -> None:
        self._env = env
        (directory / "secrets").mkdir()
        secrets = {"slack_api_url": f"{receiver}/slack", "pagerduty_routing_key": ROUTING_KEY, "watchdog_token": "t"}
        for name, secret in {**secrets, "smtp_password": "none"}.items():
            (directory / "secrets" / name).write_text(secret)
        routes = ROUTES.read_text().replace("https://events.pagerduty.com", receiver)
        (directory / "alertmanager.yml").write_text(routes.replace("https://watchdog.example.org", receiver))
        (directory / "override.yml").write_text(_override(directory))
        self._name = f"driftgauge-{os.getpid()}"
        self._command = [*compose(env), "-p", self._name, "-f", str(COMPOSE), "-f", str(directory / "override.yml")]

    def __call__(self, *arguments: str) -> str:
        """Run Compose; what it wrote."""
        return run(*self._command, *arguments, env=self._env)

    def docker(self, *arguments: str) -> str:
        """Run docker; what it wrote."""
        return run("docker", *arguments, env=self._env)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self("down", "-v", "--timeout", "10")

    def build(self) -> None:
        """The image."""
        self("build", "driftgauge")

    def sizes(self) -> str:
        """How large the image is."""
        base = re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)[-1]
        whole, below = (
            int(self.docker("image", "inspect", name, "--format", "{{.Size}}")) / 1e6 for name in (IMAGE, base)
        )
        return f"{IMAGE} has {whole:.0f} MB, of which {whole - below:.0f} MB are not those of {base}"

    def up(self) -> None:
        """As the file's first lines say, and wait for the health checks."""
        try:
            self("up", "--build", "--detach", "--wait")
        except AssertionError:
            sys.stderr.write(self("ps", "-a") + self("logs", "--no-color", "--tail", "40"))
            raise

    def left(self, kind: str) -> list[str]:
        """What is there of it under our name: container, volume or network."""
        every = ["--all"] if kind == "container" else []
        ours = f"label=com.docker.compose.project={self._name}"
        return self.docker(kind, "ls", "-q", *every, "--filter", ours).split()

    def container(self, service: str) -> Json:
        """What the engine says about a service's container."""
        (found,) = json.loads(self.docker("inspect", self("ps", "-a", "-q", service).strip()))
        return dict(found)

    def well(self, service: str) -> bool:
        """Whether it runs and its health check, if it has one, is green."""
        state = self.container(service)["State"]
        return bool(state["Running"]) and state.get("Health", {}).get("Status", "healthy") == "healthy"

    def kill(self, service: str) -> None:
        """Kill -9 of its first process, by a container that sees all: the engine takes `docker kill` for a stop."""
        pid = self.container(service)["State"]["Pid"]
        code = f"import os; os.kill({pid}, 9)"
        self.docker("run", "--rm", "--pid=host", "--user=0", "--entrypoint=python", IMAGE, "-c", code)

    def url(self, service: str) -> str:
        """Where its port is on this machine."""
        return f"http://{self('port', service, str(PORTS[service])).strip()}"

    def page(self, service: str, path: str, **query: str) -> str:
        """The body of a page; empty while it does not answer."""
        try:
            where = f"{self.url(service)}{path}?{urllib.parse.urlencode(query)}"
            with urllib.request.urlopen(where, timeout=GUARD) as answer:  # noqa: S310 - our own on the loopback
                return str(answer.read().decode())
        except OSError:
            return ""

    @property
    def watermark(self) -> float:
        """The monitor's, in seconds; 0 while it does not answer or has none."""
        page = self.page("driftgauge", "/metrics")
        found = re.search(r'^driftgauge_watermark_timestamp_seconds\{model="click"\} (\S+)$', page, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def total(self, metric: str, **labels: str) -> int:
        """The sum of one of the monitor's counters over the series with these labels."""
        page = self.page("driftgauge", "/metrics")
        rows = re.findall(rf"^driftgauge_{metric}\{{(.*)\}} (\S+)$", page, re.MULTILINE)
        wanted = [f'{name}="{value}"' for name, value in labels.items()]
        return int(sum(float(value) for given, value in rows if all(label in given for label in wanted)))

    def written(self, topic: str) -> int:
        """How many records the broker ever took to a topic, asked from inside."""
        code = f"""
from confluent_kafka import Consumer, TopicPartition
asking = Consumer({{"bootstrap.servers": "kafka:9092", "group.id": "ends"}})
places = [TopicPartition("{topic}", number) for number in asking.list_topics("{topic}").topics["{topic}"].partitions]
print(sum(asking.get_watermark_offsets(place)[1] for place in places))"""
        return int(self("exec", "-T", "driftgauge", "python", "-c", code))

    def query(self, expression: str, **options: str) -> list[Json]:
        """The series that Prometheus answers."""
        said = self.page("prometheus", "/api/v1/query", query=expression, **options)
        return list(json.loads(said)["data"]["result"]) if said else []

    def logs(self, service: str) -> str:
        """What it wrote, also before it was killed."""
        return self("logs", "--no-color", "--no-log-prefix", service)


def _override(directory: Path) -> str:
    command = [re.sub(r"@5m$", f"@{SHIFTED_AFTER}s", part) for part in composed()["services"]["simulator"]["command"]]
    assert command != composed()["services"]["simulator"]["command"]
    mounts = [f"{directory / name}:/etc/alertmanager/{name}:ro" for name in ("alertmanager.yml", "secrets")]
    lines = ["services:", *(f"  {name}: {{profiles: [left-out]}}" for name in LEFT_OUT)]
    lines.append(f"  simulator: {{command: {json.dumps(command)}}}")
    for name, port in PORTS.items():
        lines += [f"  {name}:", f'    ports: !override ["127.0.0.1::{port}"]']
        lines += [f"    volumes: {json.dumps(mounts)}"] if name == "alertmanager" else []
    return "\n".join(lines)
