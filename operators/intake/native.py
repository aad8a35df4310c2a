"""Native: the optional package driftgauge-native, which turns the usual record into columns without Python objects.

It accepts a record only where it is surely right. All others go the way that they go without it, which decides about
them: what is read, and why something is not, is the same with it and without it.
"""

from __future__ import annotations

import importlib
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from operators.dead_letters import MAX_RECORD_BYTES
from operators.intake.native_lists import lists_of
from operators.intake.native_maps import BeyondError, beyond, chosen_classes, told_map
from windows.predictions.fold import Folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType
    from typing import Any

    from operators.formats.schema import Codes, ModelSchema
    from operators.intake.native_lists import ToldLists
    from operators.intake.native_maps import ToldMap
    from operators.records import RawBatch
    from operators.settings.source import SourceSettings
    from windows.arrays import BoolArray, FloatArray, IntArray
    from windows.outcomes.layout import Task

VARIABLE = "DRIFTGAUGE_NATIVE"
"""Environment variable: auto (the default) takes the package where it is installed, 0 does not, 1 insists on it."""

PACKAGE = "driftgauge_native"

INTERFACE = 4
"""What this code and the package agree on."""

_LOG = logging.getLogger("driftgauge.native")


class NativeError(Exception):
    """The native path is asked for and cannot be had, or asked for in words that mean nothing."""


class Rows(Protocol):
    """Accepted records of one model; see the package's own driftgauge_native.pyi."""

    model: int
    versions: list[str]
    version: IntArray
    numeric: FloatArray
    categorical: IntArray
    segments: IntArray
    latency: FloatArray
    failed: BoolArray | None
    ids: list[Any] | None
    predictions: list[Any] | None
    probabilities: FloatArray | None
    listed: BoolArray | None

    @property
    def count(self) -> int:
        """How many there are."""


class Decoder(Protocol):
    """Reads batches of messages."""

    def decode(
        self, values: tuple[bytes | None, ...], written: list[int] | None, received: int
    ) -> tuple[list[Rows], IntArray, IntArray] | None:
        """Rows by model; see `Tables`; int64: the messages that are handed back; None: all, for it broke down."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Rows of a batch, with the number of their model.

    Attributes:
        rows: of each model once, or several times.
        heads: int64[3, n], of all of them in this order: where each stands (the number of its message << WITHIN, and
            its own within that), its event time and the time it proves to have come, ms.
        back: numbers of the messages that are read record by record.
        loose: whether rows can be folded as they are.
        skipped: messages that the source's filter leaves out, beside those that are handed back.
    """

    rows: list[tuple[int, Rows]]
    heads: IntArray
    back: list[int]
    loose: bool = False
    skipped: int = 0


class Native(Folders, Protocol):
    """The package."""

    INTERFACE: int
    __version__: str

    def Decoder(self, models: list[ToldModel], max_ahead: int, largest: int) -> Decoder:  # noqa: N802 - a class there
        """What reads batches of these models."""


@dataclass(frozen=True, slots=True)
class ToldSegment:
    """Where the value of a segment key is: the position of a feature or of a key of the context; its index by value."""

    feature: bool
    position: int
    codes: Codes


@dataclass(frozen=True, slots=True)
class ToldPrediction:
    """What `prediction` may be: not looked at, text too, whole numbers as they are, a list; which column it is.

    `single`: whether it may be anything but a list.
    """

    skipped: bool
    text: bool
    whole: bool
    numeric: bool
    categorical: bool
    single: bool = True
    lists: ToldLists | None = None


@dataclass(frozen=True, slots=True)
class ToldModel:
    """What the package is told of a model; beside the name of each feature, whether it is numeric."""

    name: str
    features: list[tuple[str, bool]]
    context: list[str]
    codes: list[Codes]
    segments: list[ToldSegment]
    prediction: ToldPrediction
    joined: bool
    map: ToldMap | None = None


def chosen(environment: Mapping[str, str] = os.environ) -> Native | None:
    """The package, where it is installed and not refused.

    Raises:
        NativeError: it is insisted on and cannot be had.
    """
    wanted = environment.get(VARIABLE, "auto")
    if wanted not in {"auto", "0", "1"}:
        raise NativeError(f"{VARIABLE}={wanted}: must be auto, 0 or 1")
    if wanted == "0":
        return None
    try:
        module = importlib.import_module(PACKAGE)
    except ImportError as error:
        if wanted == "1":
            raise NativeError(f"{VARIABLE}=1, but the package driftgauge-native is not to be had: {error}") from None
        return None
    why = _stranger(module)
    if why is None:
        return cast("Native", module)
    if wanted == "1":
        raise NativeError(f"{VARIABLE}=1, but {why}")
    _LOG.warning("%s: records are read in Python", why)
    return None


def described(environment: Mapping[str, str] = os.environ) -> str:
    """Who reads predictions, in a line.

    Raises:
        NativeError: as `chosen`.
    """
    native = chosen(environment)
    if native is not None:
        return f"predictions are read by driftgauge-native {native.__version__}"
    if environment.get(VARIABLE) == "0":
        return f"predictions are read in Python ({VARIABLE}=0)"
    return "predictions are read in Python (driftgauge-native of this version is not installed)"


