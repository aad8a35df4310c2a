"""Settings of the edges: Kafka, topics, state directory, HTTP."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from operators.durations import Millis, from_to
from operators.settings import Settings, Whole
from stream.redact import MASK, is_secret

Topic = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})", re.ASCII)


def split_address(address: str) -> tuple[str, int]:
    """Host and port of "host:port", "127.0.0.1:9108" or "[::1]:9108"; an empty host means all interfaces.

    Raises:
        ValueError: it is not such an address.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65_535:
        raise ValueError(address)
    if host.startswith("[") and host.endswith("]"):
        return str(ipaddress.IPv6Address(host[1:-1])), int(port)
    if host and not _HOST.fullmatch(host):
        raise ValueError(address)
    return host, int(port)


def _listen(address: str) -> str:
    try:
        split_address(address)
    except ValueError:
        raise PydanticCustomError("address", 'host:port, such as "127.0.0.1:9108"') from None
    return address


def _brokers(brokers: str) -> str:
    for broker in brokers.split(","):
        try:
            host, port = split_address(broker.strip())
        except ValueError:
            host, port = "", 0
        if not host or not port:
            raise PydanticCustomError("address", 'host:port, several separated by commas, such as "localhost:9092"')
    return ",".join(broker.strip() for broker in brokers.split(","))


class KafkaSettings(Settings):
    """Where the brokers are, where reading starts without a state, and any property of librdkafka.

    Secrets are masked wherever this is shown.
    """

    brokers: Annotated[str, AfterValidator(_brokers)] = "localhost:9092"
    start: Literal["latest", "earliest"] = "latest"
    properties: dict[str, bool | int | float | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_place_for_brokers(self) -> Self:
        if self.properties.keys() & {"bootstrap.servers", "metadata.broker.list"}:
            raise PydanticCustomError("brokers", "kafka.brokers instead of bootstrap.servers")
        return self

    def redacted(self) -> dict[str, Any]:
        """The settings with secrets masked, for showing."""
        properties = {name: MASK if is_secret(name) else value for name, value in self.properties.items()}
        return {"brokers": self.brokers, "properties": properties}

    def __repr_args__(self) -> Any:
        """What repr and str show: masked."""
        return list(self.redacted().items())


class TopicsSettings(Settings):
    """Names of the topics; null switches an optional one off."""

    predictions: Topic = "predictions"
    feedback: Topic = "feedback"
    alerts: Topic = "driftgauge.alerts"
    actions: Topic = "driftgauge.actions"
    dead_letters: Topic = "driftgauge.dead-letters"
    evaluations: Topic | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [name for name in self.__dict__.values() if name is not None]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise PydanticCustomError("topics", "distinct topics ({name} is used twice)", {"name": min(twice)})
        return self


class StateSettings(Settings):
    """Where recovery state is kept, and how often it is made durable.

    Attributes:
        directory: relative to the config file.
        epoch: how often state is snapshotted.
        recovery_partitions: files the state is spread over; fixed when the directory is created.
    """

    directory: Path = Path("./state")
    epoch: Annotated[Millis, from_to(100, 60_000)] = 1_000
    recovery_partitions: Annotated[Whole, Field(ge=1, le=64)] = 4


class HttpSettings(Settings):
    """Where /metrics, /healthz and /readyz listen."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9108"
