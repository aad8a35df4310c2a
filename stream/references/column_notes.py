"""What a user is told of the columns of rows: what each was taken for, and why one was left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stream.rows.columns import SPECIAL, UNREAD, Column
from stream.rows.times import other_times, usual_times
from windows.sketches.profiles import CategoricalProfile, NumericProfile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stream.references.plan import BuildOptions, Plan
    from windows.sketches.profiles import Profile

MEANINGS = {
    "prediction": "the predictions",
    "label": "the labels",
    "latency_ms": "the latencies",
    "timestamp": "the times",
    "error": "failures",
    "model": "the models",
}
_LIKE = {
    "prediction": re.compile(r"(y_?)?(pred|prob|score|decision)|y_?hat$", re.IGNORECASE),
    "label": re.compile(r"(target|label|outcome|ground_?truth|y|y_?true|actual)(_|s?$)", re.IGNORECASE),
}
FEW_NAMES = 5
_WATCH = "to watch one, list it under the model's features (init: --categorical or --numeric)"


def column_notes(plan: Plan, options: BuildOptions) -> Iterator[str]:
    """The notes of one plan: what is left out, what was taken for what, how columns are read."""
    nested = any(column.origin == "features" for column in plan.read.values())
    yield from _odd(plan, options, nested=nested)
    yield from _unread_predictions(plan)
    if plan.scores:
        yield _of_scores(plan)
    if not nested:
        yield from _named_like_ours(plan, options)
        yield from _other_times(plan, options)
        if not plan.listed:
            yield from _look_alikes(plan)
    for column in plan.read.values():
        if column.name in plan.dressed:
            continue
        if column.note and column.name not in options.ignored and (not plan.listed or column.name in plan.features):
            yield f"column {column.name!r}: {column.note}"


def value_notes(features: Mapping[str, Profile], rows: int) -> Iterator[str]:
    """The notes on values that are read as they are, and may not be meant so."""
    for name, profile in features.items():
        if isinstance(profile, NumericProfile) and profile.non_finite:
            yield (
                f"column {name!r}: {profile.non_finite:,} of {rows:,} values are infinite and in no distance; JSON has"
                " no such number: what is sent instead counts as missing, or as of another type"
            )
        if isinstance(profile, CategoricalProfile):
            padded = [value for value in profile.categories if value != value.strip()]
            if padded:
                yield (
                    f"column {name!r}: {len(padded)} of {len(profile.categories)} categories begin or end with a space,"
                    f" such as {padded[0]!r}: without it a live value is another one"
                )


def _odd(plan: Plan, options: BuildOptions, *, nested: bool) -> Iterator[str]:
    """Columns that no feature can be made of, and the writer's own."""
    if plan.listed:
        return
    known = {*plan.features, *plan.roles.values(), *options.ignored, *options.segments, *plan.scores}
    left = [column for column in plan.read.values() if column.name not in known and _of_place(column, nested=nested)]
    odd = [column for column in left if column.kind not in {"number", "category"}]
    if odd:
        names, whats = ", ".join(column.name for column in odd), ", ".join(column.what for column in odd)
        yield f"left out, being neither numbers nor categories: {names} ({whats})"
    times = [column.name for column in odd if column.kind == "time"]
    if times and not plan.timestamp:
        names = " or ".join(times)
        yield f"no column was taken for the times of the rows; where {names} holds them: --timestamp COLUMN"
    keys = [column.name for column in left if column.key]
    if keys:
        yield (
            f"left out, being numbers of which each is there once, as with ids: {', '.join(keys)};"
            " --numeric COLUMN where one is a quantity"
        )
    index = [column.name for column in left if column.bookkeeping and column not in odd]
    if index:
        yield f"left out, being the index that the table was written with: {', '.join(index)}; {_WATCH}"
    if nested:
        outside = [
            column.name
            for column in plan.read.values()
            if column.origin == "row"
            and column.name not in {*known, *SPECIAL}
            and column.kind in {"number", "category"}
        ]
        if outside:
            yield f"left out, being outside of `features`: {', '.join(outside)}"


def _unread_predictions(plan: Plan) -> Iterator[str]:
    """Predictions that are no predictions of any task."""
    name = plan.roles.get("prediction", "")
    if name and plan.read[name].kind in UNREAD:
        cure = f", or of a topic map one of them (`prediction: {name}.NAME`)" if plan.read[name].kind == "other" else ""
        yield (
            f"`{name}` is not read: it holds {plan.read[name].what}, and a prediction is a number, a class or a list of"
            f" scores; write scores as one list, in the order of --classes{cure}"
        )


def _of_scores(plan: Plan) -> str:
    """What to say of scores of the classes that have a column each."""
    whole = " (all of those of a prediction add up to 1)"
    one = "" if len(plan.scores) > 2 or plan.prediction is not None else f", --prediction {plan.scores[-1]} takes one"
    return (
        f"left out, being scores of the classes and no features{whole}: {', '.join(plan.scores)}; to have them judged,"
        f" write them as one list, in the order of --classes{one}; --numeric COLUMN where one is a feature"
    )


def _of_place(column: Column, *, nested: bool) -> bool:
    return column.origin == "features" if nested else column.origin == "row"


def _named_like_ours(plan: Plan, options: BuildOptions) -> Iterator[str]:
    """What became of columns that bear a name of ours."""
    uses = {
        "prediction": plan.prediction is not None or plan.label,
        "label": plan.label or "label" in options.roles,
        "latency_ms": plan.latency,
        "timestamp": plan.timestamp,
        "error": plan.error,
    }
    taken = [f"`{plan.roles[role]}` for {MEANINGS[role]}" for role, used in uses.items() if used and role in plan.roles]
    if taken:
        yield f"taken {', '.join(taken)}; --ignore COLUMN where that is wrong"
    used = {plan.roles[role] for role, is_used in uses.items() if is_used and role in plan.roles}
    unused = [
        f"`{name}`"
        for name in (*SPECIAL, *plan.roles.values())
        if name in plan.read and name not in {*used, *plan.features, *options.ignored}
    ]
    if unused and not plan.listed:
        names = ", ".join(dict.fromkeys(unused))
        yield f"not watched, being named like fields of a prediction: {names}; {_WATCH}"


def _other_times(plan: Plan, options: BuildOptions) -> Iterator[str]:
    """Which columns could be the times as well as the one that was taken for them by its name."""
    taken = plan.roles.get("timestamp", "timestamp")
    if plan.timestamp and taken != "timestamp" and "timestamp" not in options.roles:
        usual = usual_times(column for column in plan.read.values() if column.name not in options.ignored)
        if said := other_times(taken, usual):
            yield f"{said}; --timestamp COLUMN where that is wrong"


def _look_alikes(plan: Plan) -> Iterator[str]:
    """Features that may be the prediction or the label under a name of the user's."""
    for role, pattern in _LIKE.items():
        found = [name for name in plan.features if pattern.match(name)]
        if not found:
            continue
        if role not in plan.roles:
            yield f"`{found[0]}` is watched as a feature; if it holds {MEANINGS[role]}: --{role} {found[0]}"
        else:
            names = ", ".join(f"`{name}`" for name in found[:FEW_NAMES])
            yield (
                f"watched as features beside {MEANINGS[role]} in `{plan.roles[role]}`: {names}; --ignore COLUMN where"
                " one is no input of the model"
            )
