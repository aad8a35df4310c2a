"""One table in many forms gives references at which the same rows, as messages, are at home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from zoo import ENCODERS, VARIANTS, WRITERS, messages, met, reference_from, untold

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(3)
TABLES = {
    "iris": load_iris(as_frame=True).frame,
    "mixed": pd.DataFrame(
        {
            "price": RANDOM.lognormal(3, 1, 400).round(2),
            "count": RANDOM.poisson(4, 400),
            "large": RANDOM.integers(0, 2**53, 400),
            "small": RANDOM.normal(0, 0.01, 400),
            "city": RANDOM.choice(["Köln", "São Paulo", 'a "b", c', "DE"], 400),
            "flag": RANDOM.random(400) < 0.3,
            "zip": RANDOM.choice(["01067", "10115", "80331"], 400),
            "app": RANDOM.choice(["1.0", "1.10", "2.0"], 400),
            "seen": pd.date_range("2026-01-01", periods=400, freq="h"),
            "user": [f"user-{number}" for number in range(400)],
        }
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", TABLES)
def test_the_rows_of_a_reference_are_at_home_in_it(tmp_path: Path, name: str, writer: str, variant: str) -> None:
    """Whatever wrote file and messages: none refused, unseen or missing otherwise, distances below 0.01; all told."""
    table = VARIANTS[variant](TABLES[name])
    built = reference_from(WRITERS[writer](table, tmp_path / "rows"))
    assert untold(table, built) == []
    for encoder in ENCODERS:
        found = met(built.reference, messages(table, encoder))
        assert found.fine, (encoder, found)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_column_that_moves_is_the_furthest(tmp_path: Path, writer: str) -> None:
    """Every other column stays where it is."""
    table = VARIANTS["gaps"](TABLES["mixed"])
    reference = reference_from(WRITERS[writer](table, tmp_path / "rows")).reference
    for encoder in ENCODERS:
        for column in ("price", "count"):
            found = met(reference, messages(table.assign(**{column: table[column] * 3 + 1}), encoder))
            assert found.worst[0] == column
            assert max(distance for name, distance in found.distances.items() if name != column) < 0.01
