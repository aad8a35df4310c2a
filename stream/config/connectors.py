"""Settings of connectors: who carries actions out, one target each, and how each is spoken to."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from operators.settings.actions import ActionsSettings
from operators.settings.durations import Millis, from_to, show_duration
from operators.settings.model import ModelSettings
from operators.settings.parts import Name, Settings, distinct
from stream.config.edges.access import AuthSettings, ClientTlsSettings
from stream.config.problems import ConfigFinding, KeyPath

KINDS = ("airflow", "webhook", "slack", "mlflow", "kubernetes", "email", "datadog")
FIELDS = ("model", "version", "action", "id", "target_version")
"""What templates such as "retrain_{model}" may name."""

State = Literal["requested", "awaiting_approval", "running", "completed", "failed", "cancelled", "expired", "blocked"]
States = Annotated[tuple[State, ...], Field(min_length=1, max_length=8), AfterValidator(distinct)]


def _url(given: str) -> str:
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:
        port, parts = 0, urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not given.isascii():
        raise PydanticCustomError("url", "an http or https address")
    if "@" in parts.netloc or any(character.isspace() for character in given):
        raise PydanticCustomError("url", "an address without a user name or spaces")
    return given.rstrip("/")


def _template(text: str) -> str:
    try:
        text.format(**dict.fromkeys(FIELDS, "x"))
    except (KeyError, IndexError, ValueError):
        said = "text in which {names} in braces may stand"
        raise PydanticCustomError("template", said, {"names": ", ".join(FIELDS)}) from None
    return text


Url = Annotated[str, StringConstraints(max_length=500), AfterValidator(_url)]
Template = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_template)]
Address = Annotated[str, StringConstraints(pattern=r"^[^@\s,;<>]{1,64}@[A-Za-z0-9.-]{1,253}$")]
Timeout = Annotated[Millis, from_to(100, 60_000)]
Poll = Annotated[Millis, from_to(100, 3_600_000)]


TOLD: tuple[State, ...] = ("requested", "awaiting_approval", "completed", "failed", "cancelled", "expired")
"""Steps that people are told of."""


class HttpTarget(Settings):
    """What targets over HTTP have in common.

    Attributes:
        url: base address.
        timeout: how long an answer may take.
        auth: how we say who we are.
        tls: for https addresses.
    """

    url: Url
    timeout: Timeout = 10_000
    auth: AuthSettings | None = None
    tls: ClientTlsSettings | None = None


class AirflowSettings(HttpTarget):
    """Apache Airflow: a DAG run for each action, whose end is the action's.

    Attributes:
        api: v2 for Airflow 3, v1 for Airflow 2.
        dag: its id.
        poll: how often a run is looked at.
    """

    api: Literal["v1", "v2"] = "v2"
    dag: Template = "retrain_{model}"
    poll: Poll = 30_000


class WebhookSettings(HttpTarget):
    """A signed webhook, after Standard Webhooks: the step of the action as JSON.

    Attributes:
        secret: what it is signed with, as whsec_ and base64; None for no signature.
        secret_file: file with it, relative to the config file.
        states: steps that are sent.
    """

    secret: Annotated[str | None, Field(repr=False)] = None
    secret_file: Path | None = None
    states: States = ("requested",)

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.secret is not None and self.secret_file is not None:
            raise PydanticCustomError("secret", "secret or secret_file, not both")
        return self


class SlackSettings(Settings):
    """An incoming webhook of Slack, whose address is a secret.

    Attributes:
        url: its address.
        url_file: file with it, relative to the config file.
        states: steps that are told.
        timeout: how long an answer may take.
    """

    url: Annotated[Url | None, Field(repr=False)] = None
    url_file: Path | None = None
    states: States = TOLD
    timeout: Timeout = 10_000

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise PydanticCustomError("slack", "one of url and url_file")
        return self


class MlflowSettings(HttpTarget):
    """MLflow's model registry: a rollback or promotion moves an alias to the target version.

    Attributes:
        name: of the registered model.
        alias: that serving follows.
        poll: how often it is looked whether somebody else has moved it; null for never.
    """

    name: Template = "{model}"
    alias: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,255}$")] = "champion"
    poll: Poll | None = 30_000


class KubernetesSettings(HttpTarget):
    """A Job, or an Argo Workflow, for each action.

    Attributes:
        url: of the API server.
        namespace: of the objects.
        manifest: file with a Job (batch/v1) or a Workflow (argoproj.io/v1alpha1) as YAML, relative to the config file.
        poll: how often an object is looked at.
    """

    url: Url = "https://kubernetes.default.svc"
    namespace: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
    manifest: Path
    poll: Poll = 30_000


class EmailSettings(Settings):
    """A mail server, and who is told.

    Attributes:
        host: of the server.
        port: likewise.
        sender: `from`, the address that messages are from.
        to: addresses.
        starttls: whether the connection is encrypted.
        username: who we are; None where nobody asks.
        password: likewise.
        password_file: file with it, relative to the config file.
        states: steps that are told.
        timeout: how long the server may take.
    """

    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    sender: Annotated[Address, Field(alias="from")]
    to: Annotated[tuple[Address, ...], Field(min_length=1, max_length=50), AfterValidator(distinct)]
    starttls: bool = True
    username: Annotated[str, StringConstraints(min_length=1)] | None = None
    password: Annotated[str | None, Field(repr=False)] = None
    password_file: Path | None = None
    states: States = TOLD
    timeout: Timeout = 10_000

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        given = [one for one in (self.password, self.password_file) if one is not None]
        if len(given) != (self.username is not None):
            raise PydanticCustomError("login", "username with password or password_file, or neither")
        return self


class DatadogSettings(Settings):
    """Events of Datadog.

    Attributes:
        url: of its API, by site.
        api_key: of the account.
        api_key_file: file with it, relative to the config file.
        tags: of every event.
        states: steps that are told.
        timeout: how long an answer may take.
    """

    url: Url = "https://api.datadoghq.com"
    api_key: Annotated[str | None, Field(repr=False)] = None
    api_key_file: Path | None = None
    tags: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    states: States = TOLD
    timeout: Timeout = 10_000

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.api_key is None) == (self.api_key_file is None):
            raise PydanticCustomError("datadog", "one of api_key and api_key_file")
        return self


class ConnectorSettings(Settings):
    """One connector: exactly one kind of target."""

    airflow: AirflowSettings | None = None
    webhook: WebhookSettings | None = None
    slack: SlackSettings | None = None
    mlflow: MlflowSettings | None = None
    kubernetes: KubernetesSettings | None = None
    email: EmailSettings | None = None
    datadog: DatadogSettings | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise PydanticCustomError("connector", "exactly one of {kinds}", {"kinds": ", ".join(KINDS)})
        return self

    @property
    def kind(self) -> str:
        """Its kind."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def target(self) -> Any:
        """The settings of its kind."""
        return getattr(self, self.kind)


