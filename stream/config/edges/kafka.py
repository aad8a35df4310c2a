"""Settings of Kafka: brokers, properties, topics."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from operators.settings.parts import Settings, unfit
from stream.config.edges.addresses import split_address
from stream.redact import MASK, is_secret

Topic = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]


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
    control: Topic = "driftgauge.control"
    dead_letters: Topic = "driftgauge.dead-letters"
    evaluations: Topic | None = None
    changelog: Topic | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        seen: dict[str, str] = {}
        for key, name in self:
            if name in seen:
                raise unfit(key, "a topic of its own is needed: topics.{other} has this one", other=seen[name])
            if name is not None:
                seen[name] = key
        return self
