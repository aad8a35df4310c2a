"""One reading of a value."""

import csv
import io
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windows.values import id_of, ids_of, name_of, number_of, spellings, version_of


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([5, 5.0, "5", "5.0", np.float32(5), np.int8(5)], "5"),
        ([0, -0.0, "0.0", "-0.0"], "0"),
        ([-3, -3.0, "-3.0"], "-3"),
        ([True, np.bool_(1), "true", "True", "TRUE"], "true"),
        ([False, "false", "False", "FALSE"], "false"),
        ([0.1, np.float32(0.1), float(np.float32(0.1)), "0.1"], "0.1"),
        ([1e16, 10**16, "10000000000000000"], "10000000000000000"),
        ([2**63, "9223372036854775808"], "9223372036854775808"),
    ],
)
def test_one_value_has_one_name(values: list[Any], name: str) -> None:
    """A value is called the same however it is written."""
    assert {name_of(value) for value in values} == {name}


@pytest.mark.parametrize("text", ["007", "1.10", "1.00", "1e3", "NaN", "", " 5", "5.", ".5", "yes", "tRUE", "5.0.0"])
def test_other_text_is_as_it_is(text: str) -> None:
    """Codes, versions and words are not taken for numbers."""
    assert name_of(text) == text


def test_a_column_with_gaps_is_named_as_one_without() -> None:
    """Pandas makes floats of whole numbers beside a gap; their names are those of the whole numbers."""
    whole = pd.Series([3, 1, 2])
    gaps = pd.Series([3, None, 1, 2]).dropna()
    assert gaps.dtype == np.float64
    assert [name_of(value) for value in gaps] == [name_of(value) for value in whole] == ["3", "1", "2"]


@given(st.one_of(st.integers(-(2**70), 2**70), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)))
def test_json_and_csv_keep_the_name(value: float | bool) -> None:
    """A number or boolean written by Python's own JSON and CSV writers comes back with its name, or as its number."""
    name = name_of(value)
    assert name_of(json.loads(json.dumps(value))) == name
    file = io.StringIO()
    csv.writer(file).writerow([value])
    text = next(csv.reader([file.getvalue()]))[0]
    assert name_of(text) == name or number_of(text) == value or math.isclose(float(text), float(name), rel_tol=1e-7)


@given(st.one_of(st.integers(-(2**70), 2**70), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_name_is_its_own_name(value: float | bool) -> None:
    """Naming twice changes nothing, and a look-up by spellings finds the value."""
    name = name_of(value)
    assert name_of(name) == name
    assert value in [name, *spellings(name)] or name_of(value) == name


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("5", [5, 5.0, "5.0"]),
        ("1", [1, 1.0, True, "1.0", "true", "True", "TRUE"]),
        ("false", [False, 0, "0", "0.0", "False"]),
        ("0.1", [0.1, float(np.float32(0.1))]),
        ("de", []),
    ],
)
def test_spellings(name: str, values: list[Any]) -> None:
    """What a name stands for, in the types that JSON has."""
    found = list(spellings(name))
    assert all(value in found for value in values)
    assert bool(found) == bool(values)


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), ("5.0", 5), ("-2.50", -2.5), ("1e3", 1000), ("0.1", 0.1), ("007", None), ("1e999", None), ("x", None)],
)
def test_numbers_in_text(text: str, number: float | None) -> None:
    """A text is the number that JSON would read there, or none."""
    assert number_of(text) == number
    assert type(number_of(text)) is type(number)


@pytest.mark.parametrize("value", [1017, 1017.0, "1017", "1017.0", " 1017  ", "1017.0\n"], ids=repr)
def test_ids_are_one_however_they_are_written(value: str | float) -> None:
    """A column of numbers with a gap is one of floats, and one of a fixed width is filled up with blanks."""
    assert id_of(value) == "1017"
    assert ids_of([str(value), "a"]) == ["1017", "a"]


@pytest.mark.parametrize("text", ["True", "007", "007.0", "1.50", "v1.0", "1017.00", "a b", ""])
def test_other_ids_are_as_they_are(text: str) -> None:
    """Codes and names are no numbers."""
    assert id_of(text) == text
    assert ids_of([text]) == [text]


def test_versions() -> None:
    """Numbers and text give one version; text is never changed: 2.0 is not 2."""
    assert {version_of(value) for value in (1017, 1017.0, "1017")} == {"1017"}
    assert version_of("2.0") == "2.0"
    assert version_of("True") == "True"
