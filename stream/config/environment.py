"""What is added to a config: DRIFTGAUGE__SECTION__KEY overrides, `--set` settings, and ${VAR} inside values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stream.config.problems import ConfigError, KeyPath, Problem
from stream.config.yaml_file import Document, parse_value

PREFIX = "DRIFTGAUGE__"
SETTING = "--set "
"""What names of overrides from the command line begin with; no variable of a shell can have such a name."""

_REFERENCE = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|(\{))")
_PROPERTIES = ("kafka", "properties")

NAMED = frozenset({"severity", "features", "references", "rename", "fields", "context", "connectors"})
"""Mappings whose keys are names that somebody gave, of features, alerts, versions, connectors: spelled as they are."""


@dataclass(slots=True)
class Origins:
    """Where values came from when it was not the file: for errors, and so that no secret is shown.

    Attributes:
        overrides: path -> name of the environment variable that overrides it, or SETTING and the path as it was given.
        raw: path -> the text with ${VAR} as it stands in the file.
    """

    overrides: dict[KeyPath, str] = field(default_factory=dict)
    raw: dict[KeyPath, str] = field(default_factory=dict)

    def variable(self, path: KeyPath, *, made: bool) -> str | None:
        """The variable that gave the value at this path or around it; if the place was `made`, also one below it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.overrides:
                return self.overrides[path[:length]]
        below = (name for place, name in self.overrides.items() if made and place[: len(path)] == path)
        return next(below, None)


def substitute(document: Document, env: Mapping[str, str], origins: Origins) -> list[Problem]:
    """Replace ${VAR} and ${VAR:-default} in text values; $$ stands for one $. Returns what could not be replaced."""
    substitution = _Substitution(document, env, origins)
    document.value = substitution.walk(document.value, ())
    return substitution.problems


def variables(text: str) -> list[str]:
    """Names of the variables that are replaced in a text."""
    return [match[2] for match in _REFERENCE.finditer(text) if match[2]]


class _Substitution:
    """One pass over a document."""

    def __init__(self, document: Document, env: Mapping[str, str], origins: Origins) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._env = env
        self._raw = origins.raw

    def walk(self, value: Any, path: KeyPath) -> Any:
        """The value with every text in it replaced."""
        if isinstance(value, dict):
            return {key: self.walk(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, list):
            return [self.walk(child, (*path, index)) for index, child in enumerate(value)]
        if not isinstance(value, str) or "$" not in value:
            return value
        text = _REFERENCE.sub(lambda match: self._replace(match, path), value)
        if text != value:
            self._raw[path] = value
        return text

    def _replace(self, match: re.Match[str], path: KeyPath) -> str:
        dollar, name, default, unclosed = match.groups()
        if dollar:
            return "$"
        if unclosed:
            self._refuse(path, "an incomplete ${", "${NAME} or ${NAME:-default}, and $$ for a dollar sign")
            return ""
        found = self._env.get(name)
        if found is None and default is None:
            self._refuse(path, f"${{{name}}} is not set in the environment", f"set it, or write ${{{name}:-default}}")
        return found or default or ""

    def _refuse(self, path: KeyPath, given: str, allowed: str) -> None:
        self.problems.append(Problem(self._document.place(path), path, given, allowed))


def override(document: Document, env: Mapping[str, str], origins: Origins) -> list[Problem]:
    """Put the values of DRIFTGAUGE__SECTION__KEY variables in their places. Returns those that have no place.

    Variables apply in the order of their names; after them, so that they win, settings (see SETTING) as they are given.

    Keys match without regard to case; a number is the index in a list, and may be one past its end; the name of an
    entry, such as a model's, stands for its index. Under
    kafka.properties an underscore stands for a dot. A value in brackets or braces is YAML, "null" is null, all else is
    text, which settings read as the number or duration they need.
    """
    problems: list[Problem] = []
    given = [(name, name[len(PREFIX) :].split("__")) for name in sorted(env) if name.upper().startswith(PREFIX)]
    given += [(name, name[len(SETTING) :].split(".")) for name in env if name.startswith(SETTING)]
    for name, parts in given:
        if not all(parts):
            problems.append(Problem(name, (), "an empty part in its name", f"{PREFIX}SECTION__KEY is allowed"))
            continue
        refusal = _place(document.value, parts, env[name], name, origins)
        if refusal is not None:
            problems.append(refusal)
    return problems


def _place(root: Any, parts: list[str], text: str, name: str, origins: Origins) -> Problem | None:
    """Walk down to the place, making mappings on the way, and set it; a Problem when the way is blocked."""
    here, path = root, ()  # type: tuple[Any, KeyPath]
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        value: Any = _value(text, path) if last else {}
        if isinstance(here, dict):
            key: str | int = _key(here, part, path)
            if last or not isinstance(here.get(key), dict | list):
                here[key] = value
        elif isinstance(here, list):
            at = _index(here, part)
            if not at.isascii() or not at.isdigit() or len(at) > 6 or int(at) > len(here):
                return Problem(name, path, f"{part!r} is no place in it", _indices(here))
            key = int(at)
            if key == len(here):
                here.append(value)
            elif last or not isinstance(here[key], dict | list):
                here[key] = value
        path = (*path, key)
        here = here[key]
    origins.overrides[path] = name
    return None


def _index(here: list[Any], part: str) -> str:
    """The index of the entry with this name, in a list of named ones such as models; else as it is."""
    if part.isdigit():
        return part
    return next((str(at) for at, entry in enumerate(here) if part.lower() == (_named(entry) or "").lower()), part)


def _named(entry: Any) -> str | None:
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _indices(here: list[Any]) -> str:
    names = [name for name in map(_named, here) if name is not None]
    return f"an index from 0 to {len(here)}" + (f", or a name: {', '.join(names[:10])}" if names else "")


def _key(here: dict[str, Any], part: str, path: KeyPath) -> str:
    """The key that is meant: one that is there, whatever its case; a new one in lower case, but a name as it is given.

    Names of features and alerts have capitals. Names of variables often have nothing else, and those are no names.
    """
    wanted = part.replace("_", ".") if path == _PROPERTIES else part
    for key in here:
        if key.lower() == wanted.lower() or key.lower() == part.lower():
            return key
    named = bool(path) and path[-1] in NAMED and not wanted.isupper()
    return wanted if named else wanted.lower()


def _value(text: str, path: KeyPath) -> Any:
    if path == _PROPERTIES:
        return text
    if text.strip() == "null":
        return None
    if text.lstrip()[:1] in {"[", "{"}:
        try:
            return parse_value(text)
        except ConfigError:
            return text
    return text
