"""A real broker that wants to know who its clients are: by certificate on one listener, by password on another."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from brokers import Broker, unavailable
from certificates import Authority
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from kafka_node import KafkaNode, NoBrokerError, free_ports
from monitored import reference
from waiting import GUARD, until

from stream.config.load import TopicsSettings
from stream.simulate.generator import Generator
from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

USER = "driftgauge"
PASSWORD = "sasl-Pa$$w0rd/of=driftgauge"  # noqa: S105 - planted, to be looked for
KEY_PASSWORD = "the p@ssword of the key"  # noqa: S105 - the same
ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "deploy" / "examples"
ROWS = 2_000


class SecuredNode(KafkaNode):
    """Plain text for the test itself, certificates on `tls`, passwords on `sasl`; who is nobody may do nothing.

    With `ask_every`, whoever is on `sasl` has to say a password again after so many ms.
    """

    def __init__(self, directory: Path, ask_every: int = 0) -> None:
        self._authority = Authority(directory / "certificates")
        self.client = self._authority.pair("driftgauge", KEY_PASSWORD)
        self._own = self._authority.pair("broker")
        tls, sasl = free_ports(2)
        self.tls, self.sasl = f"localhost:{tls}", f"localhost:{sasl}"
        asked = {"listener.name.sasl.scram-sha-512.connections.max.reauth.ms": str(ask_every)} if ask_every else {}
        super().__init__(directory / "node", heap="512m", settings=asked)

    @property
    def authority(self) -> Path:
        """Who signed the certificates."""
        return self._authority.certificate

    def _write_properties(self, port: int, controller: int, settings: dict[str, str]) -> None:
        store = self.directory / "broker.pem"
        store.write_text(self._own.key.read_text() + self._own.certificate.read_text())
        plain = f"PLAINTEXT://127.0.0.1:{port}"
        secured = f"TLS://{self.tls},SASL://{self.sasl}"
        super()._write_properties(
            port,
            controller,
            {
                "listeners": f"{plain},CONTROLLER://127.0.0.1:{controller},{secured}",
                "advertised.listeners": f"{plain},{secured}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,SASL:SASL_SSL",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(store),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self.authority),
                "listener.name.tls.ssl.client.auth": "required",
                "listener.name.sasl.sasl.enabled.mechanisms": "SCRAM-SHA-512",
                "listener.name.sasl.scram-sha-512.sasl.jaas.config": (
                    "org.apache.kafka.common.security.scram.ScramLoginModule required;"
                ),
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
                **settings,
            },
        )

    def admit(self, topics: dict[str, str]) -> None:
        """Let the user with the password and the owner of the certificate do what deploy/examples says, no more."""
        self.set_password(PASSWORD)
        read, write = AclOperation.READ, AclOperation.WRITE
        wanted = [
            (ResourceType.TOPIC, name, read if role in {"predictions", "feedback"} else write)
            for role, name in topics.items()
        ]
        wanted.append((ResourceType.TOPIC, topics["changelog"], read))
        self.allow([*wanted, (ResourceType.GROUP, "driftgauge", read)])

    def allow(
        self, wanted: Iterable[tuple[ResourceType, str, AclOperation]], users: Iterable[str] = (USER, "CN=driftgauge")
    ) -> None:
        """Let them do this, beside what they may do."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        bindings = [
            AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{who}", "*", operation, AclPermissionType.ALLOW)
            for kind, name, operation in wanted
            for who in users
        ]
        for future in admin.create_acls(bindings).values():
            future.result(GUARD)

    def set_password(self, password: str, user: str = USER) -> None:
        """Give a user this one."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(user, scram, password.encode())
        admin.alter_user_scram_credentials([change])[user].result(GUARD)

    def environment(self, example: str) -> dict[str, str]:
        """Variables that put this broker and these files in the place of an example's."""
        client = self.client if example == "kafka-tls" else None
        paths = {"CA": self.authority} | (
            {} if client is None else {"CERTIFICATE": client.certificate, "KEY": client.key}
        )
        return {
            **os.environ,
            "DRIFTGAUGE__KAFKA__BROKERS": self.sasl if client is None else self.tls,
            **{f"DRIFTGAUGE__KAFKA__PROPERTIES__SSL_{name}_LOCATION": str(path) for name, path in paths.items()},
            "KAFKA_USERNAME": USER,
            "KAFKA_PASSWORD": PASSWORD,
            "KAFKA_KEY_PASSWORD": KEY_PASSWORD,
        }


@contextmanager
def secured_node(directory: Path, ask_every: int = 0) -> Iterator[tuple[SecuredNode, Broker]]:
    """The node, and the same as tests see brokers, by plain text; a skip with the reason where there is no Kafka."""
    try:
        with SecuredNode(directory, ask_every) as node:
            yield node, Broker("real", node.bootstrap)
    except NoBrokerError as error:
        unavailable(str(error))


