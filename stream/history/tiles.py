"""Tiles: the window of a model whose histograms are kept, one after the other without a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from windows.references.edges import edges_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from operators.plans.model import ModelPlan
    from windows.references.reference import Reference

LONGEST = 3_600_000
"""The longest window (ms) up to this one is taken: 24 histograms a day, and of a day that is over one."""


class Kept(NamedTuple):
    """What is kept of a model: size of its tiles and its pane in ms, and the name of the bins they are counted in."""

    tile: int
    pane: int
    layout: str


def bins_of(reference: Reference) -> tuple[str, str]:
    """Names of the bins of a reference: what they are called, and what they were called before edges had a name."""
    return edges_id(reference), reference.id


def layouts_of(plans: Mapping[str, ModelPlan]) -> dict[str, Kept]:
    """What is kept of each model."""
    return {name: Kept(_tile(plan), plan.pane, bins_of(plan.reference)[0]) for name, plan in plans.items()}


def _tile(plan: ModelPlan) -> int:
    sizes = [window.size for window in plan.windows]
    return max((size for size in sizes if size <= LONGEST), default=min(sizes))
