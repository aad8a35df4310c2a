"""Rows whose id another row bears, counted in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from stream.rows.repeats import Repeats

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param(["a", "b", "a", None, None, "c", "a"], id="text"),
        pytest.param([1, 2, 2, None, 3], id="numbers"),
        pytest.param([2**60, 2**60 + 1, 2**60], id="far"),
        pytest.param([], id="none"),
    ],
)
def test_rows_that_come_again_are_those_that_pandas_finds(ids: list[Any]) -> None:
    """Rows without an id are none; large integers are told apart."""
    found = Repeats()
    for part in (ids[:2], ids[2:]):
        found.add(pa.array(part, pa.array(ids).type))
    known = pd.Series(ids, dtype="object").dropna()
    assert (found.again, found.rows) == (int(known.duplicated().sum()), len(known))


def test_floats_that_are_several_ids_say_nothing() -> None:
    """Beyond 2^53 two ids are one float."""
    found = Repeats()
    found.add(pa.array([1610521604143693812.0, 1610521604143693812.0]))
    assert found.again == 0


def test_of_many_ids_a_part_tells() -> None:
    """With memory for a thousand ids of a hundred thousand the estimate is within a tenth or so."""
    ids = RANDOM.integers(0, 100_000, 200_000)
    found = Repeats(most=4_000)
    for part in np.array_split(ids, 50):
        found.add(pa.array(part))
    assert found.again == pytest.approx(int(pd.Series(ids).duplicated().sum()), rel=0.15)
