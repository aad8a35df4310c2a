"""One pair of 50 features turns its correlation around: driftgauge beside Alibi-Detect on the same windows.

    python load_tests/joint_alibi.py [--quick] [--windows N] [--peers DIRECTORY]

Every margin stays as it was: rho 0.8 becomes -0.8 between two of 50 normal features (the others go in pairs of 0.5).
Windows of 2,000 rows, half of them healthy, half broken, from the same draws for both.

- driftgauge: the `conditional` method and the autoencoder of `reference build`; detected where a lower bound of a
  ratio is past 1.5 at the level of a config with the default promise (1e-8).
- Alibi-Detect: OutlierAE (50-25-6-25-50, ReLU, its default training, 30 epochs), by the rule of a mean error past 1.5
  times that of the reference, and by the share of outliers past its threshold of the 99th percentile, twice that of the
  reference; KSDrift, MMDDrift and ClassifierDrift by their defaults (p < 0.05, MMD against 2,000 rows).

Prints false alarms among the healthy windows, detections among the broken ones, whether the right pair is named where
features are, and rows a second of CPU. Alibi-Detect gets a virtual environment of its own (TensorFlow: 2 GB), by uv or
venv and pip, in --peers (kept) or in a temporary directory; without it, it is left out.

Exits 1 when a promise is broken: a false alarm of driftgauge's, or a broken window that it does not name.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joint import ALPHA, RHO, ROWS, draw, joint_of, reference
from machine import show
from weeks import interpreter, timed

from windows.joint.measure import ratios
from windows.joint.reconstruct import errors, sums

if TYPE_CHECKING:
    from windows.joint.reconstruct import Method

FEATURES = 50
HERE = Path(__file__).parent
LIMIT = 1.5


def ours(method: Method, windows: int) -> tuple[int, int, int, float]:
    """False alarms, detections, detections that name the pair first, and rows a second of CPU."""
    joint, none = joint_of(reference(FEATURES, method)), np.zeros((0, ROWS), dtype=np.int64)
    factor, rng = np.ones((1, FEATURES + 1)), np.random.default_rng(7)
    false = found = right = 0
    spent = 0.0
    for rho in (RHO, -RHO) * windows:
        x = draw(rng, FEATURES, ROWS, rho)
        began = time.process_time()
        table = ratios(joint, sums(errors(joint, x, none), np.zeros(ROWS, dtype=np.int64), 1), factor, ALPHA)
        spent += time.process_time() - began
        told = bool((table.lower[0] > LIMIT).any())
        false += told and rho > 0
        found += told and rho < 0
        right += told and rho < 0 and set(np.argsort(-table.value[0, :-1])[:2].tolist()) == {0, 1}
    return false, found, right, 2 * windows * ROWS / spent


def theirs(directory: Path, python: Path, windows: int) -> dict[str, dict[str, float]]:
    """Detector -> what it said of the same windows."""
    rng = np.random.default_rng(7)
    rows = {"reference": draw(np.random.default_rng(FEATURES), FEATURES, 60_000, RHO).T}
    for at, rho in enumerate((RHO, -RHO) * windows):
        rows[f"w{at}"] = draw(rng, FEATURES, ROWS, rho).T
    np.savez(directory / "rows.npz", **{name: values.astype(np.float32) for name, values in rows.items()})
    timed([str(python), str(HERE / "joint_alibi_peer.py"), str(directory)])
    found: dict[str, dict[str, float]] = json.loads((directory / "said.json").read_text())
    return found


def main(arguments: list[str]) -> int:
    """Print a line a detector; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description="A joint break, beside Alibi-Detect.")
    parser.add_argument("--quick", action="store_true", help="five windows of each kind, driftgauge alone")
    parser.add_argument("--windows", type=int, default=20, help="healthy ones, and as many broken ones")
    parser.add_argument("--peers", type=Path, help="directory of the peer's environment, kept")
    given = parser.parse_args(arguments)
    show()
    windows, kept = 5 if given.quick else given.windows, True
    print(f"\n{windows} healthy and {windows} broken windows of {ROWS:,} rows, {FEATURES} features")
    print("  detector                             false alarms   detected   right pair first   rows/s of CPU")
    for method in ("conditional", "autoencoder"):
        false, found, right, pace = ours(method, windows)
        print(f"  {'driftgauge, ' + method:36}{false:13}{found:11}{right:19}{pace:16,.0f}", flush=True)
        kept &= not false and (method != "conditional" or found == right == windows)
    if not given.quick:
        with tempfile.TemporaryDirectory() as temporary:
            python = interpreter(given.peers or Path(temporary), "alibi")
            said = {} if python is None else theirs(Path(temporary), python, windows)
        for name, line in said.items():
            right = "-" if line["right"] < 0 else f"{line['right']:.0f}"
            print(f"  {name:36}{line['false']:13.0f}{line['found']:11.0f}{right:>19}{line['pace']:16,.0f}")
        if not said:
            print("  Alibi-Detect: left out")
    print("\nall promises kept" if kept else "\nBROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
