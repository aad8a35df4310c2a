"""Lists that a file has as text: as JSON, as Python and as NumPy show them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from stream.references.build import BuildOptions, build
from stream.rows.columns import Wishes
from stream.rows.lists import list_array, read_list
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stream.rows.columns import Rows

RANDOM = np.random.default_rng(3)
SCORES = RANDOM.dirichlet([1, 1, 1], 60).round(6)
ITEMS = [[f"item {item}" for item in RANDOM.permutation(9)[:4]] for _ in range(60)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[0.1, 0.9]", [0.1, 0.9]),
        (" [1,2] ", [1.0, 2.0]),
        ("[0.1 0.2\n 0.7]", [0.1, 0.2, 0.7]),
        ("[np.float64(0.25), np.float64(0.75)]", [0.25, 0.75]),
        ("[1e-07, -2.5e3]", [1e-7, -2500.0]),
        ('["a", "b, c"]', ["a", "b, c"]),
        ("['a', \"it's\"]", ["a", "it's"]),
        ("[1762345678901234567, 1762345678901234568, 5]", ["1762345678901234567", "1762345678901234568", "5"]),
        ("[007 012 3]", ["007", "012", "3"]),
        ("[0, 1, 0.5]", [0.0, 1.0, 0.5]),
        ("[9007199254740992, 3]", [9007199254740992.0, 3.0]),
        ("[]", []),
        ("[18-24]", None),
        ("[A]", None),
        ("[0,10)", None),
        ("[__import__('os')]", None),
        ("{'a': 1}", None),
        ("0.5", None),
    ],
)
def test_texts_that_are_lists(text: str, found: list[Any] | None) -> None:
    """Each as its writer meant it, and nothing that only begins like one."""
    assert read_list(text) == found


def _rows(directory: Path, column: list[Any], write: Callable[[Any], str] | None, name: str) -> Rows:
    table = pd.DataFrame({"x": RANDOM.normal(size=len(column)), "prediction": column})
    if write is not None:
        table["prediction"] = [write(value) for value in column]
    path = directory / name
    if name.endswith(".csv"):
        table.to_csv(path, index=False)
    elif name.endswith(".parquet"):
        table.to_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_dict("records")))
    return open_rows(path, Wishes())


@pytest.mark.parametrize("name", ["r.csv", "r.parquet", "r.jsonl"])
@pytest.mark.parametrize(
    ("column", "write"),
    [
        ([list(map(float, row)) for row in SCORES], json.dumps),
        ([list(map(float, row)) for row in SCORES], str),
        (list(SCORES), lambda row: str(np.array(row))),
        (ITEMS, json.dumps),
        (ITEMS, str),
    ],
    ids=["JSON", "Python", "NumPy", "items in JSON", "items in Python"],
)
def test_a_column_of_lists_is_one_in_every_file(
    tmp_path: Path, name: str, column: list[Any], write: Callable[[Any], str]
) -> None:
    """Pandas writes lists to CSV as Python shows them; the values are those that went in."""
    rows = _rows(tmp_path, column, write, name)
    assert rows.columns[1].kind == "list"
    found = [value for batch, _ in rows.batches(["prediction"]) for value in batch.column(0).to_pylist()]
    assert found == [list(row) for row in column]


def test_the_classes_of_scores_in_a_csv_are_those_of_scores_in_parquet(tmp_path: Path) -> None:
    """The profile of the predictions is the same: what NumPy's argmax counts."""
    best = SCORES.argmax(axis=1)
    for name, write in (("r.csv", json.dumps), ("r.parquet", None)):
        lists = [list(map(float, row)) for row in SCORES]
        prediction = build(_rows(tmp_path, lists, write, name), BuildOptions("m")).reference.prediction
        assert prediction is not None
        counted = dict(zip(getattr(prediction, "categories"), getattr(prediction, "counts"), strict=False))  # noqa: B009
        assert {name: counted[name] for name in "012"} == {str(n): int(np.sum(best == n)) for n in range(3)}


@pytest.mark.parametrize("cells", [["[0, 10]", "[11, 20]", "[21, 30]"] * 30, ["[a, b]"] * 40 + ["x"] * 40])
def test_names_of_ranges_stay_categories(tmp_path: Path, cells: list[str]) -> None:
    """pandas.cut with closed="both" names its few bins so."""
    (tmp_path / "r.csv").write_text("x\n" + "".join(f'"{cell}"\n' for cell in cells))
    assert open_rows(tmp_path / "r.csv", Wishes()).columns[0].kind == "category"


def test_what_is_no_list_among_them_is_none() -> None:
    """Neither are lists of lists."""
    assert list_array(["[1, 2]", "x", None, [3]]).to_pylist() == [[1.0, 2.0], None, None, [3.0]]
    assert list_array([[[1]], [[2]]]).to_pylist() == [None, None]
