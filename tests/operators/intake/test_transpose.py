import math
from typing import Any

import msgspec
import numpy as np
import pytest
from factories import categorical, click_layout, numeric, record, reference_of

from operators.formats.schema import ModelSchema, decoder_of, schema_of
from operators.formats.times import timestamps_of
from operators.intake.transpose import MAX_VERSION_LENGTH, Transposed, bad_rows, transpose
from windows.predictions.columns import Columns
from windows.predictions.layout import layout_of

CLICK = schema_of(click_layout())


def columns(lines: list[bytes], schema: ModelSchema = CLICK) -> Columns:
    """The columns of these records."""
    records = [decoder_of([schema.struct]).decode(line) for line in lines]
    return transpose(Transposed(schema, records, np.arange(len(records))))


def test_numbers_stand_in_layout_order_with_the_prediction_last() -> None:
    """Absent and null are NaN; whole numbers become floats."""
    got = columns([record(features={"age": 33, "clicks": None, "fixed": 7.5}, prediction=1), record(features={})])
    expected = np.array([[33.0, math.nan], [math.nan, math.nan], [7.5, math.nan], [1.0, 0.3]])
    assert np.array_equal(got.numeric, expected, equal_nan=True)


def test_categories_are_slots() -> None:
    """Known ones by position, others the slot behind them, missing the next."""
    got = columns([record(features=item) for item in ({"country": "us", "member": False}, {"country": "es"}, {})])
    assert got.categorical.tolist() == [[2, 3, 4], [0, 3, 3]]


def test_versions_are_named_once() -> None:
    """An absent version is "0"; one of as many characters as there may be is whole."""
    longest = "x" * MAX_VERSION_LENGTH
    got = columns([record(version=item) for item in ("b", "a", None, "b", longest)])
    assert got.versions == ("0", "a", "b", longest)
    assert got.version.tolist() == [2, 1, 0, 2, 3]


def test_versions_that_begin_alike_are_told_apart() -> None:
    """Endless names are cut and end with a digest of the whole: the same one each time, another one of another."""
    begin = "x" * 10_000
    got = columns([record(version=item) for item in (f"{begin}a", f"{begin}b", "y", f"{begin}a")])
    first, second, other = (got.versions[at] for at in got.version.tolist()[:3])
    assert len({first, second, other}) == 3
    assert got.version.tolist()[0] == got.version.tolist()[3]
    for name in (first, second):
        assert len(name) == MAX_VERSION_LENGTH
        assert name.startswith("x" * 111 + "~")


def test_failures_are_marked() -> None:
    """Any error text is a failure; empty text, false and 0 are none, and without any the mark is left out."""
    assert columns([record(), record()]).failed is None
    assert columns([record(), record(error=""), record(error=False), record(error=0)]).failed is None
    failed = columns([record(), record(error=""), record(error="false"), record(error="boom", features=None)]).failed
    assert failed is not None
    assert failed.tolist() == [False, False, False, True]


def test_segments_come_from_features_and_context() -> None:
    """A record without context, or with a value of its own, is in the segment other."""
    got = columns(
        [
            record(),
            record(context=None),
            record(context={"device": "phone"}, features={"country": "us"}),
            record(context={"device": "tv"}, features={"country": "es"}),
        ]
    )
    assert got.segments.tolist() == [[0, 0, 2, 3], [1, 2, 0, 2]]


def test_latency_is_nan_where_absent() -> None:
    """Whole or not."""
    latency = columns([record(), record(latency_ms=None), record(latency_ms=3)]).latency
    assert np.array_equal(latency, [12.5, math.nan, 3.0], equal_nan=True)


@pytest.mark.parametrize(
    ("given", "slot"), [("dog", 1), ([0.2, 0.7, 0.1], 4), ([0.9, 0.1], 3), ([], 6), (None, 6), ("bird", 5), (1, 4)]
)
def test_class_scores_stand_for_the_class_with_the_highest(given: Any, slot: int) -> None:
    """A list counts as the category that is the position of its largest score."""
    classes = categorical(("cat", "dog", "eel", "0", "1"), [1] * 5)
    schema = schema_of(layout_of(reference_of({"x": numeric([0, 1], [5])}, classes, rows=5)))
    line = msgspec.json.encode({"model": "click", "features": {}, "prediction": given})
    assert columns([line], schema).categorical.tolist() == [[slot]]


def test_a_model_without_features_of_a_kind_has_empty_matrices() -> None:
    """No numeric columns, no segments: the shapes still say how many records there are."""
    schema = schema_of(layout_of(reference_of({"c": categorical(("a",), [1])}, rows=1)))
    got = columns([record(features={"c": "a"})] * 3, schema)
    assert got.numeric.shape == (0, 3)
    assert got.segments.shape == (0, 3)
    assert got.categorical.tolist() == [[0, 0, 0]]


def test_a_record_needs_features_or_an_error() -> None:
    """Only a failed prediction may be without features; empty features are features."""
    decoder = decoder_of([CLICK.struct])
    lines = (record(), record(features=None), record(features=None, error="x"), record(features={}))
    bad = bad_rows([decoder.decode(line) for line in lines])
    assert bad is not None
    assert bad.tolist() == [False, True, False, False]
    assert bad_rows([decoder.decode(record())]) is None


def test_timestamps_beyond_the_calendar_are_marked() -> None:
    """Before 2000 and numbers beyond any unit are no time; the ends themselves are."""
    decoder = decoder_of([CLICK.struct])
    given = [99_999_999_999_999, 10**30, 946_684_800_000, 946_684_799_999, 10**400, -(10**400)]
    records = [decoder.decode(record(stamp)) for stamp in given]
    stamps, odd = timestamps_of(records, np.zeros(len(given), dtype=np.int64))
    assert odd is not None
    assert odd.tolist() == [False, True, False, True, True, True]
    assert stamps[[0, 2]].tolist() == [given[0], given[2]]
