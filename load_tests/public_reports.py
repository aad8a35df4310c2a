"""Inputs of the kinds that public bug reports of this field are about, on real tables, through `init` and `replay`.

    python load_tests/public_reports.py [--only TEXT]

Each report (its number is beside it) became one small input: a table of scikit-learn, statsmodels or vega_datasets is
written as its reporter had it, a config made with `init`, and predictions as an encoder would send them replayed.
Wanted is silence where nothing changed, the column named where one did, and scikit-learn's or pandas' figure where a
figure is asked for. Prints a line for each, exits 1 where one is not as wanted. `pip install '.[zoo]'`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import sys
import tempfile
import unicodedata
import warnings
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sklearn.datasets
from sklearn.metrics import accuracy_score, mean_absolute_error, precision_score, roc_auc_score

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [place for place in (str(ROOT),) if place not in sys.path]

from stream.cli.app import app  # noqa: E402
from stream.errors import UsageError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROWS = 3_000
STEP = 2_000
START = 1_767_225_600_000 // STEP * STEP
LIVE = START + 40 * 86_400_000


@dataclass
class Report:
    """One input and what is wanted of it.

    Attributes:
        source: of the report.
        train: rows of the reference; without a time column one is added.
        live: features of each prediction.
        write: writes `train`; its name ends in the suffix.
        asks: further options of `init`.
        predictions: of the live rows.
        labels: of the live rows.
        kinds: feature -> "numeric" or "categorical".
        blames: the feature that an alert must be headed by; "" for no alert at all; None for whatever.
        figures: metric of performance -> its value for some of the live rows.
        said: what `init` must say, a pattern; "" for whatever.
        refused: `init` must end with 2.
        within: figures may be off by so much.
    """

    source: str
    train: pd.DataFrame
    live: Sequence[dict[str, Any]]
    write: Callable[[pd.DataFrame, Path], Path]
    asks: tuple[str, ...] = ()
    predictions: Sequence[Any] | None = None
    labels: Sequence[Any] | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    blames: str | None = ""
    figures: dict[str, Callable[[slice], float]] = field(default_factory=dict)
    said: str = ""
    refused: bool = False
    within: float = 1e-9


def parquet(table: pd.DataFrame, path: Path) -> Path:
    """As pandas writes it."""
    path = path.with_suffix(".parquet")
    table.to_parquet(path)
    return path


def arrow(**types: pa.DataType) -> Callable[[pd.DataFrame, Path], Path]:
    """As Arrow writes it, with these types."""

    def write(table: pd.DataFrame, path: Path) -> Path:
        whole = pa.Table.from_pandas(table, preserve_index=False)
        for name, kind in types.items():
            at = whole.schema.get_field_index(name)
            whole = whole.set_column(at, name, pa.array(table[name].tolist(), kind))
        pq.write_table(whole, path.with_suffix(".parquet"))
        return path.with_suffix(".parquet")

    return write


def csv(**options: Any) -> Callable[[pd.DataFrame, Path], Path]:
    """As pandas writes it, with these options."""

    def write(table: pd.DataFrame, path: Path) -> Path:
        path = path.with_suffix(".csv")
        table.to_csv(path, index=False, **options)
        return path

    return write


def commas_and_spaces(table: pd.DataFrame, path: Path) -> Path:
    """As the census of 1994 was published."""
    written = csv()(table, path)
    written.write_text(written.read_text().replace(",", ", "))
    return written


def jsonl(table: pd.DataFrame, path: Path) -> Path:
    """One object a line; gaps are absent."""
    path = path.with_suffix(".jsonl")
    rows = ({k: plain(v) for k, v in row.items() if plain(v) is not None} for row in table.to_dict("records"))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat() + "Z"
    return value.item() if isinstance(value, np.generic) else value


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as features of predictions."""
    return [{name: plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def drawn(table: pd.DataFrame, seed: int, rows: int = ROWS) -> pd.DataFrame:
    """So many rows of a table, with repetition."""
    return table.sample(rows, replace=True, random_state=seed).reset_index(drop=True)


def both(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows for the reference and for live traffic."""
    return drawn(table, 1), drawn(table, 2)


def cars() -> pd.DataFrame:
    """Vega's cars: gaps, categories, whole numbers."""
    from vega_datasets import local_data  # noqa: PLC0415

    table = local_data.cars()
    return table[["Origin", "Horsepower", "Cylinders", "Displacement", "Miles_per_Gallon", "Weight_in_lbs"]]


def wine() -> pd.DataFrame:
    """scikit-learn's wine, without its classes."""
    return sklearn.datasets.load_wine(as_frame=True).frame.drop(columns="target")


def fair() -> pd.DataFrame:
    """Statsmodels' affairs."""
    from statsmodels.datasets import fair as data  # noqa: PLC0415

    return data.load_pandas().data


def scored(table: pd.DataFrame, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Scores of a plausible model and what came true."""
    rng = np.random.default_rng(seed)
    score = np.round(rng.beta(2, 3, len(table)), 3)
    return score, (rng.random(len(table)) < score).astype(int)


def reports() -> list[Report]:
    """All of them."""
    return [*of_types(), *of_gaps(), *of_texts(), *of_labels(), *of_shapes()]


def of_types() -> list[Report]:
    """Types of columns."""
    found = []
    train, live = both(fair()[["occupation", "age"]])
    for table in (train, live):
        table["occupation"] = [f"{int(value):02}" for value in table["occupation"]]
    found.append(
        Report(
            "DataProfiler#1130 codes with leading zeros",
            train,
            records(live),
            parquet,
            kinds={"occupation": "categorical"},
        )
    )
    train, live = both(fair()[["occupation", "age"]])
    padded = train.assign(occupation=[f"{int(value):02}" for value in train["occupation"]])
    found.append(
        Report(
            "DataProfiler#1130 ... that a service sends as numbers", padded, records(live), parquet, blames="occupation"
        )
    )
    train, live = both(wine()[["alcohol", "hue"]])
    dec = train.assign(alcohol=[Decimal(f"{value:.5f}") for value in train["alcohol"]])
    found.append(
        Report(
            "whylogs#620 decimals are fractional",
            dec,
            [{**row, "alcohol": f"{row['alcohol']:.5f}"} for row in records(live)],
            arrow(alcohol=pa.decimal128(10, 5)),
            kinds={"alcohol": "numeric"},
        )
    )
    train, live = both(wine()[["hue", "ash"]].round(1))
    noisy = live.assign(hue=live["hue"] * (1 + 1e-7 * np.random.default_rng(0).standard_normal(len(live))))
    found.append(
        Report(
            "NannyML#397 few distinct values of a continuous column",
            train,
            records(noisy),
            parquet,
            kinds={"hue": "numeric"},
        )
    )
    base = pd.DataFrame({"id": 1610521604143693812 + np.arange(8), "n": np.arange(8.0)})
    train, live = both(base)
    moved = live.assign(id=np.where(live["id"] % 2 == 0, live["id"], live["id"] - 1))
    asks = ("--categorical", "id")
    found += [
        Report("pandas#33766 ids beyond 2^53", train, records(live), parquet, asks, kinds={"id": "categorical"}),
        Report("pandas#33766 ... of which half are gone", train, records(moved), parquet, asks, blames="id"),
        Report("pandas#52505 ... in a CSV", train, records(live), csv(), asks, kinds={"id": "categorical"}),
        Report(
            "pandas#44684 ... as text of JSON",
            train.assign(id=train["id"].astype(str)),
            [{**row, "id": str(row["id"])} for row in records(live)],
            jsonl,
            asks,
            kinds={"id": "categorical"},
        ),
    ]
    train, live = both(cars()[["Cylinders", "Weight_in_lbs"]])
    flags = pd.get_dummies(train["Cylinders"], prefix="c").astype("uint8").join(train[["Weight_in_lbs"]])
    now = pd.get_dummies(live["Cylinders"], prefix="c").join(live[["Weight_in_lbs"]])
    found.append(Report("evidently#1456 one-hot 0/1, live true/false", flags, records(now), parquet))
    return found


def of_gaps() -> list[Report]:
    """Missing, constant and infinite values."""
    found = []
    table = cars()
    train, live = both(table)
    holes = train.assign(Origin=train["Origin"].astype("string").where(np.arange(ROWS) % 20 > 0, pd.NA))
    now = live.assign(Origin=live["Origin"].astype("string").where(np.arange(ROWS) % 20 > 0, pd.NA))
    found += [
        Report("evidently#1616 pd.NA among texts", holes, records(now), parquet, kinds={"Origin": "categorical"}),
        Report(
            "deepchecks#1842 None among categories, absent live",
            holes,
            [{k: v for k, v in row.items() if v is not None} for row in records(now)],
            csv(),
        ),
        Report(
            "evidently#937 nullable Int64",
            train.assign(Cylinders=train["Cylinders"].astype("Int64")),
            records(live),
            parquet,
        ),
        Report(
            "tfdv#63 a whole number that is suddenly 0",
            train,
            records(live.assign(Cylinders=0)),
            parquet,
            blames="Cylinders",
        ),
        Report(
            "tfdv#131 a constant that changes",
            train.assign(plant=50),
            records(live.assign(plant=1_000_000)),
            parquet,
            blames="plant",
        ),
        Report("tfdv#131 a constant that stays", train.assign(plant=0.1), records(live.assign(plant=0.1)), csv()),
        Report(
            "pandera#1089 a column without any value", train.assign(late=pd.NaT), records(live), parquet, said="late"
        ),
        Report(
            "pandera#768 a misspelt category",
            train.assign(Origin=train["Origin"].astype("category")),
            records(live.assign(Origin=live["Origin"].where(np.arange(ROWS) % 8 > 0, "Japn"))),
            parquet,
            blames="Origin",
        ),
    ]
    inf = train.assign(ratio=train["Weight_in_lbs"] / np.where(np.arange(ROWS) % 50 == 0, 0, 100.0))
    ratio = live["Weight_in_lbs"] / np.where(np.arange(ROWS) % 50 == 0, np.nan, 100.0)
    found.append(
        Report(
            "evidently#603 infinite values in the reference, null live",
            inf,
            records(live.assign(ratio=ratio)),
            parquet,
            blames=None,
            said="ratio",
        )
    )
    mixed = train.assign(turbo=pd.Series([None if n % 10 == 0 else bool(n % 3) for n in range(ROWS)], dtype="object"))
    now = live.assign(turbo=pd.Series([None if n % 10 == 0 else bool(n % 3) for n in range(ROWS)], dtype="object"))
    found += [
        Report("nkululeko#239 booleans with gaps, CSV", mixed, records(now), csv(), kinds={"turbo": "categorical"}),
        Report("nkululeko#239 booleans with gaps, JSON", mixed, records(now), jsonl, kinds={"turbo": "categorical"}),
    ]
    return found


def of_texts() -> list[Report]:
    """Numbers and names in text."""
    found = []
    train, live = both(cars()[["Weight_in_lbs", "Origin"]])
    comma = train.assign(
        Weight_in_lbs=[f"{value:,.2f}".translate(str.maketrans(",.", ".,")) for value in train["Weight_in_lbs"]]
    )
    found += [
        Report(
            "dataprof#437 1.234,56 in a CSV with semicolons",
            comma,
            records(live),
            csv(sep=";"),
            blames=None,
            said="Weight_in_lbs",
        ),
        Report(
            "great_expectations#313 thousands with commas",
            train.assign(Weight_in_lbs=[f"{v:,}" for v in train["Weight_in_lbs"]]),
            records(live),
            csv(),
            blames=None,
            said="Weight_in_lbs",
        ),
    ]
    place = {"USA": "US", "Europe": "NA", "Japan": "JP"}
    names = train.assign(Origin=train["Origin"].map(place))
    now = live.assign(Origin=live["Origin"].map(place))
    found += [
        Report(
            "spark-expectations#170 NA is Namibia, in a CSV",
            names,
            records(now),
            csv(),
            kinds={"Origin": "categorical"},
        ),
        Report(
            "spark-expectations#170 NA is Namibia, Parquet",
            names,
            records(now),
            parquet,
            kinds={"Origin": "categorical"},
        ),
    ]
    spaced = train.assign(Origin=[f" {value}" for value in train["Origin"]])
    found.append(Report("adult census: a space after each comma", train, records(live), commas_and_spaces))
    found.append(
        Report("... in one column only: other names", spaced, records(live), csv(), blames="Origin", said="space")
    )
    accents = {"USA": "S\u00e3o Paulo", "Europe": "Malm\u00f6", "Japan": "K\u014dbe"}
    nfc = train.assign(Origin=train["Origin"].map(accents))
    nfd = live.assign(Origin=[unicodedata.normalize("NFD", accents[value]) for value in live["Origin"]])
    found.append(Report("NFC in the reference, NFD live", nfc, records(nfd), csv(), blames="Origin"))
    found.append(
        Report("Excel: UTF-16 with tabs", train, records(live), csv(sep="\t", encoding="utf-16"), said="(?i)utf-?16")
    )
    found.append(Report("Excel: a byte order mark", train, records(live), csv(encoding="utf-8-sig")))
    sci = train.assign(Weight_in_lbs=[f"{value:.3e}" for value in train["Weight_in_lbs"]])
    rounded = live.assign(Weight_in_lbs=[float(f"{value:.3e}") for value in live["Weight_in_lbs"]])
    found.append(Report("R: numbers as 3.504e+03", sci, records(rounded), csv(), kinds={"Weight_in_lbs": "numeric"}))
    return found


def of_labels() -> list[Report]:
    """Labels, scores and classes."""
    found = []
    table = sklearn.datasets.load_breast_cancer(as_frame=True).frame[["mean radius", "mean texture"]]
    train, live = both(table)
    (score, truth), (now, came) = scored(train, 3), scored(live, 4)
    rows = train.assign(prediction=score, label=truth.astype(bool))
    areas = {"auc": lambda rows: roc_auc_score(came[rows], now[rows])}
    performance: dict[str, Any] = {"predictions": now.tolist(), "figures": areas, "within": 0.005}
    found += [
        Report(
            "evidently#1603 booleans as labels",
            rows,
            records(live),
            parquet,
            labels=came.astype(bool).tolist(),
            **performance,
        ),
        Report(
            "evidently#1603 ... as Python writes them to CSV",
            rows,
            records(live),
            csv(),
            labels=[str(bool(v)) for v in came],
            **performance,
        ),
    ]
    other = train.assign(p_hat=score, outcome=truth)
    asks = ("--prediction", "p_hat", "--label", "outcome", "--threshold", "0.3")

    def right(rows: slice) -> float:
        return float(precision_score(came[rows], now[rows] >= 0.3))

    found.append(
        Report(
            "evidently#846 names of one's own, threshold 0.3",
            other,
            records(live),
            csv(),
            asks,
            now.tolist(),
            came.tolist(),
            figures={"precision": right},
        )
    )
    table = sklearn.datasets.load_diabetes(as_frame=True, scaled=False).frame
    train, live = both(table)
    rng = np.random.default_rng(5)
    numbers = live["target"]
    guess = np.round(live["target"] + rng.normal(0, 20, ROWS))
    rows = train.rename(columns={"target": "label"}).assign(
        prediction=np.round(train["target"] + rng.normal(0, 20, ROWS))
    )
    found.append(
        Report(
            "whylogs#301 whole numbers of a regression",
            rows,
            records(live.drop(columns="target")),
            csv(),
            predictions=guess.astype(int).tolist(),
            labels=live["target"].astype(int).tolist(),
            figures={"mae": lambda rows: mean_absolute_error(numbers[rows], guess[rows])},
            within=1e-6,
        )
    )
    table = sklearn.datasets.load_iris(as_frame=True).frame
    train, live = both(table)
    said = np.where(rng.random(ROWS) < 0.9, live["target"], (live["target"] + 1) % 3)
    rows = train.rename(columns={"target": "label"})
    rows["prediction"] = np.where(rng.random(ROWS) < 0.9, rows["label"], (rows["label"] + 1) % 3)
    features = records(live.drop(columns="target"))
    classes = live["target"]
    figure = {"accuracy": lambda rows: accuracy_score(classes[rows], said[rows])}
    task = ("--task", "multiclass")
    found += [
        Report(
            "NannyML#347 classes 0..2, live as floats",
            rows,
            features,
            parquet,
            task,
            said.astype(float).tolist(),
            live["target"].astype(str).tolist(),
            figures=figure,
        ),
        Report(
            "tfx#819 classes that became floats in the reference",
            rows.astype({"label": float, "prediction": float}),
            features,
            csv(),
            task,
            said.tolist(),
            live["target"].tolist(),
            figures=figure,
        ),
    ]
    one = train.drop(columns="target").assign(prediction=score, label=1)
    found.append(
        Report("evidently#1647 all labels are of one class", one, features, parquet, blames=None, said="(?i)label")
    )
    return found


def of_shapes() -> list[Report]:
    """Shapes of files and columns."""
    found = []
    train, live = both(cars())
    times = pd.to_datetime(START + STEP * np.arange(ROWS), unit="ms")
    found.append(
        Report(
            "pandera#518 times of a zone",
            train.assign(timestamp=times.tz_localize("UTC").tz_convert("Europe/Berlin")),
            records(live),
            parquet,
        )
    )
    found.append(
        Report("pandera#1246 the time is the index", train.set_index(times.rename("timestamp")), records(live), parquet)
    )
    found.append(Report("rows newest first", train.assign(timestamp=times)[::-1], records(live), csv()))
    odd = {"Origin": "from.where", "Horsepower": "power: hp", "Weight_in_lbs": "weight (lbs)", "Cylinders": "#cyl"}
    found.append(
        Report(
            "fg-data-profiling#461 names with points, colons, brackets",
            train.rename(columns=odd),
            records(live.rename(columns=odd)),
            csv(),
        )
    )
    kinds = train[["Weight_in_lbs"]].assign(
        day=pd.to_datetime("2026-01-01").date(),
        took=pd.to_timedelta(np.arange(ROWS), unit="s"),
        tags=[["a", "b"]] * ROWS,
        blob=[b"\x00\x01"] * ROWS,
    )
    found.append(
        Report(
            "kaskada#318 dates, durations, lists, bytes", kinds, records(live[["Weight_in_lbs"]]), parquet, said="tags"
        )
    )
    found.append(
        Report("multi-index of pandas", train.set_index(["Origin", "Cylinders"]), records(live), parquet, blames=None)
    )
    found.append(Report("two rows", train[:2], records(live), csv(), blames=None))
    found.append(Report("no rows", train[:0], records(live), csv(), refused=True, said="no rows|no predictions|column"))
    return found


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
    config = where / "made" / "driftgauge.yaml"
    code, told = run("check", config)
    if code:
        return f"check ended with {code}: {told[-300:]}"
    features = json.loads((where / "made" / "m.reference.json").read_text())["reference"]["features"]
    for name, kind in one.kinds.items():
        if name not in features or ("edges" in features[name]) != (kind == "numeric"):
            return f"{name} is not {kind}: {str(features.get(name))[:100]}; {said[-300:]}"
    write_live(one, where)
    paths = ["--predictions", where / "predictions.jsonl"]
    if one.labels is not None:
        paths += ["--feedback", where / "feedback.jsonl", "--set", "models.0.performance.label_delay=1m"]
    code, told = run("replay", "--config", config, *paths, "--out", where / "out", "--evaluations", "changes")
    return f"replay ended with {code}: {told[-300:]}" if code else found_wrong(one, where / "out")


def write_live(one: Report, where: Path) -> None:
    """The live rows as predictions, and their labels as feedback."""
    with (where / "predictions.jsonl").open("w") as file:
        for at, features in enumerate(one.live):
            row = {"model": "m", "prediction_id": f"p{at}", "timestamp": LIVE + STEP * at, "features": features}
            if one.predictions is not None:
                row["prediction"] = one.predictions[at]
            file.write(json.dumps(row) + "\n")
    with (where / "feedback.jsonl").open("w") as file:
        for at, label in enumerate(one.labels or ()):
            row = {"model": "m", "prediction_id": f"p{at}", "timestamp": LIVE + STEP * at + 1_000, "label": label}
            file.write(json.dumps(row) + "\n")


def found_wrong(one: Report, out: Path) -> str:
    """What the replay found that is not as wanted."""
    dead = lines(out / "dead_letters.jsonl")
    if dead and one.blames == "":
        return f"{len(dead)} dead letters: {dead[0]['reason']}: {dead[0].get('detail')}"
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


def main() -> int:
    """Run them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default="")
    only = parser.parse_args().only
    warnings.simplefilter("ignore")
    wrong = count = 0
    for one in reports():
        if only not in one.source:
            continue
        count += 1
        with tempfile.TemporaryDirectory() as where:
            try:
                found = judge(one, Path(where))
            except Exception as error:  # noqa: BLE001 - every exception is a finding
                found = f"{type(error).__name__}: {str(error)[:300]}"
        wrong += bool(found)
        print(f"{'WRONG' if found else 'ok':6}{one.source}{': ' + found if found else ''}", flush=True)
    print(f"{count} inputs, {wrong} not as wanted")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
