"""Public reports of folders of parts and of files of other programs, as a stranger has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from report_inputs import ROWS, Report, both, cars, csv, records, wine
from report_strangers import written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd


def of_folders_of_strangers() -> list[Report]:
    """Folders of parts, and files of other programs."""
    train, live = both(cars()[["Origin", "Weight_in_lbs", "Cylinders"]].dropna())
    now, turn = records(live), np.arange(ROWS)
    cells = np.array(['a "b"\nc, d', "plain"])[turn % 2]

    def hive(table: pd.DataFrame, path: Path) -> Path:
        path.mkdir()
        table.to_parquet(path, partition_cols=["Origin"])
        return path

    def delta(table: pd.DataFrame, path: Path) -> Path:
        (path / "_delta_log").mkdir(parents=True)
        table.to_parquet(path / "a.parquet")
        table.to_parquet(path / "b.parquet")
        return path

    def spark_folder(table: pd.DataFrame, path: Path) -> Path:
        path.mkdir()
        table[: ROWS // 2].to_csv(path / "part-00000-x.csv", index=False)
        table[ROWS // 2 :].to_csv(path / "part-00001-x.csv", index=False)
        for name in ("_SUCCESS", ".part-00000-x.csv.crc", "._part-00000-x.csv"):
            (path / name).write_bytes(b"\0crc")
        return path

    def headless(table: pd.DataFrame, path: Path) -> Path:
        path.mkdir()
        table[: ROWS // 2].to_csv(path / "part-0.csv", index=False)
        table[ROWS // 2 :].to_csv(path / "part-1.csv", index=False, header=False)
        return path

    def zipped(table: pd.DataFrame, path: Path) -> Path:
        table.to_csv(path.with_suffix(".csv.zip"), index=False)
        return path.with_suffix(".csv.zip")

    def feather(table: pd.DataFrame, path: Path) -> Path:
        table.to_feather(path.with_suffix(".feather"))
        return path.with_suffix(".feather")

    def tabs(table: pd.DataFrame, path: Path) -> Path:
        table.to_csv(path.with_suffix(".tsv"), sep="\t", index=False)
        return path.with_suffix(".tsv")

    return [
        Report(
            "Hive: a column in names of folders",
            train,
            now,
            hive,
            said="names of folders: Origin",
            as_written=False,
        ),
        Report("Delta: files that its log left out", train, now, delta, refused=True, said="a Delta table"),
        Report("Spark: a folder with _SUCCESS and .crc", train, now, spark_folder),
        Report("Spark: parts without a header", train, now, headless, refused=True, said="names of the columns"),
        Report("pandas: .csv.zip", train, now, zipped, refused=True, said="cannot tell its format|ZIP"),
        Report("pandas: .feather", train, now, feather, refused=True, said="cannot tell its format"),
        Report("tabs in .tsv", train, now, tabs),
        Report(
            "Excel's TRUE and FALSE",
            train.assign(f=np.where(turn % 3, "TRUE", "FALSE")),
            records(live.assign(f=turn % 3 > 0)),
            csv(),
        ),
        Report("cells with quotes and line breaks", train.assign(n=cells), records(live.assign(n=cells)), csv()),
    ]


def of_files_of_strangers() -> list[Report]:
    """Files that are no tables as they stand."""
    train, live = both(wine()[["alcohol", "hue"]])
    now = records(live)

    def oriented(how: str) -> Callable[[pd.DataFrame, Path], Path]:
        def text(table: pd.DataFrame) -> str:
            return str(table.assign(timestamp=table["timestamp"].astype(str)).to_json(orient=how))

        return written(text, ".json")

    twice = train.assign(again=train["hue"])

    def named_twice(table: pd.DataFrame) -> str:
        return table.to_csv(index=False).replace("again", "hue", 1)

    return [
        Report("chatlas#180 to_json by column", train, now, oriented("columns"), refused=True, said="(?i)record|line"),
        Report("pandas#17220 to_json by split", train, now, oriented("split"), refused=True, said="(?i)record|line"),
        Report("pandas#38256 to_json by table", train, now, oriented("table"), refused=True, said="(?i)record|line"),
        Report("a name twice in the header", twice, now, written(named_twice, ".csv"), refused=True, said="hue"),
        Report(
            "Latin-1",
            train.assign(city=np.array(["Malmö", "Köln"])[np.arange(ROWS) % 2]),
            records(live.assign(city=np.array(["Malmö", "Köln"])[np.arange(ROWS) % 2])),
            csv(encoding="cp1252"),
        ),
    ]
