"""Reading: the records of a model in a span of a topic, as a source's map reads them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaException

from operators.formats.joined import Joiner
from operators.formats.packed import ERRORS, UnreadableError
from operators.formats.plain import PlainReader
from operators.intake.halves import readers_of
from operators.records import UNTIMED, NoEnvelopes, Origin, RawBatch, Topic
from operators.settings.source import SourceSettings
from stream.config.inputs import inputs_of, matched, sources_of
from stream.errors import Unreachable
from stream.kafka.asking import ANSWER_SECONDS
from stream.kafka.client import MOCK
from stream.kafka.latest import looking
from stream.kafka.offsets import names
from stream.kafka.registry import registry_of
from stream.replay.blocks import blocks
from stream.replay.lanes import Block
from stream.replay.topics import Place, ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from operators.formats.plain import PlainRecord
    from stream.config.load import Config
    from stream.replay.topics import Range


@dataclass(frozen=True, slots=True)
class Part:
    """A topic that is read, how, which offsets of it, and the source that reads what its halves are paired to."""

    topic: str
    source: SourceSettings
    ranges: tuple[Range, ...]
    reader: int | None = None

    @property
    def count(self) -> int:
        """Offsets, which are its messages or nearly so."""
        return sum(one.end - one.begin for one in self.ranges)


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and its time (ms): its own, or that of its message."""

    record: PlainRecord
    time: int


@dataclass(slots=True)
class Faults:
    """Records that are not read: reason -> how many; other models' are no fault."""

    refused: Counter[str] = field(default_factory=Counter)


def parts_of(config: Config, holds: Topic, since: int | None, until: int | None) -> list[Part]:
    """What is to be read of predictions or of feedback: messages written in [since, until), ms; None for the ends.

    Raises:
        Unreachable: the broker does not answer.
        UsageError: there is no such topic, or no message in that time.
    """
    properties = looking(config)
    if not _knows_times(config, properties):
        since = until = None
    begin = Place() if since is None else Place(time=since)
    end = Place(latest=True) if until is None else Place(time=until)
    sources = sources_of(config.sources, config.models)
    known = sources.predictions if holds == Topic.PREDICTIONS else sources.feedback
    inputs = inputs_of(config.topics, config.sources)
    if any(one.pattern is not None for one in inputs):
        inputs = matched(inputs, config.topics, names(properties))
    readers = readers_of(known)
    return [
        Part(
            one.topic,
            SourceSettings(topic=one.topic) if one.source is None else known[one.source],
            tuple(ranges(properties, one.topic, begin, end)),
            None if one.source is None else readers.get(one.source),
        )
        for one in inputs
        if one.holds == holds
    ]


def _knows_times(config: Config, properties: dict[str, Any]) -> bool:
    """Whether the broker can say which offset was written when: the embedded one cannot, and is read whole."""
    consumer = Consumer(properties)
    try:
        return not (consumer.list_topics(timeout=ANSWER_SECONDS).cluster_id or "").startswith(MOCK)
    except KafkaException as error:
        raise Unreachable(f"{config.kafka.brokers}: no answer: {error.args[0].str()}") from None
    finally:
        consumer.close()


def records(
    config: Config, parts: list[Part], model: str, faults: Faults, progress: Callable[[float, int], None]
) -> Iterator[Found]:
    """The records of a model, partition after partition; topics of requests and responses are read together."""
    total, passed, count = max(sum(part.count for part in parts), 1), 0, 0
    schemas = registry_of(config)
    for mine in _together(parts):
        source = next((part.source for part in mine if part.source.holds != "responses"), mine[0].source)
        reader = PlainReader(source, schemas)
        joiner = Joiner(source, {part.topic: part.source for part in mine})
        ranged = [(part.topic, chosen) for part in mine for chosen in part.ranges]
        for topic, block, offsets in blocks(looking(config), ranged, abreast=source.in_halves):
            count += len(block.values)
            passed += offsets
            yield from _of_block(reader, joiner, topic, block, model, faults)
            progress(passed / total, count)
        last = Block((), (), NoEnvelopes(), ended=True)
        yield from _of_block(reader, joiner, mine[0].topic, last, model, faults, last=True)


def _together(parts: list[Part]) -> list[list[Part]]:
    """Parts by what their halves are paired to; those without halves each alone."""
    found: dict[int, list[Part]] = {}
    for number, part in enumerate(parts):
        found.setdefault(-number - 1 if part.reader is None else part.reader, []).append(part)
    return list(found.values())


def _of_block(
    reader: PlainReader, joiner: Joiner, topic: str, block: Block, model: str, faults: Faults, *, last: bool = False
) -> Iterator[Found]:
    messages = joiner(RawBatch(Origin(topic), block.values, block.written, block.envelopes, 0), last=last)
    for number in range(len(messages.parts)):
        try:
            found = list(messages.records(reader, number))
        except ERRORS as error:
            faults.refused[error.reason.value if isinstance(error, UnreadableError) else "wrong_type"] += 1
            continue
        written = UNTIMED if messages.batch.written is None else messages.batch.written[number]
        for record in found:
            named = record.value("model")
            if record.skipped or (named is not None and str(named) != model):
                continue
            time = record.value("timestamp")
            time = written if time is None and not _is_faulty(record) else time
            if named is None or time is None or time == UNTIMED:
                faults.refused["missing_field" if named is None else "bad_timestamp"] += 1
                continue
            yield Found(record, int(time))


def _is_faulty(record: PlainRecord) -> bool:
    """Whether there is a time that is none."""
    return "timestamp" in record.fields and bool(record.fields["timestamp"].fault)
