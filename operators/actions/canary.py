"""What a reading of a new version beside its champion asks for: promote, rollback, or that somebody looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import ndtri

from operators.actions.event import Result
from operators.settings.alerts import OF_FEATURES

if TYPE_CHECKING:
    from operators.actions.inputs import CanaryReading
    from operators.actions.state import ActState
    from operators.settings.actions import ActionName, CanarySettings

FEWEST_SLICES = 50
"""Slices in which both versions must have served before anything is decided."""

SHARE_P = 1e-6
"""A share of the traffic is another than the config says where chance alone would do that this rarely: a chi-squared
test of one degree of freedom."""
BEYOND = float(-ndtri(SHARE_P / 2))


@dataclass(frozen=True, slots=True)
class CanaryVerdict:
    """What is asked for, and why in words."""

    action: ActionName
    words: str


def verdict(canary: CanarySettings, reading: CanaryReading, different: str) -> CanaryVerdict | None:
    """What a reading asks for; None where it is to go on.

    Args:
        canary: the settings.
        reading: with its interval.
        different: alerts of the new version that its champion has not, in words; "" for none.
    """
    if (share := _share(canary, reading)) is not None:
        return CanaryVerdict("review", f"no valid comparison, for {share}")
    if reading.slices >= FEWEST_SLICES:
        return _compared(canary, reading, different)
    few = f"both served in only {reading.slices} slices of time, and {FEWEST_SLICES} are needed"
    return CanaryVerdict("review", f"it cannot be judged: {few}") if reading.over else None


def _compared(canary: CanarySettings, reading: CanaryReading, different: str) -> CanaryVerdict | None:
    shown, long_enough = _shown(reading), reading.end - reading.since >= canary.least
    worse, good = reading.upper < -canary.margin, reading.lower > -canary.margin
    if worse and any(kind in different for kind in OF_FEATURES):
        return CanaryVerdict("review", f"{shown}, but they do not serve the same traffic: {different}")
    if worse:
        return CanaryVerdict("rollback", f"{shown}, surely worse than {-canary.margin:g}")
    if good and long_enough and not different:
        return CanaryVerdict("promote", f"{shown}, surely better than {-canary.margin:g}, and no alert is its own")
    if not reading.over:
        return None
    return CanaryVerdict("review", f"{shown}: {f'its own alerts are {different}' if different else 'undecided'}")


def differs(state: ActState, reading: CanaryReading) -> str:
    """Alerts of the new version that the champion has not: availability, latency, segments, features."""
    own = {_about(one.fact) for one in state.alerts.values() if one.fact.version == reading.candidate}
    own -= {_about(one.fact) for one in state.alerts.values() if one.fact.version == reading.champion}
    return ", ".join(sorted(f"{alert} of {segment}" if segment else alert for alert, segment, *_ in own))


def outcome_of(reading: CanaryReading | None) -> Result | None:
    """The gain of a reading as what came of it."""
    if reading is None or math.isnan(reading.gain):
        return None
    lower, upper = (bound if math.isfinite(bound) else None for bound in (reading.lower, reading.upper))
    return Result(reading.candidate, reading.gain, lower, upper)


def _about(fact: object) -> tuple[str, str, tuple[str, ...]]:
    return fact.alert, fact.segment, fact.features  # type: ignore[attr-defined]


def _share(canary: CanarySettings, reading: CanaryReading) -> str | None:
    """In which way the share of the traffic is another than it should be."""
    mine, total = reading.served[0], sum(reading.served)
    if canary.share is None or not total:
        return None
    off = abs(mine - total * canary.share) / math.sqrt(total * canary.share * (1 - canary.share))
    if off <= BEYOND:
        return None
    return f"it served {mine / total:.2%} of the {total:,} predictions of both, and `share` says {canary.share:.2%}"


def _shown(reading: CanaryReading) -> str:
    interval = f"interval {reading.lower:.4g} to {reading.upper:.4g}"
    return (
        f"{reading.metric} is better by {reading.gain:.4g} ({interval}) over {reading.slices} slices, "
        f"{reading.samples[0]:,} and {reading.samples[1]:,} rows"
    )
