"""Public reports about files as such, and times in them."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from report_inputs import ROWS, START, STEP, Report, both, cars, csv, fair, jsonl, parquet, records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
from report_writers import table_of


def text(change: Callable[[str], str], encoding: str = "utf-8", name: str = "rows.csv", **options: Any) -> Any:
    """A CSV of pandas, rewritten."""

    def write(table: pd.DataFrame, path: Path) -> Path:
        whole = change(table.to_csv(index=False, **options))
        found = path.with_name(name)
        found.write_bytes(whole.encode(encoding))
        return found

    return write


def of_files() -> list[Report]:
    """Files as they are found."""
    train, live = both(cars()[["Origin", "Cylinders", "Weight_in_lbs"]].dropna())
    now = records(live)
    quoted = train.assign(Origin=[f'{v} "the"\nplace' for v in train["Origin"]])
    quoted_now = records(live.assign(Origin=[f'{v} "the"\nplace' for v in live["Origin"]]))
    accents = {"USA": "Amérique", "Europe": "Europä", "Japan": "Ñipon"}
    foreign = train.assign(Origin=train["Origin"].map(accents))
    foreign_now = records(live.assign(Origin=live["Origin"].map(accents)))
    return [
        Report("quoted newlines and doubled quotes", quoted, quoted_now, csv()),
        Report("latin-1 with semicolons", foreign, foreign_now, text(str, "latin-1", sep=";"), said="cp1252"),
        Report(
            "gb18030",
            train.assign(Origin="中国"),
            records(live.assign(Origin="中国")),
            text(str, "gb18030"),
            blames=None,
            said="UTF-8",
        ),
        Report("carriage returns and newlines", train, now, text(lambda s: s.replace("\n", "\r\n"))),
        Report("carriage returns alone, as old Macs and Excel have", train, now, text(lambda s: s.replace("\n", "\r"))),
        Report("Excel: sep=; before the header", train, now, text(lambda s: "sep=;\n" + s, sep=";")),
        Report(
            "a comment before the header",
            train,
            now,
            text(lambda s: "# exported 2026-01-02\n" + s),
            said="before the header",
        ),
        Report("a delimiter at the end of each line", train, now, text(lambda s: s.replace("\n", ",\n"))),
        Report(
            "a delimiter at the end of each line of data",
            train,
            now,
            text(lambda s: s.partition("\n")[0] + "\n" + s.partition("\n")[2].replace("\n", ",\n")),
        ),
        Report("blank lines between and after", train, now, text(lambda s: s.replace("\n", "\n\n"))),
        Report("all quoted", train, now, csv(quoting=1)),
        Report(
            "columns twice", train, now, text(lambda s: s.replace("Cylinders", "Origin", 1)), refused=True, said="twice"
        ),
        Report("no bytes", train, now, text(lambda _: ""), refused=True, said="empty"),
        Report("blank", train, now, text(lambda _: "\n \n"), refused=True, said="empty"),
        Report(
            "a header alone",
            train,
            now,
            text(lambda s: s.partition("\n")[0]),
            refused=True,
            said="no rows|no predictions|rows",
        ),
        Report("one row", train[:1], now, csv(), blames=None, said="has 1 row"),
        Report("one column, one value", train[["Weight_in_lbs"]][:1], now, csv(), blames=None),
        Report(
            "a web page for a file",
            train,
            now,
            text(lambda _: "<!DOCTYPE html><html><body>404, not here</body></html>\n"),
            refused=True,
            said="web page",
        ),
        Report(
            "git lfs pointer",
            train,
            now,
            text(lambda _: "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"),
            refused=True,
            said="git lfs pull",
        ),
        Report(
            "Excel's own file named .csv",
            train,
            now,
            lambda _, path: binary(path, b"PK\x03\x04" + bytes(range(256)) * 40),
            refused=True,
            said="workbook",
        ),
        Report(
            "gzip named .csv",
            train,
            now,
            lambda table, path: binary(path, gzip.compress(table.to_csv(index=False).encode())),
            refused=True,
            said="gzip|compressed",
        ),
        Report("zst", train, now, zst),
        Report("CSV named .parquet", train, now, text(str, name="rows.parquet"), refused=True, said="(?i)parquet"),
        Report("pandas: an array of records", train, now, array_of_records),
        Report("pandas: to_json without anything", train, now, columns_of_json, refused=True, said="lines=True"),
        Report("json.dump with an indent", train, now, indented),
        Report(
            "NaN of Python's json",
            train.assign(Cylinders=train["Cylinders"].astype(float).where(np.arange(ROWS) % 10 > 0)),
            records(live.assign(Cylinders=live["Cylinders"].astype(float).where(np.arange(ROWS) % 10 > 0))),
            nan_lines,
        ),
        Report(
            "parts of which one has whole numbers and one fractions",
            train,
            now,
            parts(
                lambda n, t: t.astype(
                    {"Weight_in_lbs": "int64" if n else "float64", "Cylinders": "float32" if n else "int8"}
                )
            ),
        ),
        Report(
            "parts of which one has a dictionary and one text",
            train,
            now,
            parts(lambda n, t: t.astype({"Origin": "category" if n else "object"})),
        ),
        Report(
            "parts of which one lacks a column",
            train,
            now,
            parts(lambda n, t: t.drop(columns="Cylinders") if n else t),
            blames=None,
            said="no column Cylinders",
            as_written=False,
        ),
        Report("parts with columns in another order", train, now, parts(lambda n, t: t[t.columns[::-1]] if n else t)),
        Report("hive folders", train, now, hive, blames=None, said="folders"),
        Report(
            "dask and pandas indices",
            train.set_index(np.arange(ROWS) * 3).rename_axis("idx"),
            now,
            parquet,
            blames=None,
        ),
    ]


def binary(path: Path, data: bytes) -> Path:
    """Bytes named .csv."""
    path.with_suffix(".csv").write_bytes(data)
    return path.with_suffix(".csv")


def zst(table: pd.DataFrame, path: Path) -> Path:
    """Compressed by zstd."""
    found = path.with_name("rows.csv.zst")
    with pa.CompressedOutputStream(str(found), "zstd") as file:
        file.write(table.to_csv(index=False).encode())
    return found


def array_of_records(table: pd.DataFrame, path: Path) -> Path:
    """An array."""
    table.to_json(path.with_suffix(".json"), orient="records", date_format="iso")
    return path.with_suffix(".json")


def columns_of_json(table: pd.DataFrame, path: Path) -> Path:
    """An object of columns."""
    table.to_json(path.with_suffix(".json"))
    return path.with_suffix(".json")


def indented(table: pd.DataFrame, path: Path) -> Path:
    """An array over many lines."""
    path.with_suffix(".json").write_text(json.dumps(json.loads(table.to_json(orient="records")), indent=2))
    return path.with_suffix(".json")


def nan_lines(table: pd.DataFrame, path: Path) -> Path:
    """Rows as json.dumps writes them."""
    rows = [{**row, "timestamp": str(row["timestamp"])} for row in table.to_dict("records")]
    path.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path.with_suffix(".jsonl")


def parts(change: Callable[[int, pd.DataFrame], pd.DataFrame]) -> Callable[[pd.DataFrame, Path], Path]:
    """Two files of Parquet."""

    def write(table: pd.DataFrame, path: Path) -> Path:
        path.mkdir()
        for number in range(2):
            half = table.iloc[number * ROWS // 2 : (number + 1) * ROWS // 2]
            change(number, half).to_parquet(path / f"part-{number}.parquet", index=False)
        return path

    return write


def hive(table: pd.DataFrame, path: Path) -> Path:
    """Partitioned by a column."""
    table.to_parquet(path, partition_cols=["Origin"])
    return path


def of_times() -> list[Report]:
    """Times of rows."""
    train, live = both(fair()[["age", "occupation"]])
    now = records(live)
    stamps = pd.to_datetime(START + STEP * np.arange(ROWS) + 123, unit="ms")
    epoch = START + STEP * np.arange(ROWS) + 123

    def row(name: str, times: Any, write: Any = None, **more: Any) -> Report:
        return Report(f"times: {name}", train.assign(timestamp=times), now, write or csv(), **more)

    refused: dict[str, Any] = {"refused": True, "said": "not a time"}
    return [
        row("int96 of Spark", stamps, table_of({}, use_deprecated_int96_timestamps=True)),
        row("nanoseconds since 1970", epoch * 1_000_000, parquet),
        row("microseconds since 1970 as text", (epoch * 1_000).astype(str), jsonl),
        row("seconds with fractions", epoch / 1e3),
        row("PostgreSQL: +00", [f"{t:%Y-%m-%d %H:%M:%S.%f}+00" for t in stamps]),
        row("BigQuery: UTC", [f"{t:%Y-%m-%d %H:%M:%S.%f} UTC" for t in stamps]),
        row("Jackson: +0000", [f"{t:%Y-%m-%dT%H:%M:%S}.123+0000" for t in stamps]),
        row("Java: a zone in brackets", [f"{t:%Y-%m-%dT%H:%M:%S}.123Z[UTC]" for t in stamps]),
        row("mlrun#8834 a space before the offset", [f"{t:%Y-%m-%d %H:%M:%S.%f} +00:00" for t in stamps]),
        row("Log4j: a comma before the milliseconds", [f"{t:%Y-%m-%d %H:%M:%S},123" for t in stamps]),
        row("ISO without marks", [f"{t:%Y%m%dT%H%M%S}Z" for t in stamps]),
        row("without seconds", [f"{t:%Y-%m-%dT%H:%M}Z" for t in stamps]),
        row("NannyML#104 day/month/year", [f"{t:%d/%m/%Y %H:%M}" for t in stamps], **refused),
        row("HTTP dates", [f"{t:%a, %d %b %Y %H:%M:%S} GMT" for t in stamps], **refused),
        row("days of Excel", 46_023 + np.arange(ROWS) / 43_200, **refused),
        row("whole days as numbers: 20260101", 20_260_101 + np.arange(ROWS) // 1_000, parquet, **refused),
        row("years", np.full(ROWS, 2026), **refused),
        row("one in twenty missing", [None if n % 25 == 0 else f"{t.isoformat()}Z" for n, t in enumerate(stamps)]),
        row("dates alone", stamps.date, parquet),
        row(
            "microseconds of Arrow in Berlin",
            stamps.tz_localize("UTC").tz_convert("Europe/Berlin").as_unit("us"),
            parquet,
        ),
    ]
