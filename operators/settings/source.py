"""Sources: which topics are read, what they hold, and where in their messages each field is found."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path as FilePath_
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from operators.settings.pairing import HALF_BODIES, HALVES, Pairing, PairSettings
from operators.settings.parts import Name, Number, Settings, distinct, unfit

Steps = tuple[str | int, ...]
"""A path into a record: keys of objects, and positions in arrays."""

Scalar = str | int | float | bool

TopicName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,249}$")]

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

MAX_STEPS = 32

UNIT_MS = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
"""Milliseconds of one unit of an epoch time."""

PLACES = ("path", "constant", "header", "key", "topic")
"""Where a field may come from."""

HEADER = "header:"
"""What the short form of a header's place begins with."""


def steps_of(given: Any) -> Steps:
    """The steps of a dotted path, or of a list of them: a dotted number is a position in an array.

    Raises:
        PydanticCustomError: it is no path.
    """
    parts = given.split(".") if isinstance(given, str) else given
    if not isinstance(parts, list | tuple) or not 0 < len(parts) <= MAX_STEPS:
        raise PydanticCustomError("path", "a path such as outputs.score or items.0.price, or a list of its steps")
    steps = tuple(int(part) if isinstance(given, str) and part.isdecimal() else part for part in parts)
    for step in steps:
        good = 0 <= step < 1_000 if type(step) is int else isinstance(step, str) and step and not set(step) & set('"\\')
        if not good:
            raise PydanticCustomError("path", "a path of keys and of positions below 1000, such as outputs.scores.1")
    return steps


def shown(steps: Steps) -> str:
    """A path as people write it."""
    return ".".join(map(str, steps))


Path = Annotated[Steps, BeforeValidator(steps_of)]

ROOT = "$"
"""What stands for the record itself where features may be its own keys; "" and "." are the same."""


def _or_root(given: Any) -> Any:
    return None if given is None or given in ("", ".", ROOT) else steps_of(given)


RootedPath = Annotated[Steps | None, BeforeValidator(_or_root)]


def _values(given: Any) -> Any:
    """Spellings are told apart by their names: YAML reads a bare true as a boolean, JSON messages may hold either."""
    if not isinstance(given, dict):
        return given
    return {str(key).lower() if isinstance(key, bool) else str(key): value for key, value in given.items()}


def _pattern(given: str) -> str:
    try:
        re.compile(given)
    except (re.error, RecursionError, OverflowError) as error:
        raise PydanticCustomError("pattern", "a regular expression is needed ({said})", {"said": str(error)}) from None
    return given


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=1_000), AfterValidator(_pattern)]


class Place(Settings):
    """Where one field is found: a path alone may stand for it, or `header:NAME`.

    Attributes:
        path: in the record.
        constant: the value itself.
        header: name of a header of the message; of several of that name the last counts.
        key: whether it is the message's key.
        topic: a regular expression: what its group of the field's name finds in the topic's name, or its group `group`.
        group: number of that group.
    """

    path: Path | None = None
    constant: Scalar | None = None
    header: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    key: Literal[True] | None = None
    topic: Pattern | None = None
    group: Annotated[int, Field(ge=1, le=99)] = 1

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, given: Any) -> Any:
        if isinstance(given, str) and given.startswith(HEADER):
            return {"header": given[len(HEADER) :]}
        return {"path": steps_of(given)} if isinstance(given, str | list | tuple) else given

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(getattr(self, place) is not None for place in PLACES) != 1:
            raise PydanticCustomError("place", "exactly one of path, constant, header, key and topic is needed")
        if self.topic is not None and self.group > max(re.compile(self.topic).groups, 1):
            raise unfit("group", "a group of the expression is needed")
        return self

    @property
    def outside(self) -> bool:
        """Whether it is beside the message's value."""
        return self.path is None and self.constant is None


class ModelPlace(Place):
    """The name of a model.

    Attributes:
        default: the model of records that name none.
    """

    default: Name | None = None


class TimePlace(Place):
    """A time; without a unit, RFC 3339 or a number whose size tells its unit."""

    unit: Literal["s", "ms", "us", "ns", "rfc3339"] | None = None


class NumberPlace(Place):
    """A number, and what it is multiplied by."""

    scale: Annotated[Number, Field(gt=0)] = 1.0

    @model_validator(mode="after")
    def _a_number(self) -> Self:
        number = isinstance(self.constant, int | float) and not isinstance(self.constant, bool)
        if self.constant is not None and not (number and math.isfinite(self.constant)):  # type: ignore[arg-type]
            raise unfit("constant", "a number is needed")
        return self


class PredictionPlace(Place):
    """A prediction.

    Attributes:
        classes: what the scores of a list are about, in its order: the class with the highest score is the prediction.
    """

    classes: Annotated[tuple[Name, ...], Field(min_length=2, max_length=1_000), AfterValidator(distinct)] | None = None

    @model_validator(mode="after")
    def _of_a_list(self) -> Self:
        if self.classes is not None and self.path is None:
            raise unfit("classes", "a path is needed beside it")
        return self


class LabelPlace(Place):
    """A label.

    Attributes:
        values: what each spelling means; a label that is none of them is as it is.
    """

    values: Annotated[dict[str, Scalar], BeforeValidator(_values), Field(min_length=1, max_length=10_000)] | None = None


class FeaturesPlace(Settings):
    """Where features are found: the path of an object may stand for it.

    Attributes:
        path: an object of features, or an array of them; None for the record itself.
        flatten: whether a feature `device.os` is the key `os` of the object `device`.
        names: names of the features of an array, in its order; null for a position that is none.
        rename: key in the message -> name of the feature.
        drop: keys that are no features.
        fields: name of a feature -> its own path from the record's root, for those that are elsewhere.
    """

    path: RootedPath = None
    flatten: bool = False
    names: Annotated[tuple[Name | None, ...], Field(min_length=1, max_length=2_000)] | None = None
    rename: dict[Name, Name] = Field(default_factory=dict)
    drop: Annotated[tuple[Name, ...], AfterValidator(distinct)] = ()
    fields: dict[Name, Path] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, given: Any) -> Any:
        return {"path": given} if isinstance(given, str | list | tuple) else given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.names is not None:
            for key in ("flatten", "rename", "drop"):
                if getattr(self, key):
                    raise unfit(key, "names is an array's: its positions are named there")
            named = tuple(name for name in self.names if name is not None)
            if len(set(named)) != len(named):
                raise unfit("names", "each name only once")
        targets = list(self.rename.values())
        if len(set(targets)) != len(targets):
            raise unfit("rename", "each feature only once")
        return self

    def steps(self, feature: str) -> Steps | None:
        """Where this feature is; None where the map leaves it out."""
        base = self.path or ()
        if feature in self.fields:
            return self.fields[feature]
        if self.names is not None:
            return (*base, self.names.index(feature)) if feature in self.names else None
        renamed = {target: source for source, target in self.rename.items()}
        key = renamed.get(feature, feature)
        if key in self.drop or (feature not in renamed and feature in self.rename):
            return None
        return (*base, *key.split(".")) if self.flatten else (*base, key)


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
