"""Parts of settings: the types of keys, and the base of every mapping."""

from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from operators.settings.durations import Millis, from_to
from windows.values import name_of

MAX_WINDOWS = 8
MAX_CLASS_NAMES = 1_000


def _no_boolean(given: object) -> object:
    """Refuse true and false where a number is meant: pydantic would read them as 1 and 0."""
    if isinstance(given, bool):
        raise PydanticCustomError("float_type", "a number")
    return given


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse a list that names an entry twice."""
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            raise PydanticCustomError("twice", "each entry only once")
        seen.add(value)
    return values


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PydanticCustomError("timezone", "a time zone of the IANA database, such as Europe/Berlin") from None
    return name


KnownZone = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_timezone)]
Number = Annotated[float, BeforeValidator(_no_boolean), Field(allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_no_boolean)]
Share = Annotated[Number, Field(ge=0, le=1)]
Ratio = Annotated[Number, Field(gt=0, le=1)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Window = Annotated[Millis, from_to(1)]
Windows = Annotated[tuple[Window, ...], Field(min_length=1, max_length=MAX_WINDOWS), AfterValidator(distinct)]


def _named(given: object) -> object:
    """A class by its name: 1, true and "1" may all be written."""
    return name_of(given) if isinstance(given, str | int | float) else given


ClassName = Annotated[Name, BeforeValidator(_named)]
Classes = Annotated[tuple[ClassName, ...], Field(min_length=2, max_length=MAX_CLASS_NAMES), AfterValidator(distinct)]


class Settings(BaseModel):
    """A mapping of the config file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def unfit(key: str, need: str, /, **shown: str | float) -> PydanticCustomError:
    """The error that `key` does not fit another key of its mapping: without it pydantic would name the mapping.

    Args:
        key: the one that is wrong.
        need: a sentence without its period; {name} stands for one of `shown`.
        shown: what the other key has.
    """
    return PydanticCustomError("unfit", need, {"at": (key,), **shown})


class Levels(Settings):
    """The thresholds of one metric; at least one of the two.

    Attributes:
        minor: beyond it an alert is of its minor severity; None for no minor level.
        major: beyond it an alert is of its major severity; None for no major level.
    """

    minor: Annotated[Number, Field(gt=0)] | None = None
    major: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minor is None and self.major is None:
            raise PydanticCustomError("levels", "at least one of minor and major")
        if self.minor is not None and self.major is not None and self.minor > self.major:
            raise unfit("minor", "at most major ({major}) is needed", major=self.major)
        return self
