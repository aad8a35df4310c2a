"""Public reports about tables that are exported: references and later predictions, both as files."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from report_inputs import ROWS, Report, csv, parquet, records
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score, roc_auc_score

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GERMAN: dict[str, Any] = {"sep": ";", "decimal": ","}


def loans(seed: int) -> pd.DataFrame:
    """Applications for credit, as lenders publish them."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "amount": np.round(random.lognormal(9, 0.6, ROWS), 2),
            "rate": np.round(random.normal(12, 3, ROWS).clip(3, 30), 2),
            "grade": random.choice(list("ABCDE"), ROWS),
            "zip": random.choice(["01234", "02139", "07030", "10001", "94103"], ROWS),
        }
    )


def tables(name: str, train: pd.DataFrame, live: pd.DataFrame, write: Any, later: Any = None, **more: Any) -> Report:
    """An input of two files."""
    return Report(name, train, records(live), write, later=later or write, **more)


def of_exports() -> list[Report]:
    """How tables are exported."""
    a, b = loans(1), loans(2)
    german, windows = csv(**GERMAN), csv(encoding="utf-8-sig", lineterminator="\r\n")
    percent = a.assign(rate=[f"{value}%" for value in a["rate"]])
    keys = np.random.default_rng(3).permutation(ROWS)
    band = pd.Categorical(np.where(a["rate"] > 12, "mid", "low"), ["low", "mid", "high"], ordered=True)
    bands = pd.Categorical(np.where(b["rate"] > 12, "mid", "low"), ["low", "mid", "high"], ordered=True)
    rich = np.where(np.arange(ROWS) % 10 == 0, a["amount"], 0.0)
    poor = np.where(np.arange(ROWS) % 10 == 0, b["amount"], 0.0)
    far = 9_007_199_254_740_993 + 2 * np.arange(4)
    plain = {"amount": a["amount"]}
    return [
        tables("pandas#22584 decimal commas in both files", a, b, german),
        tables("pandas#22584 ... and points in the later one", a, b, german, csv()),
        tables("pandas#22584 ... and a rate that moves", a, b.assign(rate=b["rate"] + 6), german, blames="rate"),
        tables("Lending Club: 12.3%", percent, b, csv(), blames="", said="write them plainly", as_written=False),
        tables("SDV#2780 codes with zeros in two CSVs", a, b, csv(), kinds={"zip": "categorical"}),
        tables("pyexasol#78 zeros lost in the later one", a, b.astype({"zip": "int64"}), csv(), blames="zip"),
        tables("azure-sdk#34415 one value in a column of integers", a.assign(n=7), b.assign(n=7), parquet),
        tables(
            "evidently#1480 a column without values, later with some",
            a.assign(k=np.nan),
            b.assign(k=1.5),
            parquet,
            said="having no values: k",
        ),
        tables("evidently#187 a column that has none any more", a, b.assign(rate=np.nan), csv(), blames="rate"),
        tables("deepchecks#1553 a category that nobody has", a.assign(band=band), b.assign(band=bands), parquet),
        tables(
            "deepchecks#1553 ... and that comes",
            a.assign(band=band),
            b.assign(band=np.where(np.arange(ROWS) % 3 == 0, "high", bands)),
            parquet,
            blames="band",
        ),
        tables(
            "mlflow#25593 whole numbers with gaps, nullable and as floats",
            a.assign(n=pd.array(np.where(np.arange(ROWS) % 10 == 0, None, np.arange(ROWS) % 7), dtype="Int64")),
            b.assign(n=np.where(np.arange(ROWS) % 10 == 0, np.nan, np.arange(ROWS) % 7)),
            parquet,
            csv(),
        ),
        tables(
            "mlflow#6600 decimals in the later file",
            a,
            b.assign(rate=[Decimal(f"{value:.2f}") for value in b["rate"]]),
            csv(),
            parquet,
        ),
        Report(
            "triggerdotdev#144 numbers beyond 2^53, as JavaScript has them",
            a.assign(shard=far[np.arange(ROWS) % 4]),
            records(b.assign(shard=far[np.arange(ROWS) % 4].astype(float))),
            csv(),
            as_written=False,
        ),
        tables(
            "Kaggle: ids as numbers",
            a.assign(PassengerId=np.arange(ROWS) + 1, customer_id=keys),
            b.assign(PassengerId=np.arange(ROWS) + ROWS + 1, customer_id=keys + 10**6),
            csv(),
            said="each is there once, as with ids: PassengerId, customer_id",
            as_written=False,
        ),
        tables("alibi-detect#221 nine zeros of ten", a.assign(gain=rich), b.assign(gain=poor), parquet),
        tables(
            "alibi-detect#221 ... and then six",
            a.assign(gain=rich),
            b.assign(gain=poor).assign(gain=_six),
            parquet,
            blames="gain",
        ),
        tables("Oracle: CHAR(10)", a.assign(grade=a["grade"].str.ljust(10)), b, csv(), blames="grade", said="space"),
        tables("Excel on Windows: a mark and carriage returns", a, b, windows),
        tables("Excel: the later one in UTF-16 with tabs", a, b, csv(), csv(sep="\t", encoding="utf-16")),
        tables("numenta#751 newest first", a, b, csv(), lambda table, path: csv()(table[::-1], path)),
        tables("BigQuery: no order", a, b, parquet, lambda table, path: parquet(table.sample(frac=1), path)),
        tables(
            "mlflow#25593 categories beside gaps: 102.0",
            pd.DataFrame(plain).assign(store=np.array([102, 205, 310])[np.arange(ROWS) % 3]),
            b[["amount"]].assign(
                store=np.where(np.arange(ROWS) % 300, np.array([102, 205, 310])[np.arange(ROWS) % 3], np.nan)
            ),
            csv(),
            asks=("--categorical", "store"),
            kinds={"store": "categorical"},
        ),
    ]


