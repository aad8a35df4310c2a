"""No interval excludes its own value: millions of random evaluations, lower <= value <= upper in each.

    python load_tests/interval_soak.py [--evaluations N] [--seed N]

Windows of 0 to 10^8 predictions of features of every shape, drawn from populations that are the reference's, moved,
emptied or broken, at overdispersions from 1 to infinity and levels from 5 % to 1e-15, are measured by the steps that
measure live traffic, with all metrics; and labels of every task with all of theirs, alone and against a baseline, as a
difference and as a ratio. Exits 1 with the first evaluations that break the law.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from columns_traffic import Sketcher, features_of, reference_of
from machine import show

from operators.cohorts.compare import ComparisonRequest, Pairs, compare
from operators.plans.label_monitors import Against
from operators.plans.measures import DISTANCES, Plan
from operators.predictions.measure import Measure, MeasureConfig
from operators.predictions.ring import WindowTotals
from operators.tables import Kind, Table
from windows.outcomes.days import DayVariation
from windows.outcomes.fold import Outcomes, fold_outcomes, fold_predictions
from windows.outcomes.layout import TaskOptions, task_layout
from windows.outcomes.metrics import metric_names, task_metrics
from windows.panes import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windows.arrays import IntArray
    from windows.outcomes.layout import TaskLayout
    from windows.references.reference import Reference

MINUTE = Window(60_000, 10_000)
EVERYTHING = Plan(features=DISTANCES, prediction=DISTANCES, quality=True, moments=True, service=True)
LEVELS = (0.05, 1e-3, 1e-6, 1e-9, 1e-15)
FACTORS = (1.0, 1.0, 1.5, 4.0, 20.0, 50.0, 1e3, 1e6, np.inf)
GROUPS = 24
LABEL_SHARE = 0.1
"""Of the evaluations that are of labels: they are dearer."""


@dataclass(slots=True)
class Tally:
    """How many evaluations of which metric, and those that broke the law."""

    metrics: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def see(self, table: Table) -> None:
        """Count a table."""
        known = np.isfinite(table.value)
        self.metrics[f"{table.kind}.{table.metric}"] += int(known.sum())
        with np.errstate(invalid="ignore"):
            wrong = known & ((table.lower > table.value) | (table.upper < table.value))
        for row, column in np.argwhere(wrong)[:5].tolist():
            at = row, column
            self.broken.append(f"{table.metric}: {table.lower[at]} <= {table.value[at]} <= {table.upper[at]}")

    @property
    def seen(self) -> int:
        """All of them."""
        return sum(self.metrics.values())


def references(rng: np.random.Generator) -> Iterator[tuple[Reference, Sketcher]]:
    """References of a few hundred to many rows, without timestamps: the factors are ours to say."""
    for rows in (300, 5_000, 100_000):
        features = features_of(50)
        reference = reference_of(features, rng, lambda _, rows=rows: rng.standard_normal(rows), None, rows)
        yield reference, Sketcher(reference, features)


def predictions(rng: np.random.Generator, reference: Reference, sketcher: Sketcher, tally: Tally) -> None:
    """One call of the measuring step, of GROUPS versions."""
    columns = len(sketcher.columns)
    alpha = float(rng.choice(LEVELS))
    groups = {}
    for number in range(GROUPS):
        volume = int(10 ** rng.uniform(0, 8)) if rng.random() < 0.9 else int(rng.integers(0, 4))
        shares = sketcher.shares.copy()
        for row in rng.choice(columns, int(rng.integers(0, columns)), replace=False).tolist():
            shares[row] = sketcher.shares_at(row, float(rng.choice((-6, -1, -0.1, 0.05, 0.5, 2, 9))))
        vector = sketcher.draw(rng, volume, shares)
        if rng.random() < 0.2:
            hole = sketcher.layout.features[int(rng.integers(0, columns - 1))]
            vector[hole.start : hole.stop - 2] = 0
        groups[str(number), ""] = vector
    factors = rng.choice(FACTORS, columns)
    measure = Measure(MeasureConfig(sketcher.layout, reference, alpha, {MINUTE.size: EVERYTHING}))
    for table in measure(WindowTotals("columns", MINUTE, 9, groups, factors)).tables:
        tally.see(table)


def layouts() -> list[TaskLayout]:
    """Every task."""
    return [
        task_layout(TaskOptions("binary"), None),
        task_layout(TaskOptions("multiclass", classes=("a", "b", "c")), None),
        task_layout(TaskOptions("regression", tolerance=0.5), None),
    ]


def outcomes(rng: np.random.Generator, layout: TaskLayout, groups: int) -> IntArray:
    """int64[groups, size]: predictions with labels of varying volume and quality."""
    rows = int(10 ** rng.uniform(0, 4.5))
    of = rng.integers(0, groups, rows)
    task = layout.options.task
    if task == "binary":
        score = rng.beta(*rng.uniform(0.05, 3, 2), rows)
        label = (rng.random(rows) < (score if rng.random() < 0.7 else rng.random())).astype(float)
    elif task == "multiclass":
        score = rng.integers(0, 3, rows).astype(float)
        label = np.where(rng.random(rows) < rng.random(), score, rng.integers(0, 3, rows))
    else:
        score = rng.normal(0, 10 ** rng.uniform(-3, 3), rows)
        label = score + rng.standard_t(2, rows) * 10 ** rng.uniform(-6, 3)
    label = np.where(rng.random(rows) < rng.random() * 0.5, np.nan, label)
    value = np.where(rng.random(rows) < 0.5, np.nan, rng.lognormal(0, 2, rows))
    delay = rng.integers(0, 10**7, rows)
    sign = np.ones(rows, dtype=np.int64)
    said = ~(np.isnan(label) & np.isnan(value))
    made = Outcomes(score[said], None, None, label[said], None, value[said], delay[said], sign[said])
    return fold_predictions(layout, score, of, groups) + fold_outcomes(layout, made, of[said], groups)


def labels(rng: np.random.Generator, layout: TaskLayout, tally: Tally) -> None:
    """All metrics of GROUPS cohorts, and their comparison with as many others."""
    alpha = float(rng.choice(LEVELS))
    current, baseline = outcomes(rng, layout, GROUPS), outcomes(rng, layout, GROUPS)
    groups = tuple((str(number), "") for number in range(GROUPS))
    none = np.zeros((GROUPS, 1), dtype=np.int64)
    names = metric_names(layout)
    for name, found in task_metrics(layout, current, alpha, names).items():
        columns = (found.value[:, None], found.lower[:, None], found.upper[:, None], found.samples[:, None])
        tally.see(Table(Kind.PERFORMANCE, name, groups, ("",), *columns, None, none))
    pairs = Pairs(groups, current, baseline, ("",) * GROUPS, rng.uniform(0.1, 90.0, (GROUPS, 2)))
    varied = {"": {name: DayVariation(float(10 ** rng.uniform(-6, 2)), 0.3, 30) for name in names[::2]}}
    asked = [name for name in names if name not in {"labelled", "predictions"} and not name.startswith("label_")]
    asks = [
        ComparisonRequest(MINUTE.size, name, Kind.COMPARISON, Against("trailing", 86_400_000), form, segments=False)
        for name in asked
        for form in ("difference", "ratio")
    ]
    for comparison in compare(layout, pairs, asks, alpha, varied):
        tally.see(comparison.table)


def main(arguments: list[str]) -> int:
    """Print how many were seen; 1 if one broke the law."""
    parser = argparse.ArgumentParser(description="lower <= value <= upper in millions of random evaluations.")
    parser.add_argument("--evaluations", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    show()
    rng, tally, started = np.random.default_rng(given.seed), Tally(), time.process_time()
    scenes = list(references(rng))
    tasks = layouts()
    of_labels = 0
    with np.errstate(all="ignore"):
        while tally.seen < given.evaluations and not tally.broken:
            predictions(rng, *scenes[int(rng.integers(0, len(scenes)))], tally)
            while of_labels < LABEL_SHARE * tally.seen:
                before = tally.seen
                labels(rng, tasks[int(rng.integers(0, len(tasks)))], tally)
                of_labels += tally.seen - before
    for name, count in sorted(tally.metrics.items()):
        print(f"  {name:40}{count:12,}")
    print(f"\n{tally.seen:,} evaluations, {len(tally.broken)} broken; {time.process_time() - started:.0f} s of CPU")
    for line in tally.broken[:20]:
        print(f"  {line}")
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
