"""Files of rows as they are found: delimiters, encodings, compression, parts, and what writers add of their own."""

from __future__ import annotations

import bz2
import gzip
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from stream.errors import UsageError
from stream.rows.arrays import categories, numbers
from stream.rows.columns import Rows, Wishes
from stream.rows.open import open_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLE = pd.DataFrame({"x": [1.5, 2.5, 3.25], "city": ["Köln", 'a "b"', "New York"], "n": [1, 2, 3]})


def _read(rows: Rows, name: str) -> list[Any]:
    column = next(column for column in rows.columns if column.name == name)
    found: list[Any] = []
    for batch, _ in rows.batches([name]):
        if column.kind == "number":
            found += numbers(batch.column(0), column.missing, comma=column.comma).tolist()
        else:
            codes, names = categories(batch.column(0), column.missing)
            found += [None if code < 0 else names[code] for code in codes]
    return found


def _same(path: Path) -> None:
    rows = open_rows(path, Wishes())
    for name in TABLE.columns:
        assert _read(rows, name) == TABLE[name].tolist(), name


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [0, 1])
def test_delimiters_are_found(tmp_path: Path, delimiter: str, quoting: int) -> None:
    """The usual delimiters, with quotes where needed or everywhere."""
    TABLE.to_csv(tmp_path / "r.csv", sep=delimiter, index=False, quoting=quoting)
    _same(tmp_path / "r.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_found(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with and without a mark, UTF-16, and the one that Excel writes, which is noted."""
    TABLE.to_csv(tmp_path / "r.csv", index=False, encoding=encoding)
    _same(tmp_path / "r.csv")
    rows = open_rows(tmp_path / "r.csv", Wishes())
    notes = getattr(rows, "notes")  # noqa: B009 - not every reader has some
    assert bool(notes) == (encoding in {"utf-16", "cp1252"})


def test_a_decimal_comma_is_read_and_noted(tmp_path: Path) -> None:
    """As pandas writes it for half of Europe, in small numbers too."""
    table = pd.DataFrame({"x": [1.5, -0.00002, 3.0], "n": [1, 2, 3]})
    table.to_csv(tmp_path / "r.csv", sep=";", decimal=",", index=False)
    rows = open_rows(tmp_path / "r.csv", Wishes())
    assert _read(rows, "x") == table["x"].tolist()
    assert "decimal comma" in rows.columns[0].note
    table[["x"]].to_csv(tmp_path / "one.csv", decimal=",", sep=";", index=False)
    assert _read(open_rows(tmp_path / "one.csv", Wishes()), "x") == table["x"].tolist()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
}


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize("form", [".csv", ".jsonl"])
def test_packed_files(tmp_path: Path, ending: str, form: str) -> None:
    """Compressed text is read as it is; a file that is cut off is refused."""
    text = TABLE.to_csv(index=False) if form == ".csv" else TABLE.to_json(orient="records", lines=True)
    path = tmp_path / f"r{form}{ending}"
    path.write_bytes(PACKERS[ending](str(text).encode()))
    _same(path)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UsageError, match="cannot be read"):
        list(open_rows(path, Wishes()).batches(["x"]))


def test_directories_and_patterns(tmp_path: Path) -> None:
    """All parts, by name; what is no part of the rows is passed over; several formats are refused."""
    parts = tmp_path / "rows"
    parts.mkdir()
    for number in (1, 0):
        TABLE.assign(part=number).to_parquet(parts / f"part-{number}.parquet")
    (parts / "_SUCCESS").touch()
    (parts / ".part-0.parquet.crc").write_bytes(b"x")
    for source in (parts, parts / "part-*.parquet"):
        rows = open_rows(source, Wishes())
        assert _read(rows, "part") == [0] * 3 + [1] * 3
        assert _read(rows, "city") == TABLE["city"].tolist() * 2
    TABLE.to_csv(parts / "r.csv")
    with pytest.raises(UsageError, match="several formats"):
        open_rows(parts, Wishes())
    with pytest.raises(UsageError, match="no file matches"):
        open_rows(tmp_path / "none-*.csv", Wishes())


