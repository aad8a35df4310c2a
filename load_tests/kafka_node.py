"""One real Kafka broker: Apache Kafka's own jars on Java 17, a single KRaft node on free ports of the loopback.

The tests and the load tests share this file. The jars come from Maven Central once, into the user's cache directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

if TYPE_CHECKING:
    from types import TracebackType

KAFKA_VERSION = "4.3.1"
LOWEST_PORT, FIRST_OF_CLIENTS = 10_000, 32_768
"""Linux gives clients ports from the latter on."""
_PORTS = random.SystemRandom()
START_SECONDS = 300.0
STOP_SECONDS = 300.0

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>driftgauge</groupId><artifactId>kafka-node</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


class NoBrokerError(RuntimeError):
    """A real broker cannot be had here; the message says why in one line."""


def jars() -> Path:
    """Return the directory of Kafka's jars, downloaded on first use.

    Raises:
        NoBrokerError: Java or Maven is missing, or the download failed.
    """
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise NoBrokerError(f"no `{program}` on PATH: a real broker needs Java 17 and Maven")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftgauge"
    target = cache / f"kafka-{KAFKA_VERSION}"
    if not target.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / ".lock").open("w") as lock:  # Maven's own repository is not made for two at once
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.is_dir():
                _download(cache, target)
    return target


def _download(cache: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        pom = Path(scratch, "pom.xml")
        pom.write_text(POM)
        lib = Path(scratch, "lib")
        command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={lib}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not any(lib.glob("kafka_2.13-*.jar")):
            lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
            raise NoBrokerError(f"Maven could not download Kafka {KAFKA_VERSION}: {lines[0]}")
        try:
            lib.rename(target)  # whole or not at all
        except OSError:
            if not target.is_dir():  # otherwise another run was first
                raise


def free_ports(count: int) -> list[int]:
    """Return distinct TCP ports nobody listens on at the moment.

    None of those that the kernel gives to clients: one of theirs may be taken before who asked has begun to listen.
    """
    with ExitStack() as stack:
        return [_held(stack) for _ in range(count)]


def _held(stack: ExitStack) -> int:
    while True:
        held = stack.enter_context(socket.socket())
        port = _PORTS.randrange(LOWEST_PORT, FIRST_OF_CLIENTS)
        with contextlib.suppress(OSError):
            held.bind(("127.0.0.1", port))
            return port


class KafkaNode:
    """One broker with its own data directory; a context manager that starts it and leaves nothing behind.

    `stop` and `start` keep data and address, so an outage is `node.stop()` ... `node.start()`.

    Args:
        directory: where data and log go; a temporary one, removed on exit, when absent.
        heap: Java heap, as `-Xmx` takes it.
        settings: broker properties added to or replacing the built-in ones.
    """

    def __init__(
        self, directory: Path | None = None, *, heap: str = "1g", settings: dict[str, str] | None = None
    ) -> None:
        self._lib = jars()
        self._temporary = directory is None
        self.directory = Path(tempfile.mkdtemp(prefix="driftgauge-kafka-")) if directory is None else directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self._heap = heap
        self._process: subprocess.Popen[bytes] | None = None
        port, controller = free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        self._properties = self.directory / "server.properties"
        self._write_properties(port, controller, settings or {})

    def _write_properties(self, port: int, controller: int, settings: dict[str, str]) -> None:
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.directory / "data"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            "log.retention.hours": "-1",  # event times in tests may lie years back
            **settings,
        }
        self._properties.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))

    def _java(self, *arguments: str) -> list[str]:
        return ["java", f"-Xmx{self._heap}", "-Xms256m", "-XX:+UseG1GC", "-cp", f"{self._lib}/*", *arguments]

    @property
    def pid(self) -> int:
        """Process id of the running broker."""
        if self._process is None:
            raise NoBrokerError("the broker is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the broker's process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the broker on the data directory and return once it answers.

        Raises:
            NoBrokerError: it ended or did not answer in time; the message ends with its last words.
        """
        if not (self.directory / "data" / "meta.properties").exists():
            self._format()
        with (self.directory / "broker.log").open("ab") as log:
            command = self._java("kafka.Kafka", str(self._properties))
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self._await_answer(time.monotonic() + START_SECONDS)

    def _format(self) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(self._properties)]
        done = subprocess.run(self._java(*arguments), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoBrokerError(f"the data directory could not be formatted: {(done.stderr or done.stdout).strip()}")

    def _await_answer(self, deadline: float) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200})
        while time.monotonic() < deadline:
            if not self.running:
                break
            try:
                if admin.list_topics(timeout=1).brokers:
                    return
            except KafkaException:
                continue  # not listening yet: list_topics itself waited
        words = (self.directory / "broker.log").read_text(errors="replace").strip().splitlines() or ["(silent)"]
        self.kill()
        raise NoBrokerError(f"the broker did not come up: {words[-1]}")

    def stop(self) -> None:
        """End the broker in order, keeping its data; returns when the process is gone."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a power failure would, keeping its data."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze the broker: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
            process.send_signal(signal.SIGCONT)  # a paused process would never see SIGTERM
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the broker; a temporary data directory goes with it."""
        if not self._temporary:
            self.stop()
        else:
            self.kill()
            shutil.rmtree(self.directory, ignore_errors=True)
