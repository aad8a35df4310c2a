"""A version with a reference of its own: what it is compared with, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from factories import categorical, numeric, reference_of
from oracles import Row, columns_of

from operators.plans.measures import DISTANCES, Plan
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from windows.panes import Window
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import layout_of
from windows.references.reference import Reference, seal
from windows.sketches.profiles import SegmentCounts, slots

if TYPE_CHECKING:
    from operators.tables import Table

MINUTE = Window(60_000, 10_000)
EVERYTHING = Plan(features=DISTANCES, prediction=DISTANCES, quality=True, moments=True, service=True)
EDGES = np.linspace(0, 10, 21)


def profiled(values: np.ndarray, classes: list[str], overdispersion: float = 1.0) -> Reference:
    """A reference of these rows on fixed edges, with one segment that holds half of them."""
    inside = values[(values >= 0) & (values < 10)]
    x = numeric(EDGES, np.histogram(inside, EDGES)[0], center=5.0, scale=2.0, overdispersion=overdispersion)
    below, above = int((values < 0).sum()), int((values >= 10).sum())
    x = replace(x, below=below, above=above, own=(float(values.mean()), float(values.std())))
    c = categorical("ab", [classes.count("a"), classes.count("b")], other=classes.count("new"))
    known = reference_of({"x": x, "c": c}, x, rows=len(values), segments={"site": ("s", "t")})
    half = {name: slots(profile) // 2 for name, profile in known.features.items()}
    rows = int(half["x"].sum())
    half["c"][0] += rows - int(half["c"].sum())
    counts = SegmentCounts(rows, half, half["x"])
    return seal(replace(known, segments={"site": {"s": counts}}))


RNG = np.random.default_rng(3)
FIRST, SECOND = RNG.normal(4, 1.5, 20_000), RNG.normal(6.5, 2.0, 20_000)
BASE = profiled(FIRST, RNG.choice(["a", "b"], 20_000, p=[0.7, 0.3]).tolist())
OWN = profiled(SECOND, RNG.choice(["a", "b", "new"], 20_000, p=[0.2, 0.5, 0.3]).tolist(), overdispersion=2.0)
ROWS = [
    Row(0, version, {"x": value, "c": name, "prediction": value}, ("s",), 3.0)
    for version, values, names, shares in (
        ("1", RNG.normal(4, 1.5, 3_000), "ab", [0.7, 0.3]),
        ("2", RNG.normal(6.5, 2.0, 3_000), ["a", "b", "new"], [0.2, 0.5, 0.3]),
    )
    for value, name in zip(values.tolist(), RNG.choice([*names], 3_000, p=shares).tolist(), strict=True)
]


def measured(reference: Reference) -> dict[tuple[str, str], Table]:
    """The tables of a window that holds both versions."""
    layout = layout_of(reference, ("site",))
    sketches = fold(binning_of(layout), columns_of(layout, ROWS))
    groups = {(version, segment): vector for (_, version, segment), vector in sketches.items()}
    logic = Measure(MeasureConfig(layout, reference, 1e-3, {MINUTE.size: EVERYTHING}))
    tables = logic(WindowTotals("click", MINUTE, 9, groups, None)).tables
    return {(table.kind.value, table.metric): table for table in tables}


BOTH = measured(replace(BASE, versions={"2": OWN}))


@pytest.mark.parametrize(("version", "alone"), [("1", BASE), ("2", OWN)], ids=["without", "with"])
def test_each_version_is_measured_as_if_its_reference_were_the_models(version: str, alone: Reference) -> None:
    """Every value, bound and baseline, of the whole and of a segment, to the last bit."""
    expected = measured(alone)
    assert BOTH.keys() == expected.keys()
    for name, table in expected.items():
        mine = BOTH[name]
        at = [place for place, (of, _) in enumerate(table.groups) if of == version]
        assert len(at) > 0
        for field in ("value", "lower", "upper", "samples", "reference_samples"):
            np.testing.assert_array_equal(
                getattr(mine, field)[at], getattr(table, field)[at], err_msg=f"{name} {field}"
            )
        if table.baseline is not None:
            assert mine.baseline is not None
            np.testing.assert_array_equal(mine.baseline[at], table.baseline[at], err_msg=str(name))


def test_inputs_that_moved_with_the_version_are_no_drift() -> None:
    """Against its own reference the distance is noise; against the model's it is as large as the move."""
    place = BOTH["feature", "ks"].groups.index(("2", ""))
    assert BOTH["feature", "ks"].lower[place, 0] < 0.02
    assert measured(BASE)["feature", "ks"].lower[place, 0] > 0.2
    unseen, as_before = BOTH["quality", "unseen_ratio"], measured(BASE)["quality", "unseen_ratio"]
    assert unseen.baseline is not None
    assert as_before.baseline is not None
    assert unseen.lower[place, 1] - unseen.baseline[place, 1] < 0.02
    assert as_before.lower[place, 1] - as_before.baseline[place, 1] > 0.2


def test_rows_say_what_they_were_compared_with() -> None:
    """`own` or `fixed`, where any version has its own; else nothing."""
    table = BOTH["feature", "ks"]
    assert dict(zip(table.groups, table.against, strict=True)) == {
        ("1", ""): "fixed",
        ("1", "site=s"): "fixed",
        ("2", ""): "own",
        ("2", "site=s"): "own",
    }
    assert measured(BASE)["feature", "ks"].against == ()


def test_a_factor_that_its_own_rows_do_not_tell_is_the_models() -> None:
    """Without timestamps nothing is known of how the version's traffic varies."""
    unknown = {name: replace(one, overdispersion=None) for name, one in OWN.features.items()}
    assert OWN.prediction is not None
    own = seal(replace(OWN, features=unknown, prediction=replace(OWN.prediction, overdispersion=None)))
    same = seal(replace(OWN, features={n: replace(one, overdispersion=1.0) for n, one in OWN.features.items()}))
    place = BOTH["feature", "ks"].groups.index(("2", ""))
    found, expected = (measured(replace(BASE, versions={"2": one}))["feature", "ks"] for one in (own, same))
    np.testing.assert_array_equal(found.lower[place], expected.lower[place])
