import math
import random
from dataclasses import replace

import numpy as np
import pytest
from factories import COUNTRIES, DEVICES, categorical, click_layout, numeric, reference_of
from oracles import Row, columns_of, fold_by_hand

from windows.predictions.fold import Sketches, binning_of, fold
from windows.predictions.layout import Layout, layout_of

AGES = (17.99, 18, 29.5, 30, 45, 60, 98.999, 99, 1e300, -1e300, math.nan, math.inf, -math.inf, None)
CLICKS = (0.0, -0.0, 5e-324, 0.5, 1.0, math.nextafter(1, 2), 3, 10.0, 11, -1, None)
FIXED = (7.0, math.nextafter(7, 8), math.nextafter(7, 6), None)
LATENCIES = (None, 0.0, -3.0, 0.01, 0.5, 12.5, 150.0, 600_000.0, 600_001.0, math.inf)


def any_row(rng: random.Random, panes: int = 3, versions: int = 3) -> Row:
    """A record with values on edges, ties, outside, missing and not finite."""
    return Row(
        pane=rng.randrange(-1, panes - 1),
        version=f"v{rng.randrange(versions)}",
        values={
            "age": rng.choice([*AGES, rng.uniform(10, 110)]),
            "clicks": rng.choice(CLICKS),
            "fixed": rng.choice(FIXED),
            "country": rng.choice([*COUNTRIES, "es", "", "other", None]),
            "member": rng.choice(["true", "false", "maybe", None]),
            "prediction": rng.choice([None, 0.0, 0.25, 1.0, 1.5, rng.random()]),
        },
        segments=(rng.choice([*COUNTRIES, "es"]), rng.choice([*DEVICES, "tv"])),
        latency=rng.choice([*LATENCIES, rng.uniform(0.02, 5_000)]),
        failed=rng.random() < 0.1,
    )


def assert_same(layout: Layout, rows: list[Row], sketches: Sketches) -> None:
    """The fold equals the per-record loop: the same groups, the same counts in every slot."""
    expected = fold_by_hand(layout, rows)
    assert sketches.keys() == expected.keys()
    for key, vector in sketches.items():
        assert vector.dtype == np.int64
        assert vector.tolist() == expected[key], key


@pytest.mark.parametrize("seed", range(25))
def test_fold_equals_a_loop_over_records(seed: int) -> None:
    """Ties, edges, NaN, infinities, missing and unknown values, segments, versions, failures: all as by hand."""
    rng, layout = random.Random(seed), click_layout()
    rows = [any_row(rng, panes=1 + seed % 4, versions=1 + seed % 3) for _ in range(rng.choice([1, 2, 40, 300]))]
    assert_same(layout, rows, fold(binning_of(layout), columns_of(layout, rows)))


def test_only_failed_predictions_make_only_error_counts() -> None:
    """A failed prediction is in no histogram, no segment and no row count."""
    layout = click_layout()
    rows = [Row(5, "1", {"age": 20.0}, ("de", "web"), failed=True)] * 3
    sketches = fold(binning_of(layout), columns_of(layout, rows))
    assert list(sketches) == [(5, "1", "")]
    assert sketches[5, "1", ""][layout.errors] == 3
    assert sketches[5, "1", ""].sum() == 3


def test_each_record_is_in_one_slot_of_each_column() -> None:
    """The slots of every column, and the latency slots, sum to the rows."""
    rng, layout = random.Random(99), click_layout()
    rows = [any_row(rng) for _ in range(500)]
    for (_, _, segment), vector in fold(binning_of(layout), columns_of(layout, rows)).items():
        for field in layout.columns:
            assert vector[field.start : field.stop].sum() == vector[layout.rows]
        if segment == "":
            assert vector[layout.latency : layout.errors].sum() == vector[layout.rows]


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_models_with_one_kind_of_column_only(kind: str) -> None:
    """No categorical columns, or no numeric ones, and no prediction and no segments: the matrices may be empty."""
    profile = numeric([0, 1, 2], [5, 5]) if kind == "numeric" else categorical(("a", "b"), [5, 5])
    layout = layout_of(reference_of({"x": profile}, rows=10))
    given = (0.5, 1.0, 2.0, None) if kind == "numeric" else ("a", "b", "c", None)
    rows = [Row(0, "1", {"x": value}, ()) for value in given]
    assert_same(layout, rows, fold(binning_of(layout), columns_of(layout, rows)))


def test_many_versions_and_panes_in_one_batch() -> None:
    """Forty versions over ten panes with segments are told apart in one call."""
    rng, layout = random.Random(4), click_layout()
    rows = [any_row(rng, panes=10, versions=40) for _ in range(2_000)]
    assert_same(layout, rows, fold(binning_of(layout), columns_of(layout, rows)))


def test_a_key_without_known_values_is_the_whole_and_no_segment() -> None:
    """Where the reference knows no value of a key, every row would be `other`: that is not counted a second time."""
    layout = click_layout()
    bare = replace(layout, segments=(("country", ("other",)), layout.segments[1]))
    rows = [Row(0, "1", {"age": 20.0}, (country, "web")) for country in ("de", "fr")]
    assert list(fold(binning_of(bare), columns_of(bare, rows))) == [(0, "1", ""), (0, "1", "device=web")]
