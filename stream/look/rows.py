"""Rows out of a topic: its messages, read by a source's map, as lines of a file that a reference is built from."""

from __future__ import annotations

import datetime as dt
import gzip
import math
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

from operators.formats.guesses import guess
from operators.formats.joined import Joiner
from operators.formats.packed import ERRORS, UnreadableError
from operators.formats.plain import UNNAMED, PlainReader
from operators.formats.proposals import counts
from operators.records import UNTIMED, NoEnvelopes, Origin, RawBatch
from stream.errors import UsageError
from stream.kafka.latest import looking
from stream.replay.blocks import blocks
from stream.replay.lanes import Block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from operators.formats.plain import PlainRecord
    from operators.formats.schemas import Schemas
    from operators.settings.source import SourceSettings
    from stream.config.load import Config
    from stream.look.span import Span
    from stream.replay.lanes import Progress

MOST_NAMED = 5
FIELDS = ("version", "prediction", "latency_ms", "error", "label")


@dataclass(slots=True)
class Taken:
    """What became of the messages.

    Attributes:
        file: with a row a line.
        rows: in it.
        others: other model -> records about it, which are left out.
        refused: reason -> records that cannot be read.
        skipped: records that the source's filter leaves out.
        alone: responses without their requests, which say nothing of features.
        unanswered: rows of requests without their responses, which say nothing of predictions.
        unnamed: rows that do not name their model.
        untimed: rows without a time of their own: the time they were written counts.
        first, last: event times, ms.
        example: a record that cannot be read, in words.
    """

    file: Path
    rows: int = 0
    others: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    alone: int = 0
    unanswered: int = 0
    unnamed: int = 0
    untimed: int = 0
    first: float = math.inf
    last: float = -math.inf
    example: str = ""

    @property
    def period(self) -> str:
        """From when to when the rows are."""
        return f"{_minute(self.first)} to {_minute(self.last)}"

    def lines(self) -> Iterator[str]:
        """What a person should know."""
        timed = "event time" if not self.untimed else f"{self.untimed:,} of them by the time they were written"
        when = f"from {self.period} ({timed})" if math.isfinite(self.first) else "without times"
        yield f"{self.rows:,} rows {when}"
        if self.others:
            yield f"left out, being about other models: {_counted(self.others)}"
        if self.refused:
            yield f"left out, being unreadable: {_counted(self.refused)}; such as {self.example}"
        if self.alone:
            yield f"left out, being responses without their requests: {self.alone:,}"
        if self.unanswered:
            yield f"{self.unanswered:,} of the rows are requests without their responses: they have no prediction"
        if self.skipped:
            yield f"left out by the source's filter: {self.skipped:,}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read.

    Attributes:
        source: how; it names one topic.
        spans: which part of it, and of those that hold the other halves of its messages.
        answers: how each of those is read.
    """

    source: SourceSettings
    spans: Mapping[str, Span]
    answers: Mapping[str, SourceSettings] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        """The topic."""
        return self.source.names[0]


@contextmanager
def rows_of(
    config: Config,
    reading: Reading,
    model: str,
    beside: Path,
    shown: Callable[[], AbstractContextManager[Progress]],
    schemas: Schemas | None = None,
) -> Iterator[Taken]:
    """A file with the rows of one model, until the block is left. It is on the disk of `beside`, not in memory.

    Raises:
        UsageError: none of the messages is a prediction of this model.
    """
    beside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=beside, prefix=".driftgauge-") as directory:
        taken = Taken(Path(directory) / f"{reading.topic}.jsonl.gz")
        writer = Writer(reading.source, reading.answers, model, taken, schemas)
        with gzip.open(taken.file, "wb", compresslevel=1) as file, shown() as progress:
            _copy(config, reading, writer, file.write, progress)
        if not taken.rows:
            raise UsageError(nothing(taken, reading.topic, model))
        yield taken


def _copy(config: Config, reading: Reading, writer: Writer, write: Callable[[bytes], Any], progress: Progress) -> None:
    """Every message of the spans: halves by the time of writing, for what belongs together is near then."""
    parts = [(topic, chosen) for topic, span in reading.spans.items() for chosen in span.ranges]
    total, done = max(sum(span.count for span in reading.spans.values()), 1), 0
    for topic, block, passed in blocks(looking(config), parts, abreast=reading.source.in_halves):
        write(b"".join(writer.lines(topic, block)))
        done += passed
        progress(done / total, writer.taken.rows)
    write(b"".join(writer.lines(reading.topic, Block((), (), NoEnvelopes(), ended=True), last=True)))


class Writer:
    """Makes lines of the records of one model; with `timeless` also of those that nobody knows the time of."""

    def __init__(
        self,
        source: SourceSettings,
        answers: Mapping[str, SourceSettings],
        model: str,
        taken: Taken,
        schemas: Schemas | None = None,
        *,
        timeless: bool = False,
    ) -> None:
        self.taken = taken
        self._reader = reader = PlainReader(source, schemas)
        self._timeless = timeless
        self._joiner = Joiner(reader.source, answers)
        self._model = model
        self._encode = msgspec.json.Encoder().encode

    def lines(self, topic: str, block: Block, *, last: bool = False) -> Iterator[bytes]:
        """The rows of a block of messages; of the last one with what still waits for its other half."""
        messages = self._joiner(RawBatch(Origin(topic), block.values, block.written, block.envelopes, 0), last=last)
        self.taken.skipped += len(messages.skipped)
        for number, value in enumerate(messages.batch.values):
            try:
                records = list(messages.records(self._reader, number))
            except ERRORS as error:
                reason = error.reason.value if isinstance(error, UnreadableError) else "wrong_type"
                self._refuse(reason, f"{error}; {guess(value, self._reader.source)}".removesuffix("; "))
                continue
            written = UNTIMED if messages.batch.written is None else messages.batch.written[number]
            for record in records:
                row = self._row(record, written)
                if row is not None:
                    yield self._encode(row) + b"\n"

    def _row(self, record: PlainRecord, written: int) -> dict[str, Any] | None:
        """A record as a row in the contract's own shape; None where it is none of this model's predictions."""
        taken = self.taken
        if record.skipped:
            taken.skipped += 1
            return None
        named = record.value("model")
        if named is None:
            self._refuse("missing_field", "no model")
            return None
        if str(named) != self._model:
            taken.others[str(named)] += 1
            return None
        if not record.predicts:
            if counts(record, self._reader.source) and not record.labels:
                taken.alone += 1
            elif record.labels and self._reader.source.holds == "both":
                taken.skipped += 1
            else:
                self._refuse("missing_field", "neither features nor an error")
            return None
        time = record.value("timestamp")
        if time is None:
            fault = record.fields["timestamp"].fault if "timestamp" in record.fields else ""
            if fault or (written == UNTIMED and not self._timeless):
                self._refuse("bad_timestamp", fault or "no time at all")
                return None
            taken.untimed += 1
            time = None if written == UNTIMED else written
        taken.unnamed += record.fields["model"].where == UNNAMED
        answered = record.value("prediction") is not None or record.value("error") is not None
        taken.unanswered += self._reader.source.in_halves and not answered
        taken.rows += 1
        if time is not None:
            taken.first, taken.last = min(taken.first, time), max(taken.last, time)
        given = {name: value for name in FIELDS if (value := record.value(name)) is not None}
        context = {name: cell.value for name, cell in record.context.items() if cell.value is not None}
        features = {name: cell.value for name, cell in record.features.items()}
        timed = {} if time is None else {"timestamp": time}
        return {**timed, **given, "features": features, "context": context}

    def _refuse(self, reason: str, said: str) -> None:
        self.taken.refused[reason] += 1
        self.taken.example = self.taken.example or said


def nothing(taken: Taken, topic: str, model: str) -> str:
    """Why there is no row."""
    said = f"{topic}: no predictions of model {model!r}"
    if taken.others:
        said += f"; it has those of {_counted(taken.others)}"
    if taken.refused:
        said += f"; unreadable: {_counted(taken.refused)}, such as {taken.example}"
    return f"{said}; look with: driftgauge peek {topic}"


def _counted(found: Counter[str]) -> str:
    named = ", ".join(f"{name} ({count:,})" for name, count in found.most_common(MOST_NAMED))
    return named + (f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else "")


def _minute(ms: float) -> str:
    """A time for people."""
    return f"{dt.datetime.fromtimestamp(ms / 1e3, dt.UTC):%Y-%m-%d %H:%MZ}"
