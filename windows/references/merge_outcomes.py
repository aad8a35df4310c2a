"""Outcomes of two references as one: exact addition where the layouts agree, else each is moved onto the merged one.

Counts of score bins are interpolated as the profiles themselves are (`windows.sketches.rebin`); sums of losses and
errors are carried over, since changes of unit and center are linear in them.
"""

from __future__ import annotations

from dataclasses import replace
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from windows.outcomes.layout import TaskLayout, TaskOptions, task_layout
from windows.sketches.exact_sums import Members
from windows.sketches.profiles import NumericProfile, ReferenceError_
from windows.sketches.rebin import spread, whole

if TYPE_CHECKING:
    from windows.arrays import FloatArray, IntArray
    from windows.references.reference import Reference
    from windows.sketches.profiles import Profile

SCORE_SPANS = ("score_predictions", "positives", "negatives", "score_labelled")


def merge_outcomes(
    one: Reference, other: Reference, prediction: Profile | None, classes: tuple[str, ...]
) -> tuple[TaskOptions | None, IntArray | None]:
    """The options and the outcomes of both, on the layout of the merged prediction profile.

    Raises:
        ReferenceError_: predictions were held against labels in different ways.
    """
    parts = [part for part in (one, other) if part.task is not None and part.outcomes is not None]
    options = [replace(part.task, classes=()) for part in parts if part.task is not None]
    if not parts:
        return None, None
    if options[0] != options[-1]:
        raise ReferenceError_(f"labels were held against predictions in different ways: {options[0]} and {options[-1]}")
    if parts[0].positive != parts[-1].positive:
        named = f"{parts[0].positive!r} and {parts[-1].positive!r}"
        raise ReferenceError_(f"labels were counted as positive by different names: {named}")
    layout = task_layout(replace(options[0], classes=classes), prediction)
    total = layout.empty()
    for part in parts:
        total = total + _moved(part, layout, prediction)
    return layout.options, total


def _moved(part: Reference, new: TaskLayout, prediction: Profile | None) -> IntArray:
    assert part.task is not None  # noqa: S101 - for the type checker: the caller chose such parts
    assert part.outcomes is not None  # noqa: S101 - the same
    old, vector = task_layout(part.task, part.prediction), part.outcomes
    found = new.empty()
    for name, span in old.spans.items():
        if span.stop - span.start == new.spans[name].stop - new.spans[name].start:
            found[new.spans[name]] = vector[span]
    for name, block in old.blocks.items():
        same = new.blocks[name]
        if block.stop - block.start == same.stop - same.start:
            found[same.start : same.stop] = vector[block.start : block.stop]
    if old.options.task == "multiclass":
        _move_classes(old, new, vector, found)
    elif old.options.task == "binary" and not _equal(old, new):
        _move_scores(old, new, vector, found, _ends(old.score_edges), _ends(new.score_edges))
        _move_calibration(old, new, vector, found)
    elif old.options.task == "regression" and not _equal(old, new):
        _move_scores(old, new, vector, found, _cuts(old, part.prediction), _cuts(new, prediction))
        _move_errors(old, new, vector, found)
    return found


def _equal(old: TaskLayout, new: TaskLayout) -> bool:
    same = old.score_edges is not None and np.array_equal(old.score_edges, new.score_edges)  # type: ignore[arg-type]
    return same and _same(old.calibration, new.calibration) and (old.center, old.scale) == (new.center, new.scale)


