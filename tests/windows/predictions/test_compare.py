from typing import TYPE_CHECKING

import numpy as np
import pytest
from factories import categorical, click, click_layout, numeric, reference_of

from windows.predictions.compare import gather, gather_of
from windows.predictions.layout import layout_of, reference_vector

if TYPE_CHECKING:
    from windows.sketches.profiles import Profile


@pytest.fixture(name="vectors")
def _vectors() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    layout = click_layout()
    return [rng.integers(0, 1_000, layout.size), rng.integers(0, 1_000, layout.segment_size)]


def test_fine_slots_are_those_with_values(vectors: list[np.ndarray]) -> None:
    """Below, bins, above; or categories, other: padded with zeros on the right, one row a group and feature."""
    layout = click_layout()
    counts = gather(gather_of(layout.features, layout.rows), vectors)
    widest = max(field.stop - field.start - 2 for field in layout.features)
    rows = [(vector, field) for vector in vectors for field in layout.features]
    assert counts.fine.shape == (len(rows), widest)
    for got, (vector, field) in zip(counts.fine, rows, strict=True):
        expected = vector[field.start : field.stop - 2].tolist()
        assert got.tolist() == expected + [0] * (widest - len(expected))
    assert counts.values.tolist() == [vector[field.start : field.stop - 2].sum() for vector, field in rows]


def test_coarse_slots_are_sums_of_fine_ones() -> None:
    """PSI's slots: below, each coarse bin with the fine bins that belong to it, above; categories as they are."""
    features: dict[str, Profile] = {
        "x": numeric([0, 1, 2, 3, 4, 5], [1, 1, 1, 1, 1], coarse=[0, 0, 1, 1, 2]),
        "c": categorical(("a", "b"), [3, 2]),
    }
    layout = layout_of(reference_of(features, rows=5))
    where = gather_of(layout.features, layout.rows)
    vector = layout.empty()
    vector[: layout.rows] = np.arange(1, layout.rows + 1)
    counts = gather(where, [vector])
    below, *bins, above = range(1, 8)
    assert counts.coarse[0].tolist() == [below, bins[0] + bins[1], bins[2] + bins[3], bins[4], above]
    assert counts.coarse[1].tolist() == [10, 11, 12, 0, 0]
    assert where.coarse_mask.tolist() == [[True] * 5, [True, True, True, False, False]]


def test_missing_outside_and_mismatch_are_kept_apart(vectors: list[np.ndarray]) -> None:
    """Out of range is below plus above, unseen is the slot beyond the categories; all rows add up."""
    layout = click_layout()
    counts = gather(gather_of(layout.features, layout.rows), vectors)
    for at, (vector, field) in enumerate((vector, field) for vector in vectors for field in layout.features):
        slots = vector[field.start : field.stop]
        outside = slots[0] + slots[-3] if field.numeric else slots[-3]
        assert counts.outside[at] == outside
        assert counts.missing[at] == slots[-2]
        assert counts.mismatch[at] == slots[-1]
        assert counts.rows[at] == slots.sum() if field.numeric else slots[:-1].sum()


def test_mids_stand_within_their_bins() -> None:
    """Below stands at the reference's minimum, above at its maximum, a bin at its middle, a category at 0."""
    layout = click_layout()
    where = gather_of(layout.features, layout.rows)
    assert where.mids[0, :6].tolist() == [18, 24, 37.5, 52.5, 79.5, 99]
    assert not where.mids[3].any()
    assert where.scale.tolist() == [15.0, 2.5, 1.0, 1.0, 1.0]
    assert where.ordered.tolist() == [True, True, True, False, False]


def test_the_reference_compared_with_itself_is_the_same() -> None:
    """A reference's vector gathers to its own rows."""
    layout = click_layout()
    vector = reference_vector(layout, click())
    assert vector is not None
    counts = gather(gather_of(layout.features, layout.rows), [vector])
    assert counts.rows.tolist() == [1000] * 5
    assert not counts.outside[:3].any()
    assert counts.missing.tolist() == [10, 0, 0, 10, 0]
