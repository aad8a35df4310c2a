import itertools

import numpy as np
import pytest
from factories import categorical, click, click_layout, numeric, reference_of

from windows.predictions.layout import categories_of, layout_of, reference_vector
from windows.segments import OTHER, WHOLE, segment_name
from windows.sketches.moments import PARTS
from windows.sketches.quantiles import LATENCY_BINS


def test_columns_stand_one_after_the_other() -> None:
    """Every field has as many slots as its profile, with none shared and none left between."""
    layout = click_layout()
    sizes = [4 + 4, 4 + 4, 1 + 4, 3 + 3, 2 + 3, 4 + 4]  # bins + 4 numeric, categories + 3 categorical
    starts = np.cumsum([0, *sizes]).tolist()
    assert [(field.start, field.stop) for field in layout.columns] == list(itertools.pairwise(starts))
    assert layout.rows == starts[-1]


def test_moments_latency_and_errors_follow() -> None:
    """After the counts: rows, two sums a numeric column, latency bins, predictions without latency, failed ones."""
    layout = click_layout()
    assert layout.moments == layout.rows + 1
    assert layout.segment_size == layout.moments + PARTS * 4  # age, clicks, fixed, prediction
    assert layout.latency == layout.segment_size
    assert layout.no_latency == layout.latency + LATENCY_BINS
    assert layout.errors == layout.no_latency + 1
    assert layout.size == layout.errors + 1


def test_numeric_and_categorical_fields_are_told_apart() -> None:
    """The prediction comes last among the columns of its kind."""
    layout = click_layout()
    assert [field.name for field in layout.numeric] == ["age", "clicks", "fixed", "prediction"]
    assert [field.name for field in layout.categorical] == ["country", "member"]


def test_a_categorical_prediction_is_a_categorical_column() -> None:
    """A class label has categories, and the layout has no numeric prediction."""
    layout = layout_of(reference_of({"x": numeric([0, 1], [10])}, categorical(("cat", "dog"), [6, 4]), rows=10))
    assert [field.name for field in layout.categorical] == ["prediction"]
    assert [field.name for field in layout.numeric] == ["x"]


def test_empty_vectors_fit_their_segment() -> None:
    """The whole keeps latency and errors, a segment does not."""
    layout = click_layout()
    assert layout.empty().shape == (layout.size,)
    assert layout.empty(segment_name("country", "de")).shape == (layout.segment_size,)
    assert not layout.empty(WHOLE).any()


def test_segment_values_end_with_other() -> None:
    """Every key has room for the values that the reference does not know."""
    layout = click_layout()
    assert dict(layout.segments) == {"country": ("de", "fr", "us", OTHER), "device": ("phone", "web", OTHER)}


def test_a_segment_key_that_the_reference_lacks_is_refused() -> None:
    """There is nothing to compare such a segment with."""
    with pytest.raises(KeyError, match="browser"):
        layout_of(click(), ("browser",))


def test_the_reference_fills_its_own_slots() -> None:
    """Counts stand in slot order: below, bins, above, missing, non-finite; categories, other, missing, reserved."""
    layout, vector = click_layout(), reference_vector(click_layout(), click())
    assert vector is not None
    age, country = layout.features[0], layout.features[3]
    assert vector[age.start : age.stop].tolist() == [0, 300, 300, 200, 190, 0, 10, 0]
    assert vector[country.start : country.stop].tolist() == [500, 300, 150, 40, 10, 0]
    assert vector[layout.rows] == 1000
    assert vector[age.missing] == 10
    assert vector[country.missing] == 10


def test_every_row_of_the_reference_is_in_one_slot_of_each_column() -> None:
    """Each column's counts sum to the rows."""
    layout, vector = click_layout(), reference_vector(click_layout(), click())
    assert vector is not None
    assert {int(vector[field.start : field.stop].sum()) for field in layout.columns} == {1000}


def test_a_segment_without_reference_counts_has_no_vector() -> None:
    """The segment OTHER exists even where the reference has no rows for it."""
    assert reference_vector(click_layout(), click(), ("country", OTHER)) is None
    known = reference_vector(click_layout(), click(), ("country", "de"))
    assert known is not None
    assert known.shape == (click_layout().segment_size,)


def test_numbers_have_no_categories() -> None:
    """Asking for the categories of a numeric field is a programmer's mistake, and says so."""
    with pytest.raises(TypeError, match="age is numeric"):
        categories_of(click_layout().features[0])
