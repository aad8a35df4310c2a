"""Refusals: says that a topic cannot be read when most of what it holds is refused, with an example and a guess."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.formats.guesses import guess
from stream.metrics.reports import Concern

if TYPE_CHECKING:
    from operators.intake.decode import Decoded
    from operators.intake.feedback import DecodedFeedback
    from stream.metrics.reports import Reporter

LEAST = 20
"""Records of a topic before anything is said of it."""

MEMORY = 2_000
"""About so many of the latest records of a topic are looked at."""

MOST, FEW = 0.5, 0.2
"""Share of refused records above which a topic cannot be read, and below which it can again."""

_LOG = logging.getLogger("driftgauge.monitor")


@dataclass(slots=True)
class _Topic:
    """The latest records of a topic: how many there were, how many of them are refused, and whether that was told."""

    read: float = 0.0
    dead: float = 0.0
    told: bool = False


class Refusals:
    """Watches what is refused of each topic that this process reads."""

    def __init__(self, process: int, reporter: Reporter) -> None:
        self._process = process
        self._reporter = reporter
        self._topics: dict[str, _Topic] = {}

    def __call__(self, batch: Decoded | DecodedFeedback) -> None:
        """A batch was decoded."""
        if not batch.read:
            return
        topic = self._topics.setdefault(batch.origin.topic, _Topic())
        if topic.read > MEMORY:
            topic.read, topic.dead = topic.read / 2, topic.dead / 2
        topic.read += batch.read
        topic.dead += len(batch.dead)
        if topic.read < LEAST:
            return
        share = topic.dead / topic.read
        if batch.dead and share > MOST and not topic.told:
            topic.told = True
            said = _said(batch, share)
            _LOG.error("%s", said)
            self._reporter.send(Concern(self._process, _subject(batch.origin.topic), said))
        elif topic.told and share < FEW:
            topic.told = False
            _LOG.info("topic %s is read again", batch.origin.topic)
            self._reporter.send(Concern(self._process, _subject(batch.origin.topic), ""))


def _subject(topic: str) -> str:
    return f"records of {topic}"


def _said(batch: Decoded | DecodedFeedback, share: float) -> str:
    """How much is refused, why, one of them, and what it may be."""
    example = batch.dead[-1]
    maybe = guess(example.value)
    where = f"the one at offset {example.offset} of partition {example.partition}"
    said = (
        f"topic {batch.origin.topic}: {share:.0%} of the latest records are refused, {where} for {example.reason.value}"
    )
    return f"{said} ({example.detail})" + (f"; {maybe}" if maybe else "")
