import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stream.errors import UsageError
from stream.rows.arrays import categories, class_of_scores, numbers
from stream.rows.columns import Column, Rows
from stream.rows.open import open_rows
from stream.rows.times import milliseconds

NESTED = [
    {
        "model": "click",
        "timestamp": "2024-05-01T12:00:00Z",
        "prediction": 0.5,
        "features": {"age": 30, "country": "de", "active": True},
        "context": {"device": "phone"},
    },
    {
        "model": "click",
        "timestamp": "2024-05-01T12:00:01Z",
        "prediction": None,
        "features": {"age": 1.5},
        "context": None,
    },
]


def _jsonl(path: Path, rows: list[Any]) -> Rows:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return open_rows(path, {})


def _numbers(rows: Rows, name: str) -> list[float | None]:
    found = np.concatenate([numbers(batch.column(name)) for batch, _ in rows.batches([name])])
    return [None if np.isnan(value) else float(value) for value in found]


def _values(rows: Rows, name: str) -> list[Any]:
    return [value for batch, _ in rows.batches([name]) for value in batch.column(name).to_pylist()]


def test_prediction_records(tmp_path: Path) -> None:
    """The contract's prediction records are read with their features and context flattened."""
    rows = _jsonl(tmp_path / "r.jsonl", NESTED)
    assert rows.columns[:4] == (
        Column("age", "number", "features"),
        Column("country", "category", "features"),
        Column("active", "category", "features"),
        Column("device", "category", "context"),
    )
    assert _values(rows, "age") == [30.0, 1.5]
    assert _values(rows, "active") == ["true", None]
    assert _values(rows, "device") == ["phone", None]


def test_nested_parquet_is_the_same(tmp_path: Path) -> None:
    """A Parquet file of such records reads the same, a null object as nulls."""
    pq.write_table(pa.Table.from_pylist(NESTED), tmp_path / "r.parquet")
    rows = open_rows(tmp_path / "r.parquet", {})
    assert {column.name for column in rows.columns if column.origin == "features"} == {"age", "country", "active"}
    assert _values(rows, "age") == [30.0, 1.5]
    assert _values(rows, "device") == ["phone", None]


def test_jsonl_learns_types_beyond_the_first_row(tmp_path: Path) -> None:
    """Whole numbers go on with fractions and huge integers; nulls first do not matter; mixed kinds are categories."""
    rows = _jsonl(tmp_path / "r.jsonl", [{"x": None, "m": 1}, {"x": 1, "m": "a"}, {"x": 2.5, "m": True}, {"x": 10**30}])
    assert rows.columns == (Column("x", "number"), Column("m", "category"))
    assert _values(rows, "x") == [None, 1.0, 2.5, 1e30]
    assert _values(rows, "m") == ["1", "a", "true", None]


def test_csv_types(tmp_path: Path) -> None:
    """A CSV's numbers, texts, booleans and empties come as such; a config's kinds win."""
    path = tmp_path / "r.csv"
    path.write_text("x,code,flag,empty\n1,7,true,\n2.5,8,false,\n,,,\n")
    assert [column.kind for column in open_rows(path, {}).columns] == ["number", "number", "category", "number"]
    rows = open_rows(path, {"code": "categorical"})
    assert _values(rows, "code") == ["7", "8", None]
    assert _numbers(rows, "x") == [1.0, 2.5, None]
    assert _values(rows, "empty") == [None, None, None]


def test_csv_whole_numbers_go_on_with_fractions(tmp_path: Path) -> None:
    """A column of whole numbers in the first block may have fractions in a later one."""
    path = tmp_path / "r.csv"
    path.write_text("x,pad\n" + f"1,{'p' * 100}\n" * 50_000 + "2.5,p\n")
    values = _numbers(open_rows(path, {}), "x")
    assert len(values) == 50_001
    assert values[-1] == 2.5


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("r.csv", "", "empty"),
        ("r.csv", "x,x\n1,2\n", "appears twice"),
        ("r.csv", "x,y\n1\n", "Expected 2 columns"),
        ("r.jsonl", "", "no rows"),
        ("r.jsonl", '{"x": 1}\n{"x": \n', "r.jsonl:2: not a JSON object"),
        ("r.jsonl", "[1]\n", "r.jsonl:1: not a JSON object"),
        ("r.parquet", "not parquet", "cannot be read"),
        ("r.txt", "x", "cannot tell its format"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, content: str, said: str) -> None:
    """A file that cannot be read is refused in one line that names file, place and offence."""
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        for _ in open_rows(path, {}).batches(["x"]):
            pass
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_twin_columns(tmp_path: Path) -> None:
    """Two columns of one name are refused in Parquet too."""
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"]), tmp_path / "r.parquet")
    with pytest.raises(UsageError, match="'x' appears twice"):
        open_rows(tmp_path / "r.parquet", {})


def test_absent_file(tmp_path: Path) -> None:
    """A file that is not there is said so."""
    with pytest.raises(UsageError, match="no such file"):
        open_rows(tmp_path / "r.csv", {})


def test_numbers() -> None:
    """Numbers of any width become floats; null and NaN are missing."""
    for array in (
        pa.array([1, None, 2**63], pa.uint64()),
        pa.array([1.0, float("nan"), 2.0**63]),
        pa.array([1, None, 2**63], pa.decimal128(25)),
        pa.array([1, None, 2**63], pa.uint64()).dictionary_encode(),
    ):
        np.testing.assert_array_equal(numbers(array), [1.0, np.nan, 2.0**63])


def test_categories() -> None:
    """Categories are text; booleans and numbers go by their names; null and NaN are missing."""
    for array, expected in (
        (pa.array(["b", None, "a", "b"]), ["b", None, "a", "b"]),
        (pa.array([True, None, False]), ["true", None, "false"]),
        (pa.array([1, None, 2]), ["1", None, "2"]),
        (pa.array([1.0, float("nan"), 2.5, None]), ["1", None, "2.5", None]),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 2]), pa.array(["x", None, "y"])), ["x", None, None, "y"]),
    ):
        codes, names = categories(array)
        assert [None if code < 0 else names[code] for code in codes] == expected


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1_714_564_800_000, None]),
        pa.array([1_714_564_800_000.0, None]),
        pa.array([1_714_564_800, None], pa.timestamp("s")),
        pa.array([1_714_564_800_000_000, None], pa.timestamp("us", tz="Europe/Paris")),
        pa.array(["2024-05-01T12:00:00Z", None]),
        pa.array(["2024-05-01T14:00:00+02:00", None]),
        pa.array(["2024-05-01 12:00:00", None]).dictionary_encode(),
    ],
)
def test_times(array: pa.Array) -> None:
    """Epoch milliseconds, timestamps and RFC 3339 texts are the same moment."""
    times, known = milliseconds(array, "timestamp")
    assert known.tolist() == [True, False]
    assert int(times[0]) == 1_714_564_800_000


@pytest.mark.parametrize("array", [pa.array(["yesterday"]), pa.array([1e30]), pa.array([[1]])])
def test_no_times(array: pa.Array) -> None:
    """What is no time is refused with the column's name."""
    with pytest.raises(UsageError, match="'timestamp'"):
        milliseconds(array, "timestamp")


def test_class_of_scores() -> None:
    """The class of a list of scores is the position of the highest; empty and null lists have none."""
    array = pa.array([[0.1, 0.7, 0.2], [0.9], None, [], [None, 0.2]])
    assert class_of_scores(array).to_pylist() == ["1", "0", None, None, "1"]
    assert class_of_scores(pa.array([None, []], pa.list_(pa.float64()))).to_pylist() == [None, None]
