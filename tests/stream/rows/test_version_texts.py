"""Versions of two parts are categories as they are spelled: as a number 1.10 is 1.1, and another version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from stream.references.build import BuildOptions, build
from stream.rows.columns import Wishes
from stream.rows.open import open_rows
from windows.sketches.profiles import CategoricalProfile

if TYPE_CHECKING:
    from pathlib import Path

    from stream.rows.columns import Column

ROWS = 400
RANDOM = np.random.default_rng(4)
VERSIONS = pd.Series(RANDOM.choice(["1.1", "1.2", "1.9", "1.10", "2.0"], ROWS))


def _column(directory: Path, name: str, values: pd.Series, form: str = "csv", wishes: Wishes | None = None) -> Column:
    table = pd.DataFrame({name: values, "x": RANDOM.normal(size=len(values))})
    path = directory / f"r.{form}"
    if form == "csv":
        table.to_csv(path, index=False)
    elif form == "jsonl":
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_parquet(path, index=False)
    return open_rows(path, wishes or Wishes()).columns[0]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_versions_keep_their_spelling(tmp_path: Path, form: str) -> None:
    """Each is counted by itself, as pandas counts the texts; the note says why, and what to say instead."""
    column = _column(tmp_path, "device", VERSIONS, form)
    assert column.kind == "category"
    assert "versions: 1.10 is not 1.1; --numeric device" in column.note
    found = build(open_rows(tmp_path / f"r.{form}", Wishes()), BuildOptions("m")).reference.features["device"]
    assert isinstance(found, CategoricalProfile)
    counts = VERSIONS.replace("2.0", "2").value_counts()
    assert dict(zip(found.categories, found.counts[: len(found.categories)].tolist(), strict=True)) == dict(counts)


def test_where_no_zero_ends_one_yet_the_name_decides(tmp_path: Path) -> None:
    """1.10 may come tomorrow: `firmware` is one of versions, `price` one of numbers."""
    some = VERSIONS.replace({"1.10": "1.3", "2.0": "2.1"})
    for name in ("firmware", "app_version", "osVersion", "Firmware rev"):
        assert _column(tmp_path, name, some).kind == "category"
    for name in ("price", "conversion", "diversions"):
        assert _column(tmp_path, name, some).kind == "number"


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(RANDOM.choice(["1.50", "2.00", "9.90", "12.10"], ROWS)),
        pd.Series(RANDOM.choice(["1.5", "2.0", "9.9", "12.1"], ROWS)),
        pd.Series(RANDOM.choice(["1.5", "2", "9.25", "10"], ROWS)),
        pd.Series(["1.10", *RANDOM.choice(["1.5", "2.0", "9.9", "12.1"], ROWS)]),
        pd.Series(RANDOM.gamma(2, 5, ROWS).round(2).astype(str)),
        pd.Series([f"{value:g}0" if at % 3 else f"{value:g}" for at, value in enumerate(RANDOM.random(ROWS))]),
    ],
    ids=["two decimals", "shortest", "some whole", "one odd cell", "many", "many spelled oddly"],
)
def test_numbers_are_numbers_however_they_end(tmp_path: Path, values: pd.Series) -> None:
    """Prices of two decimals all end alike; one odd cell decides nothing; many values are a quantity."""
    assert _column(tmp_path, "price", values).kind == "number"


def test_the_user_s_word_counts(tmp_path: Path) -> None:
    """`--numeric` as ever."""
    assert _column(tmp_path, "firmware", VERSIONS, wishes=Wishes(kinds={"firmware": "numeric"})).kind == "number"
