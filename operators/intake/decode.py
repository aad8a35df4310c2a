"""Decode: a batch of the predictions topic becomes columns per model, and dead letters."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from operators.dead_letters import Reason
from operators.formats.field_map import Shape
from operators.formats.json_lines import Parser
from operators.formats.lenient import Lenient
from operators.formats.parsers import parser_of
from operators.formats.schema import ModelSchema, decoder_of, schema_of
from operators.formats.surroundings import part_of
from operators.intake.filtered import Filtered
from operators.intake.mixed import Mixed
from operators.intake.model_columns import Loose, ModelColumns
from operators.intake.native import NativeReader, chosen
from operators.intake.plain import Plain, kinds_of
from operators.intake.tabular import TabularReader, fits
from operators.intake.transpose import NO_FAILURE, bad_rows
from operators.settings.source import FieldMap, SourceSettings
from windows.panes import effective_times, late_in_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operators.dead_letters import DeadLetter
    from operators.formats.json_lines import Fault
    from operators.formats.parsed import Parsed
    from operators.formats.schemas import Schemas
    from operators.intake.feedback import DecodedFeedback
    from operators.intake.native import Native, Rows
    from operators.intake.served import Served
    from operators.records import Origin, Paired, RawBatch
    from windows.arrays import BoolArray, IntArray
    from windows.outcomes.layout import Task
    from windows.predictions.columns import Columns
    from windows.predictions.layout import Layout


@dataclass(frozen=True, slots=True)
class DecodeConfig:
    """What decoding needs.

    Attributes:
        layouts: of all models.
        pane: ms.
        lateness: ms.
        max_ahead: ms.
        joined: tasks of the models that are joined with feedback.
        sources: those with a shape of their own, by number.
        schemas: those of the registry, if there is one.
        native: the package that reads the usual record; None where all are read in Python.
    """

    layouts: tuple[Layout, ...]
    pane: int
    lateness: int
    max_ahead: int
    joined: Mapping[str, Task] = field(default_factory=dict)
    sources: Mapping[int, SourceSettings] = field(default_factory=dict)
    schemas: Schemas | None = None
    native: Native | None = field(default_factory=chosen)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch after decoding. read = the rows of `columns` + `late` + `dead`.

    Attributes:
        origin: what it was decoded from.
        read: records seen.
        columns: model -> its predictions in time; see ModelColumns.
        late: model -> predictions that came after an earlier record of this batch had closed their pane.
        dead: rejected records.
        floor: first pane still open by the records of this batch alone; None when it held none.
        served: model -> all its predictions, late or not, for models that are joined with feedback.
        skipped: records beside those read that the source's filter leaves out, and messages without a value.
        unfit: of how many records that count a field of another type is set aside, by its name.
        silent: of a topic that holds both, which records are no predictions; see Parsed.
        feedback: what else the batch holds, where it was decoded as both.
        tombstones: those skipped that are messages without a value.
        halves: how many requests and responses it holds beside these, which are read once they are paired.
    """

    origin: Origin
    read: int
    columns: Mapping[str, Columns]
    late: dict[str, int]
    dead: tuple[DeadLetter, ...]
    floor: int | None
    served: dict[str, Served] = field(default_factory=dict)
    skipped: int = 0
    unfit: Mapping[str, int] = field(default_factory=dict)
    silent: Sequence[int] = ()
    feedback: DecodedFeedback | None = None
    halves: int = 0
    tombstones: int = 0


class _Records(Protocol):
    """The readable records of a batch."""

    stamps: IntArray
    proven: IntArray
    rest: Parsed
    read: int

    def by_model(self) -> list[tuple[int, IntArray | None]]:
        """Number of each model with records, and which they are (None: all)."""

    def loose(self, number: int) -> Rows | None:
        """All records of one model as the package read them, where it may fold them."""

    def columns(self, number: int, rows: IntArray | None, panes: IntArray) -> Columns:
        """The columns of one model's records at `rows`."""

    def served(self, number: int, rows: IntArray | None, panes: IntArray, times: IntArray, known: IntArray) -> Served:
        """What the join needs of them."""


@dataclass(frozen=True, slots=True)
class _Timed:
    """Records with their times.

    Attributes:
        found: n records.
        panes: int64[n].
        late: bool[n], or None when none is.
        known: int64[n], effective time, ms.
    """

    found: _Records
    panes: IntArray
    late: BoolArray | None
    known: IntArray


