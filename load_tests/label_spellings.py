"""Labels in odd spellings: metrics by task are scikit-learn's, or the labels are refused in words.

    python load_tests/label_spellings.py [--tables N] [--first NUMBER] [--verbose]

Each table (see spelling_tables.py) goes through `reference build` and `replay` as a user's would. What the reference's
labelled rows and what the replayed feedback come to is compared with scikit-learn: shares exactly, means of losses to
1e-6, AUC to 0.005. Every label that is none must be a dead letter for bad_label (or wrong_type), and no other may be
one. Exits 1 when a figure differs without a word (silent), or when a label that is one was refused.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [place for place in (str(ROOT), str(ROOT / "load_tests")) if place not in sys.path]

import machine  # noqa: E402  the path comes first
import yaml  # noqa: E402
from spelling_tables import START, TASKS, Table, close, table  # noqa: E402

from stream.cli.app import app  # noqa: E402
from stream.errors import UsageError  # noqa: E402
from windows.outcomes.layout import task_layout  # noqa: E402
from windows.outcomes.metrics import task_metrics  # noqa: E402
from windows.references.reference import from_json  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spelling_tables import Truth

REFUSALS = frozenset({"bad_label", "wrong_type"})


@dataclass
class Report:
    """What became of one table.

    Attributes:
        compared: figures that are scikit-learn's.
        refused: what was refused in words: labels, or the rows as a baseline.
        wrong: figures that are not, and labels that were refused or let pass by mistake.
    """

    compared: int = 0
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def judge(one: Table, where: Path) -> Report:
    """Send a table through and compare."""
    report = Report()
    config = _write(one, where)
    built, said = _run(
        "reference", "build", "--config", config, "--model", "m", "--from", where / "rows.jsonl", "-o", where / "m.json"
    )
    if built != 0:
        report.refused.append(f"rows: {said}")
        return report
    _baseline(one, where, said, report)
    paths = ("--predictions", where / "predictions.jsonl", "--feedback", where / "feedback.jsonl")
    code, said = _run("replay", "--config", config, *paths, "--out", where / "out")
    if code != 0:
        report.refused.append(f"replay: {said}")
        return report
    _live(one, where / "out", report)
    return report


def _write(one: Table, where: Path) -> Path:
    performance = {"windows": ["1h"], "label_delay": "1m", **one.performance}
    model = {"name": "m", "task": one.task, "reference": "m.json", **one.model, "performance": performance}
    config = where / "driftgauge.yaml"
    config.write_text(yaml.safe_dump({"models": [model]}))
    feedback = [
        {"model": "m", "prediction_id": f"p{at}", "timestamp": START + 500 * at + 1_000, "label": label}
        for at, label in enumerate(one.labels)
    ]
    for name, rows in (("rows", one.rows), ("predictions", one.predictions), ("feedback", feedback)):
        (where / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return config


def _run(*arguments: object) -> tuple[int, str]:
    """Exit code and what was said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = app([str(argument) for argument in arguments], standalone_mode=False) or 0
        except UsageError as error:
            return error.exit_code, str(error)
        except SystemExit as end:
            code = int(end.code or 0)
    return int(code), said.getvalue()


def _baseline(one: Table, where: Path, said: str, report: Report) -> None:
    """What the reference's labelled rows come to."""
    reference = from_json((where / "m.json").read_bytes())
    if reference.task is None or reference.outcomes is None:
        note = next((line for line in said.splitlines() if "labels are not used" in line), None)
        (report.refused if note else report.wrong).append(note or "rows: no baseline and no note")
        return
    layout = task_layout(reference.task, reference.prediction)
    measured = task_metrics(layout, reference.outcomes[None, :], 0.05)
    _compare("rows", one.truth(range(len(one.rows))), {name: float(m.value[0]) for name, m in measured.items()}, report)


def _live(one: Table, out: Path, report: Report) -> None:
    """What feedback comes to, of the labels that were not refused."""
    dead = {}
    for letter in _lines(out / "dead_letters.jsonl"):
        record = json.loads(letter["value"])
        dead[int(record["prediction_id"][1:])] = letter
    if one.other_code:
        (report.refused if dead else report.wrong).append(f"{len(dead)} labels of another code refused")
        return
    for at, letter in dead.items():
        if letter["reason"] not in REFUSALS or at in one.good:
            report.wrong.append(f"label {one.labels[at]!r} refused: {letter['reason']}: {letter['detail']}")
    let_pass = set(range(len(one.labels))) - one.good - dead.keys()
    if let_pass:
        report.wrong.append(f"label {one.labels[min(let_pass)]!r} was taken for one")
    if dead:
        report.refused.append(f"{len(dead)} labels, such as: {next(iter(dead.values()))['detail']}")
    if len(dead) == len(one.labels):
        return
    rows = [row for row in _lines(out / "evaluations.jsonl") if _whole(row)]
    most = max((row["samples"] for row in rows if row["metric"] == "labelled"), default=0)
    last = max(
        (row["window"]["end"] for row in rows if row["metric"] == "labelled" and row["samples"] == most), default=0
    )
    measured = {row["metric"]: row["value"] for row in rows if row["window"]["end"] == last}
    _compare("feedback", one.truth(sorted(one.good - dead.keys())), measured, report)


def _whole(row: dict[str, Any]) -> bool:
    return row["kind"] == "performance" and not row["segment"] and not row["feature"] and not row["against"]


def _compare(side: str, wanted: Truth, measured: dict[str, Any], report: Report) -> None:
    for name, figure in wanted.items():
        if close(measured.get(name), figure):
            report.compared += 1
        else:
            report.wrong.append(f"{side}: {name} is {measured.get(name)}, scikit-learn says {figure[0]:.6g}")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what became of all tables; 1 where anything was silent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tables", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(arguments)
    machine.show()
    figures, refused, silent = Counter[str](), Counter[str](), 0
    for seed in range(options.first, options.first + options.tables):
        one = table(seed)
        with tempfile.TemporaryDirectory() as where:
            report = judge(one, Path(where))
        figures[one.task] += report.compared
        refused[one.task] += bool(report.refused)
        silent += bool(report.wrong)
        if options.verbose or report.wrong:
            print(
                f"table {seed} ({one.task}: {one.name}): {report.compared} figures; {'; '.join(report.refused)[:200]}"
            )
        for line in report.wrong[:5]:
            print(f"  WRONG {line}")
    print(f"{'task':12} {'figures equal':>14} {'tables with a refusal':>22}")
    for task in TASKS:
        print(f"{task:12} {figures[task]:14,} {refused[task]:22,}")
    print(f"{options.tables} tables, {silent} with a figure that is wrong or a label that was misread")
    return int(silent > 0)


if __name__ == "__main__":
    sys.exit(main())
