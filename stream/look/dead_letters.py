"""What is in a dead-letter topic: counted by topic, reason and field, and the latest of them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from operators.formats.guesses import guess
from stream.config.problems import one_line
from stream.kafka.latest import tail
from stream.kafka.messages import rfc3339
from stream.look.shown import beginning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Message

    from operators.settings.source import SourceSettings
    from stream.config.load import Config

MOST_KINDS = 30
"""Kinds that are listed, the most frequent; all are counted."""

PREFIX = "driftgauge.error."
_AT = re.compile(r"- at `\$\.?([^`]*)`|required field `([^`]+)`|^(?:preset \w+: )?`([^`]+)`:")
_OF_REASON = {
    "unknown_model": "model",
    "bad_timestamp": "timestamp",
    "timestamp_ahead": "timestamp",
    "bad_label": "label",
}
_OF_WORDS = {"neither features": "features", "timestamp": "timestamp"}

WORDINGS = 20
"""Wordings of a kind that are told apart."""


@dataclass(slots=True)
class Example:
    """One wording of a kind: how many letters say so, and what the first of them may be."""

    count: int
    maybe: str


Kind = tuple[str, str, str]
"""Topic, reason, field ("" for the whole record)."""


@dataclass(slots=True)
class Letters:
    """Dead letters of a topic.

    Attributes:
        kept: offsets that the topic holds.
        counted: of how many letters the reasons are counted.
        kinds: how many there are of each kind.
        examples: of each kind what is said of some and how often, with what the first of those may be.
        latest: the latest of all, oldest first.
    """

    kept: int = 0
    counted: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    examples: dict[Kind, dict[str, Example]] = field(default_factory=dict)
    latest: list[Message] = field(default_factory=list)


def letters_in(config: Config, topic: str, last: int, most: int) -> Letters:
    """The latest dead letters; their reasons are counted without keeping them.

    Raises:
        Unreachable: the broker does not answer.
        UsageError: there is no such topic.
    """
    found = Letters()

    def heard(message: Message) -> None:
        kind = kind_of(message)
        found.counted += 1
        found.kinds[kind] += 1
        said, known = one_line(header(message, "detail")), found.examples.setdefault(kind, {})
        if said in known:
            known[said].count += 1
        elif len(known) < WORDINGS:
            known[said] = Example(1, guess(message.value(), _source_of(config, kind[0])))

    read = tail(config, topic, most, keep=last, heard=heard)
    found.kept, found.latest = read.kept, read.messages
    return found


def _source_of(config: Config, topic: str) -> SourceSettings | None:
    """How a topic is read; None where that is not one way."""
    mine = [source for source in config.sources if source.reads(topic)]
    return mine[0] if len(mine) == 1 else None


def header(message: Message, name: str) -> str:
    """What a header of ours says; empty where there is none."""
    given: Any = message.headers() or []
    value = next((value for known, value in given if known == PREFIX + name), None)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def kind_of(message: Message) -> Kind:
    """Where a dead letter was read, why it is one, and which field is at fault."""
    reason, detail = header(message, "reason"), header(message, "detail")
    return header(message, "topic") or "?", reason or "no reason", field_of(reason, detail)


def field_of(reason: str, detail: str) -> str:
    """The field that is at fault; empty where it is the record as a whole."""
    found = _AT.search(detail)
    if found is not None:
        return next(part for part in found.groups() if part is not None)
    by_words = next((name for words, name in _OF_WORDS.items() if words in detail), "")
    return _OF_REASON.get(reason, by_words)


def told(letters: Letters, topic: str) -> Iterator[str]:
    """Lines for people: the counts, then the latest."""
    if not letters.counted:
        yield f"{topic}: no dead letters"
        return
    some = "" if letters.counted >= letters.kept else f" of the latest {letters.counted:,}"
    yield f"{topic}: {letters.kept:,} offsets kept; by topic, reason and field{some}:"
    for kind, count in letters.kinds.most_common(MOST_KINDS):
        origin, reason, name = kind
        said = letters.examples[kind]
        detail = max(said, key=lambda one: said[one].count)
        most = said[detail]
        where = f" {name}" if name else ""
        such = "" if most.count == count else f"such as ({most.count:,} of them) "
        yield f"{count:>9,}  {origin}  {reason}{where}: {such}{detail}"
        if most.maybe:
            yield f"{'':11}{most.maybe}"
    if len(letters.kinds) > MOST_KINDS:
        yield f"{'':11}and {len(letters.kinds) - MOST_KINDS:,} more kinds"
    if letters.latest:
        yield ""
        yield f"the latest {len(letters.latest)}:"
    for message in letters.latest:
        yield from _letter(message)


def _letter(message: Message) -> Iterator[str]:
    place = f"{header(message, 'topic')} partition {header(message, 'partition')} offset {header(message, 'offset')}"
    when = rfc3339(message.timestamp()[1])
    yield f"{when}  {place}: {header(message, 'reason')}: {one_line(header(message, 'detail'))}"
    cut = header(message, "truncated")
    yield f"  {beginning(message.value())}" + (f" (its {cut} bytes were too many for the topic)" if cut else "")
