"""Groups: every row is counted once in each kind of segment, however far apart times are."""

from __future__ import annotations

import numpy as np
import pytest
from factories import click_layout

from operators.join.groups import grouped
from operators.plans.join import MAX_CROSSED, families_of
from windows.predictions.layout import Layout

LAYOUT = click_layout()


@pytest.mark.parametrize("farthest", [3, 25_340_230_079_900])
def test_rows_are_grouped_as_one_by_one(farthest: int) -> None:
    """The same keys as a look at each row gives, even where times differ by thousands of years."""
    rng = np.random.default_rng(3)
    families = families_of(LAYOUT, [("country", "device")])
    count = 60
    known, cohort = rng.integers(0, farthest, count), rng.integers(0, farthest, count)
    version = rng.integers(0, 2, count)
    segments = np.stack([rng.integers(0, len(values), count) for _, values in LAYOUT.segments])
    found = grouped(families, known, cohort, ("a", "b"), version, segments)
    names = [[f"{key}={value}" for value in values] for key, values in LAYOUT.segments]
    expected: dict[tuple[int, int, str, str], list[int]] = {}
    for row in range(count):
        one, other = (names[key][segments[key, row]] for key in range(2))
        for segment in ("", one, other, f"{one},{other}"):
            key = (int(known[row]), int(cohort[row]), "ab"[version[row]], segment)
            expected.setdefault(key, []).append(row)
    got: dict[tuple[int, int, str, str], list[int]] = {}
    for row, group in zip(found.rows.tolist(), found.groups.tolist(), strict=True):
        got.setdefault(found.keys[group], []).append(row)
    assert got == expected
    assert len(set(found.keys)) == len(found.keys)


def test_crossed_segments_are_capped() -> None:
    """Of keys with many values the rarer ones are taken together."""
    values = (*(f"v{at}" for at in range(50)), "other")
    wide = Layout("m", (), None, (("a", values), ("b", values)), 0, 0, 0, 0, 0, 0)
    crossed = families_of(wide, [("a", "b")])[-1]
    assert len(crossed.names) <= MAX_CROSSED
    assert crossed.names[0] == "a=v0,b=v0"
    assert crossed.names[-1] == "a=other,b=other"


def test_a_key_without_known_values_makes_no_family() -> None:
    """Neither alone nor crossed: all its rows are `other`, so that it tells nothing apart."""
    layout = Layout("m", (), None, (("a", ("other",)), ("b", ("x", "other"))), 0, 0, 0, 0, 0, 0)
    assert [family.keys for family in families_of(layout, [("a", "b")])] == [(), (1,)]
