from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles_zoo import references, small_reference

from windows.arrays import FloatArray
from windows.references.merge import merge
from windows.references.reference import Reference, from_json, seal, slots, to_json
from windows.sketches.edges import coarse_bins, fine_edges, single_valued
from windows.sketches.profiles import CategoricalProfile, NumericProfile, ReferenceError_
from windows.sketches.rebin import common_edges, spread, whole


def _numeric(values: FloatArray, edges: FloatArray) -> NumericProfile:
    counts = np.histogram(values, edges)[0].astype(np.int64)
    return NumericProfile(edges, counts, coarse_bins(counts), 0, 0, float(values.mean()), float(values.std()), None)


def _reference(values: FloatArray, edges: FloatArray) -> Reference:
    return seal(Reference("m", len(values), None, None, {"x": _numeric(values, edges)}, None, None, 0, {}, ""))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_merging_on_equal_bins_is_one_big_build(data: Any) -> None:
    """Two halves merged equal the whole counted at once: counts exactly, moments to rounding."""
    numbers = st.lists(st.floats(-100, 100), min_size=2, max_size=60)
    one, other = np.array(data.draw(numbers)), np.array(data.draw(numbers))
    both = np.concatenate((one, other))
    edges = fine_edges(np.linspace(-101, 101, 50), -101.0, 101.0)
    merged = merge(_reference(one, edges), _reference(other, edges))
    profile, expected = merged.reference.features["x"], _numeric(both, edges)
    assert isinstance(profile, NumericProfile)
    np.testing.assert_array_equal(slots(profile), slots(expected))
    np.testing.assert_array_equal(profile.coarse, expected.coarse)
    assert profile.center == pytest.approx(expected.center, abs=1e-9)
    assert profile.scale == pytest.approx(expected.scale, rel=1e-9, abs=1e-9)
    assert merged.errors == {}


@settings(max_examples=100, deadline=None)
@given(references())
def test_merging_with_itself_doubles(reference: Reference) -> None:
    """A reference merged with itself has every count doubled, and is a valid reference."""
    merged = merge(reference, reference).reference
    assert merged.rows == 2 * reference.rows
    for name, profile in reference.features.items():
        if isinstance(profile, NumericProfile):
            np.testing.assert_array_equal(slots(merged.features[name]), 2 * slots(profile))
        else:
            assert int(slots(merged.features[name]).sum()) == 2 * reference.rows
    assert from_json(to_json(merged)).id == merged.id


@settings(max_examples=100, deadline=None)
@given(references(), references())
def test_merging_commutes(one: Reference, other: Reference) -> None:
    """A + B and B + A have the same counts, whatever the bins."""
    other = replace(
        one, rows=other.rows, features=dict.fromkeys(one.features, next(iter(other.features.values()))), segments={}
    )
    one = replace(one, segments={}, prediction=None)
    other = replace(other, prediction=None)
    try:
        forth, back = merge(one, other), merge(other, one)
    except ReferenceError_:
        return
    for name in one.features:
        np.testing.assert_array_equal(slots(forth.reference.features[name]), slots(back.reference.features[name]))
        assert int(slots(forth.reference.features[name]).sum()) == one.rows + other.rows


def test_other_bins_stay_within_the_stated_error() -> None:
    """Interpolated on other bins, no cumulative share is further from the truth than the merge says."""
    random = np.random.default_rng(3)
    for _ in range(20):
        one, other = random.normal(size=4_000), random.normal(random.normal(), 1.5, size=8_000)
        parts = [_reference(part, fine_edges(part, part.min(), part.max())) for part in (one, other)]
        merged = merge(*parts)
        profile = merged.reference.features["x"]
        assert isinstance(profile, NumericProfile)
        assert len(profile.counts) <= 256
        truth = np.searchsorted(np.sort(np.concatenate((one, other))), profile.edges) / 12_000
        found = np.concatenate(([0], np.cumsum(profile.counts))) / 12_000
        assert 0 < np.abs(found - truth).max() <= merged.errors["x"] + 2 / 12_000
        assert merged.errors["x"] < 0.02


