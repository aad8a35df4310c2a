"""Feedback on simulated predictions: some of them get a label, late, now and then twice or corrected."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from stream.simulate.label_queue import LabelQueue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.simulate.generator import Generator
    from stream.simulate.labels import Labels
    from stream.simulate.traffic import Traffic
    from windows.arrays import FloatArray, IntArray

Kind = Literal["explicit", "implicit", "delayed"]

SPREAD = 0.8
"""Of the logarithm of the delay: one in a hundred takes 6.4 times the median, one in a thousand 12 times."""


@dataclass(frozen=True, slots=True)
class FeedbackOptions:
    """How labels come.

    Attributes:
        ratio: share of the predictions that get one.
        delay: median time from prediction to label, ms; delays are lognormal.
        spread: standard deviation of the delay's logarithm.
        kind: what kind of feedback it is.
        positives_only: whether only positive labels are sent, because silence means a negative one.
        duplicates: share of the labels that come a second time, the same to the byte.
        revisions: share of the labels that say the opposite first and are corrected later.
    """

    ratio: float = 0.2
    delay: int = 30_000
    spread: float = SPREAD
    kind: Kind = "explicit"
    positives_only: bool = False
    duplicates: float = 0.0
    revisions: float = 0.0


class _Feedback(msgspec.Struct, gc=False):
    prediction_id: str
    timestamp: str | int
    model: str
    label: Any
    kind: str


class FeedbackTraffic:
    """Holds labels back until they are due, and encodes them.

    Args:
        generator: what the predictions come from; it draws labels.
        options: how labels come.
        seed: the same seed and the same predictions give the same feedback.
        queue: holds the labels.
    """

    def __init__(
        self,
        generator: Generator,
        labels: Labels,
        options: FeedbackOptions,
        seed: int = 0,
        queue: LabelQueue | None = None,
    ) -> None:
        self._model, self._prefix, self._rfc3339 = generator.reference.model, generator.prefix, generator.rfc3339
        self._labels, self._options = labels, options
        self._rng = np.random.default_rng((seed, 2))
        self._queue = LabelQueue() if queue is None else queue
        self._json = msgspec.json.Encoder()

    @property
    def waiting(self) -> int:
        """Labels that are still to come."""
        return len(self._queue)

    @property
    def lost(self) -> int:
        """Labels that will never come, because too many were waiting."""
        return self._queue.lost

    def add(self, traffic: Traffic) -> None:
        """Let some of the predictions have a label in time. Failed predictions have none."""
        if traffic.labels is None:
            return
        options, rng = self._options, self._rng
        given = (rng.random(len(traffic)) < options.ratio) & ~traffic.failed & ~np.isnan(traffic.labels)
        if options.positives_only:
            given &= self._labels.positive(traffic.labels)
        numbers, labels = traffic.first + np.flatnonzero(given), traffic.labels[given]
        due = traffic.timestamps[given] + self._delays(len(numbers))
        wrong = rng.random(len(numbers)) < options.revisions
        first = np.where(wrong, self._labels.contradicted(rng, labels), labels)
        self._queue.put(due, due, numbers, first)
        corrected = due[wrong] + self._delays(int(wrong.sum()))
        self._queue.put(corrected, corrected, numbers[wrong], labels[wrong])
        again = rng.random(len(numbers)) < options.duplicates
        self._queue.put(due[again] + self._delays(int(again.sum())), due[again], numbers[again], first[again])

    def due(self, now: int) -> list[bytes]:
        """What is to be sent up to `now` (ms), in the order of its time: one JSON object a label."""
        rows = self._queue.take(now)
        if not len(rows):
            return []
        sent = map(
            _Feedback,
            map(f"{self._prefix}%x".__mod__, rows["number"].tolist()),
            self._timestamps(rows["stamp"]),
            repeat(self._model),
            self._labels.shown(rows["label"]),
            repeat(self._options.kind),
        )
        return list(map(self._json.encode, sent))

    def _delays(self, count: int) -> IntArray:
        found: FloatArray = self._options.delay * np.exp(self._options.spread * self._rng.normal(size=count))
        return found.astype(np.int64)

    def _timestamps(self, stamps: IntArray) -> Iterable[Any]:
        if not self._rfc3339:
            return stamps.tolist()  # type: ignore[no-any-return]
        texts: list[str] = np.datetime_as_string(stamps.astype("M8[ms]"), timezone="UTC").tolist()
        return texts
