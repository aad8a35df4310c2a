"""Order and repetition of labels do not matter: metrics are those of the final state of the data.

    python load_tests/label_orders.py [--worlds N] [--replays N] [--first NUMBER] [--processes 1|2]

Each world is a random set of predictions of one task (binary, multiclass, regression, ranking) with what is said about
them: early, late, twice, revised, expired, of nobody, with the prediction in it; in a random order over one to three
partitions a topic, cut into random batches. Worlds are driven through every step from raw messages to evaluations; some
go through the real `driftgauge replay` too, with RocksDB. At the end every metric of every version and segment is
compared with pandas and scikit-learn on the final state: exact for counts, 1e-9 for means of sums, within the stated
bound for AUC and quantiles; the counts of feedback too. Exits 1 when anything differs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [place for place in (str(ROOT), str(ROOT / "load_tests")) if place not in sys.path]

import machine  # noqa: E402  the path comes first
import yaml  # noqa: E402
from label_oracle import Expected, Final, expected, final_state, groups  # noqa: E402
from label_steps import LabelSteps, batch  # noqa: E402
from label_worlds import TASKS, World, world  # noqa: E402

from operators.plans.model import plan_models  # noqa: E402
from operators.settings.alerting import AlertingSettings  # noqa: E402
from windows.references.reference import to_json  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable

    from operators.join.ticks import LabelTotals
    from windows.arrays import FloatArray

Place = tuple[str, tuple[str, str], int, int]
"""(metric, (version, segment), start and end of the window, ms)."""

RECEIVED = 1_900_000_000_000
SHOWN = 3
EXACT, SUM, BOUND = "counts and shares", "means of sums", "within a bound"


@dataclass(frozen=True, slots=True)
class Row:
    """One evaluation."""

    metric: str
    key: tuple[str, str]
    start: int
    end: int
    value: float
    samples: int

    @property
    def place(self) -> Place:
        """All but what was measured."""
        return self.metric, self.key, self.start, self.end


@dataclass
class Tally:
    """What was compared.

    Attributes:
        worlds: how many.
        replayed: how many of them went through the command line.
        messages: delivered in all.
        orders: worlds by order.
        compared: values by kind of comparison.
        farthest: largest difference by kind; relative to what is allowed for those within a bound.
        defined: values that were not undefined on both sides.
        auc: largest difference of AUC; sum of its bounds, and how many there are.
        problems: whatever differs.
        seconds: CPU or wall seconds spent.
    """

    worlds: int = 0
    replayed: int = 0
    messages: int = 0
    orders: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    farthest: dict[str, float] = field(default_factory=dict)
    defined: int = 0
    auc: tuple[float, float, int] = (0.0, 0.0, 0)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.worlds + other.worlds,
            self.replayed + other.replayed,
            self.messages + other.messages,
            self.orders + other.orders,
            self.compared + other.compared,
            {
                name: max(self.farthest.get(name, 0.0), other.farthest.get(name, 0.0))
                for name in self.farthest.keys() | other.farthest.keys()
            },
            self.defined + other.defined,
            (max(self.auc[0], other.auc[0]), self.auc[1] + other.auc[1], self.auc[2] + other.auc[2]),
            self.problems + other.problems,
            self.seconds + other.seconds,
        )


def rows_by_steps(given: World) -> tuple[list[Row], LabelTotals]:
    """Drive the steps; the evaluations of the last tick, and the counts."""
    rng = random.Random(-given.number - 1)
    steps = LabelSteps(given.settings, given.reference, given.time)
    at = [0] * len(given.lanes)
    counts = Counter(lane.feedback for lane in given.lanes)
    numbers = [sum(one.feedback == lane.feedback for one in given.lanes[:n]) for n, lane in enumerate(given.lanes)]
    while open_ := [number for number, lane in enumerate(given.lanes) if at[number] <= len(lane.values)]:
        number = rng.choice(open_)
        lane = given.lanes[number]
        values = lane.values[at[number] : at[number] + rng.choice((1, 10, 100))]
        ended = at[number] + len(values) >= len(lane.values)
        at[number] = len(lane.values) + 1 if ended else at[number] + len(values)
        steps.feed(
            batch(
                values,
                partition=numbers[number],
                partitions=counts[lane.feedback],
                feedback=lane.feedback,
                ended=ended,
                received=RECEIVED,
            )
        )
    last = steps.last
    if last is None or not last.measures.ended:
        raise RuntimeError(f"world {given.number}: the last tick has not come")
    found = [
        Row(
            row.metric,
            (row.version, row.segment),
            row.window.start,
            row.window.end,
            math.nan if row.value is None else row.value,
            row.samples,
        )
        for row in last.evaluations
        if row.kind == "performance" and not row.feature
    ]
    return found, last.measures.totals


def rows_by_replay(given: World, directory: Path) -> dict[Place, Row]:
    """Run the command; of each window, group and metric the evaluation that was written last."""
    (directory / "reference.json").write_bytes(to_json(given.reference))
    config = {
        "kafka": {"brokers": "localhost:9092"},
        "time": {name: getattr(given.time, name) / 1e3 for name in ("pane", "lateness")},
        "models": [{**given.config, "reference": "reference.json"}],
    }
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "stream.cli.app", "replay", "--config", str(directory / "config.yaml")]
    for number, lane in enumerate(given.lanes):
        path = directory / f"{'feedback' if lane.feedback else 'predictions'}-{number}.jsonl"
        path.write_bytes(b"".join(value + b"\n" for value in lane.values))
        command += ["--feedback" if lane.feedback else "--predictions", str(path)]
    done = subprocess.run([*command, "--out", str(directory / "out")], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"world {given.number}: {done.stderr.strip().splitlines()[-3:]}")
    found: dict[Place, Row] = {}
    for line in (directory / "out" / "evaluations.jsonl").read_text().splitlines():
        said = json.loads(line)
        if said["kind"] == "performance" and not said["feature"]:
            start, end = (_milliseconds(said["window"][name]) for name in ("start", "end"))
            value = math.nan if said["value"] is None else said["value"]
            row = Row(said["metric"], (said["version"], said["segment"]), start, end, value, said["samples"])
            found[row.place] = row
    return found


def _milliseconds(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1e3)


def compare(given: World, rows: Iterable[Row], tally: Tally, how: str) -> None:
    """Compare evaluations with the oracle, window by window; every group and metric must be there, and no others."""
    final, edges = final_state(given), edges_of(given)
    by_window: dict[tuple[int, int], dict[tuple[str, str], dict[str, Row]]] = {}
    for row in rows:
        by_window.setdefault((row.start, row.end), {}).setdefault(row.key, {})[row.metric] = row
    where = f"world {given.number} ({given.task}, {given.order}, {how})"
    for (start, end), found in by_window.items():
        wanted = dict(groups(given, final, start, end))
        if found.keys() != wanted.keys() and not all(not segment for _, segment in found):
            tally.problems.append(f"{where}: groups {sorted(found.keys() ^ wanted.keys())[:SHOWN]}")
        for key in found.keys() & wanted.keys():
            _compare_group(f"{where} {key}", found[key], expected(given, wanted[key], edges), tally)


def edges_of(given: World) -> FloatArray | None:
    """The score edges that the stated bound of AUC is about."""
    alerting, name = AlertingSettings(), given.settings.name
    models = plan_models([given.settings], {name: given.reference}, given.time, alerting, everything=False)
    labels = models[name].labels
    return None if labels is None else labels.join.task.score_edges


def _compare_group(where: str, found: dict[str, Row], wanted: dict[str, Expected], tally: Tally) -> None:
    missing = {name for name in wanted if name not in found and not math.isnan(wanted[name].value)}
    for name in sorted(missing | (found.keys() - wanted.keys())):
        problem = (
            "missing" if name in missing else "told, but load_tests/label_oracle.py does not say what it should be"
        )
        tally.problems.append(f"{where}: {name} is {problem}")
    for name in found.keys() & wanted.keys():
        row, want = found[name], wanted[name]
        kind = _kind(name, want)
        tally.compared[kind] += 1
        if math.isnan(row.value) and math.isnan(want.value):
            continue
        tally.defined += 1
        off = abs(row.value - want.value)
        if name == "auc":
            tally.auc = max(tally.auc[0], off), tally.auc[1] + want.within, tally.auc[2] + 1
        shown = off / max(want.within, 1e-300) if kind == BOUND else off / max(1.0, abs(want.value))
        tally.farthest[kind] = max(tally.farthest.get(kind, 0.0), shown)
        if not off <= want.within:
            tally.problems.append(f"{where}: {name} is {row.value!r}, must be {want.value!r} +- {want.within:.3g}")
        if want.samples is not None and row.samples != want.samples:
            tally.problems.append(f"{where}: {name} of {row.samples} rows, must be {want.samples}")


def _kind(name: str, want: Expected) -> str:
    if name == "auc" or "_p" in name:
        return BOUND
    return EXACT if want.within <= 1e-12 else SUM


def compare_totals(given: World, final: Final, totals: LabelTotals, tally: Tally) -> None:
    """The counts of feedback: every record is accounted for once."""
    found = {
        "matched": totals.matched,
        "revised": totals.revised,
        "duplicates": totals.duplicates,
        "unmatched": totals.waiting + sum(totals.unmatched.values()),
        "negatives": totals.negatives,
    }
    wanted = dict(final.totals)
    if given.many:  # what is forgotten of a dozen words is not known again: a revision, not a duplicate
        for counts in (found, wanted):
            counts["revised"] += counts.pop("duplicates")
    tally.compared[EXACT] += len(found) + 1
    tally.defined += len(found) + 1
    if found != wanted or totals.feedback != final.kinds:
        problem = f"{found} of {totals.feedback}, must be {wanted} of {final.kinds}"
        tally.problems.append(f"world {given.number} ({given.task}, {given.order}): {problem}")


def run(task: tuple[int, bool]) -> Tally:
    """One world, through the steps and, if asked for, through the command."""
    number, replayed = task
    began, given, tally = time.perf_counter(), world(number), Tally(worlds=1, replayed=int(replayed))
    tally.orders[given.order] += 1
    tally.messages = sum(len(lane.values) for lane in given.lanes)
    rows, totals = rows_by_steps(given)
    compare(given, rows, tally, "steps")
    compare_totals(given, final_state(given), totals, tally)
    if replayed:
        with tempfile.TemporaryDirectory(prefix="driftgauge-orders-") as scratch:
            written = rows_by_replay(given, Path(scratch))
        compare(given, [written[row.place] for row in rows if row.place in written], tally, "replay")
        for row in rows:
            if repr(row) != repr(written.get(row.place)):
                tally.problems.append(f"world {number}: the steps say {row}, replay {written.get(row.place)}")
    tally.seconds = time.perf_counter() - began
    return tally


def main(arguments: list[str]) -> int:
    """Print what was compared; 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=1_000)
    parser.add_argument("--replays", type=int, default=40, help="worlds that go through the command line too")
    parser.add_argument("--first", type=int, default=0, help="number of the first world")
    parser.add_argument("--processes", type=int, default=2, choices=(1, 2))
    given = parser.parse_args(arguments)
    machine.show()
    print(
        f"{'work':10} {given.worlds} worlds, {len(TASKS)} tasks in turn, {given.replays} of them through"
        " driftgauge replay too"
    )
    began = time.perf_counter()
    step = max(1, given.worlds // max(1, given.replays))
    step += step % len(TASKS) == 0  # so that every task is replayed
    tasks = [(given.first + at, at % step == 0 and at // step < given.replays) for at in range(given.worlds)]
    total = Tally()
    with get_context("spawn").Pool(given.processes) as pool:
        for done in pool.imap_unordered(run, tasks, chunksize=4):
            total += done
            for problem in done.problems[:SHOWN]:
                print(f"DIFFERS: {problem}", flush=True)
    print(f"\n{'compared':20}{'values':>12}{'farthest off':>16}")
    for kind in (EXACT, SUM, BOUND):
        print(f"{kind:20}{total.compared[kind]:>12,}{total.farthest.get(kind, math.nan):>16.2g}", end="")
        print(" of what is allowed" if kind == BOUND else " relative, at most 1e-9" if kind == SUM else "")
    print(f"AUC: farthest off {total.auc[0]:.2g}, mean bound {total.auc[1] / max(1, total.auc[2]):.2g}")
    print(f"worlds by order: {', '.join(f'{name} {count}' for name, count in sorted(total.orders.items()))}")
    print(f"{total.messages:,} messages, {total.defined:,} defined values, {len(total.problems)} differences")
    print(f"{total.worlds} worlds, {total.replayed} replayed; {time.perf_counter() - began:.0f} s")
    return 1 if total.problems or not total.defined else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
