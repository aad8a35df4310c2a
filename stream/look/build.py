"""A reference of live traffic, for a model of a config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from operators.records import Topic
from operators.settings.source import SourceSettings
from stream.config.inputs import inputs_of, sources_of
from stream.config.live_template import LiveTraffic
from stream.errors import UsageError
from stream.kafka.registry import registry_of
from stream.look.rows import rows_of
from stream.look.span import MOST_ROWS, span_of, topic_since
from stream.references.build import build
from stream.rows.noted import NotedRows
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from collections.abc import Callable

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
    source = source_of(config, topic)
    span = span_of(config, topic, since, most or MOST_ROWS)
    tell(f"{topic}: {span.count:,} offsets, {since.said}, by the time that messages were written")
    if span.cut:
        tell(f"  the {span.cut:,} before these are left out: --rows N takes more")
    beside = Path(config.source).resolve().parent
    with rows_of(config, span, source, options.model, beside, bars.reading, registry_of(config)) as taken:
        for line in taken.lines():
            tell(f"  {line}")
        note = LiveTraffic(topic, taken.period, taken.rows).meaning
        try:
            with bars.building() as progress:
                return build(NotedRows(open_rows(taken.file, wishes), note), options, progress)
        except UsageError as error:
            raise UsageError(str(error).replace(str(taken.file), topic)) from None


def source_of(config: Config, topic: str) -> SourceSettings:
    """How the config reads the predictions of a topic.

    Raises:
        UsageError: it reads no such topic.
    """
    known = sources_of(config.sources, config.models).predictions
    for one in inputs_of(config.topics, config.sources):
        if one.holds == Topic.PREDICTIONS and one.source is None and one.topic == topic:
            return SourceSettings(topic=topic)
        if one.holds == Topic.PREDICTIONS and one.source is not None and known[one.source].reads(topic):
            return known[one.source].of(topic)
    named = ", ".join(one.topic for one in inputs_of(config.topics, config.sources) if one.holds == Topic.PREDICTIONS)
    raise UsageError(f"{config.source}: no predictions are read from {topic}; it reads {named}")
