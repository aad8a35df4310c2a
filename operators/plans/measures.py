"""What of a window is measured, named once."""

from __future__ import annotations

from dataclasses import dataclass

from windows.statistics import catalog

QUANTILES = (("latency_p50_ms", 0.5), ("latency_p95_ms", 0.95), ("latency_p99_ms", 0.99))

MOMENTS = ("mean", "std")

DISTANCES = tuple(catalog.DISTANCES)
"""Names of all distances, in the order in which they are measured."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured over one window: names of distances and which other tables.

    Without `service_bounds` latency quantiles are values without intervals, for a window that no objective reads.
    `estimates` are of performance without labels; there are some only where the reference had labels. `joint` is how
    well features go together.
    """

    features: tuple[str, ...] = ()
    prediction: tuple[str, ...] = ()
    quality: bool = False
    moments: bool = False
    service: bool = False
    service_bounds: bool = True
    estimates: bool = True
    joint: bool = False
