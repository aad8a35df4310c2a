"""What was learnt of need beyond the level's filter: a correction of its odds by what else is known at the time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scipy.special import expit

from windows.need.logistic import odds

if TYPE_CHECKING:
    from collections.abc import Mapping


FORMAT = "driftgauge.need/1"

INPUTS: dict[str, str] = {
    "odds": "odds by the filter",
    "gap": "losses that it is worse than when it was new",
    "slope": "how surely it has been getting worse over one horizon",
    "drift": "strength of drift",
    "majors": "features behind it",
    "reconstruction": "strength of anomalies",
    "performance": "level of PerformanceDrop",
    "concept": "level of ConceptDrift",
    "quality": "bad data",
    "age": "age of the version",
    "coverage": "share of labels",
}
"""What a correction may be made of, at most twelve, with words for people."""


class NeedFileError(ValueError):
    """A file that cannot be used; says why."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """A correction.

    Attributes:
        names: of its inputs.
        mean: of each when it was learnt.
        scale: likewise.
        weights: of inputs that are shifted and scaled so.
        intercept: likewise.
        horizon: that it is of, ms.
        used: whether it passed the gate; else the filter alone is used.
        why: in words.
        walk: usual deviation of a level over one horizon, in losses, over all models; None where it is not known.
        numbers: of the gate, for people.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    horizon: int
    used: bool
    why: str
    walk: float | None
    numbers: Mapping[str, float]

    def chance(self, default: float, given: Mapping[str, float]) -> float:
        """P by the filter's and the inputs."""
        return float(expit(float(odds(default)) + self.intercept + sum(self.parts(given).values())))

    def parts(self, given: Mapping[str, float]) -> dict[str, float]:
        """What each input adds to the logarithm of the odds."""
        columns = zip(self.names, self.mean, self.scale, self.weights, strict=True)
        return {name: weight * (given[name] - mean) / scale for name, mean, scale, weight in columns}


def learnt_json(learnt: Learnt) -> dict[str, Any]:
    """As it is written."""
    columns = zip(learnt.names, learnt.mean, learnt.scale, learnt.weights, strict=True)
    return {
        "format": FORMAT,
        "used": learnt.used,
        "why": learnt.why,
        "horizon_ms": learnt.horizon,
        "walk": learnt.walk,
        "intercept": learnt.intercept,
        "inputs": [
            {"name": name, "mean": mean, "scale": scale, "weight": weight} for name, mean, scale, weight in columns
        ],
        "gate": dict(learnt.numbers),
    }


def learnt_of(given: Any) -> Learnt:
    """As it was written.

    Raises:
        NeedFileError: it is something else, or of another release.
    """
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise NeedFileError(f"no file of `driftgauge retrain fit` (format {FORMAT})")
    try:
        inputs, walk = given["inputs"], given["walk"]
        names = tuple(str(one["name"]) for one in inputs)
        mean, scale, weights = (tuple(float(one[key]) for one in inputs) for key in ("mean", "scale", "weight"))
        found = Learnt(
            names,
            mean,
            scale,
            weights,
            float(given["intercept"]),
            int(given["horizon_ms"]),
            given["used"] is True,
            str(given["why"]),
            None if walk is None else float(walk),
            {str(name): float(value) for name, value in given["gate"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NeedFileError(f"damaged: {type(error).__name__}: {error}") from None
    unknown = [name for name in names if name not in INPUTS]
    if unknown:
        raise NeedFileError(f"input {unknown[0]!r} is none that this release knows: {', '.join(INPUTS)}")
    sound = all(map(math.isfinite, (*mean, *scale, *weights, found.intercept))) and all(one > 0 for one in scale)
    if not sound or not (found.walk is None or 0 < found.walk < math.inf):
        raise NeedFileError("damaged: a number that cannot be")
    return found
