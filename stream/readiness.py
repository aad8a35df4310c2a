"""Readiness: whether the monitor watches, and if not, why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.reports import Labels, Status


def reasons_not_ready(statuses: Iterable[Status], watermarks: Mapping[Labels, float]) -> tuple[str, ...]:
    """A line for each thing that is missing: every process running, and the watermark known for a model or more.

    Args:
        statuses: the last known state of each process.
        watermarks: watermark of each model in seconds, NaN where it is unknown.
    """
    reasons = [_reason(status) for status in statuses if status.state != "running"]
    if not any(math.isfinite(watermark) for watermark in watermarks.values()):
        reasons.append("the watermark is unknown: no partition has given a record yet")
    return tuple(reasons)


def _reason(status: Status) -> str:
    state = status.state.replace("_", " ")
    return f"process {status.process}: {state}" + (f" ({status.detail})" if status.detail else "")