class ActingSettings(ActionsSettings):
    """What holds for the actions of all models, and who carries them out.

    Attributes:
        connectors: by the names that `via` gives.
    """

    connectors: Annotated[dict[Name, ConnectorSettings], Field(max_length=100)] = Field(default_factory=dict)


Given = TypeVar("Given")


def based(given: Given, base: Path) -> Given:
    """Settings, or a mapping of some, with relative paths starting at a directory."""
    if isinstance(given, Path):
        return base / given
    if isinstance(given, dict):
        return {name: based(value, base) for name, value in given.items()}  # type: ignore[return-value]
    if isinstance(given, Settings):
        return given.model_copy(update={name: based(value, base) for name, value in given.__dict__.items()})
    return given


def unknown_connectors(actions: ActingSettings, models: Iterable[ModelSettings]) -> Iterator[ConfigFinding]:
    """Names in `via` that no connector has."""
    known = ", ".join(actions.connectors) or "none"
    for index, model in enumerate(models):
        places: list[tuple[KeyPath, tuple[str, ...]]] = []
        if model.retrain is not None:
            places.append((("models", index, "retrain", "via"), model.retrain.via))
        if model.canary is not None:
            places.append((("models", index, "canary", "via"), model.canary.via))
        places += [(("models", index, "on", number, "via"), rule.via) for number, rule in enumerate(model.on)]
        for path, names in places:
            for position, name in enumerate(names):
                if name not in actions.connectors:
                    yield (*path, position), None, f"a name of actions.connectors is needed; it has {known}"


def settling_findings(actions: ActionsSettings, models: Sequence[ModelSettings]) -> Iterator[ConfigFinding]:
    """Retrainings that would be overdue before anybody is told of them."""
    asking = [index for index, model in enumerate(models) if model.asks]
    settle = 0 if actions.storm is None or actions.mode == "off" else actions.storm.settles(len(asking))
    for index in asking:
        retrain = models[index].retrain
        if retrain is not None and retrain.complete_within <= settle:
            allowed = f"more than actions.storm.settle ({show_duration(settle)}) is needed"
            yield ("models", index, "retrain", "complete_within"), None, allowed