def test_ties_survive_other_bins() -> None:
    """The zeros of a zero-inflated column are still counted exactly after a merge on other bins."""
    random = np.random.default_rng(8)
    parts = [np.where(random.random(3_000) < 0.7, 0.0, random.lognormal(size=3_000)) for _ in range(2)]
    merged = merge(*(_reference(part, fine_edges(part, part.min(), part.max())) for part in parts))
    profile = merged.reference.features["x"]
    assert isinstance(profile, NumericProfile)
    assert single_valued(profile.edges)[0]
    assert profile.counts[0] == sum(int((part == 0).sum()) for part in parts)


def test_categories_add_up() -> None:
    """Counts of a category add, wherever each part ranks it, and what one part hides in `other` is said."""
    base = small_reference()
    other_country = CategoricalProfile(("us", "de"), np.array([7, 2]), other=0, missing=1, overdispersion=2.0)
    other = replace(base, features={**base.features, "country": other_country}, segments={"country": {}})
    merged = merge(base, other)
    profile = merged.reference.features["country"]
    assert isinstance(profile, CategoricalProfile)
    assert dict(zip(profile.categories, profile.counts.tolist(), strict=True)) == {"de": 7, "us": 7, "fr": 3}
    assert profile.categories == ("de", "us", "fr")
    assert (profile.other, profile.missing, profile.overdispersion) == (1, 2, 2.0)
    assert merged.errors == {"country": 1 / 20}


def test_segments_add_up_and_rare_ones_fold() -> None:
    """Segment values add by name; those under a thousand rows go to `other`."""
    base = small_reference()
    part = base.segments["country"]["de"]
    large = replace(part, rows=1_500, features={name: 300 * counts for name, counts in part.features.items()})
    large = replace(large, prediction=None if part.prediction is None else 300 * part.prediction)
    other = replace(base, segments={"country": {"de": large, "fr": part, "other": part}})
    merged = merge(base, other).reference.segments["country"]
    assert {value: counts.rows for value, counts in merged.items()} == {"de": 1_505, "other": 10}
    assert merged["de"].features["country"].tolist() == [1_505, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "other"}, "models differ"),
        ({"features": {"age": small_reference().features["age"]}}, "'country' is in only one"),
        ({"segments": {}}, "segment keys differ: country and none"),
        ({"prediction": None}, "prediction profile"),
        ({"latency": np.zeros(3, dtype=np.int64)}, "latency profile"),
        (
            {"features": {"age": small_reference().features["country"], "country": small_reference().features["age"]}},
            "age",
        ),
    ],
)
def test_strangers_are_refused(change: dict[str, Any], said: str) -> None:
    """References of other models, features, kinds or segment keys do not merge."""
    with pytest.raises(ReferenceError_, match=said):
        merge(small_reference(), replace(small_reference(), **change))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.data())
def test_spreading_keeps_the_sum(given_counts: list[int], data: Any) -> None:
    """Counts moved to enclosing edges keep their sum, as fractions and after rounding."""
    edges = np.arange(len(given_counts) + 1, dtype=np.float64)
    inner = data.draw(st.lists(st.floats(0.01, len(given_counts) - 0.01), max_size=20))
    onto = np.unique([-1.0, *inner, len(given_counts) + 1.0])
    counts = np.array(given_counts, dtype=np.int64)
    moved = spread(counts, edges, onto)
    assert moved.sum() == pytest.approx(counts.sum())
    assert whole(moved).sum() == counts.sum()
    assert np.abs(whole(moved) - moved).max() <= 1


def test_common_edges_are_bounded() -> None:
    """Two full sets of edges become one of at most 256 bins, with the ends and the single-value bins of both."""
    random = np.random.default_rng(1)
    one, other = np.sort(random.normal(size=257)), np.sort(random.normal(size=257))
    other[100:102] = 0.1, np.nextafter(0.1, 1)
    other = np.unique(other)
    edges = common_edges(one, other, np.ones(256, dtype=np.int64), np.ones(len(other) - 1, dtype=np.int64))
    assert len(edges) == 257
    assert edges[0] == min(one[0], other[0])
    assert edges[-1] == max(one[-1], other[-1])
    assert {0.1, float(np.nextafter(0.1, 1))} <= set(edges.tolist())
