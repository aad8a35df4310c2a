"""CSV files without a header: the first row is never taken for names without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from stream.errors import UsageError
from stream.rows.columns import Wishes
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from pathlib import Path

TABLES = {
    "order numbers": pd.DataFrame({"order": range(1_014_000, 1_014_040), "region": ["N", "S"] * 20, "y": [0, 1] * 20}),
    "times": pd.DataFrame({"at": pd.date_range("2026-05-04", periods=40, freq="h"), "n": [3, 4, 5, 6] * 10}),
    "days": pd.DataFrame({"n": range(40), "day": ["2026-05-04", "2026-05-05"] * 20}),
    "categories alone": pd.DataFrame({"country": ["DE", "FR", "DE", "US"] * 10, "device": ["web", "app"] * 20}),
    "truth": pd.DataFrame({"name": [f"n{at}" for at in range(40)], "member": [True, False] * 20}),
    "fractions": pd.DataFrame({"x": [0.5, 1.5] * 20, "c": ["a", "b"] * 20}),
    "negative": pd.DataFrame({"x": [-4, 3] * 20, "c": [f"n{at}" for at in range(40)]}),
}
"""Tables as pandas holds them, whatever they hold."""


@pytest.mark.parametrize("name", TABLES)
def test_a_first_line_that_is_data_is_refused(tmp_path: Path, name: str) -> None:
    """With it in the message; with the header the same table is read."""
    table, path = TABLES[name], tmp_path / "r.csv"
    table.to_csv(path, index=False, header=False)
    with pytest.raises(UsageError, match=r"its first line \(.*\) looks like data; a header with the columns' names"):
        open_rows(path, Wishes())
    table.to_csv(path, index=False)
    rows = open_rows(path, Wishes())
    assert [column.name for column in rows.columns] == list(table.columns)
    assert not [note for note in rows.notes if "looks like a row" in note]


@pytest.mark.parametrize(
    "header",
    [["0", "1", "2"], ["2023", "2024", "2025"], ["id", "2023", "2024"], ["a", "b", "c"], ["x1", "x2", "DE"]],
    ids=",".join,
)
def test_names_that_are_numbers_are_names(tmp_path: Path, header: list[str]) -> None:
    """Positions as pandas counts columns, and years of a table with a column each."""
    path = tmp_path / "r.csv"
    values = [["DE" if name in {"id", "a"} else 0.25 * at for name in header] for at in range(1, 20)]
    pd.DataFrame(values, columns=header).to_csv(path, index=False)
    rows = open_rows(path, Wishes())
    assert [column.name for column in rows.columns] == header
    assert not [note for note in rows.notes if "looks like a row" in note]


def test_what_may_be_either_is_told(tmp_path: Path) -> None:
    """Two small numbers below words and numbers: a row, or a person's name and years that are left out."""
    path = tmp_path / "r.csv"
    path.write_text("alice,34,7\nbob,51,9\ncarol,28,2\n")
    rows = open_rows(path, Wishes())
    assert [column.name for column in rows.columns] == ["alice", "34", "7"]
    (note,) = [note for note in rows.notes if "looks like a row" in note]
    assert "(alice, 34, 7, ...) is taken for the columns' names" in note


@pytest.mark.parametrize(
    "text",
    ["x\n" + "x\ny\n" * 20, "kind,name\n" + "kind,a\nother,b\n" * 20, "a,b,c,d\n" + "a,p,q,r\nz,s,t,u\n" * 20],
    ids=["one column", "one of two", "one of four"],
)
def test_a_name_may_be_called_like_a_value(tmp_path: Path, text: str) -> None:
    """One text that stands below itself says nothing yet."""
    path = tmp_path / "r.csv"
    path.write_text(text)
    assert [column.name for column in open_rows(path, Wishes()).columns] == text.split("\n", maxsplit=1)[0].split(",")