def _stranger(module: ModuleType) -> str | None:
    """Why a module is not the package that this code was written for."""
    found = getattr(module, "INTERFACE", None)
    if found == INTERFACE:
        return None
    return f"driftgauge-native speaks interface {found} and not {INTERFACE}: install the one of this version"


class NativeReader:
    """Reads batches with the package. Remembers only how often that was in vain.

    Args:
        native: the package.
        schemas: of all models.
        joined: tasks of the models that are joined with feedback.
        max_ahead: how far (ms) a timestamp may be beyond the time the message was written.
        source: where fields are found; None for the contract's own shape.
    """

    PATIENCE = 8
    """Batches in a row that are mostly handed back, after which only every PAUSE-th is tried."""
    PAUSE = 16

    def __init__(
        self,
        native: Native,
        schemas: Sequence[ModelSchema],
        joined: Mapping[str, Task],
        max_ahead: int,
        source: SourceSettings | None = None,
    ) -> None:
        known = []
        for number, schema in _about(schemas, source):
            task = joined.get(schema.layout.model)
            try:
                known.append((number, _told(schema, task, source)))
            except BeyondError as error:
                _LOG.info("%s is read in Python: %s", _named(schema, source), error)
        self.numbers = [number for number, _ in known]
        """The number that each model has for Python."""
        self.decoder = native.Decoder([model for _, model in known], max_ahead, MAX_RECORD_BYTES) if known else None
        self._in_vain = 0

    def __call__(self, batch: RawBatch) -> Tables | None:
        """What is rows, and which messages Python reads; None: it reads all."""
        if self.decoder is None or not batch.values or self._rests():
            return None
        written = None if batch.written is None else list(batch.written)
        found = self.decoder.decode(tuple(batch.values), written, batch.received)
        if found is None:
            _LOG.error("driftgauge-native broke down over a batch of %s: Python reads it", batch.origin.name)
            return None
        rows, heads, back = found
        self._in_vain = self._in_vain + 1 if 2 * len(back) > len(batch.values) else 0
        if self._in_vain == self.PATIENCE:
            _LOG.info("most records of %s are not what driftgauge-native reads: Python does", batch.origin.name)
        tables = [(self.numbers[part.model], part) for part in rows]
        return Tables(tables, heads, back.tolist(), loose=True) if rows else None

    def _rests(self) -> bool:
        """Whether this batch is not tried, for the others were in vain."""
        if self._in_vain < self.PATIENCE:
            return False
        self._in_vain += 1
        return (self._in_vain - self.PATIENCE) % self.PAUSE != 0


def _about(schemas: Sequence[ModelSchema], source: SourceSettings | None) -> Iterator[tuple[int, ModelSchema]]:
    """The models that a source's records may be of, with their numbers; of one that is not read natively none."""
    why = None if source is None else beyond(source)
    if source is not None and why is not None:
        _LOG.info("%s is read in Python: %s", ", ".join(source.names) or source.pattern, why)
        return
    alone = None if source is None else source.map.model.constant
    for number, schema in enumerate(schemas):
        if alone is None or schema.layout.model == alone:
            yield number, schema


def _named(schema: ModelSchema, source: SourceSettings | None) -> str:
    """A model, and where its records come from if that is not the topic of the contract's own shape."""
    model = f"model {schema.layout.model}"
    return model if source is None else f"{model} in {', '.join(source.names) or source.pattern}"


def _told(schema: ModelSchema, task: Task | None, source: SourceSettings | None) -> ToldModel:
    """What the package is told of a model.

    Raises:
        BeyondError: it cannot read it.
    """
    layout = schema.layout
    if layout.usage is not None:
        raise BeyondError("its cost is watched")
    if schema.name_codes:
        raise BeyondError("categories have to be of a set or a pattern")
    names = [field.name for field in layout.features]
    return ToldModel(
        name=layout.model,
        features=[(field.name, field.numeric) for field in layout.features],
        context=[key for key, _ in layout.segments if key not in names],
        codes=list(schema.codes),
        segments=[ToldSegment(one.feature, one.position, one.codes) for one in schema.segments],
        prediction=_prediction(schema, task, None if source is None else chosen_classes(source)),
        joined=task is not None,
        map=None if source is None else told_map(schema, source),
    )


def _prediction(schema: ModelSchema, task: Task | None, classes: tuple[str, ...] | None) -> ToldPrediction:
    """As `prediction_type` has it; `classes` are those that a map's list of scores is about."""
    field = schema.layout.prediction
    lists, single = lists_of(schema, task, classes), classes is None
    if field is not None:
        named = not field.numeric
        return ToldPrediction(
            skipped=False,
            text=named,
            whole=named,
            numeric=field.numeric,
            categorical=named,
            single=single,
            lists=lists,
        )
    return ToldPrediction(
        skipped=task is None,
        text=task in {"binary", "multiclass"},
        whole=task == "multiclass",
        numeric=False,
        categorical=False,
        single=single and task != "ranking",
        lists=lists,
    )
