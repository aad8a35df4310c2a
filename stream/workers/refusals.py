"""Refusals: says that a topic cannot be read when most of what it holds is refused, with an example and a guess."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.formats.guesses import guess
from operators.formats.lacks import lacking
from operators.intake.decode import Decoded
from operators.records import PAIRS, Topic
from operators.settings.source import Sources, SourceSettings
from stream.metrics.reports import Concern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from operators.dead_letters import DeadLetter
    from operators.intake.feedback import DecodedFeedback
    from stream.metrics.reports import Reporter

LEAST = 20
"""Records of a topic before anything is said of it."""

MEMORY = 2_000
"""About so many of the latest records of a topic are looked at."""

MOST, FEW = 0.5, 0.2
"""Share of refused records above which a topic cannot be read, and below which it can again."""

TOMBSTONES = (
    "topic %s holds messages without a value, as compacted topics do where a key is deleted: they are skipped, and"
    ' counted in driftgauge_records_skipped_total{reason="tombstone"}'
)

_LOG = logging.getLogger("driftgauge.monitor")


@dataclass(slots=True)
class _Topic:
    """The latest records of a topic: how many there were, how many of them are refused, and whether that was told."""

    read: float = 0.0
    dead: float = 0.0
    told: bool = False


class Refusals:
    """Watches what is refused of each topic that this process reads.

    Args:
        process: number of this process.
        reporter: told what is refused.
        sources: how the topics are read that have a shape of their own.
        features: model -> names of its features.
    """

    def __init__(
        self,
        process: int,
        reporter: Reporter,
        sources: Sources | None = None,
        features: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._process = process
        self._reporter = reporter
        self._sources = sources or Sources()
        self._features = features or {}
        self._topics: dict[str, _Topic] = {}
        self._compacted: set[str] = set()

    def __call__(self, batch: Decoded | DecodedFeedback) -> None:
        """A batch was decoded."""
        if batch.tombstones and batch.origin.topic not in self._compacted:
            self._compacted.add(batch.origin.topic)
            _LOG.info(TOMBSTONES, batch.origin.topic)
        read = batch.read + (batch.halves if isinstance(batch, Decoded) else 0)
        if not read:
            return
        # Requests and responses are judged where they are read, and once more where they are paired.
        topic = self._topics.setdefault(_subject(batch), _Topic())
        if topic.read > MEMORY:
            topic.read, topic.dead = topic.read / 2, topic.dead / 2
        topic.read += read
        topic.dead += len(batch.dead)
        if topic.read < LEAST:
            return
        share = topic.dead / topic.read
        if batch.dead and share > MOST and not topic.told:
            topic.told = True
            said = self._said(batch, share)
            _LOG.error("%s", said)
            self._reporter.send(Concern(self._process, _subject(batch), said))
        elif topic.told and share < FEW:
            topic.told = False
            _LOG.info("topic %s is read again", batch.origin.topic)
            self._reporter.send(Concern(self._process, _subject(batch), ""))

    def _said(self, batch: Decoded | DecodedFeedback, share: float) -> str:
        """How much is refused, why, one of them with all that it lacks, and what it may be."""
        example = batch.dead[-1]
        source = self._source(batch)
        lacks, maybe = self._lacks(source, example), guess(example.value, source)
        where = f"the one at offset {example.offset} of partition {example.partition}"
        said = f"topic {batch.origin.topic}: {share:.0%} of the latest records are refused"
        said = f"{said}, {where} for {example.reason.value} ({example.detail})"
        said += f"; it lacks: {', '.join(lacks)}" if lacks else ""
        said += f"; {maybe}" if maybe else ""
        return f"{said}; `driftgauge peek {batch.origin.topic}` shows what is understood"

    def _lacks(self, source: SourceSettings, example: DeadLetter) -> list[str]:
        return lacking(example, source, self._features, self._sources.schemas)

    def _source(self, batch: Decoded | DecodedFeedback) -> SourceSettings:
        """How a topic is read."""
        feedback = batch.origin.holds == Topic.FEEDBACK
        known = self._sources.feedback if feedback else self._sources.predictions
        topic = batch.origin.topic
        found = [source.of(topic) for source in known.values() if source.reads(topic)]
        own = SourceSettings(topic="own", holds="feedback" if feedback else "predictions")
        return found[0] if found else own


def _subject(batch: Decoded | DecodedFeedback) -> str:
    paired = "pairs" if batch.origin.account.startswith(PAIRS) else "records"
    return f"{paired} of {batch.origin.topic}"
