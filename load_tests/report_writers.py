"""Public reports about types that writers of files have."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from report_inputs import ROWS, Report, arrow, both, cars, csv, jsonl, parquet, records, wine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def table_of(types: dict[str, Any], **options: Any) -> Callable[[pd.DataFrame, Path], Path]:
    """Parquet of Arrow columns that are given as arrays, without pandas' notes."""

    def write(table: pd.DataFrame, path: Path) -> Path:
        whole = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
        for name, make in types.items():
            whole = whole.set_column(whole.schema.get_field_index(name), name, make(whole.column(name)))
        pq.write_table(whole, path.with_suffix(".parquet"), **options)
        return path.with_suffix(".parquet")

    return write


def polars(**kinds: Callable[[Any], Any]) -> Callable[[pd.DataFrame, Path], Path]:
    """Parquet by polars, columns cast."""

    def write(table: pd.DataFrame, path: Path) -> Path:
        import polars as pl  # noqa: PLC0415

        frame = pl.from_pandas(table)
        frame = frame.with_columns(**{name: make(pl.col(name)) for name, make in kinds.items()})
        frame.write_parquet(path.with_suffix(".parquet"))
        return path.with_suffix(".parquet")

    return write


def of_writers() -> list[Report]:
    """Types that writers have beside the usual ones."""
    import polars as pl  # noqa: PLC0415

    train, live = both(cars()[["Origin", "Cylinders", "Weight_in_lbs"]])
    moved = live.assign(Origin=live["Origin"].where(np.arange(ROWS) % 6 > 0, "Mars"))
    enum = polars(Origin=lambda c: c.cast(pl.Enum(["USA", "Europe", "Japan"])))
    digits = polars(Cylinders=lambda c: c.cast(pl.String).cast(pl.Categorical))
    cylinder = np.where(live["Cylinders"] == 8, 7, live["Cylinders"])
    decimal0 = train.assign(Cylinders=[Decimal(int(v)) for v in train["Cylinders"]])
    found = [
        Report("polars#15176 an enum", train, records(live), enum, kinds={"Origin": "categorical"}),
        Report("polars an enum, and a name that is none of it", train, records(moved), enum, blames="Origin"),
        Report("polars a categorical of digits", train, records(live), digits, kinds={"Cylinders": "categorical"}),
        Report(
            "polars ... and one that is not there",
            train,
            records(live.assign(Cylinders=cylinder)),
            digits,
            blames="Cylinders",
        ),
        Report(
            "spark decimal(38,0)",
            decimal0,
            records(live),
            arrow(Cylinders=pa.decimal128(38, 0)),
            kinds={"Cylinders": "numeric"},
        ),
        Report(
            "snowflake decimal256",
            decimal0,
            [{**r, "Cylinders": str(r["Cylinders"])} for r in records(live)],
            arrow(Cylinders=pa.decimal256(50, 4)),
            kinds={"Cylinders": "numeric"},
        ),
        Report(
            "impala bytes that are text",
            train,
            records(live),
            table_of({"Origin": lambda c: c.cast(pa.binary())}),
            blames=None,
            said="Origin",
        ),
        Report("a column of Arrow's null type", train.assign(note=None), records(live), table_of({}), said="note"),
        Report(
            "large text and views of text",
            train,
            records(live),
            table_of({"Origin": lambda c: c.cast(pa.large_string())}),
        ),
        Report(
            "category of floats",
            train.assign(Cylinders=(train["Cylinders"] / 2).astype("category")),
            records(live.assign(Cylinders=live["Cylinders"] / 2)),
            parquet,
            kinds={"Cylinders": "categorical"},
        ),
        Report(
            "category of booleans",
            train.assign(big=(train["Cylinders"] > 4).astype("category")),
            records(live.assign(big=live["Cylinders"] > 4)),
            parquet,
            kinds={"big": "categorical"},
        ),
        Report(
            "booleans in the reference, 0 and 1 live",
            train.assign(big=train["Cylinders"] > 4),
            records(live.assign(big=(live["Cylinders"] > 4).astype(int))),
            parquet,
        ),
        Report(
            'booleans in the reference, "1" and "0" live',
            train.assign(big=train["Cylinders"] > 4),
            records(live.assign(big=(live["Cylinders"] > 4).astype(int).astype(str))),
            csv(),
        ),
        Report(
            "R: TRUE and FALSE",
            train.assign(big=np.where(train["Cylinders"] > 4, "TRUE", "FALSE")),
            records(live.assign(big=live["Cylinders"] > 4)),
            csv(),
        ),
        Report(
            "0 and 1 in a CSV, booleans of which none is true live",
            train.assign(big=(train["Cylinders"] > 4).astype(int)),
            records(live.assign(big=False)),
            csv(),
            blames="big",
        ),
    ]
    train, live = both(wine()[["alcohol", "hue"]])
    half = train.astype({"alcohol": "float16"})
    found += [
        Report("float16", half, records(live.astype({"alcohol": "float16"})), parquet, kinds={"alcohol": "numeric"}),
        Report("float16, live rounded as the service has it", half, records(live.round({"alcohol": 2})), parquet),
        Report(
            "Float64 with NA and NaN",
            train.assign(hue=train["hue"].astype("Float64").where(np.arange(ROWS) % 10 > 0)),
            records(live.assign(hue=live["hue"].where(np.arange(ROWS) % 10 > 0))),
            parquet,
        ),
        Report(
            "columns named by numbers",
            pd.DataFrame(train.to_numpy(), columns=[0, 1]).rename(columns=str),
            records(live.set_axis(["0", "1"], axis=1)),
            csv(),
        ),
        Report(
            "a mean far from 0: 1e9 + small",
            train.assign(alcohol=train["alcohol"] + 1e9),
            records(live.assign(alcohol=live["alcohol"] + 1e9)),
            parquet,
        ),
        Report(
            "tiny numbers of 1e-30",
            train.assign(alcohol=train["alcohol"] * 1e-30),
            records(live.assign(alcohol=live["alcohol"] * 1e-30)),
            csv(),
        ),
        Report(
            "negative zero and zero",
            train.assign(hue=np.where(np.arange(ROWS) % 3 == 0, 0.0, train["hue"])),
            records(live.assign(hue=np.where(np.arange(ROWS) % 3 == 0, -0.0, live["hue"]))),
            parquet,
        ),
    ]
    wide = pd.DataFrame(np.random.default_rng(7).normal(size=(400, 2_000)).round(4))
    wide.columns = [f"f{n}" for n in range(2_000)]
    found.append(Report("two thousand columns", wide, records(wide.sample(400, replace=True, random_state=3)), csv()))
    mixed = train.assign(code=np.array(["a", "b", "c", 123], dtype=object)[np.arange(ROWS) % 4])
    now = live.assign(code=np.array(["a", "b", "c", "123"], dtype=object)[np.arange(ROWS) % 4])
    found.append(Report("evidently#329 text and whole numbers in one column", mixed, records(now), jsonl))
    zips = train.assign(zip=[str(10_000 + int(v) % 60) for v in np.random.default_rng(1).integers(0, 60, ROWS)])
    nowz = live.assign(zip=[10_000 + int(v) for v in np.random.default_rng(2).integers(0, 60, ROWS)])
    found.append(
        Report(
            "NannyML#292 postcodes as text, live as numbers", zips, records(nowz), parquet, kinds={"zip": "categorical"}
        )
    )
    found.append(
        Report(
            "NannyML#292 ... in a CSV, said categorical",
            zips,
            records(nowz),
            csv(),
            ("--categorical", "zip"),
            kinds={"zip": "categorical"},
        )
    )
    constant = train.assign(one=7, same="x", none=None, zero=0.0)
    found.append(
        Report(
            "constant columns and one without values",
            constant,
            records(live.assign(one=7, same="x", zero=0)),
            csv(),
            said="none",
        )
    )
    return found