def _same(one: IntArray | None, other: IntArray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def _move_classes(old: TaskLayout, new: TaskLayout, vector: IntArray, found: IntArray) -> None:
    """Class by class; what has no code of its own any more is "other"."""
    places = {name: code for code, name in enumerate(new.options.classes)}
    codes = np.array([*(places.get(name, new.classes - 1) for name in old.options.classes), new.classes - 1])
    predictions, confusion = new.spans["score_predictions"], new.spans["confusion"]
    found[predictions] = np.bincount(codes, weights=vector[old.spans["score_predictions"]], minlength=new.classes)
    pairs = (codes[:, None] * new.classes + codes[None, :]).ravel()
    found[confusion] = np.bincount(pairs, weights=vector[old.spans["confusion"]], minlength=new.classes**2)


def _ends(edges: FloatArray | None) -> FloatArray:
    return np.zeros(0) if edges is None else edges


def _cuts(layout: TaskLayout, profile: Profile | None) -> FloatArray:
    """The score edges between the ends of the profile."""
    if not isinstance(profile, NumericProfile):
        return _ends(layout.score_edges)
    return np.concatenate((profile.edges[:1], _ends(layout.score_edges), profile.edges[-1:]))


def _move_scores(
    old: TaskLayout, new: TaskLayout, vector: IntArray, found: IntArray, edges: FloatArray, onto: FloatArray
) -> None:
    """Counts of score bins, as if each bin were uniform inside. Beyond the edges there are none in a reference."""
    for name in SCORE_SPANS:
        if name not in old.spans:
            continue
        counts = vector[old.spans[name]]
        outer = len(counts) - len(edges) == 1  # the edges of a binary layout have open bins on both sides
        inner = counts[1:-1] if outer else counts
        moved = whole(spread(inner, edges, onto))
        if outer:
            moved = np.concatenate((counts[:1], moved, counts[-1:]))
        found[new.spans[name]] = moved


def _move_calibration(old: TaskLayout, new: TaskLayout, vector: IntArray, found: IntArray) -> None:
    """Sums of scores by calibration bin, from the moved counts; their total stays what it was."""
    before, after = old.blocks["calibration"], new.blocks["calibration"]
    total = sum(float(before.read(vector[None, :], name)[0]) for name in before.names)
    edges = _ends(new.score_edges)
    middles = np.clip(np.concatenate((edges[:1], (edges[1:] + edges[:-1]) / 2, edges[-1:])), 0.0, 1.0)
    scores = (found[new.spans["positives"]] + found[new.spans["negatives"]]) * middles
    sums: FloatArray = np.bincount(_bins(new), weights=scores, minlength=len(after.names)).astype(np.float64)
    sums = sums * (total / max(float(sums.sum()), np.finfo(np.float64).tiny))
    found[after.start : after.stop] = 0
    after.add(sums[:, None].copy(), _one(), found[None, :])


def _bins(layout: TaskLayout) -> IntArray:
    assert layout.calibration is not None  # noqa: S101 - for the type checker: a binary layout has it
    return layout.calibration


def _move_errors(old: TaskLayout, new: TaskLayout, vector: IntArray, found: IntArray) -> None:
    """Errors and labels in the new unit, labels about the new center."""
    ratio, offset = old.scale / new.scale, (old.center - new.center) / new.scale
    if ratio != 1.0 and old.errors is not None and new.errors is not None:
        at = new.errors.slots(old.errors.answers * ratio)
        counted = np.bincount(at, weights=vector[old.spans["errors"]], minlength=new.errors.count)
        found[new.spans["errors"]] = counted.astype(np.int64)
    rows = float(vector[old.labelled] - vector[old.unusable])
    labels = [rows]
    for block in ("squares", "powers"):
        sums = old.blocks[block]
        terms = []
        for name in sums.names:
            given = float(sums.read(vector[None, :], name)[0])
            kind, _, power = name.partition("_")
            exponent = int(power or 1)
            if kind == "label":
                labels.append(given)
                terms.append(
                    sum(
                        comb(exponent, k) * ratio**k * offset ** (exponent - k) * labels[k] for k in range(exponent + 1)
                    )
                )
            else:
                terms.append(given * ratio**exponent)
        onto = new.blocks[block]
        found[onto.start : onto.stop] = 0
        onto.add(np.array(terms)[:, None], _one(), found[None, :])


def _shifted(sums: list[float], ratio: float, offset: float) -> float:
    """Sum of (ratio x + offset)^n from the sums of x^0 to x^n."""
    power = len(sums) - 1
    return sum(comb(power, k) * ratio**k * offset ** (power - k) * known for k, known in enumerate(sums))


def _one() -> Members:
    """One row in one group."""
    return Members(np.zeros(1, dtype=np.int64), 1, None)
