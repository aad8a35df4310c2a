"""Mixtures: messages of several kinds in one topic, and several records in one message, as they are recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operators.formats.guesses import paths_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_KINDS = (
    "type", "event_type", "eventType", "event", "kind", "record_type", "recordType", "message_type", "messageType",
    "msg_type", "entity", "action", "op", "schema", "@type", "_type",
)  # fmt: skip
"""Names under which a message says what it is, the likeliest first."""

_HEADERS = ("ce_type", "type", "event_type", "eventType", "kind", "message_type")

MOST_VALUES = 8
"""A field with more values than these is not what tells kinds apart."""

_DEEP = 2
MOST_ELEMENTS = 20
"""Elements of an array that are looked at."""


def kinds_in(roots: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Paths at which texts tell several kinds of messages apart, with those texts."""
    found: dict[str, set[str]] = {}
    for root in roots:
        for path, value in paths_in(root, depth=_DEEP):
            if path[-1] in _KINDS and isinstance(value, str) and value:
                found.setdefault(".".join(path), set()).add(value)
    for place in sorted(found, key=lambda one: (one.count("."), _KINDS.index(one.split(".")[-1]))):
        if len(found[place]) <= MOST_VALUES:
            yield place, sorted(found[place])


def kinds_around(headers: Sequence[Sequence[tuple[str, bytes | None]]]) -> Iterator[tuple[str, list[str]]]:
    """The same of headers, given those of each message."""
    for name in _HEADERS:
        texts = {
            value.decode("utf-8", "replace") for some in headers for known, value in some if known == name and value
        }
        if 0 < len(texts) <= MOST_VALUES:
            yield name, sorted(texts)


def of_kind(roots: Sequence[dict[str, Any]], path: str, value: str) -> list[dict[str, Any]]:
    """The messages that say that they are of a kind."""
    return [root for root in roots if _at(root, path) == value]


def arrays_in(roots: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Paths of arrays of objects that most messages have."""
    counts: dict[str, int] = {}
    for root in roots:
        for path, value in paths_in(root, depth=_DEEP):
            if isinstance(value, list) and value and all(isinstance(one, dict) for one in value[:MOST_ELEMENTS]):
                counts[".".join(path)] = counts.get(".".join(path), 0) + 1
    yield from (path for path, count in counts.items() if 2 * count > len(roots))


def elements(roots: Sequence[dict[str, Any]], path: str) -> list[dict[str, Any]]:
    """Each message with one element in place of its array, as paths of a source that is split have it."""
    found = []
    for root in roots:
        inner = _at(root, path)
        some = inner[:MOST_ELEMENTS] if isinstance(inner, list) else []
        found += [_with(root, path.split("."), one) for one in some if isinstance(one, dict)]
    return found


def _with(root: dict[str, Any], steps: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = steps
    return {**root, first: _with(root[first], rest, value) if rest else value}


def _at(root: Any, path: str) -> Any:
    for step in path.split("."):
        root = root.get(step) if isinstance(root, dict) else None
    return root
