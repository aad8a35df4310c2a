"""`driftgauge check --sample`: what is understood of a message, field by field, and what is not."""

from __future__ import annotations

import json
import time
from codecs import BOM_UTF8
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from operators.dead_letters import Reason
from operators.formats.guesses import guess
from operators.formats.heads import named
from operators.formats.joined import joined
from operators.formats.json_lines import dead_letter, lines_of, records_in
from operators.formats.literals import parsed
from operators.formats.packed import UnreadableError, unpacked
from operators.formats.surroundings import Surroundings
from operators.formats.values import ValuesParser
from operators.intake.decode import Decode, DecodeConfig
from operators.intake.feedback import DecodeFeedback, FeedbackConfig
from operators.plans.classes import feedback_models
from operators.records import NoEnvelopes, Origin, Paired, RawBatch, Topic
from operators.settings.places import ROOT, shown
from operators.settings.source import FieldMap
from stream.config.inputs import inputs_of, sources_of
from stream.config.problems import shorten
from stream.errors import UsageError
from stream.kafka.registry import registry_of
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from operators.dead_letters import DeadLetter
    from operators.settings.places import Steps
    from operators.settings.source import SourceSettings
    from stream.config.inputs import Input
    from stream.config.load import Config
    from windows.predictions.layout import Layout
    from windows.references.reference import Reference

PREDICTION = ("prediction_id", "timestamp", "model", "version", "prediction", "latency_ms", "error")
FEEDBACK = ("prediction_id", "timestamp", "model", "label", "value", "kind", "predicted_at")
NEEDED = {"timestamp", "model", "prediction_id"}
"""Fields that somebody will miss: the others may well be absent."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What became of a sample.

    Attributes:
        lines: for people.
        refused: records of it that cannot be read.
    """

    lines: list[str]
    refused: int


def understood(config: Config, references: Mapping[str, Reference], path: Path) -> Understood:
    """What is understood of the messages in a file by each source that they may come from.

    Raises:
        UsageError: the file cannot be read, or is empty.
    """
    try:
        value = path.read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        raise UsageError(f"--sample {path}: cannot be read: {error.strerror or error}") from None
    messages = lines_of(value)
    if not messages:
        raise UsageError(f"--sample {path}: is empty")
    sample = _Sample(config, references)
    plain = all(source.format == "json" and source.preset is None for source in config.sources)
    messages = messages if plain else [value]
    inputs = inputs_of(config.topics, config.sources)
    best = min((sample.by(one, messages) for one in inputs if sample.reads(one)), key=_refused)
    unread = [
        f"feedback of {one.topic} is not read: no model has `performance:`"
        for one in inputs
        if one.source is not None and not sample.reads(one)
    ]
    return Understood([*best.lines, *unread], best.refused)


def _refused(found: Understood) -> int:
    return found.refused


