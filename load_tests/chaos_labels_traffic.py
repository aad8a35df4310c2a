"""Predictions and, some seconds later, what is said about them: the traffic of `chaos_labels.py`."""

from __future__ import annotations

import heapq
import json
import random
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from chaos_traffic import PARTITIONS, SERVED, Traffic

from stream.demo.click_model import click_rows
from stream.demo.reference import ClickRows
from stream.references.build import BuildOptions, build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chaos_traffic import Sent

    from stream.simulate.generator import Generator
    from stream.simulate.traffic import Traffic as Batch
    from windows.references.reference import Reference

DELAY = 3_000
"""Mean time from a prediction to its label, ms."""
LONGEST = 15_000
LABELLED, EARLY, TWICE, REVISED, EMBEDDED, NOBODY = 0.6, 0.05, 0.1, 0.15, 0.02, 0.01
"""Shares of the predictions that get a label; of these, of labels that come before their prediction, come again, are
revised, or bring the prediction along; and of labels about nobody."""
PACE = 2_000
"""An early label is at most this much earlier, ms."""

PANE_OF_REFERENCE = 2_000


def references() -> tuple[Reference, Reference]:
    """Return what is normal, with labels: a click model watched by device, and a score that a label differs from."""
    rows = click_rows(40_000)
    served = ("prediction", "latency_ms", "timestamp")
    click = {name: rows[name] for name in ("age", "price", "relevance", "country", "device", "label", *served)}
    rank = {name: rows[name] for name in ("position", "clicks_7d", "device", *served)}
    rank["label"] = rows["prediction"] + np.random.default_rng(0).normal(0.0, 0.05, len(rows["prediction"]))
    click_options = BuildOptions("click", segments=("device",), task="binary", pane=PANE_OF_REFERENCE)
    return (
        build(ClickRows(click), click_options).reference,
        build(ClickRows(rank), BuildOptions("rank", task="regression", pane=PANE_OF_REFERENCE)).reference,
    )


def feedback_topic(predictions: str) -> str:
    """The topic beside this one."""
    return f"{predictions}.feedback"


class LabelTraffic(Traffic):
    """Predictions as in `Traffic`, and feedback about them on a topic of its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._feedback = feedback_topic(self.topic)
        self._chance = random.Random(arguments[-1] if arguments else 0)
        self._number = count()
        self._due: list[tuple[int, int, bytes]] = []
        self._said = 0

    def _values(self, number: int, start: int, end: int) -> Iterator[bytes]:
        """The predictions, each remembered until its labels are due; early labels are written at once."""
        generators = self._shifted if self.shifted.is_set() else self._normal
        for model, version, share in SERVED:
            generator = generators[model, version]
            batch = generator.batch(max(1, round(number * share)), start, end)
            if start == end:
                batch.timestamps[:] = end
            else:
                self._plan(model, version, generator, batch, end)
            yield from generator.encode(batch)

    def _tick(self, number: int, start: int, end: int) -> None:
        super()._tick(number, start, end)
        while self._due and self._due[0][0] <= end:
            self._say(heapq.heappop(self._due)[2])
        for value in _bad(self._counts.messages):
            self._produce_feedback(value, dead=value is not None)

    def finish(self) -> Sent:
        """End both topics. What is said last is of one model and one kind: whether it is counted yet is a race."""
        self.stop()
        for partition in range(PARTITIONS):
            end = self._newest + 30_000 * self.stretch
            fields = {"model": "rank", "prediction_id": f"end-{partition}", "timestamp": end, "label": 0.5}
            value = json.dumps({**fields, "kind": "delayed"}).encode()
            self._produce_feedback(value, partition=partition, written=end)
        sent = super().finish()
        return replace(sent, feedback=self._said)

    def _plan(self, model: str, version: str, generator: Generator, batch: Batch, now: int) -> None:
        """Draw what will be said about the predictions of a batch."""
        chance, shifted = self._chance, self.shifted.is_set()
        scores = np.asarray(batch.prediction, dtype=np.float64).tolist()
        for row, (made, score) in enumerate(zip(batch.timestamps.tolist(), scores, strict=True)):
            draw = chance.random()
            if draw > LABELLED:
                if draw > 1 - NOBODY:
                    self._later(now, self._words(model, f"nobody-{next(self._number)}", made, 0.5, shifted))
                continue
            identity = f"{generator_prefix(generator)}{batch.first + row:x}"
            if chance.random() < EARLY:
                at = made - chance.randrange(PACE * self.stretch)
                self._say(_json(self._words(model, identity, at, score, shifted)))
                continue
            at = made + min(int(chance.expovariate(1 / DELAY)), LONGEST) * self.stretch
            words = self._words(model, identity, at, score, shifted)
            if chance.random() < EMBEDDED:
                del words["prediction_id"]
                words |= {"prediction": score, "predicted_at": made, "version": version}
            self._later(at, words)
            if chance.random() < TWICE:
                self._later(at + chance.randrange(LONGEST) * self.stretch, words)
            if chance.random() < REVISED and "prediction_id" in words:
                later = at + chance.randrange(1, LONGEST) * self.stretch
                self._later(later, self._words(model, identity, later, score, shifted))

    def _words(self, model: str, identity: str, at: int, score: float, shifted: bool) -> dict[str, Any]:
        """Feedback: of a click model a click or none, of the other what the score should have been."""
        chance = self._chance
        label: float = int(chance.random() < (1 - score if shifted else score))
        if model == "rank":
            label = score + chance.gauss(0.0, 0.4 if shifted else 0.05)
        fields = {"model": model, "prediction_id": identity, "timestamp": at, "label": label}
        if chance.random() < 0.3:
            fields["value"] = round(chance.expovariate(1.0), 3)
        if chance.random() < 0.5:
            fields["kind"] = chance.choice(("explicit", "implicit"))
        return fields

    def _later(self, due: int, words: dict[str, Any]) -> None:
        heapq.heappush(self._due, (due, next(self._number), _json(words)))

    def _say(self, value: bytes) -> None:
        self._produce_feedback(value)

    def _produce_feedback(
        self, value: bytes | None, partition: int = -1, written: int = 0, *, dead: bool = False
    ) -> None:
        """Write feedback; without a value it is a tombstone, of which nothing is read."""
        place = self._chance.randrange(PARTITIONS) if partition < 0 else partition
        self._producer.produce(self._feedback, value, partition=place, timestamp=written, on_delivery=self._delivered)
        self._counts.messages += 1
        self._counts.records += value is not None
        self._counts.dead += dead
        self._said += value is not None and not dead


def generator_prefix(generator: Generator) -> str:
    """How the ids of its predictions begin."""
    return generator.prefix


def _json(words: dict[str, Any]) -> bytes:
    return json.dumps(words, separators=(",", ":")).encode()


def _bad(number: int) -> Iterator[bytes | None]:
    """Feedback that cannot be read: one message a tick, each kind in turn."""
    kinds: tuple[bytes | None, ...] = (
        b'{"model":"click","prediction_id":"%d","label' % number,
        b'{"model":"click","prediction_id":"%d"}' % number,
        b'{"model":"click","label":1}',
        b'{"model":"click","prediction_id":"a","label":7}',
        b'{"model":"nobody\'s","prediction_id":"a","label":1}',
        None,
        b'{"model":"rank","prediction_id":"a","label":0.5,"timestamp":"2099-01-01T00:00:00Z"}',
        b'{"model":"rank","prediction_id":"a","label":"much"}',
    )
    yield kinds[number % len(kinds)]
