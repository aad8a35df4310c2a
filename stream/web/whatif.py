"""What-if: how often the evidence would have been past other thresholds, counted from what was kept."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.tables import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.web.knowledge import Knowledge, Span

FACTORS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Multiples of the thresholds of today."""

MONTH = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class Trial:
    """One set of thresholds.

    Attributes:
        factor: multiple of the thresholds of today.
        pages: times that any feature would have begun to be past its threshold while none was.
        a_month: the same for 30 days.
        features: that would ever have been past it, by how long.
    """

    factor: float
    pages: int
    a_month: float
    features: tuple[str, ...]


def trials(knowledge: Knowledge, model: str, span: Span) -> tuple[Trial, ...]:
    """What drift of features would have begun at each multiple of its major (else minor) thresholds.

    Counted on the history as it is kept: of each span of time the strongest evidence, so that two short breaches
    within one span are one.
    """
    looks = _looks(knowledge, model, span)
    hold = knowledge.resolve_after
    length = max(span.until - span.since, 1)
    found = []
    for factor in FACTORS:
        times = {end for end, ratios in looks.items() if any(ratio > factor for ratio in ratios.values())}
        lasting: dict[str, int] = defaultdict(int)
        for end in times:
            for feature, ratio in looks[end].items():
                lasting[feature] += ratio > factor
        pages = _begins(times, sorted(looks), hold)
        features = sorted((name for name, count in lasting.items() if count), key=lambda name: (-lasting[name], name))
        found.append(Trial(factor, pages, pages * MONTH / length, tuple(features)))
    return tuple(found)


def _looks(knowledge: Knowledge, model: str, span: Span) -> dict[int, dict[str, float]]:
    """End of a window (ms) -> feature -> its strongest evidence as a multiple of its threshold."""
    rules = knowledge.rules(model)
    looks: dict[int, dict[str, float]] = {}
    for size, _ in knowledge.windows(model, "predictions"):
        for frame in knowledge.past.series(model, "predictions", size, span.since, span.until):
            at = looks.setdefault(frame.end, {})
            for found in rules.evidence(frame):
                if found.monitor.kind != Kind.FEATURE or found.monitor.worst_only:
                    continue
                for place, lower in zip(found.places.tolist(), found.lower.tolist(), strict=True):
                    if not math.isnan(lower):
                        feature = frame.columns[place].feature
                        at[feature] = max(at.get(feature, 0.0), lower)
    return looks


def _begins(past: set[int], ends: Iterable[int], hold: int) -> int:
    """Stretches of looks that are past the threshold; one that comes back within `hold` (ms) is the same."""
    begun, last, was = 0, -math.inf, False
    for end in ends:
        if end in past:
            begun += not was and end - last > hold
            last = end
        was = end in past
    return begun
