"""Judges one input of a public report: `init`, `check` and `replay` on it, and what came of them."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from report_inputs import LIVE, START, STEP

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [place for place in (str(ROOT),) if place not in sys.path]

from stream.cli.app import app  # noqa: E402
from stream.errors import UsageError  # noqa: E402

if TYPE_CHECKING:
    from report_inputs import Report


def judge(one: Report, where: Path) -> str:
    """What is not as wanted; empty for nothing."""
    train = one.train
    if "timestamp" not in train.columns and "timestamp" not in train.index.names:
        train = train.assign(timestamp=pd.to_datetime(START + STEP * np.arange(len(train)), unit="ms"))
    path = one.write(train, where / "rows")
    code, said = run("init", "--from", path, "--model", "m", "-o", where / "made", *one.asks)
    if one.said and not re.search(one.said, said):
        return f"init ({code}) did not say {one.said!r}: {said[-300:]}"
    if one.refused or code:
        return "" if one.refused and code == 2 else f"init ended with {code}: {said[-300:]}"
    odd = odd_reference(one, train, where, said)
    return odd or replayed(one, where)


def odd_reference(one: Report, train: pd.DataFrame, where: Path, said: str) -> str:
    """What is not as wanted in the config and the reference."""
    code, told = run("check", where / "made" / "driftgauge.yaml")
    if code:
        return f"check ended with {code}: {told[-300:]}"
    reference = json.loads((where / "made" / "m.reference.json").read_text())["reference"]
    features = reference["features"]
    if reference["rows"] != (len(train) if one.rows is None else one.rows):
        return f"the reference has {reference['rows']} rows of {len(train)}: {said[-300:]}"
    for name, kind in one.kinds.items():
        if name not in features or ("edges" in features[name]) != (kind == "numeric"):
            return f"{name} is not {kind}: {str(features.get(name))[:100]}; {said[-300:]}"
    return unlike(train, features) if one.as_written else ""


def replayed(one: Report, where: Path) -> str:
    """What is not as wanted in a replay."""
    write_live(one, where)
    paths = [
        "--predictions",
        where / "predictions.jsonl" if one.later is None else one.later(table(one), where / "later"),
    ]
    if one.labels is not None:
        paths += ["--feedback", where / "feedback.jsonl", "--set", "models.0.performance.label_delay=1m"]
    for setting in one.settings:
        paths += ["--set", setting]
    config = where / "made" / "driftgauge.yaml"
    code, told = run("replay", "--config", config, *paths, "--out", where / "out", "--evaluations", "changes")
    return f"replay ended with {code}: {told[-300:]}" if code else found_wrong(one, where / "out")


def unlike(train: pd.DataFrame, features: dict[str, Any]) -> str:
    """Which column of numbers has another mean, deviation or number of gaps in the reference than in pandas."""
    for name in train.select_dtypes("number").columns.intersection(list(features)):
        values, found = pd.to_numeric(train[name]).astype("float64"), features[name]
        if "edges" not in found or np.isinf(values).any():
            continue
        if found["missing"] != values.isna().sum():
            return f"{name}: {found['missing']} missing, not {values.isna().sum()}"
        expected = (values.mean(), values.std(ddof=0))
        for key, value in zip(("center", "scale"), expected, strict=True):
            known = np.isfinite(value) and value and (key == "center" or values.min() < values.max())
            if known and abs(found[key] - value) > 1e-3 * max(expected[1], 1e-9 * abs(value)):
                return f"{name}: {key} is {found[key]}, not {value}"
    return ""


def write_live(one: Report, where: Path) -> None:
    """The live rows as predictions, and their labels as feedback."""
    with (where / "predictions.jsonl").open("w", newline="") as file:
        for at, features in enumerate(one.live if one.later is None else ()):
            row = {"model": "m", "prediction_id": f"p{at}", "timestamp": LIVE + STEP * at, "features": features}
            if one.predictions is not None:
                row["prediction"] = one.predictions[at]
            file.write(message(one.dress(row)))
    with (where / "feedback.jsonl").open("w", newline="") as file:
        for at, label in enumerate(one.labels or ()):
            row = {"model": "m", "prediction_id": f"p{at}", "timestamp": LIVE + STEP * at + 1_000, "label": label}
            file.write(message(one.answer(row)))


def table(one: Report) -> pd.DataFrame:
    """The live rows as a table."""
    found = pd.DataFrame(list(one.live))
    if one.predictions is not None:
        found["prediction"] = list(one.predictions)
    times = pd.to_datetime(LIVE + STEP * np.arange(len(found)), unit="ms")
    return found.assign(prediction_id=[f"p{at}" for at in range(len(found))], timestamp=times)


def message(record: Any) -> str:
    """A line of JSON; text is one already."""
    return (record if isinstance(record, str) else json.dumps(record)) + "\n"


def found_wrong(one: Report, out: Path) -> str:
    """What the replay found that is not as wanted."""
    dead = lines(out / "dead_letters.jsonl")
    if len(dead) != one.letters and (one.letters or one.blames == ""):
        return f"{len(dead)} dead letters, not {one.letters}: {dead[:1]}"
    fired = [event for event in lines(out / "alerts.jsonl") if event["state"] == "firing"]
    if one.blames == "" and fired:
        return f"{len(fired)} alerts: {fired[0]['reason']}"
    if one.blames and not any(event["causes"] and event["causes"][0]["feature"] == one.blames for event in fired):
        refused = f"; {len(dead)} dead letters: {dead[0].get('detail')}" if dead else ""
        return f"{one.blames} is not blamed: {[event['reason'] for event in fired][:2]}{refused}"
    rows = [row for row in lines(out / "evaluations.jsonl") if row["kind"] == "performance" and not row["segment"]]
    for name, of_rows in one.figures.items():
        mine = [row for row in rows if row["metric"] == name and not row["feature"] and not row["against"]]
        last = max(mine, key=lambda row: (row["samples"], row["window"]["end"]), default=None)
        if last is None or last["value"] is None:
            return f"{name} has no value: {last and last['reason']}"
        first, end = (
            (int(pd.Timestamp(last["window"][side]).timestamp() * 1e3) - LIVE) // STEP for side in ("start", "end")
        )
        value = float(of_rows(slice(max(first, 0), end)))
        if abs(last["value"] - value) > one.within * max(1.0, abs(value)):
            return f"{name} is {last['value']} of {last['samples']}, not {value:.6g}"
    return ""


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(*arguments: object) -> tuple[int, str]:
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
