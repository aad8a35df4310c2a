"""Tiles: the window of a model whose histograms are kept, one after the other without a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operators.plans.model import ModelPlan

LONGEST = 3_600_000
"""The longest window (ms) up to this one is taken: 24 histograms a day, and of a day that is over one."""


def layouts_of(plans: Mapping[str, ModelPlan]) -> dict[str, tuple[int, str]]:
    """Model -> (size of its tiles in ms, name of the bins they are counted in)."""
    return {name: (_tile(plan), plan.reference.id) for name, plan in plans.items()}


def _tile(plan: ModelPlan) -> int:
    sizes = [window.size for window in plan.windows]
    return max((size for size in sizes if size <= LONGEST), default=min(sizes))
