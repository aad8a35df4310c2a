"""Records of a source's own shape as bytes: whatever its map names, in values from ordinary to hostile."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from factories import START
from native_rows import TIMES, broken, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = Callable[[random.Random, bool], str]
"""Draws a value as it stands in JSON; of any kind where it may be odd."""


def value(*usual: Any) -> Value:
    """One of these, or, in unusual records, anything."""

    def drawn(rng: random.Random, odd: bool) -> str:
        return scalar(rng) if odd and rng.random() < 0.3 else json.dumps(rng.choice(usual))

    return drawn


def number(rng: random.Random, odd: bool) -> str:
    """A number, none, or, in unusual records, anything."""
    if odd and rng.random() < 0.3:
        return scalar(rng)
    return rng.choice((repr(rng.gauss(0, 20)), str(rng.randint(0, 120)), "null"))


def time(unit: float) -> Value:
    """A time in units of so many milliseconds."""

    def drawn(rng: random.Random, odd: bool) -> str:
        if odd and rng.random() < 0.3:
            return rng.choice((*TIMES, "95", "1e9", "1e17", "-5"))
        at = START + rng.randint(-40_000, 1_000)
        return str(round(at / unit)) if rng.random() < 0.5 else repr(at / unit + rng.random())

    return drawn


def text_time(rng: random.Random, odd: bool) -> str:
    """An RFC 3339 time."""
    if odd and rng.random() < 0.4:
        return rng.choice(TIMES)
    return f'"2026-09-21T14:{rng.randint(10, 13)}:{rng.randint(10, 20)}.{rng.randrange(1000):03}Z"'


def scores(most: int) -> Value:
    """Scores of classes, mostly as many as there are."""

    def drawn(rng: random.Random, odd: bool) -> str:
        if odd and rng.random() < 0.3:
            return rng.choice((scalar(rng), "[]", "[null]", '["0.3"]', "[true, 0]", "[1e999]", "[[0.1]]", "[-0, 0.0]"))
        count = most if rng.random() < 0.8 else rng.randint(1, most + 2)
        return "[" + ", ".join(rng.choice((repr(rng.random()), "0", "1", "0.5")) for _ in range(count)) + "]"

    return drawn


def items(rng: random.Random, odd: bool) -> str:
    """Items of a ranking."""
    if odd and rng.random() < 0.3:
        long = json.dumps(["x" * 600])
        return rng.choice((scalar(rng), long, "[true]", "[null]", "[[1]]", "[1e300]", "[9007199254740994.0, -0]"))
    return rng.choice(('["a", 7, 2.5, 1.0]', "[]", "null", "[1, 2]", '["\\u00e9", "b"]'))


def record_of(rng: random.Random, fields: Mapping[tuple[str | int, ...], Value], *, odd: bool) -> bytes:
    """A record with these fields at their paths; in odd ones anything may be missing, twice, or something else."""
    tree: dict[Any, Any] = {}
    for steps, drawn in fields.items():
        here = tree
        for step in steps[:-1]:
            here = here.setdefault(step, {})
        here[steps[-1]] = drawn
    row = _rendered(rng, tree, odd).encode()
    return broken(rng, row) if odd and rng.random() < 0.1 else row


def _rendered(rng: random.Random, tree: Any, odd: bool) -> str:
    if not isinstance(tree, dict):
        drawn: str = tree(rng, odd)
        return drawn
    if odd and rng.random() < 0.03:
        return scalar(rng)
    if any(isinstance(step, int) for step in tree):
        return _array(rng, tree, odd)
    entries = [(step, below) for step, below in tree.items() if not odd or rng.random() < 0.85]
    if odd:
        rng.shuffle(entries)
        entries += [rng.choice(entries)] if entries and rng.random() < 0.05 else []
    inside = [f"{json.dumps(step)}: {_rendered(rng, below, odd)}" for step, below in entries]
    if rng.random() < 0.3:
        inside.insert(rng.randint(0, len(inside)), f'"beside": {scalar(rng) if odd else 7}')
    return "{" + ", ".join(inside) + "}"


def _array(rng: random.Random, tree: dict[int, Any], odd: bool) -> str:
    count = max(tree) + 1
    if odd and rng.random() < 0.2:
        count = rng.randint(0, count + 2)
    places = [tree.get(place, value(1, "x", None)) for place in range(count)]
    return "[" + ", ".join(_rendered(rng, below, odd) for below in places) + "]"
