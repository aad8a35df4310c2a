"""What joining needs to know of a model, derived once from its settings and its reference."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import xxhash

from operators.plans.classes import label_codes
from windows.outcomes.layout import TaskOptions, task_layout
from windows.segments import OTHER, WHOLE, segment_name

if TYPE_CHECKING:
    from operators.intake.label_codes import LabelCodes
    from operators.settings.model import ModelSettings
    from operators.settings.performance import PerformanceSettings
    from windows.predictions.layout import Layout
    from windows.references.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windows.outcomes.layout import TaskLayout
    from windows.predictions.layout import Layout

SHARDS = 8
"""Parts the join is divided into, by hash of the id. Fixed: where a stub is kept depends on it."""

MAX_CROSSED = 256
"""Segments that a crossing of keys has at most: beyond it the rarer values of each key are taken together."""

BUCKETS = 4
"""What a prediction and its label may have to wait spans about this many buckets of the store."""

LEAST_SPAN = 60_000
"""A bucket is never shorter than this, ms."""


@dataclass(frozen=True, slots=True)
class Family:
    """Segments of one kind: the whole, the values of a key, or the crossed values of several keys.

    Attributes:
        keys: positions of the keys in the layout's segments.
        known: how many values of each key are told apart; the next index stands for all others.
        names: the segment's name by combined index.
    """

    keys: tuple[int, ...]
    known: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JoinPlan:
    """One model.

    Attributes:
        layout: of its drift sketches; says its segments and classes.
        task: the layout of its outcome sketches.
        labels: how labels are read.
        tick: ms; cohorts and known times are told apart to this.
        keep: how long (ms) a prediction waits for labels.
        wait: how long (ms) a label waits for its prediction.
        negative_after: how long (ms) until a prediction without feedback counts as negative; None for never.
        sample: share of the predictions that are joined, by hash of the id.
        families: kinds of segments.
        max_versions: versions told apart.
        generation: how often the joined state has started anew.
    """

    layout: Layout
    task: TaskLayout
    labels: LabelCodes
    tick: int
    keep: int
    wait: int
    negative_after: int | None
    sample: float
    families: tuple[Family, ...]
    max_versions: int = 16
    generation: int = 0

    @property
    def model(self) -> str:
        """Its name."""
        return self.layout.model

    @property
    def seed(self) -> int:
        """Tells its ids apart from another model's, and from those of before it started anew."""
        number = f"\x1f{self.generation}" if self.generation else ""
        return xxhash.xxh32_intdigest((self.model + number).encode())

    @property
    def threshold(self) -> int:
        """Ids whose hash is below this are joined."""
        return min(round(self.sample * (1 << 64)), (1 << 64) - 1)

    @property
    def span(self) -> int:
        """Length (ms) of a bucket of the store."""
        return max(LEAST_SPAN, (self.keep + self.wait) // BUCKETS)


def families_of(layout: Layout, crossings: Sequence[Sequence[str]]) -> tuple[Family, ...]:
    """The whole, every segment key, and every crossing of keys.

    Raises:
        KeyError: a crossing names what is no segment key.
    """
    names = [key for key, _ in layout.segments]
    positions = {name: at for at, name in enumerate(names)}
    families = [Family((), (), (WHOLE,))]
    chosen: list[tuple[int, ...]] = [(at,) for at in range(len(names))]
    chosen += [tuple(positions[key] for key in crossing) for crossing in crossings]
    for keys in chosen:
        if any(len(layout.segments[key][1]) == 1 for key in keys):  # all rows are OTHER: nothing is told apart
            continue
        limit = int(MAX_CROSSED ** (1 / len(keys)) + 1e-9) - 1 if len(keys) > 1 else MAX_CROSSED
        values = [_values(layout.segments[key][1], limit) for key in keys]
        combined = tuple(
            ",".join(segment_name(names[key], value) for key, value in zip(keys, picked, strict=True))
            for picked in itertools.product(*values)
        )
        families.append(Family(keys, tuple(len(of_key) - 1 for of_key in values), combined))
    return tuple(families)


def _values(values: tuple[str, ...], limit: int) -> tuple[str, ...]:
    """At most `limit` of the known values, and OTHER."""
    return (*values[:-1][:limit], OTHER)


def join_plan(
    settings: ModelSettings, performance: PerformanceSettings, layout: Layout, reference: Reference, tick: int
) -> JoinPlan:
    """How a model is joined with feedback, by its settings and those in it on performance; the tick is in ms.

    Raises:
        ValueError: an option that makes no sense for the task.
        KeyError: a crossing names what is no segment key.
    """
    labels = label_codes(settings, reference)
    options = TaskOptions(
        settings.task,
        performance.threshold,
        labels.classes if settings.task == "multiclass" else (),
        performance.k,
        performance.tolerance,
        performance.negative_after is not None,
    )
    task = task_layout(options, reference.prediction)
    return JoinPlan(
        layout=layout,
        task=task,
        labels=labels,
        tick=tick,
        keep=performance.kept_for,
        wait=performance.wait,
        negative_after=performance.negative_after,
        sample=performance.sample,
        families=families_of(layout, performance.cross),
        max_versions=settings.max_versions,
    )
