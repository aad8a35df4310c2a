"""What messages hold where names do not say it: a time by its value, a prediction by where it stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING, Any

from operators.formats.guesses import paths_in
from operators.formats.times import UNIT_BOUNDS, milliseconds, moment_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_OF_TIME = frozenset({"at", "date", "datetime", "epoch", "millis", "on", "time", "timestamp", "ts", "when"})
_ANSWERS = frozenset(
    {"answer", "decision", "outcome", "output", "outputs", "prediction", "predictions", "reply", "response", "result",
     "results", "score", "scores", "scoring"}
)  # fmt: skip
"""What objects are called that hold an answer."""
_CLASSES = frozenset({"action", "category", "class", "decision", "intent", "label", "verdict"})
"""What a text is called that is an answer."""
_OTHER = frozenset(
    {"code", "count", "duration", "elapsed", "id", "latency", "millis", "model", "ms", "name", "ns", "rank", "size",
     "status", "threshold", "time", "took", "us", "version"}
)  # fmt: skip
"""What numbers are called that stand beside an answer."""
_IDS = frozenset({"guid", "id", "ident", "key", "no", "nr", "num", "number", "ref", "reference", "uuid"})
"""What ids are called, beside what comes before: application_ref, orderNo."""
MOST_ALIKE = 0.9
"""The share of the values of an id that are different, at least: a label may be revised."""
MOST_BESIDE = 3
"""Values that feedback may have beside its id, time, model and version."""
_EPOCH = re.compile(r"\d{9,19}(\.\d+)?")
UNITS = ("ms", "s", "ms", "us", "ns")
"""Of an epoch time by its size: see UNIT_BOUNDS."""
_SOONEST = 978_307_200_000
"""The beginning of 2001, ms: epoch times before it are rather numbers of another kind."""
_LATEST = 4_133_980_800_000
"""That of 2101."""

_NONE = 3


def time_in(roots: Sequence[dict[str, Any]], written: Sequence[int]) -> str | None:
    """Where a time is in all records: of several the one that is nearest to when messages were written.

    Args:
        roots: records.
        written: when their messages were written, ms; none where nobody knows.
    """
    found: dict[str, float] = {}
    for path, _ in paths_in(roots[0]) if roots else ():
        if not _OF_TIME.intersection(words_of(path[-1])):
            continue
        times = [_moment(at_path(root, path)) for root in roots]
        known = [time for time in times if time is not None]
        if len(known) == len(roots):
            found[".".join(path)] = median(known)
    if not found:
        return None
    now = median(written) if written else None
    return min(found, key=lambda path: abs(found[path] - now) if now is not None else -found[path])


def answer_in(roots: Sequence[dict[str, Any]], taken: Collection[str]) -> str | None:
    """Where a prediction is: in an object that is called like an answer, a share before a number before a text.

    `taken`: paths that are another field's.
    """
    ranked: dict[str, int] = {}
    for path, _ in paths_in(roots[0]) if roots else ():
        if ".".join(path) in taken or not any(_ANSWERS.intersection(words_of(step)) for step in path[:-1]):
            continue
        rank = max(_rank(words_of(path[-1]), at_path(root, path)) for root in roots)
        if rank < _NONE:
            ranked[".".join(path)] = rank
    return min(ranked, key=lambda path: ranked[path]) if ranked else None


def ident_in(roots: Sequence[dict[str, Any]], taken: Collection[str]) -> str | None:
    """Where an id is: a text or whole number that is called like one, and hardly ever comes twice."""
    for path, _ in paths_in(roots[0]) if roots else ():
        if ".".join(path) in taken or not _IDS.intersection(words_of(path[-1])):
            continue
        values = [at_path(root, path) for root in roots]
        plain = all(isinstance(value, str | int) and not isinstance(value, bool) for value in values)
        if plain and len(set(values)) >= MOST_ALIKE * len(values):
            return ".".join(path)
    return None


def truth_in(roots: Sequence[dict[str, Any]], taken: Collection[str]) -> str | None:
    """Where a label is in records that say little else: the one other value, or of two or three the one of two values.

    Features are more than that; so nothing is said of larger records, nor of nested ones.
    """
    rest = [name for name in dict.fromkeys(name for root in roots for name in root) if name not in taken]
    held = {name: [root.get(name) for root in roots if root.get(name) is not None] for name in rest}
    if not rest or len(rest) > MOST_BESIDE or any(isinstance(one, dict | list) for one in chain(*held.values())):
        return None
    if len(rest) == 1:
        (name,) = rest
        return None if all(_moment(value) is not None for value in held[name]) else name
    decided = [name for name, values in held.items() if values and _is_truth(values)]
    return decided[0] if len(decided) == 1 else None


def spelled_truth(values: Sequence[Any]) -> dict[str, int] | None:
    """Words for truth that labels do not say by themselves, as 1 and 0: Y and N, yes and no; None for other values."""
    words = {value for value in values if value is not None}
    if not words or not all(isinstance(word, str) for word in words):
        return None
    for yes, no in (("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off")):
        if {word.lower() for word in words} <= {yes, no}:
            (some,) = {"upper" if word.isupper() else "title" if word.istitle() else "lower" for word in words} or {""}
            return {getattr(yes, some)(): 1, getattr(no, some)(): 0}
    return None


def _is_truth(values: Sequence[Any]) -> bool:
    return set(map(str, values)) <= {"0", "1", "True", "False", "true", "false"} or spelled_truth(values) is not None


def words_of(name: str) -> frozenset[str]:
    """The words of a name in lower case: scoredAtEpoch and scored_at_epoch are three."""
    return frozenset(word.lower() for word in _WORDS.findall(name))


def _rank(name: frozenset[str], value: Any) -> int:
    """How much a value looks like a prediction, its name being of these words; the less the more."""
    if isinstance(value, str):
        return 2 if value and name & _CLASSES else _NONE
    if isinstance(value, bool) or not isinstance(value, int | float) or name & _OTHER:
        return _NONE
    return 0 if 0.0 <= value <= 1.0 else 1


def unit_of(times: Sequence[Any]) -> str | None:
    """The unit of times that are text: of digits by their size; None where they are no text, or of several kinds."""
    units = {_unit(time) for time in times}
    return units.pop() if len(units) == 1 else None


def _unit(time: Any) -> str | None:
    if not isinstance(time, str):
        return None
    if _EPOCH.fullmatch(time):
        return UNITS[bisect_right(UNIT_BOUNDS, float(time))]
    return None if moment_of(time) is None else "rfc3339"


def _moment(value: Any) -> float | None:
    """A time in ms; None for what is none, or of another century."""
    if isinstance(value, str):
        if _EPOCH.fullmatch(value):
            return _moment(float(value))
        moment = moment_of(value)
        return None if moment is None else milliseconds(moment)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    found = milliseconds(value)
    return found if _SOONEST <= found <= _LATEST else None


def at_path(root: Any, path: Sequence[str]) -> Any:
    """What is at a path of keys; None where nothing is."""
    for step in path:
        root = root.get(step) if isinstance(root, dict) else None
    return root
