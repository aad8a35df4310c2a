"""What is understood of some messages, for people: field by field, and what is not."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from operators.formats.guesses import guess
from operators.formats.joined import Answers, joined
from operators.formats.packed import ERRORS, UnreadableError
from operators.formats.plain import FEEDBACK, PREDICTION, PlainReader
from operators.formats.proposals import counts, proposed, tried
from operators.formats.proposed_pairs import proposed_pair
from operators.settings.source import UTC
from stream.config.problems import one_line, shorten
from stream.kafka.messages import rfc3339
from stream.look.entries import entries
from stream.look.shown import beginning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from operators.formats.plain import Cell, PlainRecord
    from operators.formats.proposals import Tried
    from operators.formats.schemas import Schemas
    from operators.records import RawBatch

MOST_FEATURES = 30
"""Features of one message that are shown; all are counted."""

MOST_UNREAD = 10

NEITHER = "neither a request nor a response: left out"


@dataclass(slots=True)
class Peek:
    """What was made of the messages.

    Attributes:
        shown: lines about each message.
        good: how many of them are read.
        models: name -> records that name it.
        features: name -> records that have it.
        fields: name -> records that have it.
        records: how many there are.
    """

    shown: list[str] = field(default_factory=list)
    good: int = 0
    models: Counter[str] = field(default_factory=Counter)
    features: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    records: int = 0


def peeked(
    batch: RawBatch,
    names: Sequence[str],
    said: dict[str, Any] | None,
    schemas: Schemas | None,
    responses: RawBatch | None = None,
    timezone: str = UTC,
) -> list[str]:
    """Lines about some messages, and a source that reads them where it is recognised.

    Args:
        batch: the messages.
        names: what each is called, those of responses behind them.
        said: what a user says of the source; None for nothing.
        schemas: those of the registry.
        responses: messages of the topic that holds the responses to these, if it is another one.
        timezone: where the clocks are that times without an offset are read from.
    """
    own = tried(batch, said or {}, schemas, responses=responses)
    better = None
    if own is None or own.good < len(names) or said is None:
        better = proposed(batch, schemas) if responses is None else proposed_pair(batch, responses, schemas)
    used = own if better is None or (said is not None and own is not None) else better
    if used is None:
        return ["nothing can be made of that"]
    used = replace(used, source=used.source.in_zone(timezone))
    seen = _look(batch, names, used, schemas, responses)
    lines = [*seen.shown, "", *_summary(len(names), used, seen, said)]
    if better is not None and (own is None or better.rank > own.rank):
        lines += ["", *_proposal(batch.origin.topic, len(names), better)]
        lines += [] if timezone == UTC else [f"time: {{timezone: {timezone}}}"]
    elif said is None and not seen.good:
        lines += ["", "no preset and no usual names are recognised: write a map (--map FILE) and look again"]
    return lines


def _look(
    batch: RawBatch, names: Sequence[str], used: Tried, schemas: Schemas | None, responses: RawBatch | None
) -> Peek:
    """Read every message by one source."""
    reader = PlainReader(used.source, schemas, unread=True)
    seen = Peek()
    together = None if responses is None or used.answers is None else Answers(responses, used.answers)
    messages = joined(batch, used.source, together)
    seen.good += len(messages.skipped)
    seen.shown += [line for number in messages.skipped for line in ("", f"{names[number]}: {NEITHER}")]
    for number, (parts, value) in enumerate(zip(messages.parts, messages.batch.values, strict=True)):
        seen.shown += ["", f"{' with '.join(names[part] for part in parts)}: {beginning(value)}"]
        try:
            records = list(messages.records(reader, number))
        except ERRORS as error:
            reason = f" for {error.reason.value}" if isinstance(error, UnreadableError) else ""
            maybe = guess(value, used.source if used.settings else None)
            seen.shown.append(f"  refused{reason}: {one_line(str(error))}" + (f"; {maybe}" if maybe else ""))
            continue
        read = [counts(record, used.source) for record in records if not record.skipped]
        seen.good += len(parts) if records and all(read) else 0
        for record in records:
            _count(seen, record)
        seen.shown += [f"  {line}" for line in _of_records(records, used)]
    return seen


def _count(seen: Peek, record: PlainRecord) -> None:
    if record.skipped:
        return
    seen.records += 1
    seen.models.update([str(record.value("model"))] if record.value("model") is not None else [])
    seen.features.update(name for name, cell in record.features.items() if cell.value is not None)
    seen.fields.update(name for name, cell in record.fields.items() if cell.value is not None)


def _of_records(records: Sequence[PlainRecord], used: Tried) -> Iterator[str]:
    """What is understood of a message: of several records the first is shown."""
    if not records:
        yield "holds no record"
        return
    first = records[0]
    if first.skipped:
        yield "skipped by the filter"
        return
    if len(records) > 1:
        yield f"{len(records)} records; the first:"
    feedback = used.source.holds == "feedback" or (used.source.holds == "both" and not first.predicts)
    for name in FEEDBACK if feedback else PREDICTION:
        cell = first.fields.get(name)
        if cell is not None and (cell.value is not None or cell.fault or name in {"prediction_id", "timestamp"}):
            yield _cell(cell, name)
    for cell in first.context.values():
        yield f"context {cell.name}: {_shown(cell.value)} at {cell.where}"
    if not feedback:
        yield from _features(first, used)
    if not counts(first, used.source):
        yield "refused: " + ("no label with an id" if feedback else "neither features nor an error")
    unread = first.unread[:MOST_UNREAD]
    if unread:
        more = f" and {len(first.unread) - MOST_UNREAD} more" if len(first.unread) > MOST_UNREAD else ""
        yield f"not read: {', '.join(unread)}{more}"


def _cell(cell: Cell, name: str) -> str:
    if cell.fault:
        return f"{name}: cannot be read at {cell.where}: {one_line(cell.fault)}"
    value = cell.value
    if value is not None and name in {"timestamp", "predicted_at"}:
        return f"{name}: {rfc3339(value)} at {cell.where}"
    otherwise = "; the time it was written counts" if value is None and name == "timestamp" else ""
    return f"{name}: {_shown(value)} at {cell.where}{otherwise}"


def _features(record: PlainRecord, used: Tried) -> Iterator[str]:
    found = list(record.features.values())
    if not found:
        yield f"features: nothing at {'.'.join(map(str, used.source.map.features.path or ('the root',)))}"
        return
    yield f"{len(found)} feature{'' if len(found) == 1 else 's'}:"
    for cell in found[:MOST_FEATURES]:
        odd = "" if not isinstance(cell.value, dict | list) else ", which is no number, text or boolean"
        yield f"  {cell.name}: {_shown(cell.value)} at {cell.where}{odd}"
    if len(found) > MOST_FEATURES:
        yield f"  and {len(found) - MOST_FEATURES} more"


def _summary(total: int, used: Tried, seen: Peek, said: dict[str, Any] | None) -> Iterator[str]:
    by = "as you say" if said is not None else "as they are" if not used.settings else "by what is proposed below"
    what = {"feedback": "feedback", "both": "predictions or feedback"}.get(used.source.holds, "predictions")
    yield f"{seen.good} of {total} messages are read as {what}, {by}"
    yield from _of_halves(used, seen)
    if seen.models:
        named = ", ".join(f"{name} ({count:,})" for name, count in seen.models.most_common(10))
        yield f"models: {named}"
    elif seen.records:
        yield "no record names its model: a config with one model needs no name"
    for name, count in seen.features.items():
        if count < seen.records:
            yield f"feature {name}: in {count:,} of {seen.records:,} records"
    wanted = ("prediction_id", "timestamp", "label") if what == "feedback" else ("prediction_id", "prediction")
    for name in wanted:
        cell = used.source.map.place(name)
        if seen.records and not seen.fields[name] and cell is not None and cell.path is not None:
            yield f"{name}: nothing at {'.'.join(map(str, cell.path))} in any record"


def _of_halves(used: Tried, seen: Peek) -> Iterator[str]:
    """What is to be done where no request has its response."""
    if not used.source.in_halves or not used.source.pairing.wait or used.pairs or not seen.good:
        return
    topic = used.source.names[0]
    if used.answers is not None:
        yield f"no request of these has its response among those of {used.answers.names[0]}: are they of one time?"
    elif not seen.fields["prediction"]:
        yield alone(topic)


def alone(topic: str) -> str:
    """What to do about requests without responses."""
    return (
        f"{topic}: requests without their responses; where those are in another topic, --responses TOPIC names it, and"
        " where nobody logs them, `pair: false` in a source (--map FILE) waits for none"
    )


def _proposal(topic: str, total: int, better: Tried) -> Iterator[str]:
    yield f"proposed, for it reads {better.good} of {total}" + (
        f" (it looks like {better.looks}):" if better.looks else ":"
    )
    answers = None if better.answers is None else better.answers.names[0]
    text = yaml.safe_dump(entry(topic, better.settings, answers), sort_keys=False, default_flow_style=None)
    yield from text.rstrip("\n").split("\n")
    if any(isinstance(one, str) and one == "f0" for one in _names(better.settings)):
        yield "# f0, f1, ... stand for names that the messages do not have: put yours"


def _names(settings: dict[str, Any]) -> list[Any]:
    features = settings.get("map", {}).get("features", {})
    return list(features.get("names") or []) if isinstance(features, dict) else []


def entry(topic: str, settings: dict[str, Any], answers: str | None = None) -> dict[str, Any]:
    """The section `sources` with one source, and that of the responses where it is another one."""
    return {"sources": entries(topic, settings, answers)}


def _shown(value: Any) -> str:
    return "nothing" if value is None else shorten(json.dumps(value, ensure_ascii=False, default=str))
