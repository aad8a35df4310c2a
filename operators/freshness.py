"""Freshness: silence is not health.

Data that stopped coming and features that stopped having values are findings of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.findings import Finding, WindowSpan
from operators.slices import NEVER

if TYPE_CHECKING:
    from operators.slices import Header


@dataclass(frozen=True, slots=True)
class FreshnessConfig:
    """Feature names in layout order, and the limits (ms)."""

    features: tuple[str, ...]
    stale_after: int
    no_data_after: int


def fresh_findings(config: FreshnessConfig, header: Header) -> list[Finding]:
    """NoData of the model, FeatureStale of each version that still serves."""
    last = header.started if header.last_data == NEVER else header.last_data
    silence = header.end - last
    found = []
    if silence >= config.no_data_after:
        found.append(
            _finding("NoData", "quality.no_data", "", "", "no_data_s", silence, config.no_data_after, header.end)
        )
    for version, seen in sorted(header.seen.items()):
        for name, value_at in zip(config.features, seen.values.tolist(), strict=True):
            # The age counts up to what the version last served: one that serves no more has no stale features.
            age = seen.served - value_at
            if age >= config.stale_after:
                found.append(
                    _finding(
                        "FeatureStale", "quality.stale", version, name, "age_s", age, config.stale_after, header.end
                    )
                )
    return found


def _finding(
    alert: str, monitor: str, version: str, feature: str, metric: str, age: int, limit: int, end: int
) -> Finding:
    seconds = age / 1e3
    return Finding(
        alert=alert,
        monitor=monitor,
        version=version,
        segment="",
        level=2,
        feature=feature,
        metric=metric,
        value=seconds,
        lower=seconds,
        upper=seconds,
        threshold=limit / 1e3,
        falling=False,
        samples=0,
        window=WindowSpan(limit, end - limit, end),
    )
