"""Files as people have them: other line ends, lines before the header, arrays, other formats than the name says."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather

from stream.errors import UsageError
from stream.rows.arrays import numbers
from stream.rows.columns import Wishes
from stream.rows.open import open_rows
from stream.rows.times import milliseconds

if TYPE_CHECKING:
    from pathlib import Path

    from stream.rows.columns import Rows

TABLE = pd.DataFrame({"city": ["Kiel", "Bonn", "Ulm"] * 40, "n": np.arange(120), "x": np.arange(120) / 8})


def _same(rows: Rows) -> None:
    """The rows are those of TABLE."""
    assert [(column.name, column.kind) for column in rows.columns if not column.bookkeeping] == [
        ("city", "category"),
        ("n", "number"),
        ("x", "number"),
    ]
    batches = [batch for batch, _ in rows.batches(["city", "n", "x"])]
    whole = pa.Table.from_batches(batches)
    assert whole.column("city").to_pylist() == TABLE["city"].tolist()
    for name in ("n", "x"):
        found = np.concatenate([numbers(batch.column(name)) for batch in batches])
        np.testing.assert_array_equal(found, TABLE[name])


@pytest.mark.parametrize(
    ("change", "encoding", "said"),
    [
        (lambda text: text.replace("\n", "\r"), "utf-8", ()),
        (lambda text: text.replace("\n", "\r"), "utf-16", ("r.csv is not UTF-8; it was read as utf-16",)),
        (lambda text: "sep=,\n" + text, "utf-8", ("'sep=,'",)),
        (lambda text: "sep=;\r\n" + text.replace(",", ";").replace("\n", "\r\n"), "utf-8-sig", ("'sep=;'",)),
        (lambda text: "# made 2026-01-02\n# by us\n\n" + text, "utf-8", ("'# made 2026-01-02'", "'# by us'")),
        (lambda text: text.replace("\n", ",\n").replace("x,\n", "x\n", 1), "utf-8", ()),
        (lambda text: text.replace("\n", ",\n"), "utf-8", ()),
        (lambda text: text.replace("\n", "\n\n"), "utf-8", ()),
    ],
    ids=["mac", "mac utf-16", "excel", "excel semicolons", "comments", "ended rows", "ended lines", "blank lines"],
)
def test_csv_as_programs_export_it(tmp_path: Path, change: object, encoding: str, said: tuple[str, ...]) -> None:
    """What stands before the header is left out with a note; a delimiter at the end of rows makes no column."""
    assert callable(change)
    path = tmp_path / "r.csv"
    path.write_bytes(change(TABLE.to_csv(index=False)).encode(encoding))
    rows = open_rows(path, Wishes())
    _same(rows)
    told = getattr(rows, "notes", ())
    assert len(told) == len(said)
    assert all(part in note for part, note in zip(said, told, strict=True))


def test_a_column_may_begin_with_the_mark_of_comments(tmp_path: Path) -> None:
    """A comment has fewer fields than the header below it."""
    (tmp_path / "r.csv").write_text("#id,x\n1,2.5\n3,4.5\n")
    assert [column.name for column in open_rows(tmp_path / "r.csv", Wishes()).columns] == ["#id", "x"]


def test_a_title_is_no_header(tmp_path: Path) -> None:
    """It was taken for the one column there is, and every row for a text."""
    (tmp_path / "r.csv").write_text("Sales of March\n" + TABLE.to_csv(index=False))
    with pytest.raises(UsageError, match=r"first line \('Sales of March'\) has one field and the next ones 3"):
        open_rows(tmp_path / "r.csv", Wishes())


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_array_of_objects(tmp_path: Path, indent: int | None, mark: str) -> None:
    """What pandas writes as records, on one line or on many."""
    records = json.loads(TABLE.to_json(orient="records"))
    (tmp_path / "r.json").write_text(mark + json.dumps(records, indent=indent), encoding="utf-8")
    _same(open_rows(tmp_path / "r.json", Wishes()))


def test_a_large_array_comes_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that comes late is told with its row, and beyond a size lines are asked for."""
    monkeypatch.setattr("stream.rows.jsonl_file.AT_ONCE", 50)
    records = json.loads(TABLE.to_json(orient="records"))
    records[70]["late"] = 1
    (tmp_path / "r.json").write_text(json.dumps(records))
    rows = open_rows(tmp_path / "r.json", Wishes())
    _same(rows)
    assert [share for _, share in rows.batches(["n"])] == pytest.approx([50 / 120, 100 / 120, 1])
    assert any("late (line 71)" in note for note in getattr(rows, "notes", ()))
    monkeypatch.setattr("stream.rows.jsonl_file.LARGEST_ARRAY", 10)
    (tmp_path / "r.json").write_text(json.dumps(records, indent=1) + "\n" * (9 << 20))
    with pytest.raises(UsageError, match="one object a line is needed"):
        open_rows(tmp_path / "r.json", Wishes())