def _six(table: pd.DataFrame) -> Any:
    """Four of ten that are not zero."""
    return np.where(np.arange(ROWS) % 10 < 4, table["amount"], 0.0)


def of_scores() -> list[Report]:
    """How scores, lists of them and labels are exported."""
    a, b = loans(4), loans(5)
    random = np.random.default_rng(6)
    truth, came = (random.integers(0, 3, ROWS) for _ in range(2))
    was, now = (0.5 * random.dirichlet([1, 1, 1], ROWS) + 0.5 * np.eye(3)[of] for of in (truth, came))
    score, scores = (1 / (1 + np.exp(-(table["rate"] - 12) / 2)) for table in (a, b))
    right, rights = (random.random(ROWS) < of for of in (score, scores))
    value, values = (table["amount"] * 1e7 for table in (a, b))
    guess, guesses = (of * np.exp(random.normal(0, 0.1, ROWS)) for of in (value, values))
    figures: dict[str, Callable[[slice], float]] = {
        "accuracy": lambda rows: accuracy_score(came[rows], now[rows].argmax(axis=1)),
        "log_loss": lambda rows: log_loss(came[rows], now[rows], labels=[0, 1, 2]),
    }
    found = [
        tables(
            f"pandas.to_csv: lists of scores in cells, as {name} writes them",
            a.assign(prediction=[spell(list(map(float, row))) for row in was], label=truth),
            b,
            csv(),
            _spelled(spell),
            predictions=now.tolist(),
            labels=came.tolist(),
            figures=figures,
            within=1e-4,
        )
        for name, spell in {"JSON": json.dumps, "Python": str, "NumPy": _numpy}.items()
    ]
    german = csv(**GERMAN)
    return [
        *found,
        tables(
            "pandas#22584 scores with decimal commas",
            a.assign(prediction=score, label=right.astype(int)),
            b,
            german,
            predictions=scores.tolist(),
            labels=rights.astype(int).tolist(),
            figures={"auc": lambda rows: roc_auc_score(rights[rows], scores[rows])},
            within=0.005,
        ),
        tables(
            "SageMaker: scores as 93.1%",
            a.assign(prediction=[f"{100 * one:.1f}%" for one in score], label=right.astype(int)),
            b,
            csv(),
            refused=True,
            said="write them plainly, or say --task multiclass",
        ),
        tables(
            "regression: hundreds of billions",
            a.assign(prediction=guess, label=value),
            b,
            parquet,
            predictions=guesses.tolist(),
            labels=values.tolist(),
            figures={
                "mae": lambda rows: mean_absolute_error(values[rows], guesses[rows]),
                "r2": lambda rows: r2_score(values[rows], guesses[rows]),
            },
            within=1e-6,
        ),
    ]


def _numpy(row: list[float]) -> str:
    return str(np.array(row))


def _spelled(spell: Callable[[list[float]], str]) -> Callable[[pd.DataFrame, Path], Path]:
    return lambda table, path: csv()(table.assign(prediction=[spell(row) for row in table["prediction"]]), path)
