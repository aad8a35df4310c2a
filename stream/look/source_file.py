"""What a source is said to be on the command line: a preset, or a file with a map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from operators.settings.pairing import HALVES
from operators.settings.source import FieldMap, SourceSettings
from stream.config.environment import Origins
from stream.config.explain import problems_of
from stream.config.problems import ConfigError
from stream.config.yaml_file import Document, read_yaml
from stream.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_MAP = frozenset(FieldMap.model_fields)
_SOURCE = frozenset(SourceSettings.model_fields)


def said_source(topic: str, preset: str | None, file: Path | None) -> dict[str, Any] | None:
    """What `sources` would say of a topic, beside its name; None where nothing is said.

    Raises:
        UsageError, ConfigError: the file cannot be used, or names another topic only.
    """
    found: dict[str, Any] = {} if file is None else _from_file(topic, file)
    if preset is not None:
        found = {**found, "preset": preset}
    if not found and file is None:
        return None
    checked(topic, found, "the command line" if file is None else str(file))
    return found


def checked(topic: str, settings: dict[str, Any], where: str) -> SourceSettings:
    """The source that these settings are.

    Raises:
        ConfigError: with every problem found.
    """
    value = {"topic": topic, **settings}
    try:
        return SourceSettings.model_validate(value)
    except ValidationError as error:
        problems = problems_of(error, SourceSettings, Document(where, value), Origins())
    raise ConfigError(problems)


def _from_file(topic: str, file: Path) -> dict[str, Any]:
    """A map alone, a source, or a list of sources such as `peek` prints."""
    value = read_yaml(file).value
    if isinstance(value.get("sources"), list):
        entries = [entry for entry in value["sources"] if isinstance(entry, dict)]
        value = next((entry for entry in entries if topic in _topics(entry)), {})
        value = value or next((entry for entry in entries if _matches(entry.get("pattern"), topic)), {})
        if not value:
            named = ", ".join(
                str(name) for entry in entries for name in [*_topics(entry), entry.get("pattern")] if name
            )
            raise UsageError(f"--map {file}: says nothing of {topic}; it has sources for {named or 'no topic'}")
    elif value.keys() & _MAP and not value.keys() & _SOURCE:
        value = {"map": value}
    found = {name: given for name, given in value.items() if name not in {"topic", "topics", "pattern"}}
    schema = found.get("schema_file")
    return {**found, "schema_file": str(file.parent / schema)} if isinstance(schema, str) else found


def said_responses(topic: str, file: Path | None) -> str | None:
    """The topic of the responses to the requests of a topic, where a file with sources names exactly one.

    Raises:
        UsageError: the file cannot be read.
    """
    given = None if file is None else read_yaml(file).value.get("sources")
    every = [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []
    mine = next((entry for entry in every if topic in _topics(entry)), {})
    if mine.get("holds") == "requests":
        theirs = [entry for entry in every if entry.get("holds") == "responses"]
        named = [name for entry in theirs if entry.get("preset") == mine.get("preset") for name in _topics(entry)]
    else:
        named = [name for name in _topics(mine) if name != topic] if mine.get("preset") in HALVES else []
    return str(named[0]) if len(named) == 1 else None


def _topics(entry: dict[str, Any]) -> list[Any]:
    """The topics that an entry names."""
    several = entry.get("topics")
    return [entry["topic"]] if "topic" in entry else several if isinstance(several, list) else []


def _matches(pattern: Any, topic: str) -> bool:
    try:
        return isinstance(pattern, str) and re.fullmatch(pattern, topic) is not None
    except re.error:
        return False
