"""A YAML file read with limits: size, depth, nodes after aliases are expanded, no duplicate keys, only plain types."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.resolver import Resolver

from stream.config.problems import ConfigError, KeyPath, Problem, shorten

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_NODES = 100_000
"""Nodes after aliases are expanded; a thousand models of twenty keys stay below it."""

_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}
_KEYS = frozenset({"on"})
"""Keys of ours that YAML 1.1 takes for true."""
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_RESOLVE: Callable[..., Any] = Resolver().resolve
_KNOWN = 1 << 14
"""Scalars that are remembered: the configs of many models say much the same."""
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast and part of every wheel


@dataclass(slots=True)
class Document:
    """What a file says, and on which line each value stands (paths of list items and mapping keys).

    `files`: path -> the file that what is below it comes from, where that is another.
    """

    file: str
    value: dict[str, Any]
    lines: dict[KeyPath, int] = field(default_factory=dict)
    files: dict[KeyPath, str] = field(default_factory=dict)

    def place(self, path: KeyPath) -> str:
        """Where the value at this path stands ("file:line"), or the nearest mapping around it that is in the file."""
        line, file = self.line(path), self.file_of(path)
        return f"{file}:{line}" if line else file

    def file_of(self, path: KeyPath) -> str:
        """The file that the value at this path comes from."""
        return next((self.files[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.files), self.file)

    def line(self, path: KeyPath) -> int:
        """The line of that place; 0 when the file has none."""
        for length in range(len(path), -1, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return 0


@dataclass(slots=True)
class _Node:
    """A composed node; `size` counts the nodes below it with aliases expanded."""

    line: int
    value: Any
    size: int = 1


def read_yaml(path: Path) -> Document:
    """The mapping in a YAML file.

    Raises:
        ConfigError: it cannot be read, is too large, is not YAML, or its top level is not a mapping.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigError([Problem(name, (), reason, "a readable YAML file is needed")]) from None
    if len(data) > MAX_BYTES:
        raise ConfigError([Problem(name, (), "too large", f"at most {MAX_BYTES:,} bytes are allowed")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(name, (), f"not UTF-8 at byte {error.start}", "UTF-8 text is needed")]) from None
    return parse_yaml(text, name)


def parse_yaml(text: str, name: str) -> Document:
    """The mapping that a YAML text says; `name` stands for the file in errors.

    Raises:
        ConfigError: as for `read_yaml`.
    """
    root = _Composer(name).document(text)
    if not isinstance(root.value, dict):
        what = "empty" if root.value is None else "a list" if isinstance(root.value, list) else "a single value"
        raise ConfigError([Problem(f"{name}:{root.line}", (), what, "the top level must be a mapping (key: value)")])
    lines: dict[KeyPath, int] = {}
    value = _expand(root, (), lines)
    return Document(file=name, value=value, lines=lines)


def parse_value(text: str) -> Any:
    """A single YAML value, such as "[10s, 1m]".

    Raises:
        ConfigError: as for `read_yaml`.
    """
    return _expand(_Composer("value").document(text), (), {})


def _expand(node: _Node, path: KeyPath, lines: dict[KeyPath, int]) -> Any:
    """Plain dicts, lists and scalars; every alias becomes a copy, and `lines` learns where each path stands."""
    lines[path] = node.line
    if isinstance(node.value, dict):
        return {key: _expand(child, (*path, key), lines) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_expand(child, (*path, index), lines) for index, child in enumerate(node.value)]
    return node.value


@lru_cache(maxsize=_KNOWN)
def _resolved(value: str, implicit: tuple[bool, bool]) -> str:
    """The tag of a scalar without one."""
    return str(_RESOLVE(yaml.ScalarNode, value, implicit))


@lru_cache(maxsize=_KNOWN)
def _constructed(tag: str, value: str) -> Any:
    """A plain scalar of a tag; it cannot be changed, so all that are alike may be the same."""
    return SafeConstructor().construct_object(yaml.ScalarNode(tag, value))


