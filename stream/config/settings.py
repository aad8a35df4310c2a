"""Settings of the edges: Kafka, topics, state directory, HTTP."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from operators.settings.durations import Millis, from_to, show_duration
from operators.settings.parts import Settings, Whole, unfit
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
        for name in self.properties.keys() & {"bootstrap.servers", "metadata.broker.list"}:
            said = "kafka.brokers is needed instead of {name}"
            raise PydanticCustomError("unfit", said, {"name": name, "at": ("properties", name)})
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
        seen: dict[str, str] = {}
        for key, name in self:
            if name in seen:
                raise unfit(key, "a topic of its own is needed: topics.{other} has this one", other=seen[name])
            if name is not None:
                seen[name] = key
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


class WorkersSettings(Settings):
    """The dataflow processes.

    Attributes:
        replace_after: how long one may give no sign of life until all start anew from the state.
    """

    replace_after: Annotated[Millis, from_to(10_000, 3_600_000)] = 120_000


class TlsSettings(Settings):
    """Encryption of the HTTP pages.

    Attributes:
        certificate: PEM file with the certificate and those that lead to its authority; relative to the config file.
        key: PEM file of its private key, likewise.
        key_password: what opens the key, if it is encrypted.
    """

    certificate: Path
    key: Path
    key_password: Annotated[str | None, Field(repr=False)] = None


Secret = Annotated[str, StringConstraints(min_length=1, pattern=r"^[\x21-\x7e]+$")]
"""What an Authorization header can carry."""


class AuthSettings(Settings):
    """Who may see what is measured: whoever has the token, or the user name and the password.

    Attributes:
        token: for `Authorization: Bearer`.
        token_file: file with it, relative to the config file; the end of its last line does not count.
        username: for `Authorization: Basic`; without a colon, which would end it.
        password: the same.
        password_file: file with it, as above.
    """

    token: Annotated[Secret | None, Field(repr=False)] = None
    token_file: Path | None = None
    username: Annotated[str, StringConstraints(pattern=r"^[^:\x00-\x1f\x7f]+$")] | None = None
    password: Annotated[str | None, Field(min_length=1, repr=False)] = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = {name for name, value in self.__dict__.items() if value is not None}
        basic = given - {"username"}
        if given in ({"token"}, {"token_file"}) or ("username" in given and basic in ({"password"}, {"password_file"})):
            return self
        raise PydanticCustomError(
            "auth", "one of token, token_file, username with password, or username with password_file"
        )


class HttpSettings(Settings):
    """Where /metrics, /healthz and /readyz listen, and who may see what."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9108"
    tls: TlsSettings | None = None
    auth: AuthSettings | None = None


class ClientTlsSettings(Settings):
    """Encryption towards a server; its certificate is always checked.

    Attributes:
        ca: PEM file of authorities beside those of this machine; relative to the config file.
        certificate: PEM file of our own certificate, for a server that asks for one.
        key: PEM file of its private key.
        key_password: what opens the key, if it is encrypted.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: Annotated[str | None, Field(repr=False)] = None

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise PydanticCustomError("pair", "certificate and key, both or neither")
        return self


def _url(given: str) -> str:
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:
        port, parts = 0, urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not given.isascii():
        raise PydanticCustomError("url", "an http or https address, such as http://localhost:9093")
    if "@" in given:
        raise PydanticCustomError("url", "an address without a user name, which alertmanager.auth is for")
    if parts.query or parts.fragment or any(character.isspace() for character in given):
        raise PydanticCustomError("url", "an address that ends with its path")
    return given.rstrip("/")


class AlertmanagerSettings(Settings):
    """Direct push of alerts to Alertmanager, beside or instead of Prometheus; off without urls.

    Attributes:
        urls: base address of every replica: each is told everything, and they agree among themselves who pages.
        resend_every: how often a firing alert is sent again.
        expires_after: how long an alert outlives a driftgauge that is gone for good.
        timeout: how long an answer may take.
        auth: how we say who we are.
        tls: for https addresses.
    """

    urls: Annotated[tuple[Annotated[str, AfterValidator(_url)], ...], Field(max_length=16)] = ()
    resend_every: Annotated[Millis, from_to(1_000, 600_000)] = 60_000
    expires_after: Annotated[Millis, from_to(10_000, 86_400_000)] = 3_600_000
    timeout: Annotated[Millis, from_to(100, 60_000)] = 5_000
    auth: AuthSettings | None = None
    tls: ClientTlsSettings | None = None

    @model_validator(mode="after")
    def _patient(self) -> Self:
        if len(set(self.urls)) < len(self.urls):
            raise unfit("urls", "each address only once")
        if self.expires_after < 3 * self.resend_every:
            often = show_duration(self.resend_every)
            raise unfit("expires_after", "at least three times resend_every ({often}) is needed", often=often)
        return self


Edge = TypeVar("Edge", HttpSettings, AlertmanagerSettings)


def anchored(http: Edge, base: Path) -> Edge:
    """The settings with relative paths starting at a directory."""
    parts: dict[str, Settings | None] = {"tls": http.tls, "auth": http.auth}
    return http.model_copy(
        update={
            name: part.model_copy(
                update={key: base / path for key, path in part.__dict__.items() if isinstance(path, Path)}
            )
            for name, part in parts.items()
            if part is not None
        }
    )
