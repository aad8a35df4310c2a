"""One objective of a service level agreement: a metric, a direction, a target."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from operators.settings.durations import Millis, from_to
from operators.settings.metrics import LabelMetric

OperationalMetric = Literal[
    "availability", "cost_per_prediction", "drift", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "throughput"
]
"""Metrics an objective may name: all are known from predictions alone. `drift` is the highest PSI of any feature."""

if TYPE_CHECKING:
    SlaMetric = str
else:
    SlaMetric = Literal[OperationalMetric, LabelMetric]
    """Metrics an objective may name: with `performance:` also those that need labels."""

ALLOWED = 'an objective such as ">= 0.95" or {objective: "< 100", window: 5m}'

_TEXT = re.compile(r"\s*(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*", re.ASCII)


class Objective(BaseModel):
    """`metric comparison target` must hold; the comparison carries the direction.

    Attributes:
        metric: an SlaMetric.
        comparison: the relation of the measured value to the target while all is well.
        target: in the unit that the metric's name says.
        window: the window it is measured over; None for five minutes, for a label metric the shortest of its windows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    comparison: Literal["<", "<=", ">", ">="]
    target: float = Field(allow_inf_nan=False)
    window: Annotated[Millis, from_to(1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, given: Any) -> Any:
        """Turn {metric, objective: "< 100", window} into the fields."""
        if not isinstance(given, dict):
            raise PydanticCustomError("objective", ALLOWED)
        if "objective" not in given:
            return given
        text = given["objective"]
        match = _TEXT.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise PydanticCustomError("objective", ALLOWED)
        rest = {key: value for key, value in given.items() if key != "objective"}
        return {**rest, "comparison": match[1], "target": float(match[2])}


def with_metric(metric: object, given: object) -> object:
    """What a config says of one metric, as the mapping that Objective reads."""
    if isinstance(given, Objective):
        return given
    if isinstance(given, dict):
        return (
            {"objective": None, **given, "metric": metric} if "comparison" not in given else {**given, "metric": metric}
        )
    return {"metric": metric, "objective": given}
