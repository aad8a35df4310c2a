"""The msgspec types of a prediction, generated from each model's layout: only the fields that are used get decoded."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from windows.allowed import NameCodes
from windows.predictions.layout import Field, Layout, categories_of
from windows.values import number_of, spellings, truths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from windows.outcomes.layout import Task

MAX_ID_LENGTH = 512

Item = (
    Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)]
    | Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
    | Annotated[float, msgspec.Meta(ge=-(2**53), le=2**53)]
)
"""The id of an item in a ranking."""

Pair = Annotated[list[float], msgspec.Meta(min_length=1, max_length=2)]
"""The scores of both classes of a binary model, or of the positive one alone."""

Timestamp = dt.datetime | int | float | None
Number = float | bool | None
Version = str | int | float | None
Failure = str | bool | int | float | None
Category = str | int | float | bool | None
Identifier = Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)] | int | None

NOBODY = "\x00"
"""The tag of a type that no record is read as.

With it every decoder is a tagged union, which refuses a record without a model.
"""

MISFIT = ()
"""Stands in a record for a category, or a prediction, of another type; for a number that is infinity."""

ABSENT: Any = ()
"""Stands in feedback for a label or value that is not there at all. One that is null is not known yet."""

MODEL, TIMESTAMP, VERSION, ERROR, LATENCY, PREDICTION, FEATURES, CONTEXT, PREDICTION_ID = range(-1, 8)
"""Positions of the fields of a prediction type, in the order `astuple` gives them (the model is the type itself).

The last is there only for models that are joined with feedback. Behind all of them is what the prediction used, for
models whose cost is watched.
"""


class Usage(msgspec.Struct, gc=False):
    """What a prediction used, in the order of `windows.usage.RESOURCES`."""

    cpu_ms: Number = None
    gpu_ms: Number = None
    memory_mb_s: Number = None
    cost: Number = None


@dataclass(frozen=True, slots=True)
class ModelSchema:
    """How the records of one model are decoded.

    Attributes:
        layout: the model's layout.
        struct: msgspec type of a prediction.
        features: msgspec type of its features; called without arguments it gives features that are all missing.
        numeric: position in the features tuple of each numeric feature of the layout.
        categorical: position in the features tuple of each categorical feature.
        codes: slot within its field of each category, one mapping per categorical column of the layout (prediction
            last).
        segments: per segment key: whether it is a feature, its position, and the index of each value.
        name_codes: by categorical feature of the layout: how its values miss what may be.
        joined: whether feedback is awaited.
    """

    layout: Layout
    struct: type[msgspec.Struct]
    features: type[msgspec.Struct]
    numeric: tuple[int, ...]
    categorical: tuple[int, ...]
    codes: tuple[Codes, ...]
    segments: tuple[SegmentColumn, ...]
    name_codes: dict[int, NameCodes] = field(default_factory=dict)
    joined: bool = False


class Codes(dict[Any, int]):
    """Category -> slot; a category that is not named has the slot `unknown`.

    Looking up runs in C for the named ones.
    """

    def __init__(self, categories: tuple[str, ...], unknown: int, missing: int, blank: tuple[str, ...] = ()) -> None:
        """Name the categories, what else they may be written as, and the texts that stand for no value."""
        super().__init__()
        self.unknown = unknown
        self.update((category, slot) for slot, category in enumerate(categories))
        for others in zip_longest(*map(spellings, categories)):  # the nearest spellings of all, then the next
            for slot, other in enumerate(others):
                if other is not None:
                    self.setdefault(other, slot)
        slots = {category: slot for slot, category in enumerate(categories)}
        for category, other in truths(categories):
            self.setdefault(other, slots[category])
        self.update((text, missing) for text in blank)
        self[None] = missing

    def __missing__(self, key: object) -> int:
        """Any other category."""
        return self.unknown

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a plain mapping with its default."""
        return (_codes, (dict(self), self.unknown))


def _codes(items: dict[Any, int], unknown: int) -> Codes:
    codes = Codes((), unknown, unknown)
    codes.update(items)
    return codes


@dataclass(frozen=True, slots=True)
class SegmentColumn:
    """Where the values of a segment key are found and which index each has."""

    feature: bool
    position: int
    codes: Codes


