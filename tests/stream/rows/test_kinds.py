"""What columns of text are taken for: by their evidence, never by one odd cell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from stream.rows.arrays import categories, numbers
from stream.rows.columns import Column, Rows, Wishes
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from pathlib import Path

    from stream.rows.columns import ColumnKind


def _csv(directory: Path, cells: list[str], wishes: Wishes | None = None) -> tuple[Rows, Column]:
    """A file with this column x beside another."""
    path = directory / "r.csv"
    path.write_text("x,y\n" + "".join(f"{cell},1\n" for cell in cells))
    rows = open_rows(path, wishes or Wishes())
    return rows, rows.columns[0]


def _names(rows: Rows, column: Column) -> list[str | None]:
    found: list[str | None] = []
    for batch, _ in rows.batches([column.name]):
        codes, names = categories(batch.column(0), column.missing)
        found += [None if code < 0 else names[code] for code in codes]
    return found


NUMBERS = [str(value) for value in np.random.default_rng(1).normal(100, 20, 400).round(1)]
CODES = [str(code) for code in [101, 102, 103, 104] * 100]
COUNTRIES = ["DE", "FR", "US", "NA"] * 100


@pytest.mark.parametrize(
    ("cells", "kind", "said"),
    [
        (NUMBERS, "number", ""),
        ([*NUMBERS, "?"], "number", "'?' (1 cell), which count as missing; --missing '?' says so"),
        ([*NUMBERS, *["abc"] * 4], "number", "'abc' (4 cells)"),
        ([*NUMBERS, *["?"] * 200], "number", "'?' (200 cells)"),
        ([*NUMBERS, *["much"] * 100], "category", "categories, for beside numbers it has 'much' (100 cells)"),
        ([*CODES, "A1"], "category", "'A1' (1 cell)"),
        ([*CODES, "?"], "number", "'?' (1 cell)"),
        ([f"{number:05}" for number in range(400)], "category", "codes: some begin with 0"),
        ([*map(str, range(400)), "007"], "number", ""),
        (["TRUE", "FALSE"] * 100, "category", ""),
        (["2024-05-01", "2024-05-02T10:00:00Z"] * 100, "time", ""),
        ([*NUMBERS, "NA", "NaN", "", "NULL"], "number", ""),
        ([*NUMBERS, *["n/a"] * 300], "number", ""),
        ([" 1.5", "2.5 ", "+3", "1e3", ".5", "5.", "-inf"], "number", ""),
    ],
)
def test_a_column_is_what_most_of_its_cells_are(tmp_path: Path, cells: list[str], kind: ColumnKind, said: str) -> None:
    """The kind, and a note with text, count and what to say instead where that is not evident."""
    _, column = _csv(tmp_path, cells)
    assert column.kind == kind
    assert said in column.note
    assert bool(said) == bool(column.note)


def test_numbers_of_a_column_with_odd_cells_are_pandas_own(tmp_path: Path) -> None:
    """What pandas reads with errors coerced; what stands for none is told apart from what is odd."""
    cells = [*NUMBERS, "?", "abc", "", "1e3", " 7 ", "NA"]
    rows, column = _csv(tmp_path, cells)
    ((batch, _),) = rows.batches(["x"])
    expected = pd.to_numeric(pd.Series(cells), errors="coerce").to_numpy()
    np.testing.assert_array_equal(numbers(batch.column(0), column.missing), expected)


@pytest.mark.parametrize(
    ("cells", "missing", "said"),
    [
        (COUNTRIES, (), "'NA' (100 cells) is read as a category"),
        (["red", "green", "NA"] * 100, ("NA",), "'NA' (100 cells) is read as missing"),
        (["red", "", "NA"] * 100, (), "'NA' (100 cells) is read as a category"),
        (['"red"', '"NA"', "NA"] * 100, (), ""),
        (["red", "?"] * 100, (), ""),
        (["red", '""'] * 100, ("",), ""),
    ],
)
def test_na_is_missing_or_namibia(tmp_path: Path, cells: list[str], missing: tuple[str, ...], said: str) -> None:
    """Among categories NA is missing unless empty fields, quotes or country codes show that it is a value."""
    rows, column = _csv(tmp_path, cells)
    assert (column.kind, column.missing) == ("category", missing)
    assert said in column.note
    if '"NA"' in cells:
        assert _names(rows, column)[:3] == ["red", "NA", None]


def test_the_user_has_the_last_word(tmp_path: Path) -> None:
    """What is said of kinds and missing texts is done, in all columns or in one."""
    cells = [*CODES, "?", "NA", "none"]
    rows, column = _csv(tmp_path, cells, Wishes(kinds={"x": "categorical"}, missing=("?",)))
    assert (column.kind, column.missing) == ("category", ("?",))
    assert _names(rows, column)[-3:] == [None, "NA", "none"]
    _, column = _csv(tmp_path, COUNTRIES, Wishes(missing_in={"x": ()}))
    assert (column.kind, column.missing, column.note) == ("category", (), "")
    _, column = _csv(tmp_path, ["a", "1"] * 50, Wishes(kinds={"x": "numeric"}))
    assert column.kind == "number"


def test_classes_in_a_float_column_are_whole_numbers(tmp_path: Path) -> None:
    """A column of classes with gaps, as pandas writes it to CSV, has the names that the classes have."""
    classes = pd.Series([0, 1, 2, None] * 50)
    path = tmp_path / "r.csv"
    pd.DataFrame({"label": classes, "x": 1.5}).to_csv(path, index=False)
    rows = open_rows(path, {"label": "categorical"})
    column = next(column for column in rows.columns if column.name == "label")
    assert _names(rows, column) == [None if pd.isna(value) else str(int(value)) for value in classes]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2.5, None], "number"),
        ([True, False, None], "category"),
        ([1, 2, "?", *range(100)], "number"),
        (["1.5", "2.25", "3.75"] * 40, "number"),
        (["1", "2", "3"] * 40, "category"),
        ([str(value) for value in range(200)], "number"),
        (["a", 1, True], "category"),
        ([{"a": 1}], "other"),
        ([[1, 2]], "list"),
        ([[1], {"a": 1}], "other"),
        (["NA", "DE"], "category"),
    ],
)
def test_json_values_are_typed_by_what_most_are(tmp_path: Path, values: list[object], kind: ColumnKind) -> None:
    """Text of numbers is numbers where as categories it would tell nothing; whole codes written as text stay codes."""
    path = tmp_path / "r.jsonl"
    path.write_text("".join(json.dumps({"x": value}) + "\n" for value in values))
    (column,) = open_rows(path, Wishes()).columns
    assert column.kind == kind
    if kind == "category":
        assert column.missing == ()
