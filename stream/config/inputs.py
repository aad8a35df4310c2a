"""Inputs: the topics that are read, from `sources` or from the short form in `topics`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from operators.formats.map_tree import MapError
from operators.formats.parsers import parser_of
from operators.formats.schema import schema_of
from operators.intake.feedback import DecodeFeedback, FeedbackConfig
from operators.intake.halves import readers_of
from operators.plans.classes import feedback_models
from operators.records import Topic
from operators.settings.places import ModelPlace
from operators.settings.source import UTC, Sources, SourceSettings
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from operators.settings.model import ModelSettings
    from stream.config.edges.kafka import TopicsSettings
    from stream.config.problems import ConfigFinding
    from windows.references.reference import Reference


@dataclass(frozen=True, slots=True)
class Input:
    """A topic, what is read from it, and by which source's map (None: it has the contract's own shape).

    `feed` is a name of it that no other one has that holds the same: its own, unless several sources read the topic.
    With a `pattern` it stands for every topic that matches; see `matched`.
    """

    topic: str
    holds: Topic
    source: int | None = None
    feed: str = ""
    pattern: str | None = None


def inputs_of(topics: TopicsSettings, sources: Sequence[SourceSettings]) -> tuple[Input, ...]:
    """What is read, predictions first.

    Sources that hold predictions stand in place of topics.predictions, those that hold feedback of topics.feedback.
    """
    found: list[Input] = []
    for holds, short in ((Topic.PREDICTIONS, topics.predictions), (Topic.FEEDBACK, topics.feedback)):
        mine = [(number, source) for number, source in enumerate(sources) if holds in set(source.kinds)]
        named: set[str] = set()
        for number, source in mine:
            if source.pattern is not None:
                found.append(Input(source.pattern, holds, number, pattern=source.pattern))
            for topic in source.names:
                feed = f"{topic}#{number}" if topic in named else topic
                named.add(topic)
                found.append(Input(topic, holds, number, feed))
        if not mine:
            found.append(Input(short, holds, feed=short))
    return tuple(found)


def in_zone(timezone: str, topics: TopicsSettings, sources: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
    """The sources, each of which says of which zone times without an offset are; also those of the short form."""
    if timezone == UTC:
        return sources
    held = {kind for source in sources for kind in source.kinds}
    own = (
        SourceSettings(topic=topics.predictions, holds="predictions"),
        SourceSettings(topic=topics.feedback, holds="feedback"),
    )
    return tuple(one.in_zone(timezone) for one in (*sources, *(one for one in own if one.holds not in held)))


def timezone_of(holds: Topic, timezone: str, sources: Sequence[SourceSettings]) -> str:
    """Where clocks are that write no offset into files: as the one source of their kind says, else `timezone`."""
    mine = [source for source in sources if holds.value in set(source.kinds)]
    place = mine[0].map.timestamp if len(mine) == 1 else None
    return timezone if place is None or place.timezone is None else place.timezone


def matched(inputs: Sequence[Input], topics: TopicsSettings, names: Iterable[str]) -> tuple[Input, ...]:
    """The inputs, with all topics of `names` that match in place of each pattern.

    What the config names, here or as an output, matches none, nor do a broker's own topics; of several patterns of a
    kind that match, the first one counts.
    """
    ours = {one.topic for one in inputs if one.pattern is None}
    ours |= {name for key, name in topics if name is not None and key not in {Topic.PREDICTIONS, Topic.FEEDBACK}}
    free = sorted(name for name in names if name not in ours and not name.startswith("__"))
    found: list[Input] = []
    taken: set[tuple[Topic, str]] = set()
    for one in inputs:
        if one.pattern is None:
            found.append(one)
            continue
        whole = re.compile(one.pattern)
        mine = [name for name in free if (one.holds, name) not in taken and whole.fullmatch(name)]
        taken.update((one.holds, name) for name in mine)
        found += [replace(one, topic=name, feed=name) for name in mine]
    return tuple(found)


def sources_of(sources: Sequence[SourceSettings], models: Sequence[ModelSettings]) -> Sources:
    """The sources by what they hold; where there is but one model, records need not name it, but may name no other."""
    filled = [_about(source, models) for source in sources]

    def holding(holds: Topic) -> dict[int, SourceSettings]:
        return {number: source for number, source in enumerate(filled) if holds in set(source.kinds)}

    return Sources(holding(Topic.PREDICTIONS), holding(Topic.FEEDBACK))


def _about(source: SourceSettings, models: Sequence[ModelSettings]) -> SourceSettings:
    if len(models) != 1 or "model" in source.map.model_fields_set:
        return source
    named = source.map.model_copy(update={"model": ModelPlace(path=("model",), default=models[0].name)})
    return source.model_copy(update={"map": named})


def source_findings(
    sources: Sequence[SourceSettings],
    models: Sequence[ModelSettings],
    references: Mapping[str, Reference],
    pane: int,
) -> Iterator[ConfigFinding]:
    """Maps that cannot be followed for the models that there are."""
    given = sources_of(sources, models)
    layouts = {model.name: layout_of(references[model.name], model.segments) for model in models}
    tasks = {model.name: model.task for model in models if model.performance is not None}
    targets = {name: schema_of(layout, tasks.get(name)).struct for name, layout in layouts.items()}
    for number, source in given.predictions.items():
        try:
            parser_of(targets, source, 0, lambda *_: (), lambda _: False)
        except MapError as error:
            yield ("sources", number, *_at(error)), None, str(error)
    yield from _halves_findings(given)
    known = feedback_models(models, layouts, references)
    for number, source in given.feedback.items():
        if not known:
            continue
        try:
            DecodeFeedback(FeedbackConfig(known, pane, 0, 0, {number: source}))
        except MapError as error:
            yield ("sources", number, *_at(error)), None, str(error)


def _halves_findings(given: Sources) -> Iterator[ConfigFinding]:
    """Sources of responses whose requests are nowhere."""
    for number, source in given.predictions.items():
        try:
            readers_of({**given.predictions, number: source})
        except LookupError as error:
            if source.holds == "responses":
                yield ("sources", number, "holds"), "responses", str(error.args[0])
                return


def registry_findings(sources: Sequence[SourceSettings], url: str | None) -> Iterator[ConfigFinding]:
    """Sources whose schemas are nowhere."""
    for number, source in enumerate(sources):
        if source.registered and url is None:
            yield ("sources", number, "format"), None, "schema_registry.url, or schema_file beside it, is needed"


def _at(error: MapError) -> tuple[str, ...]:
    """The key of the source that is wrong."""
    if error.field.startswith("/"):
        return (error.field[1:],)
    kind, _, name = error.field.partition(" ")
    if name:  # "feature 'a'" and "context 'a'" say which of several
        kind = {"feature": "features"}.get(kind, kind)
    return ("map", kind) if kind else ("map",)