def _predictions(count: int, until: int, span: int) -> list[bytes]:
    """Predictions of so many ms up to a moment."""
    generator = Generator(reference(), seed=1)
    return generator.encode(generator.batch(count, until - span, until))


class Site:
    """An example config with topics, a state directory and a reference of its own, and the records to be read."""

    def __init__(self, directory: Path, node: SecuredNode, broker: Broker, example: str) -> None:
        self.directory, self.broker, self.config = directory, broker, EXAMPLES / f"{example}.yaml"
        self.topics = {role: broker.topic(role.replace("_", "-")) for role in TopicsSettings.model_fields}
        node.admit(self.topics)
        (directory / "reference.json").write_bytes(to_json(reference()))
        self.environment = {
            **node.environment(example),
            "PYTHONPATH": str(ROOT),
            **{f"DRIFTGAUGE__TOPICS__{role.upper()}": name for role, name in self.topics.items()},
            "DRIFTGAUGE__KAFKA__START": "earliest",
            "DRIFTGAUGE__STATE__DIRECTORY": str(directory / "state"),
            "DRIFTGAUGE__STATE__EPOCH": "200ms",
            "DRIFTGAUGE__HTTP__LISTEN": "127.0.0.1:0",
            "DRIFTGAUGE__MODELS__0__REFERENCE": str(directory / "reference.json"),
        }

    def write(self, topic: str = "", span: int = 0) -> None:
        """Some seconds of predictions, and one record that cannot be read, to the topic that is read or another one.

        With a span, of so many ms, and some in each partition.
        """
        values, topic = _predictions(ROWS, int(time.time() * 1e3), span or 5_000), topic or self.topics["predictions"]
        if not span:
            self.broker.produce(topic, [*values, b"{broken"])
            return
        partitions = len(self.broker.ends(topic))
        for partition in range(partitions):
            broken = [] if partition else [b"{broken"]
            self.broker.produce(topic, [*values[partition::partitions], *broken], partition=partition)

    def move_on(self, topic: str = "") -> None:
        """A prediction of seconds to come in each partition: what was written before is counted then."""
        ahead = int(time.time() * 1e3) + 3_000
        for partition, value in enumerate(_predictions(len(self.broker.ends(self.topics["predictions"])), ahead, 1)):
            self.broker.produce(topic or self.topics["predictions"], [value], partition=partition)

    def driftgauge(self, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """A command, with variables that differ."""
        return subprocess.run(
            [sys.executable, "-m", "stream.cli.app", *arguments],
            env={**self.environment, **changed},
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
        )

    def check(self, **changed: str) -> subprocess.CompletedProcess[str]:
        """`driftgauge check --connect`."""
        return self.driftgauge("check", str(self.config), "--connect", **changed)

    def run(self, *options: str, **changed: str) -> Run:
        """`driftgauge run`."""
        return Run(self, options, changed)


class Run:
    """A running monitor; a context manager that kills it if it still runs."""

    def __init__(self, site: Site, options: tuple[str, ...], changed: dict[str, str]) -> None:
        self._log = site.directory / "log"
        self._command = [sys.executable, "-m", "stream.cli.app", "run", "--config", str(site.config), *options]
        self._environment = {**site.environment, **changed}

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stderr=log, start_new_session=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def log(self) -> str:
        """What it wrote to stderr."""
        return self._log.read_text()

    def page(self, name: str, token: str = "") -> str:
        """The body of a page, once it listens."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answers: list[str] = []

        def asked() -> bool:
            """Whether there was an answer; a machine may be so busy that the request comes too late for it."""
            found = re.findall(r"on http://([\d.]+):(\d+)", self.log)
            if not found:
                return False
            host, port = found[-1]  # the run before wrote to the same log
            with closing(http.client.HTTPConnection(host, int(port), timeout=GUARD)) as connection:
                try:
                    connection.request("GET", f"/{name}", headers=headers)
                    answers.append(connection.getresponse().read().decode())
                except (ConnectionError, http.client.HTTPException):
                    return False
            return True

        until(asked)
        return answers[-1]

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        return self._process.pid

    def workers(self) -> list[int]:
        """Process ids of those that were started, in order."""
        return [int(pid) for pid in re.findall(r"started \d+ dataflow processes: \[(\d+)", self.log)]

    def read(self, token: str = "") -> int:
        """How many records were read."""
        return self.total("records_read_total", token)

    def total(self, metric: str, token: str = "") -> int:
        """The sum of a metric's rows."""
        counts = re.findall(rf"^driftgauge_{metric}\{{.*\}} (\S+)$", self.page("metrics", token), re.MULTILINE)
        return int(sum(map(float, counts)))

    def terminate(self) -> int:
        """SIGTERM; its exit code."""
        self._process.terminate()
        return self._process.wait(GUARD)