class _Sample:
    """Reads messages as the monitor would."""

    def __init__(self, config: Config, references: Mapping[str, Reference]) -> None:
        self._time = config.time
        self._sources = sources_of(config.sources, config.models)
        self._layouts = {model.name: layout_of(references[model.name], model.segments) for model in config.models}
        registry = registry_of(config)
        self._known = feedback_models(config.models, self._layouts, references)
        clock = (self._time.pane, self._time.lateness, self._time.max_ahead)
        self._decode = Decode(
            DecodeConfig(tuple(self._layouts.values()), *clock, {}, self._sources.predictions, registry)
        )
        awaited = self._sources.feedback if self._known else {}
        self._decode_feedback = DecodeFeedback(FeedbackConfig(self._known, *clock, awaited, registry))

    def reads(self, one: Input) -> bool:
        """Whether the monitor would read it: feedback only where a model awaits some."""
        return one.holds == Topic.PREDICTIONS or bool(self._known)

    def by(self, one: Input, messages: list[bytes]) -> Understood:
        """What one source makes of the messages."""
        feedback = one.holds == Topic.FEEDBACK
        given = self._sources.feedback if feedback else self._sources.predictions
        source = None if one.source is None else given[one.source]
        lines, refused = [], 0
        for number, message in enumerate(messages, 1):
            dead, skipped, unfit = self._read(one, message)
            refused += len(dead)
            lines.append(f"message {number}, as {one.holds.value} of {one.topic}: {_verdict(dead, skipped)}")
            lines += [f"  {name} is of another type: it is set aside" for name in unfit]
            shown = _whole(one.topic, source, message)
            lines += [f"  {line}" for line in self._fields(one.source, source, shown, feedback=feedback)]
            maybe = guess(message, source) if dead else ""
            lines += [f"  {maybe}"] if maybe else []
        return Understood(lines, refused)

    def _read(self, one: Input, message: bytes) -> tuple[tuple[DeadLetter, ...], int, Iterable[str]]:
        now = int(time.time() * 1e3)
        batch = RawBatch(Origin(one.topic, holds=one.holds), [message], [now], NoEnvelopes(), now, one.source)
        source = None if one.source is None else self._sources.predictions.get(one.source)
        if source is not None and source.in_halves:
            return self._half(batch, source)
        read = self._decode_feedback(batch) if one.holds == Topic.FEEDBACK else self._decode(batch)
        return read.dead, read.skipped, read.unfit

    def _half(self, batch: RawBatch, source: SourceSettings) -> tuple[tuple[DeadLetter, ...], int, Iterable[str]]:
        """What becomes of a request or a response alone."""
        found = joined(batch, source)
        for error in found.faults.values():
            reason = error.reason if isinstance(error, UnreadableError) else Reason.BAD_FORMAT
            return (dead_letter(found.batch, 0, found.batch.values[0], reason, str(error)),), 0, ()
        if found.skipped:
            return (), 1, ()
        bare = b'"request":' not in (found.batch.values[0] or b"")
        read = self._decode(replace(found.batch, paired=Paired(None, bare=bare, places=[(0, 0)])))
        return read.dead, read.skipped, read.unfit

    def _record(self, number: int | None, message: bytes, *, feedback: bool) -> Any:
        """The first record of a message; None where it has none."""
        parsers = self._decode_feedback.mapped if feedback else self._decode.mapped
        parser = None if number is None else parsers.get(number)
        try:
            if isinstance(parser, ValuesParser):
                around = Surroundings(RawBatch(Origin(""), [message], None, NoEnvelopes(), 0), [0])
                found = parser.codec(unpacked(message), around)
            else:
                (line, *_) = records_in(message)
                found = parsed(line)
        except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError):
            return None
        return found[0] if isinstance(found, list) and found else found

    def _fields(
        self, number: int | None, source: SourceSettings | None, message: bytes, *, feedback: bool
    ) -> Iterator[str]:
        """Each field with its path and what is there."""
        record = self._record(number, message, feedback=feedback)
        if record is None:
            return
        given = FieldMap() if source is None else source.map
        for field in FEEDBACK if feedback else PREDICTION:
            place = given.place(field)
            if place is not None and place.outside:
                yield f"{field}: from {named(place)}, which a file does not have"
            elif place is not None and place.path is None:
                yield f"{field}: {json.dumps(place.constant)}, as the map says"
            elif place is not None and place.path is not None:
                found = _at(record, place.path)
                if found is not None or field in NEEDED:
                    yield f"{field}: {_shown(found)} at {shown(place.path)}"
        if not feedback:
            for layout in self._layouts.values():
                yield _features(given, record, layout)


def _features(given: FieldMap, record: Any, layout: Layout) -> str:
    """How many features there are, and where those that are not are looked for."""
    absent = []
    for field in layout.features:
        steps = given.features.steps(field.name)
        if steps is not None and _at(record, steps) is None:
            absent.append(f"{field.name} (at {shown(steps)})")
    there = len(layout.features) - len(absent)
    missing = f"; nothing there for {', '.join(absent[:10])}{', ...' if len(absent) > 10 else ''}" if absent else ""
    where = " at the root" if given.features.path is None and given.features.names is None else ""
    hint = _at_root(record, layout, there)
    return f"features of {layout.model}: {there} of {len(layout.features)}{where}{missing}{hint}"


def _at_root(record: Any, layout: Layout, there: int) -> str:
    """The hint that features are the record's own keys, where more of them are than were found."""
    own = sum(field.name in record for field in layout.features) if isinstance(record, dict) else 0
    return f"; {own} of them are at the root: map: {{features: {ROOT}}} reads them there" if own > there else ""


def _whole(topic: str, source: SourceSettings | None, message: bytes) -> bytes:
    """A request or a response as its map reads it; anything else as it is."""
    if source is None or not source.in_halves:
        return message
    found = joined(RawBatch(Origin(topic), [message], [int(time.time() * 1e3)], NoEnvelopes(), 0), source)
    return (found.batch.values or [message])[0] or message


def _verdict(dead: tuple[DeadLetter, ...], skipped: int) -> str:
    if dead:
        return f"refused for {dead[0].reason.value}: {dead[0].detail}"
    return "skipped by the source's filter" if skipped else "read"


def _shown(found: Any) -> str:
    return "nothing" if found is None else shorten(json.dumps(found, ensure_ascii=False))


def _at(record: Any, steps: Steps) -> Any:
    """What is at a path; of an array that is split, in its first element."""
    here = record
    for step in steps:
        if isinstance(here, list) and isinstance(step, str):
            here = here[0] if here else None
        if isinstance(step, int):
            here = here[step] if isinstance(here, list) and step < len(here) else None
        else:
            here = here.get(step) if isinstance(here, dict) else None
    return here