@pytest.mark.parametrize("orient", ["columns", "split", "index"])
def test_whole_tables_in_one_object_are_refused(tmp_path: Path, orient: str) -> None:
    """With what pandas is to be told instead."""
    TABLE.iloc[:3].to_json(tmp_path / "r.json", orient=orient)
    with pytest.raises(UsageError, match="lines=True"):
        open_rows(tmp_path / "r.json", Wishes())


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.parquet"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git lfs pull"),
        (b"\n<!DOCTYPE html>\n<html><body>404, not here, sorry</body></html>\n", "a web page"),
        (b"PK\x03\x04" + bytes(100), "Excel workbook"),
        (gzip.compress(b"a,b\n1,2\n"), r"ending in \.gz"),
        (b"SQLite format 3\x00" + bytes(100), "SQLite"),
    ],
    ids=["lfs", "web page", "workbook", "gzip", "sqlite"],
)
def test_another_format_than_the_name_says(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    """It is called by its name; a pointer of Git LFS was a table of two rows."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=said):
        open_rows(tmp_path / name, Wishes())


def test_a_table_of_arrow_that_is_called_csv(tmp_path: Path) -> None:
    """Parquet and Feather are told apart from text, and names that only begin like them are none."""
    TABLE.to_parquet(tmp_path / "r.parquet")
    (tmp_path / "p.csv").write_bytes((tmp_path / "r.parquet").read_bytes())
    feather.write_feather(pa.Table.from_pandas(TABLE), str(tmp_path / "f.csv"), compression="uncompressed")
    for name, said in (("p.csv", r"ending in \.parquet"), ("f.csv", "Feather")):
        with pytest.raises(UsageError, match=said):
            open_rows(tmp_path / name, Wishes())
    (tmp_path / "r.csv").write_text("PAR1,ARROW1,BZh\n1,2,3\n4,5,6\n")
    assert len(open_rows(tmp_path / "r.csv", Wishes()).columns) == 3


def test_a_part_without_a_column_is_told(tmp_path: Path) -> None:
    """Its rows count as missing there."""
    TABLE.to_parquet(tmp_path / "a.parquet", index=False)
    TABLE.drop(columns="x").to_parquet(tmp_path / "b.parquet", index=False)
    notes = getattr(open_rows(tmp_path, Wishes()), "notes", ())
    assert notes == ("missing in the rows of files that have no column x: b.parquet",)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([2024, 2025, 2026]),
        pa.array([46_023.5, 46_024.25, None]),
        pa.array([20_260_101, 20_260_102]),
        pa.array(["20260101", "20260102"]),
        pa.array([0, 1, 2, 3]),
    ],
    ids=["years", "days of Excel", "dates as numbers", "dates as digits", "running numbers"],
)
def test_numbers_that_are_no_epoch_times_are_refused(array: pa.Array) -> None:
    """They were taken for milliseconds of the first day of 1970, and the pace of the reference for that of a storm."""
    with pytest.raises(UsageError, match=r"column 'when': not a time: .* --timestamp names another column"):
        milliseconds(array, "when")


def test_old_times_that_are_spelled_out_are_times() -> None:
    """Only numbers are told by their size."""
    for array in (
        pa.array(["1970-01-01T00:00:05Z", "1970-01-01 00:00:06"]),
        pa.array([5_000, 6_000], pa.timestamp("ms")),
    ):
        times, present = milliseconds(array, "when")
        assert (times.tolist(), present.all()) == ([5_000, 6_000], True)
