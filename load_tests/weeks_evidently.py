"""What Evidently's drift preset finds in the files of `weeks.py`: run by the interpreter that has it.

    python load_tests/weeks_evidently.py DIRECTORY KIND

Reads reference.parquet and the worlds of job.json there and writes KIND.json: world -> [[end of the day in ms, column],
...]. Needs nothing of driftgauge. Kinds:

- preset: Report([DataDriftPreset()]) of each day against all rows of the reference, all else by default (more than
  1,000 rows: Wasserstein distance over the standard deviation and Jensen-Shannon distance, 0.1).
- weekday: the same against the reference's rows of the same day of the week.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

DAY = 86_400_000


def drifted(current: pd.DataFrame, reference: pd.DataFrame) -> list[str]:
    """The columns that drifted, by the preset's own thresholds."""
    from evidently import Report  # noqa: PLC0415 - heavy, and not everywhere
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    snapshot = Report([DataDriftPreset()]).run(current_data=current, reference_data=reference)
    names = []
    for metric in snapshot.dict()["metrics"]:
        config = metric.get("config", {})
        if "column" in config and float(metric["value"]) >= float(config["threshold"]):
            names.append(str(config["column"]))
    return names


def found(world: pd.DataFrame, reference: pd.DataFrame, kind: str, first: int) -> list[list[Any]]:
    """[end in ms, column] of each day that is judged."""
    alerts: list[list[Any]] = []
    groups = {
        name: part.drop(columns="timestamp") for name, part in reference.groupby(reference["timestamp"].dt.weekday)
    }
    whole = reference.drop(columns="timestamp")
    for date, rows in world.groupby(world["timestamp"].dt.floor("D")):
        end = int(date.timestamp() * 1000) + DAY
        if end > first:
            against = whole if kind == "preset" else groups[date.weekday()]
            alerts += [[end, name] for name in drifted(rows.drop(columns="timestamp"), against)]
    return alerts


def main(directory: Path, kind: str) -> None:
    """Judge every world."""
    warnings.filterwarnings("ignore")
    worlds = json.loads((directory / "job.json").read_text())
    reference = pd.read_parquet(directory / "reference.parquet")
    alerts = {
        world: found(pd.read_parquet(directory / f"{world}.parquet"), reference, kind, first)
        for world, first in worlds.items()
    }
    (directory / f"{kind}.json").write_text(json.dumps(alerts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
