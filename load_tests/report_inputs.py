"""An input that a public report is about, what is wanted of it, and how its reporter wrote it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sklearn.datasets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

ROWS = int(os.environ.get("REPORT_ROWS", "3000"))
STEP = 2_000
START = 1_767_225_600_000 // STEP * STEP
LIVE = START + 40 * 86_400_000


@dataclass
class Report:
    """One input and what is wanted of it.

    Attributes:
        source: of the report.
        train: rows of the reference; without a time column one is added.
        live: features of each prediction.
        write: writes `train`; its name ends in the suffix.
        asks: further options of `init`.
        predictions: of the live rows.
        labels: of the live rows.
        kinds: feature -> "numeric" or "categorical".
        blames: the feature that an alert must be headed by; "" for no alert at all; None for whatever.
        figures: metric of performance -> its value for some of the live rows.
        said: what `init` must say, a pattern; "" for whatever.
        refused: `init` must end with 2.
        within: figures may be off by so much.
        dress: makes the message of a prediction out of the record; text is sent as it is.
        answer: the same of feedback.
        settings: of the replay, as --set has them.
        letters: dead letters that there must be.
        rows: that the reference must have; None for all.
        later: writes the live rows as a table, as they were exported; None for messages.
        as_written: the file holds the rows of `train` as they are, so that pandas' figures of them are right.
    """

    source: str
    train: pd.DataFrame
    live: Sequence[dict[str, Any]]
    write: Callable[[pd.DataFrame, Path], Path]
    asks: tuple[str, ...] = ()
    predictions: Sequence[Any] | None = None
    labels: Sequence[Any] | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    blames: str | None = ""
    figures: dict[str, Callable[[slice], float]] = field(default_factory=dict)
    said: str = ""
    refused: bool = False
    within: float = 1e-9
    dress: Callable[[dict[str, Any]], Any] = dict
    answer: Callable[[dict[str, Any]], Any] = dict
    settings: tuple[str, ...] = ()
    letters: int = 0
    rows: int | None = None
    later: Callable[[pd.DataFrame, Path], Path] | None = None
    as_written: bool = True


def parquet(table: pd.DataFrame, path: Path) -> Path:
    """As pandas writes it."""
    path = path.with_suffix(".parquet")
    table.to_parquet(path)
    return path


def arrow(**types: pa.DataType) -> Callable[[pd.DataFrame, Path], Path]:
    """As Arrow writes it, with these types."""

    def write(table: pd.DataFrame, path: Path) -> Path:
        whole = pa.Table.from_pandas(table, preserve_index=False)
        for name, kind in types.items():
            at = whole.schema.get_field_index(name)
            whole = whole.set_column(at, name, pa.array(table[name].tolist(), kind))
        pq.write_table(whole, path.with_suffix(".parquet"))
        return path.with_suffix(".parquet")

    return write


def csv(**options: Any) -> Callable[[pd.DataFrame, Path], Path]:
    """As pandas writes it, with these options."""

    def write(table: pd.DataFrame, path: Path) -> Path:
        path = path.with_suffix(".csv")
        table.to_csv(path, index=False, **options)
        return path

    return write


def commas_and_spaces(table: pd.DataFrame, path: Path) -> Path:
    """As the census of 1994 was published."""
    written = csv()(table, path)
    written.write_text(written.read_text().replace(",", ", "))
    return written


def jsonl(table: pd.DataFrame, path: Path) -> Path:
    """One object a line; gaps are absent."""
    path = path.with_suffix(".jsonl")
    rows = ({k: plain(v) for k, v in row.items() if plain(v) is not None} for row in table.to_dict("records"))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat() + "Z"
    return value.item() if isinstance(value, np.generic) else value


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as features of predictions."""
    return [{name: plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def drawn(table: pd.DataFrame, seed: int, rows: int = ROWS) -> pd.DataFrame:
    """So many rows of a table, with repetition."""
    return table.sample(rows, replace=True, random_state=seed).reset_index(drop=True)


def both(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows for the reference and for live traffic."""
    return drawn(table, 1), drawn(table, 2)


def cars() -> pd.DataFrame:
    """Vega's cars: gaps, categories, whole numbers."""
    from vega_datasets import local_data  # noqa: PLC0415

    table = local_data.cars()
    return table[["Origin", "Horsepower", "Cylinders", "Displacement", "Miles_per_Gallon", "Weight_in_lbs"]]


def wine() -> pd.DataFrame:
    """scikit-learn's wine, without its classes."""
    return sklearn.datasets.load_wine(as_frame=True).frame.drop(columns="target")


def fair() -> pd.DataFrame:
    """Statsmodels' affairs."""
    from statsmodels.datasets import fair as data  # noqa: PLC0415

    return data.load_pandas().data


def scored(table: pd.DataFrame, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Scores of a plausible model and what came true."""
    rng = np.random.default_rng(seed)
    score = np.round(rng.beta(2, 3, len(table)), 3)
    return score, (rng.random(len(table)) < score).astype(int)
