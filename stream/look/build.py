"""A reference of live traffic, for a model of a config."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from operators.intake.halves import readers_of
from operators.records import Topic
from operators.settings.source import SourceSettings
from stream.config.companions import companions
from stream.config.inputs import inputs_of, matched, sources_of
from stream.config.live_template import LiveTraffic
from stream.errors import UsageError
from stream.kafka.latest import looking
from stream.kafka.offsets import names
from stream.kafka.registry import registry_of
from stream.look.rows import Reading, rows_of
from stream.look.span import MOST_ROWS, Since, span_of, topic_since
from stream.references.build import build
from stream.rows.noted import NotedRows
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stream.config.inputs import Input
    from stream.config.load import Config
    from stream.look.start import Bars
    from stream.references.build import BuildOptions, Built
    from stream.rows.columns import Wishes


def built_of(
    config: Config,
    place: str,
    most: int | None,
    options: BuildOptions,
    wishes: Wishes,
    tell: Callable[[str], None],
    bars: Bars,
) -> Built:
    """Build a reference of `kafka:TOPIC?from=WHEN`, read as the config says.

    Raises:
        Unreachable: a broker or the registry does not answer.
        UsageError: the config reads no such topic, or there are no rows in it.
    """
    topic, since = topic_since(place)
    reading = reading_of(config, topic, since, most or MOST_ROWS)
    for name, span in reading.spans.items():
        tell(f"{name}: {span.count:,} offsets, {since.said}, by the time that messages were written")
        if span.cut:
            tell(f"  the {span.cut:,} before these are left out: --rows N takes more")
    beside = Path(config.source).resolve().parent
    with rows_of(config, reading, options.model, beside, bars.reading, registry_of(config)) as taken:
        for line in taken.lines():
            tell(f"  {line}")
        note = LiveTraffic(topic, taken.period, taken.rows).meaning
        try:
            with bars.building() as progress:
                return build(NotedRows(open_rows(taken.file, wishes), note), options, progress)
        except UsageError as error:
            raise UsageError(str(error).replace(str(taken.file), topic)) from None


def reading_of(config: Config, topic: str, since: Since, most: int) -> Reading:
    """How the config reads the predictions of a topic, with those that hold the other halves of its messages.

    Raises:
        Unreachable: the broker does not answer.
        UsageError: it reads no such topic, or there is no message in it.
    """
    known = sources_of(config.sources, config.models).predictions
    inputs = [one for one in inputs_of(config.topics, config.sources) if one.holds == Topic.PREDICTIONS]
    number = _number(config, inputs, known, topic)
    if number is None:
        return Reading(SourceSettings(topic=topic), {topic: span_of(config, topic, since, most)})
    if known[number].in_halves:
        inputs = list(matched(inputs, config.topics, names(looking(config))))
    answers = companions(known, inputs, topic, number)
    reader = known[readers_of(known)[number]] if known[number].in_halves else known[number]
    span = span_of(config, topic, since, most)
    theirs = {name: span_of(config, name, Since(span.since, since.said), sys.maxsize) for name in answers}
    return Reading(reader.of(topic), {topic: span, **theirs}, {**answers, topic: known[number].of(topic)})


def _number(config: Config, inputs: Sequence[Input], known: Mapping[int, SourceSettings], topic: str) -> int | None:
    """The source that reads a topic; None where it has the contract's own shape.

    Raises:
        UsageError: none does.
    """
    for one in inputs:
        if one.topic == topic if one.source is None else known[one.source].reads(topic):
            return one.source
    named = ", ".join(one.topic for one in inputs)
    raise UsageError(f"{config.source}: no predictions are read from {topic}; it reads {named}")