def test_parts_that_differ(tmp_path: Path) -> None:
    """A column that a part does not have is missing there; one that is numbers here and text there is categories."""
    pd.DataFrame({"x": [1.0], "code": [7]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"x": [2.0], "code": ["b"], "new": ["n"]}).to_parquet(tmp_path / "b.parquet")
    rows = open_rows(tmp_path, Wishes())
    assert _read(rows, "code") == ["7", "b"]
    assert _read(rows, "new") == [None, "n"]
    assert "in b.parquet it is text" in next(column.note for column in rows.columns if column.name == "code")


def test_an_index_is_the_writers(tmp_path: Path) -> None:
    """The index that pandas writes, named or not, and R's row names are no columns of the user's."""
    TABLE.to_csv(tmp_path / "r.csv")
    assert [c.name for c in open_rows(tmp_path / "r.csv", Wishes()).columns if c.bookkeeping] == ["Unnamed: 0"]
    TABLE.set_index("city").to_parquet(tmp_path / "r.parquet")
    assert [c.name for c in open_rows(tmp_path / "r.parquet", Wishes()).columns if c.bookkeeping] == ["city"]
    TABLE.iloc[[2, 0, 1]].to_parquet(tmp_path / "i.parquet")
    assert any(c.bookkeeping for c in open_rows(tmp_path / "i.parquet", Wishes()).columns)
    (tmp_path / "rownames.csv").write_text('"x","n"\n"1",1.5,1\n"2",2.5,2\n')
    rows = open_rows(tmp_path / "rownames.csv", Wishes())
    assert [column.bookkeeping for column in rows.columns] == [True, False, False]
    assert _read(rows, "x") == [1.5, 2.5]


def test_line_breaks_within_quotes_and_empty_lines(tmp_path: Path) -> None:
    """A quoted field may go over several lines; an empty line is nothing, but of one column a missing value."""
    table = pd.DataFrame({"x": [1.5, 2.5], "text": ["two\nlines", "one"]})
    table.to_csv(tmp_path / "r.csv", index=False)
    assert _read(open_rows(tmp_path / "r.csv", Wishes()), "text") == table["text"].tolist()
    (tmp_path / "one.csv").write_text("x\n1.5\n\n2.5\n")
    np.testing.assert_array_equal(_read(open_rows(tmp_path / "one.csv", Wishes()), "x"), [1.5, np.nan, 2.5])


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    """Rather than to call columns by the values of the first row."""
    (tmp_path / "r.csv").write_text("5.1,3.5,1.4\n4.9,3.0,1.4\n")
    with pytest.raises(UsageError, match="looks like data"):
        open_rows(tmp_path / "r.csv", Wishes())


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pa.array([1, 2], pa.int64()).dictionary_encode(), "category"),
        (pa.array(["a", "b"]).dictionary_encode(), "category"),
        (pa.array([1, None], pa.int8()), "number"),
        (pa.array([1, 2], pa.uint64()), "number"),
        (pa.array([1, 2], pa.decimal128(10, 2)), "number"),
        (pa.array([1.5, None], pa.float32()), "number"),
        (pa.array(np.array([1.5, 2.5], np.float16)), "number"),
        (pa.array([True, None]), "category"),
        (pa.array(["1", "2"], pa.large_string()), "category"),
        (pa.array([1, 2], pa.timestamp("ns")), "time"),
        (pa.array([1, 2], pa.date32()), "time"),
        (pa.array([1, 2], pa.duration("s")), "other"),
        (pa.array([b"a", b"b"]), "other"),
        (pa.array([{"a": 1}, None]), "other"),
        (pa.array([[1.0], None]), "list"),
        (pa.nulls(2), "number"),
    ],
)
def test_declared_types_are_kept(tmp_path: Path, array: pa.Array, kind: str) -> None:
    """A dictionary is a category whatever its values are; what is neither numbers nor categories says what it is."""
    pq.write_table(pa.table({"x": array}), tmp_path / "r.parquet")
    (column,) = open_rows(tmp_path / "r.parquet", Wishes()).columns
    assert column.kind == kind
    assert bool(column.what) == (kind in {"time", "other", "list"})


