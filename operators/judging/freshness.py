"""Freshness: silence is not health.

Data that stopped coming and features that stopped having values are findings of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from operators.findings import Finding, WindowSpan
from operators.judging.patience import silence_of, silent_at
from operators.predictions.close import NEVER

if TYPE_CHECKING:
    from operators.judging.patience import SilenceConfig
    from operators.plans.model import ModelPlan
    from operators.predictions.slices import Header
    from windows.references.reference import Reference
    from windows.statistics.gaps import Gaps


@dataclass(frozen=True, slots=True)
class FreshnessConfig:
    """Feature names in layout order, how long (ms) a feature may lack values, and how long nothing may come.

    `rare` is, by feature, how many predictions without a value are no surprise yet: where the reference lacks it often,
    a long time without says nothing at thin traffic. `own` is the same by version, of those with their own reference.
    """

    features: tuple[str, ...]
    stale_after: int
    silence: SilenceConfig
    rare: tuple[float, ...] = ()
    own: dict[str, tuple[float, ...]] = field(default_factory=dict)


def surprising(missing: int, rows: int, alpha: float, run: int = 0) -> float:
    """Predictions in a row without a value that come about by chance with a probability under `alpha`.

    Args:
        missing: reference rows without the value.
        rows: reference rows.
        alpha: > 0.
        run: most reference rows in a row without it, where they were in order of time; 0 where that is not known.

    Returns:
        log(alpha) / log(share), with the share of missing values as (missing + 1) / (rows + 2); infinite when it is 1.
        Where values were missing in longer runs than that, as if they come and go together, twice the longest run.
    """
    share = (missing + 1) / (rows + 2)
    alone = math.log(alpha) / math.log(share) if share < 1 else math.inf
    usual = math.log(max(rows, 2)) / -math.log(share) if share < 1 else math.inf
    return max(alone, 2.0 * run) if run > usual + 1 else alone


def freshness_of(model: ModelPlan) -> FreshnessConfig:
    """What follows from a model's settings and the pace of its reference."""
    quality, reference = model.settings.quality, model.reference
    names = tuple(column.name for column in model.layout.features)
    own = {version: _rare(names, one, model.alpha) for version, one in reference.versions.items()}
    silence = silence_of(quality.no_data_after, reference.pace, model.silences)
    return FreshnessConfig(names, quality.stale_after, silence, _rare(names, reference, model.alpha), own)


def _rare(names: tuple[str, ...], reference: Reference, alpha: float) -> tuple[float, ...]:
    """What is rare, of these features, by a reference."""
    runs = {} if reference.pace is None else reference.pace.lacking
    return tuple(
        surprising(reference.features[name].missing, reference.rows, alpha, runs.get(name, 0)) for name in names
    )


def silent_from(config: FreshnessConfig, gaps: Gaps, header: Header) -> int:
    """The moment (ms) from which on there is NoData, if nothing comes after a tick."""
    ever = header.last_data != NEVER
    return silent_at(config.silence, header.last_data if ever else header.started, gaps, ever=ever)


def fresh_findings(config: FreshnessConfig, gaps: Gaps, header: Header) -> list[Finding]:
    """NoData of the model, FeatureStale of each version that still serves; `gaps` are of the panes with data."""
    last = header.started if header.last_data == NEVER else header.last_data
    told = silent_from(config, gaps, header)
    found = []
    if header.end >= told:
        found.append(
            _finding("NoData", "quality.no_data", "", "", "no_data_s", header.end - last, told - last, header.end)
        )
    for version, seen in sorted(header.seen.items()):
        # The age counts up to what the version last served: one that serves no more has no stale features.
        ages = seen.served - seen.values
        if ages.max(initial=0) < config.stale_after:
            continue
        rare = config.own.get(version, config.rare) or (0.0,) * len(config.features)
        columns = zip(config.features, ages.tolist(), seen.lacking.tolist(), rare, strict=True)
        for name, age, lacking, expected in columns:
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
