"""Public reports that a stranger to the product tried: what is right of each was written down before it was run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sklearn.datasets
from report_inputs import LIVE, ROWS, START, STEP, Report, both, cars, csv, parquet, records, scored, wine
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = 86_400_000
TIMES = pd.to_datetime(START + STEP * np.arange(ROWS), unit="ms")


def written(text: Callable[[pd.DataFrame], str], suffix: str) -> Callable[[pd.DataFrame, Path], Path]:
    """A file of this text."""

    def write(table: pd.DataFrame, path: Path) -> Path:
        path = path.with_suffix(suffix)
        path.write_text(text(table))
        return path

    return write


def spark(table: pd.DataFrame, path: Path) -> Path:
    """As Spark writes Parquet: times of 96 bits."""
    path = path.with_suffix(".parquet")
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), path, use_deprecated_int96_timestamps=True)
    return path


def nanoseconds(table: pd.DataFrame, path: Path) -> Path:
    """Times to the nanosecond, without a zone."""
    path = path.with_suffix(".parquet")
    whole = pa.Table.from_pandas(table, preserve_index=False)
    at = whole.schema.get_field_index("timestamp")
    whole = whole.set_column(at, "timestamp", whole.column("timestamp").cast(pa.timestamp("ns")))
    pq.write_table(whole, path, version="2.6")
    return path


def of_times_of_strangers() -> list[Report]:
    """Times as programs write them."""
    train, live = both(wine()[["alcohol", "hue"]])
    now = records(live)
    day_first = train.assign(timestamp=TIMES.strftime("%d/%m/%Y %H:%M:%S"))
    epochs = train.assign(crt_ts_epoch=[str(START // 1_000 + at) for at in range(ROWS)])
    hourly = pd.date_range("2026-03-25", periods=ROWS, freq="2min", tz="Europe/Berlin")
    mixed = train.assign(timestamp=[one.isoformat() for one in hourly])
    local = train.assign(timestamp=hourly.tz_localize(None))

    def with_one(odd: str) -> pd.DataFrame:
        return train.assign(timestamp=[odd if at == 7 else str(one) for at, one in enumerate(TIMES)])

    def by_day(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "timestamp": LIVE // DAY * DAY + DAY * (int(record["prediction_id"][1:]) // 50)}

    days = train.assign(timestamp=pd.to_datetime(START + DAY * (np.arange(ROWS) // 50), unit="ms"))
    return [
        Report("SQL: one time of 1970", with_one("1970-01-01"), now, csv(), said="1970-01-01"),
        Report("SQL: one time of 9999", with_one("9999-12-31"), now, parquet, said="9999-12-31"),
        Report("batches of a day", days, now, parquet, dress=by_day),
        Report("NannyML#104 days before months", day_first, now, csv(), refused=True, said="not a time"),
        Report("cudf#1499 Spark's times of 96 bits", train, now, spark),
        Report("SPARK-44988 nanoseconds without a zone", train, now, nanoseconds),
        Report("exmergo/dex#204 epochs as text", epochs, now, parquet, said="crt_ts_epoch"),
        Report("airbyte#23831 offsets that change in the file", mixed, now, csv(), blames=None),
        Report("numenta#751 local times over a change of clocks", local, now, csv(), blames=None, said="clocks"),
        Report("agent-starter-pack#927 ... in Parquet", local, now, parquet, blames=None, said="clocks"),
    ]


def of_cells_of_strangers() -> list[Report]:
    """Cells that are not what they look like."""
    train, live = both(cars()[["Origin", "Weight_in_lbs"]])
    now, turn = records(live), np.arange(ROWS)
    people = np.array([100_000, 200_000, 300_000, 450_000])[turn % 4]
    in_r = [f"{one:.0e}" if one % 100_000 == 0 else str(one) for one in people]
    invoices = [f"{'C' if at % 9 == 0 else ''}{536_000 + at}" for at in range(ROWS)]
    codes = np.array([1, 2, 3], dtype=object)[turn % 3]
    both_ways = [str(one) if at % 2 else one for at, one in enumerate(codes)]
    far = [str(10**20 + one) for one in (turn % 4).tolist()]
    flags = np.where(turn % 3, "Y", "N")
    blanks = live["Origin"].where(turn % 10 > 0, "").tolist()
    return [
        Report(
            "readr#765 100000 as 1e+05, a number",
            train.assign(people=in_r),
            records(live.assign(people=people)),
            csv(),
            kinds={"people": "numeric"},
            as_written=False,
        ),
        Report(
            "turicreate#885 100000 as 1e+05, a code",
            train.assign(people=in_r),
            records(live.assign(people=people)),
            csv(),
            ("--categorical", "people"),
            kinds={"people": "categorical"},
        ),
        Report(
            "sweetviz#3 invoices, some with a C",
            train.assign(InvoiceNo=invoices),
            now,
            csv(),
            said="InvoiceNo",
        ),
        Report(
            "skrub#622 a code as number and as text",
            train.assign(code=both_ways),
            records(live.assign(code=codes[::-1])),
            written(lambda table: "".join(f"{row}\n" for row in map(json.dumps, rows_of(table))), ".jsonl"),
            ("--categorical", "code"),
            kinds={"code": "categorical"},
        ),
        Report(
            "readr#976 ids of 21 digits",
            train.assign(scholar=far),
            [{**row, "scholar": int(one)} for row, one in zip(now, far, strict=True)],
            csv(),
            ("--categorical", "scholar"),
            kinds={"scholar": "categorical"},
        ),
        Report(
            "pandas#31821 a code that becomes 1.05514380400001E+016",
            train.assign(code=np.where(turn % 2, "10551438040000064", "10551438040000011")),
            records(live.assign(code=np.where(turn % 2, "1.05514380400001E+016", "10551438040000011"))),
            csv(),
            ("--categorical", "code"),
            blames="code",
        ),
        Report(
            "fg-data-profiling#675 few numbers stored as text",
            train.assign(doors=np.array(["2", "4", "5"])[turn % 3]),
            records(live.assign(doors=np.array([2, 4, 5])[turn % 3])),
            parquet,
            kinds={"doors": "categorical"},
        ),
        Report(
            "great_expectations#1535 empty text in both",
            train.assign(Origin=train["Origin"].where(turn % 10 > 0, "")),
            [{**row, "Origin": one} for row, one in zip(now, blanks, strict=True)],
            parquet,
        ),
        Report(
            "Oracle's Y and N",
            train.assign(flag=flags),
            records(live.assign(flag=flags == "Y")),
            csv(),
        ),
        Report(
            "a later service writes age for Age",
            train.rename(columns={"Weight_in_lbs": "Weight"}),
            records(live.rename(columns={"Weight_in_lbs": "weight"})),
            csv(),
            blames="Weight",
        ),
        Report(
            "NumPy 2: np.float64(1.5)",
            train,
            [{**row, "Weight_in_lbs": f"np.float64({row['Weight_in_lbs']})"} for row in now],
            csv(),
            blames="Weight_in_lbs",
        ),
    ]


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them, times in milliseconds."""
    return [{**row, "timestamp": int(row["timestamp"].timestamp() * 1e3)} for row in table.to_dict("records")]


