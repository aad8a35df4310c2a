"""Places: where in a message a field is found, and what its value is read as."""

import math
import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from operators.settings.parts import KnownZone, Name, Number, Settings, distinct, unfit

Steps = tuple[str | int, ...]
"""A path into a record: keys of objects, and positions in arrays."""


Scalar = str | int | float | bool


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
    """A time; without a unit, RFC 3339 or a number whose size tells its unit.

    Attributes:
        unit: what it is.
        timezone: where the clocks are that it is read from, if it names no offset; None for `time.timezone`.
    """

    unit: Literal["s", "ms", "us", "ns", "rfc3339"] | None = None
    timezone: KnownZone | None = None

    @model_validator(mode="after")
    def _a_text(self) -> Self:
        if self.timezone is not None and self.numeric:
            raise unfit("timezone", "no unit, or rfc3339, is needed beside it: epoch times are the same in all zones")
        return self

    @property
    def numeric(self) -> bool:
        """Whether it is a number."""
        return self.unit is not None and self.unit != "rfc3339"


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
