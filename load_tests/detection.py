"""Detection: a step in one of 50 features at 10,000 predictions a second is alerted within 30 s of event time.

    python load_tests/detection.py [--quick] [--seeds N]

The step has a Kolmogorov-Smirnov distance of 0.2. Which feature, of which shape, how and when, varies with the seed.
The default config is in force. Panes are drawn as counts; beside them some of the same seeds are drawn value by value
through `windows.predictions.fold`, and one goes as JSON through `driftgauge replay`. An alert counts as emitted when
the watermark has passed the end of its pane: pane end plus lateness. Exits 1 unless every seed is alerted in time and
names the shifted feature first, and nothing else fires.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from columns_run import ColumnsRun
from columns_traffic import MODEL, Choice, Feature, Sketcher, features_of, reference_of
from detection_replay import replay
from machine import show
from scipy.special import ndtri
from scipy.stats import chi2 as chi2_law

from operators.settings.model import ModelSettings
from windows.predictions.fold import Binning, binning_of, fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operators.alerts.event import AlertEvent
    from windows.arrays import FloatArray, IntArray
    from windows.predictions.columns import Columns
    from windows.references.reference import Reference

PANE = 10_000
PANE_ROWS = 100_000
REFERENCE_ROWS = 100_000
SEEDS_PER_REFERENCE = 5
DISTANCE = 0.2
LIMIT = 30_000
START = 178_000_000
"""Index of the first pane: some day in 2026."""
FEW = 3
"""Panes of normal traffic before the step where every value is drawn."""
AFTER = 5
"""Panes observed from the one with the step on."""
SHAPES = ("normal", "lognormal", "zero-inflated count", "uniform")


@dataclass(frozen=True, slots=True)
class Step:
    """What happens: the column, how z moves (or the share of rows that takes a high value), and when, ms."""

    row: int
    kind: str
    amount: float
    at: int

    def apply(self, rng: np.random.Generator, z: FloatArray) -> FloatArray:
        """The column's z after the step."""
        if self.kind == "shift":
            return z + self.amount
        return np.where(rng.random(len(z)) < self.amount, HIGH, z)


HIGH = float(ndtri(0.999))
"""z of the value that a faulty sender repeats."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed led to."""

    seed: int
    feature: Feature
    step: Step
    first: AlertEvent | None
    delay: int | None
    wrong: int

    @property
    def named(self) -> bool:
        """Whether the shifted feature is the leading cause."""
        return self.first is not None and self.first.causes[0].feature == self.feature.name

    @property
    def kept(self) -> bool:
        """Whether the promise holds."""
        return self.delay is not None and self.delay <= LIMIT and self.named and not self.wrong


@dataclass(frozen=True, slots=True)
class Scene:
    """What the seeds share: features, a reference, and what draws panes from them."""

    features: tuple[Feature, ...]
    reference: Reference
    sketcher: Sketcher
    binning: Binning


def scene_of(number: int) -> Scene:
    """The features and one reference of so many rows of independent normal traffic."""
    rng = np.random.default_rng((7, number))
    features = features_of(50)
    times = START * PANE - REFERENCE_ROWS * 100 + np.arange(REFERENCE_ROWS) * 100
    reference = reference_of(features, rng, lambda _: rng.standard_normal(REFERENCE_ROWS), times, REFERENCE_ROWS)
    sketcher = Sketcher(reference, features)
    return Scene(features, reference, sketcher, binning_of(sketcher.layout))


def step_of(rng: np.random.Generator, features: tuple[Feature, ...], seed: int, before: int) -> Step:
    """The step of a seed. Moving z by d is a distance of 2 Phi(d / 2) - 1 for every shape."""
    rows = [i for i, feature in enumerate(features) if feature.shape.name == SHAPES[seed % 4]]
    rows = [row for row in rows if not isinstance(features[row].shape, Choice)]
    row = int(rng.choice(rows))
    at = (START + before) * PANE + int(rng.integers(0, PANE))
    half = 2 * float(ndtri((1 + DISTANCE) / 2))
    kind = int(rng.integers(0, 3))
    if kind == 0:
        return Step(row, "repeat", DISTANCE / 0.999, at)
    # From below, a zero-inflated count with 60 % zeros reaches the distance upwards only: 0.6 is Phi(d / 2).
    up = kind == 1 or features[row].shape.name.startswith("zero")
    return Step(row, "shift", half if up else -half, at)