def of_labels_of_strangers() -> list[Report]:
    """Labels and scores."""
    table = sklearn.datasets.load_breast_cancer(as_frame=True).frame[["mean radius", "mean texture"]]
    train, live = both(table)
    now = records(live)
    (score, truth), (later, came) = scored(train, 3), scored(live, 4)
    random = np.random.default_rng(8)
    land = np.array(["water", "desert", "green area", "clouds"])
    was, are = random.integers(0, 4, ROWS), random.integers(0, 4, ROWS)
    old, new = (0.4 * random.dirichlet([1] * 4, ROWS) + 0.6 * np.eye(4)[of] for of in (was, are))
    each = {f"pred_proba_{at}": old[:, at] for at in range(4)}
    words = np.array(["foo", "bar", "101", "102"])
    income = np.array(["<=50K", ">50K"])
    share, shares = score.round(3), later.round(3)
    loans = {"said": lambda r: accuracy_score(are[r], new[r].argmax(1))}
    return [
        Report(
            "NannyML#346 scores by number, labels by name",
            train.assign(prediction=land[old.argmax(1)], label=land[was], **each),
            now,
            csv(),
            (),
            land[new.argmax(1)].tolist(),
            land[are].tolist(),
            figures={"accuracy": loans["said"]},
            said="scores of the classes.*pred_proba_0, pred_proba_1, pred_proba_2, pred_proba_3",
        ),
        Report(
            "evidently#1085 classes of which some are digits",
            train.assign(prediction=words[old.argmax(1)], label=words[was]),
            now,
            csv(),
            (),
            words[new.argmax(1)].tolist(),
            words[are].tolist(),
            figures={"accuracy": loans["said"]},
        ),
        Report(
            "machinelearning#3773 classes in another order than their names",
            train.assign(prediction=list(old), label=land[was]),
            now,
            parquet,
            ("--classes", ",".join(land)),
            new.tolist(),
            land[are].tolist(),
            figures={
                "accuracy": loans["said"],
                "log_loss": lambda r: log_loss(are[r], new[r], labels=[0, 1, 2, 3]),
            },
            within=1e-4,
        ),
        Report(
            "responsible-ai-toolbox#903 labels <=50K and >50K",
            train.assign(prediction=score, label=income[truth]),
            now,
            csv(),
            ("--positive", ">50K"),
            later.tolist(),
            income[came].tolist(),
            figures={"accuracy": lambda r: accuracy_score(came[r], later[r] >= 0.5)},
        ),
        Report(
            "pycaret#718 labels are numbers, predictions their text",
            train.assign(prediction=(score >= 0.5).astype(int).astype(str), label=truth),
            now,
            parquet,
            ("--task", "binary"),
            (later >= 0.5).astype(int).astype(str).tolist(),
            came.tolist(),
            figures={"accuracy": lambda r: accuracy_score(came[r], later[r] >= 0.5)},
        ),
        Report(
            "float16 scores",
            train.assign(prediction=score.astype("float16").astype("float32"), label=truth),
            now,
            parquet,
            (),
            [float(one) for one in later.astype("float16")],
            came.tolist(),
            figures={"auc": lambda r: roc_auc_score(came[r], later.astype("float16")[r])},
            within=0.005,
        ),
        Report(
            "deepchecks: labels as lists of 0 and 1",
            train.assign(prediction=list(old), label=list(np.eye(4)[was])),
            now,
            parquet,
            refused=True,
            said="lists",
        ),
        Report(
            "shares as labels of a model whose values are shares",
            train.assign(prediction=share, label=(share * 0.9).round(3)),
            now,
            csv(),
            (),
            shares.tolist(),
            (shares * 0.9).round(3).tolist(),
            blames=None,
            said="(?i)labels are not used|regression",
        ),
        Report(
            "binary scores in two columns, prediction and 1 - prediction",
            train.assign(prediction=score, prob_0=1 - score, prob_1=score, label=truth),
            now,
            csv(),
            (),
            later.tolist(),
            came.tolist(),
            figures={"auc": lambda r: roc_auc_score(came[r], later[r])},
            within=0.005,
            said="scores of the classes.*prob_0, prob_1",
        ),
        *(
            Report(
                f"pandas: ids that became floats, in {where}",
                train.assign(prediction=score, label=truth),
                now,
                csv(),
                (),
                later.tolist(),
                came.tolist(),
                figures={"auc": lambda r: roc_auc_score(came[r], later[r])},
                within=0.005,
                dress=lambda r: {**r, "prediction_id": int(r["prediction_id"][1:])},
                answer=floats,
            )
            for where, floats in {
                "messages": lambda r: {**r, "prediction_id": float(r["prediction_id"][1:])},
                "a table": lambda r: {
                    "prediction_id": float(r["prediction_id"][1:]),
                    "timestamp": r["timestamp"],
                    "label": r["label"],
                },
            }.items()
        ),
        Report(
            "SDMetrics: rows are there twice, ids too",
            pd.concat([train[: ROWS // 2], train[: ROWS // 2]]).assign(
                prediction_id=[f"t{at % (ROWS // 2)}" for at in range(ROWS)]
            ),
            now,
            csv(),
            said=f"{ROWS // 2:,} of {ROWS:,} rows bear a `prediction_id`",
            blames=None,
        ),
    ]