class _Composer:
    """Builds nodes from parser events and stops at the first limit, before memory is spent on what lies beyond."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._anchors: dict[str, _Node | None] = {}
        self._nodes = 0
        self._path: list[str | int] = []
        self._duplicates: list[tuple[int, Problem]] = []

    def document(self, text: str) -> _Node:
        """The one document of the text."""
        try:
            events = yaml.parse(text, Loader=_PARSER)
            next(events)  # stream start
            first = next(events)
            if not isinstance(first, yaml.DocumentStartEvent):
                return _Node(1, None)
            root = self._node(next(events), events, 0)
            next(events)  # document end
            if isinstance(next(events), yaml.DocumentStartEvent):
                self._fail(None, "several documents", "one YAML document is allowed")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f":{mark.line + 1}" if mark else ""
            problem = Problem(f"{self._name}{line}", (), f"not YAML: {error.problem or error.context}", "")
            raise ConfigError([problem]) from None
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            reason = shorten(str(error).splitlines()[0])
            raise ConfigError([Problem(self._name, (), f"not YAML: {reason}", "")]) from None
        if self._duplicates:
            raise ConfigError([problem for _, problem in sorted(self._duplicates, key=lambda found: found[0])])
        return root

    def _fail(self, event: Event | None, given: str, allowed: str) -> NoReturn:
        place = self._name if event is None else f"{self._name}:{_line(event)}"
        raise ConfigError([Problem(place, (), given, allowed)])

    def _count(self, event: Event, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._fail(event, "too many values", f"at most {MAX_NODES:,} after aliases are expanded")

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> _Node:
        if depth > MAX_DEPTH:
            self._fail(event, "nested too deeply", f"at most {MAX_DEPTH} levels are allowed")
        if isinstance(event, AliasEvent):
            return self._alias(event)
        self._count(event, 1)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None  # an alias to it from inside is a cycle
        if isinstance(event, MappingStartEvent):
            node = self._mapping(event, events, depth)
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(event, events, depth)
        else:
            node = _Node(_line(event), self._scalar(event))
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _alias(self, event: AliasEvent) -> _Node:
        anchor = str(event.anchor)
        node = self._anchors.get(anchor)
        if node is None:
            what = "contains itself" if anchor in self._anchors else "is not defined above"
            self._fail(event, f"alias *{shorten(anchor)} {what}", "an alias must name an earlier, complete value")
        self._count(event, node.size)
        return node

    def _sequence(self, event: Event, events: Iterator[Event], depth: int) -> _Node:
        self._refuse_tag(event)
        children: list[_Node] = []
        for child in events:
            if isinstance(child, SequenceEndEvent):
                break
            children.append(self._below(len(children), child, events, depth))
        return _Node(_line(event), children, 1 + sum(child.size for child in children))

    def _mapping(self, event: Event, events: Iterator[Event], depth: int) -> _Node:
        self._refuse_tag(event)
        children: dict[str, _Node] = {}
        merged: list[_Node] = []
        size = 1
        for key_event in events:
            if isinstance(key_event, MappingEndEvent):
                break
            key = self._key(key_event)
            child = self._below("<<" if key is None else key, next(events), events, depth)
            size += child.size
            if key is None:
                merged.append(child)
            elif key in children:
                self._duplicate(key, _line(key_event), children[key].line)
            else:
                child = _Node(_line(key_event) if child.value is None else child.line, child.value, child.size)
                children[key] = child
        for source in merged:
            self._merge(event, source, children)
        return _Node(_line(event), children, size)

    def _below(self, part: str | int, event: Event, events: Iterator[Event], depth: int) -> _Node:
        """The node at a key or an index of this one."""
        self._path.append(part)
        node = self._node(event, events, depth + 1)
        self._path.pop()
        return node

    def _duplicate(self, key: str, line: int, before: int) -> None:
        given = f"key {shorten(key)!r} is already on line {before}"
        problem = Problem(f"{self._name}:{line}", (*self._path, key), given, "each key only once")
        self._duplicates.append((line, problem))

    def _merge(self, event: Event, source: _Node, children: dict[str, _Node]) -> None:
        """YAML's `<<`: keys of the merged mapping that are not given here."""
        for mapping in source.value if isinstance(source.value, list) else [source]:
            if not isinstance(mapping.value, dict):
                self._fail(event, "<< with something other than mappings", "<<: *name or <<: [*one, *other]")
            for key, child in mapping.value.items():
                children.setdefault(key, child)

    def _key(self, event: Event) -> str | None:
        """The key, or None for the merge key."""
        if not isinstance(event, ScalarEvent):
            self._fail(event, "a key that is not text", "keys must be plain text")
        if self._tag(event) == _MERGE:
            return None
        if event.value in _KEYS:
            return str(event.value)
        key = self._scalar(event)
        if not isinstance(key, str):
            self._fail(event, f"key {shorten(event.value)} is not text", f'put it in quotes: "{shorten(event.value)}"')
        return key

    def _tag(self, event: ScalarEvent) -> str:
        if event.tag is not None and event.tag != "!":
            return str(event.tag)
        return _resolved(event.value, event.implicit)

    def _scalar(self, event: Event) -> Any:
        assert isinstance(event, ScalarEvent)  # noqa: S101 - the parser gives nothing else here
        tag = self._tag(event)
        if tag in {_TIMESTAMP, "tag:yaml.org,2002:value", _MERGE} and event.tag is None:
            return event.value
        if tag not in _PLAIN_TAGS:
            self._fail(event, f"tag {shorten(tag)}", "only text, numbers, true, false, null, lists and mappings")
        try:
            return event.value if tag == _TEXT else _constructed(tag, event.value)
        except (ConstructorError, ValueError, KeyError, OverflowError):
            self._fail(event, f"{shorten(event.value)} is not of type {tag.rpartition(':')[2]}", "")

    def _refuse_tag(self, event: Event) -> None:
        tag = getattr(event, "tag", None)
        if tag not in {None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}:
            self._fail(event, f"tag {shorten(str(tag))}", "only text, numbers, true, false, null, lists and mappings")


def _line(event: Event) -> int:
    return 1 if event.start_mark is None else int(event.start_mark.line) + 1
