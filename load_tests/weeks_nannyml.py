"""What NannyML's drift calculators find in the files of `weeks.py`: run by the interpreter that has it.

    python load_tests/weeks_nannyml.py DIRECTORY KIND

Reads reference.parquet and the worlds of job.json there and writes KIND.json: world -> [[end of the chunk in ms,
column], ...]. Needs nothing of driftgauge. Kinds:

- day: UnivariateDriftCalculator, chunks of a day, all else by default (Jensen-Shannon, 3 standard deviations of the
  reference's chunks).
- week: the same with chunks of a week, of which each holds the whole season.
- pca: DataReconstructionDriftCalculator, chunks of a day, all else by default (65 % of the variance).
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd


def calculator(kind: str, columns: list[str]) -> Any:
    """The calculator of a kind, not fitted."""
    import nannyml  # noqa: PLC0415 - heavy, and not everywhere

    if kind == "pca":
        names = [name for name in columns if name != "prediction"]
        return nannyml.DataReconstructionDriftCalculator(
            column_names=names, timestamp_column_name="timestamp", chunk_period="D"
        )
    return nannyml.UnivariateDriftCalculator(
        column_names=columns, timestamp_column_name="timestamp", chunk_period="W" if kind == "week" else "D"
    )


def found(result: Any) -> list[list[Any]]:
    """[end in ms, column] of each alert; the column is empty where all are judged together."""
    frame = result.filter(period="analysis").to_df()
    chunk = ("chunk",) * (frame.columns.nlevels - 1)
    ends = pd.to_datetime(frame[(*chunk, "end_date")]).dt.tz_localize(None).astype("datetime64[ms]").astype("int64")
    alerts = []
    for column in frame.columns:
        if column[-1] == "alert":
            name = column[0] if len(column) == 3 else ""
            alerts += [[int(end), name] for end in ends[frame[column].astype(bool)]]
    return sorted(alerts)


def main(directory: Path, kind: str) -> None:
    """Judge every world."""
    warnings.filterwarnings("ignore")
    worlds = json.loads((directory / "job.json").read_text())
    reference = pd.read_parquet(directory / "reference.parquet")
    made = calculator(kind, [name for name in reference.columns if name != "timestamp"])
    made.fit(reference)
    alerts = {world: found(made.calculate(pd.read_parquet(directory / f"{world}.parquet"))) for world in worlds}
    (directory / f"{kind}.json").write_text(json.dumps(alerts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
