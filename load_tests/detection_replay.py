"""One seed of detection through the command line: JSON lines, `driftgauge replay`, alerts read back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from stream.simulate.encoder import Encoder
from stream.simulate.traffic import Traffic
from windows.references.reference import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from windows.predictions.columns import Columns
    from windows.predictions.layout import Layout
    from windows.references.reference import Reference

CHUNK = 20_000
"""Predictions encoded at a time."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """Alert events in order, size of the file, seconds of the command."""

    events: list[dict[str, Any]]
    predictions: int
    bytes: int
    seconds: float


def replay(reference: Reference, layout: Layout, panes: Iterable[Columns], pane: int) -> Replayed:
    """Write the panes as JSON lines, evenly spread over their time, and replay them with the default config."""
    with TemporaryDirectory() as place:
        directory = Path(place)
        (directory / "reference.json").write_bytes(to_json(reference))
        (directory / "config.yaml").write_text(
            "kafka: {brokers: 'localhost:9092'}\n"
            f"models:\n  - {{name: {reference.model}, task: binary, reference: reference.json}}\n"
        )
        predictions = directory / "predictions.jsonl"
        count = _write(predictions, reference, layout, panes, pane)
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "stream.cli.app", "replay", "--config", str(directory / "config.yaml"),
             "--predictions", str(predictions), "--out", str(directory / "out"), "--evaluations", "none"],
            check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        lines = (directory / "out" / "alerts.jsonl").read_text().splitlines()
        return Replayed([json.loads(line) for line in lines], count, predictions.stat().st_size, seconds)


def _write(path: Path, reference: Reference, layout: Layout, panes: Iterable[Columns], pane: int) -> int:
    encoder, count = Encoder(reference, "1", "", rfc3339=False), 0
    with path.open("wb") as file:
        for columns in panes:
            rows = len(columns.panes)
            times = int(columns.panes[0]) * pane + np.arange(rows, dtype=np.int64) * pane // rows
            for begin in range(0, rows, CHUNK):
                part = slice(begin, begin + CHUNK)
                traffic = _traffic(layout, columns, part, times[part], count + begin)
                file.write(b"\n".join(encoder.encode(traffic)) + b"\n")
            count += rows
    return count


def _traffic(layout: Layout, columns: Columns, part: slice, times: np.ndarray, first: int) -> Traffic:
    numeric = {field.name: column[part] for field, column in zip(layout.numeric, columns.numeric, strict=True)}
    categorical = {
        field.name: column[part] for field, column in zip(layout.categorical, columns.categorical, strict=True)
    }
    both = numeric | categorical
    return Traffic(
        first=first,
        timestamps=times,
        features={field.name: both[field.name] for field in layout.features},
        prediction=both["prediction"],
        latency=columns.latency[part],
        failed=np.zeros(len(times), dtype=bool),
        context={},
        absent={},
    )