class Decode:
    """Decodes batches of the predictions topic. Keeps nothing between batches."""

    def __init__(self, config: DecodeConfig) -> None:
        """Generate the types of every model."""
        self.config = config
        self.schemas: tuple[ModelSchema, ...] = tuple(
            schema_of(layout, config.joined.get(layout.model)) for layout in config.layouts
        )
        targets = {schema.layout.model: schema.struct for schema in self.schemas}
        own = [Shape(model, struct, FieldMap()) for model, struct in targets.items()]
        lenient = Lenient(own, SourceSettings(topic="own"))
        self.parser = Parser(decoder_of(targets.values()), config.max_ahead, _faults, lenient)
        self.mapped = {
            number: parser_of(targets, source, config.max_ahead, _faults, _says_nothing, config.schemas)
            for number, source in config.sources.items()
        }
        self.bare = {
            number: parser_of(targets, source, config.max_ahead, _bare_faults, _says_nothing, config.schemas)
            for number, source in config.sources.items()
            if source.in_halves
        }
        self.index = {schema.struct: number for number, schema in enumerate(self.schemas)}
        self.native: NativeReader | None = None
        self.tabular = {
            number: TabularReader(self.schemas, source, config.max_ahead)
            for number, source in config.sources.items()
            if fits(source)
        }
        self.native_maps: dict[int, NativeReader] = {}
        if config.native is not None:
            told = (config.native, self.schemas, config.joined, config.max_ahead)
            self.native = NativeReader(*told)
            mapped = {
                number: NativeReader(*told, source)
                for number, source in config.sources.items()
                if number not in self.tabular
            }
            self.native_maps = {number: reader for number, reader in mapped.items() if reader.decoder is not None}
        readers: Mapping[int, NativeReader | TabularReader] = {**self.native_maps, **self.tabular}
        self.filtered = {
            number: Filtered(reader, config.sources[number])
            for number, reader in readers.items()
            if config.sources[number].where is not None
        }

    def __call__(self, batch: RawBatch) -> Decoded:
        """Decode one batch."""
        found = self._read(batch)
        columns = ModelColumns()
        late: dict[str, int] = {}
        served: dict[str, Served] = {}
        floor = None
        if batch.paired is not None and batch.paired.floor is not None:
            floor = batch.paired.floor // self.config.pane
        if len(found.stamps):
            timed, floor = self._timed(found) if batch.paired is None else (self._promised(found, batch.paired), floor)
            for number, rows in found.by_model():
                self._transpose(number, timed, rows, columns, late, served)
        by_model: Mapping[str, Columns] = columns
        if batch.paired is not None and batch.paired.bare:
            by_model = {model: _bare(some) for model, some in columns.items()}
        rest = found.rest
        dead = tuple(rest.dead)
        counts = (rest.skipped, rest.unfit, rest.silent)
        return Decoded(
            batch.origin, found.read, by_model, late, dead, floor, served, *counts, tombstones=rest.tombstones
        )

    def _read(self, batch: RawBatch) -> _Records:
        parser = self._parser(batch)
        reader = self.reader_of(batch.source)
        read = None if reader is None else reader(batch)
        if read is None:
            return Plain(self.schemas, parser(batch), self.index)
        rest = parser(part_of(batch, read.back))
        rest = replace(rest, skipped=rest.skipped + read.skipped)
        return Mixed(self.schemas, read, rest, kinds_of(rest.records, self.index))

    def _parser(self, batch: RawBatch) -> Parser:
        if batch.source is None:
            return self.parser
        bare = batch.paired is not None and batch.paired.bare
        return (self.bare if bare else self.mapped)[batch.source]

    def reader_of(self, source: int | None) -> NativeReader | TabularReader | Filtered | None:
        """What reads the usual messages of a source as columns at once, if anything does."""
        if source is None:
            return self.native
        reader = self.tabular.get(source) or self.native_maps.get(source)
        return None if reader is None else self.filtered.get(source, reader)

    def _timed(self, found: _Records) -> tuple[_Timed, int]:
        lateness, pane = self.config.lateness, self.config.pane
        panes, late, floor = late_in_order(found.stamps, lateness, pane, found.proven)
        known = found.stamps
        if late is not None and self.config.joined:
            known = effective_times(found.stamps, found.proven, lateness, pane)
        return _Timed(found, panes, late, known), floor

    def _promised(self, found: _Records, paired: Paired) -> _Timed:
        """The times of what was paired: whether it came late, and how far all have come, was found out there."""
        panes = found.stamps // self.config.pane
        if paired.known is None:
            return _Timed(found, panes, None, found.stamps)
        return _Timed(found, panes, np.ones(len(panes), dtype=bool), np.maximum(found.stamps, paired.known))

    def _transpose(
        self,
        number: int,
        timed: _Timed,
        rows: IntArray | None,
        columns: ModelColumns,
        late: dict[str, int],
        served: dict[str, Served],
    ) -> None:
        """Add what one model has in the batch. Records that came too late are transposed only where feedback counts."""
        model = self.schemas[number].layout.model
        found = timed.found
        is_late = timed.late if timed.late is None or rows is None else timed.late[rows]
        in_time = None if is_late is None or not is_late.any() else np.flatnonzero(~is_late)
        if in_time is not None:
            late[model] = len(is_late) - len(in_time)  # type: ignore[arg-type]
        if model in self.config.joined:
            served[model] = found.served(number, rows, timed.panes, found.stamps, timed.known)
            if in_time is None or len(in_time):
                whole = served[model].columns
                columns.add(model, whole if in_time is None else whole.at(in_time))
            return
        kept = rows if in_time is None else in_time if rows is None else rows[in_time]
        if kept is not None and not len(kept):
            return
        loose = found.loose(number)
        if loose is None:
            columns.add(model, found.columns(number, kept, timed.panes))
            return
        panes = timed.panes if rows is None else timed.panes[rows]
        late_rows = None if in_time is None else is_late
        columns.leave(model, Loose(loose, panes, late_rows), partial(found.columns, number, kept, timed.panes))


def _says_nothing(record: Any) -> bool:
    """Whether this is no prediction, in a topic that holds feedback too."""
    return record.features is None and record.error in NO_FAILURE


def _bare(columns: Columns) -> Columns:
    """Of responses alone: nobody knows the features."""
    return replace(columns, bare=np.ones(len(columns.panes), dtype=bool))


def _bare_faults(records: list[Any], _stamps: IntArray) -> Sequence[Fault]:
    mute = [record.prediction is None and record.error in NO_FAILURE for record in records]
    return ((np.array(mute, dtype=bool), Reason.MISSING_FIELD, "a response without a prediction"),)


def _faults(records: list[Any], _stamps: IntArray) -> Sequence[Fault]:
    return ((bad_rows(records), Reason.MISSING_FIELD, "neither features nor error"),)
