"""Predictions drawn from a reference: traffic that is normal by construction, until a shift is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stream.simulate.draws import draw_of, latency_draw, pick, shifted
from stream.simulate.encoder import Encoder
from stream.simulate.labels import RankingLabels
from stream.simulate.shifts import PREDICTION, Shift, ShiftError, check
from stream.simulate.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.simulate.labels import Labels
    from windows.arrays import BoolArray, IntArray
    from windows.references.reference import Reference


class Generator:
    """Draws predictions column by column, each from its own profile in the reference.

    Without shifts every column is, bin by bin, a multinomial sample of the reference's counts, so whatever fires on it
    is a false alarm. Columns are independent of each other: correlations, and differences between segments, are lost.

    Args:
        reference: the model's reference.
        seed: the same seed and the same calls give the same predictions.
        version: model version that the predictions carry.
        shifts: what goes wrong; their times count from the start of the first batch.
        error_rate: share of failed predictions; that of the reference when None.
        late: (share, milliseconds): that share of the predictions carries a timestamp so far back.
        prefix: start of every prediction_id; from the seed when None.
        rfc3339: timestamps as text; epoch milliseconds otherwise.
        labels: draws the truth of each prediction; it is that of the predictions before any shift but `concept`, for
            the truth does not follow what goes wrong with a model. None: there is none.

    Attributes:
        prefix: as given, or as chosen.

    Raises:
        ShiftError: a shift does not fit the reference.
    """

    def __init__(
        self,
        reference: Reference,
        seed: int = 0,
        *,
        version: str = "1",
        shifts: Iterable[Shift] = (),
        error_rate: float | None = None,
        late: tuple[float, int] = (0.0, 0),
        prefix: str | None = None,
        rfc3339: bool = True,
        labels: Labels | None = None,
    ) -> None:
        self.reference = reference
        self.shifts = tuple(shifts)
        for shift in self.shifts:
            check(shift, reference)
            if shift.kind == "concept" and labels is None:
                raise ShiftError(f"{shift}: {reference.model} gets no labels; they need `performance` in the config")
        attempts = reference.rows + reference.error_rows
        self._error_rate = reference.error_rows / max(1, attempts) if error_rate is None else error_rate
        self._late = late
        self._rng = np.random.default_rng(seed)
        self._origin: int | None = None
        self._count = 0
        self._draws = {name: draw_of(profile) for name, profile in reference.features.items()}
        self._prediction = None if reference.prediction is None else draw_of(reference.prediction)
        self._latency = None if reference.latency is None else latency_draw(reference.latency)
        self._context = {
            key: np.cumsum([counts.rows for counts in values.values()])
            for key, values in reference.segments.items()
            if key not in reference.features and values
        }
        self.prefix = f"{seed:x}-" if prefix is None else prefix
        self.rfc3339 = rfc3339
        self._encoder = Encoder(reference, version, self.prefix, rfc3339=rfc3339)
        self._labels = labels
        self._truth = np.random.default_rng((seed, 1))  # its own, so that labels change no prediction

    def batch(self, n: int, start: int, end: int) -> Traffic:
        """Draw n predictions evenly spread over [start, end) of event time, ms; fewer once a `stop` has come."""
        if self._origin is None:
            self._origin = start
        timestamps = start + np.arange(n, dtype=np.int64) * (end - start) // max(1, n)
        for shift in self.shifts:
            if shift.kind == "stop":
                timestamps = timestamps[timestamps < self._origin + shift.after]
        traffic = self._labelled(self._draw(timestamps))
        for shift in self.shifts:
            since = timestamps >= self._origin + shift.after
            if since.any() and shift.kind != "concept":
                traffic = self._shifted(traffic, shift, since)
        self._count += len(traffic)
        share, back = self._late
        if not share:
            return traffic
        return replace(traffic, timestamps=timestamps - back * (self._rng.random(len(traffic)) < share))

    def encode(self, traffic: Traffic) -> list[bytes]:
        """Return one JSON object a prediction, as the contract of the predictions topic has it."""
        return self._encoder.encode(traffic)

    def _draw(self, timestamps: IntArray) -> Traffic:
        n, rng = len(timestamps), self._rng
        return Traffic(
            first=self._count,
            timestamps=timestamps,
            features={name: draw(rng, n) for name, draw in self._draws.items()},
            prediction=None if self._prediction is None else self._prediction(rng, n),
            latency=None if self._latency is None else self._latency(rng, n),
            failed=rng.random(n) < self._error_rate,
            context={key: pick(rng, cumulative, n) for key, cumulative in self._context.items()},
            absent={},
        )

    def _labelled(self, traffic: Traffic) -> Traffic:
        """Draw the truth, and let it turn against the model where a shift says so."""
        rng = self._truth
        if isinstance(self._labels, RankingLabels):
            traffic = replace(traffic, ranked=self._labels.lists(rng, len(traffic)))
        predicted = traffic.prediction if traffic.ranked is None else traffic.ranked
        if self._labels is None or predicted is None or self._origin is None:
            return traffic
        labels = self._labels.draw(rng, predicted)
        for shift in self.shifts:
            if shift.kind == "concept":
                turned = (traffic.timestamps >= self._origin + shift.after) & (rng.random(len(labels)) < shift.amount)
                labels = np.where(turned, self._labels.contradicted(rng, labels), labels)
        return replace(traffic, labels=labels)

    def _shifted(self, traffic: Traffic, shift: Shift, since: BoolArray) -> Traffic:
        """Apply one shift to the rows since it began."""
        share = shift.amount if shift.kind in {"missing", "category", "errors"} else 1.0
        rows = since & (self._rng.random(len(traffic)) < share)
        if shift.kind == "latency" and traffic.latency is not None:
            return replace(traffic, latency=np.where(rows, traffic.latency * shift.amount, traffic.latency))
        if shift.kind == "errors":
            return replace(traffic, failed=traffic.failed | rows)
        name, features = shift.feature, self.reference.features
        if name in features:
            if shift.kind == "stale":
                return replace(traffic, absent={**traffic.absent, name: rows})
            column = shifted(traffic.features[name], features[name], shift, rows)
            return replace(traffic, features={**traffic.features, name: column})
        if name == PREDICTION and traffic.prediction is not None and self.reference.prediction is not None:
            return replace(traffic, prediction=shifted(traffic.prediction, self.reference.prediction, shift, rows))
        return traffic
