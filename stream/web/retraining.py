"""Retraining: what a running monitor knows of a model's, out of its metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.metrics import catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.metrics.catalog import Metric
    from stream.metrics.registry import Registry


@dataclass(frozen=True, slots=True)
class Forecast:
    """P(need) of a version, and what it is from: the filter alone (`default`), or `learnt`."""

    version: str
    probability: float
    source: str


@dataclass(frozen=True, slots=True)
class Score:
    """How good the decided probabilities of a source were: their Brier score, and that of the base rate."""

    source: str
    brier: float
    base: float


@dataclass(frozen=True, slots=True)
class Retraining:
    """What is known now; all empty where nothing is decided yet, or nobody asked for it.

    Attributes:
        forecasts: by version.
        scores: by source.
        decided: forecasts that were scored.
        last: when the last retraining was completed, ms.
        following: when the schedule comes next, ms.
        in_month: retrainings requested in this calendar month, by what asked for them.
        open: actions that are not over, by name.
        overdue: likewise, past their deadline.
    """

    forecasts: tuple[Forecast, ...] = ()
    scores: tuple[Score, ...] = ()
    decided: int = 0
    last: float | None = None
    following: float | None = None
    in_month: tuple[tuple[str, int], ...] = ()
    open: tuple[tuple[str, int], ...] = ()
    overdue: tuple[tuple[str, int], ...] = ()


def retraining_of(registry: Registry, model: str) -> Retraining:
    """What the metrics of a model say."""

    def rows(metric: Metric) -> Mapping[tuple[str, ...], float]:
        found = registry.values(metric.name)
        return {labels[1:]: found[labels] for labels in sorted(found) if labels[0] == model}

    def counts(metric: Metric) -> tuple[tuple[str, int], ...]:
        return tuple((labels[0], int(count)) for labels, count in rows(metric).items() if count)

    def moment(metric: Metric) -> float | None:
        seconds = rows(metric).get(())
        return None if seconds is None else seconds * 1e3

    base = rows(catalog.RETRAIN_BASE_BRIER_SCORE)
    scored = rows(catalog.RETRAIN_BRIER_SCORE)
    decided = rows(catalog.RETRAIN_FORECASTS_TOTAL)
    latest = rows(catalog.RETRAIN_PROBABILITY)
    return Retraining(
        tuple(Forecast(version, value, source) for (version, source), value in latest.items()),
        tuple(Score(labels[0], value, base[labels]) for labels, value in scored.items() if labels in base),
        int(sum(count for (outcome,), count in decided.items() if outcome != "censored")),
        moment(catalog.RETRAIN_LAST_TIMESTAMP_SECONDS),
        moment(catalog.RETRAIN_NEXT_TIMESTAMP_SECONDS),
        counts(catalog.RETRAINS_MONTH),
        counts(catalog.ACTIONS_OPEN),
        counts(catalog.ACTION_OVERDUE),
    )
