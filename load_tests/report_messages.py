"""Public reports about messages of services, as encoders write them."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from report_inputs import ROWS, Report, both, cars, csv, parquet, records

if TYPE_CHECKING:
    from collections.abc import Callable


def stamped(write: Callable[[datetime], Any]) -> Callable[[dict[str, Any]], Any]:
    """Messages with times as an encoder writes them."""

    def dress(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "timestamp": write(datetime.fromtimestamp(record["timestamp"] / 1e3, UTC))}

    return dress


def tenth(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Every tenth message changed."""
    return lambda record: change(record) if record["prediction_id"].endswith("0") else record


def of_encoders() -> list[Report]:
    """Messages as encoders write them."""
    train, live = both(cars()[["Origin", "Cylinders", "Weight_in_lbs"]].dropna())
    now = records(live)
    spelled: dict[str, Callable[[datetime], Any]] = {
        "Python str()": str,
        "Python isoformat() of a naive time": lambda t: t.replace(tzinfo=None).isoformat(),
        "Java OffsetDateTime without seconds": lambda t: f"{t:%Y-%m-%dT%H:%M}Z",
        "Java ZonedDateTime": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}Z[UTC]",
        "Jackson's Date": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}.000+0000",
        "Jackson's Instant": lambda t: t.timestamp() + 0.123456789,
        "Go": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}.123456789Z",
        "Go in Berlin": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}.1+00:00",
        "JavaScript": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}.000Z",
        "C# of seven decimals": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}.0000000Z",
        "Ruby": lambda t: f"{t:%Y-%m-%d %H:%M:%S} UTC",
        "PostgreSQL": lambda t: f"{t:%Y-%m-%d %H:%M:%S}+00",
        "a space before the offset": lambda t: f"{t:%Y-%m-%d %H:%M:%S} +00:00",
        "Log4j": lambda t: f"{t:%Y-%m-%d %H:%M:%S},123",
        "text of milliseconds": lambda t: str(int(t.timestamp() * 1e3)),
        "text of seconds with fractions": lambda t: str(t.timestamp()),
        "nanoseconds": lambda t: int(t.timestamp()) * 1_000_000_000,
        "microseconds as a float": lambda t: t.timestamp() * 1e6,
        "small z and t": lambda t: f"{t:%Y-%m-%dt%H:%M:%S}z",
    }
    found = [Report(f"stamps: {name}", train, now, csv(), dress=stamped(how)) for name, how in spelled.items()]
    nfd = {name: unicodedata.normalize("NFD", name) for name in ("größe", "Öl")}
    named = {"Weight_in_lbs": "größe", "Cylinders": "Öl"}
    found += [
        Report(
            "keys in NFD, the reference in NFC",
            train.rename(columns=named),
            records(live.rename(columns=named).rename(columns=nfd)),
            csv(),
            blames=None,
        ),
        Report(
            "escapes of all that is not ASCII", train.rename(columns=named), records(live.rename(columns=named)), csv()
        ),
        Report(
            "UTF-8 without escapes",
            train.rename(columns=named),
            records(live.rename(columns=named)),
            csv(),
            dress=lambda r: json.dumps(r, ensure_ascii=False),
        ),
        Report(
            "NaN where there is nothing, as Python",
            train.assign(Cylinders=train["Cylinders"].where(np.arange(ROWS) % 10 > 0)),
            records(live.assign(Cylinders=live["Cylinders"].where(np.arange(ROWS) % 10 > 0))),
            parquet,
            dress=lambda r: json.dumps(
                {**r, "features": {k: float("nan") if v is None else v for k, v in r["features"].items()}}
            ),
        ),
        Report("all numbers as text", train, [{k: str(v) for k, v in row.items()} for row in now], csv()),
        Report(
            "all numbers as floats",
            train,
            [{k: float(v) if isinstance(v, int) else v for k, v in row.items()} for row in now],
            csv(),
        ),
        Report(
            "gaps as empty text",
            train.assign(Cylinders=train["Cylinders"].where(np.arange(ROWS) % 10 > 0)),
            [
                {k: "" if v is None else v for k, v in row.items()}
                for row in records(live.assign(Cylinders=live["Cylinders"].where(np.arange(ROWS) % 10 > 0)))
            ],
            csv(),
            blames="Cylinders",
        ),
        Report(
            'gaps as "NaN"',
            train.assign(Cylinders=train["Cylinders"].where(np.arange(ROWS) % 10 > 0)),
            [
                {k: "NaN" if v is None else v for k, v in row.items()}
                for row in records(live.assign(Cylinders=live["Cylinders"].where(np.arange(ROWS) % 10 > 0)))
            ],
            csv(),
        ),
        Report(
            'gaps as "nan" among categories, CSV of pandas',
            train.assign(Origin=train["Origin"].where(np.arange(ROWS) % 10 > 0)),
            [
                {k: "nan" if v is None else v for k, v in row.items()}
                for row in records(live.assign(Origin=live["Origin"].where(np.arange(ROWS) % 10 > 0)))
            ],
            csv(),
            blames="Origin",
        ),
        Report(
            'gaps as "None" in both',
            train.assign(Origin=train["Origin"].where(np.arange(ROWS) % 10 > 0, "None")),
            records(live.assign(Origin=live["Origin"].where(np.arange(ROWS) % 10 > 0, "None"))),
            csv(),
        ),
        Report(
            "infinite live, as JSON has none",
            train,
            [{**row, "Weight_in_lbs": 1e308 * 10 if n % 5 == 0 else row["Weight_in_lbs"]} for n, row in enumerate(now)],
            csv(),
            blames=None,
        ),
        Report(
            "huge whole numbers live",
            train,
            [{**row, "Weight_in_lbs": 10**30 if n % 5 == 0 else row["Weight_in_lbs"]} for n, row in enumerate(now)],
            csv(),
            blames="Weight_in_lbs",
        ),
        Report(
            "1e400 live",
            train,
            now,
            csv(),
            dress=tenth(lambda r: json.dumps(r).replace('"Weight_in_lbs": ', '"Weight_in_lbs": 1e400, "w": ')),
            blames=None,
            letters=ROWS // 10,
        ),
        Report(
            "a key twice, the last counts",
            train,
            now,
            csv(),
            dress=lambda r: json.dumps(r).replace('"features": {', '"features": {"Cylinders": 99, '),
        ),
        Report("version as a number, 2.0", train, now, csv(), dress=lambda r: {**r, "version": 2.0}),
        Report(
            "id as a number", train, now, csv(), dress=lambda r: {**r, "prediction_id": int(r["prediction_id"][1:])}
        ),
        Report(
            "model in other letters",
            train,
            now,
            csv(),
            dress=tenth(lambda r: {**r, "model": "M"}),
            blames=None,
            letters=ROWS // 10,
        ),
    ]
    return found
