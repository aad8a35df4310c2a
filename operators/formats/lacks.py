"""Lacks: everything that keeps a record from being read, not the first thing only, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.formats.heads import named
from operators.formats.packed import ERRORS
from operators.formats.plain import FEEDBACK, PREDICTION, PlainReader
from operators.formats.surroundings import Surroundings
from operators.records import Origin, RawBatch
from operators.settings.places import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from operators.dead_letters import DeadLetter
    from operators.formats.plain import PlainRecord
    from operators.formats.schemas import Schemas
    from operators.records import Headers
    from operators.settings.source import SourceSettings

MOST_FEATURES = 5
"""Absent features that are named; all are counted."""


def lacking(
    letter: DeadLetter, source: SourceSettings, features: Mapping[str, Sequence[str]], schemas: Schemas | None = None
) -> list[str]:
    """What is missing in a record, or cannot be read.

    Args:
        letter: the record.
        source: how it is read.
        features: model -> names of its features.
        schemas: those of the registry.
    """
    batch = RawBatch(Origin(letter.topic), [letter.value], None, _Envelope(letter), 0)
    try:
        records = list(PlainReader(source, schemas).records(letter.value, Surroundings(batch, [0])))
    except ERRORS:
        return []
    return list(_of(records[0], source, features)) if records else []


def _of(record: PlainRecord, source: SourceSettings, features: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if record.skipped:
        return
    feedback = source.holds == "feedback"
    for name in FEEDBACK if feedback else PREDICTION:
        cell = record.fields.get(name)
        if cell is not None and cell.fault:
            yield f"{name} cannot be read at {cell.where} ({cell.fault})"
    model = record.value("model")
    if model is None:
        yield f"no model at {named(source.map.model)}"
    elif str(model) not in features:
        yield f"model {str(model)!r} is none of {', '.join(features)}"
    for name in ("prediction_id", "label") if feedback else ("prediction",):
        cell = record.fields.get(name)
        if cell is not None and cell.value is None and not cell.fault:
            yield f"no {name} at {cell.where}"
    if not feedback:
        yield from _features(record, source, features.get(str(model)) if len(features) > 1 else _only(features))


def _only(features: Mapping[str, Sequence[str]]) -> Sequence[str] | None:
    return next(iter(features.values()), None)


def _features(record: PlainRecord, source: SourceSettings, wanted: Sequence[str] | None) -> Iterator[str]:
    """Features that are nowhere, with where they are looked for."""
    absent = []
    for name in wanted or ():
        steps = source.map.features.steps(name)
        cell = record.features.get(name)
        if steps is not None and (cell is None or cell.value is None):
            absent.append(f"{name} at {shown(steps)}")
    if absent:
        more = ", ..." if len(absent) > MOST_FEATURES else ""
        yield f"{len(absent)} of {len(wanted or ())} features ({', '.join(absent[:MOST_FEATURES])}{more})"
    elif wanted is None and not record.features:
        yield f"no features at {shown(source.map.features.path or ('the root',))}"


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The key and headers of a dead letter."""

    letter: DeadLetter

    def key(self, index: int) -> bytes | None:  # noqa: ARG002 - the protocol's signature
        """Its key."""
        return self.letter.key

    def headers(self, index: int) -> Headers:  # noqa: ARG002 - the protocol's signature
        """Its headers."""
        return self.letter.headers

    def offset(self, index: int) -> int:  # noqa: ARG002 - the protocol's signature
        """Its offset."""
        return self.letter.offset
