"""Feedback: a batch of the feedback topic becomes columns per model, and dead letters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from operators.dead_letters import Reason
from operators.formats.field_map import Shape
from operators.formats.json_lines import Parser
from operators.formats.lenient import Lenient
from operators.formats.parsers import parser_of
from operators.formats.schema import (
    ABSENT,
    Category,
    Identifier,
    Number,
    Timestamp,
    Version,
    decoder_of,
    prediction_type,
    segment_codes,
)
from operators.formats.times import milliseconds, stamps_in_range
from operators.intake.label_codes import INVALID, KINDS, LabelCodes, is_blank, label_type
from operators.intake.transpose import version_name
from operators.settings.source import FieldMap, SourceSettings
from windows.panes import effective_times, floor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from operators.dead_letters import DeadLetter
    from operators.formats.json_lines import Fault
    from operators.formats.parsed import Parsed
    from operators.formats.schema import Codes
    from operators.formats.schemas import Schemas
    from operators.records import Origin, RawBatch
    from windows.arrays import FloatArray, IntArray
    from windows.predictions.layout import Layout


@dataclass(frozen=True, slots=True)
class FeedbackModel:
    """A model whose feedback is read: its layout (for the segments of embedded predictions) and its labels."""

    layout: Layout
    labels: LabelCodes


@dataclass(frozen=True, slots=True)
class FeedbackConfig:
    """All models with feedback, the clock settings (ms), and the sources with a shape of their own by number."""

    models: tuple[FeedbackModel, ...]
    pane: int
    lateness: int
    max_ahead: int
    sources: Mapping[int, SourceSettings] = field(default_factory=dict)
    schemas: Schemas | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """The predictions that n feedback records bring along.

    Attributes:
        times: int64[n], when each was made, ms.
        versions: n version names.
        segments: int64[S, n], index of the value of each segment key.
        predictions: n predictions as decoded.
    """

    times: IntArray
    versions: Sequence[str]
    segments: IntArray
    predictions: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Labels:
    """n feedback records of one model.

    Attributes:
        ids: prediction ids; "" where the prediction is embedded.
        times: int64[n], event time, ms.
        known: int64[n], effective time, ms (see `windows.panes.effective_times`).
        kinds: int64[n], index into KINDS.
        labels: float64[n], see LabelCodes; NaN for none.
        clicked: n lists of clicked items, of a ranking; else None.
        values: float64[n], business metric, NaN for none.
        embedded: predictions they bring along; None when they are to be joined.
    """

    ids: Sequence[str]
    times: IntArray
    known: IntArray
    kinds: IntArray
    labels: FloatArray
    clicked: Sequence[Sequence[str | int] | None] | None
    values: FloatArray
    embedded: Embedded | None = None


@dataclass(frozen=True, slots=True)
class DecodedFeedback:
    """A batch of feedback after decoding. read = the rows of `labels` + `dead`: feedback is never too late.

    Attributes:
        origin: what it was decoded from.
        read: records seen.
        labels: model -> its records, those to join and those with embedded predictions apart.
        dead: rejected records.
        floor: first pane still open by the records of this batch alone; None when it held none.
        skipped: records beside those read that the source's filter leaves out, or that have no label yet.
        unfit: none of its fields are set aside.
        silent: of a topic that holds both, which records are no feedback; see Parsed.
        tombstones: those skipped that are messages without a value.
    """

    origin: Origin
    read: int
    labels: tuple[tuple[str, Labels], ...]
    dead: tuple[DeadLetter, ...]
    floor: int | None
    skipped: int = 0
    unfit: Mapping[str, int] = field(default_factory=dict)
    silent: Sequence[int] = ()
    tombstones: int = 0


class _Schema:
    """How the records of one model are decoded and read."""

    def __init__(self, model: FeedbackModel) -> None:
        layout = model.layout
        self.model = layout.model
        keys = [key for key, _ in layout.segments]
        context = msgspec.defstruct(
            "Context",
            [(f"c{i}", Category, None) for i in range(len(keys))],
            rename={f"c{i}": key for i, key in enumerate(keys)},
            gc=False,
        )
        fields: list[tuple[str, Any, Any]] = [
            ("prediction_id", Identifier, None),
            ("timestamp", Timestamp, None),
            ("label", label_type(model.labels.task), ABSENT),
            ("value", Number, ABSENT),
            ("kind", Literal["explicit", "implicit", "delayed"] | None, None),
            ("prediction", prediction_type(layout, model.labels.task), None),
            ("predicted_at", Timestamp, None),
            ("version", Version, None),
            ("context", context | None, None),
        ]
        self.struct = msgspec.defstruct("Feedback", fields, tag_field="model", tag=layout.model)
        self.labels = model.labels
        self.read: Callable[[Any], float] = model.labels.reader()
        self.ranking = model.labels.task == "ranking"
        self.segments: tuple[Codes, ...] = tuple(segment_codes(values) for _, values in layout.segments)


class DecodeFeedback:
    """Decodes batches of the feedback topic. Keeps nothing between batches."""

    def __init__(self, config: FeedbackConfig) -> None:
        """Generate the types of every model."""
        self.config = config
        schemas = [_Schema(model) for model in config.models]
        self.schemas = {schema.struct: schema for schema in schemas}
        targets = {schema.model: schema.struct for schema in schemas}
        own = [Shape(model, struct, FieldMap()) for model, struct in targets.items()]
        lenient = Lenient(own, SourceSettings(topic="own", holds="feedback"))
        self.parser = Parser(decoder_of(targets.values()), config.max_ahead, self._faults, lenient)
        self.mapped = {
            number: parser_of(targets, source, config.max_ahead, self._faults, _says_nothing, config.schemas)
            for number, source in config.sources.items()
        }

    def __call__(self, batch: RawBatch) -> DecodedFeedback:
        """Decode one batch."""
        parsed = (self.parser if batch.source is None else self.mapped[batch.source])(batch)
        labels: list[tuple[str, Labels]] = []
        floor = None
        if parsed.records:
            floor = floor_of(int(parsed.proven.max()), self.config.lateness, self.config.pane)
            # Those that say nothing prove how far time is, too: they do with whatever comes in the next batch.
            known = effective_times(parsed.stamps, parsed.proven, self.config.lateness, self.config.pane)
            silent = [row for row, record in enumerate(parsed.records) if _says_nothing(record)]
            parsed = parsed.without(silent)
            labels = self._labels(parsed, np.delete(known, silent))
        return DecodedFeedback(
            batch.origin,
            parsed.read,
            tuple(labels),
            tuple(parsed.dead),
            floor,
            parsed.skipped,
            silent=parsed.silent,
            tombstones=parsed.tombstones,
        )

    def _faults(self, records: list[Any], stamps: IntArray) -> Sequence[Fault]:
        """Records that say nothing, or not of what."""
        count = len(records)
        empty = np.fromiter((r.label is ABSENT and r.value is ABSENT for r in records), np.bool_, count)
        homeless = np.fromiter((not _has_id(r) and not _embeds(r) for r in records), np.bool_, count)
        no_label = np.fromiter((self.schemas[type(r)].read(r.label) == INVALID for r in records), np.bool_, count)
        given = [r.predicted_at if _embeds(r) else None for r in records]
        odd = ~stamps_in_range(given)
        made = np.fromiter(map(milliseconds, given), np.float64, count)
        ahead = made > stamps + self.config.max_ahead
        return (
            (empty, Reason.MISSING_FIELD, "neither label nor value"),
            (homeless, Reason.MISSING_FIELD, "neither prediction_id nor a prediction with predicted_at"),
            (no_label, Reason.BAD_LABEL, lambda row: self._refusal(records[row])),
            (
                odd,
                Reason.BAD_TIMESTAMP,
                "predicted_at before the year 2000: are these seconds instead of milliseconds?",
            ),
            (ahead, Reason.TIMESTAMP_AHEAD, "predicted_at later than time.max_ahead after the feedback about it"),
        )

    def _refusal(self, record: Any) -> str:
        return self.schemas[type(record)].labels.refusal(record.label)

    def _labels(self, parsed: Parsed, known: IntArray) -> list[tuple[str, Labels]]:
        parts: dict[tuple[type, bool], list[int]] = {}
        for row, record in enumerate(parsed.records):
            parts.setdefault((type(record), _embeds(record)), []).append(row)
        return [
            (
                self.schemas[struct].model,
                _columns(
                    self.schemas[struct],
                    [parsed.records[row] for row in rows],
                    parsed.stamps[rows],
                    known[rows],
                    embedded=embedded,
                ),
            )
            for (struct, embedded), rows in parts.items()
        ]


def _columns(schema: _Schema, records: list[Any], times: IntArray, known: IntArray, *, embedded: bool) -> Labels:
    count = len(records)
    return Labels(
        ids=["" if embedded else str(record.prediction_id) for record in records],
        times=times,
        known=known,
        kinds=np.fromiter((KINDS.index(record.kind or "explicit") for record in records), np.int64, count),
        labels=np.fromiter((schema.read(record.label) for record in records), np.float64, count),
        clicked=[_clicked(record.label) for record in records] if schema.ranking else None,
        values=np.array([None if record.value is ABSENT else record.value for record in records], dtype=np.float64),
        embedded=_embedded(schema, records) if embedded else None,
    )


def _embedded(schema: _Schema, records: list[Any]) -> Embedded:
    segments = np.empty((len(schema.segments), len(records)), dtype=np.int64)
    contexts = [None if record.context is None else msgspec.structs.astuple(record.context) for record in records]
    for key, codes in enumerate(schema.segments):
        segments[key] = [codes[None if context is None else context[key]] for context in contexts]
    return Embedded(
        np.array([round(milliseconds(record.predicted_at)) for record in records], dtype=np.int64),
        [version_name(record.version) for record in records],
        segments,
        [record.prediction for record in records],
    )


def _clicked(label: Any) -> Sequence[str | int] | None:
    return label if isinstance(label, list) else None if is_blank(label) else [label]


def _says_nothing(record: Any) -> bool:
    """Whether there is no label yet, as a left join writes it; or this is no feedback, in a topic that holds both."""
    return is_blank(record.label) and is_blank(record.value)


def _has_id(record: Any) -> bool:
    return not is_blank(record.prediction_id)


def _embeds(record: Any) -> bool:
    return record.prediction is not None and record.predicted_at is not None
