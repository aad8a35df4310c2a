"""Performance without labels: ours and NannyML's on the same chunks, beside what the labels show and what is true.

    python load_tests/estimates.py [--datasets N] [--seed N] [--rows N] [--chunk N] [--nannyml-python PATH]

Data are simulated (`estimates_data.py`): models of scikit-learn, features that move from chunk to chunk, a relation
between features and label that stays. Ours come the way they do in a run: `reference build`, then the cells of every
prediction folded into the vector. Realised is scikit-learn on the drawn labels; truth is known to the simulation.

NannyML is imported where it is installed; with --nannyml-python another interpreter that has it is asked. Exits 1 when
the mean error of ours is larger than NannyML's by more than two standard errors of the paired difference.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from estimates_data import CLASSES, FEATURES, Data, binary, expected, multiclass, realised, regression
from machine import show

from stream.references.build import build
from stream.references.plan import BuildOptions
from stream.rows.columns import Column
from windows.estimates.estimate import Estimates
from windows.predictions.columns import Columns
from windows.predictions.fold import binning_of, fold
from windows.predictions.layout import layout_of
from windows.segments import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from estimates_data import Rows as Simulated

    from windows.arrays import FloatArray

CASES: dict[str, Callable[[int, int, int, list[float]], Data]] = {
    "binary, boosted model": lambda *given: binary(*given, "boosted"),
    "binary, logistic model": lambda *given: binary(*given, "logistic"),
    "binary, 2 % positive": lambda *given: binary(*given, "rare"),
    "multiclass, boosted model": lambda *given: multiclass(*given, "boosted"),
    "multiclass, logistic model": lambda *given: multiclass(*given, "logistic"),
    "regression, smooth noise": lambda *given: regression(*given, "smooth"),
    "regression, additive noise": lambda *given: regression(*given, "additive"),
    "regression, interacting noise": lambda *given: regression(*given, "interacting"),
}
SHIFTS = [0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0, -0.3, -0.6, -1.0]
ALPHA = 1e-2
NAMES = [f"f{at}" for at in range(FEATURES)]


class Given:
    """Simulated rows as a build reads them."""

    path = Path("simulated rows")

    def __init__(self, rows: Simulated) -> None:
        columns = {name: rows.features[:, at] for at, name in enumerate(NAMES)}
        many = rows.prediction.ndim > 1
        prediction = list(rows.prediction) if many else rows.prediction
        self.columns = (
            *(Column(name, "number") for name in NAMES),
            Column("prediction", "list" if many else "number"),
            Column("label", "number"),
        )
        label = rows.label.astype(np.int64) if many else rows.label
        self._batch = pa.record_batch({**columns, "prediction": pa.array(prediction), "label": label})

    def batches(self, names: Sequence[str]) -> Iterator[tuple[Any, float]]:
        """One batch with the named columns."""
        yield self._batch.select(list(names)), 1.0


class Ours:
    """driftgauge's estimates of one model."""

    def __init__(self, data: Data) -> None:
        self.task = data.task
        begin = time.perf_counter()
        options = BuildOptions("m", task=data.task)  # type: ignore[arg-type]
        self.reference = build(Given(data.reference), options).reference
        self.seconds = time.perf_counter() - begin
        self.layout = layout_of(self.reference)
        self.binning = binning_of(self.layout)
        if self.layout.estimate is None:
            raise SystemExit("the reference has no estimator")
        self.span = self.layout.estimate
        self.estimates = Estimates(self.span.estimator)

    def __call__(self, rows: Simulated) -> dict[str, tuple[float, float, float]]:
        """Metric -> value, lower and upper bound of a chunk."""
        count = len(rows.label)
        none = np.zeros(count, dtype=np.int64)
        numeric, codes, scores = [*rows.features.T], np.zeros((0, count), dtype=np.int64), None
        if self.task == "multiclass":
            categories = [int(name) for name in self.reference.prediction.categories]  # type: ignore[union-attr]
            scores = rows.prediction[:, categories]
            codes = scores.argmax(axis=1)[None, :]
        else:
            numeric.append(rows.prediction)
        columns = Columns(
            panes=none,
            versions=("1",),
            version=none,
            numeric=np.stack(numeric),
            categorical=codes,
            segments=np.zeros((0, count), dtype=np.int64),
            latency=np.full(count, np.nan),
            failed=None,
            probabilities=scores,
        )
        vector = fold(self.binning, columns)[0, "1", WHOLE]
        found = self.estimates(vector[None, self.span.start : self.span.stop], 1.0, ALPHA)
        return {
            name.removeprefix("estimated_"): (float(one.value[0]), float(one.lower[0]), float(one.upper[0]))
            for name, one in found.items()
        }


