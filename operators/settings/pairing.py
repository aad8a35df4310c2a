"""How requests and responses that are messages of their own are paired."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from operators.settings.durations import UNITS, Millis, from_to
from operators.settings.parts import Settings

HALVES = frozenset({"kserve", "seldon"})
"""Presets of systems that log a request and its response as two messages."""

HALF_BODIES = frozenset({*HALVES, "inference_v1", "inference_v2", "mlflow"})
"""Presets whose messages may be requests, or responses, alone."""


class PairSettings(Settings):
    """How requests and responses are paired.

    Attributes:
        wait: how far apart in event time the two may be; so long either one is waited for. 0: each counts alone.
        most: how many wait at most, of all sources together (the largest counts); the oldest go alone then.
    """

    wait: Annotated[Millis, from_to(0, UNITS["h"])] = 10_000
    most: Annotated[int, Field(ge=100, le=10_000_000)] = 100_000


def _or_off(given: Any) -> Any:
    return {"wait": 0} if given is False else given


Pairing = Annotated[PairSettings, BeforeValidator(_or_off)]
"""How requests and responses are paired; false: each counts alone."""
