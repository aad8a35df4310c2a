"""Where an objective stands, and which stream tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectiveStanding:
    """Where an objective stands: for the metrics sla_objective, sla_value, sla_violated."""

    version: str
    sla: str
    target: float
    value: float
    violated: bool