def _counts(scene: Scene, rng: np.random.Generator, rows: int, step: Step | None) -> IntArray:
    """A pane as counts."""
    if step is None:
        return scene.sketcher.draw(rng, rows)
    shares = scene.sketcher.shares.copy()
    if step.kind == "shift":
        shares[step.row] = scene.sketcher.shares_at(step.row, step.amount)
    else:
        point = scene.sketcher.shares_at(step.row, 1e3)
        point = _point(scene, step.row, point)
        shares[step.row] = (1 - step.amount) * shares[step.row] + step.amount * point
    return scene.sketcher.draw(rng, rows, shares)


def _point(scene: Scene, row: int, like: FloatArray) -> FloatArray:
    """Shares of a column whose every value that is there is the repeated one."""
    field, (cuts, slots) = scene.sketcher.layout.columns[row], scene.sketcher.cuts[row]
    point = np.zeros_like(like)
    start = len(point) - (field.stop - field.start)
    point[start + slots[np.searchsorted(cuts, HIGH, side="right")]] = 1 - scene.features[row].missing
    point[-2] = scene.features[row].missing
    return point


def _changed(pane: int, step: Step) -> int:
    """How many rows of a pane come after the step; they are spread evenly."""
    return PANE_ROWS * min(max((pane + 1) * PANE - step.at, 0), PANE) // PANE


def counted(scene: Scene, seed: int, before: int) -> Outcome:
    """One seed: `before` panes of normal traffic, then the step, until it has been seen long enough."""
    rng = np.random.default_rng((11, seed))
    step = step_of(rng, scene.features, seed, before)
    run, events = ColumnsRun(ModelSettings(name=MODEL, task="binary"), scene.reference), []
    for pane in range(START, START + before + AFTER):
        changed = _changed(pane, step)
        vector = _counts(scene, rng, PANE_ROWS - changed, None) + _counts(scene, rng, changed, step)
        events += run.pane(pane, {("1", ""): vector})
    return outcome_of(run, events, seed, scene.features[step.row], step)


def values_of(scene: Scene, seed: int, before: int) -> Iterator[Columns]:
    """The panes of a seed value by value, as decoding hands them on."""
    rng = np.random.default_rng((11, seed))
    step = step_of(rng, scene.features, seed, before)
    for pane in range(START, START + before + AFTER):
        z = rng.standard_normal((len(scene.sketcher.columns), PANE_ROWS))
        after = PANE_ROWS - _changed(pane, step)
        z[step.row, after:] = step.apply(rng, z[step.row, after:])
        yield scene.sketcher.records(rng, pane, z)


def valued(scene: Scene, seed: int, before: int) -> tuple[Outcome, list[AlertEvent]]:
    """One seed through `windows.predictions.fold`, and its events."""
    step = step_of(np.random.default_rng((11, seed)), scene.features, seed, before)
    run, events = ColumnsRun(ModelSettings(name=MODEL, task="binary"), scene.reference), []
    for pane, columns in enumerate(values_of(scene, seed, before), start=START):
        events += run.pane(pane, {("1", ""): fold(scene.binning, columns)[pane, "1", ""]})
    return outcome_of(run, events, seed, scene.features[step.row], step), events


def outcome_of(run: ColumnsRun, events: list[AlertEvent], seed: int, feature: Feature, step: Step) -> Outcome:
    """What the events mean: a wrong alert is any that is not the one of the step, a wrong cause any other feature."""
    fired = [event for event in events if event.state == "firing"]
    right = [
        event
        for event in fired
        if event.alert == "DataDrift" and event.event_time > step.at and event.causes[0].feature == feature.name
    ]
    strangers = sum(cause.feature != feature.name for event in events for cause in event.causes)
    first = next((event for event in fired if event.alert == "DataDrift"), None)
    delay = None if not right else run.emitted(right[0]) - step.at
    return Outcome(seed, feature, step, first, delay, len(fired) - min(len(right), 1) + strangers)


def fit(scene: Scene) -> float:
    """Least p-value, times the number of columns, of the folded values of a pane against the shares that counts use."""
    layout, rows = scene.sketcher.layout, PANE_ROWS
    vector = fold(scene.binning, next(values_of(scene, 5, 1)))[START, "1", ""]
    found = []
    for row, field in enumerate(layout.columns):
        expected = rows * scene.sketcher.shares[row, scene.sketcher.shares.shape[1] - (field.stop - field.start) :]
        counts = vector[field.start : field.stop]
        usual = expected >= 5
        pieces = np.append(counts[usual], counts[~usual].sum()), np.append(expected[usual], expected[~usual].sum())
        statistic = float(np.sum((pieces[0] - pieces[1]) ** 2 / np.maximum(pieces[1], 1e-9) * (pieces[1] > 0.5)))
        degrees = int(usual.sum()) - 1 + int(pieces[1][-1] > 0.5)
        found.append(float(chi2_law.sf(statistic, degrees)) if degrees else 1.0)
    return min(1.0, min(found) * len(found))


