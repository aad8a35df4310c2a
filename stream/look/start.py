"""A config and a reference from live traffic."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operators.formats.proposals import Tried, proposed, tried
from operators.formats.proposed_pairs import proposed_pair
from operators.records import Origin, RawBatch
from operators.settings.places import ModelPlace
from stream.config.live_template import LiveTraffic
from stream.errors import UsageError
from stream.kafka.envelopes import MessageEnvelopes
from stream.kafka.latest import latest
from stream.kafka.registry import registry_of
from stream.look.entries import entries
from stream.look.peek import alone
from stream.look.rows import Reading, rows_of
from stream.look.source_file import said_source
from stream.look.span import MOST_ROWS, Since, last, span_of
from stream.references.init import InitOptions, Started, check_free, initialise

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from operators.formats.schemas import Schemas
    from stream.config.connection import Edges
    from stream.config.load import Config
    from stream.references.build import Progress as Building
    from stream.replay.lanes import Progress as Passing

SAMPLE = 200
"""The latest messages by which it is told how a topic is to be read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user says of the topics.

    Attributes:
        topic: of predictions.
        last: how far back, a duration.
        feedback: topic of feedback.
        most: rows at most, None for the default.
        preset: of the messages.
        map_file: where each field is.
        responses: topic of the responses to the requests of `topic`, where that is another one.
    """

    topic: str
    last: str
    feedback: str | None = None
    most: int | None = None
    preset: str | None = None
    map_file: Path | None = None
    responses: str | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """How progress is shown: of reading the topic, and of building the reference."""

    reading: Callable[[], AbstractContextManager[Passing]]
    building: Callable[[], AbstractContextManager[Building]]


def started_from(
    wanted: Wanted, edges: Edges, options: InitOptions, tell: Callable[[str], None], bars: Bars
) -> Started:
    """Write a config and a reference from the traffic of a topic.

    Raises:
        Unreachable: a broker or the registry does not answer.
        UsageError: the messages cannot be read, or are not of this model; or as `initialise` raises.
    """
    check_free(options)
    config, since = edges.config(), last(wanted.last)
    said = said_source(wanted.topic, wanted.preset, wanted.map_file)
    schemas = registry_of(config)
    source = _read_by(config, wanted, said, schemas, tell)
    feedback = None if wanted.feedback is None else _read_feedback(config, wanted, schemas, tell)
    reading = _reading(config, wanted, since, named(source, options.model, options.local_times))
    for topic, span in reading.spans.items():
        tell(f"{topic}: {span.count:,} offsets, {since.said}, by the time that messages were written")
        if span.cut:
            tell(f"  the {span.cut:,} before these are left out: --rows N takes more")
    with rows_of(config, reading, options.model, options.output, bars.reading, schemas) as taken:
        for line in taken.lines():
            tell(f"  {line}")
        if taken.unanswered == taken.rows and reading.source.pairing.wait:
            raise UsageError(alone(wanted.topic))
        live = LiveTraffic(
            wanted.topic,
            taken.period,
            taken.rows,
            written(source.settings) if source.settings or taken.unnamed else None,
            None if feedback is None else {"topic": wanted.feedback, **written(feedback.settings)},
            config.kafka.brokers,
            edges.named,
            edges.registry,
            None if source.answers is None else entries(wanted.topic, written(source.settings), wanted.responses),
        )
        with bars.building() as built:
            try:
                return initialise(replace(options, source=taken.file, live=live), built)
            except UsageError as error:
                raise UsageError(str(error).replace(str(taken.file), wanted.topic)) from None


def _reading(config: Config, wanted: Wanted, since: Since, source: Tried) -> Reading:
    """The part of the topic that is read, and that of the topic of responses from the same time on."""
    span = span_of(config, wanted.topic, since, wanted.most or MOST_ROWS)
    if source.answers is None:
        return Reading(source.source, {wanted.topic: span})
    (other,) = source.answers.names
    theirs = span_of(config, other, Since(span.since, since.said), sys.maxsize)
    return Reading(source.source, {wanted.topic: span, other: theirs}, {other: source.answers})


def _read_by(
    config: Config, wanted: Wanted, said: dict[str, Any] | None, schemas: Schemas | None, tell: Callable[[str], None]
) -> Tried:
    """How the predictions of a topic are read: as a user says, as they are, or as it is recognised.

    Raises:
        UsageError: none of the latest messages can be read.
    """
    responses = None if wanted.responses is None else _sample(config, wanted.responses)
    return chosen(wanted.topic, wanted.topic, _sample(config, wanted.topic), said, schemas, tell, responses)


def chosen(
    topic: str,
    called: str,
    batch: RawBatch,
    said: dict[str, Any] | None,
    schemas: Schemas | None,
    tell: Callable[[str], None],
    responses: RawBatch | None = None,
) -> Tried:
    """How some messages of predictions are read; `called` is where they are from.

    Raises:
        UsageError: none of them can be read.
    """
    own = tried(batch, said or {}, schemas, responses=responses)
    found = None
    if said is None:
        found = proposed(batch, schemas) if responses is None else proposed_pair(batch, responses, schemas)
    if found is not None and found.source.holds == "feedback":
        found = None
    best = own if found is None else found
    if best is None or not best.good:
        latest_ones = "latest " if called == topic else ""
        raise UsageError(
            f"{called}: none of its {latest_ones}messages can be read; look with: driftgauge peek {called}"
        )
    if best is found:
        looks = f", which looks like {best.looks}" if best.looks else " by usual names"
        tell(f"{called}: read{looks}; correct `sources` in the config where it is wrong, and start again with --map")
    return best


def _read_feedback(config: Config, wanted: Wanted, schemas: Schemas | None, tell: Callable[[str], None]) -> Tried:
    """How feedback is read.

    Raises:
        UsageError: none of the latest messages can be read.
    """
    topic = wanted.feedback or ""
    said = None
    if wanted.map_file is not None:
        try:
            said = said_source(topic, None, wanted.map_file)
        except UsageError:  # it is about predictions alone
            said = None
        said = said if said is not None and said.get("holds") == "feedback" else None
    batch = _sample(config, topic)
    own = tried(batch, said or {"holds": "feedback"}, schemas)
    found = proposed(batch, schemas) if said is None and (own is None or own.good < len(batch.values)) else None
    best = found if found is not None and found.source.holds == "feedback" else own
    if best is None or not best.good:
        raise UsageError(f"{topic}: no feedback is recognised; look with: driftgauge peek {topic}")
    if best is found:
        tell(f"{topic}: read by usual names")
    return best


def _sample(config: Config, topic: str) -> RawBatch:
    messages = latest(config, topic, SAMPLE).messages
    if not messages:
        raise UsageError(f"{topic}: holds no message")
    values: list[Any] = [message.value() for message in messages]
    written_at = [message.timestamp()[1] for message in messages]
    return RawBatch(Origin(topic), values, written_at, MessageEnvelopes(messages), 0)


def named(source: Tried, model: str, timezone: str) -> Tried:
    """The source as a config of one model has it: about that where records name none, with its zone of local times."""
    source = replace(source, source=source.source.in_zone(timezone))
    given = source.source.map
    if "model" in given.model_fields_set:
        return source
    named = given.model_copy(update={"model": ModelPlace(path=("model",), default=model)})
    return replace(source, source=source.source.model_copy(update={"map": named}))


def written(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings as a config says them."""
    found = {name: value for name, value in settings.items() if value is not None}
    if "schema_file" in found:
        found["schema_file"] = str(Path(str(found["schema_file"])).resolve())
    return found
