"""Joint drift: one pair of features turns its correlation around while every feature looks as before.

    python load_tests/joint.py [--quick] [--only flip null bits cost seasons] [--pane MINUTES]

- flip: rho 0.8 to -0.8 in one pair of 10, 50 and 100 features, 2,000 rows, 100 times: is the right pair on top, does
  its bound exceed 1.5, and what does the pooled ratio say (all features together, which is what error of reconstruction
  usually means); the same for PCA and for the autoencoder.
- null: a month of windows of 50 features in which nothing changes, 100 predictions a minute: 43,200 panes of a minute
  judged over 1m and 1h, or with `--pane 10` 4,320 of ten minutes over 10m and 10h; alerts Anomaly.
- seasons: four weeks over a change of the clocks in which half of 10 features follow the hours (`joint_seasons.py`),
  with features told from each other within classes of hours and over all of them; and pairs that turn around there.
- bits: vectors of batches of 1, 7 and 1,000 rows against one batch.
- cost: CPU of folding with and without, at 10, 50 and 100 features.

Exits 1 when a promise is broken: a wrong pair, an alert of the null month or of the healthy weeks, a pair that is not
told under a season, or a bit.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from columns_run import ColumnsRun
from columns_traffic import TableRows
from joint_seasons import seasons
from machine import show

from operators.settings.event_time import TimeSettings
from operators.settings.model import ModelSettings
from stream.references.build import build
from stream.references.plan import BuildOptions, JointOptions
from windows.joint.measure import ratios
from windows.joint.reconstruct import errors, sums
from windows.predictions.columns import Columns
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import layout_of

if TYPE_CHECKING:
    from windows.arrays import FloatArray
    from windows.joint.reconstruct import Joint, Method
    from windows.references.reference import Reference

ALPHA = 1e-8
RHO = 0.8
ROWS = 2_000
PANE = 60_000
START = 29_800_000


def draw(rng: np.random.Generator, features: int, rows: int, rho: float) -> FloatArray:
    """float64[features, rows]: neighbours go together, the first two with this correlation, the others with 0.5."""
    x = rng.standard_normal((features, rows))
    x[1] = rho * x[0] + np.sqrt(1 - rho**2) * x[1]
    for at in range(2, features - 1, 2):
        x[at + 1] = 0.5 * x[at] + np.sqrt(0.75) * x[at + 1]
    return x


def reference(features: int, method: Method | None, rows: int = 60_000) -> Reference:
    """Built from rows as a user would."""
    x = draw(np.random.default_rng(features), features, rows, RHO)
    times = START * PANE - rows * 600 + 600 * np.arange(rows)
    columns = {f"f{at}": x[at] for at in range(features)}
    table = pa.table({"timestamp": pa.array(times, pa.timestamp("ms", "UTC")), **columns})
    joint = None if method is None else JointOptions(method)
    return build(TableRows(table), BuildOptions("m", task="regression", joint=joint)).reference


def joint_of(known: Reference) -> Joint:
    """What it knows of its features together."""
    if known.joint is None:
        raise LookupError("no joint model")
    return known.joint


def flip(times: int) -> bool:
    """The pair turns around."""
    print(f"\nflip: rho {RHO} to {-RHO} in one pair, {ROWS:,} rows, {times} times, level {ALPHA:g}")
    print(
        "  features  method        pair on top  both bounds > 1.5   ratio  pooled ratio  pooled > 1.5  largest without"
    )
    kept = True
    for features in (10, 50, 100):
        for method in ("conditional", "pca", "autoencoder"):
            joint, rng = joint_of(reference(features, method)), np.random.default_rng(7)
            none, factor = np.zeros((0, ROWS), dtype=np.int64), np.ones((1, features + 1))
            top = past = pooled = 0
            ratio, whole, usual = [], [], 0.0
            for _ in range(times):
                found = {}
                for rho in (-RHO, RHO):
                    each = errors(joint, draw(rng, features, ROWS, rho), none)
                    found[rho] = ratios(joint, sums(each, np.zeros(ROWS, dtype=np.int64), 1), factor, ALPHA)
                broken = found[-RHO]
                top += set(np.argsort(-broken.value[0, :-1])[:2].tolist()) == {0, 1}
                past += bool((broken.lower[0, :2] > 1.5).all())
                pooled += bool(broken.lower[0, -1] > 1.5)
                ratio.append(broken.value[0, :2].mean())
                whole.append(broken.value[0, -1])
                usual = max(usual, float(found[RHO].value.max()))
            print(
                f"  {features:8}  {method:12}{top:9} of {times}{past:13} of {times}{np.mean(ratio):9.1f}"
                f"{np.mean(whole):12.2f}{pooled:10} of {times}{usual:14.2f}",
                flush=True,
            )
            kept &= method != "conditional" or top == past == times
    return kept


def null(minutes: int, pane: int) -> bool:
    """So long, in panes of so many minutes, in which nothing changes."""
    known = reference(50, "conditional")
    run = ColumnsRun(_settings(pane), known, TimeSettings.model_validate({"pane": f"{pane}m"}))
    binning, rng = binning_of(run.plan.layout, pane * PANE), np.random.default_rng(11)
    events, first, panes = [], START // pane, minutes // pane
    for number in range(first, first + panes):
        sketches = fold(binning, columns_of(draw(rng, 50, 100 * pane, RHO), number))
        events += run.pane(number, {key[1:]: vector for key, vector in sketches.items()})
    fired = sum(event.alert == "Anomaly" and event.state == "firing" for event in events)
    what = f"{panes:,} panes of {pane} min, 50 features, {100 * pane:,} predictions each"
    print(f"\nnull: {what}: Anomaly fired {fired} times", end="")
    print(f", other alerts {sum(event.state == 'firing' for event in events) - fired}")
    return fired == 0


def _settings(pane: int) -> ModelSettings:
    windows = {"windows": [f"{pane}m", f"{60 * pane}m"]}
    return ModelSettings.model_validate(
        {
            "name": "m",
            "task": "regression",
            "multivariate": windows,
            "drift": windows,
            "prediction": windows,
            "quality": windows,
        }
    )


def columns_of(x: FloatArray, pane: int) -> Columns:
    """Rows as decoding would hand them over."""
    rows = x.shape[1]
    return Columns(
        panes=np.full(rows, pane, dtype=np.int64),
        versions=("1",),
        version=np.zeros(rows, dtype=np.int64),
        numeric=x,
        categorical=np.zeros((0, rows), dtype=np.int64),
        segments=np.zeros((0, rows), dtype=np.int64),
        latency=np.full(rows, np.nan),
        failed=None,
    )


def bits(rows: int) -> bool:
    """Batches against one batch."""
    layout = layout_of(reference(50, "conditional"))
    binning, x = binning_of(layout, PANE), draw(np.random.default_rng(3), 50, rows, RHO)
    x[3, ::7], x[4, ::9] = np.nan, 1e300
    (whole,) = fold(binning, columns_of(x, START)).values()
    kept = True
    print(f"\nbits: {rows:,} rows of 50 features, missing and 1e300 among them")
    for size in (1, 7, 1_000):
        total = np.zeros_like(whole)
        for at in range(0, rows, size):
            (part,) = fold(binning, columns_of(x[:, at : at + size], START)).values()
            total += part
        differ = int((total != whole).sum())
        print(f"  batches of {size:5}: {differ} of {len(whole):,} slots differ")
        kept &= differ == 0
    return kept


def cost(rounds: int) -> None:
    """CPU of folding, the two in turn, the best of each."""
    print("\ncost: CPU us a prediction in the fold, batches of 10,000")
    for features in (10, 50, 100):
        x = columns_of(draw(np.random.default_rng(5), features, 10_000, RHO), START)
        known = {method: binning_of(layout_of(reference(features, method)), PANE) for method in (None, "conditional")}
        best = dict.fromkeys(known, np.inf)
        for _ in range(rounds):
            for method, binning in known.items():
                begun = time.process_time()
                fold(binning, x)
                best[method] = min(best[method], (time.process_time() - begun) / 10_000 * 1e6)
        print(f"  {features:3} features: {best[None]:.2f} without, {best['conditional']:.2f} with")


def main(arguments: list[str]) -> int:
    """Print the tables; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description="Joint drift.")
    parts = ("flip", "null", "bits", "cost", "seasons")
    parser.add_argument("--quick", action="store_true", help="ten flips, an hour of the null month, a week of seasons")
    parser.add_argument("--only", nargs="*", choices=parts, default=parts)
    parser.add_argument("--pane", type=int, default=1, help="minutes of a pane of the null month")
    given = parser.parse_args(arguments)
    show()
    kept = True
    if "flip" in given.only:
        kept &= flip(10 if given.quick else 100)
    if "bits" in given.only:
        kept &= bits(3_000)
    if "cost" in given.only:
        cost(5 if given.quick else 20)
    if "seasons" in given.only:
        kept &= seasons(draw, RHO, 7 if given.quick else 42, 3 if given.quick else 24)
    if "null" in given.only:
        kept &= null(60 * given.pane if given.quick else 43_200, given.pane)
    print("\nall promises kept" if kept else "\nBROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
