"""Public reports about types of columns, gaps and texts."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
from report_inputs import (
    ROWS,
    Report,
    arrow,
    both,
    cars,
    commas_and_spaces,
    csv,
    fair,
    jsonl,
    parquet,
    records,
    wine,
)


def of_types() -> list[Report]:
    """Types of columns."""
    found = []
    train, live = both(fair()[["occupation", "age"]])
    for table in (train, live):
        table["occupation"] = [f"{int(value):02}" for value in table["occupation"]]
    found.append(
        Report(
            "DataProfiler#1130 codes with leading zeros",
            train,
            records(live),
            parquet,
            kinds={"occupation": "categorical"},
        )
    )
    train, live = both(fair()[["occupation", "age"]])
    padded = train.assign(occupation=[f"{int(value):02}" for value in train["occupation"]])
    found.append(
        Report(
            "DataProfiler#1130 ... that a service sends as numbers", padded, records(live), parquet, blames="occupation"
        )
    )
    train, live = both(wine()[["alcohol", "hue"]])
    dec = train.assign(alcohol=[Decimal(f"{value:.5f}") for value in train["alcohol"]])
    found.append(
        Report(
            "whylogs#620 decimals are fractional",
            dec,
            [{**row, "alcohol": f"{row['alcohol']:.5f}"} for row in records(live)],
            arrow(alcohol=pa.decimal128(10, 5)),
            kinds={"alcohol": "numeric"},
        )
    )
    train, live = both(wine()[["hue", "ash"]].round(1))
    noisy = live.assign(hue=live["hue"] * (1 + 1e-7 * np.random.default_rng(0).standard_normal(len(live))))
    found.append(
        Report(
            "NannyML#397 few distinct values of a continuous column",
            train,
            records(noisy),
            parquet,
            kinds={"hue": "numeric"},
        )
    )
    base = pd.DataFrame({"id": 1610521604143693812 + np.arange(8), "n": np.arange(8.0)})
    train, live = both(base)
    moved = live.assign(id=np.where(live["id"] % 2 == 0, live["id"], live["id"] - 1))
    asks = ("--categorical", "id")
    found += [
        Report("pandas#33766 ids beyond 2^53", train, records(live), parquet, asks, kinds={"id": "categorical"}),
        Report("pandas#33766 ... of which half are gone", train, records(moved), parquet, asks, blames="id"),
        Report("pandas#52505 ... in a CSV", train, records(live), csv(), asks, kinds={"id": "categorical"}),
        Report(
            "pandas#44684 ... as text of JSON",
            train.assign(id=train["id"].astype(str)),
            [{**row, "id": str(row["id"])} for row in records(live)],
            jsonl,
            asks,
            kinds={"id": "categorical"},
        ),
    ]
    train, live = both(cars()[["Cylinders", "Weight_in_lbs"]])
    flags = pd.get_dummies(train["Cylinders"], prefix="c").astype("uint8").join(train[["Weight_in_lbs"]])
    now = pd.get_dummies(live["Cylinders"], prefix="c").join(live[["Weight_in_lbs"]])
    found.append(Report("evidently#1456 one-hot 0/1, live true/false", flags, records(now), parquet))
    return found


def of_gaps() -> list[Report]:
    """Missing, constant and infinite values."""
    found = []
    table = cars()
    train, live = both(table)
    holes = train.assign(Origin=train["Origin"].astype("string").where(np.arange(ROWS) % 20 > 0, pd.NA))
    now = live.assign(Origin=live["Origin"].astype("string").where(np.arange(ROWS) % 20 > 0, pd.NA))
    found += [
        Report("evidently#1616 pd.NA among texts", holes, records(now), parquet, kinds={"Origin": "categorical"}),
        Report(
            "deepchecks#1842 None among categories, absent live",
            holes,
            [{k: v for k, v in row.items() if v is not None} for row in records(now)],
            csv(),
        ),
        Report(
            "evidently#937 nullable Int64",
            train.assign(Cylinders=train["Cylinders"].astype("Int64")),
            records(live),
            parquet,
        ),
        Report(
            "tfdv#63 a whole number that is suddenly 0",
            train,
            records(live.assign(Cylinders=0)),
            parquet,
            blames="Cylinders",
        ),
        Report(
            "tfdv#131 a constant that changes",
            train.assign(plant=50),
            records(live.assign(plant=1_000_000)),
            parquet,
            blames="plant",
        ),
        Report("tfdv#131 a constant that stays", train.assign(plant=0.1), records(live.assign(plant=0.1)), csv()),
        Report(
            "pandera#1089 a column without any value", train.assign(late=pd.NaT), records(live), parquet, said="late"
        ),
        Report(
            "pandera#768 a misspelt category",
            train.assign(Origin=train["Origin"].astype("category")),
            records(live.assign(Origin=live["Origin"].where(np.arange(ROWS) % 8 > 0, "Japn"))),
            parquet,
            blames="Origin",
        ),
    ]
    inf = train.assign(ratio=train["Weight_in_lbs"] / np.where(np.arange(ROWS) % 50 == 0, 0, 100.0))
    ratio = live["Weight_in_lbs"] / np.where(np.arange(ROWS) % 50 == 0, np.nan, 100.0)
    found.append(
        Report(
            "evidently#603 infinite values in the reference, null live",
            inf,
            records(live.assign(ratio=ratio)),
            parquet,
            blames=None,
            said="ratio",
        )
    )
    mixed = train.assign(turbo=pd.Series([None if n % 10 == 0 else bool(n % 3) for n in range(ROWS)], dtype="object"))
    now = live.assign(turbo=pd.Series([None if n % 10 == 0 else bool(n % 3) for n in range(ROWS)], dtype="object"))
    found += [
        Report("nkululeko#239 booleans with gaps, CSV", mixed, records(now), csv(), kinds={"turbo": "categorical"}),
        Report("nkululeko#239 booleans with gaps, JSON", mixed, records(now), jsonl, kinds={"turbo": "categorical"}),
    ]
    return found


def of_texts() -> list[Report]:
    """Numbers and names in text."""
    found = []
    train, live = both(cars()[["Weight_in_lbs", "Origin"]])
    comma = train.assign(
        Weight_in_lbs=[f"{value:,.2f}".translate(str.maketrans(",.", ".,")) for value in train["Weight_in_lbs"]]
    )
    found += [
        Report(
            "dataprof#437 1.234,56 in a CSV with semicolons",
            comma,
            records(live),
            csv(sep=";"),
            blames=None,
            said="Weight_in_lbs",
        ),
        Report(
            "great_expectations#313 thousands with commas",
            train.assign(Weight_in_lbs=[f"{v:,}" for v in train["Weight_in_lbs"]]),
            records(live),
            csv(),
            blames=None,
            said="Weight_in_lbs",
        ),
    ]
    place = {"USA": "US", "Europe": "NA", "Japan": "JP"}
    names = train.assign(Origin=train["Origin"].map(place))
    now = live.assign(Origin=live["Origin"].map(place))
    found += [
        Report(
            "spark-expectations#170 NA is Namibia, in a CSV",
            names,
            records(now),
            csv(),
            kinds={"Origin": "categorical"},
        ),
        Report(
            "spark-expectations#170 NA is Namibia, Parquet",
            names,
            records(now),
            parquet,
            kinds={"Origin": "categorical"},
        ),
    ]
    spaced = train.assign(Origin=[f" {value}" for value in train["Origin"]])
    found.append(Report("adult census: a space after each comma", train, records(live), commas_and_spaces))
    found.append(
        Report("... in one column only: other names", spaced, records(live), csv(), blames="Origin", said="space")
    )
    accents = {"USA": "S\u00e3o Paulo", "Europe": "Malm\u00f6", "Japan": "K\u014dbe"}
    nfc = train.assign(Origin=train["Origin"].map(accents))
    nfd = live.assign(Origin=[unicodedata.normalize("NFD", accents[value]) for value in live["Origin"]])
    found.append(Report("NFC in the reference, NFD live", nfc, records(nfd), csv(), blames="Origin"))
    found.append(
        Report("Excel: UTF-16 with tabs", train, records(live), csv(sep="\t", encoding="utf-16"), said="(?i)utf-?16")
    )
    found.append(Report("Excel: a byte order mark", train, records(live), csv(encoding="utf-8-sig")))
    sci = train.assign(Weight_in_lbs=[f"{value:.3e}" for value in train["Weight_in_lbs"]])
    rounded = live.assign(Weight_in_lbs=[float(f"{value:.3e}") for value in live["Weight_in_lbs"]])
    found.append(Report("R: numbers as 3.504e+03", sci, records(rounded), csv(), kinds={"Weight_in_lbs": "numeric"}))
    return found
