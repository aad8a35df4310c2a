"""Freshness: silence is not health.

Data that stopped coming and features that stopped having values are findings of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from operators.findings import Finding, WindowSpan
from operators.predictions.close import NEVER

if TYPE_CHECKING:
    from operators.predictions.slices import Header


@dataclass(frozen=True, slots=True)
class FreshnessConfig:
    """Feature names in layout order, and the limits (ms).

    `rare` is, by feature, how many predictions without a value are no surprise yet: where the reference lacks it often,
    a long time without says nothing at thin traffic.
    """

    features: tuple[str, ...]
    stale_after: int
    no_data_after: int
    rare: tuple[float, ...] = ()


def surprising(missing: int, rows: int, alpha: float) -> float:
    """Predictions in a row without a value that come about by chance with a probability under `alpha`.

    Args:
        missing: reference rows without the value.
        rows: reference rows.
        alpha: > 0.

    Returns:
        log(alpha) / log(share), with the share of missing values as (missing + 1) / (rows + 2); infinite when it is 1.
    """
    share = (missing + 1) / (rows + 2)
    return math.log(alpha) / math.log(share) if share < 1 else math.inf


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
        rare = config.rare or (0.0,) * len(config.features)
        columns = zip(config.features, seen.values.tolist(), seen.lacking.tolist(), rare, strict=True)
        for name, value_at, lacking, expected in columns:
            # The age counts up to what the version last served: one that serves no more has no stale features.
            age = seen.served - value_at
            if age >= config.stale_after and lacking >= expected:
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
