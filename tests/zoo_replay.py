"""A cell of the zoo through the product: `init` on the file, and a `replay` of the same rows as messages.

The messages of one replay take turns through the encoders, so that one replay is about all of them.
"""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

from zoo import ENCODERS, MODEL, messages

from stream.cli.app import app
from stream.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

START, STEP = 1_767_225_600_000, 10
"""Time of the first message, and milliseconds between them: the rows of a table are a moment's traffic."""
DISTANCES = ("ks", "tvd", "psi", "js")
SHARES = ("mismatch_ratio", "missing_ratio", "unseen_ratio", "out_of_range_ratio")
NEAR = 0.01


def replayed(path: Path, table: pd.DataFrame, where: Path) -> list[str]:
    """What is wrong when the rows of a table meet the reference that `init` makes of a file of them.

    Args:
        path: the file.
        table: its rows.
        where: an empty directory.
    """
    code, said = _run("init", "--from", path, "--model", MODEL, "-o", where / "made")
    if code:
        return [f"init ended with {code}: {said[-300:]}"]
    encoded = [messages(table, encoder) for encoder in ENCODERS]
    lines = [_timed(encoded[row % len(encoded)][row], START + STEP * row) for row in range(len(table))]
    (where / "predictions.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    config, out = where / "made" / "driftgauge.yaml", where / "out"
    asked = ("--predictions", where / "predictions.jsonl", "--out", out, "--evaluations", "all", "--no-pictures")
    code, said = _run("replay", "--config", config, *asked)
    if code:
        return [f"replay ended with {code}: {said[-300:]}"]
    reference = json.loads((where / "made" / f"{MODEL}.reference.json").read_text())["reference"]
    return [*_letters(out), *_alerts(out), *_distances(out, len(table), reference["features"])]


def _timed(message: bytes, at: int) -> bytes:
    return message[:-1] + f', "timestamp": {at}}}'.encode()


def _letters(out: Path) -> list[str]:
    dead = _lines(out / "dead_letters.jsonl")
    return [f"{len(dead)} dead letters: {dead[0]['reason']} {dead[0].get('detail')}"] if dead else []


def _alerts(out: Path) -> list[str]:
    return [f"{event['alert']} fires: {event['reason']}" for event in _lines(out / "alerts.jsonl")[:1]]


def _distances(out: Path, rows: int, features: dict[str, Any]) -> list[str]:
    """Where the windows that hold all rows differ from the reference, which is of the same rows."""
    found = [row for row in _lines(out / "evaluations.jsonl") if not row["segment"] and row["feature"] in features]
    last = max((row["window"]["end"] for row in found), default="")
    whole = [row for row in found if row["window"]["end"] == last and row["metric"] in (*DISTANCES, *SHARES)]
    counted = max((row["samples"] for row in whole if row["metric"] == "missing_ratio"), default=0)
    if counted < rows:
        return [f"no window has all {rows} rows: {counted}"]
    apart = (
        (row, row["value"] - _usual(row["metric"], features[row["feature"]], rows)) for row in whole if row["value"]
    )
    return [f"{row['feature']}: {row['metric']} is off by {off}" for row, off in apart if abs(off) >= NEAR][:3]


def _usual(metric: str, profile: dict[str, Any], rows: int) -> float:
    """The value of the reference itself."""
    if metric == "missing_ratio":
        return float(profile["missing"]) / rows
    return float(profile.get("other", 0)) / max(rows - profile["missing"], 1) if metric == "unseen_ratio" else 0.0


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _run(*arguments: object) -> tuple[int, str]:
    """Exit code and what was said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = app([str(argument) for argument in arguments], standalone_mode=False) or 0
        except UsageError as error:
            return error.exit_code, f"{said.getvalue()}{error}"
        except SystemExit as end:
            code = int(end.code or 0)
    return int(code), said.getvalue()
