"""Whether the sources of a config fit what is in their topics: what `check --connect` says of the latest messages."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from statistics import median
from typing import TYPE_CHECKING, Any

from operators.dead_letters import DeadLetter, Reason
from operators.formats.guesses import guess
from operators.formats.halves import OUTPUTS
from operators.formats.joined import Answers, joined
from operators.formats.lacks import lacking
from operators.formats.packed import ERRORS
from operators.formats.plain import FEEDBACK, PREDICTION, PlainReader
from operators.formats.proposals import counts
from operators.records import Origin, RawBatch, Topic
from operators.settings.durations import show_duration
from operators.settings.places import shown
from operators.settings.source import SourceSettings
from stream.config.companions import companions
from stream.config.inputs import inputs_of, matched, sources_of
from stream.config.problems import shorten
from stream.kafka.envelopes import MessageEnvelopes
from stream.kafka.latest import latest
from stream.kafka.registry import registry_of
from stream.look.meeting import Side, add, unmet
from stream.look.shown import beginning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from confluent_kafka import Message

    from operators.formats.joined import Joined
    from operators.formats.plain import PlainRecord
    from stream.config.inputs import Input
    from stream.config.load import Config
    from stream.config.problems import ConfigFinding
    from stream.look.meeting import Sides
    from windows.references.reference import Reference

SAMPLE = 100
"""The latest messages of a topic that are looked at."""

FURTHER = 5_000
"""So many are looked at where none of the labels is about one of those."""

MOST_TOPICS = 10
"""Topics of one source that are looked into."""

SLOW = 60_000.0
"""A median latency (ms) beyond which it is likely in another unit."""

BEHIND = 3_600_000
"""So far (ms) behind the time of writing event times are worth a word."""

ODD_TIME = "another unit, or a time zone? (`time.timezone` says where clocks are that write no offset)"
MOST_NAMED = 10
OPTIONAL = {"error", "kind", "usage"}
"""Fields that most records may well lack."""


@dataclass(slots=True)
class Sampled:
    """What was found.

    Attributes:
        lines: how much is read of each topic.
        notes: what is odd.
        findings: what makes a source useless.
    """

    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[ConfigFinding] = field(default_factory=list)


def sampled(config: Config, references: Mapping[str, Reference], names: Iterable[str]) -> Sampled:
    """Read the latest messages of the topics as the monitor would, of each source of a few of them.

    Args:
        config: with the sources.
        references: by model.
        names: of the topics that are there, for sources with a pattern.

    Raises:
        Unreachable: a broker or the registry does not answer.
        UsageError: a topic may not be read.
    """
    found = Sampled()
    known, schemas = sources_of(config.sources, config.models), registry_of(config)
    features = {name: tuple(reference.features) for name, reference in references.items()}
    awaited = [model.name for model in config.models if model.performance is not None]
    sides: dict[Topic, Sides] = {Topic.PREDICTIONS: {}, Topic.FEEDBACK: {}}
    again: list[Callable[[], Sides]] = []
    looked: Counter[tuple[Topic, int | None]] = Counter()
    inputs = matched(inputs_of(config.topics, config.sources), config.topics, names)
    for one in inputs:
        feedback = one.holds == Topic.FEEDBACK
        if feedback and not awaited:
            continue
        looked[one.holds, one.source] += 1
        if looked[one.holds, one.source] > MOST_TOPICS:
            continue
        own = SourceSettings(topic=one.topic, holds="feedback" if feedback else "predictions")
        given = known.feedback if feedback else known.predictions
        by = own if one.source is None else given[one.source].of(one.topic)
        messages = latest(config, one.topic, SAMPLE).messages
        if not messages:
            found.lines.append(f"topic {one.topic}: holds no message that its map could be checked with")
            continue
        others = {} if feedback else companions(known.predictions, inputs, one.topic, one.source)
        if others and (by.holds == "responses" or one.topic.endswith(OUTPUTS)):
            found.lines.append(
                f"topic {one.topic}: its responses are looked at with the requests of {next(iter(others))}"
            )
            continue
        theirs = next((_answers(config, topic, source) for topic, source in others.items()), None)
        sample = _Sample(config, one, by, PlainReader(by, schemas), features)
        sample.of(messages, found, theirs)
        sample.told(sides[one.holds])
        if not feedback and not by.in_halves:
            again.append(sample.further)
    for (_, number), count in looked.items():
        if count > MOST_TOPICS:
            found.lines.append(f"sources.{number}: {count - MOST_TOPICS} more of its topics are not looked into")
    further = cache(lambda: _together(look() for look in again))
    for model in awaited:
        found.notes += unmet(model, sides[Topic.PREDICTIONS], sides[Topic.FEEDBACK], further)
    return found


def _together(parts: Iterable[Sides]) -> Sides:
    """Sides as one."""
    found: Sides = {}
    for part in parts:
        for model, side in part.items():
            mine = found.setdefault(model, Side())
            mine.records += side.records
            mine.times.update(side.times)
    return found


def _answers(config: Config, topic: str, source: SourceSettings) -> Answers:
    """The latest messages of a topic that holds responses."""
    return Answers(_batch(topic, latest(config, topic, SAMPLE).messages), source)


def _batch(topic: str, messages: Sequence[Message]) -> RawBatch:
    values: list[Any] = [message.value() for message in messages]
    written = [message.timestamp()[1] for message in messages]
    return RawBatch(Origin(topic), values, written, MessageEnvelopes(messages), 0)


class _Sample:
    """The messages of one topic."""

    def __init__(
        self,
        config: Config,
        one: Input,
        source: SourceSettings,
        reader: PlainReader,
        features: Mapping[str, Sequence[str]],
    ) -> None:
        self._config = config
        self._one = one
        self._source = source
        self._reader = reader
        self._features = features
        self._feedback = one.holds == Topic.FEEDBACK
        self._messages: Joined
        self._good: list[tuple[PlainRecord, int, int]] = []

    def of(self, messages: Sequence[Message], found: Sampled, answers: Answers | None = None) -> None:
        """Add what is found in some messages, put together with the responses of another topic."""
        raw = _batch(self._one.topic, messages)
        values = raw.values
        self._messages = joined(raw, self._source, answers)
        batch = self._messages.batch
        written = list(batch.written or ())
        read, bad = sum(number < len(values) for number in self._messages.skipped), None
        for number, parts in enumerate(self._messages.parts):
            mine = sum(part < len(values) for part in parts)
            if not mine:  # a response whose request is older than these
                continue
            records = self._records(number)
            told = written[number]
            if records is None or not all(record.skipped or self._counts(record, told) for record in records):
                bad = number if bad is None else bad
                continue
            read += mine
            self._good += [(record, number, written[number]) for record in records if not record.skipped]
        found.lines.append(f"topic {self._one.topic}: {read} of its latest {len(values)} messages are read")
        if bad is not None:
            said = self._refusal(batch, bad)
            if not read:
                given = f"none of the latest {len(values)} messages of {self._one.topic} can be read"
                found.findings.append((self._key, given, said))
                return
            found.notes.append(f"{self._one.topic}: {len(values) - read} of {len(values)} are refused; {said}")
        found.notes += [f"{self._one.topic}: {note}" for note in (*self._absent(), *self._odd())]
        found.notes += [f"{self._one.topic}: {note}" for note in self._twice(values)]

    def told(self, sides: Sides) -> None:
        """Note ids and times of what is read."""
        add(sides, self._good, labels=self._feedback)

    def further(self) -> Sides:
        """Ids and times of more of its predictions, further back."""
        raw = _batch(self._one.topic, latest(self._config, self._one.topic, FURTHER).messages)
        self._messages, found = joined(raw, self._source, None), dict[str, Side]()
        written = list(self._messages.batch.written or ())
        for number in range(len(self._messages.parts)):
            add(found, ((record, number, written[number]) for record in self._records(number) or ()), labels=False)
        return found

    @property
    def _key(self) -> tuple[str | int, ...]:
        return ("topics", self._one.holds.value) if self._one.source is None else ("sources", self._one.source)

    def _records(self, number: int) -> list[PlainRecord] | None:
        try:
            return list(self._messages.records(self._reader, number))
        except ERRORS:
            return None

    def _counts(self, record: PlainRecord, written: int) -> bool:
        """Whether the monitor would take a record."""
        time = record.fields.get("timestamp")
        if str(record.value("model")) not in self._features or (time is not None and time.fault):
            return False
        if self._ahead(record, written):
            return False
        if self._source.holds == "both":
            return record.predicts or record.labels
        return record.labels if self._feedback else counts(record, self._source)

    def _ahead(self, record: PlainRecord, written: int) -> int:
        """How far (ms) its time is beyond what is allowed ahead of the time of writing; 0 for not at all."""
        time = record.value("timestamp")
        ahead = 0 if time is None or written <= 0 else time - written
        return ahead if ahead > self._config.time.max_ahead else 0

    def _refusal(self, batch: RawBatch, number: int) -> str:
        """What one message lacks, and its beginning."""
        value = batch.values[number]
        key, headers = batch.envelopes.key(number), batch.envelopes.headers(number)
        letter = DeadLetter(value, key, headers, Reason.MISSING_FIELD, "", self._one.topic, 0, 0, None)
        lacks = ", ".join(lacking(letter, self._source, self._features, self._reader.schemas))
        written = 0 if batch.written is None else batch.written[number]
        ahead = max((self._ahead(record, written) for record in self._records(number) or ()), default=0)
        late = f"its time is {_long(ahead)} ahead of the time of writing: {ODD_TIME}" if ahead else ""
        said = "; ".join(part for part in (lacks and f"it lacks: {lacks}", late, guess(value, self._source)) if part)
        return f"such as {beginning(value)}" + (f" ({said})" if said else "")

    def _absent(self) -> Iterator[str]:
        """Fields that the map names, and features of the reference, that are in no record."""
        if not self._good:
            return
        example = self._example()
        given = self._source.map
        for name in FEEDBACK if self._feedback else PREDICTION:
            place = given.place(name)
            own = place is not None and place.path == (name,) and name in {"timestamp", "predicted_at"}
            if name not in given.model_fields_set or name in OPTIONAL or own or place is None or place.path is None:
                continue
            if all(record.value(name) is None for record, _, _ in self._good):
                faults = {record.fields[name].fault for record, _, _ in self._good} - {""}
                why = f" that can be read ({min(faults)})" if faults else ""
                yield f"{name}: nothing{why} at {shown(place.path)} in any of {len(self._good)} records{example}"
        for model, names in self._features.items() if not self._feedback else ():
            mine = [record for record, _, _ in self._good if str(record.value("model")) == model]
            seen = {name for record in mine for name, cell in record.features.items() if cell.value is not None}
            absent = [name for name in names if name not in seen]
            if mine and absent:
                places = (
                    f"{name} at {shown(given.features.steps(name) or ('nowhere',))}" for name in absent[:MOST_NAMED]
                )
                more = f" and {len(absent) - MOST_NAMED} more" if len(absent) > MOST_NAMED else ""
                yield f"features of {model} in none of {len(mine)} records: {', '.join(places)}{more}{example}"

    def _odd(self) -> Iterator[str]:
        """Times and latencies that are likely in another unit."""
        pairs = [
            (written, time)
            for record, _, written in self._good
            if (time := record.value("timestamp")) is not None and written > 0
        ]
        if pairs:
            behind = min(written - time for written, time in pairs)
            if behind > BEHIND:
                yield f"timestamp: {_long(behind)} and more behind the time of writing: {ODD_TIME}"
        latencies = [
            value for record, _, _ in self._good if isinstance(value := record.value("latency_ms"), int | float)
        ]
        if latencies and median(latencies) > SLOW:
            yield f"latency_ms: {median(latencies):,.0f} ms in the median: in another unit? (scale: 0.001 is of us)"

    def _twice(self, values: Sequence[bytes | None]) -> Iterator[str]:
        """Two fields on one path."""
        given = self._source.map
        places: dict[str, list[str]] = {}
        for name in FEEDBACK if self._feedback else PREDICTION:
            place = given.place(name)
            if place is not None and place.path is not None:
                places.setdefault(shown(place.path), []).append(name)
        for name in dict.fromkeys(name for names in self._features.values() for name in names):
            steps = None if self._feedback else given.features.steps(name)
            if steps is not None:
                places.setdefault(shown(steps), []).append(f"feature {name}")
        for path, names in places.items():
            if len(names) > 1:
                yield f"{' and '.join(names)} are read from one path, {path}; such as {beginning(values[-1])}"

    def _example(self) -> str:
        record, _, _ = self._good[-1]
        there = {cell.where: cell.value for cell in (*record.fields.values(), *record.features.values())}
        held = {where: value for where, value in there.items() if value is not None}
        return f"; such a record has {shorten(json.dumps(held, ensure_ascii=False, default=str))}"


def _long(ms: int) -> str:
    """A length of time for people, in whole units."""
    unit = next((unit for unit in (86_400_000, 3_600_000, 60_000) if ms >= 2 * unit), 1_000)
    return show_duration(ms // unit * unit)