def schema_of(layout: Layout, task: Task | None = None) -> ModelSchema:
    """Generate the types and look-ups of one model; its `task` is given when feedback about it is awaited."""
    names = [field.name for field in layout.features]
    features = msgspec.defstruct(
        "Features",
        [(f"f{i}", _feature_type(field), None) for i, field in enumerate(layout.features)],
        rename={f"f{i}": name for i, name in enumerate(names)},
        gc=False,
    )
    context_keys = [key for key, _ in layout.segments if key not in names]
    context = msgspec.defstruct(
        "Context",
        [(f"c{i}", Category, None) for i in range(len(context_keys))],
        rename={f"c{i}": key for i, key in enumerate(context_keys)},
        gc=False,
    )
    fields: list[tuple[str, Any, Any]] = [
        ("timestamp", Timestamp, None),
        ("version", Version, None),
        ("error", Failure, None),
        ("latency_ms", Number, None),
        ("prediction", prediction_type(layout, task), None),
        ("features", features | None, None),
        ("context", context | None, None),
    ]
    if task is not None:
        fields.append(("prediction_id", Identifier, None))
    if layout.usage is not None:
        fields.append(("usage", Usage | None, None))
    columns = [(i, field) for i, field in enumerate(layout.features)]
    return ModelSchema(
        layout=layout,
        struct=msgspec.defstruct("Prediction", fields, tag_field="model", tag=layout.model, gc=False),
        features=features,
        numeric=tuple(i for i, field in columns if field.numeric),
        categorical=tuple(i for i, field in columns if not field.numeric),
        codes=tuple(_field_codes(field) for field in layout.categorical),
        segments=tuple(
            SegmentColumn(
                feature=key in names,
                position=names.index(key) if key in names else context_keys.index(key),
                codes=segment_codes(values),
            )
            for key, values in layout.segments
        ),
        name_codes={
            span.row: NameCodes(span.rule, layout.categorical[span.row].reading)
            for span in layout.allowed
            if not span.numeric
        },
        joined=task is not None,
    )


def segment_codes(values: tuple[str, ...]) -> Codes:
    """Index of each value of a segment key; the last stands for all that are not named."""
    return Codes(values[:-1], len(values) - 1, len(values) - 1)


def _field_codes(field: Field) -> Codes:
    categories = categories_of(field)
    codes = Codes(categories, len(categories), len(categories) + 1, field.reading.missing)
    codes[MISFIT] = len(categories) + 2
    return codes


def _feature_type(field: Field) -> Any:
    """A category; or a number, or one of the texts that stand for none, and no other."""
    if not field.numeric:
        return Category
    blank = tuple(text for text in field.reading.missing if number_of(text) is None)
    return Number | Literal[blank] if blank else Number


def prediction_type(layout: Layout, task: Task | None) -> Any:
    """What `prediction` may be: a number, or a category or list of class scores.

    Where it is not profiled the task decides if feedback is awaited; else it may be anything.
    """
    if layout.prediction is not None:
        if not layout.prediction.numeric:
            return Category | list[float]
        return Number if layout.pair is None else Number | Pair
    return msgspec.Raw if task is None else _UNPROFILED[task]


_UNPROFILED: dict[Task, Any] = {
    "binary": float | bool | str | Pair | None,
    "multiclass": Category | list[float],
    "regression": Number,
    "ranking": list[Item] | None,
}


def _refuse(_nobody: object) -> None:
    """Refuse a record that does name NOBODY, in the words with which msgspec refuses any other unknown model."""
    raise ValueError("Invalid value - at `$.model`")


def decoder_of(structs: Iterable[type[msgspec.Struct]], tag_field: str = "model") -> msgspec.json.Decoder[Any]:
    """One decoder for the records of all models: the field that names the model picks the type."""
    nobody = msgspec.defstruct("Nobody", [], tag_field=tag_field, tag=NOBODY, namespace={"__post_init__": _refuse})
    union: Any = nobody
    for struct in structs:
        union = union | struct
    return msgspec.json.Decoder(union, strict=False)  # a number may come as its text