def frame(rows: Simulated) -> pd.DataFrame:
    """Rows as NannyML reads them."""
    columns: dict[str, FloatArray] = {name: rows.features[:, at] for at, name in enumerate(NAMES)}
    if rows.prediction.ndim > 1:
        columns |= {f"p{at}": rows.prediction[:, at] for at in range(CLASSES)}
        columns["predicted"] = rows.prediction.argmax(axis=1)
    else:
        columns["prediction"] = rows.prediction
        columns["predicted"] = (rows.prediction >= 0.5).astype(np.int64)
    classes = rows.prediction.ndim > 1 or set(np.unique(rows.label)) <= {0, 1}
    label = rows.label.astype(np.int64) if classes else rows.label
    return pd.DataFrame({**columns, "label": label})


def theirs(data: Data, chunk: int, python: str) -> tuple[dict[str, list[float]], float]:
    """Metric -> NannyML's estimates of the chunks; and the seconds it took."""
    with tempfile.TemporaryDirectory() as given:
        directory = Path(given)
        frame(data.reference).to_parquet(directory / "reference.parquet")
        pd.concat([frame(rows) for rows in data.chunks], ignore_index=True).to_parquet(directory / "chunks.parquet")
        (directory / "task.json").write_text(json.dumps({"task": data.task, "chunk": chunk}))
        begin = time.perf_counter()
        script = Path(__file__).with_name("estimates_nannyml.py")
        done = subprocess.run([python, str(script), str(directory)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"NannyML failed:\n{done.stderr[-2000:]}")
        return json.loads((directory / "estimates.json").read_text()), time.perf_counter() - begin


@dataclass
class Errors:
    """Mean absolute errors of one metric, a dataset an entry."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    ours_realised: list[float] = field(default_factory=list)
    theirs_realised: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)
    covered_realised: list[float] = field(default_factory=list)

    @property
    def excess(self) -> tuple[float, float]:
        """Mean paired difference, ours less theirs, and its standard error."""
        difference = np.array(self.ours) - np.array(self.theirs)
        deviation = float(difference.std(ddof=1) / np.sqrt(len(difference))) if len(difference) > 1 else float("inf")
        return float(difference.mean()), deviation


def main() -> int:
    """Print the tables; 1 when ours are worse."""
    options = _options()
    python = _nannyml(options.nannyml_python)
    show()
    worse = []
    for name, make in CASES.items():
        if options.case and options.case not in name:
            continue
        errors: dict[str, Errors] = {}
        times = []
        for number in range(options.datasets):
            data = make(options.seed + number, options.rows, options.chunk, SHIFTS)
            ours = Ours(data)
            guess, seconds = theirs(data, options.chunk, python) if python else ({}, float("nan"))
            times.append((ours.seconds, seconds))
            _compare(name if number == 0 else "", data, ours, guess, errors)
        worse += _summary(name, errors, times)
    print("\nno worse than NannyML" if python and not worse else f"\nworse: {', '.join(worse)}" if python else "")
    return 1 if worse else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--datasets", type=int, default=10)
    parser.add_argument("--seed", type=int, default=100, help="of the first; those below 20 served to choose constants")
    parser.add_argument("--rows", type=int, default=50_000, help="reference rows")
    parser.add_argument("--chunk", type=int, default=5_000)
    parser.add_argument("--case", default="", help="only cases whose name holds this")
    parser.add_argument("--nannyml-python", default="", help="an interpreter that has NannyML")
    return parser.parse_args()


def _nannyml(given: str) -> str:
    """The interpreter to ask; none when NannyML is nowhere."""
    if given:
        asked = subprocess.run([given, "-c", "import nannyml"], capture_output=True, text=True, check=False)
        if asked.returncode != 0:
            raise SystemExit(f"{given} cannot import nannyml: {asked.stderr.strip().splitlines()[-1]}")
        return given
    if importlib.util.find_spec("nannyml") is not None:
        return sys.executable
    print("NannyML is not installed here: only ours, realised and truth. Install it in an environment of its own")
    print("(pip install nannyml statsmodels) and name its interpreter with --nannyml-python.\n")
    return ""


def _compare(title: str, data: Data, ours: Ours, guess: dict[str, list[float]], errors: dict[str, Errors]) -> None:
    table: dict[str, list[list[float]]] = {}
    for at, rows in enumerate(data.chunks):
        estimated, truth, real = ours(rows), expected(data.task, rows), realised(data.task, rows)
        for metric, true in truth.items():
            value, lower, upper = estimated[metric]
            other = guess[metric][at] if guess else float("nan")
            table.setdefault(metric, []).append([value, lower, upper, other, real[metric], true])
    for metric, rows_of in table.items():
        value, lower, upper, other, real, true = np.array(rows_of).T
        found = errors.setdefault(metric, Errors())
        found.ours.append(float(np.abs(value - true).mean()))
        found.theirs.append(float(np.abs(other - true).mean()))
        found.ours_realised.append(float(np.abs(value - real).mean()))
        found.theirs_realised.append(float(np.abs(other - real).mean()))
        found.covered.append(float(((lower <= true) & (true <= upper)).mean()))
        found.covered_realised.append(float(((lower <= real) & (real <= upper)).mean()))
        if title:
            _chunks(f"{title}: {metric}", rows_of)


def _chunks(title: str, rows: list[list[float]]) -> None:
    print(f"\n{title}")
    print(f"{'shift':>7}{'ours':>10}{'lower':>10}{'upper':>10}{'NannyML':>10}{'realised':>10}{'truth':>10}")
    for shift, row in zip(SHIFTS, rows, strict=True):
        print(f"{shift:>7.2f}" + "".join(f"{value:>10.4f}" for value in row))


def _summary(name: str, errors: dict[str, Errors], times: list[tuple[float, float]]) -> list[str]:
    """Print the mean errors; the metrics in which ours are worse."""
    mine, other = np.array(times).mean(axis=0)
    print(f"\n{name}: mean |error| over {len(times)} datasets of {len(SHIFTS)} chunks", end="; ")
    print(f"fit {mine:.1f} s, NannyML with estimating {other:.1f} s")
    heads = ("ours", "NannyML", "ratio", "difference", "+-", "ours|real", "Nanny|real", "truth in", "real in")
    print(f"{'against truth':>14}" + "".join(f"{head:>11}" for head in heads))
    worse = []
    for metric, found in errors.items():
        difference, deviation = found.excess
        ours, nanny = float(np.mean(found.ours)), float(np.mean(found.theirs))
        parts = [ours, nanny, ours / nanny, difference, deviation]
        parts += [float(np.mean(part)) for part in (found.ours_realised, found.theirs_realised)]
        shares = [float(np.mean(part)) for part in (found.covered, found.covered_realised)]
        print(f"{metric:>14}" + "".join(f"{part:>11.5f}" for part in parts) + "".join(f"{s:>11.1%}" for s in shares))
        if difference > 2 * deviation:
            worse.append(f"{name}: {metric}")
    return worse


if __name__ == "__main__":
    sys.exit(main())
