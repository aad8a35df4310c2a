"""What of a window is measured, named once."""

from __future__ import annotations

from dataclasses import dataclass

QUANTILES = (("latency_p50_ms", 0.5), ("latency_p95_ms", 0.95), ("latency_p99_ms", 0.99))

DISTANCES = ("psi", "ks", "js", "tvd", "wasserstein", "chi2")

UNORDERED = frozenset({"psi", "js", "tvd", "chi2"})
"""Distances that mean something for categories, which have no order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured over one window: names of distances and which other tables.

    Without `service_bounds` latency quantiles are values without intervals, for a window that no objective reads.
    `estimates` are of performance without labels; there are some only where the reference had labels.
    """

    features: tuple[str, ...] = ()
    prediction: tuple[str, ...] = ()
    quality: bool = False
    moments: bool = False
    service: bool = False
    service_bounds: bool = True
    estimates: bool = True