def _print(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        event = outcome.first
        delay = "never" if outcome.delay is None else f"{outcome.delay / 1e3:.1f} s"
        print(
            f"{outcome.seed:5} {outcome.feature.name} {outcome.feature.shape.name:20}{outcome.step.kind:8}"
            f"{outcome.step.amount:+7.3f} at {outcome.step.at % PANE / 1e3:5.2f} s of its pane: {delay:>7}"
            f" {event.severity if event else '':9}{event.metric if event else '':5}"
            f"{'' if outcome.kept else '  BROKEN'}"
        )


def main(arguments: list[str]) -> int:
    """Print the outcomes; 1 if the promise is broken."""
    parser = argparse.ArgumentParser(description="Delay of the alert after a step in one feature.")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--before", type=int, default=60, help="panes of normal traffic before the step")
    parser.add_argument("--by-value", type=int, default=3, help="seeds that are also drawn value by value")
    parser.add_argument(
        "--no-replay", action="store_true", help="leave out the seed that goes through the command line"
    )
    parser.add_argument("--quick", action="store_true", help="10 seeds, one of them by value")
    given = parser.parse_args(arguments)
    seeds, by_value = (10, 1) if given.quick else (given.seeds, given.by_value)
    show()
    print(
        f"{'work':10} {seeds} seeds: 10,000/s x 50 features, {given.before} panes of {PANE // 1000} s, then a step of"
        f" KS {DISTANCE} in one feature; reference of {REFERENCE_ROWS:,} rows; default config\n"
    )
    started, outcomes, scene = time.perf_counter(), [], scene_of(0)
    for seed in range(seeds):
        if seed and seed % SEEDS_PER_REFERENCE == 0:
            scene = scene_of(seed // SEEDS_PER_REFERENCE)
        outcomes.append(counted(scene, seed, given.before))
        _print(outcomes[-1:])
    values = _by_value(by_value)
    values &= given.no_replay or _replayed(0)
    delays = [outcome.delay for outcome in outcomes if outcome.delay is not None]
    print(f"\nalerted within {LIMIT // 1000} s: {sum(delay <= LIMIT for delay in delays)}/{seeds}", end="")
    if delays:
        print(f"; delay max {max(delays) / 1e3:.1f} s, median {median(delays) / 1e3:.1f} s", end="")
    print(f"\nleading cause right: {sum(outcome.named for outcome in outcomes)}/{seeds}")
    print(f"wrong alerts or causes: {sum(outcome.wrong for outcome in outcomes)}")
    print(f"{time.perf_counter() - started:.0f} s")
    return 0 if all(outcome.kept for outcome in outcomes) and values else 1


def _by_value(seeds: int) -> bool:
    """Draw some seeds value by value as well; whether their outcomes and counts are as those of the counts."""
    if not seeds:
        return True
    scene = scene_of(0)
    p = fit(scene)
    print(
        "\nvalue by value through windows.predictions.fold: one pane fits the shares that counts are drawn from, "
        f"p = {p:.3f}"
    )
    kept = p > 1e-3
    for seed in range(seeds):
        drawn, (folded, _) = counted(scene, seed, FEW), valued(scene, seed, FEW)
        _print([folded])
        same = (drawn.delay, drawn.named, drawn.wrong) == (folded.delay, folded.named, folded.wrong)
        print(f"      as from counts: {'yes' if same else f'no, {drawn.delay} ms'}")
        kept = kept and folded.kept
    return kept


def _replayed(seed: int) -> bool:
    """One seed as JSON through the command line; whether its alerts are those of the same values folded here."""
    scene = scene_of(0)
    outcome, events = valued(scene, seed, FEW)
    found = replay(scene.reference, scene.sketcher.layout, values_of(scene, seed, FEW), PANE)
    ids = [event.id for event in events], [event["id"] for event in found.events]
    print(
        f"\ndriftgauge replay, {found.predictions:,} predictions of JSON ({found.bytes / 1e6:.0f} MB) in"
        f" {found.seconds:.0f} s: {len(ids[1])} alert events,"
        f" {'the same ids' if ids[0] == ids[1] else 'OTHER IDS'} as from the same values folded here"
    )
    _print([outcome])
    return outcome.kept and ids[0] == ids[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