def test_a_pandas_category_of_codes_is_a_category(tmp_path: Path) -> None:
    """Parquet keeps its values alone; what pandas says beside them counts."""
    table = pd.DataFrame({"store": pd.Series([102, 205, 102], dtype="category"), "x": [1, 2, 3]})
    table.to_parquet(tmp_path / "r.parquet")
    rows = open_rows(tmp_path / "r.parquet", Wishes())
    assert [column.kind for column in rows.columns] == ["category", "number"]
    assert _read(rows, "store") == ["102", "205", "102"]
    numeric = open_rows(tmp_path / "r.parquet", Wishes(kinds={"store": "numeric"}))
    assert _read(numeric, "store") == [102.0, 205.0, 102.0]


def test_columns_that_folders_are_named_by_are_told(tmp_path: Path) -> None:
    """Hive and Spark write a column into the names of folders; it is not read, and that is said."""
    for day in ("2026-01-01", "2026-01-02"):
        folder = tmp_path / "rows" / f"day={day}"
        folder.mkdir(parents=True)
        TABLE.to_parquet(folder / "part-0.parquet")
    rows = open_rows(tmp_path / "rows", Wishes())
    assert _read(rows, "n") == [1, 2, 3] * 2
    assert getattr(rows, "notes") == ("left out, being in the names of folders: day",)  # noqa: B009 - not all have some


def test_spaces_after_commas_are_no_part_of_a_value(tmp_path: Path) -> None:
    """Where the header has them too."""
    (tmp_path / "r.csv").write_text("x, city, n\n1.5, Kiel, 1\n2.5, Bonn, 2\n")
    rows = open_rows(tmp_path / "r.csv", Wishes())
    assert _read(rows, "city") == ["Kiel", "Bonn"]
    assert _read(rows, "n") == [1, 2]


@pytest.mark.parametrize(
    "cells",
    [
        ["1,049.34", "12,000.00"],
        ["1.049,34", "12.000,00"],
        ["1'049.34", "12'000.00"],
        ["1\u202f049,34", "12\u202f000,00 €"],
        ["12.5%", "3%"],
        ["$5.10", "$7.00"],
    ],
)
def test_dressed_numbers_are_told(tmp_path: Path, cells: list[str]) -> None:
    """Thousands separators, percent and currency: no numbers, and the note says why."""
    pd.DataFrame({"x": cells * 20, "n": 1}).to_csv(tmp_path / "r.csv", index=False)
    column = open_rows(tmp_path / "r.csv", Wishes()).columns[0]
    assert column.kind == "category"
    assert "write them plainly" in column.note


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("r.jsonl", '{"x": 1}\n[{"x": 2}]\n', "an array; one object a line is needed"),
        ("r.json", '[{"x": 1},\n{"x": 2}', "not an array of JSON objects: .*truncated"),
        ("r.json", "[1, 2]", "r.json:1: not a JSON object"),
        ("r.jsonl", '{"x": nan}\n', "not a JSON object: JSON is malformed"),
    ],
)
def test_json_that_is_no_lines_of_objects(tmp_path: Path, name: str, text: str, said: str) -> None:
    """The usual mistakes are called by name."""
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=said):
        open_rows(tmp_path / name, Wishes())


def test_arrow_is_given_memory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a Python file, which a thread of Arrow goes on reading as the process ends, and aborts (arrow#34314)."""
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n" + "1,2\n" * 300_000 + "1,2,3\n")
    given: list[Any] = []
    parse = pc.read_csv

    def recorded(source: Any, **options: Any) -> pa.Table:
        given.append((type(source), options["read_options"].use_threads))
        return parse(source, **options)

    monkeypatch.setattr("stream.rows.csv_file.pc.read_csv", recorded)
    with pytest.raises(UsageError, match=r"rows\.csv: cannot be read: .*Expected 2 columns, got 3"):
        list(open_rows(path, Wishes()).batches(["x", "y"]))
    assert set(given) == {(pa.BufferReader, False)}


def test_files_that_begin_with_a_row_are_refused_beside_others(tmp_path: Path) -> None:
    """As Spark writes parts: the first row would name columns of its own, and every feature lack half of its rows."""
    table = pd.DataFrame({"x": range(9), "n": [f"n{at}" for at in range(9)]})
    table.to_csv(tmp_path / "part-0.csv", index=False)
    table.to_csv(tmp_path / "part-1.csv", index=False, header=False)
    with pytest.raises(UsageError, match=r"part-1.csv: has no column of part-0.csv, but 0, n0: the names"):
        open_rows(tmp_path, Wishes())
