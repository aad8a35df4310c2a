"""Companions: topics whose messages are the other halves of those of a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.formats.halves import other_topic
from operators.intake.halves import readers_of
from operators.records import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from operators.settings.source import SourceSettings
    from stream.config.inputs import Input


def companions(
    sources: Mapping[int, SourceSettings], inputs: Iterable[Input], topic: str, number: int | None
) -> dict[str, SourceSettings]:
    """The topics that hold what is paired with the messages of a topic -> how each is read.

    Args:
        sources: those of predictions, by number.
        inputs: the topics that are read, those in place of patterns among them.
        topic: one of them.
        number: of the source that reads it; None where it has the contract's own shape.
    """
    if number is None or not sources[number].in_halves or not sources[number].pairing.wait:
        return {}
    readers = readers_of(sources)
    found = {
        one.topic: sources[one.source].of(one.topic)
        for one in inputs
        if one.holds == Topic.PREDICTIONS
        and one.source is not None
        and readers.get(one.source) == readers[number]
        and one.topic != topic
    }
    named = other_topic(topic)
    if named is None or sources[number].preset != "seldon":
        return found
    return {name: source for name, source in found.items() if name == named}
