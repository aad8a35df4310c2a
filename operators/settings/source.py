"""Sources: which topics are read, what they hold, and where in their messages each field is found."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path as FilePath_
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from operators.settings.pairing import HALF_BODIES, HALVES, Pairing, PairSettings
from operators.settings.parts import Name, Settings, distinct, unfit
from operators.settings.places import (
    FeaturesPlace,
    LabelPlace,
    ModelPlace,
    NumberPlace,
    Path,
    Pattern,
    Place,
    PredictionPlace,
    Scalar,
    TimePlace,
)

TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]

UTC = "UTC"

Holds = Literal["predictions", "feedback", "both", "requests", "responses"]

Format = Literal["json", "msgpack", "avro", "protobuf", "columns", "arrow"]

Preset = Literal[
    "cloudevents",
    "inference_v2",
    "inference_v1",
    "sagemaker",
    "databricks",
    "mlrun",
    "vertex",
    "bentoml",
    "mlflow",
    "kserve",
    "seldon",
]


class FieldMap(Settings):
    """Where each field of the contract is found. What is not named is looked for under its own name; null: nowhere."""

    prediction_id: Place | None = Place(path=("prediction_id",))
    timestamp: TimePlace | None = TimePlace(path=("timestamp",))
    model: ModelPlace = ModelPlace(path=("model",))
    version: Place | None = Place(path=("version",))
    prediction: PredictionPlace | None = PredictionPlace(path=("prediction",))
    latency_ms: NumberPlace | None = NumberPlace(path=("latency_ms",))
    error: Place | None = Place(path=("error",))
    features: FeaturesPlace = FeaturesPlace(path=("features",))
    context: dict[Name, Place] = Field(default_factory=dict)
    label: LabelPlace | None = LabelPlace(path=("label",))
    value: NumberPlace | None = NumberPlace(path=("value",))
    kind: Place | None = Place(path=("kind",))
    predicted_at: TimePlace | None = TimePlace(path=("predicted_at",))
    usage: Place | None = Place(path=("usage",))

    @model_validator(mode="after")
    def _a_model_name(self) -> Self:
        if self.model.constant is not None and not isinstance(self.model.constant, str):
            raise unfit("model", "a model's name is needed")
        return self

    def place(self, field: str) -> Place | None:
        """The place of a field of the contract."""
        found: Place | None = getattr(self, field)
        return found

    def context_place(self, key: str) -> Place:
        """The place of a context key; the map names it, or it is in `context`."""
        return self.context.get(key, Place(path=("context", key)))


class Filter(Settings):
    """Which records are read: those where the value at `path`, or of `header`, is one of `in`; others are skipped."""

    path: Path | None = None
    header: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    values: Annotated[tuple[Scalar, ...], Field(alias="in", min_length=1, max_length=1_000)]

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.header is None):
            raise PydanticCustomError("place", "one of path and header is needed")
        return self

    @property
    def place(self) -> Place:
        """Where the value is."""
        return Place(path=self.path) if self.header is None else Place(header=self.header)


class SourceSettings(Settings):
    """One source.

    Attributes:
        topic: what is read.
        topics: several of one shape, in its place.
        pattern: a regular expression, in its place: every topic is read whose whole name it matches, one that comes to
            be later from its oldest record on.
        holds: what its records are; both: some are predictions, some are feedback, and some may be both.
        format: of its messages.
        schema_file: without a registry: the Avro schema of all its messages, or a Protobuf descriptor set.
        message: full name of the Protobuf message type that is read.
        preset: the system that writes them: they become rows in the contract's own shape, which the map then reads.
        where: which of its records count.
        split: path of an array in a message: each of its elements is a record. Paths of fields that begin with this
            path lead into the element, all others are about the whole message.
        map: where each field is found.
        pair: how its requests and responses are paired; false: each counts alone.
    """

    topic: TopicName | None = None
    topics: Annotated[tuple[TopicName, ...], Field(min_length=1, max_length=1_000), AfterValidator(distinct)] | None = (
        None
    )
    pattern: Pattern | None = None
    holds: Holds = "predictions"
    format: Format = "json"
    schema_file: FilePath_ | None = None
    message: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    preset: Preset | None = None
    where: Filter | None = None
    split: Path | None = None
    map: FieldMap = FieldMap()
    pair: Pairing | None = None

    @model_validator(mode="after")
    def _one_of_topics(self) -> Self:
        if sum(given is not None for given in (self.topic, self.topics, self.pattern)) != 1:
            raise unfit("topic", "exactly one of topic, topics and pattern is needed")
        return self

    @model_validator(mode="after")
    def _of_schemas(self) -> Self:
        if self.schema_file is not None and not self.schematic:
            raise unfit("schema_file", "the format avro or protobuf is needed beside it")
        if self.message is not None and self.format != "protobuf":
            raise unfit("message", "the format protobuf is needed beside it")
        return self

    @field_validator("map", mode="after")
    @classmethod
    def _rows(cls, given: FieldMap, info: ValidationInfo) -> FieldMap:
        """Rows of a preset have their features in one place."""
        features = given.features
        if info.data.get("preset") is None or "path" in features.model_fields_set or features.path is not None:
            return given
        return given.model_copy(update={"features": features.model_copy(update={"path": ("features",)})})

    @model_validator(mode="after")
    def _in_halves(self) -> Self:
        if self.holds in {"requests", "responses"} and self.preset not in HALF_BODIES:
            raise unfit("preset", f"one of {', '.join(sorted(HALF_BODIES))} is needed beside holds: {self.holds}")
        if not self.in_halves:
            if self.pair is not None:
                raise unfit("pair", "only requests and responses are paired: preset kserve or seldon, or their holds")
            return self
        if self.preset in HALVES and self.holds in {"feedback", "both"}:
            raise unfit("holds", f"predictions, requests or responses, with preset {self.preset}")
        if self.format != "json":
            raise unfit("format", "json, which stands for what the preset finds by itself, too")
        if "timestamp" in self.map.model_fields_set:
            raise unfit("map", "timestamp: the time of a request is that of its log")
        ident = self.map.prediction_id
        if "prediction_id" in self.map.model_fields_set and (ident is None or not ident.outside):
            raise unfit("map", "prediction_id: a header, the key or the topic is needed: it pairs the two messages")
        return self

    @property
    def in_halves(self) -> bool:
        """Whether requests and responses are messages of their own."""
        return self.preset in HALVES or self.holds in {"requests", "responses"}

    @property
    def pairing(self) -> PairSettings:
        """How its requests and responses are paired."""
        return self.pair or PairSettings()

    @property
    def schematic(self) -> bool:
        """Whether its messages can be read by a schema alone."""
        return self.format in {"avro", "protobuf"}

    @property
    def registered(self) -> bool:
        """Whether a registry has the schemas of its messages."""
        return self.schematic and self.schema_file is None

    def in_zone(self, timezone: str) -> Self:
        """The same, where times without an offset are of this zone unless its map says otherwise."""
        if timezone == UTC or self.in_halves:  # the time of a log's entry has an offset
            return self
        places = {name: getattr(self.map, name) for name in ("timestamp", "predicted_at")}
        local = {
            name: place.model_copy(update={"timezone": timezone})
            for name, place in places.items()
            if place is not None and not place.numeric and place.timezone is None
        }
        return self.model_copy(update={"map": self.map.model_copy(update=local)})

    @property
    def in_own_shape(self) -> bool:
        """Whether its messages look as if no source were named, but for what its times are."""
        given, own = self.map, FieldMap()
        others = (name for name in given.model_fields_set - {"timestamp", "predicted_at"})
        times = (given.timestamp, given.predicted_at)
        return (
            self.format == "json"
            and self.preset is None
            and self.where is None
            and self.split is None
            and self.holds in {"predictions", "feedback"}
            and all(getattr(given, name) == getattr(own, name) for name in others)
            and [place and place.path for place in times] == [("timestamp",), ("predicted_at",)]
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The topics that it names: none where it has a pattern."""
        return (self.topics or ()) if self.topic is None else (self.topic,)

    def reads(self, topic: str) -> bool:
        """Whether it names this topic, or has a pattern that matches it."""
        return topic in self.names or (self.pattern is not None and re.fullmatch(self.pattern, topic) is not None)

    def of(self, topic: str) -> Self:
        """The same of this topic alone."""
        return self.model_copy(update={"topic": topic, "topics": None, "pattern": None})

    @property
    def kinds(self) -> Iterator[str]:
        """What it holds, one by one."""
        if self.holds == "both":
            return iter(("predictions", "feedback"))
        return iter(("predictions" if self.in_halves else self.holds,))


@dataclass(frozen=True, slots=True)
class Sources:
    """Sources with a shape of their own, by number: those of predictions, and those of feedback; and their schemas."""

    predictions: Mapping[int, SourceSettings] = dataclass_field(default_factory=dict)
    feedback: Mapping[int, SourceSettings] = dataclass_field(default_factory=dict)
    schemas: Any = None
