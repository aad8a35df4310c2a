"""Settings of a single feature: how it is read, thresholds of its own, and what its values may be."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, create_model, model_validator
from pydantic_core import PydanticCustomError

from operators.settings import policy
from operators.settings.alerts import Watch, watches_of
from operators.settings.parts import Levels, Number, Settings, distinct, unfit
from windows.allowed import Allowed, matcher
from windows.shares import SHARES
from windows.statistics.catalog import DISTANCES, JUDGED
from windows.values import name_of

FeatureKind = Literal["numeric", "categorical"]

Text = Annotated[str, StringConstraints(max_length=200)]

Limit = Annotated[Number, Field(gt=0, lt=1)]
"""A share that is too much."""

MOST_ALLOWED = 10_000


def value_of(watch: Watch) -> Any:
    """The type of the key of a limit."""
    return Limit if watch.share else Levels


if TYPE_CHECKING:
    LevelsByDistance = Settings
else:
    LevelsByDistance = create_model(
        "LevelsByDistance", __base__=Settings, **dict.fromkeys(JUDGED, (Levels | None, None))
    )
    """A key for each distance that may have thresholds."""


def bounded(metric: str, levels: Levels) -> None:
    """Refuse levels that are never crossed: some distances cannot exceed 1."""
    if DISTANCES[metric].bounded and max(levels.minor or 0, levels.major or 0) >= 1:
        raise unfit(metric, "levels below 1 are needed: it never exceeds 1")


class FeatureDrift(LevelsByDistance):
    """Thresholds of one feature in place of the model's; null switches a distance off for it."""

    @property
    def levels(self) -> dict[str, Levels | None]:
        """Those that are given."""
        return {metric: getattr(self, metric) for metric in JUDGED if metric in self.model_fields_set}

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        for metric, levels in self.levels.items():
            if levels is not None:
                bounded(metric, levels)
        return self


if TYPE_CHECKING:
    Limits = Settings
    FeatureQuality = Settings
else:
    Limits = create_model(
        "Limits",
        __base__=Settings,
        **{
            watch.key: (value_of(watch) if watch.always else value_of(watch) | None, watch.usual)
            for _, watch in watches_of("quality")
        },
    )
    """A key for each limit of `quality`, at what is usual."""

    FeatureQuality = create_model(
        "FeatureQuality",
        __base__=Settings,
        __doc__="Limits of one feature in place of the model's; null switches one off for it.",
        **{watch.key: (value_of(watch) | None, None) for _, watch in watches_of("quality")},
    )


def _pattern(given: str) -> str:
    try:
        matcher(given)("")
    except ValueError as error:
        why = str(error).splitlines()[0]
        raise PydanticCustomError("pattern", "a regular expression as RE2 reads it ({why})", {"why": why}) from None
    return given


def _named(given: object) -> object:
    """A category by its name: 1, true and "1" may all be written."""
    return name_of(given) if isinstance(given, str | int | float) else given


class AllowedSettings(Settings):
    """What the values of a feature may be; missing ones always may.

    Attributes:
        least: of a number.
        most: of a number.
        values: of a category.
        pattern: a regular expression that the whole of a category matches.
        tolerated: share of values that may miss it all the same.
    """

    least: Annotated[Number | None, Field(alias="min")] = None
    most: Annotated[Number | None, Field(alias="max")] = None
    values: Annotated[
        tuple[Annotated[Text, BeforeValidator(_named)], ...] | None,
        Field(min_length=1, max_length=MOST_ALLOWED),
        AfterValidator(lambda given: given if given is None else distinct(given)),
    ] = None
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_pattern)] | None = None
    tolerated: Limit = policy.TOLERATED

    @property
    def rule(self) -> Allowed:
        """The same for arithmetic."""
        names = None if self.values is None else frozenset(self.values)
        return Allowed(self.least, self.most, names, self.pattern)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.rule.metrics:
            raise PydanticCustomError("allowed", "at least one of min, max, values and pattern")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise unfit("min", "at most max ({most}) is needed", most=self.most)
        return self


class FeatureSettings(Settings):
    """One feature; its kind alone may stand for it.

    Attributes:
        kind: what its values are.
        missing: texts that stand for no value, in rows and in topics; None where the rows say it.
        resolution: what its numbers are rounded to a multiple of; None for as they are.
        drift: thresholds of its own.
        quality: limits of its own.
        allowed: what its values may be; None for whatever the reference had.
    """

    kind: FeatureKind
    missing: Annotated[tuple[Text, ...], Field(max_length=100)] | None = None
    resolution: Annotated[Number, Field(gt=0)] | None = None
    drift: FeatureDrift | None = None
    quality: FeatureQuality | None = None
    allowed: AllowedSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, given: Any) -> Any:
        return {"kind": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        for key, kind in self._needs():
            if kind != self.kind:
                raise unfit(key, "the kind {kind} is needed beside it", kind=kind)
        return self

    def _needs(self) -> list[tuple[str, FeatureKind]]:
        """Keys that make sense for one kind only."""
        found: list[tuple[str, FeatureKind]] = [] if self.resolution is None else [("resolution", "numeric")]
        levels = {} if self.drift is None else self.drift.levels
        found += [("drift", "numeric") for metric, given in levels.items() if given and DISTANCES[metric].ordered]
        limits: list[str] = [] if self.quality is None else [name for name, limit in self.quality if limit]
        found += [("quality", share.of) for name in limits if (share := SHARES.get(name)) is not None and share.of]
        if self.allowed is not None:
            numbers = self.allowed.least is not None or self.allowed.most is not None
            found += [("allowed", "numeric")] if numbers else []
            found += [("allowed", "categorical")] if self.allowed.values or self.allowed.pattern else []
        return found
