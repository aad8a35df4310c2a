"""The small shop: two years of 300 predictions a day, from one Parquet file to a report, without Kafka.

    python load_tests/small_shop.py [--per-day N] [--days N] [--keep DIR]

The first half year is what `init` learns from; in the last quarter a numeric feature drifts by a standard deviation and
a category appears. Prints the time of each command, the size of the report, and what it says.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from machine import show

ROOT = Path(__file__).resolve().parent.parent
DAY = 86_400
START = 1_704_067_200
"""2024-01-01."""


def rows(per_day: int, days: int) -> pa.Table:
    """A regression model of prices, with timestamps."""
    rng = np.random.default_rng(7)
    n = per_day * days
    at = np.sort(rng.uniform(0, days * DAY, n))
    late = at > 0.75 * days * DAY
    area = rng.lognormal(4.3, 0.4, n)
    age = np.clip(rng.normal(30, 12, n) + np.where(late, 12, 0), 0, None)
    rooms = np.clip(rng.poisson(3, n), 1, 8)
    town = rng.choice(["north", "south", "east", "west"], n, p=[0.4, 0.3, 0.2, 0.1])
    town = np.where(late & (rng.random(n) < 0.15), "harbour", town)
    price = 2_000 * area - 900 * age + rng.normal(0, 9_000, n)
    return pa.table(
        {
            "timestamp": pa.array(np.rint((START + at) * 1e6).astype(np.int64)).cast(pa.timestamp("us", "UTC")),
            "area": area,
            "age": age,
            "rooms": rooms.astype(float),
            "town": town,
            "prediction": price,
            "latency_ms": rng.gamma(3, 8, n),
        }
    )


def timed(directory: Path, *arguments: str) -> float:
    """Run a command of ours; seconds."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "stream.cli.app", *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - began
    if done.returncode:
        sys.exit(f"driftgauge {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return took


def made(directory: Path, per_day: int, days: int) -> list[tuple[str, float]]:
    """Have the three commands run there; the seconds of each."""
    table = rows(per_day, days)
    split = len(table) // 4
    pq.write_table(table.slice(0, split), directory / "history.parquet")
    pq.write_table(table.slice(split), directory / "later.parquet")
    commands = (
        ("init", "--from", "history.parquet", "--model", "prices"),
        ("replay", "--config", "driftgauge.yaml", "--predictions", "later.parquet", "--out", "out"),
        ("report", "--config", "driftgauge.yaml", "--replay", "out", "-o", "report.html"),
    )
    return [(command[0], timed(directory, *command)) for command in commands]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-day", type=int, default=300)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--keep", type=Path, help="directory to leave the files in")
    given = parser.parse_args()
    show()
    with tempfile.TemporaryDirectory() as temporary:
        directory = given.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        took = made(directory, given.per_day, given.days)
        for name, seconds in took:
            print(f"driftgauge {name:8} {seconds:6.1f} s")
        report = (directory / "report.html").read_text()
        history = sum(path.stat().st_size for path in (directory / "out" / "history").iterdir())
        print(f"all three           {sum(seconds for _, seconds in took):6.1f} s")
        print(f"report {len(report) / 1e6:.2f} MB, history {history / 1e6:.2f} MB")
        lead = re.search(r'class="lead">(.*?)</p>', report, re.DOTALL)
        print(lead[1] if lead else "no summary")


if __name__ == "__main__":
    main()
